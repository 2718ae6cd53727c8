"""The tools `audit_tool_call` and `search_audit_events` (wire 1.3.1, 1.9)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel, Field

from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.mcp.calls import FilledText, ToolReply, read_arguments
from axonflow_hooks.agent.privacy import StorageRedactor, statement_hash
from axonflow_hooks.agent.store.queries import (
    AuditFilter,
    find_replay,
    forget_replies,
    remember_reply,
    search_audit,
)
from axonflow_hooks.agent.store.records import (
    AuditRecord,
    format_time,
    new_audit_id,
    now,
    parse_time,
    to_json,
)
from axonflow_hooks.agent.verdicts import tool_signature
from axonflow_hooks.wire.audit import (
    QUERY_CUT_MARK,
    QUERY_MAX_CHARS,
    SEARCH_DEFAULT_LIMIT,
    SEARCH_DEFAULT_MINUTES,
    SEARCH_MAX_LIMIT,
    TOOL_CALL_AUDIT,
    AuditEntry,
    AuditPage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction

REPLAY_DAYS: Final = 7
"""How long an Idempotency-Key is remembered: longer than the contract's day, so that a record which a laptop sent
just before a weekend is still recognised when it is sent again."""

MAX_QUERY_CHARS: Final = 2_000
"""How much of a tool's input stands in the entry's `query`; the whole is kept apart."""

_SCOPE: Final = "audit_tool_call"


class Receipt(NamedTuple):
    """What a recorded tool call is known by."""

    audit_id: str
    timestamp: str


class _ToolCallArguments(BaseModel):
    tool_name: FilledText
    input: dict[str, Any]
    caller_name: str | None = None
    tool_type: str | None = None
    output: dict[str, Any] | None = None
    success: bool | None = None
    error_message: str | None = None
    duration_ms: float | None = None


class _SearchArguments(BaseModel):
    start: str | None = Field(default=None, alias="from")
    end: str | None = Field(default=None, alias="to")
    request_type: str | None = None
    user_email: str | None = None
    limit: int = SEARCH_DEFAULT_LIMIT


async def audit_tool_call(agent: Agent, call: ToolCall) -> ToolReply:
    """Append a tool call to the audit trail; the same Idempotency-Key again gives the first answer again."""
    given = read_arguments(_ToolCallArguments, call.arguments, missing="tool_name and input are required")
    if not given.tool_name.strip():
        raise ToolFailure("tool_name and input are required")
    record = await agent.compute(call.size, lambda: _record(agent, call, given))
    fingerprint = statement_hash(agent.database, call.arguments) if call.idempotency_key else ""

    def keep(transaction: Transaction) -> Receipt | None:
        if call.idempotency_key:
            first = _first_receipt(transaction.connection, call, fingerprint, record)
            if first is not None:
                return first
        transaction.append_audit(record)
        return None

    first = await agent.writer.submit(keep)
    audit_id, timestamp = first or (record.id, record.timestamp)
    value = {
        "recorded": True,
        "tool_name": given.tool_name,
        "timestamp": timestamp,
        "details": {"audit_id": audit_id, "status": "recorded", "timestamp": timestamp},
    }
    return ToolReply(value, {"Idempotent-Replayed": "true"} if first else {})


async def search_audit_events(agent: Agent, call: ToolCall) -> ToolReply:
    """Give entries of the audit trail, newest first, without request and response bodies."""
    given = read_arguments(_SearchArguments, call.arguments, missing="")
    present = datetime.now(timezone.utc)
    wanted = AuditFilter(
        tenant_id=call.caller.tenant_id,
        start=_moment(given.start, "from", "T00:00:00Z") or format_time(_default_start(present)),
        end=_moment(given.end, "to", "T23:59:59.999999Z") or format_time(present),
        request_type=given.request_type,
        user_email=given.user_email,
        limit=min(max(given.limit, 1), SEARCH_MAX_LIMIT),
    )
    rows, total = await agent.read(lambda connection: search_audit(connection, wanted))
    found = {"entries": [_entry(row) for row in rows], "total": total, "limit": wanted.limit, "offset": wanted.offset}
    page = AuditPage.model_validate(found)
    return ToolReply(page.model_dump(exclude_none=True))


def _record(agent: Agent, call: ToolCall, given: _ToolCallArguments) -> AuditRecord:
    caller_name = given.caller_name or given.tool_type or "claude_code"
    placeholders = agent.placeholders.of(call.caller.client_id, call.session_key)
    signature = tool_signature(caller_name, given.tool_name)
    statements = StorageRedactor(agent.engine, signature, placeholders, statements=True)
    outputs = StorageRedactor(agent.engine, signature, placeholders)
    request_body = statements.tree(given.input, "input")
    tool_name = outputs.text(given.tool_name)
    return AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=TOOL_CALL_AUDIT,
        tool_name=tool_name,
        query=f"{tool_name} {json.dumps(request_body, ensure_ascii=False)}"[:MAX_QUERY_CHARS],
        policy_details={
            "tool_name": tool_name,
            "caller_name": outputs.text(caller_name),
            "status": {True: "success", False: "error", None: "unknown"}[given.success],
        },
        request_body=request_body,
        response_body=None if given.output is None else outputs.tree(given.output, "output"),
        error_message=outputs.text(given.error_message) if given.error_message else None,
        response_time_ms=given.duration_ms,
        caller=call.caller,
    )


def _first_receipt(connection: Connection, call: ToolCall, fingerprint: str, record: AuditRecord) -> Receipt | None:
    """Give the receipt that the call's key got before, or remember that of `record` and give None."""
    client_id, key = call.caller.client_id, call.idempotency_key or ""
    forget_replies(connection, format_time(datetime.now(timezone.utc) - timedelta(days=REPLAY_DAYS)))
    known = find_replay(connection, client_id, _SCOPE, key)
    if known is not None:
        if known.fingerprint != fingerprint:
            raise ToolFailure("The Idempotency-Key was used before, for another tool call")
        return Receipt(**known.response)
    row = {
        "client_id": client_id,
        "scope": _SCOPE,
        "key": key,
        "fingerprint": fingerprint,
        "timestamp": record.timestamp,
        "response": to_json({"audit_id": record.id, "timestamp": record.timestamp}),
    }
    remember_reply(connection, row)
    return None


def _default_start(present: datetime) -> datetime:
    return present - timedelta(minutes=SEARCH_DEFAULT_MINUTES)


def _moment(text: str | None, name: str, time_of_day: str) -> str | None:
    """Give an RFC 3339 time, or a date with the time of day it stands for, as the database has it."""
    if not text:
        return None
    moment = parse_time(text + time_of_day if len(text) == len("2026-01-31") else text)
    if moment is None:
        raise ToolFailure(f"Invalid {name}: must be RFC3339 format")
    return format_time(moment)


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    query: str = row["query"]
    return {
        **{name: row[name] for name in AuditEntry.model_fields if name in row},
        "query": query if len(query) <= QUERY_MAX_CHARS else query[:QUERY_MAX_CHARS] + QUERY_CUT_MARK,
        "policy_details": json.loads(row["policy_details"]),
        "redacted_fields": json.loads(row["redacted_fields"]) if row["redacted_fields"] else None,
    }
