"""ArcSight Common Event Format, CEF:0 (Micro Focus Security ArcSight CEF Implementation Standard, revision 26)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from axonflow_hooks.agent.audit_trail.formats.entry import Entry

_SEVERITY: Final = {"low": 3, "medium": 5, "high": 8, "critical": 10}
_MAX_CHARS: Final = 1023
"""The longest text that `msg`, `reason` and most strings may have."""

_OUTCOMES: Final = {"allowed": "success", "redacted": "success", "blocked": "failure", "needs_approval": "failure"}


def cef_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Give one CEF event a line, without a syslog header."""
    for entry in entries:
        yield _line(entry)


def _line(entry: Entry) -> str:
    decision = entry.text("policy_decision")
    name = f"{entry.text('request_type')} {decision}".strip()
    header = ["CEF:0", "AxonFlow", "axonflow-hooks", __version__, entry.text("request_type"), name]
    fields = [header[0], *(_header(field) for field in header[1:]), str(_SEVERITY.get(entry.risk_level, 1))]
    extension = " ".join(f"{key}={_value(value)}" for key, value in _extension(entry) if value not in {"", None})
    return "|".join(fields) + f"|{extension}\n"


def _extension(entry: Entry) -> Iterator[tuple[str, Any]]:
    decision = entry.text("policy_decision")
    yield "rt", entry.epoch_microseconds // 1000
    yield "externalId", entry.text("id")
    yield "act", decision
    yield "outcome", _OUTCOMES.get(decision, "")
    yield "reason", entry.reason
    yield "msg", entry.text("query")
    yield "suser", entry.text("user_email")
    yield "suid", entry.text("client_id")
    yield "requestClientApplication", entry.text("client_software")
    labelled = {
        "cs1": ("policyIds", ",".join(entry.policy_ids)),
        "cs2": ("sessionId", entry.text("session_id")),
        "cs3": ("decisionId", entry.text("decision_id")),
        "cs4": ("toolName", entry.text("tool_name")),
        "cs5": ("rowHash", entry.text("row_hash")),
        "cs6": ("overrideId", entry.text("override_id")),
        "cn1": ("sequence", entry.sequence),
    }
    for key, (label, value) in labelled.items():
        if value != "":
            yield f"{key}Label", label
            yield key, value


def _header(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")


def _value(value: Any) -> str:
    text = str(value)[:_MAX_CHARS].replace("\\", "\\\\").replace("=", "\\=")
    text = text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\r")
    return "".join(char if char.isprintable() else " " for char in text)
