"""Every command of the program is decided: whether a model may run it, has to ask, or may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import typer

from axonflow_hooks.claude_code.guard_bash import bash_objection
from axonflow_hooks.claude_code.guarded_places import guarded_places
from axonflow_hooks.claude_code.own_commands import OWN_COMMANDS
from axonflow_hooks.cli.app import app
from axonflow_hooks.paths import resolve_paths

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVIRON = {"HOME": "/home/dev"}


def names(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Give the names of all commands, a group's own too where it does something by itself."""
    inner = getattr(command, "commands", None)
    if inner is None or (path and command.invoke_without_command):
        yield " ".join(path)
    for name, each in (inner or {}).items():
        yield from names(each, (*path, name))


def test_each_command_is_decided_and_no_other() -> None:
    assert sorted(names(typer.main.get_command(app))) == sorted(OWN_COMMANDS)


@pytest.mark.parametrize("program", ["axonflow-hooks", "python3 -m axonflow_hooks", "sh /srv/plugin/hooks/run cli"])
@pytest.mark.parametrize(("name", "decision"), OWN_COMMANDS.items(), ids=OWN_COMMANDS)
def test_the_guard_does_what_was_decided(program: str, name: str, decision: str) -> None:
    places = guarded_places(ENVIRON, resolve_paths(ENVIRON), "/work/app")
    found = bash_objection(f"{program} {name}", "/work/app", places)
    assert (found.decision if found else "pass") == decision
