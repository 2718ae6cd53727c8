"""The audit trail in numbers, and as a file (wire 1.9)."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from starlette.responses import StreamingResponse

from axonflow_hooks.agent.audit_entries import entry_fields
from axonflow_hooks.agent.audit_trail.csv_cells import csv_cell
from axonflow_hooks.agent.moments import DAY_END, DAY_START
from axonflow_hooks.agent.rest.audit import audit_query, required_moment
from axonflow_hooks.agent.rest.decisions import READ_SCOPE
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestReply
from axonflow_hooks.agent.store.reports import count_entries, entries_before
from axonflow_hooks.agent.summaries import summarise
from axonflow_hooks.wire.audit import AuditSearchRequest, AuditSummary, SummaryRequest
from axonflow_hooks.wire.checks import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.reports import AuditQuery

MAX_EXPORTED: Final = 50_000
CHUNK: Final = 500
COLUMNS: Final = (
    "id", "timestamp", "request_type", "tool_name", "policy_decision", "decision_id", "plane", "query", "query_hash",
    "user_email", "client_id", "tenant_id", "session_id", "response_time_ms", "redacted_fields", "error_message",
    "override_id", "correlation_id", "policy_details",
)  # fmt: skip
"""The columns of a CSV export, in their order; what is an object or a list stands there as JSON."""

_route: Final = partial(Endpoint, tag="Audit")


class ExportFilter(AuditSearchRequest):
    """What is exported, and how."""

    format: Literal["csv", "json"] = "json"


async def summary(agent: Agent, call: RestCall) -> RestReply:
    """Give what happened in a range, in numbers."""
    given = call.read(SummaryRequest, missing={name: f"{name} is required" for name in ("start_time", "end_time")})
    start = required_moment(given.start_time, "start_time", DAY_START)
    end = required_moment(given.end_time, "end_time", DAY_END)
    value = await summarise(agent, call.caller.tenant_id, start, end, given.connector_type)
    return RestReply(value, headers=READ_SCOPE)


async def export(agent: Agent, call: RestCall) -> RestReply:
    """Give entries as a file, newest first; a header tells whether there are more than it holds."""
    given = call.read_query(ExportFilter)
    wanted = audit_query(call.caller, given)
    total = await agent.read(lambda connection: count_entries(connection, wanted))
    headers = {
        **READ_SCOPE,
        "X-Audit-Export-Truncated": "true" if total > MAX_EXPORTED else "false",
        "Content-Disposition": f'attachment; filename="axonflow-audit.{given.format}"',
    }
    chunks = _chunks(agent, wanted)
    if given.format == "csv":
        response = StreamingResponse(_csv(chunks), media_type="text/csv", headers=headers)
    else:
        response = StreamingResponse(_json(chunks), media_type="application/json", headers=headers)
    return RestReply(response=response)


async def _chunks(agent: Agent, wanted: AuditQuery) -> AsyncIterator[list[dict[str, Any]]]:
    left, last = MAX_EXPORTED, None
    while left > 0:
        size, below = min(CHUNK, left), last
        rows = await agent.read(lambda connection: entries_before(connection, wanted, below, size))  # noqa: B023
        yield rows
        if len(rows) < size:
            return
        left, last = left - len(rows), rows[-1]["sequence"]


async def _json(chunks: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[str]:
    opening = "["
    async for rows in chunks:
        for row in rows:
            yield opening + json.dumps(entry_fields(row, whole_milliseconds=True), separators=(",", ":"))
            opening = ",\n"
    yield "]\n" if opening != "[" else "[]\n"


async def _csv(chunks: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[str]:
    yield _lines([COLUMNS])
    async for rows in chunks:
        yield _lines([_cells(entry_fields(row, whole_milliseconds=True)) for row in rows])


def _cells(entry: Mapping[str, Any]) -> list[str]:
    values = (entry.get(name) for name in COLUMNS)
    return [csv_cell(json.dumps(value) if isinstance(value, (dict, list)) else value) for value in values]


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


ENDPOINTS: Final = (
    _route(
        "POST",
        "/api/v1/audit/summary",
        summary,
        "Sum up a range of the audit trail",
        body=SummaryRequest,
        answers={200: AuditSummary},
    ),
    _route(
        "GET",
        "/api/v1/audit/export",
        export,
        "Export the audit trail as CSV or JSON, at most 50,000 entries",
        query=ExportFilter,
        answers={200: None, 400: Refusal},
    ),
)
