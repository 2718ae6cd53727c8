"""An agent that allows everything at once, as little as HTTP can be: `python bench/quick_agent.py` prints its port.

`GET /seen` gives the last request to each path as it arrived, so that a client can send the very same.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re

DECISION = {
    "verdict": "allow",
    "decision_id": "dec-1",
    "trace_id": "0" * 32,
    "evaluated_policies": [],
    "obligations": [],
    "stage": "tool",
}
OUTPUT = {"allowed": True, "policies_evaluated": 80, "decision_id": "out-1", "redaction_evaluated": True}
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def reply(value: object) -> bytes:
    """Give a whole HTTP answer."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


ANSWERS = {b"/api/v1/decide": reply(DECISION), b"/api/v1/mcp/check-output": reply(OUTPUT)}


class Connection(asyncio.Protocol):
    """One connection, with requests one after the other."""

    seen: dict[bytes, bytes] = {}  # noqa: RUF012 - of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, mark, rest = self.data.partition(b"\r\n\r\n")
        found = LENGTH.search(head)
        if not mark or len(rest) < (int(found.group(1)) if found else 0):
            return
        path = head.split(b" ", 2)[1]
        answer = ANSWERS.get(path)
        if answer is None:
            answer = reply({name.decode(): base64.b64encode(raw).decode() for name, raw in self.seen.items()})
        else:
            self.seen[path] = self.data
        self.data = b""
        self.transport.write(answer)  # type: ignore[attr-defined]


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            import uvloop
        except ModuleNotFoundError:
            asyncio.run(main())
        else:
            uvloop.run(main())
