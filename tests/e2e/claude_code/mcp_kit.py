"""An MCP server of a project, with the standard library only: what a plugin that governs every MCP tool meets.

`mcp_kit.py LOG` serves on stdio and writes each call that arrives to LOG. Tools: `record` gives the text that stands in
the file `record.txt` of its folder in two content blocks, `structured` gives it as structured content, `fail` as an
error, and `query` gives a word.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TOOLS = ("record", "structured", "fail", "query")


def result_of(tool: str, record: str) -> dict[str, Any]:
    text = {"type": "text", "text": record}
    if tool == "record":
        return {"content": [text, {"type": "text", "text": f'{{"row": {json.dumps(record)}, "id": 7}}'}]}
    if tool == "structured":
        return {"content": [text], "structuredContent": {"record": record, "id": 7}}
    if tool == "fail":
        return {"content": [text], "isError": True}
    return {"content": [{"type": "text", "text": "four rows"}]}


def answer(message: dict[str, Any], log: Path) -> dict[str, Any]:
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        info = {"name": "kit", "version": "1.0.0"}
        version = params["protocolVersion"]
        return {"result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}}
    if method == "tools/list":
        schema = {"type": "object", "properties": {}, "additionalProperties": True}
        return {"result": {"tools": [{"name": name, "description": name, "inputSchema": schema} for name in TOOLS]}}
    if method == "tools/call":
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(params["arguments"]) + "\n")
        record = log.with_name("record.txt")
        return {"result": result_of(params["name"], record.read_text(encoding="utf-8") if record.exists() else "")}
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
