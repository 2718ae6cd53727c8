"""Three servers of other makers behind one proxy, driven by the official clients, the inspector and Claude Code."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.agent_clients.programs import MCP_CLIENTS
from tests.e2e.claude_code.desk import BYPASS, Desk, set_desk, write_json
from tests.e2e.claude_code.scripted_model import calls
from tests.e2e.claude_code.versions import VERSIONS, claude_program
from tests.e2e.proxy.peers import driven, inspected, patient_command, server, stdio_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.proxy.peers import Desktop

SSN: Final = "536-90-" + "4399"
NEWEST: Final = dict(zip(MCP_CLIENTS, ("2025-11-25", "2026-07-28"), strict=True))
ENTITY: Final = {"name": "proxy", "entityType": "program", "observations": ["stands between"]}


def some_calls(desktop: Desktop) -> list[tuple[str, dict[str, Any]]]:
    """Give calls of all three servers, by the names that the servers themselves use."""
    note = str(desktop.files / "note.txt")
    return [
        ("everything__echo", {"message": 'a <b> & "c" 漢'}),
        ("everything__get-sum", {"a": 2, "b": 40}),
        ("everything__get-structured-content", {"location": "New York"}),
        ("everything__get-tiny-image", {}),
        ("everything__trigger-long-running-operation", {"duration": 0.3, "steps": 3}),
        ("filesystem__write_file", {"path": note, "content": "first\nsecond\n"}),
        ("filesystem__read_text_file", {"path": note, "tail": 1}),
        ("filesystem__read_text_file", {"path": str(desktop.files / "missing.txt")}),
        ("memory__create_entities", {"entities": [ENTITY]}),
        ("memory__search_nodes", {"query": "between"}),
    ]


@pytest.mark.parametrize("release", MCP_CLIENTS)
def test_the_official_client_gets_the_same_answers_as_without_the_proxy(
    desktop: Desktop, available: Callable[..., Any], release: str
) -> None:
    wanted = some_calls(desktop)
    told = available(driven, release, patient_command(sys.executable), desktop.environ(), wanted)
    assert told["version"] == NEWEST[release]
    (desktop.home / "memory.jsonl").unlink()
    direct_tools: set[str] = set()
    for entry in desktop.backends:
        mine = [(name.partition("__")[2], given) for name, given in wanted if name.startswith(f"{entry['id']}__")]
        environ = {**desktop.environ(), **entry.get("env", {})}
        direct = available(driven, release, [entry["command"], *entry["args"]], environ, mine)
        through = [told["results"][at] for at, (name, _) in enumerate(wanted) if name.startswith(f"{entry['id']}__")]
        assert through == direct["results"]
        direct_tools |= {f"{entry['id']}__{name}" for name in direct["tools"]}
    assert set(told["tools"]) == direct_tools
    assert told["results"][4]["progress"], "progress was reported"
    assert told["results"][7]["failed"], "a tool's own error stays one"


@pytest.mark.parametrize("release", MCP_CLIENTS)
def test_a_refusal_reaches_the_official_client(desktop: Desktop, available: Callable[..., Any], release: str) -> None:
    target = str(desktop.files / "x.txt")
    wanted = [("filesystem__write_file", {"path": target, "content": "halt"})]
    told = available(driven, release, patient_command(sys.executable), desktop.environ(), wanted)
    (refused,) = told["results"]
    assert refused["code"] == -32001
    assert refused["data"]["decision_id"] in refused["message"]
    assert not Path(target).exists()


def test_the_inspector_lists_and_calls(desktop: Desktop, available: Callable[..., Any]) -> None:
    command, environ = patient_command(sys.executable), desktop.environ()
    listed = available(inspected, desktop.home, environ, command, "--method", "tools/list", "--strict")
    assert "everything__echo" in {tool["name"] for tool in listed["tools"]}
    call = ("--method", "tools/call", "--tool-name", "everything__echo", "--tool-arg", f"message=ssn {SSN}")
    called = available(inspected, desktop.home, environ, command, *call)
    assert called["content"][0]["text"] == "Echo: ssn [REDACTED:ssn#1]"


@pytest.fixture(params=VERSIONS)
def desk(request: pytest.FixtureRequest, available: Callable[..., Any], tmp_path: Path) -> Desk:
    """A person with Claude Code and without this plugin's hooks: only the proxy governs."""
    return set_desk(request.param, available(claude_program, request.param), tmp_path / "desk", {}, plugins=())


