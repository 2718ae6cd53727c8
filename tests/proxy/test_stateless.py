"""Clients that speak 2026-07-28: no handshake, each request carries its version."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.proxy.conftest import MASK, SSN

if TYPE_CHECKING:
    from tests.proxy.conftest import World

PREFIX = "io.modelcontextprotocol/"
ENVELOPE = {
    f"{PREFIX}protocolVersion": "2026-07-28",
    f"{PREFIX}clientCapabilities": {"sampling": {}},
    f"{PREFIX}clientInfo": {"name": "test", "version": "1"},
}


def _params(version: str = "2026-07-28", **more: Any) -> dict[str, Any]:
    return {**more, "_meta": {**ENVELOPE, f"{PREFIX}protocolVersion": version, "mine": 1}}


def test_discovery_declares_what_is_served(world: World) -> None:
    client = world.connect()
    result = client.request("server/discover", _params())["result"]
    assert result["supportedVersions"] == ["2026-07-28"]
    assert set(result["capabilities"]) == {"completions", "prompts", "resources", "tools"}
    assert result["resultType"] == "complete"
    assert world.lines("one", "starts.txt") == [], "a probe starts nothing"


def test_calls_are_governed_without_a_handshake(world: World) -> None:
    client = world.connect()
    listed = client.request("tools/list", _params())["result"]
    assert (listed["resultType"], listed["ttlMs"], listed["cacheScope"]) == ("complete", 0, "private")
    assert "echo" in [tool["name"] for tool in listed["tools"]]
    answer = client.request("tools/call", _params(name="echo", arguments={"who": SSN}))["result"]
    assert answer["structuredContent"] == {"who": MASK}
    assert answer["resultType"] == "complete"
    denied = client.request("tools/call", _params(name="count", arguments={"who": "forbidden"}))
    assert denied["error"]["code"] == -32001
    told = json.loads(world.lines("one", "clients.txt")[0])
    assert told["capabilities"] == {}, "such a client cannot be asked"


@pytest.mark.parametrize(
    ("method", "version", "code"),
    [
        ("tools/list", "2099-01-01", -32022),
        ("ping", "2026-07-28", -32601),
        ("logging/setLevel", "2026-07-28", -32601),
        ("resources/subscribe", "2026-07-28", -32601),
        ("nonsense", "2026-07-28", -32601),
    ],
)
def test_what_is_not_spoken_is_refused(world: World, method: str, version: str, code: int) -> None:
    error = world.connect().request(method, _params(version))["error"]
    assert error["code"] == code
    if code == -32022:
        assert error["data"] == {"supported": ["2026-07-28"], "requested": "2099-01-01"}


def test_client_that_only_probes_may_still_shake_hands(world: World) -> None:
    client = world.connect()
    client.request("server/discover", _params())
    client.start({"roots": {}})
    assert "echo" in client.tools()
    assert json.loads(world.lines("one", "clients.txt")[0])["capabilities"] == {"roots": {}}


def test_notifications_need_a_handshake(world: World) -> None:
    client = world.connect()
    client.request("tools/call", _params(name="log", arguments={"data": "x"}))
    client.request("tools/call", _params(name="echo", arguments={}))
    assert not [message for message in client._kept if "method" in message]


def test_lists_that_change_are_told_to_who_listens(world: World) -> None:
    program = world.folder / "late-program"
    client = world.connect(world.backend("one"), {**world.backend("late"), "command": str(program)})
    assert client.request("tools/list", _params())["result"]["tools"]
    listening = client.ask("subscriptions/listen", _params(notifications={"toolsListChanged": True, "other": True}))
    told = client.notification("notifications/subscriptions/acknowledged")["params"]
    assert told == {"notifications": {"toolsListChanged": True}, "_meta": {f"{PREFIX}subscriptionId": listening}}
    program.symlink_to(world.backend("one")["command"])
    changed = client.notification("notifications/tools/list_changed")["params"]
    assert changed == {"_meta": {f"{PREFIX}subscriptionId": listening}}
    tools = client.request("tools/list", _params())["result"]["tools"]
    assert "late__echo" in [tool["name"] for tool in tools]
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert client.answer(listening)["result"]["resultType"] == "complete"


def test_subscription_can_be_cancelled_and_must_say_what_it_wants(world: World) -> None:
    client = world.connect()
    assert client.request("subscriptions/listen", _params())["error"]["code"] == -32602
    listening = client.ask("subscriptions/listen", _params(notifications={}))
    client.notification("notifications/subscriptions/acknowledged")
    client.send({"method": "notifications/cancelled", "params": {"requestId": listening}})
    client.request("tools/list", _params())
    assert client.close() == 0
    assert listening not in client.raw
