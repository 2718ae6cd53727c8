"""The way of a tool call through a real proxy: decided, executed, checked, recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.audit_file import verify
from tests.conftest import Reply
from tests.proxy.conftest import MASK, REDACT, SSN
from tests.proxy.patient import PATIENCE_S

if TYPE_CHECKING:
    from tests.conftest import Received
    from tests.proxy.conftest import Agent, World

DECIDE = "/api/v1/decide"
CHECK_OUTPUT = "/api/v1/mcp/check-output"


def test_allowed_call_reaches_the_backend_and_its_result_the_client(world: World, agent: Agent) -> None:
    client = world.client()
    answer = client.call("echo", {"text": 'say "hi" <b>'})
    assert answer["result"]["structuredContent"] == {"text": 'say "hi" <b>'}
    (asked,) = agent.asked()
    assert asked["query"] == 'tool_call: echo\ntext: say "hi" <b>'
    assert asked["target"] == {"type": "tool", "server": "one", "tool": "echo"}
    assert asked["context"]["x-session-id"] == "session-1"
    assert "x-leader-identity" not in asked["context"]
    assert client.close() == 0


def test_questions_to_the_agent_say_who_asks_and_for_what(world: World, agent: Agent) -> None:
    who = {"AXONFLOW_LEADER_EMAIL": "lead@example.com", "AXONFLOW_GATEWAY_ID": "gate", "AXONFLOW_AI_AGENT": "ai"}
    client = world.client(**who, AXONFLOW_ORG_ID="org", AXONFLOW_USER_TOKEN="user-token")
    result = {"content": [{"type": "text", "text": "caf\u00e9"}]}
    assert client.call("reply", {"result": result})["result"] == result
    (decide,) = agent.asked()
    assert "\ncontent.text: caf\u00e9" in decide.pop("query")
    assert decide == {
        "stage": "tool",
        "caller_identity": {"gateway_id": "gate", "org_id": "org"},
        "target": {"type": "tool", "server": "one", "tool": "reply"},
        "context": {"x-ai-agent": "ai", "x-session-id": "session-1", "x-leader-identity": "lead@example.com"},
        "fulfillment_capabilities": ["request_body_redaction"],
        "user_token": "user-token",
    }
    check = agent.asked(CHECK_OUTPUT)[-1]
    assert check == {"connector_type": "one", "tool": "reply", "message": "caf\u00e9", "row_count": 1}


def test_denied_call_never_reaches_the_backend(world: World, agent: Agent) -> None:
    client = world.client()
    error = client.call("count", {"text": "forbidden"})["error"]
    assert error["code"] == -32001
    assert error["data"] == {
        "decision_id": "dec-1",
        "trace_id": "a" * 32,
        "evaluated_policies": ["pol_deny"],
        "reasons": ["no"],
    }
    assert "dec-1" in error["message"]
    assert world.lines("one", "count.txt") == []
    (row,) = world.rows()
    assert (row["event"], row["verdict"], row["executed"]) == ("outcome", "deny", False)


def test_held_call_names_its_approval_and_passes_once_it_is_given(world: World, agent: Agent) -> None:
    agent.hold = ("deploy",)
    client = world.client()
    error = client.call("count", {"what": "deploy"})["error"]
    assert error["code"] == -32002
    assert error["data"]["approval_id"] == "appr-1"
    assert "appr-1" in error["data"]["how_to_approve"]
    assert world.lines("one", "count.txt") == []
    agent.approved.add("appr-1")
    assert "result" in client.call("count", {"what": "deploy"})
    retry = agent.server.to(DECIDE)[-1]
    assert retry.json()["approval_id"] == "appr-1"
    assert retry.headers["x-axonflow-approval-id"] == "appr-1"
    assert "error" in client.call("count", {"what": "deploy twice"})
    assert "approval_id" not in agent.asked()[-1], "an approval is for the arguments it was given for"


@pytest.mark.parametrize("fail_mode", ["closed", "open"])
@pytest.mark.parametrize(
    ("reply", "code", "opens"),
    [
        pytest.param(Reply(500, {"error": "x"}), -32003, True, id="500"),
        pytest.param(Reply(503, {"error": "x"}), -32003, True, id="503"),
        pytest.param(Reply(act="reset"), -32003, True, id="reset"),
        pytest.param(Reply(act="garbage"), -32003, True, id="not HTTP"),
        pytest.param(Reply(act="cut"), -32003, True, id="cut off"),
        pytest.param(Reply(503, {"verdict": "deny", "error": "breaker"}), -32001, False, id="deny under 503"),
        pytest.param(Reply(401, {"error": "who?", "verdict": "deny"}), -32001, False, id="deny under 401"),
        pytest.param(Reply(401, {"error": "who?"}), -32003, False, id="401"),
        pytest.param(Reply(413, b"too large"), -32003, False, id="413"),
        pytest.param(Reply(429, {"error": "slow"}, {"Retry-After": "7"}), -32003, False, id="429"),
        pytest.param(Reply(200, {"verdict": "maybe"}), -32003, False, id="unknown verdict"),
        pytest.param(Reply(200, b"not json"), -32003, False, id="not JSON"),
        pytest.param(Reply(202, {"verdict": "allow"}), -32003, False, id="allow that is not 200"),
    ],
)
def test_without_a_verdict_nothing_passes_but_by_choice(
    world: World, agent: Agent, reply: Reply, code: int, opens: bool, fail_mode: str
) -> None:
    client = world.client(AXONFLOW_FAIL_MODE=fail_mode)
    client.tools()
    agent.before = lambda request: reply if request.path == DECIDE else None
    answer = client.call("count", {"n": 1})
    if opens and fail_mode == "open":
        assert "result" in answer
        assert world.rows("outcome")[-1]["failed_open"] is True
        assert agent.server.to(CHECK_OUTPUT), "the response plane is governed even then"
    else:
        assert answer["error"]["code"] == code
        assert world.lines("one", "count.txt") == []


def test_retry_after_is_told_and_kept(world: World, agent: Agent) -> None:
    client = world.client()
    client.tools()
    agent.before = lambda request: Reply(429, {"error": "slow"}, {"Retry-After": "300"})
    assert client.call("echo")["error"]["data"]["retry_after_seconds"] == 300
    agent.before = lambda _: None
    count = len(agent.asked())
    assert "asked not to be called" in client.call("echo")["error"]["message"]
    assert len(agent.asked()) == count


def test_breaker_leaves_a_failing_agent_alone(world: World, agent: Agent) -> None:
    world.waits |= {"breaker.FIRST_PAUSE_S": PATIENCE_S, "breaker.LONGEST_PAUSE_S": PATIENCE_S}
    client = world.client()
    client.tools()
    agent.before = lambda request: Reply(500, {"error": "x"})
    messages = [client.call("echo")["error"]["message"] for _ in range(7)]
    assert "in a row" in messages[-1]
    assert len(agent.asked()) < 7


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        pytest.param(
            {"content": [{"type": "text", "text": f"SSN {SSN}"}]},
            {"content": [{"type": "text", "text": f"SSN {MASK}"}]},
            id="text",
        ),
        pytest.param(
            {"content": [], "structuredContent": {"rows": [{"ssn": SSN}, {"ssn": "x"}], "big": 99999999999999999999}},
            {"content": [], "structuredContent": {"rows": [{"ssn": MASK}, {"ssn": "x"}], "big": 99999999999999999999}},
            id="structured",
        ),
        pytest.param(
            {"content": [], "structuredContent": {"ssn": 123456789, "float": 1.5e300}},
            {"content": [], "structuredContent": {"ssn": MASK, "float": 1.5e300}},
            id="number that is an identifier",
        ),
        pytest.param(
            {"content": [{"type": "resource", "resource": {"uri": "x://y", "text": SSN}}]},
            {"content": [{"type": "resource", "resource": {"uri": "x://y", "text": MASK}}]},
            id="resource text",
        ),
        pytest.param(
            {"content": [{"type": "text", "text": json.dumps({"n": SSN}).replace("1", "\\u0031")}]},
            {"content": [{"type": "text", "text": json.dumps({"n": MASK})}]},
            id="escaped inside JSON text",
        ),
        pytest.param(
            {"content": [{"type": "text", "text": "a\u2028b\u00e9"}], "_meta": {"x": None}, "new": [True, 1e2]},
            {"content": [{"type": "text", "text": "a\u2028b\u00e9"}], "_meta": {"x": None}, "new": [True, 1e2]},
            id="nothing to mask",
        ),
        pytest.param(
            {"content": [{"type": "text", "text": SSN}], "isError": True},
            {"content": [{"type": "text", "text": MASK}], "isError": True},
            id="tool error",
        ),
    ],
)
def test_results_are_masked_in_place(world: World, result: Any, expected: Any) -> None:
    client = world.client()
    assert client.call("reply", {"result": result})["result"] == expected


def test_backend_errors_are_masked(world: World) -> None:
    client = world.client()
    error = client.call("fail", {"code": -32042, "message": f"no such person: {SSN}"})["error"]
    assert error == {"code": -32042, "message": f"no such person: {MASK}"}
    assert world.rows("outcome")[-1]["redaction_count"] == 1


def test_blocked_result_is_withheld(world: World) -> None:
    client = world.client()
    answer = client.call("reply", {"result": {"content": [{"type": "text", "text": "poison"}]}})
    assert answer["error"]["code"] == -32001
    assert "Response blocked" in answer["error"]["message"]
    row = world.rows("outcome")[-1]
    assert (row["verdict"], row["executed"]) == ("deny", True)


@pytest.mark.parametrize("fail_mode", ["closed", "open"])
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(500, {}), id="500"),
        pytest.param(Reply(act="reset"), id="reset"),
        pytest.param(Reply(200, {"allowed": True}), id="redaction not evaluated"),
        pytest.param(Reply(200, {"allowed": True, "redaction_evaluated": False}), id="redaction failed"),
        pytest.param(Reply(200, {"redaction_evaluated": True}), id="no verdict"),
        pytest.param(Reply(403, {"success": False, "error": "Tenant mismatch"}), id="refused"),
        pytest.param(Reply(200, {"allowed": True, "redaction_evaluated": True, "redacted_data": 5}), id="other shape"),
        pytest.param(Reply(429, {"error": "slow"}), id="429"),
    ],
)
def test_unchecked_result_is_never_forwarded(world: World, agent: Agent, reply: Reply, fail_mode: str) -> None:
    client = world.client(AXONFLOW_FAIL_MODE=fail_mode)
    client.tools()
    agent.before = lambda request: reply if request.path == CHECK_OUTPUT else None
    answer = client.call("echo", {"text": "secret"})
    assert answer["error"]["code"] == -32003
    assert answer["error"]["data"]["executed"] is True
    assert "secret" not in client.raw[answer["id"]]


def test_empty_masked_text_is_masked(world: World, agent: Agent) -> None:
    client = world.client()
    client.tools()
    empty = Reply(200, {"allowed": True, "redaction_evaluated": True, "redacted_data": ""})
    agent.before = lambda request: empty if request.path == CHECK_OUTPUT else None
    answer = client.call("reply", {"result": {"content": [{"type": "text", "text": "all of it"}]}})
    assert answer["result"]["content"][0]["text"] == ""


@pytest.mark.parametrize(
    ("mode", "obligations", "asked"),
    [
        pytest.param("always", [], True, id="always"),
        pytest.param("on-obligation", [], False, id="without obligation"),
        pytest.param("on-obligation", [REDACT], True, id="with obligation"),
        pytest.param("off", [REDACT], False, id="off"),
    ],
)
def test_redact_responses(world: World, agent: Agent, mode: str, obligations: Any, asked: bool) -> None:
    agent.obligations = obligations
    client = world.client(AXONFLOW_REDACT_RESPONSES=mode)
    client.tools()
    before = len(agent.server.to(CHECK_OUTPUT))
    client.call("echo", {"text": f"it is {SSN}"})
    assert (len(agent.server.to(CHECK_OUTPUT)) > before) is asked


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({"note": f"was {SSN}"}, None, id="a masked text fits"),
        pytest.param({"note": "x", "ssn": 123456789}, -32003, id="a masked number does not fit"),
    ],
)
def test_masked_results_fit_their_schema_or_are_withheld(world: World, given: Any, code: int | None) -> None:
    client = world.client()
    answer = client.call("typed", given)
    assert answer.get("error", {}).get("code") == code


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.parametrize(
    ("block", "binary", "code"),
    [
        pytest.param({"type": "image", "mimeType": "image/png", "data": PNG}, "forward", None, id="forwarded"),
        pytest.param({"type": "image", "mimeType": "image/png", "data": PNG}, "withhold", -32001, id="withheld"),
        pytest.param(
            {"type": "image", "mimeType": "image/png", "data": "cG9pc29u"}, "forward", -32001, id="text inside"
        ),
        pytest.param({"type": "audio", "mimeType": "audio/wav", "data": "poison!"}, "forward", -32001, id="not base64"),
    ],
)
def test_images_follow_the_declared_policy(world: World, block: Any, binary: str, code: int | None) -> None:
    client = world.client(world.backend(binary=binary))
    answer = client.call("reply", {"result": {"content": [block]}})
    assert answer.get("error", {}).get("code") == code
    if code is None:
        assert answer["result"]["content"] == [block]
        assert world.rows("outcome")[-1]["unscanned_binaries"] == 1


def test_text_in_a_blob_is_masked(world: World) -> None:
    import base64

    client = world.client()
    blob = base64.b64encode(f"SSN {SSN}".encode()).decode()
    result = {"content": [{"type": "resource", "resource": {"uri": "x://y", "blob": blob}}]}
    answer = client.call("reply", {"result": result})["result"]
    assert base64.b64decode(answer["content"][0]["resource"]["blob"]).decode() == f"SSN {MASK}"


def test_audit_rows(world: World) -> None:
    client = world.client(AXONFLOW_LEADER_EMAIL="lead@example.com", AXONFLOW_GATEWAY_ID="gate", AXONFLOW_AI_AGENT="ai")
    client.call("reply", {"result": {"content": [], "structuredContent": {"rows": [1, 2, SSN]}}})
    intent, outcome = world.rows()
    assert (intent["event"], outcome["event"]) == ("intent", "outcome")
    assert intent["call_id"] == outcome["call_id"]
    for row in (intent, outcome):
        assert row["session_id"] == "session-1"
        assert row["leader_email"] == "lead@example.com"
        assert (row["gateway_id"], row["ai_agent"]) == ("gate", "ai")
        assert (row["tool_name"], row["decision_id"], row["trace_id"]) == ("reply", "dec-1", "a" * 32)
        assert (row["verdict"], row["evaluated_policies"]) == ("allow", [])
    assert outcome["response_record_count"] == 3
    assert outcome["redaction_count"] == 1
    assert outcome["duration_ms"] > 0
    assert outcome["error"] is None
    client.until(lambda: [line for line in client.errors if "audit {" in line])
    client.close()
    said = "".join(client.errors)
    (shown,) = [line.removeprefix("[AxonFlow] audit ") for line in client.errors if "audit {" in line]
    told = json.loads(shown)
    assert told.items() <= outcome.items()
    assert outcome.keys() - told.keys() == {"sequence", "leader_email", "prev_hash", "hash"}
    assert "lead@example.com" not in said
    assert SSN not in said
    path = world.home / "audit" / "audit.jsonl"
    assert verify(path.read_bytes().splitlines(keepends=True), whole=True).fault == ""
    assert path.stat().st_mode & 0o777 == 0o600


def test_intent_is_on_disk_before_the_backend_works(world: World) -> None:
    client = world.client()
    waiting = client.ask("tools/call", {"name": "wait", "arguments": {}})
    client.until(lambda: world.lines("one", "waiting.txt"))
    (row,) = world.rows()
    assert (row["event"], row["tool_name"]) == ("intent", "wait")
    world.touch("one", "go")
    client.answer(waiting)
    assert [row["event"] for row in world.rows()] == ["intent", "outcome"]


def test_secrets_reach_the_agent_alone(world: World, agent: Agent) -> None:
    client = world.client(
        AXONFLOW_CLIENT_ID="me",
        AXONFLOW_CLIENT_SECRET="hush-hush",
        AXONFLOW_USER_TOKEN="user-token",
        AXONFLOW_TENANT_ID="tenant",
        AXONFLOW_ORG_ID="org",
    )
    environment = json.loads(client.call("environment")["result"]["content"][0]["text"])
    assert not [name for name in environment if name.startswith("AXONFLOW")]
    (request,) = agent.server.to(DECIDE)
    assert request.headers["authorization"] == "Basic bWU6aHVzaC1odXNo"
    assert request.headers["x-axonflow-client"].startswith("mcp-proxy/")
    assert request.headers["x-user-token"] == "user-token"
    assert (request.headers["x-tenant-id"], request.headers["x-org-id"]) == ("tenant", "org")
    assert request.headers["x-session-id"] == "session-1"
    assert request.json()["caller_identity"]["tenant_id"] == "tenant"
    client.close()
    assert "hush-hush" not in "".join(client.errors)


def test_client_trace_is_taken_up(world: World, agent: Agent) -> None:
    client = world.client()
    client.call("echo", {}, _meta={"traceparent": f"00-{'b' * 32}-{'c' * 16}-01"})
    (request,) = agent.server.to(DECIDE)
    assert request.headers["traceparent"].split("-")[1] == "b" * 32
    (meta,) = world.lines("one", "meta.txt")
    assert json.loads(meta) == {"traceparent": f"00-{'b' * 32}-{'c' * 16}-01"}, "the backend can take it up, too"


def test_renewed_credential_of_the_local_agent_is_taken_up(world: World, agent: Agent) -> None:
    from axonflow_hooks.account.local_agent import ensure_credential
    from axonflow_hooks.paths import resolve_paths

    client = world.client()
    client.tools()

    def unknown(request: Received) -> Reply | None:
        return None if "authorization" in request.headers else Reply(401, {"error": "who?"})

    agent.before = unknown
    agent.server.knows = ensure_credential(resolve_paths({"HOME": str(world.home)}), world.endpoint)
    assert "result" in client.call("echo", {"text": "x"})
