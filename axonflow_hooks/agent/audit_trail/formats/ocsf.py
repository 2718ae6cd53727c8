"""Open Cybersecurity Schema Framework 1.7: class API Activity (6003) with the profile security_control.

API Activity, not Detection Finding: the trail records every governed call, also those in which nothing was found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from axonflow_hooks.agent.audit_trail.formats.entry import Entry

VERSION: Final = "1.7.0"
CATEGORY_UID: Final = 6
CLASS_UID: Final = 6003
ACTIVITY_OTHER: Final = 99

_SEVERITY: Final = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
_INFORMATIONAL: Final = (1, "Informational")

# By verdict: action, disposition, status. An entry without a verdict records what happened.
_OUTCOMES: Final = {
    "allowed": ((1, "Allowed"), (1, "Allowed"), (1, "Success")),
    "redacted": ((4, "Modified"), (11, "Corrected"), (1, "Success")),
    "blocked": ((2, "Denied"), (2, "Blocked"), (2, "Failure")),
    "needs_approval": ((2, "Denied"), (99, "Needs approval"), (2, "Failure")),
    "error": ((0, "Unknown"), (27, "Error"), (2, "Failure")),
}
_RECORDED: Final = ((3, "Observed"), (17, "Logged"), (0, "Unknown"))


def ocsf_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Give one OCSF event a line, as JSON."""
    for entry in entries:
        yield json.dumps(ocsf_event(entry), separators=(",", ":")) + "\n"


def ocsf_event(entry: Entry) -> dict[str, Any]:
    """Give the event of an entry."""
    severity_id, severity = _SEVERITY.get(entry.risk_level, _INFORMATIONAL)
    verdict = entry.text("policy_decision")
    action, disposition, status = _OUTCOMES.get(verdict, _RECORDED)
    event = {
        "category_uid": CATEGORY_UID,
        "category_name": "Application Activity",
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "activity_id": ACTIVITY_OTHER,
        "activity_name": entry.text("request_type"),
        "type_uid": CLASS_UID * 100 + ACTIVITY_OTHER,
        "type_name": "API Activity: Other",
        "time": entry.epoch_microseconds // 1000,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status[0],
        "status": status[1],
        "status_detail": entry.reason or entry.text("error_message"),
        "message": entry.text("query"),
        "action_id": action[0],
        "action": action[1],
        "disposition_id": disposition[0],
        "disposition": disposition[1],
        "is_alert": verdict in {"blocked", "needs_approval", "error"},
        "policy": _policy(entry),
        "metadata": _metadata(entry),
        "actor": _actor(entry),
        "api": {
            "operation": entry.text("tool_name") or entry.text("request_type"),
            "service": {"name": "axonflow-agent"},
            "request": {"uid": entry.text("decision_id") or entry.text("id")},
        },
        "src_endpoint": {"svc_name": entry.text("client_software") or entry.text("client_id")},
        "duration": _whole(entry.values.get("response_time_ms")),
        "unmapped": _unmapped(entry),
    }
    return {name: value for name, value in event.items() if value not in ("", None, {})}


def _metadata(entry: Entry) -> dict[str, Any]:
    found = {
        "version": VERSION,
        "profiles": ["security_control"],
        "product": {"name": "axonflow-hooks", "vendor_name": "AxonFlow", "version": __version__},
        "uid": entry.text("id"),
        "sequence": entry.sequence,
        "event_code": entry.text("request_type"),
        "log_name": "audit_log",
        "original_time": entry.text("timestamp"),
        "correlation_uid": entry.text("correlation_id"),
        "tenant_uid": entry.text("tenant_id"),
    }
    return {name: value for name, value in found.items() if value != ""}


def _actor(entry: Entry) -> dict[str, Any]:
    email = entry.text("user_email")
    user = {"uid": entry.text("client_id"), "name": email or entry.text("client_id"), "type_id": 0}
    actor: dict[str, Any] = {"user": {**user, "email_addr": email} if email else user}
    if entry.text("session_id"):
        actor["session"] = {"uid": entry.text("session_id")}
    return actor


def _policy(entry: Entry) -> dict[str, Any]:
    if not entry.matches:
        return {}
    first = entry.matches[0]
    named = {"uid": first.get("policy_id"), "name": first.get("policy_name"), "group": first.get("category")}
    return {name: value if name != "group" else {"name": value} for name, value in named.items() if value}


def _unmapped(entry: Entry) -> dict[str, Any]:
    names = ("previous_hash", "row_hash", "decision_hash", "query_hash", "plane", "override_id", "redacted_fields")
    found = {name: entry.values.get(name) for name in (*names, "policy_details", "request_body", "response_body")}
    return {name: value for name, value in found.items() if value is not None}


def _whole(number: Any) -> int | None:
    return round(number) if isinstance(number, (int, float)) else None
