"""The official MCP client, 1.x and 2.x, and the MCP inspector: they list the agent's tools and call each of them."""

from __future__ import annotations

import base64
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from devtools.fetched import npm_folder, python_with
from tests.e2e.agent_clients.programs import MCP_CLIENTS, environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.claude_code.agents import LiveAgent

DRIVER: Final = Path(__file__).with_name("mcp_driver.py")
INSPECTOR: Final = "@modelcontextprotocol/inspector"
# The inspector needs a newer Node than many systems have; this one comes with it.
NODE: Final = f"node-{sys.platform}-{'arm64' if platform.machine() in {'arm64', 'aarch64'} else 'x64'}"
PACKAGES: Final = (f"{INSPECTOR}@2.12.0", f"{NODE}@22.23.3")

CALLS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("check_policy", {"connector_type": "claude_code.Bash", "statement": "rm -rf /"}),
    ("check_output", {"connector_type": "postgres", "message": "total 0"}),
    ("audit_tool_call", {"tool_name": "Bash", "input": {"command": "ls"}, "success": True}),
    ("list_policies", {"severity": "critical"}),
    ("get_policy_stats", {}),
    ("search_audit_events", {"limit": 5}),
    ("list_recent_decisions", {"decision": "blocked"}),
    ("list_overrides", {}),
)
"""One call of every tool that does its work without a person; `explain_decision` needs an id and follows."""

NEED_A_PERSON: Final = {
    "create_override": {"policy_id": "sys_pii_email", "policy_type": "static", "override_reason": "a test"},
    "delete_override": {"override_id": "none"},
}


@pytest.mark.parametrize("release", MCP_CLIENTS)
def test_the_official_client(agent: LiveAgent, installed: Callable[..., Any], release: str) -> None:
    decision_id = agent.tool("check_policy", connector_type="claude_code.Bash", statement="rm -rf /")["decision_id"]
    calls = [*CALLS, ("explain_decision", {"decision_id": decision_id}), *NEED_A_PERSON.items()]
    client_id, client_secret = agent.credential
    given = {
        "url": f"{agent.endpoint}/api/v1/mcp-server",
        "client_id": client_id,
        "client_secret": client_secret,
        "calls": calls,
    }
    done = subprocess.run(
        [str(installed(python_with, release)), str(DRIVER)],
        input=json.dumps(given), capture_output=True, text=True, timeout=120, check=True, env=environment(),
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["version"] == "2025-06-18"
    assert {tool["name"] for tool in told["tools"]} == {name for name, _arguments in calls}
    results = {name: result for (name, _arguments), result in zip(calls, told["results"], strict=True)}
    assert {name for name, result in results.items() if result["failed"]} == set(NEED_A_PERSON)
    assert json.loads(results["check_policy"]["text"])["allowed"] is False
    assert json.loads(results["explain_decision"]["text"])["decision"] == "blocked"


@pytest.fixture(scope="module")
def inspect(
    agent: LiveAgent, installed: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that runs the inspector's command line on the agent."""
    modules: Path = installed(npm_folder, PACKAGES)
    home = tmp_path_factory.mktemp("inspector")
    basic = base64.b64encode(":".join(agent.credential).encode()).decode("ascii")
    server = {
        "type": "streamable-http",
        "url": f"{agent.endpoint}/api/v1/mcp-server",
        "headers": {"Authorization": f"Basic {basic}"},
    }
    config = home / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"axonflow": server}}), encoding="utf-8")
    launcher = modules / INSPECTOR / "clients" / "launcher" / "build" / "index.js"
    command = [str(modules / NODE / "bin" / "node"), str(launcher), "--cli", "--config", str(config)]
    variables = {**environment(), "HOME": str(home), "MCP_INSPECTOR_SECRET_STORE": "memory"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, "--server", "axonflow", *arguments],
            capture_output=True, text=True, timeout=120, check=False, env=variables,
        )  # fmt: skip

    return run


def test_the_inspector_finds_nothing_wrong_with_the_tools(
    inspect: Callable[..., subprocess.CompletedProcess[str]], agent: LiveAgent
) -> None:
    listed = inspect("--method", "tools/list", "--strict")
    assert listed.returncode == 0, listed.stderr
    assert [tool["name"] for tool in json.loads(listed.stdout)["tools"]] == [
        tool["name"] for tool in agent.listed_tools()
    ]


@pytest.mark.parametrize(("name", "arguments"), CALLS, ids=[name for name, _arguments in CALLS])
def test_the_inspector_calls_a_tool(
    inspect: Callable[..., subprocess.CompletedProcess[str]], name: str, arguments: dict[str, Any]
) -> None:
    pairs = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in arguments.items()]
    called = inspect("--method", "tools/call", "--tool-name", name, *(["--tool-arg", *pairs] if pairs else []))
    assert called.returncode == 0, called.stderr
    result = json.loads(called.stdout)
    assert not result.get("isError"), result
    assert isinstance(json.loads(result["content"][0]["text"]), dict)
