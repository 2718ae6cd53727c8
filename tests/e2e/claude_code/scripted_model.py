"""A stand-in for the Messages API on loopback: says what a script tells it to, and keeps what it was asked.

Turn n of a script answers the request that holds n assistant messages, so retries and the conversations of subagents
stay in step without any state.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Block = dict[str, Any]
Turn = Sequence[Block] | Callable[[str], Sequence[Block]]
"""What the model says in one turn, or a function of everything it was just shown (as JSON) that gives that."""

DONE: Sequence[Block] = ({"type": "text", "text": "done"},)


def calls(tool: str, **arguments: Any) -> Block:
    """Give a tool call."""
    return {"type": "tool_use", "name": tool, "input": arguments}


def bash(command: str, **arguments: Any) -> Block:
    """Give a call of the tool Bash."""
    return calls("Bash", command=command, description="a step of the scenario", **arguments)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model was shown of one tool call: its texts joined, and whether the host called it an error."""

    text: str
    is_error: bool


@dataclass(slots=True)
class ScriptedModel:
    """A running stand-in: `requests` are the bodies that it was sent, in order."""

    turns: Sequence[Turn]
    subagent_turns: Sequence[Turn] = ()
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, body: dict[str, Any], *, from_subagent: bool) -> Sequence[Block]:
        """Keep a request and give the turn that answers it."""
        self.requests.append(body)
        turns = self.subagent_turns if from_subagent else self.turns
        said = sum(message["role"] == "assistant" for message in body["messages"])
        turn = turns[said] if said < len(turns) else DONE
        return turn(json.dumps(body["messages"], ensure_ascii=False)) if callable(turn) else turn

    @property
    def tool_results(self) -> list[ToolResult]:
        """Give every tool result that the model was shown, once each, in the order of the calls."""
        found: dict[str, Block] = {}
        for body in self.requests:
            for message in body["messages"]:
                content = message["content"]
                for block in content if isinstance(content, list) else []:
                    if block.get("type") == "tool_result":
                        found.setdefault(block["tool_use_id"], block)
        return [
            ToolResult(_text(block.get("content", "")), block.get("is_error") is True)
            for _, block in sorted(found.items())
        ]

    @property
    def everything_shown(self) -> str:
        """Give all that the model was ever sent, as one JSON text."""
        return json.dumps(self.requests, ensure_ascii=False)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content)


def _stream(turn: Sequence[Block], model: str, number: int) -> Iterator[dict[str, Any]]:
    """Give the server-sent events of one assistant message."""
    message: dict[str, Any] = {"id": f"msg_{number:08d}", "type": "message", "role": "assistant", "model": model}
    message |= {"content": [], "stop_reason": None, "stop_sequence": None}
    yield {"type": "message_start", "message": {**message, "usage": {"input_tokens": 10, "output_tokens": 1}}}
    for index, block in enumerate(turn):
        if block["type"] == "text":
            start: Block = {"type": "text", "text": ""}
            delta: Block = {"type": "text_delta", "text": block["text"]}
        else:
            start = {**block, "id": f"toolu_{number:08d}{index:04d}", "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_start", "index": index, "content_block": start}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    reason = "tool_use" if any(block["type"] == "tool_use" for block in turn) else "end_turn"
    ending = {"stop_reason": reason, "stop_sequence": None}
    yield {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


@contextmanager
def scripted_model(turns: Sequence[Turn], subagent_turns: Sequence[Turn] = ()) -> Iterator[ScriptedModel]:
    """Run a stand-in on a free port for the length of a `with` block."""
    model = ScriptedModel(turns, subagent_turns)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.partition("?")[0] != "/v1/messages":
                self.send_error(404)
                return
            with lock:
                turn = model.answer(body, from_subagent="x-claude-code-agent-id" in self.headers)
                number = len(model.requests)
            events = _stream(turn, body["model"], number)
            data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128  # with the usual 5, the system resets some of many connections at once

    server = Server(("127.0.0.1", 0), Handler)
    model.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
