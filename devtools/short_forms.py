"""Writes the short forms of the built-in patterns, so that no start of the engine has to find them again.

python -m devtools.short_forms
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy import builtin_packs
from axonflow_hooks.policy.groups import cut_of, surroundings
from axonflow_hooks.policy.prefilter import FORMS_FILE, TOKENS, short_form
from devtools.live import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final[Path] = ROOT / "axonflow_hooks" / "policy" / FORMS_FILE


def short_forms() -> dict[str, dict[str, str]]:
    """Give the short form of every built-in pattern, by the name of the cut."""
    forms: dict[str, dict[str, str]] = {}
    for policy in (policy for pack in builtin_packs() for policy in pack.policies):
        for matcher in policy.matchers:
            wanted = ((matcher.pattern, cut_of(policy.group)), (surroundings(matcher), TOKENS))
            for pattern, cut in wanted if matcher.pattern is not None else ():
                if pattern:
                    forms.setdefault(cut.name, {})[pattern] = short_form(pattern, cut)
    return {name: dict(sorted(known.items())) for name, known in sorted(forms.items())}


if __name__ == "__main__":
    FILE.write_text(json.dumps(short_forms(), indent=0, ensure_ascii=True) + "\n", encoding="utf-8")
