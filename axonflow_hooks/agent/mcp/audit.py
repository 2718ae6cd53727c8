"""The tools `audit_tool_call` and `search_audit_events` (wire 1.3.1, 1.9)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from axonflow_hooks.agent.audit_entries import entry_fields, record_tool_call
from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.idempotency import REPLAYED_HEADER, Reused
from axonflow_hooks.agent.mcp.calls import FilledText, ToolReply, read_arguments
from axonflow_hooks.agent.moments import DAY_END, DAY_START, stored_moment
from axonflow_hooks.agent.store.reports import AuditQuery, search_entries
from axonflow_hooks.agent.tables.records import format_time
from axonflow_hooks.wire.audit import (
    QUERY_CUT_MARK,
    QUERY_MAX_CHARS,
    SEARCH_DEFAULT_LIMIT,
    SEARCH_DEFAULT_MINUTES,
    SEARCH_MAX_LIMIT,
    ToolCallRequest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent


class _ToolCallArguments(BaseModel):
    tool_name: FilledText
    input: dict[str, Any]
    caller_name: str | None = None
    tool_type: str | None = None
    output: dict[str, Any] | None = None
    success: bool | None = None
    error_message: str | None = None
    duration_ms: float | None = Field(default=None, ge=0, le=1e12)


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
    request = ToolCallRequest.model_construct(**given.model_dump())
    try:
        receipt, replayed = await record_tool_call(
            agent, call.caller, request, call.arguments, call.size, call.session_key, call.idempotency_key
        )
    except Reused as error:
        raise ToolFailure(str(error)) from None
    value = {
        "recorded": True,
        "tool_name": given.tool_name,
        "timestamp": receipt["timestamp"],
        "details": receipt,
    }
    return ToolReply(value, {REPLAYED_HEADER: "true"} if replayed else {})


async def search_audit_events(agent: Agent, call: ToolCall) -> ToolReply:
    """Give entries of the audit trail, newest first, without request and response bodies."""
    given = read_arguments(_SearchArguments, call.arguments, missing="")
    present = datetime.now(timezone.utc)
    limit = min(max(given.limit, 1), SEARCH_MAX_LIMIT)
    wanted = AuditQuery(
        tenant_id=call.caller.tenant_id,
        start=moment(given.start, "from", DAY_START) or format_time(_default_start(present)),
        end=moment(given.end, "to", DAY_END) or format_time(present),
        request_type=given.request_type,
        user_email=given.user_email,
    )
    rows, total = await agent.read(lambda connection: search_entries(connection, wanted, limit, 0))
    return ToolReply({"entries": [_entry(row) for row in rows], "total": total, "limit": limit, "offset": 0})


def moment(text: str | None, name: str, time_of_day: str) -> str | None:
    """Give the time that an argument names, None where it names none. Raises ToolFailure for one that is no time."""
    if not text:
        return None
    found = stored_moment(text, time_of_day)
    if found is None:
        raise ToolFailure(f"Invalid {name}: must be RFC3339 format")
    return found


def _default_start(present: datetime) -> datetime:
    return present - timedelta(minutes=SEARCH_DEFAULT_MINUTES)


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    entry = entry_fields(row)
    query: str = row["query"]
    if len(query) > QUERY_MAX_CHARS:
        entry["query"] = query[:QUERY_MAX_CHARS] + QUERY_CUT_MARK
    return entry
