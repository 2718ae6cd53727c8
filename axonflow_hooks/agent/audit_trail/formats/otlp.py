"""OpenTelemetry logs: OTLP 1 in its JSON encoding, one ExportLogsServiceRequest a line, as the file format has it."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from axonflow_hooks.agent.audit_trail.formats.entry import Entry

RECORDS_A_LINE: Final = 500

# Severity numbers of the log data model: INFO 9, WARN 13, ERROR 17, ERROR4 20.
_SEVERITY: Final = {"low": (9, "INFO"), "medium": (13, "WARN"), "high": (17, "ERROR"), "critical": (20, "ERROR4")}
_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_RESOURCE: Final = {"service.name": "axonflow-agent", "service.version": __version__}
_ATTRIBUTES: Final = {
    "log.record.uid": "id",
    "session.id": "session_id",
    "user.email": "user_email",
    "user_agent.original": "client_software",
    "axonflow.client.id": "client_id",
    "axonflow.tenant.id": "tenant_id",
    "axonflow.tool.name": "tool_name",
    "axonflow.request.type": "request_type",
    "axonflow.decision.id": "decision_id",
    "axonflow.decision": "policy_decision",
    "axonflow.plane": "plane",
    "axonflow.override.id": "override_id",
    "axonflow.query.hash": "query_hash",
    "axonflow.error": "error_message",
    "axonflow.duration_ms": "response_time_ms",
    "axonflow.policy.details": "policy_details",
    "axonflow.request.body": "request_body",
    "axonflow.response.body": "response_body",
    "axonflow.redacted_fields": "redacted_fields",
    "axonflow.audit.sequence": "sequence",
    "axonflow.audit.decision_hash": "decision_hash",
    "axonflow.audit.previous_hash": "previous_hash",
    "axonflow.audit.row_hash": "row_hash",
}


def otlp_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Give one request a line, each with up to RECORDS_A_LINE records."""
    remaining = iter(entries)
    while chunk := list(itertools.islice(remaining, RECORDS_A_LINE)):
        yield json.dumps(_request(chunk), separators=(",", ":")) + "\n"


def _request(entries: Iterable[Entry]) -> dict[str, Any]:
    scope = {"name": "axonflow_hooks.audit", "version": __version__}
    logs = {"scope": scope, "logRecords": [otlp_record(entry) for entry in entries]}
    return {"resourceLogs": [{"resource": {"attributes": _attributes(_RESOURCE)}, "scopeLogs": [logs]}]}


def otlp_record(entry: Entry) -> dict[str, Any]:
    """Give the log record of an entry; 64-bit numbers are texts (protobuf's JSON mapping)."""
    number, text = _SEVERITY.get(entry.risk_level, (9, "INFO"))
    nanoseconds = str(entry.epoch_microseconds * 1000)
    record: dict[str, Any] = {
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": number,
        "severityText": text,
        "eventName": f"axonflow.audit.{entry.text('request_type')}",
        "body": {"stringValue": entry.text("query")},
        "attributes": _attributes({name: entry.values.get(column) for name, column in _ATTRIBUTES.items()}),
    }
    correlation = entry.text("correlation_id")
    if _TRACE_ID.fullmatch(correlation):
        record["traceId"] = correlation
    return record


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _any_value(value)} for name, value in values.items() if value is not None]


def _any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any_value(item) for item in value if item is not None]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"stringValue": value}
