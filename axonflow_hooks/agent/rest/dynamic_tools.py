"""Trials, versions, import and export of dynamic policies: /api/v1/policies (wire 1.12)."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ValidationError

from axonflow_hooks.agent.errors import PolicyRefused, RestRefused
from axonflow_hooks.agent.policies.catalogue import catalogue_of
from axonflow_hooks.agent.policies.editing import change_of, creation
from axonflow_hooks.agent.policies.evaluation import condition_results, evaluate_rule
from axonflow_hooks.agent.policies.facts import facts_of_trial
from axonflow_hooks.agent.policies.risk import shifted
from axonflow_hooks.agent.policies.rules import Fault, checked, rule_of, to_document
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.agent.rest.policy_calls import edit, redacted, told, versions_of
from axonflow_hooks.agent.rest.policy_texts import refuse_private
from axonflow_hooks.agent.store.policies import tenant_rows
from axonflow_hooks.agent.tables.records import format_time
from axonflow_hooks.wire.dynamic_policies import (
    ConditionResult,
    DynamicPolicyCreate,
    DynamicTest,
    DynamicTestResult,
    PolicyExport,
    PolicyImport,
    PolicyImportResult,
)
from axonflow_hooks.wire.policies import PolicyVersions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from axonflow_hooks.agent.policies.editing import Planned
    from axonflow_hooks.agent.policies.evaluation import DynamicHit
    from axonflow_hooks.agent.policies.facts import Facts
    from axonflow_hooks.agent.policies.rules import DynamicPolicy
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.tables.records import Caller
    from axonflow_hooks.wire.dynamic_policies import OverwriteMode

ModelT = TypeVar("ModelT", bound=BaseModel)

_BLOCKS: Final = frozenset({"block", "require_approval"})
_MAX_FAULTS: Final = 20


def read_coded(call: RestCall, model: type[ModelT]) -> ModelT:
    """Give the body as `model`. Raises RestRefused 400 with every fault in `details` (wire 1.2)."""
    if not isinstance(call.json, dict):
        raise RestRefused(400, "Invalid request body", code="INVALID_JSON")
    given = {key: value for key, value in call.json.items() if value is not None}
    try:
        return model.model_validate(given, strict=True)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
    raise _invalid([Fault(_path(fault["loc"]), fault["msg"]) for fault in found])


def without_faults(says: DynamicPolicyCreate) -> DynamicPolicyCreate:
    """Give a policy with its operators normalised. Raises RestRefused 400 with what makes no sense in it."""
    normal, faults = checked(says)
    if faults:
        raise _invalid(faults)
    return normal


def _invalid(faults: Sequence[Fault]) -> RestRefused:
    details = [{"field": fault.field, "message": fault.message} for fault in faults[:_MAX_FAULTS]]
    message = f"Validation failed: {details[0]['field']}: {details[0]['message']}"
    body = {"code": "VALIDATION_ERROR", "message": message, "details": details}
    return RestRefused(400, message, code="VALIDATION_ERROR", extra={"error": body})


def _path(loc: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc[:4]).lstrip(".")


async def _test(agent: Agent, call: RestCall) -> RestReply:
    trial = read_coded(call, DynamicTest)
    policy = (await catalogue_of(agent, call.caller.tenant_id)).dynamic_policy(call.path["policy_id"])
    if policy is None:
        raise RestRefused(404, "Policy not found")
    facts = facts_of_trial(trial, call.caller.tenant_id)
    return told(await agent.compute(call.size, lambda: tried(policy, facts, trial.risk_score or 0.0)))


def tried(policy: DynamicPolicy, facts: Facts, risk_score: float) -> DynamicTestResult:
    """Give what a policy, switched on or not, would do: what a verdict on the same facts does."""
    rule = rule_of(policy)
    hit = evaluate_rule(rule, facts, risk_score)
    asked = condition_results(rule, facts, risk_score)
    results = [ConditionResult(field=field, operator=operator, matched=held) for field, operator, held in asked]
    return DynamicTestResult(
        matched=hit is not None,
        blocked=hit is not None and hit.action in _BLOCKS,
        actions=policy.says.actions if hit is not None else [],
        conditions=results,
        risk_score=shifted(risk_score, rule.adjustment) if hit is not None else risk_score,
        explanation=_explanation(policy, hit, results),
    )


def _explanation(policy: DynamicPolicy, hit: DynamicHit | None, results: Sequence[ConditionResult]) -> str:
    off = "" if policy.enabled else " The policy is switched off: it is not evaluated."
    if hit is not None:
        return f"Every condition holds: {hit.action}.{off}"
    failed = ", ".join(f"{result.field} {result.operator}" for result in results if not result.matched)
    return f"What does not hold: {failed}.{off}"


async def _versions(agent: Agent, call: RestCall) -> RestReply:
    key = call.path["policy_id"]
    known = await catalogue_of(agent, call.caller.tenant_id)
    dynamic, static = known.dynamic_policy(key), known.static_view(key)
    found = dynamic.id if dynamic is not None else static.id if static is not None else None
    return await versions_of(agent, call, found or key, known=found is not None)


async def _export(agent: Agent, call: RestCall) -> RestReply:
    known = await catalogue_of(agent, call.caller.tenant_id)
    policies = [policy.says for policy in known.dynamic if policy.tier == "tenant"]
    moment = format_time(datetime.now(timezone.utc))
    return told(PolicyExport(policies=policies, exported_at=moment, tenant_id=call.caller.tenant_id))


async def _import(agent: Agent, call: RestCall) -> RestReply:
    given = read_coded(call, PolicyImport)
    await refuse_private(agent, call, given)
    normal = [_importable(number, says) for number, says in enumerate(given.policies)]
    wanted = [(says, await redacted(agent, call, says.name)) for says in normal]
    counts: Counter[str] = Counter()
    mode = given.overwrite_mode
    await edit(agent, call, lambda connection: taken_over(connection, call.caller, wanted, mode, counts))
    return told(PolicyImportResult(**counts, errors=[]))


def _importable(number: int, says: DynamicPolicyCreate) -> DynamicPolicyCreate:
    normal, faults = checked(says)
    if says.tier != "tenant":
        faults.append(Fault("tier", "must be tenant"))
    if faults:
        raise _invalid([Fault(f"policies[{number}].{fault.field}", fault.message) for fault in faults])
    return normal


def taken_over(
    connection: Connection,
    caller: Caller,
    wanted: Sequence[tuple[DynamicPolicyCreate, str]],
    mode: OverwriteMode,
    counts: Counter[str],
) -> list[Planned]:
    """Plan to take policies over, and count in `counts` what becomes of them.

    Raises PolicyRefused 409 for names that are there already.
    """
    counts.clear()  # a job may run twice
    counts.update(dict.fromkeys(("created", "updated", "skipped"), 0))
    rows = tenant_rows(connection, caller.tenant_id).policies
    known = {json.loads(row["document"])["name"]: row for row in rows if row["kind"] == "dynamic"}
    planned: dict[str, Planned] = {}  # by name: of several with one name the last one counts
    for says, told_name in wanted:
        document = to_document(says)
        if says.name not in known and says.name not in planned:
            planned[says.name] = creation("dynamic", told_name, document)
            counts["created"] += 1
        elif mode == "overwrite":
            row = known.get(says.name)
            planned[says.name] = creation("dynamic", told_name, document) if row is None else change_of(row, document)
            counts["updated"] += 1
        elif mode == "skip":
            counts["skipped"] += 1
        else:
            raise PolicyRefused(409, f"There is a policy of this name already: {told_name}")
    return list(planned.values())


_route: Final = partial(Endpoint, tag="dynamic policies", envelope="coded")
_ALL: Final = "/api/v1/policies"

ENDPOINTS: Final = (
    _route(
        "POST",
        f"{_ALL}/{{policy_id}}/test",
        _test,
        "Try a dynamic policy on facts: what a verdict on them would make of it",
        body=DynamicTest,
        answers={200: DynamicTestResult, 404: None},
    ),
    _route(
        "GET",
        f"{_ALL}/{{policy_id}}/versions",
        _versions,
        "The changes of a policy, the newest first",
        answers={200: PolicyVersions, 404: None},
    ),
    _route(
        "POST",
        f"{_ALL}/import",
        _import,
        "Take over dynamic policies, all or none; where a passphrase is set, weakening one needs a person",
        body=PolicyImport,
        answers={200: PolicyImportResult, 409: None, 410: None, 429: None},
    ),
    _route("GET", f"{_ALL}/export", _export, "The tenant's own dynamic policies", answers={200: PolicyExport}),
)
