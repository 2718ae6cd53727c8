"""What dynamic conditions may ask about (wire 1.12): the fields, and where their values come from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.policies.patterns import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.agent.check import Check
    from axonflow_hooks.agent.policies.operators import Fact
    from axonflow_hooks.agent.tables.records import Caller
    from axonflow_hooks.wire.dynamic_policies import DynamicTest, Scalar
    from axonflow_hooks.wire.words import Phase

FIELDS: Final = (
    "query", "response", "user.email", "user.role", "user.department", "user.region", "user.tenant_id", "risk_score",
    "request_type", "connector", "cost_estimate", "client.id", "client.name", "phase", "provider",
)  # fmt: skip
"""And `context.<key>`: what came as context with the request."""

TEXT_FIELDS: Final[Mapping[str, Phase]] = {"query": "request", "response": "response"}
"""The fields that are the text itself, and the plane on which there is such a text."""

ALWAYS_THERE: Final = frozenset({*TEXT_FIELDS, "risk_score", "phase"})
"""The fields that are not among the values."""

_FROM_CONTEXT: Final = {
    "user_role": "user.role",
    "user_department": "user.department",
    "user_region": "user.region",
    "cost_estimate": "cost_estimate",
}
_CONTEXT: Final = re.compile(r"context\.[A-Za-z0-9_.-]{1,64}", re.ASCII)


def is_field(name: str) -> bool:
    """Tell whether a condition may name this field."""
    return name in FIELDS or _CONTEXT.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one check: the texts of its plane, and single values by field."""

    phase: Phase
    texts: Sequence[Text] = ()
    values: Mapping[str, Scalar] = field(default_factory=dict)

    def of(self, name: str, risk_score: float) -> Sequence[Fact]:
        """Give the values of a field: none where it has none, several where it is the text."""
        if name == "risk_score":
            return (risk_score,)
        if name == "phase":
            return (self.phase,)
        if name in TEXT_FIELDS:
            return self.texts
        value = self.values.get(name)
        return () if value is None else (value,)


def facts_of_check(check: Check, caller: Caller, texts: Sequence[str]) -> Facts:
    """Give the facts of a check of a verdict; `texts` are its leaves."""
    context = check.context
    values: dict[str, Scalar] = {
        "user.tenant_id": caller.tenant_id,
        "request_type": check.request_type,
        "connector": check.tool_signature,
        "client.id": caller.client_id,
    }
    if caller.user_email is not None:
        values["user.email"] = caller.user_email
    if caller.client_software is not None:
        values["client.name"] = caller.client_software
    provider = check.target.get("provider")
    if provider is not None:
        values["provider"] = provider
    for key, value in context.items():
        values[f"context.{key}"] = value
        if key in _FROM_CONTEXT:
            values[_FROM_CONTEXT[key]] = value
    return Facts(check.phase, tuple(map(Text, texts)), values)


def facts_of_trial(trial: DynamicTest, tenant_id: str) -> Facts:
    """Give the facts of a trial (POST /api/v1/policies/{id}/test)."""
    phase = trial.phase or ("response" if trial.query is None and trial.response is not None else "request")
    text = trial.query if phase == "request" else trial.response
    known: dict[str, Scalar | None] = {
        "user.email": trial.user.email,
        "user.role": trial.user.role,
        "user.department": trial.user.department,
        "user.region": trial.user.region,
        "user.tenant_id": tenant_id,
        "request_type": trial.request_type,
        "connector": trial.connector,
        "cost_estimate": trial.cost_estimate,
        "client.id": trial.client_id,
        "client.name": trial.client_name,
        "provider": trial.provider,
    }
    known.update({f"context.{key}": value for key, value in trial.context.items()})
    return Facts(phase, () if text is None else (Text(text),), _there(known))


def _there(known: Mapping[str, Scalar | None]) -> dict[str, Scalar]:
    return {name: value for name, value in known.items() if value is not None}
