"""hooks/mcp_start.py, through the launcher as the host starts it: an MCP server before its environment is there."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from devtools.mcp_tools import FILE, listing

from .test_run import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Plugin

NEEDS_HTTPX = "import no_such_dependency\n"
# What takes over: says how it was started, then gives back each line that it reads.
SERVER = 'shift 3\necho "{\\"started\\": \\"$*\\"}"\nwhile IFS= read -r line; do printf "%s\\n" "$line"; done'
INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
TOOLS = json.loads(FILE.read_text(encoding="utf-8"))
PING = {"jsonrpc": "2.0", "id": "ping", "method": "ping"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_policies", "arguments": {}}}


class Server:
    """The host's side of the server's stdio."""

    def __init__(self, plugin: Plugin, process: subprocess.Popen[bytes]) -> None:
        self.plugin = plugin
        self.process = process

    def send(self, *messages: object) -> None:
        assert self.process.stdin
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def set_up(self) -> None:
        """Record an interpreter, as set_up.py does at its end."""
        other = program(self.plugin.home / "other python", SERVER)
        replace_file(self.plugin.data / "interpreter", f"{other}\n")

    def end(self) -> list[Any]:
        out, _ = self.process.communicate(timeout=60)
        return [json.loads(line) for line in out.splitlines()]


def replace_file(path: Path, text: str) -> None:
    path.with_name("draft").write_text(text)
    path.with_name("draft").replace(path)


@contextmanager
def started(plugin: Plugin, python: str, **environ: str) -> Iterator[Server]:
    """Start the server on a machine where nothing has been set up."""
    plugin.package(mcp_bridge=NEEDS_HTTPX)
    command = [*plugin.shell, str(plugin.root / "hooks" / "run"), "mcp"]
    pipe = subprocess.PIPE
    # Unless a test says otherwise, the host waits for as long as the test may take.
    env = plugin.environment(AXONFLOW_PYTHON=python, **{"MCP_TIMEOUT": "600000", **environ})
    with subprocess.Popen(command, env=env, cwd=plugin.project, stdin=pipe, stdout=pipe) as process:
        try:
            yield Server(plugin, process)
        finally:
            process.kill()


def test_the_list_of_tools_is_that_of_the_agent() -> None:
    assert listing() == TOOLS, "run: python -m devtools.mcp_tools"


@pytest.mark.parametrize(("asked", "given"), [("2025-11-25", "2025-06-18"), ("2024-11-05", "2024-11-05")])
def test_the_host_is_answered_at_once(dash_plugin: Plugin, python: str, asked: str, given: str) -> None:
    with started(dash_plugin, python) as server:
        server.send({**INITIALIZE, "params": {"protocolVersion": asked}})
        result = server.receive()["result"]
        assert (result["protocolVersion"], result["capabilities"]) == (given, {"tools": {"listChanged": True}})
        server.send({"jsonrpc": "2.0", "id": 5, "method": "ping"})
        assert server.receive() == {"jsonrpc": "2.0", "id": 5, "result": {}}
        server.send({"jsonrpc": "2.0", "id": "x", "method": "server/discover"})
        assert server.receive()["error"]["code"] == -32601
        assert server.end() == []
        assert server.process.returncode == 0


def test_what_came_meanwhile_goes_to_the_server_in_order(dash_plugin: Plugin, python: str) -> None:
    with started(dash_plugin, python) as server:
        server.send(INITIALIZE)
        assert server.receive()["id"] == 0
        waiting = [{"jsonrpc": "2.0", "method": "notifications/initialized"}, LIST, CALL]
        server.send(*waiting, b"not JSON")
        server.set_up()
        assert server.receive() == {"started": "mcp initialized"}
        assert [server.receive() for _ in range(4)] == [INITIALIZE, *waiting]
        assert server.process.stdout
        assert server.process.stdout.readline() == b"not JSON\n"
        server.send({**LIST, "id": 9})
        assert server.receive() == {**LIST, "id": 9}
        assert server.end() == []
        assert server.process.returncode == 0


def test_a_host_that_waits_long_gets_the_list_and_is_told_of_the_real_one(dash_plugin: Plugin, python: str) -> None:
    with started(dash_plugin, python, MCP_TIMEOUT="300") as server:
        server.send(INITIALIZE, LIST)
        assert server.receive()["id"] == 0
        listed = server.receive()
        assert (listed["id"], listed["result"]["tools"]) == (1, TOOLS)
        server.send(CALL)
        server.set_up()
        assert server.receive() == {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
        assert server.receive() == {"started": "mcp initialized"}
        assert [server.receive(), server.receive()] == [INITIALIZE, CALL]


def test_what_the_host_has_given_up_is_answered_no_more(dash_plugin: Plugin, python: str) -> None:
    with started(dash_plugin, python) as server:
        server.send(INITIALIZE, LIST, CALL)
        server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}, PING)
        assert server.receive()["id"] == 0
        assert server.receive()["id"] == PING["id"], "what was sent before has been read"
        server.set_up()
        assert server.receive() == {"started": "mcp initialized"}
        assert [server.receive(), server.receive()] == [INITIALIZE, CALL]
        assert server.end() == []


def test_requests_of_a_wrong_shape_end_nothing(dash_plugin: Plugin, python: str) -> None:
    odd = [{**INITIALIZE, "params": ["2025-11-25"]}, {"method": "notifications/cancelled", "params": 7}, ["a list"]]
    with started(dash_plugin, python) as server:
        server.send(*odd, {"jsonrpc": "2.0", "id": 5, "method": "ping"})
        assert server.receive()["result"]["protocolVersion"] == "2025-06-18"
        assert server.receive()["id"] == 5


def test_without_an_initialize_the_server_is_told_of_none(dash_plugin: Plugin, python: str) -> None:
    with started(dash_plugin, python) as server:
        server.send(CALL)
        server.set_up()
        assert server.receive() == {"started": "mcp"}
        assert server.receive() == CALL


def test_a_set_up_that_fails_is_the_answer_to_every_call(dash_plugin: Plugin, python: str) -> None:
    with started(dash_plugin, python) as server:
        server.send(INITIALIZE, LIST, CALL)
        assert server.receive()["id"] == 0
        replace_file(dash_plugin.data / "set-up-problem", "The disk is full.\nFree some space.\n")
        assert server.receive()["result"]["tools"] == TOOLS
        for request_id in (2, 3):
            refused = server.receive()
            assert refused["id"] == request_id
            assert refused["error"] == {"code": -32603, "message": "The disk is full. Free some space."}
            server.send({**CALL, "id": 3})
        assert server.process.poll() is None


def test_a_problem_of_an_earlier_session_is_none_of_this_one(dash_plugin: Plugin, python: str) -> None:
    old = dash_plugin.data / "set-up-problem"
    old.write_text("The disk is full.\nFree some space.\n")
    os.utime(old, (time.time() - 60, time.time() - 60))
    with started(dash_plugin, python) as server:
        server.send(INITIALIZE, CALL)
        assert server.receive()["id"] == 0
        server.set_up()
        assert server.receive() == {"started": "mcp initialized"}


def test_the_end_of_the_server_is_the_end(dash_plugin: Plugin, python: str) -> None:
    with started(dash_plugin, python) as server:
        server.send(INITIALIZE)
        assert server.receive()["id"] == 0
        other = program(dash_plugin.home / "other", "exit 7")
        replace_file(dash_plugin.data / "interpreter", f"{other}\n")
        assert server.process.wait(timeout=60) == 7


def test_the_environment_of_an_earlier_release_is_not_waited_with(dash_plugin: Plugin, python: str) -> None:
    """One that lacks what this release needs says so to nobody: the new one is on its way."""
    (dash_plugin.root / "requirements").mkdir()
    (dash_plugin.root / "requirements" / "plugin.txt").write_text("of this release\n")
    lacking = dash_plugin.data / "environments" / "earlier" / "bin" / "python"
    program(lacking, f"exec '{python}' \"$@\"")
    (dash_plugin.data / "interpreter").write_text(f"{lacking}\n")
    with started(dash_plugin, python) as server:
        server.send(INITIALIZE)
        assert server.receive()["result"]["serverInfo"]["name"] == "axonflow"
