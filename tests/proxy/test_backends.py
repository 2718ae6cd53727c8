"""Backends as real processes: they start late, crash, are killed in the middle of a call, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.proxy.conftest import DEADLINE_S, poll

if TYPE_CHECKING:
    from tests.proxy.conftest import World

KILLS_A_ROUND = 5
ROUNDS = -(-int(os.environ.get("AXONFLOW_TEST_KILLS", "10")) // KILLS_A_ROUND)


def test_one_backend_passes_names_through(world: World) -> None:
    client = world.client(world.backend("one"))
    assert "echo" in client.tools()


def test_several_backends_are_told_apart(world: World) -> None:
    client = world.client(world.backend("one"), world.backend("two"))
    tools = client.tools()
    assert {"one__echo", "two__echo"} <= set(tools)
    client.call("two__count", {"n": 1})
    assert (len(world.lines("one", "count.txt")), len(world.lines("two", "count.txt"))) == (0, 1)


def test_long_names_are_shortened_and_still_work(world: World) -> None:
    prefix = "a" * 50 + "_"
    client = world.client(world.backend("one", f"prefix={prefix}"), world.backend("two"))
    name = next(tool for tool in client.tools() if tool.startswith("one__a") and tool.find("count") < 0)
    assert all(len(tool) <= 64 for tool in client.tools())
    long = [tool for tool in client.tools() if tool.startswith("one__")]
    assert len(set(long)) == len(long)
    assert "error" not in client.call(name, {"result": {"content": []}, "message": "m"}) or name


def test_name_that_a_backend_lists_twice_is_refused_loudly(world: World) -> None:
    client = world.client(world.backend("one", "twice=echo"))
    tools = client.tools()
    assert "echo" not in tools
    assert "count" in tools
    assert client.call("echo")["error"]["code"] == -32602
    client.until(lambda: any("'echo' stands 2 times" in line for line in client.errors))


def test_address_that_two_backends_share_is_refused_loudly(world: World) -> None:
    client = world.client(world.backend("one", "offer=all"), world.backend("two", "offer=all", "name=one"))
    assert client.request("resources/list")["result"]["resources"] == []
    client.until(lambda: any("'test://one/a' is refused" in line for line in client.errors))


def test_every_page_is_listed(world: World) -> None:
    client = world.client(world.backend("one", "page=2"))
    assert {"echo", "grandchild"} <= set(client.tools())


@pytest.mark.parametrize(
    ("lists", "seen", "unseen"),
    [
        pytest.param({"allow": ["echo", "c*"]}, {"echo", "count"}, {"wait", "read"}, id="allow"),
        pytest.param({"deny": ["count", "w*"]}, {"echo", "read"}, {"count", "wait"}, id="deny"),
        pytest.param({"allow": ["*"], "deny": ["echo"]}, {"count"}, {"echo"}, id="deny wins"),
    ],
)
def test_tools_are_allowed_and_denied_by_the_map(
    world: World, lists: dict[str, list[str]], seen: set[str], unseen: set[str]
) -> None:
    client = world.client(world.backend("one", **lists))
    tools = set(client.tools())
    assert seen <= tools
    assert not unseen & tools
    name = min(unseen)
    assert client.call(name)["error"]["code"] == -32602
    assert world.rows("outcome")[-1]["tool_name"] == name


def test_backend_that_is_down_at_start_is_announced_when_it_is_up(world: World) -> None:
    gate = world.folder / "gate"
    slow = world.backend("slow", f"gate={gate}")
    client = world.client(world.backend("one"), slow, {"id": "gone", "command": "/nowhere/to/be/found"})
    assert client.call("one__echo")["result"]
    gate.touch()
    client.until(lambda: "slow__echo" in client.tools())
    assert client.call("slow__echo")["result"]


def test_list_changed_follows_a_late_start(world: World) -> None:
    program = world.folder / "late-program"
    client = world.client(world.backend("one"), {**world.backend("late"), "command": str(program)})
    assert not [tool for tool in client.tools() if tool.startswith("late__")]
    program.symlink_to(world.backend("one")["command"])
    client.notification("notifications/tools/list_changed")
    assert "late__echo" in client.tools()


def test_call_to_a_missing_backend_says_so_and_may_be_repeated(world: World) -> None:
    world.waits["backend.WAIT_FOR_RESTART_S"] = 0.5
    client = world.client({"id": "gone", "command": "/nowhere/to/be/found"})
    assert client.tools() == []
    error = client.call("anything")["error"]
    assert error["code"] == -32004
    assert error["data"] == {**error["data"], "backend": "gone", "retryable": True, "executed": False}
    assert "/nowhere/to/be/found" in error["message"]
    assert world.rows("outcome")[-1]["verdict"] == "error"


@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_killed_in_mid_call(world: World, round_number: int) -> None:
    """No call is executed twice, and none is lost silently."""
    client = world.client(world.backend("one"))
    client.tools()
    for number in range(KILLS_A_ROUND):
        asked = client.ask("tools/call", {"name": "count", "arguments": {"n": number, "hang": True}})
        _wait_for_lines(world, "count.txt", number + 1)
        os.kill(int(world.lines("one", "starts.txt")[-1]), signal.SIGKILL)
        error = client.answer(asked)["error"]
        assert error["code"] == -32004
        assert error["data"]["executed"] == "unknown"
        assert error["data"]["retryable"] is False
        _wait_for_lines(world, "starts.txt", number + 2)
    world.touch("one", "go")
    assert "result" in client.call("count", {"n": KILLS_A_ROUND})
    calls = [json.loads(line)["n"] for line in world.lines("one", "count.txt")]
    assert calls == list(range(KILLS_A_ROUND + 1))
    assert [row["verdict"] for row in world.rows("outcome")] == [*["error"] * KILLS_A_ROUND, "allow"]
    assert len(world.rows("intent")) == KILLS_A_ROUND + 1


def _wait_for_lines(world: World, name: str, count: int) -> None:
    poll(lambda: len(world.lines("one", name)) == count)


def test_read_only_tool_is_repeated(world: World) -> None:
    client = world.client(world.backend("one"))
    assert "result" in client.call("read", {"die": True})
    assert len(world.lines("one", "read.txt")) == 2


def test_other_calls_survive_the_loss_of_one_backend(world: World) -> None:
    client = world.client(world.backend("one"), world.backend("two"))
    waiting = client.ask("tools/call", {"name": "two__wait", "arguments": {}})
    client.until(lambda: world.lines("two", "waiting.txt"))
    assert client.call("one__count", {"die": True})["error"]["code"] == -32004
    world.touch("two", "go")
    assert "result" in client.answer(waiting)


def test_process_group_ends_with_the_proxy(world: World) -> None:
    client = world.client(world.backend("one"))
    child = int(client.call("grandchild")["result"]["content"][0]["text"])
    os.kill(child, 0)
    client.close()
    poll(lambda: not _alive(child))
    poll(lambda: not _alive(int(world.lines("one", "starts.txt")[-1])))


def test_sigterm_ends_proxy_and_backends_even_in_a_call(world: World) -> None:
    client = world.client(world.backend("one"), AXONFLOW_BACKEND_TIMEOUT="500s")
    client.ask("tools/call", {"name": "wait", "arguments": {}})
    client.until(lambda: world.lines("one", "waiting.txt"))
    client.process.terminate()
    assert client.process.wait(DEADLINE_S) == 0
    assert world.rows("outcome")[-1]["error"] == "cancelled"
    poll(lambda: not _alive(int(world.lines("one", "starts.txt")[-1])))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat") as stream:  # noqa: PTH123
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def test_backend_stderr_carries_its_name(world: World) -> None:
    client = world.client(world.backend("one", "stderr=a word of warning"))
    client.until(lambda: any("[one] a word of warning" in line for line in client.errors))


def test_environment_is_minimal_and_references_are_resolved(world: World) -> None:
    secret = world.folder / "secret"
    secret.write_text("from-file\n")
    secret.chmod(0o600)
    given = {"PLAIN": "p", "ONE": {"env": "MY_TOKEN", "prefix": "Bearer "}, "TWO": {"file": str(secret)}}
    client = world.client(world.backend("one", env=given), MY_TOKEN="from-env", UNRELATED="x")
    environment = json.loads(client.call("environment")["result"]["content"][0]["text"])
    assert (environment["PLAIN"], environment["ONE"], environment["TWO"]) == ("p", "Bearer from-env", "from-file")
    assert not {"MY_TOKEN", "UNRELATED"} & environment.keys()
    assert environment["HOME"] == str(world.home)


@pytest.mark.parametrize(
    ("version", "works"),
    [
        pytest.param("2025-11-25", True, id="newest"),
        pytest.param("2024-11-05", True, id="old"),
        pytest.param("1999-01-01", False, id="unknown"),
    ],
)
def test_backend_versions_are_verified(world: World, version: str, works: bool) -> None:
    if not works:
        world.waits["backend.WAIT_FOR_RESTART_S"] = 0.5
    client = world.client(world.backend("one", f"version={version}"))
    assert ("echo" in client.tools()) is works
    answer = client.call("echo")
    assert ("result" in answer) is works
    if not works:
        assert "1999-01-01" in answer["error"]["message"]


def test_backend_is_told_what_the_client_can_do(world: World) -> None:
    client = world.connect(world.backend("one"))
    client.start({"sampling": {}, "roots": {"listChanged": True}, "tasks": {}})
    client.tools()
    told = json.loads(world.lines("one", "clients.txt")[0])
    assert told["capabilities"] == {"sampling": {}, "roots": {"listChanged": True}}
    assert told["protocolVersion"] == "2025-11-25"


def test_backends_do_not_outlive_a_killed_proxy(world: World) -> None:
    client = world.client(world.backend("one", "stay=1"))
    child = int(client.call("grandchild")["result"]["content"][0]["text"])
    (backend,) = map(int, world.lines("one", "starts.txt"))
    client.process.kill()
    poll(lambda: not _alive(backend) and not _alive(child))
