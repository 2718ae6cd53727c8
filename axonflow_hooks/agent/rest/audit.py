"""The audit trail over REST: search, one entry, a tenant's entries, and the report of a tool call (wire 1.9)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, Field

from axonflow_hooks.agent.audit_entries import entry_fields, record_tool_call
from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.idempotency import REPLAYED_HEADER, Reused
from axonflow_hooks.agent.moments import DAY_END, DAY_START, stored_moment
from axonflow_hooks.agent.rest.decisions import READ_SCOPE
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestReply
from axonflow_hooks.agent.store.reports import AuditQuery, find_entry, search_entries
from axonflow_hooks.wire.audit import AuditEntry, AuditPage, AuditSearchRequest, ToolCallReceipt, ToolCallRequest
from axonflow_hooks.wire.checks import Refusal

if TYPE_CHECKING:
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.tables.records import Caller

ENTRY_NOT_FOUND: Final = "Audit entry not found or past retention window"

_route: Final = partial(Endpoint, tag="Audit")
_VERDICTS: Final = {
    "allowed": "allowed", "allow": "allowed", "permit": "allowed",
    "blocked": "blocked", "block": "blocked", "deny": "blocked", "denied": "blocked",
    "redacted": "redacted", "redact": "redacted", "modified": "redacted",
    "needs_approval": "needs_approval", "require_approval": "needs_approval",
    "error": "error",
}  # fmt: skip


class Page(BaseModel):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=2**31)


async def search(agent: Agent, call: RestCall) -> RestReply:
    """Give entries, newest first, and how many there are in all."""
    given = call.read(AuditSearchRequest)
    wanted = audit_query(call.caller, given)
    rows, total = await agent.read(lambda connection: search_entries(connection, wanted, given.limit, given.offset))
    page = {"entries": _entries(rows), "total": total, "limit": given.limit, "offset": given.offset}
    return RestReply(page, headers=READ_SCOPE)


def audit_query(caller: Caller, given: AuditSearchRequest) -> AuditQuery:
    """Give the query that a search describes. Raises RestRefused 400 for times that are none."""
    verdict = _VERDICTS.get((given.action or "").lower())
    return AuditQuery(
        tenant_id=caller.tenant_id,
        start=_moment(given.start_time, "start_time", DAY_START),
        end=_moment(given.end_time, "end_time", DAY_END),
        request_type=given.request_type or (given.action if verdict is None else None),
        policy_decision=verdict,
        user_email=given.user_email,
        client_id=given.client_id,
        session_id=given.session_id,
        decision_id=given.decision_id,
        override_id=given.override_id,
        policy_name=given.policy_name,
    )


async def of_tenant(agent: Agent, call: RestCall) -> RestReply:
    """Give the newest entries of the caller's tenant, as an array."""
    if call.path["tenant"] not in {call.caller.tenant_id, call.caller.client_id}:
        raise RestRefused(403, "Tenant mismatch")
    page = call.read_query(Page)
    wanted = AuditQuery(tenant_id=call.caller.tenant_id)
    rows, _total = await agent.read(lambda connection: search_entries(connection, wanted, page.limit, page.offset))
    return RestReply(_entries(rows), headers=READ_SCOPE)


async def one(agent: Agent, call: RestCall) -> RestReply:
    """Give one entry."""
    audit_id, tenant_id = call.path["audit_id"], call.caller.tenant_id
    row = await agent.read(lambda connection: find_entry(connection, audit_id, tenant_id))
    if row is None:
        raise RestRefused(404, ENTRY_NOT_FOUND)
    return RestReply(entry_fields(row, whole_milliseconds=True), headers=READ_SCOPE)


async def report_tool_call(agent: Agent, call: RestCall) -> RestReply:
    """Append a tool call to the trail."""
    given = call.read(ToolCallRequest, missing={"tool_name": "tool_name is required"})
    if not given.tool_name.strip():
        raise RestRefused(400, "tool_name is required")
    session, key = call.caller.session_id, call.idempotency_key
    try:
        receipt, replayed = await record_tool_call(agent, call.caller, given, call.json, call.size, session, key)
    except Reused as error:
        raise RestRefused(422, str(error)) from None
    return RestReply(receipt, 201, {REPLAYED_HEADER: "true"} if replayed else {})


def _entries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry_fields(row, whole_milliseconds=True) for row in rows]


def _moment(text: str | None, name: str, time_of_day: str) -> str | None:
    return required_moment(text, name, time_of_day) if text else None


def required_moment(text: str, name: str, time_of_day: str) -> str:
    """Give a time of a request as the database has it. Raises RestRefused 400 for one that is none."""
    found = stored_moment(text, time_of_day)
    if found is None:
        raise RestRefused(400, f"Invalid {name}: must be RFC3339 format")
    return found


ENDPOINTS: Final = (
    _route(
        "POST",
        "/api/v1/audit/search",
        search,
        "Search the audit trail",
        body=AuditSearchRequest,
        answers={200: AuditPage},
        optional_body=True,
    ),
    _route(
        "POST",
        "/api/v1/audit/tool-call",
        report_tool_call,
        "Record a tool call; with an Idempotency-Key, once",
        body=ToolCallRequest,
        answers={201: ToolCallReceipt, 422: Refusal},
    ),
    _route(
        "GET",
        "/api/v1/audit/tenant/{tenant}",
        of_tenant,
        "List the entries of the caller's tenant, newest first",
        query=Page,
        answers={200: None, 400: Refusal, 403: Refusal},
    ),
    _route(
        "GET",
        "/api/v1/audit/{audit_id}",
        one,
        "Get one entry of the audit trail",
        answers={200: AuditEntry, 404: Refusal},
    ),
)
