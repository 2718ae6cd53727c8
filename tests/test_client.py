"""AgentClient against a real server: each row of the failure table that the client decides."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import socket
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from axonflow_hooks import __version__
from axonflow_hooks.client import (
    MAX_REPLY_BYTES,
    AgentClient,
    Connection,
    new_http_client,
    one_line,
    retry_after_s,
)
from axonflow_hooks.errors import AgentError, AgentRefused, AgentUnavailable, MalformedVerdict, RateLimited
from axonflow_hooks.wire.mcp_tools import (
    AuditToolCallArguments,
    CheckOutputArguments,
    CheckPolicyArguments,
    PolicyVerdict,
)
from tests.conftest import Reply, StandIn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    T = TypeVar("T")

MCP = "/api/v1/mcp-server"
SECRET = "5ecretOf" + "TheClient"
BASIC = base64.b64encode(f"client-1:{SECRET}".encode()).decode()
TOO_MUCH = b" " * (MAX_REPLY_BYTES + 1)
LICENSE = "AXON-" + "bGljZW5jZQ.c2lnbmF0dXJl"
ARGUMENTS = CheckPolicyArguments(connector_type="claude_code.Bash", statement="git status")


def ask(url: str, question: Callable[[AgentClient], Awaitable[T]]) -> T:
    """Put one question to the server at `url` with all credentials set."""

    async def run() -> T:
        connection = Connection(url, basic=BASIC, license_token=LICENSE, user_email="dev@example.com")
        async with new_http_client(url) as http:
            return await question(AgentClient(connection, http))

    return asyncio.run(run())


def check(url: str, *, timeout_s: float = 60.0) -> PolicyVerdict:
    return ask(url, lambda client: client.check_policy(ARGUMENTS, session_id="s-1", timeout_s=timeout_s))


def tool_reply(value: Any, **extra: Any) -> Reply:
    text = value if isinstance(value, str) else json.dumps(value)
    return rpc({"content": [{"type": "text", "text": text}], **extra})


def rpc(result: Any) -> Reply:
    return Reply(200, {"jsonrpc": "2.0", "id": 1, "result": result})


def rpc_error(code: Any, message: Any = "no", status: int = 200) -> Reply:
    return Reply(status, {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}})


def test_allowed_call_and_its_headers(stand_in: StandIn) -> None:
    stand_in.replies[MCP] = tool_reply({"allowed": True, "decision_id": "d-1", "policies_evaluated": "53"})
    verdict = check(stand_in.url)
    assert (verdict.allowed, verdict.decision_id, verdict.policies_evaluated) == (True, "d-1", 53)
    request = stand_in.requests[0]
    assert request.method == "POST"
    sent = {name: request.headers.get(name) for name in SENT_HEADERS}
    assert sent == SENT_HEADERS
    assert request.json() == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "check_policy",
            "arguments": {"connector_type": "claude_code.Bash", "statement": "git status", "operation": "execute"},
        },
    }


SENT_HEADERS = {
    "authorization": f"Basic {BASIC}",
    "x-license-token": LICENSE,
    "x-user-email": "dev@example.com",
    "x-session-id": "s-1",
    "x-axonflow-client": f"claude-code-plugin/{__version__}",
    "content-type": "application/json",
}


def test_blocked_call_keeps_what_explains_it(stand_in: StandIn) -> None:
    stand_in.replies[MCP] = tool_reply(
        {
            "allowed": False,
            "block_reason": "deletes the root folder",
            "risk_level": "CRITICAL",
            "policies_evaluated": True,
            "policy_matches": [{"policy_id": "p-1", "risk_level": "odd"}, "not a match"],
            "new_in_a_later_release": {"a": 1},
        }
    )
    verdict = check(stand_in.url)
    assert not verdict.allowed
    assert (verdict.block_reason, verdict.risk_level, verdict.policies_evaluated) == (
        "deletes the root folder",
        "critical",
        None,
    )
    assert [(match.policy_id, match.risk_level) for match in verdict.policy_matches] == [("p-1", None)]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        pytest.param(Reply(401, {"error": {"code": 401, "message": "Invalid plugin license token"}}), 401, id="401"),
        pytest.param(Reply(403, {"error": "tenant mismatch"}), 403, id="403"),
        pytest.param(Reply(401, b"<html>go away</html>"), 401, id="401-html"),
        pytest.param(Reply(403, b""), 403, id="403-empty"),
        pytest.param(rpc_error(-32001, "Authentication required", 401), -32001, id="401-with--32001"),
        pytest.param(rpc_error(-32001), -32001, id="-32001"),
        pytest.param(rpc_error(-32600), -32600, id="-32600"),
        pytest.param(rpc_error(-32600, status=415), -32600, id="-32600-in-415"),
        pytest.param(rpc_error(-32601), -32601, id="-32601"),
        pytest.param(rpc_error(-32602), -32602, id="-32602"),
        pytest.param(rpc_error(401), 401, id="401-in-200"),
        pytest.param(rpc_error(403), 403, id="403-in-200"),
        pytest.param(Reply(400, b"bad request"), 400, id="400-without-json-rpc"),
        pytest.param(Reply(402, {"error": "ERR_TIER_LIMIT_SERVICE_PRINCIPAL"}), 402, id="402"),
        pytest.param(Reply(404, b"<html>not here</html>"), 404, id="404-of-another-server"),
        pytest.param(Reply(404, {"error": {"code": 404, "message": "no route"}}), 404, id="404-of-another-api"),
        pytest.param(Reply(405, b""), 405, id="405-of-another-server"),
        pytest.param(rpc_error(-32602.0), -32602, id="-32602-as-float"),
    ],
)
def test_refusals(stand_in: StandIn, reply: Reply, code: int) -> None:
    stand_in.replies[MCP] = reply
    with pytest.raises(AgentRefused) as caught:
        check(stand_in.url)
    assert caught.value.code == code
    assert "AXONFLOW_AUTH" in caught.value.remedy


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(500, b"oops"), id="500"),
        pytest.param(Reply(502, {"error": "bad gateway"}), id="502"),
        pytest.param(Reply(503, {"error": {"code": 503, "message": "license_lookup_unavailable"}}), id="503"),
        pytest.param(Reply(408, b"too slow"), id="408"),
        pytest.param(Reply(425, b"too early"), id="425"),
        pytest.param(Reply(302, b"", {"Location": "/elsewhere"}), id="redirects-are-not-followed"),
        pytest.param(rpc_error(-32603), id="-32603"),
        pytest.param(rpc_error(-32603, status=500), id="-32603-in-500"),
        pytest.param(rpc_error(-32700, status=400), id="-32700"),
        pytest.param(rpc_error(-32099), id="unknown-code"),
        pytest.param(rpc_error("E_WHAT"), id="code-is-text"),
        pytest.param(rpc_error([1]), id="code-is-a-list"),
        pytest.param(rpc_error(None, None), id="no-code"),
        pytest.param(Reply(act="reset"), id="reset"),
        pytest.param(Reply(act="garbage"), id="not-http"),
        pytest.param(Reply(200, {"result": {}}, act="cut"), id="cut-short"),
        pytest.param(Reply(200, b"not gzip", {"Content-Encoding": "gzip"}), id="broken-encoding"),
    ],
)
def test_unavailable(stand_in: StandIn, reply: Reply) -> None:
    stand_in.replies[MCP] = reply
    with pytest.raises(AgentUnavailable) as caught:
        check(stand_in.url)
    assert not isinstance(caught.value, RateLimited)


def test_nothing_listens(dead_url: str) -> None:
    with pytest.raises(AgentUnavailable, match="cannot be reached"):
        check(dead_url)


def test_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # a real name service may take longer than the deadline
    with pytest.raises(AgentUnavailable, match="cannot be reached"):
        check("http://agent.invalid:8080")


def test_silence_ends_at_the_deadline(stand_in: StandIn) -> None:
    stand_in.replies[MCP] = Reply(act="hang")
    with pytest.raises(AgentUnavailable, match=r"within 0\.3 s"):
        check(stand_in.url, timeout_s=0.3)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        pytest.param("17", 17, 17, id="seconds"),
        pytest.param("0", 1, 1, id="zero"),
        pytest.param("86400", 300, 300, id="a-day-is-bounded"),
        pytest.param("9" * 400, 300, 300, id="beyond-floats"),
        pytest.param("", 60, 60, id="missing"),
        pytest.param("soon", 60, 60, id="no-number"),
        pytest.param("-5", 60, 60, id="negative"),
        pytest.param("Thu, 01 Jan 1970 00:00:00 GMT", 1, 1, id="date-in-the-past"),
    ],
)
def test_rate_limit_and_its_wait(stand_in: StandIn, header: str, low: float, high: float) -> None:
    stand_in.replies[MCP] = Reply(429, {"error": "slow down"}, {"Retry-After": header} if header else {})
    with pytest.raises(RateLimited) as caught:
        check(stand_in.url)
    assert low <= caught.value.retry_after <= high


def test_rate_limit_until_a_date(stand_in: StandIn) -> None:
    until = formatdate(time.time() + 240, usegmt=True)
    stand_in.replies[MCP] = Reply(429, {"error": "slow down"}, {"Retry-After": until})
    with pytest.raises(RateLimited) as caught:
        check(stand_in.url)
    assert 120 <= caught.value.retry_after <= 240


def test_a_callers_own_bounds_of_the_wait() -> None:
    reply = httpx.Response(429, headers={"Retry-After": "7200"})
    assert retry_after_s(reply, default=10, maximum=9000) == 7200
    assert retry_after_s(httpx.Response(429), default=3600, maximum=9000) == 3600


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(tool_reply("policy evaluation temporarily unavailable", isError=True), id="isError"),
        pytest.param(tool_reply({"allowed": True}, isError=True), id="isError-with-verdict"),
        pytest.param(tool_reply({"decision_id": "d"}), id="no-allowed"),
        pytest.param(tool_reply({"allowed": "true"}), id="allowed-is-text"),
        pytest.param(tool_reply({"allowed": 1}), id="allowed-is-a-number"),
        pytest.param(tool_reply({"allowed": None}), id="allowed-is-null"),
        pytest.param(tool_reply("ok"), id="text-is-not-json"),
        pytest.param(tool_reply("[true]"), id="text-is-a-list"),
        pytest.param(tool_reply("[" * 200_000), id="text-nests-without-end"),
        pytest.param(rpc({}), id="empty-result"),
        pytest.param(rpc({"content": []}), id="no-content"),
        pytest.param(rpc({"content": "text"}), id="content-is-text"),
        pytest.param(rpc({"content": [{"type": "image"}]}), id="no-text"),
        pytest.param(rpc(None), id="null-result"),
        pytest.param(rpc([]), id="result-is-a-list"),
        pytest.param(Reply(200, b"<html>sign in</html>"), id="captive-portal"),
        pytest.param(Reply(200, b""), id="empty"),
        pytest.param(Reply(200, b"\xff\xfe\x00"), id="not-text"),
        pytest.param(Reply(200, b"[" * 200_000), id="body-nests-without-end"),
        pytest.param(Reply(200, TOO_MUCH), id="too-large"),
        pytest.param(
            Reply(200, gzip.compress(b" " * (MAX_REPLY_BYTES + 1)), {"Content-Encoding": "gzip"}),
            id="too-large-unpacked",
        ),
    ],
)
def test_what_is_no_verdict(stand_in: StandIn, reply: Reply) -> None:
    stand_in.replies[MCP] = reply
    with pytest.raises(MalformedVerdict):
        check(stand_in.url)


def test_structured_content_stands_in_for_missing_text(stand_in: StandIn) -> None:
    stand_in.replies[MCP] = rpc({"content": [], "structuredContent": {"allowed": False, "block_reason": "no"}})
    assert check(stand_in.url).block_reason == "no"


def test_a_compressed_reply_is_read(stand_in: StandIn) -> None:
    body = gzip.compress(tool_reply({"allowed": True, "decision_id": "zipped"}).content())
    stand_in.replies[MCP] = Reply(200, body, {"Content-Encoding": "gzip"})
    assert check(stand_in.url).decision_id == "zipped"


def test_check_output_and_audit(stand_in: StandIn) -> None:
    stand_in.replies[MCP] = [
        tool_reply({"allowed": True, "redacted_message": "ssn [REDACTED:ssn#1]", "redaction_evaluated": True}),
        tool_reply({"recorded": True, "details": {"audit_id": "a-1"}}),
    ]
    output = CheckOutputArguments(connector_type="claude_code.Bash", message="ssn …")
    audit = AuditToolCallArguments(tool_name="Bash", input={"command": "ls"})

    async def both(client: AgentClient) -> tuple[str | None, dict[str, Any]]:
        verdict = await client.check_output(output, session_id="", timeout_s=60)
        receipt = await client.audit_tool_call(audit, session_id="", timeout_s=60)
        return verdict.redacted_message, receipt.details

    assert ask(stand_in.url, both) == ("ssn [REDACTED:ssn#1]", {"audit_id": "a-1"})
    first, second = (request.json()["params"] for request in stand_in.requests)
    assert (first["name"], first["arguments"]["message"]) == ("check_output", "ssn …")
    assert second["name"] == "audit_tool_call"
    assert "success" not in second["arguments"]


def test_health_needs_and_sends_no_credential(stand_in: StandIn) -> None:
    stand_in.replies["/health"] = Reply(
        200, {"status": "healthy", "version": "9.18.0", "capabilities": None, "plugin_compatibility": "none"}
    )
    health = ask(stand_in.url, lambda client: client.health(timeout_s=60))
    assert (health.status, health.version) == ("healthy", "9.18.0")
    headers = stand_in.requests[0].headers
    assert "authorization" not in headers
    assert "x-license-token" not in headers
    assert headers["x-axonflow-client"] == f"claude-code-plugin/{__version__}"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reply(503, {"status": "starting"}), AgentUnavailable, id="503"),
        pytest.param(Reply(200, b"hello"), MalformedVerdict, id="not-json"),
        pytest.param(Reply(200, {"ok": True}), MalformedVerdict, id="no-status"),
    ],
)
def test_health_that_is_none(stand_in: StandIn, reply: Reply, error: type[AgentError]) -> None:
    stand_in.replies["/health"] = reply
    with pytest.raises(error):
        ask(stand_in.url, lambda client: client.health(timeout_s=60))


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(401, {"error": {"code": 401, "message": "no"}}), id="refused"),
        pytest.param(Reply(500, b""), id="unavailable"),
        pytest.param(Reply(act="reset"), id="reset"),
        pytest.param(Reply(act="garbage"), id="garbage"),
        pytest.param(Reply(429), id="rate-limited"),
        pytest.param(tool_reply("nothing"), id="malformed"),
    ],
)
def test_no_secret_in_errors_or_logs(stand_in: StandIn, reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    stand_in.replies[MCP] = reply
    with caplog.at_level(logging.DEBUG), pytest.raises(AgentError) as caught:
        check(stand_in.url)
    told = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {caplog.text}"
    assert not [secret for secret in (SECRET, BASIC, LICENSE, LICENSE[5:]) if secret in told]


def test_no_secret_in_the_representation_of_a_connection() -> None:
    shown = repr(Connection("http://localhost:8080", basic=BASIC, license_token=LICENSE))
    assert "localhost" in shown
    assert BASIC not in shown
    assert LICENSE not in shown


@pytest.mark.parametrize(
    ("session_id", "sent"),
    [
        pytest.param("0b8c-1", "0b8c-1", id="plain"),
        pytest.param("x" * 500, "x" * 200, id="cut"),
        pytest.param("a\r\nX-Evil: 1", None, id="line-ends"),
        pytest.param("sitzung-ü", None, id="not-ascii"),
        pytest.param("", None, id="none"),
    ],
)
def test_session_header(session_id: str, sent: str | None) -> None:
    assert Connection("http://localhost").headers(session_id).get("X-Session-Id") == sent


def test_a_proxy_never_stands_between_us_and_this_machine(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, dead_url: str
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, dead_url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    stand_in.replies[MCP] = tool_reply({"allowed": True})
    assert check(stand_in.url).allowed


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_no_traceback(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(AgentUnavailable, match="NO_PROXY"):
        check("https://agent.example.com")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a\n b\tc", "a b c", id="lines"),
        pytest.param("\x1b[31mred\x1b[0m", "[31mred[0m", id="escapes"),
        pytest.param("x" * 1000, "x" * 400, id="long"),
        pytest.param(None, "no details", id="nothing"),
        pytest.param({"a": 1}, "{'a': 1}", id="not-text"),
    ],
)
def test_one_line(text: object, line: str) -> None:
    assert one_line(text) == line
