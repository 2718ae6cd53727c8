"""What a change takes away: in which respects a policy of the tenant would protect less than before.

Pure functions over the documents of policies as they are stored. What they find decides whether a person is asked
(see `editing`), so they err on the side of asking: conditions and patterns that differ count, whatever they mean.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.policies.rules import action_strength
from axonflow_hooks.agent.policies.static import overridden, strongest_of
from axonflow_hooks.agent.privacy import is_private_category
from axonflow_hooks.wire.words import ACTIONS_BY_STRENGTH, RISK_LEVELS_BY_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.policies.static import Override
    from axonflow_hooks.policy import Policy

    Document = Mapping[str, Any]

PROTECTING: Final = frozenset({"block", "require_approval", "redact"})
"""The actions that change what becomes of a call; `warn` and `log` only tell of it."""

MAX_SHOWN_CHARS: Final = 300

_STRENGTHS: Final[tuple[str, ...]] = tuple(ACTIONS_BY_STRENGTH)
_WEIGHTS: Final[tuple[str, ...]] = tuple(RISK_LEVELS_BY_WEIGHT)
_AFFECTING: Final = PROTECTING | {"route", "modify_risk"}


def static_losses(before: Document, after: Document | None) -> list[str]:
    """Give what a change of a pattern policy takes away, in words; `after` is None where it is deleted."""
    if not before["enabled"] or not (before["action"] in PROTECTING or is_private_category(before["category"])):
        return []
    gone = _gone(after)
    if after is None or gone:
        return gone
    losses = _weaker(_static_action(before), _static_action(after))
    losses += _less_severe(before["severity"], after["severity"])
    return losses + _differing(before, after, ("pattern", "category"))


def dynamic_losses(before: Document | None, after: Document | None) -> list[str]:
    """Give what a change of a dynamic policy takes away; `before` is None where it is new.

    A policy that lowers the risk score takes away from every policy that asks for it, so a new one can do so too.
    """
    was = 0.0 if before is None or not before["enabled"] else _adjustment(before)
    becomes = 0.0 if after is None or not after["enabled"] else _adjustment(after)
    losses = [f"lowers the risk score of calls by {was - becomes:g} more than before"] if becomes < was else []
    if before is None or not before["enabled"] or not _types(before) & _AFFECTING:
        return losses
    gone = _gone(after)
    if after is None or gone:
        return gone
    losses += _weaker(_dynamic_action(before), _dynamic_action(after))
    if _dynamic_action(after) == _dynamic_action(before):
        losses += _fewer_actions(before, after)
    losses += _less_severe(_severity(before), _severity(after))
    names = ("conditions", "priority") if _has_order(before) else ("conditions",)
    return losses + _differing(before, after, names)


def ending_loses(base: Policy, override: Override) -> bool:
    """Tell whether a policy without its override would protect less than with it."""
    shown = overridden(base, override)
    if not shown.enabled or strongest_of(shown) not in PROTECTING:
        return False
    if not base.enabled:
        return True
    if override.action is None:
        return False
    asked = (*(getattr(base, f"action_{phase}") for phase in base.phases), *base.action_by_kind.values())
    return any(_is_weaker(action, override.action) for action in asked)


def _gone(after: Document | None) -> list[str]:
    if after is None:
        return ["is deleted"]
    return [] if after["enabled"] else ["is switched off"]


def _is_weaker(action: str, than: str) -> bool:
    return _STRENGTHS.index(action) > _STRENGTHS.index(than)


def _weaker(before: str, after: str) -> list[str]:
    return [f"does {after} instead of {before}"] if _is_weaker(after, before) else []


def _less_severe(before: str, after: str) -> list[str]:
    lower = _WEIGHTS.index(after) > _WEIGHTS.index(before)
    return [f"counts as {after} instead of {before}"] if lower else []


def _differing(before: Document, after: Document, names: tuple[str, ...]) -> list[str]:
    return [
        f"has the {name} {_shown(after.get(name))} instead of {_shown(before.get(name))}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    left_out = len(text) - MAX_SHOWN_CHARS
    return text if left_out <= 0 else f"{text[:MAX_SHOWN_CHARS]} (… {left_out} more characters)"


def _static_action(document: Document) -> str:
    return "log" if document["action"] == "allow" else str(document["action"])


def _types(document: Document) -> set[str]:
    return {action["type"] for action in document["actions"]}


def _dynamic_action(document: Document) -> str:
    """Give the strongest action that a match takes whatever provider the call goes to."""
    return min((action_strength(kind) for kind in _types(document)), key=_STRENGTHS.index)


def _adjustment(document: Document) -> float:
    moves = (action["config"].get("adjustment", 0) for action in document["actions"] if action["type"] == "modify_risk")
    return float(sum(moves))


def _severity(document: Document) -> str:
    named = [action["config"]["severity"] for action in document["actions"] if "severity" in action["config"]]
    return min(named, key=_WEIGHTS.index) if named else _severity_of_action(document)


def _severity_of_action(document: Document) -> str:
    # What goes with an action (`Rule.severity`): a stronger action never counts as less severe.
    return {"block": "high", "require_approval": "high", "redact": "medium", "warn": "medium"}.get(
        _dynamic_action(document), "low"
    )


def _has_order(document: Document) -> bool:
    """Tell whether it matters for a policy, or for others, when it is evaluated."""
    return _adjustment(document) != 0 or any(condition["field"] == "risk_score" for condition in document["conditions"])


def _fewer_actions(before: Document, after: Document) -> list[str]:
    """Name the masks and routes that are not there any more, or not as they were."""
    kept = [_told(action) for action in after["actions"]]
    lost = [
        action
        for action in before["actions"]
        if action["type"] in {"redact", "route"} and _told(action) not in kept and _dynamic_action(after) != "block"
    ]
    return [f"has no more the action {_shown(_told(action))}" for action in lost]


def _told(action: Mapping[str, Any]) -> dict[str, Any]:
    config = {name: value for name, value in action["config"].items() if name in {"categories", "allowed_providers"}}
    return {"type": action["type"], **config}
