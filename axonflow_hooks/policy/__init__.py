"""The policy engine: policies as data, pure functions from a text to what the policies make of it.

    engine = load_engine()
    engine.evaluate("rm -rf /", phase="request", connector_type="claude_code.Bash").action   # "block"

No I/O but reading packs, no clock, no network.
"""

from __future__ import annotations

from axonflow_hooks.policy.engine import Engine, PiiAction, load_engine
from axonflow_hooks.policy.matching import HAVE_RE2
from axonflow_hooks.policy.model import Evaluation, Policy, PolicyMatch, PolicyPack, Span
from axonflow_hooks.policy.pack import builtin_packs, load_packs, parse_pack
from axonflow_hooks.policy.placeholders import Placeholders
from axonflow_hooks.policy.redaction import redact
from axonflow_hooks.policy.user_packs import PolicySource, pack_files

__all__ = [
    "HAVE_RE2",
    "Engine",
    "Evaluation",
    "PiiAction",
    "Placeholders",
    "Policy",
    "PolicyMatch",
    "PolicyPack",
    "PolicySource",
    "Span",
    "builtin_packs",
    "load_engine",
    "load_packs",
    "pack_files",
    "parse_pack",
    "redact",
]
