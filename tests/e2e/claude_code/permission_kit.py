"""An MCP server that answers Claude Code's permission questions with yes, as a person at the keyboard would.

`permission_kit.py LOG` serves on stdio and writes each question to LOG, one JSON line each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TOOL = {
    "name": "approve",
    "description": "Answers a permission question.",
    "inputSchema": {"type": "object", "properties": {}, "additionalProperties": True},
}


def answer(message: dict[str, Any], log: Path) -> dict[str, Any]:
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        info = {"name": "keyboard", "version": "1.0.0"}
        capabilities: dict[str, Any] = {"tools": {}}
        return {
            "result": {"protocolVersion": params["protocolVersion"], "capabilities": capabilities, "serverInfo": info}
        }
    if method == "tools/list":
        return {"result": {"tools": [TOOL]}}
    if method == "tools/call":
        question = params["arguments"]
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(question) + "\n")
        said = json.dumps({"behavior": "allow", "updatedInput": question.get("input", {})})
        return {"result": {"content": [{"type": "text", "text": said}]}}
    return {"error": {"code": -32601, "message": "Method not found"}}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            reply = {"jsonrpc": "2.0", "id": message["id"], **answer(message, Path(sys.argv[1]))}
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
