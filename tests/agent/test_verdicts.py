"""From what the engine finds to a decision, with a pack of our own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from axonflow_hooks.agent.access import access_of
from axonflow_hooks.agent.check import Check, tool_signature
from axonflow_hooks.agent.mcp.sessions import Sessions
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.runtime import Agent
from axonflow_hooks.agent.scanning import Hit
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.queries import find_decision
from axonflow_hooks.agent.store.reports import AuditQuery, search_entries
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, Caller
from axonflow_hooks.agent.verdicts import MAX_STORED_SPANS, Verdict, decide
from axonflow_hooks.policy import Placeholders, PolicyMatch, Span, load_engine, parse_pack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICY = """
[[policy]]
id = "{id}"
name = "{id} name"
description = "It says {id}."
category = "{category}"
severity = "{severity}"
action = {{ request = "{action}", response = "{action}" }}
match = [{{ pattern = '\\b{id}\\b' }}]
flag = ["{id}"]
clean = ["x"]
"""

PACK = 'group = "secrets"\n' + "".join(
    POLICY.format(id=name, category=category, severity=severity, action=action)
    for name, category, severity, action in (
        ("stop", "security-dangerous", "high", "block"),
        ("ask", "security-dangerous", "medium", "require_approval"),
        ("hide", "code-secrets", "critical", "redact"),
        ("hush", "pii-global", "low", "log"),
        ("warn", "code-unsafe", "critical", "warn"),
    )
)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path)
    writing = Writer(database.engine)
    access = access_of("http://127.0.0.1:8080", "local", "s3cret")
    engine = load_engine(packs=[parse_pack(PACK, name="test.toml")])
    yield Agent(engine, database, writing, access, Sessions(), frozenset())
    writing.close()
    database.close()


def judge(agent: Agent, phase: Any = "request", session: str | None = None, **fields: Any) -> Verdict:
    check = Check(phase, f"check_{phase}", "test.tool", fields, len(str(fields)), frozenset())
    return asyncio.run(decide(agent, check, Caller("local"), session))


@pytest.mark.parametrize(
    ("text", "decision", "action", "risk", "reason"),
    [
        ("nothing", "allowed", "none", None, "No policy matched."),
        ("hush", "allowed", "log", "low", "Allowed and noted: hush name."),
        ("warn hush", "allowed", "warn", "critical", "Allowed and noted: warn name."),
        ("hide warn", "redacted", "redact", "critical", "Masked: hide name."),
        ("hide warn stop ask", "blocked", "block", "high", "It says stop."),
    ],
)
def test_the_strongest_action_decides(
    agent: Agent, text: str, decision: str, action: str, risk: str | None, reason: str
) -> None:
    verdict = judge(agent, statement=text)
    record = verdict.record
    assert (record.decision, record.action, record.risk_level, record.reason) == (decision, action, risk, reason)
    assert verdict.allowed is (decision != "blocked")


def test_what_asks_for_approval_is_held(agent: Agent) -> None:
    verdict = judge(agent, statement="ask hide")
    record, pending = verdict.record, verdict.pending_approval
    assert pending is not None
    assert (record.decision, record.action, record.risk_level) == ("needs_approval", "require_approval", "medium")
    assert (verdict.allowed, record.approval_id, pending.status) == (False, pending.approval_id, "pending")
    assert record.reason == (
        f"It says ask. It needs a person's approval: axonflow-hooks approval approve {pending.approval_id}"
    )


def test_grants_are_looked_up_only_where_something_stops_a_call(agent: Agent) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(" ".join(statement.split()))

    event.listen(agent.database.engine, "before_cursor_execute", note)
    for text in ("nothing", "hush", "hide"):
        judge(agent, statement=text)
    assert not [statement for statement in statements if "FROM overrides" in statement or "approvals" in statement]
    judge(agent, statement="stop")
    assert [statement for statement in statements if "FROM overrides" in statement]


def test_what_stopped_a_call_is_quoted_without_secrets(agent: Agent) -> None:
    stopping, hidden = judge(agent, statement="please stop and hide").record.matches
    assert (stopping.quote, hidden.quote) == ("stop", None)


def test_the_target_is_kept_without_secrets(agent: Agent) -> None:
    target = {"server": "postgres", "tool": "hide"}
    check = Check("request", "decide", "test.tool", {"query": "x"}, 1, frozenset(), stage="tool", target=target)
    record = asyncio.run(decide(agent, check, Caller("local"), None)).record
    wanted = AuditQuery(LOCAL_TENANT, record.timestamp, record.timestamp)
    (entry,), _ = agent.database.read(lambda connection: search_entries(connection, wanted, 20, 0))
    assert json.loads(entry["policy_details"])["target"] == {"server": "postgres", "tool": "[REDACTED:hide#1]"}


def test_blockers_come_first(agent: Agent) -> None:
    verdict = judge(agent, statement="hush warn ask hide stop")
    assert [match.policy_id for match in verdict.record.matches] == ["stop", "ask", "hide", "warn", "hush"]
    assert [match.policy_id for match in verdict.blockers] == ["stop", "ask"]


def test_matches_of_all_fields_count(agent: Agent) -> None:
    verdict = judge(agent, statement="hide", parameters={"a": ["x", "stop hide"]})
    spans = {match.policy_id: [(span.field, span.start, span.end) for span in match.spans] for match in
             verdict.record.matches}  # fmt: skip
    assert spans == {"stop": [("parameters.a[1]", 0, 4)], "hide": [("statement", 0, 4), ("parameters.a[1]", 5, 9)]}
    assert verdict.redacted["statement"] == "[REDACTED:hide#1]"


def test_only_what_was_masked_is_given_back(agent: Agent) -> None:
    verdict = judge(agent, "response", message="hush", response_data=[{"a": "hide"}])
    assert verdict.redacted == {"response_data": [{"a": "[REDACTED:hide#1]"}]}


def test_the_decision_and_its_audit_entry_are_kept(agent: Agent) -> None:
    record = judge(agent, statement="stop hide hush").record
    row = agent.database.read(lambda connection: find_decision(connection, record.decision_id, LOCAL_TENANT))
    assert row is not None
    assert (row["decision"], row["primary_policy"]) == ("blocked", "stop")
    assert row["excerpt"] == "stop [REDACTED:hide#1] [REDACTED:hush#1]"
    wanted = AuditQuery(LOCAL_TENANT, record.timestamp, record.timestamp)
    (entry,), total = agent.database.read(lambda connection: search_entries(connection, wanted, 20, 0))
    assert total == 1
    assert entry["sequence"] == 1
    assert (entry["decision_id"], entry["query"]) == (record.decision_id, row["excerpt"])


def test_keys_in_paths_are_redacted_and_places_are_limited(agent: Agent) -> None:
    record = judge(agent, "response", response_data=[{"hush": ["stop " * 100]}]).record
    stop = next(match for match in record.matches if match.policy_id == "stop")
    assert len(stop.spans) == MAX_STORED_SPANS
    assert stop.spans[0].field == "response_data[0].[REDACTED:hush#1][0]"


@pytest.mark.parametrize(
    ("connector", "tool", "signature"),
    [("claude_code.Bash", None, "claude_code.Bash"), ("postgres", "query", "postgres.query"), ("x", "", "x")],
)
def test_tool_signature(connector: str, tool: str | None, signature: str) -> None:
    assert tool_signature(connector, tool) == signature


@pytest.mark.parametrize("before", [150, 181, 190, 199])
def test_no_half_of_a_secret_is_left_where_a_tool_name_is_cut(agent: Agent, before: int) -> None:
    secret = "hide"  # what a policy of this module masks
    signature = tool_signature("s" * (before - 2), f"x {secret} " + "t" * 200)
    check = Check("request", "decide", signature, {"statement": "x"}, 1, frozenset())
    record = asyncio.run(decide(agent, check, Caller("local"), None)).record
    assert record.tool_signature.startswith("masked-")


def test_a_long_tool_name_is_cut_and_stays_its_own(agent: Agent) -> None:
    names = []
    for last in "ab":
        check = Check("request", "decide", tool_signature("s", "t" * 300 + last), {"statement": "x"}, 1, frozenset())
        names.append(asyncio.run(decide(agent, check, Caller("local"), None)).record.tool_signature)
    assert [len(name) for name in names] == [200, 200]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("fields", "unseen"),
    [
        ({"statement": "ask " + "a" * 96}, 0),
        ({"statement": "ask " + "a" * 496}, 0),
        ({"statement": "ask " + "a" * 596}, 100),
        ({"statement": "b" * 1_000 + " ask " + "a" * 595}, 1_100),
        ({"statement": "ask " + "a" * 96, "parameters": {"k": "v" * 70}}, 71),
    ],
    ids=["short", "just as long", "longer", "in the middle", "parameters"],
)
def test_how_much_a_person_does_not_see_is_counted(agent: Agent, fields: dict[str, Any], unseen: int) -> None:
    assert judge(agent, **fields).record.unseen_chars == unseen


def test_a_dynamic_mask_does_not_hide_what_is_stored() -> None:
    engine = load_engine(packs=[parse_pack(PACK, name="t.toml")])
    match = PolicyMatch("dyn_all", "All", "dynamic-risk", "medium", "redact", True, "All.", ())
    hit = Hit(match, (Span(0, 8, "dyn_all", "dyn_all"),))
    redactor = StorageRedactor(engine, "gateway", Placeholders())
    assert redactor.excerpt("rm -rf x hide", "", 0, [hit]) == ("rm -rf x [REDACTED:hide#1]", 0)
