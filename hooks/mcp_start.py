"""Answers the host's MCP requests while the plugin's Python environment is being set up, then stands between the two.

An MCP server is started together with the set-up, and only once. The host gives it 30 s to answer `initialize`, and
30 s more to list its tools; a first set-up may take longer. So `initialize` is answered at once, the list of tools is
kept back for a while, then given from mcp_tools.json, and every call waits for the set-up.

Standard library only. What is said here is MCP 2025-06-18 (lifecycle, tools); newer hosts fall back to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import set_up

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "2025-06-18"
OLDER = ("2024-11-05", "2025-03-26")
HOST_WAIT_S = 30.0  # unless MCP_TIMEOUT, in milliseconds, says otherwise
LIST_SHARE = 2 / 3  # of the host's patience: by then it gets the list, one way or the other
SET_UP_WAIT_S = 290.0  # set_up.py itself gives up before
RECENT_S = 5.0  # a problem that is hardly older than this process is one of the set-up that began with it
POLL_S = 0.05
TOO_LATE = "AxonFlow's Python environment was not set up in time. Start a new session to try again."
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603


class Stage:
    """The server of one session: what the host has asked, and the process that answers once it can be started."""

    def __init__(self, tools_file: Path, list_wait_s: float) -> None:
        self.over = threading.Event()  # the host has closed its side
        self._tools_file = tools_file
        self._list_wait_s = list_wait_s
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []  # lines for the server, in order
        self._lists: dict[bytes, float] = {}  # of these, the requests for the list of tools, and when they came
        self._listed = False  # the host has the list of mcp_tools.json
        self._server: subprocess.Popen[bytes] | None = None
        self._problem = ""

    def read(self) -> None:
        """Take the host's lines until there are no more."""
        try:
            for line in lines_of(0):
                with self._lock:
                    self._take(line)
        finally:
            self.over.set()

    def answer_overdue(self) -> None:
        """Give the list of tools to a host that has waited long enough for it."""
        with self._lock:
            for line, since in list(self._lists.items()):
                if time.monotonic() >= since + self._list_wait_s:
                    self._give_list(line)

    def go_on(self, command: list[str], initialized_mark: str) -> subprocess.Popen[bytes]:
        """Start the server and hand over what waits for it; the mark says that this begins with `initialize`."""
        with self._lock:
            begun = bool(self._waiting) and parsed(self._waiting[0]).get("method") == "initialize"
            if self._listed:  # said before the server can write to the same stream
                say({"method": "notifications/tools/list_changed"})
            server = subprocess.Popen(command + [initialized_mark] * begun, stdin=subprocess.PIPE)
            self._server = server
            self._lists.clear()
            for line in self._waiting:
                self._pass_on(line)
        return server

    def give_up(self, problem: str) -> None:
        """Answer every request with the problem from now on."""
        with self._lock:
            self._problem = problem
            for line in list(self._lists):
                self._give_list(line)
            for line in self._waiting:
                self._refuse(parsed(line))
            self._waiting.clear()

    def close(self) -> None:
        """Tell the server that no more will come."""
        with self._lock:
            if self._server and self._server.stdin:
                with contextlib.suppress(OSError):
                    self._server.stdin.close()

    def _take(self, line: bytes) -> None:
        if self._server:
            self._pass_on(line)
            return
        message = parsed(line)
        method, request_id = message.get("method"), message.get("id")
        if method == "initialize":
            self._waiting.insert(0, line)  # the agent has to hear of it too
            say({"id": request_id, "result": initialized(message)})
        elif method == "ping":
            say({"id": request_id, "result": {}})
        elif method == "tools/list":
            self._waiting.append(line)
            self._lists[line] = time.monotonic()
            if self._problem:
                self._give_list(line)
        elif method == "notifications/cancelled":
            self._cancel(message)
        elif request_id is not None and method != "tools/call":
            say({"id": request_id, "error": {"code": METHOD_NOT_FOUND, "message": "Method not found"}})
        elif self._problem:
            self._refuse(message)
        else:
            self._waiting.append(line)

    def _pass_on(self, line: bytes) -> None:
        if self._server and self._server.stdin:
            with contextlib.suppress(OSError):  # it has left: `attend` sees it
                self._server.stdin.write(line)
                self._server.stdin.flush()

    def _give_list(self, line: bytes) -> None:
        tools = json.loads(self._tools_file.read_text(encoding="utf-8"))
        del self._lists[line]
        self._waiting.remove(line)
        self._listed = True
        say({"id": parsed(line).get("id"), "result": {"tools": tools}})

    def _cancel(self, message: dict[str, Any]) -> None:
        """Drop what the host no longer waits for: an answer to it would be an error."""
        cancelled = parameters(message).get("requestId")
        for line in list(self._waiting):
            if cancelled is not None and parsed(line).get("id") == cancelled:
                self._waiting.remove(line)
                self._lists.pop(line, None)

    def _refuse(self, message: dict[str, Any]) -> None:
        if message.get("id") is not None and message.get("method") != "initialize":
            say({"id": message["id"], "error": {"code": INTERNAL_ERROR, "message": self._problem}})


