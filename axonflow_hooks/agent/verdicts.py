"""From a check to its verdict: evaluate, decide, and make the decision a record that is durable before it is told."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.privacy import StorageRedactor, statement_hash
from axonflow_hooks.agent.scanning import Scan, first_place, strongest
from axonflow_hooks.agent.store.records import (
    AuditRecord,
    DecisionRecord,
    MatchRecord,
    SpanRecord,
    milliseconds,
    new_audit_id,
    now,
)
from axonflow_hooks.wire.words import highest_risk, strongest_action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.records import Caller
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.policy import Placeholders
    from axonflow_hooks.wire.audit import Decision
    from axonflow_hooks.wire.words import Action, Phase, RiskLevel

MAX_STORED_SPANS: Final = 50
"""Places kept of one policy in one decision."""

MAX_NAME_CHARS: Final = 200

# Approvals need a human and a queue, which this agent does not have yet: what asks for one is blocked.
_BLOCKING: Final = frozenset({"block", "require_approval"})


@dataclass(frozen=True, slots=True)
class Check:
    """A statement before its execution (`request`) or an output after it (`response`).

    `fields` are the JSON values to look at, by the name under which spans are reported. `tool_signature` is the
    connector, and the tool where it is told apart from its server (wire 1.3.1).
    """

    phase: Phase
    request_type: str
    tool_signature: str
    fields: Mapping[str, Any]
    size: int
    integrations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, and the fields in which something was masked, masked."""

    record: DecisionRecord
    redacted: Mapping[str, Any]

    @property
    def allowed(self) -> bool:
        """Tell whether the statement may run, or the output may be shown (masked where there is `redacted`)."""
        return self.record.decision != "blocked"

    @property
    def blockers(self) -> tuple[MatchRecord, ...]:
        """The matches that made it a block, the strongest first."""
        return tuple(match for match in self.record.matches if match.action in _BLOCKING)


def tool_signature(connector_type: str, tool: str | None) -> str:
    """Give the connector as policies and records name it: `claude_code.Bash`, `postgres.query` (wire 1.3.1)."""
    return (f"{connector_type}.{tool}" if tool else connector_type)[:MAX_NAME_CHARS]


async def decide(agent: Agent, check: Check, caller: Caller, session_key: str | None) -> Verdict:
    """Give the verdict on a check once its decision and its audit entry are durable. Raises StoreUnavailable.

    `session_key` names the session within which the same value keeps the same placeholder.
    """
    started = time.perf_counter()
    placeholders = agent.placeholders.of(caller.client_id, session_key)
    verdict, entry = await agent.compute(check.size, lambda: _judge(agent, check, caller, placeholders, started))

    def keep(transaction: Transaction) -> None:
        transaction.add_decision(verdict.record)
        transaction.append_audit(entry)

    await agent.writer.submit(keep)
    return verdict


def _judge(
    agent: Agent, check: Check, caller: Caller, placeholders: Placeholders, started: float
) -> tuple[Verdict, AuditRecord]:
    scan = Scan(agent.engine, check.phase, check.tool_signature, check.integrations, placeholders)
    masked = {name: scan.redact(value, name) for name, value in check.fields.items()}
    redactor = StorageRedactor(agent.engine, check.tool_signature, placeholders)
    matches = _match_records(scan, redactor)
    action = strongest_action([match.action for match in matches])
    excerpt, offset = _excerpt(scan, redactor, check, action)
    decision = _decision(action)
    record = DecisionRecord(
        decision_id=str(uuid.uuid4()),
        timestamp=now(),
        plane=check.phase,
        decision=decision,
        action=action,
        risk_level=_risk(matches, action),
        reason=_reason(matches, decision),
        matches=matches,
        policies_evaluated=scan.policies_evaluated,
        tool_signature=check.tool_signature,
        statement_hash=statement_hash(agent.database, check.fields),
        excerpt=excerpt,
        excerpt_offset=offset,
        caller=caller,
        duration_ms=milliseconds(time.perf_counter() - started),
    )
    redacted = {name: value for name, value in masked.items() if scan.has_masked(name)}
    fields = {redactor.text(finding.leaf.path) for finding in scan.findings if finding.masked is not None}
    return Verdict(record, redacted), _audit_record(record, check.request_type, tuple(sorted(fields)))


def _match_records(scan: Scan, redactor: StorageRedactor) -> tuple[MatchRecord, ...]:
    return tuple(
        MatchRecord(
            policy_id=match.policy_id,
            policy_name=match.policy_name,
            category=match.category,
            action=match.action,
            risk_level=match.severity,
            allow_override=match.allow_override,
            policy_description=match.description,
            spans=tuple(
                # A path holds keys, and a key may be personal data.
                SpanRecord(redactor.text(path)[:MAX_NAME_CHARS], span.start, span.end)
                for path, span in places[:MAX_STORED_SPANS]
            ),
        )
        for match, places in strongest(scan.findings)
    )


def _decision(action: Action) -> Decision:
    if action in _BLOCKING:
        return "blocked"
    return "redacted" if action == "redact" else "allowed"


def _risk(matches: Sequence[MatchRecord], action: Action) -> RiskLevel | None:
    """Give the risk of what decided: of a block the risk of its blockers, not of what was found besides."""
    return highest_risk([match.risk_level for match in matches if match.action == action])


def _reason(matches: Sequence[MatchRecord], decision: Decision) -> str:
    if not matches:
        return "No policy matched."
    first = matches[0]
    if decision == "blocked":
        if first.action == "require_approval":
            return f"{first.policy_description} It needs a human's approval, which this agent cannot ask for."
        return first.policy_description
    names = ", ".join(match.policy_name for match in matches if match.action == first.action)
    if decision == "redacted":
        return f"Masked: {names}."
    return f"Allowed and noted: {names}."


def _excerpt(scan: Scan, redactor: StorageRedactor, check: Check, action: Action) -> tuple[str | None, int | None]:
    found = first_place(scan.findings, action)
    if found is not None:
        finding, start = found
        return redactor.excerpt(finding.leaf.text, finding.leaf.label, start, finding.hits)
    # An output in which nothing was found is nobody's business; a statement is what was asked for.
    statement = check.fields.get("statement") if check.phase == "request" else None
    return redactor.excerpt(statement, "", 0) if isinstance(statement, str) else (None, None)


def _audit_record(record: DecisionRecord, request_type: str, fields: tuple[str, ...]) -> AuditRecord:
    return AuditRecord(
        id=new_audit_id(),
        timestamp=record.timestamp,
        request_type=request_type,
        tool_name=record.tool_signature,
        query=record.excerpt or "",
        query_hash=record.statement_hash,
        policy_decision=record.decision,
        policy_details={
            "action": record.action,
            "risk_level": record.risk_level,
            "reason": record.reason,
            "policies_evaluated": record.policies_evaluated,
            "policy_matches": [
                {
                    "policy_id": match.policy_id,
                    "category": match.category,
                    "severity": match.risk_level,
                    "action": match.action,
                }
                for match in record.matches
            ],
        },
        decision_id=record.decision_id,
        plane=record.plane,
        redacted_fields=fields,
        response_time_ms=record.duration_ms,
        caller=record.caller,
    )
