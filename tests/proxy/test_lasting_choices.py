"""What a user or a client has chosen holds on every way: after a restart, without a decision, for every backend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.backend import passed_on_capabilities
from axonflow_hooks.proxy.exact_json import Member
from axonflow_hooks.proxy.stateless import without_envelope
from tests.conftest import Reply
from tests.proxy.conftest import MASK, SSN

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, World

DECIDE = "/api/v1/decide"
CHECK_OUTPUT = "/api/v1/mcp/check-output"
PREFIX = "io.modelcontextprotocol/"
ENVELOPE = {
    f"{PREFIX}protocolVersion": "2026-07-28",
    f"{PREFIX}clientCapabilities": {},
    f"{PREFIX}clientInfo": {"name": "test", "version": "1"},
    f"{PREFIX}logLevel": "info",
}
TRACE = {"traceparent": f"00-{'b' * 32}-{'c' * 16}-01"}


def test_log_level_outlives_the_backend_that_was_told(world: World) -> None:
    client = world.client()
    client.tools()
    told = 'logging/setLevel {"level": "warning"}'
    assert client.request("logging/setLevel", {"level": "warning"})["result"] == {}
    client.until(lambda: world.lines("one", "methods.txt") == [told])
    assert "error" in client.call("count", {"die": True})
    client.until(lambda: len(world.lines("one", "starts.txt")) == 2)
    client.until(lambda: len(world.lines("one", "methods.txt")) > 1)
    assert world.lines("one", "methods.txt") == [told] * 2


@pytest.mark.parametrize(
    ("redact", "checked"),
    [
        pytest.param("always", True, id="always"),
        pytest.param("on-obligation", True, id="on-obligation"),
        pytest.param("off", False, id="off"),
    ],
)
@pytest.mark.parametrize(
    "reply",
    [pytest.param(Reply(503, {"error": "x"}), id="503"), pytest.param(Reply(act="reset"), id="reset")],
)
def test_result_of_a_call_that_failed_open_is_checked(
    world: World, agent: Agent, reply: Reply, redact: str, checked: bool
) -> None:
    client = world.client(AXONFLOW_FAIL_MODE="open", AXONFLOW_REDACT_RESPONSES=redact)
    client.tools()
    before = len(agent.asked(CHECK_OUTPUT))
    agent.before = lambda request: reply if request.path == DECIDE else None
    answer = client.call("reply", {"result": {"content": [{"type": "text", "text": f"SSN {SSN}"}]}})
    assert answer["result"]["content"][0]["text"] == f"SSN {MASK if checked else SSN}"
    assert (len(agent.asked(CHECK_OUTPUT)) > before) is checked
    assert world.rows("outcome")[-1]["failed_open"] is True


@pytest.mark.parametrize(
    ("more", "reaches"),
    [
        pytest.param({}, None, id="nothing else"),
        pytest.param(TRACE, TRACE, id="trace"),
        pytest.param({"progressToken": 7}, {"progressToken": 7}, id="progress token"),
    ],
)
def test_envelope_of_a_request_is_not_the_backends(
    world: World, more: dict[str, Any], reaches: dict[str, Any] | None
) -> None:
    client = world.connect()
    params = {"name": "echo", "arguments": {"n": 1}, "_meta": {**ENVELOPE, **more}}
    assert client.request("tools/call", params)["result"]["structuredContent"] == {"n": 1}
    assert [json.loads(line) for line in world.lines("one", "meta.txt")] == ([reaches] if reaches else [])


@pytest.mark.parametrize("name", ENVELOPE)
def test_each_member_of_the_envelope_is_taken_off(name: str) -> None:
    params = {"name": "echo", "_meta": {name: ENVELOPE[name], f"{PREFIX}other": 1, "mine": [1]}}
    kept = without_envelope(Member(params, json.dumps(params)))
    assert kept.value == {"name": "echo", "_meta": {f"{PREFIX}other": 1, "mine": [1]}}
    assert json.loads(kept.raw) == kept.value


@pytest.mark.parametrize(
    ("client", "told"),
    [
        pytest.param(
            {"roots": {"listChanged": True}, "sampling": {}},
            {"roots": {"listChanged": True}, "sampling": {}},
            id="as it is",
        ),
        pytest.param({"roots": None, "sampling": False, "elicitation": []}, {}, id="what is no capability"),
        pytest.param({"experimental": {}, "tasks": {}}, {}, id="what the proxy does not pass on"),
    ],
)
def test_backends_are_told_what_the_client_can_do(client: dict[str, Any], told: dict[str, Any]) -> None:
    assert passed_on_capabilities(client) == told
