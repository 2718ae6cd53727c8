"""From a check to its verdict: evaluate, decide, and make the decision a record that is durable before it is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from axonflow_hooks.agent.conclusion import BLOCKING, conclude
from axonflow_hooks.agent.excerpts import excerpt_of, unseen_chars
from axonflow_hooks.agent.grants.settlement import settle
from axonflow_hooks.agent.names import kept_name
from axonflow_hooks.agent.policies.applied import apply_dynamic
from axonflow_hooks.agent.privacy import StorageRedactor, statement_hash
from axonflow_hooks.agent.scanning import Scan, strongest
from axonflow_hooks.agent.tables.records import (
    AuditRecord,
    DecisionRecord,
    MatchRecord,
    SpanRecord,
    milliseconds,
    new_audit_id,
    new_decision_id,
    now,
)
from axonflow_hooks.wire.words import ACTIONS_BY_STRENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.check import Check
    from axonflow_hooks.agent.grants.approvals import PendingApproval
    from axonflow_hooks.agent.policies.applied import DynamicInfo
    from axonflow_hooks.agent.policies.compiling import PolicySet
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller
    from axonflow_hooks.policy import Placeholders, PolicyMatch

MAX_STORED_SPANS: Final = 50
"""Places kept of one policy in one decision."""

MAX_NAME_CHARS: Final = 200


class Verdict(NamedTuple):
    """What was decided, and the fields in which something was masked, masked.

    `override_existing_id` is a live override that had a part in it; `override_available` tells whether an override
    would turn a block into an allow. `reasons` are codes of a refused retry (wire 1.4: `approval_pending`, …).
    `dynamic` is what the dynamic policies found (wire 1.6).
    """

    record: DecisionRecord
    redacted: Mapping[str, Any]
    pending_approval: PendingApproval | None = None
    override_existing_id: str | None = None
    override_available: bool = False
    reasons: tuple[str, ...] = ()
    dynamic: DynamicInfo | None = None

    @property
    def allowed(self) -> bool:
        """Tell whether the statement may run, or the output may be shown (masked where there is `redacted`)."""
        return self.record.decision not in {"blocked", "needs_approval"}

    @property
    def blockers(self) -> tuple[MatchRecord, ...]:
        """The matches that made it a block, the strongest first."""
        return tuple(match for match in self.record.matches if match.action in BLOCKING and match.lifted_by is None)


class _Notes(NamedTuple):
    """What the audit entry says besides the decision: the fields in which something was masked, and the target."""

    masked_fields: tuple[str, ...]
    target: Mapping[str, str]


async def decide(agent: Agent, check: Check, caller: Caller, session_key: str | None) -> Verdict:
    """Give the verdict on a check once its decision and its audit entry are durable. Raises StoreUnavailable.

    `session_key` names the session within which the same value keeps the same placeholder.
    """
    started = time.perf_counter()
    placeholders = agent.placeholders.of(caller.client_id, session_key)
    policies = await agent.policies_of(caller.tenant_id)
    verdict, notes = await agent.compute(
        check.size, lambda: _judge(agent, policies, check, caller, placeholders, started)
    )

    def keep(transaction: Transaction) -> Verdict:
        kept = _settled(transaction, agent, check, verdict) if verdict.blockers else verdict
        transaction.add_decision(kept.record)
        transaction.append_audit(_audit_record(kept.record, check.request_type, notes))
        return kept

    return await agent.writer.submit(keep)


def _settled(transaction: Transaction, agent: Agent, check: Check, verdict: Verdict) -> Verdict:
    """Give the verdict as it stands with what people have granted; only what would stop a call comes here."""
    settled = settle(transaction, verdict.record, check.request_type, check.approval_id, agent.approval_ttl_s)
    return verdict._replace(
        record=settled.record,
        pending_approval=settled.pending_approval,
        override_existing_id=settled.override_existing_id,
        override_available=settled.override_available,
        reasons=settled.reasons,
    )


def _judge(
    agent: Agent, policies: PolicySet, check: Check, caller: Caller, placeholders: Placeholders, started: float
) -> tuple[Verdict, _Notes]:
    scan = Scan(policies.engine, check.phase, check.tool_signature, check.integrations, placeholders)
    scanned = {name: scan.redact(value, name, check.readings.get(name)) for name, value in check.fields.items()}
    masked, dynamic = apply_dynamic(policies.rules, scan, check, caller, scanned, policies.outcomes)
    redactor = StorageRedactor(policies.storage, check.tool_signature, placeholders, views=scan.views)
    matches = check.found
    if scan.findings:
        matches = _by_strength((*check.found, *_match_records(agent, scan, redactor)))
    conclusion = conclude(matches)
    kept = excerpt_of(scan, redactor, check, conclusion.action)
    record = DecisionRecord(
        decision_id=new_decision_id(),
        timestamp=now(),
        plane=check.phase,
        decision=conclusion.decision,
        action=conclusion.action,
        risk_level=conclusion.risk,
        reason=conclusion.reason,
        matches=matches,
        policies_evaluated=scan.policies_evaluated + dynamic.policies_evaluated,
        tool_signature=kept_name(agent, check.tool_signature, MAX_NAME_CHARS),
        statement_hash=statement_hash(agent.database, check.fields),
        excerpt=kept.text,
        excerpt_offset=kept.offset,
        caller=caller,
        duration_ms=milliseconds(time.perf_counter() - started),
        stage=check.stage,
        trace_id=check.trace_id,
        context=check.context,
        context_truncated=check.context_truncated,
        unseen_chars=unseen_chars(check, kept) if conclusion.action == "require_approval" else 0,
    )
    redacted = {name: value for name, value in masked.items() if scan.has_masked(name)} if scan.findings else {}
    return Verdict(record, redacted, dynamic=dynamic), _notes(check, scan, redactor)


def _notes(check: Check, scan: Scan, redactor: StorageRedactor) -> _Notes:
    fields = {redactor.text(finding.leaf.path) for finding in scan.findings if finding.masked is not None}
    target = {name: redactor.text(value)[:MAX_NAME_CHARS] for name, value in check.target.items()}
    return _Notes(tuple(sorted(fields)), target)


def _by_strength(matches: tuple[MatchRecord, ...]) -> tuple[MatchRecord, ...]:
    return tuple(sorted(matches, key=lambda match: ACTIONS_BY_STRENGTH.index(match.action)))


def _match_records(agent: Agent, scan: Scan, redactor: StorageRedactor) -> tuple[MatchRecord, ...]:
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
                SpanRecord(_stored_path(agent, redactor, path)[:MAX_NAME_CHARS], span.start, span.end)
                for path, span in places[:MAX_STORED_SPANS]
            ),
            quote=_quote(scan, redactor, match),
        )
        for match, places in strongest(scan.findings)
    )


def _stored_path(agent: Agent, redactor: StorageRedactor, path: str) -> str:
    """Give a path as it may be stored: it holds keys, and a key may be personal data."""
    if path.isidentifier() and redactor.engine is agent.engine and agent.names.is_plain(redactor.engine, path):
        return path  # the name of a field (`statement`, `message`): always the same few
    return redactor.text(path)


def _quote(scan: Scan, redactor: StorageRedactor, match: PolicyMatch) -> str | None:
    """Give the text at the first place at which a policy has stopped a call, as it may be stored."""
    if match.action not in BLOCKING:
        return None
    for finding in scan.findings:
        for hit in finding.hits:
            if hit.match.policy_id == match.policy_id and hit.spans:
                return redactor.quote(finding.leaf.text, finding.leaf.label, hit.spans[0], finding.hits)
    return None


def _audit_record(record: DecisionRecord, request_type: str, notes: _Notes) -> AuditRecord:
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
            "policy_matches": [_told(match) for match in record.matches],
            **({"approval_id": record.approval_id} if record.approval_id else {}),
            **({"target": notes.target} if notes.target else {}),
        },
        decision_id=record.decision_id,
        override_id=record.override_id,
        plane=record.plane,
        redacted_fields=notes.masked_fields,
        response_time_ms=record.duration_ms,
        caller=record.caller,
    )


def _told(match: MatchRecord) -> dict[str, str]:
    told = {
        "policy_id": match.policy_id,
        "category": match.category,
        "severity": match.risk_level,
        "action": match.action,
    }
    return {**told, "lifted_by": match.lifted_by} if match.lifted_by else told
