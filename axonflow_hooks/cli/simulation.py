"""What the policies in force would say of a text: judged here, with what the user's own agent says is in force.

Nothing is recorded: the agent is asked for its policies and for trials of its dynamic ones, and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from axonflow_hooks.cli.agent_routes import call_route, expect
from axonflow_hooks.cli.policy_engine import integrations_of, local_engine
from axonflow_hooks.cli.run_async import run_async
from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.policy import Engine
from axonflow_hooks.settings import load_settings
from axonflow_hooks.wire.words import strongest_action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.policy import Policy, PolicyMatch
    from axonflow_hooks.wire.words import Action, Phase

STOPPING: Final = frozenset({"block", "require_approval"})
_EFFECTIVE: Final = "/api/v1/static-policies/effective"
_UNCHANGED: Final = frozenset({None, "log", "none"})
_ALONE: Final = "judged by the built-in policies and your packs alone"


@dataclass(frozen=True, slots=True)
class Subject:
    """The text, and how it reaches the policies: `claude_code.Bash` on a request, say."""

    text: str
    connector: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class Match:
    """One policy that matched, the places as (start, end) in the text; a dynamic one has none."""

    policy_id: str
    category: str
    severity: str
    action: Action
    description: str
    allow_override: bool
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would happen. `source` says whose policies were asked, `redacted` is the masked text, None for none."""

    action: Action
    matches: tuple[Match, ...]
    policies_evaluated: int
    redacted: str | None
    source: str

    @property
    def stops(self) -> bool:
        """Whether the call would not run, or the output not be shown, without a person."""
        return self.action in STOPPING


@dataclass(frozen=True, slots=True)
class _InForce:
    engine: Engine
    dynamic: Sequence[Mapping[str, Any]]
    source: str


def simulate(subject: Subject, environ: Mapping[str, str], *, ask_agent: bool = True) -> Simulation:
    """Judge a text without recording anything. Raises SettingsError and PolicyPackError."""
    settings = load_settings(environ, resolve_paths(environ))
    local = local_engine(environ, pii_action=settings.pii_action)
    in_force = _of_agent(local, environ) if ask_agent else _InForce(local, (), f"{_ALONE[0].upper()}{_ALONE[1:]}.")
    found = in_force.engine.evaluate(
        subject.text,
        phase=subject.phase,
        connector_type=subject.connector,
        integrations=settings.integrations | integrations_of(subject.connector),
    )
    tried, untried = _trials(in_force.dynamic, subject, environ)
    matches = (*map(_match, found.matches), *tried)
    unheard = f" {untried} dynamic policies could not be tried." if untried else ""
    return Simulation(
        action=strongest_action([match.action for match in matches]),
        matches=matches,
        policies_evaluated=found.policies_evaluated + len(in_force.dynamic) - untried,
        redacted=found.redacted,
        source=in_force.source + unheard,
    )


def _match(match: PolicyMatch) -> Match:
    return Match(
        match.policy_id,
        match.category,
        match.severity,
        match.action,
        match.description,
        match.allow_override and match.severity != "critical",
        tuple((span.start, span.end) for span in match.spans),
    )


def _of_agent(local: Engine, environ: Mapping[str, str]) -> _InForce:
    """Give what is in force at the user's embedded agent; where there is none, the policies of this machine."""
    try:
        reply = run_async(call_route("GET", _EFFECTIVE, query={"include_disabled": "true"}, environ=environ))
    except AxonFlowError as error:
        return _InForce(local, (), f"No agent says what is in force ({error.message.rstrip('.')}): {_ALONE}.")
    static = [view for view in reply.body.get("static", ()) if isinstance(view, dict)]
    if reply.status != 200 or not any("origin" in view for view in static):
        return _InForce(local, (), f"The agent is no embedded one, or does not tell its policies: {_ALONE}.")
    views = {str(view.get("policy_id")): view for view in static}
    policies = [_as_in_force(policy, views.get(policy.id)) for policy in local.policies]
    own = [policy for view in static if view.get("origin") == "tenant" and (policy := _own(view)) is not None]
    dynamic = [view for view in reply.body.get("dynamic", ()) if isinstance(view, dict) and view.get("enabled") is True]
    return _InForce(Engine((*policies, *own)), dynamic, "Judged by what the agent says is in force.")


def _as_in_force(policy: Policy, view: Mapping[str, Any] | None) -> Policy:
    """Give a policy of this machine with the actions and the switch that it has at the agent."""
    if view is None:
        return policy
    told = {name: view.get(name) for name in ("action_request", "action_response")}
    changed = {
        name: action
        for name, action in told.items()
        if action != getattr(policy, name) and not {action, getattr(policy, name)} <= _UNCHANGED
    }
    if changed and view.get("has_override"):
        changed["action_by_kind"] = {}
    return replace(policy, enabled=view.get("enabled") is True, **{k: v for k, v in changed.items() if v is not None})


def _own(view: Mapping[str, Any]) -> Policy | None:
    from axonflow_hooks.agent.policies.static import StaticPolicy
    from axonflow_hooks.wire.policies import StaticPolicyCreate

    if "not_in_use" in view:
        return None
    given = {name: value for name, value in view.items() if name in StaticPolicyCreate.model_fields}
    says = StaticPolicyCreate.model_validate(given)
    return StaticPolicy(view["id"], view["policy_id"], says, "", 1, "", "").compiled()


def _trials(
    policies: Sequence[Mapping[str, Any]], subject: Subject, environ: Mapping[str, str]
) -> tuple[list[Match], int]:
    """Let the agent try its dynamic policies; give those that match, and how many could not be tried."""
    name = "query" if subject.phase == "request" else "response"
    trial = {name: subject.text, "phase": subject.phase, "connector": subject.connector}
    matches, untried = [], 0
    for policy in policies:
        path = f"/api/v1/policies/{quote(str(policy.get('id')), safe='')}/test"
        try:
            body = expect(run_async(call_route("POST", path, json=trial, environ=environ)), 200)
        except AxonFlowError:
            untried += 1
            continue
        if body.get("matched") is True:
            matches.append(_dynamic_match(policy, body))
    return matches, untried


def _dynamic_match(policy: Mapping[str, Any], trial: Mapping[str, Any]) -> Match:
    from axonflow_hooks.agent.policies.rules import action_strength

    asked: list[Action] = [action_strength(str(action.get("type"))) for action in trial.get("actions", ())]
    if trial.get("blocked") is True and not STOPPING & set(asked):
        asked.append("block")  # a route to a provider that is not allowed
    action = strongest_action(asked)
    severity = "high" if action in STOPPING else "medium" if action in {"redact", "warn"} else "low"
    described = str(policy.get("description") or policy.get("name"))
    return Match(str(policy["policy_id"]), str(policy["category"]), severity, action, described, allow_override=True)
