"""What may be stored: texts in which every secret and every piece of personal data is replaced by a placeholder.

Stricter than what a client gets back: whatever PII_ACTION lets pass, the audit trail does not keep.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.leaves import map_leaves
from axonflow_hooks.agent.scanning import examine, rank
from axonflow_hooks.policy.redaction import Masked, merge_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from axonflow_hooks.agent.leaves import Leaf
    from axonflow_hooks.agent.scanning import Hit
    from axonflow_hooks.agent.store.database import Database
    from axonflow_hooks.policy import Engine, Placeholders, Policy, Span
    from axonflow_hooks.policy.model import PolicyMatch
    from axonflow_hooks.wire.words import Phase

EXCERPT_CHARS: Final = 500
EXCERPT_LEAD_CHARS: Final = 100
"""How much of the text before a match an excerpt shows, where the text does not fit as a whole."""

QUOTE_CHARS: Final = 120
"""How much of what a policy matched is quoted in an explanation."""

MAX_STORED_LEAF_CHARS: Final = 8_000
"""A longer text of an audited input or output is stored up to here, with a note of how much was left out."""

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_OUTPUT_PHASES: Final[tuple[Phase, ...]] = ("response",)
_STATEMENT_PHASES: Final[tuple[Phase, ...]] = ("response", "request")
_PRIVATE_CATEGORIES: Final = frozenset({"sensitive-data", "code-secrets", "pii_detection"})


def is_private_category(category: str) -> bool:
    """Tell whether policies of a category find secrets or personal data, whatever their action."""
    return category in _PRIVATE_CATEGORIES or category.startswith("pii-")


def is_private(match: PolicyMatch) -> bool:
    """Tell whether what a policy found is a secret or personal data, and so must not be stored."""
    return is_private_category(match.category) or match.action == "redact"


@lru_cache(maxsize=16)
def _masking_ids(engine: Engine) -> frozenset[str]:
    """Give the policies that mask what is stored.

    What else a check has masked does not count: a dynamic policy, or a pattern that finds everything, is written with
    the credential alone, and would leave an audit trail of placeholders.
    """
    return frozenset(policy.id for policy in engine.policies if masks_storage(policy))


def masks_storage(policy: Policy) -> bool:
    """Tell whether what a policy finds is masked before it is stored, wherever it asks for what."""
    actions = {policy.action_request, policy.action_response, *policy.action_by_kind.values()}
    return is_private_category(policy.category) or "redact" in actions


def statement_hash(database: Database, value: Any) -> str:
    """Give the keyed hash under which a statement or output can be recognised, but not guessed."""
    digest = hmac.digest(database.hash_key, _CANONICAL.encode(value).encode("ascii"), "sha256").hex()
    return f"hmac-sha256:{database.hash_key_id}:{digest}"


@dataclass(frozen=True, slots=True)
class StorageRedactor:
    """Redacts what is about to be stored, with the placeholders of the caller's session.

    A text is looked at as an output; with `statements` also as the statement that it was.
    """

    engine: Engine
    connector_type: str
    placeholders: Placeholders
    statements: bool = False

    def text(self, text: str, label: str = "") -> str:
        """Give a text without secrets and personal data; `label` is the key it stands under."""
        return self._rebuild(text, self._regions(text, label, ()), 0, len(text))

    def tree(self, value: Any, path: str) -> Any:
        """Give a JSON value whose leaves (and keys) hold no secrets and no personal data, long ones cut."""
        known: dict[tuple[str, str], str] = {}

        def stored(leaf: Leaf) -> str | None:
            key = (leaf.text, leaf.label)
            if key not in known:
                known[key] = _shortened(self.text(*key))
            return None if known[key] == leaf.text else known[key]

        return map_leaves(value, path, stored)

    def excerpt(self, text: str, label: str, matched_at: int, hits: Sequence[Hit] = ()) -> tuple[str, int]:
        """Give at most EXCERPT_CHARS of `text` around the character `matched_at`, redacted, and where it starts.

        `hits` were found in the text already; those of policies that mask what is stored count.
        """
        start = 0 if len(text) <= EXCERPT_CHARS else max(0, matched_at - EXCERPT_LEAD_CHARS)
        regions = self._regions(text, label, hits)
        for region in regions:
            if region.start < start < region.end:
                start = region.start  # a secret is shown as a whole placeholder or not at all
        end = min(len(text), start + EXCERPT_CHARS)
        return self._rebuild(text, regions, start, end)[:EXCERPT_CHARS], start

    def quote(self, text: str, label: str, span: Span, hits: Sequence[Hit] = ()) -> str:
        """Give the part of `text` at a span, redacted and at most QUOTE_CHARS long; `hits` were found already."""
        regions = self._regions(text, label, hits)
        part = self._rebuild(text, regions, span.start, min(span.end, span.start + QUOTE_CHARS))
        return part if span.end - span.start <= QUOTE_CHARS else f"{part}…"

    def _regions(self, text: str, label: str, hits: Sequence[Hit]) -> Sequence[Masked]:
        if not text:
            return []
        masking = _masking_ids(self.engine) if hits else frozenset()
        found = [hit for hit in hits if hit.match.policy_id in masking]
        for phase in _STATEMENT_PHASES if self.statements else _OUTPUT_PHASES:
            found += examine(self.engine, label, text, phase, self.connector_type, self.placeholders)[0]
        return merge_spans((rank(hit.match), span) for hit in found if is_private(hit.match) for span in hit.spans)

    def _rebuild(self, text: str, regions: Iterable[Masked], start: int, end: int) -> str:
        pieces: list[str] = []
        done = start
        for region in regions:
            if region.end <= done or region.start >= end:
                continue
            pieces.append(text[done : region.start])
            pieces.append(self.placeholders.placeholder(region.kind, text[region.start : region.end]))
            done = region.end
        pieces.append(text[done:end])
        return "".join(pieces)


def _shortened(text: str) -> str:
    left_out = len(text) - MAX_STORED_LEAF_CHARS
    return text if left_out <= 0 else f"{text[:MAX_STORED_LEAF_CHARS]}…[{left_out} characters left out]"