@pytest.fixture
def at_desk(desktop: Desktop, desk: Desk, available: Callable[..., Any]) -> Desktop:
    """The desktop, with the files in the project: a host tells servers its roots, which is where they may go."""
    backends = [entry for entry in desktop.backends if entry["id"] != "filesystem"]
    filesystem = available(server, "filesystem", str(desk.project))
    return replace(desktop, files=desk.project, backends=[*backends, filesystem])


def turns(desktop: Desktop, prefix: str) -> list[list[dict[str, Any]]]:
    """Give what the model does: an allowed call, one that is denied, and one whose result is masked."""
    write = f"{prefix}filesystem__write_file"
    return [
        [calls("WaitForMcpServers")],  # a headless session begins while its servers still start
        [calls(write, path=str(desktop.files / "a.txt"), content="plain text")],
        [calls(write, path=str(desktop.files / "b.txt"), content="halt")],
        [calls(f"{prefix}everything__echo", message=f"ssn {SSN}")],
    ]


def check_session(desktop: Desktop, session: Any) -> None:
    _, allowed, denied, masked = session.results
    assert not allowed.is_error, allowed.text
    assert (desktop.files / "a.txt").read_text(encoding="utf-8") == "plain text"
    assert denied.is_error
    assert "Blocked by policy" in denied.text
    assert not (desktop.files / "b.txt").exists()
    assert "Echo: ssn [REDACTED:ssn#1]" in masked.text
    # A server may ask for the host's roots, whose answer is governed too.
    rows = [row for row in desktop.rows("outcome") if row["tool_name"] != "roots/list"]
    assert [row["verdict"] for row in rows] == ["allow", "deny", "allow"]


def test_claude_code_starts_the_command(desk: Desk, at_desk: Desktop) -> None:
    command = stdio_command(sys.executable)
    entry = {"command": command[0], "args": command[1:], "env": at_desk.environ()}
    config = json.dumps({"mcpServers": {"axonflow": entry}})
    options = (BYPASS, "--mcp-config", config)
    check_session(at_desk, desk.session(*turns(at_desk, "mcp__axonflow__"), options=options))


def test_claude_code_loads_the_packed_extension(desk: Desk, at_desk: Desktop, bundle: Callable[[str], Path]) -> None:
    plugin = desk.home.parent / "plugin"
    manifest = {"name": "desk", "version": "1.0.0", "description": "d", "mcpServers": "./governance.mcpb"}
    write_json(plugin / ".claude-plugin" / "plugin.json", manifest)
    shutil.copy2(bundle("portable"), plugin / "governance.mcpb")
    chosen = {
        "endpoint": at_desk.settings["AXONFLOW_ENDPOINT"],
        "client_id": at_desk.settings["AXONFLOW_CLIENT_ID"],
        "client_secret": at_desk.settings["AXONFLOW_CLIENT_SECRET"],
        "backends_file": str(write_json(at_desk.home / "map.json", {"backends": at_desk.backends})),
        "audit_log": str(at_desk.audit_file),
    }
    settings = {"pluginConfigs": {"desk@inline": {"mcpServers": {"axonflow-governance": chosen}}}}
    loaded = replace(desk, plugins=(plugin,))
    options = (BYPASS, "--settings", json.dumps(settings))
    session = loaded.session(*turns(at_desk, "mcp__plugin_desk_axonflow-governance__"), options=options)
    check_session(at_desk, session)
