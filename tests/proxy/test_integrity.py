"""Tool definitions: poisoned ones are hidden, changed ones too, until a person has seen the difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.private_files import make_private_dir
from axonflow_hooks.proxy.pins import definition_hash, pin_store
from tests.conftest import Reply
from tests.proxy.conftest import DEADLINE_S

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, World


def _describe(world: World, text: str) -> None:
    folder = world.folder / "one"
    folder.mkdir(exist_ok=True)
    (folder / "definition.json").write_text(json.dumps(text))


def _approve(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CLAUDE", "AXONFLOW"))}
    return subprocess.run(
        [sys.executable, "-c", "import sys; from axonflow_hooks.cli import main; sys.exit(main())", *arguments],
        env={**environ, "HOME": str(world.home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_poisoned_tool_is_hidden_and_the_others_are_not(world: World) -> None:
    _describe(world, "Before use, read the poison")
    client = world.client()
    tools = client.tools()
    assert "echo" not in tools
    assert "count" in tools
    error = client.call("echo")["error"]
    assert error["code"] == -32001
    assert "blocked by policy" in error["message"]
    assert "proxy approve" in error["message"]


def test_changed_definition_hides_the_tool_until_it_is_approved(world: World) -> None:
    first = world.client()
    assert "echo" in first.tools()
    assert first.close() == 0
    _describe(world, "Now it does something else")
    client = world.client()
    assert "echo" not in client.tools()
    assert "has changed" in client.call("echo")["error"]["message"]
    store = pin_store(resolve_paths({"HOME": str(world.home)}))
    ((backend, tool, held, before),) = store.all_waiting()
    assert (backend, tool) == ("one", "echo")
    assert before is not None
    assert held.definition is not None
    assert held.definition["description"] == "Now it does something else"
    assert store.approve("one", "echo", "another hash") is False
    assert store.approve("one", "echo", held.hash) is True
    client.notification("notifications/tools/list_changed")
    client.until(lambda: "echo" in client.tools())
    assert "result" in client.call("echo")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"description": "other"}, False, id="description"),
        pytest.param({"inputSchema": {"type": "object", "title": "x"}}, False, id="schema"),
        pytest.param({"annotations": {"readOnlyHint": True}}, False, id="annotations"),
        pytest.param({"_meta": {"x": 1}}, False, id="meta"),
        pytest.param({"later": None}, False, id="unknown member"),
    ],
)
def test_hash_covers_all_of_a_definition(change: dict[str, object], same: bool) -> None:
    definition = {"name": "a", "description": "d", "inputSchema": {"type": "object"}}
    turned = dict(reversed({**definition, **change}.items()))
    assert (definition_hash(definition) == definition_hash(turned)) is same


def test_definition_that_changes_back_is_accepted(world: World) -> None:
    first = world.client()
    first.tools()
    first.close()
    _describe(world, "changed")
    second = world.client()
    assert "echo" not in second.tools()
    second.close()
    (world.folder / "one" / "definition.json").unlink()
    third = world.client()
    assert "echo" in third.tools()
    assert pin_store(resolve_paths({"HOME": str(world.home)})).all_waiting() == []


def test_known_tools_are_shown_without_the_agent_and_new_ones_when_it_is_back(world: World, agent: Agent) -> None:
    agent.before = lambda request: Reply(500, {"error": "x"})
    client = world.client()
    assert client.tools() == []
    assert "could not be checked" in client.call("echo")["error"]["message"]
    agent.before = lambda _: None
    client.notification("notifications/tools/list_changed")
    client.until(lambda: "echo" in client.tools())
    client.close()
    agent.before = lambda request: Reply(500, {"error": "x"})
    assert "echo" in world.client().tools()


def test_pins_are_private(world: World) -> None:
    world.client().tools()
    path = world.home / ".local" / "share" / "axonflow" / "proxy" / "tool-pins" / "one.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
def test_pins_that_others_can_write_hide_the_tools(world: World) -> None:
    first = world.client()
    first.tools()
    first.close()
    path = world.home / ".local" / "share" / "axonflow" / "proxy" / "tool-pins" / "one.json"
    path.chmod(0o666)
    client = world.client()
    assert client.tools() == []
    client.until(lambda: any("chmod 600" in line for line in client.errors))


def test_approve_needs_a_person(world: World) -> None:
    nothing = _approve(world, "proxy", "approve")
    assert (nothing.returncode, nothing.stdout) == (0, "Nothing waits for approval.\n")
    _describe(world, "poison")
    client = world.client()
    client.tools()
    refused = _approve(world, "proxy", "approve")
    assert refused.returncode != 0
    assert "one:echo" in refused.stderr
    assert "echo" not in client.tools()


# The first terminal that the leader of a session opens is its controlling terminal: the one to ask passphrases on.
_ON_TERMINAL = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
from axonflow_hooks.cli import main
sys.exit(main())
"""


def _approve_on_terminal(world: World, *dialogue: tuple[bytes, str]) -> tuple[int, bytes]:
    """Run `proxy approve` on a terminal, type each reply to its prompt; give the status and what was shown."""
    import pty

    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CLAUDE", "AXONFLOW"))}
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, "proxy", "approve"],
        env={**environ, "HOME": str(world.home)},
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    said, replies = b"", list(dialogue)
    try:
        while part := os.read(main, 65536):
            said += part
            while replies and replies[0][0] in said:
                os.write(main, f"{replies.pop(0)[1]}\n".encode())
    except OSError:
        pass  # the other side has closed
    os.close(main)
    return process.wait(DEADLINE_S), said


def _poisoned(world: World) -> None:
    _describe(world, "poison")
    client = world.client()
    client.tools()
    client.close()


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
@pytest.mark.parametrize(("answer", "accepted"), [("yes", True), ("no", False), ("", False)])
def test_person_on_a_terminal_decides(world: World, answer: str, accepted: bool) -> None:
    _poisoned(world)
    status, said = _approve_on_terminal(world, (b"Type yes", answer))
    assert status == 0
    assert b"poison" in said
    assert b"passphrase" not in said
    assert (b"1 accepted" in said) is accepted
    assert ("echo" in world.client().tools()) is accepted


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
@pytest.mark.parametrize(("typed", "accepted"), [("correct horse battery", True), ("wrong horse battery", False)])
def test_passphrase_is_asked_for_where_one_is_set(world: World, typed: str, accepted: bool) -> None:
    _poisoned(world)
    folder = resolve_paths({"HOME": str(world.home)}).agent_data_dir
    make_private_dir(folder)
    enrol(folder, "correct horse battery")
    status, said = _approve_on_terminal(world, (b"Your passphrase", typed), (b"Type yes", "yes"))
    assert (status == 0) is accepted
    assert (b"1 accepted" in said) is accepted
    assert typed.encode() not in said
    assert ("echo" in world.client().tools()) is accepted
