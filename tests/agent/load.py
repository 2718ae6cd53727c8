"""Load on several agents at once, and a ledger of what they acknowledged."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.agent.conftest import MCP_PATH

if TYPE_CHECKING:
    from tests.agent.conftest import AgentProcess

COMMANDS = ("ls -la", "rm -rf /", "git status", "cat /etc/hosts")


@dataclass
class Ledger:
    """What was acknowledged, and how often a call was not."""

    decisions: set[str] = field(default_factory=set)
    audits: set[str] = field(default_factory=set)
    refused: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> None:
        """Wait until so many more decisions have been acknowledged."""
        with self.changed:
            goal = len(self.decisions) + count
            assert self.changed.wait_for(lambda: len(self.decisions) >= goal, timeout=60), "no progress"

    def wait_for_refusals(self, count: int) -> None:
        """Wait until so many calls have been refused."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.refused >= count, timeout=60), "nothing was refused"

    def took(self, tool: str, value: dict[str, Any] | None) -> None:
        with self.changed:
            if value is None:
                self.refused += 1
            elif tool == "check_policy":
                self.decisions.add(value["decision_id"])
            else:
                self.audits.add(value["details"]["audit_id"])
            self.changed.notify_all()


class Load:
    """Threads that call agents until told to stop."""

    def __init__(self, agents: list[AgentProcess], *, threads_each: int = 3) -> None:
        self.ledger = Ledger()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(agent, number))
            for agent in agents
            for number in range(threads_each)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self, agent: AgentProcess, number: int) -> None:
        with agent.client() as client:
            count = 0
            while not self._over.is_set():
                count += 1
                if (count + number) % 3:
                    tool = "check_policy"
                    arguments: dict[str, Any] = {
                        "connector_type": "claude_code.Bash",
                        "statement": f"{COMMANDS[count % 4]} # {count}",
                    }
                else:
                    tool, payload = "audit_tool_call", {"command": f"echo {count}"}
                    arguments = {"tool_name": "Bash", "input": payload}
                value = call(client, tool, arguments)
                self.ledger.took(tool, value)
                if value is None and self._over.wait(0.05):
                    return


def call(
    client: httpx.Client, tool: str, arguments: dict[str, Any], headers: dict[str, str] | None = None
) -> dict[str, Any] | None:
    """Call a tool and give its value, None where the call was not acknowledged."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    try:
        answer = client.post(MCP_PATH, json=message, headers=headers).json()
    except (httpx.HTTPError, ValueError):
        return None
    result = answer.get("result")
    if result is None or result.get("isError"):
        return None
    value: dict[str, Any] = json.loads(result["content"][0]["text"])
    return value
