"""What the conformance suite runs as a client: the proxy before the server of that URL, with somebody who asks it.

`conformance_client.py SETTINGS URL`: SETTINGS is a JSON file with the proxy's environment. Calls every tool.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

START = Path(__file__).parents[3] / "axonflow_hooks" / "proxy" / "start.py"
ARGUMENTS = {"a": 5, "b": 3}


class Asker:
    """A client of the proxy that accepts whatever it is asked, with no content of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.last = 0

    def write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.last += 1
        self.write({"id": self.last, "method": method, "params": params})
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message: dict[str, Any] = json.loads(line)
            if "method" not in message and message["id"] == self.last:
                return message
            if "method" in message and "id" in message:
                schema = message["params"].get("requestedSchema", {}).get("properties", {})
                content = {name: given["default"] for name, given in schema.items() if "default" in given}
                self.write({"id": message["id"], "result": {"action": "accept", "content": content}})
        raise RuntimeError("the proxy has ended")


def main() -> None:
    environ = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    environ["AXONFLOW_BACKENDS"] = json.dumps([{"id": "suite", "url": sys.argv[2]}])
    command = [sys.executable, "-I", str(START)]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        asker = Asker(process)
        capabilities = {"elicitation": {"form": {"applyDefaults": True}}}
        info = {"name": "asker", "version": "1"}
        asker.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": info})
        asker.write({"method": "notifications/initialized"})
        listed = asker.request("tools/list", {})
        for tool in listed["result"]["tools"]:
            given = {
                name: value for name, value in ARGUMENTS.items() if name in tool["inputSchema"].get("properties", {})
            }
            asker.request("tools/call", {"name": tool["name"], "arguments": given})
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


main()
