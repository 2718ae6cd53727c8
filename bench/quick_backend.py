"""An MCP server with one tool that answers at once: `python bench/quick_backend.py`, on stdin and stdout."""

from __future__ import annotations

import json
import os

TOOL = {
    "name": "lookup",
    "description": "Looks a customer up.",
    "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}, "limit": {"type": "integer"}}},
    "annotations": {"readOnlyHint": True},
}
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "quick", "version": "1"},
}
FOUND = {
    "content": [{"type": "text", "text": "3 customers found: Ada Example, Bob Example and Eve Example, all active."}]
}
RESULTS = {"initialize": INITIALIZE, "tools/list": {"tools": [TOOL]}, "tools/call": FOUND}
TEXTS = {method: json.dumps(result, separators=(",", ":")) for method, result in RESULTS.items()}


def main() -> None:
    pending = b""
    while data := os.read(0, 1 << 16):
        *lines, pending = (pending + data).split(b"\n")
        answers = []
        for line in lines:
            message = json.loads(line)
            if "id" in message:
                text = TEXTS.get(message["method"], "{}")
                answers.append(f'{{"jsonrpc":"2.0","id":{json.dumps(message["id"])},"result":{text}}}\n')
        out = "".join(answers).encode()
        while out:
            out = out[os.write(1, out) :]


if __name__ == "__main__":
    main()