def serve_until_set_up(root: str, data: str, arguments: list[str], initialized_mark: str) -> int | None:
    """Serve the host until it closes its side, and give the exit status; None where the environment is there already.

    Once there is one, its interpreter is started with the arguments, and with the mark where the first line that it
    reads is an `initialize` that has been answered.
    """
    needed = needed_environment(root)
    if prepared(data, needed):
        return None
    stage = Stage(
        Path(root, "hooks", "mcp_tools.json"), host_patience_s(os.environ.get("MCP_TIMEOUT", "")) * LIST_SHARE
    )
    threading.Thread(target=stage.read, daemon=True).start()
    started, until = time.time(), time.monotonic() + SET_UP_WAIT_S
    while not stage.over.wait(POLL_S):
        interpreter = prepared(data, needed)
        if interpreter:
            return attend(stage, stage.go_on([interpreter, *arguments], initialized_mark))
        problem = problem_since(Path(data, "set-up-problem"), started - RECENT_S)
        if problem or time.monotonic() > until:
            stage.give_up(problem or TOO_LATE)
            stage.over.wait()
            break
        stage.answer_overdue()
    return 0


def host_patience_s(setting: str) -> float:
    """Take the host's MCP_TIMEOUT and give the seconds that it waits for an answer."""
    return int(setting) / 1000 if setting.isdecimal() and int(setting) > 0 else HOST_WAIT_S


def needed_environment(root: str) -> str:
    """Give the name of the environment that this release needs, "" where that cannot be told."""
    try:
        return set_up.environment_key(Path(root, "requirements", "plugin.txt"))
    except set_up.SetUpError:
        return ""


def prepared(data: str, environment: str) -> str:
    """Give the interpreter that set_up.py has recorded, "" where there is none or it is another environment's."""
    recorded = text_of(Path(data, "interpreter")).strip()
    return recorded if environment in recorded and os.access(recorded, os.X_OK) else ""


def problem_since(file: Path, moment: float) -> str:
    """Give what a set-up that ended after the moment (seconds since the epoch) has met, "" for nothing."""
    try:
        recent = file.stat().st_mtime >= moment
    except OSError:
        return ""
    return " ".join(text_of(file).split()) if recent else ""


def text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def attend(stage: Stage, server: subprocess.Popen[bytes]) -> int:
    """Wait until the host or the server ends, and give the server's exit status."""
    while server.poll() is None:
        if stage.over.wait(1.0):
            stage.close()
            return server.wait()
    return server.returncode


def lines_of(descriptor: int) -> Iterator[bytes]:
    """Give what is read, line by line; unlike sys.stdin, it can be left by the process at any time."""
    rest = b""
    while chunk := os.read(descriptor, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def initialized(message: dict[str, Any]) -> dict[str, Any]:
    """Give the result of `initialize`."""
    asked = parameters(message).get("protocolVersion")
    return {
        "protocolVersion": asked if asked in OLDER else VERSION,
        "capabilities": {"tools": {"listChanged": True}},
        "serverInfo": {"name": "axonflow", "version": "1.0.0"},
    }


def parameters(message: dict[str, Any]) -> dict[str, Any]:
    given = message.get("params")
    return given if isinstance(given, dict) else {}


def parsed(line: bytes) -> dict[str, Any]:
    """Give a JSON-RPC message, {} for what is none: the server answers for that."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def say(message: dict[str, Any]) -> None:
    """Write one message to the host, in one piece: the server writes to the same stream."""
    sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    sys.stdout.buffer.flush()
