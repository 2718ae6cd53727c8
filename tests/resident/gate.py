"""A line to the agent that can be held at a named stage of a call: what the kill tests kill at.

Every request and every answer passes through whole, so that a test knows what each side has of it at each stage.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
from dataclasses import dataclass, field

HOLD_S = 60.0
STAGES = (
    "connecting",  # the resident has connected, and the agent knows nothing of it
    "request here",  # the resident has sent its request, and the agent has nothing of it
    "half a request",  # the agent has the head and half of the body
    "request there",  # the agent has all of the request, and may be anywhere in handling it
    "answer here",  # the agent has answered, and the resident has nothing of it
    "half an answer",  # the resident has half of the answer
    "answer there",  # the resident has all of the answer
)


@dataclass
class Hold:
    """One stage of one call of one tool; `tool` "" is any. `cut` ends the connection when the call goes on."""

    tool: str
    stage: str
    cut: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Wait until a call has come to this stage."""
        assert self.reached.wait(HOLD_S), f"no call of {self.tool} came to the stage: {self.stage}"

    def release(self) -> None:
        """Let the call go on."""
        self.released.set()


class Gate:
    """Listens on a port of its own and leads to the agent's."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._holds: list[Hold] = []
        self._links: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._name = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.url = f"http://{self._name}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, tool: str, stage: str) -> Hold:
        """Hold the next call of a tool at a stage, once."""
        made = Hold("" if stage == "connecting" else tool, stage)
        with self._guard:
            self._holds.append(made)
        return made

    def drop_connections(self) -> None:
        """End what the resident has kept: its next call has to connect."""
        with self._guard:
            for link in self._links:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections and end those that there are."""
        self._listening.close()
        self.drop_connections()

    def _pass(self, tool: str, stage: str) -> None:
        """Hold the call if it is to be held here. Raises EOFError where its connection is to be cut then."""
        self._keep(self._take(tool, stage))

    def _take(self, tool: str, stage: str) -> Hold | None:
        """Give what holds this call at a stage, if anything does; no other call is held by it then."""
        with self._guard:
            found = next((h for h in self._holds if h.stage == stage and h.tool in {"", tool}), None)
            if found:
                self._holds.remove(found)
        return found

    def _keep(self, found: Hold | None) -> None:
        if found:
            found.reached.set()
            found.released.wait(HOLD_S)
            if found.cut:
                raise EOFError

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(link,), daemon=True).start()

    def _carry(self, link: socket.socket) -> None:
        """Carry calls until one side has gone: then the other is told at once, as if there were no gate."""
        with self._guard:
            self._links.add(link)
        try:
            with link, contextlib.suppress(OSError, EOFError):
                self._pass("", "connecting")
                with socket.create_connection(("127.0.0.1", self._port), HOLD_S) as agent:
                    while self._has_request(link, agent):
                        self._carry_one(link, agent)
        finally:
            with self._guard:
                self._links.discard(link)

    def _has_request(self, link: socket.socket, agent: socket.socket) -> bool:
        ready, _, _ = select.select([link, agent], [], [])
        return agent not in ready  # it says nothing unasked: it has ended its connection

    def _carry_one(self, link: socket.socket, agent: socket.socket) -> None:
        # An agent on this machine answers to its own name only.
        request = _read_message(link).replace(self._name.encode(), f"127.0.0.1:{self._port}".encode(), 1)
        tool = _tool_of(request)
        self._pass(tool, "request here")
        middle = (request.index(b"\r\n\r\n") + 4 + len(request)) // 2
        agent.sendall(request[:middle])
        self._pass(tool, "half a request")
        agent.sendall(request[middle:])
        self._pass(tool, "request there")
        answer = _read_message(agent)
        self._pass(tool, "answer here")
        # The resident may be gone by now; what the agent did with the request holds all the same.
        middle = len(answer) // 2
        link.sendall(answer[:middle])
        self._pass(tool, "half an answer")
        # Looked for before: once the answer is there, a test may go on and hold the next call at this stage.
        last = self._take(tool, "answer there")
        link.sendall(answer[middle:])
        self._keep(last)


def _read_message(link: socket.socket) -> bytes:
    """Give one HTTP message with a Content-Length. Raises EOFError when it does not come whole."""
    content = bytearray()
    while b"\r\n\r\n" not in content:
        content += _received(link)
    head, _, body = bytes(content).partition(b"\r\n\r\n")
    lengths = [line.split(b":", 1)[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0] if lengths else 0) - len(body)
    while missing > 0:
        more = _received(link)
        content += more
        missing -= len(more)
    return bytes(content)


def _received(link: socket.socket) -> bytes:
    chunk = link.recv(65536)
    if not chunk:
        raise EOFError
    return chunk


def _tool_of(request: bytes) -> str:
    body = request.partition(b"\r\n\r\n")[2]
    return str(json.loads(body)["params"]["name"]) if body else ""
