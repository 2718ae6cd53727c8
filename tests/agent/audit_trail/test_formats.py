"""The export formats, read back by parsers that know nothing of how they were written."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from axonflow_hooks.agent.audit_trail.formats import FORMAT_NAMES, FormatName, formatter
from axonflow_hooks.agent.audit_trail.formats.cef import cef_lines
from axonflow_hooks.agent.audit_trail.formats.entry import Entry, read_entry
from axonflow_hooks.agent.audit_trail.formats.ocsf import ocsf_event
from axonflow_hooks.agent.audit_trail.formats.otlp import RECORDS_A_LINE, otlp_lines, otlp_record
from axonflow_hooks.agent.audit_trail.formats.table import COLUMNS, csv_lines, json_lines
from axonflow_hooks.agent.tables.records import AuditRecord, Caller

NASTY = "a|b=c\\d \"e\", 'f'\r\ng\th\x1b[31m \u202e é \U0001f600"


def entry(**changes: Any) -> Entry:
    caller = changes.pop("caller", Caller("local", session_id="s=1|2", user_email="dev@example.com"))
    values: dict[str, Any] = {
        "id": "audit_1",
        "timestamp": "2026-01-31T12:00:00.123456Z",
        "request_type": "check_policy",
        "tool_name": "claude_code.Bash",
        "query": NASTY,
        "policy_decision": "blocked",
        "policy_details": {
            "action": "block",
            "risk_level": "critical",
            "reason": NASTY,
            "policy_matches": [{"policy_id": "p|1", "policy_name": "P", "category": "sqli"}, {"policy_id": "p=2"}],
        },
        "decision_id": "00000000-0000-0000-0000-000000000001",
        "request_body": {"command": "ls", "n": [1, 2.5, True, None]},
        "redacted_fields": ("output.text",),
        "response_time_ms": 1.5,
        **changes,
    }
    row = AuditRecord(caller=caller, **values).row()
    return read_entry({"sequence": 7, **row, "decision_hash": None, "previous_hash": "0" * 64, "row_hash": "1" * 64})


def test_json_lines_hold_every_column() -> None:
    (line,) = json_lines([entry()])
    assert line.endswith("\n")
    assert line.count("\n") == 1
    value = json.loads(line)
    assert set(value) == set(COLUMNS)
    assert (value["query"], value["request_body"]["n"]) == (NASTY, [1, 2.5, True, None])


def test_csv_is_read_back_as_it_was_but_for_control_characters() -> None:
    text = "".join(csv_lines([entry(), entry(query="plain")]))
    header, first, second = csv.reader(io.StringIO(text, newline=""))
    assert tuple(header) == COLUMNS
    assert dict(zip(header, first, strict=True))["query"] == NASTY.replace("\x1b", "\ufffd")
    assert dict(zip(header, second, strict=True))["query"] == "plain"
    assert json.loads(dict(zip(header, first, strict=True))["request_body"]) == {
        "command": "ls",
        "n": [1, 2.5, True, None],
    }


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    _, row = csv.reader(io.StringIO("".join(csv_lines([entry(query=text)])), newline=""))
    assert dict(zip(COLUMNS, row, strict=True))["query"] == f"'{text}"


def cef_parsed(line: str) -> tuple[list[str], dict[str, str]]:
    """Read a CEF line as a receiver does: unescaped pipes part the header, `key=` parts the extension."""
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    header = [re.sub(r"\\([\\|])", r"\1", part) for part in parts[:7]]
    found = re.split(r"(?:^| )([A-Za-z0-9_]+)(?<!\\)=", parts[7])[1:]
    pairs = dict(zip(found[::2], found[1::2], strict=True))
    unescape = {"\\\\": "\\", "\\=": "=", "\\n": "\n", "\\r": "\r"}
    return header, {k: re.sub(r"\\[\\=nr]", lambda m: unescape[m.group()], v) for k, v in pairs.items()}


def test_cef_is_read_back_as_it_was() -> None:
    (line,) = cef_lines([entry(request_type="a|b\\c\nd")])
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "\u202e" not in line
    header, extension = cef_parsed(line.rstrip("\n"))
    assert header[:3] == ["CEF:0", "AxonFlow", "axonflow-hooks"]
    assert header[4:] == ["a|b\\c d", "a|b\\c d blocked", "10"]
    assert extension["msg"].startswith("a|b=c\\d \"e\", 'f'\ng h [31m")
    assert (extension["rt"], extension["act"], extension["outcome"]) == ("1769860800123", "blocked", "failure")
    assert (extension["cs1Label"], extension["cs1"]) == ("policyIds", "p|1,p=2")
    assert (extension["cs2"], extension["cn1"]) == ("s=1|2", "7")


@pytest.mark.parametrize(
    ("risk", "severity"),
    [("low", "3"), ("medium", "5"), ("high", "8"), ("critical", "10"), (None, "1")],
)
def test_cef_severities_follow_the_risk(risk: str | None, severity: str) -> None:
    (line,) = cef_lines([entry(policy_details={"risk_level": risk})])
    assert cef_parsed(line)[0][6] == severity


def test_an_ocsf_event_has_what_its_class_requires() -> None:
    event = ocsf_event(entry())
    required = ("activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id", "src_endpoint")
    assert all(event[name] for name in (*required, "time", "type_uid"))
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["class_uid"] // 1000 == event["category_uid"]
    assert event["metadata"]["version"] == "1.7.0"
    assert event["metadata"]["product"]["name"]
    assert event["metadata"]["profiles"] == ["security_control"]
    assert event["time"] == 1769860800123
    assert event["api"]["operation"] == "claude_code.Bash"
    assert event["actor"]["user"]["email_addr"] == "dev@example.com"
    assert event["policy"] == {"uid": "p|1", "name": "P", "group": {"name": "sqli"}}
    assert json.loads(json.dumps(event)) == event


@pytest.mark.parametrize(
    ("decision", "action", "disposition", "status", "alert"),
    [
        ("allowed", 1, 1, 1, False),
        ("redacted", 4, 11, 1, False),
        ("blocked", 2, 2, 2, True),
        ("needs_approval", 2, 99, 2, True),
        ("error", 0, 27, 2, True),
        (None, 3, 17, 0, False),
    ],
)
def test_ocsf_outcomes_follow_the_verdict(
    decision: str | None, action: int, disposition: int, status: int, alert: bool
) -> None:
    event = ocsf_event(entry(policy_decision=decision))
    found = (event["action_id"], event["disposition_id"], event["status_id"], event["is_alert"])
    assert found == (action, disposition, status, alert)


def test_otlp_is_the_json_of_its_protocol() -> None:
    request = json.loads(next(iter(otlp_lines([entry()]))))
    (resource,) = request["resourceLogs"]
    assert {"key": "service.name", "value": {"stringValue": "axonflow-agent"}} in resource["resource"]["attributes"]
    (scope,) = resource["scopeLogs"]
    (record,) = scope["logRecords"]
    assert record["timeUnixNano"] == "1769860800123456000"
    assert (record["severityNumber"], record["body"]["stringValue"]) == (20, NASTY)
    attributes = {it["key"]: it["value"] for it in record["attributes"]}
    assert attributes["axonflow.audit.sequence"] == {"intValue": "7"}
    assert attributes["axonflow.duration_ms"] == {"doubleValue": 1.5}
    assert attributes["axonflow.redacted_fields"] == {"arrayValue": {"values": [{"stringValue": "output.text"}]}}
    body = {it["key"]: it["value"] for it in attributes["axonflow.request.body"]["kvlistValue"]["values"]}
    assert body["n"]["arrayValue"]["values"] == [{"intValue": "1"}, {"doubleValue": 2.5}, {"boolValue": True}]
    assert all(len(it["value"]) == 1 for it in record["attributes"])


@pytest.mark.parametrize(
    ("correlation", "found"), [("0" * 32, None), ("ab" * 16, "ab" * 16), ("not one", None), (None, None)]
)
def test_a_correlation_that_is_a_trace_id_becomes_one(correlation: str | None, found: str | None) -> None:
    assert otlp_record(entry(correlation_id=correlation)).get("traceId") == found


def test_otlp_requests_are_bounded() -> None:
    lines = list(otlp_lines(entry(id=f"audit_{number}") for number in range(RECORDS_A_LINE + 1)))
    sizes = [len(json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]) for line in lines]
    assert sizes == [RECORDS_A_LINE, 1]


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_an_entry_with_nothing_in_it_is_exported(name: FormatName) -> None:
    bare = read_entry(dict.fromkeys(COLUMNS) | {"sequence": 1, "policy_details": "no JSON", "request_body": "[1]"})
    assert "".join(formatter(name)([bare]))
    assert list(formatter(name)([])) == ([] if name != "csv" else [",".join(COLUMNS) + "\r\n"])
