"""Entries of the audit trail: the record that a reported tool call becomes, and what callers see of stored ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.check import tool_signature
from axonflow_hooks.agent.idempotency import claim, once
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.tables.records import AuditRecord, new_audit_id, now
from axonflow_hooks.wire.audit import TOOL_CALL_AUDIT, AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller
    from axonflow_hooks.policy import Engine, Placeholders
    from axonflow_hooks.wire.audit import ToolCallRequest

MAX_QUERY_CHARS: Final = 2_000
"""How much of a tool's input stands in the entry's `query`; the whole is kept apart."""

REPLAY_HOURS: Final = 7 * 24
"""How long the key of a tool call is remembered: longer than the contract's day, so that a record which a laptop sent
just before a weekend is still recognised when it is sent again."""

_SCOPE: Final = "audit_tool_call"
_STATUS: Final = {True: "success", False: "error", None: "unknown"}


async def record_tool_call(
    agent: Agent, caller: Caller, given: ToolCallRequest, request: Any, size: int, session: str | None, key: str | None
) -> tuple[dict[str, Any], bool]:
    """Append a tool call to the trail and give its receipt (wire 1.9), and whether it is a replay.

    `request` is what the key stands for, `size` the number of its bytes, `session` the one whose placeholders are used.
    Raises Reused when the key came with another request, StoreUnavailable.
    """
    storage = (await agent.policies_of(caller.tenant_id)).storage
    placeholders = agent.placeholders.of(caller.client_id, session)
    record = await agent.compute(size, lambda: _record(storage, caller, given, placeholders))
    claimed = claim(agent, caller, _SCOPE, key, request, hours=REPLAY_HOURS)
    receipt = {"audit_id": record.id, "status": "recorded", "timestamp": record.timestamp}

    def keep(transaction: Transaction) -> tuple[dict[str, Any], bool]:
        def append() -> dict[str, Any]:
            transaction.append_audit(record)
            return receipt

        return once(transaction.connection, claimed, append)

    return await agent.writer.submit(keep)


def entry_fields(row: Mapping[str, Any], *, whole_milliseconds: bool = False) -> dict[str, Any]:
    """Give the fields of `AuditEntry` that a stored row has; request and response bodies stay where they are.

    The REST routes give times in whole milliseconds, which is what the SDK's model of an entry admits.
    """
    details = json.loads(row["policy_details"])
    entry = {name: row[name] for name in AuditEntry.model_fields if row.get(name) is not None}
    entry["policy_details"] = details
    if row["redacted_fields"]:
        entry["redacted_fields"] = json.loads(row["redacted_fields"])
    if whole_milliseconds and "response_time_ms" in entry:
        entry["response_time_ms"] = max(0, round(entry["response_time_ms"]))
    for name in ("provider", "model", "tokens_used"):
        if isinstance(details, dict) and details.get(name) is not None:
            entry[name] = details[name]
    return entry


def _record(storage: Engine, caller: Caller, given: ToolCallRequest, placeholders: Placeholders) -> AuditRecord:
    caller_name = given.caller_name or given.tool_type or "claude_code"
    signature = tool_signature(caller_name, given.tool_name)
    statements = StorageRedactor(storage, signature, placeholders, statements=True)
    outputs = StorageRedactor(storage, signature, placeholders)
    request_body = statements.tree(given.input or {}, "input")
    tool_name = outputs.text(given.tool_name)
    details: dict[str, Any] = {
        "tool_name": tool_name,
        "caller_name": outputs.text(caller_name),
        "status": _STATUS[given.success],
    }
    for name in ("workflow_id", "step_id", "user_id"):
        value: str | None = getattr(given, name)
        if value:
            details[name] = outputs.text(value)
    if given.policies_applied:
        details["policies_applied"] = [outputs.text(name) for name in given.policies_applied]
    return AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=TOOL_CALL_AUDIT,
        tool_name=tool_name,
        query=f"{tool_name} {json.dumps(request_body, ensure_ascii=False)}"[:MAX_QUERY_CHARS],
        policy_details=details,
        request_body=request_body,
        response_body=None if given.output is None else outputs.tree(given.output, "output"),
        error_message=outputs.text(given.error_message) if given.error_message else None,
        response_time_ms=given.duration_ms,
        caller=caller,
    )
