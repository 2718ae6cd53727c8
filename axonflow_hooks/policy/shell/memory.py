"""What later commands of a line depend on: directory, aliases, variables, files with known content."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.code import runs_programs
from axonflow_hooks.policy.shell.commands import HOME, UNKNOWN
from axonflow_hooks.policy.shell.constants import input_of, output_of
from axonflow_hooks.policy.shell.unwrap import SHELLS

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command
    from axonflow_hooks.policy.shell.lower import Script

_FOLDERS: Final = frozenset({"cd", "pushd"})
_FOLDER_OPTIONS: Final = frozenset({"-P", "-L", "-e", "-@", "--"})


def remember(command: Command, script: Script) -> None:
    """Note what a command changes for those after it."""
    name = command.name
    if name in _FOLDERS:
        _enter(command, script)
    elif name == "alias":
        definitions = (argument.partition("=") for argument in command.arguments)
        script.aliases.update({name: value for name, _equals, value in definitions if value})
    elif name == "set" and "--" in command.arguments:
        rest = command.arguments[command.arguments.index("--") + 1 :]
        script.variables.update({"@": " ".join(rest), "*": " ".join(rest)})
    elif name == "read" and command.operands():
        text = input_of(command)
        script.variables[command.operands()[0]] = UNKNOWN if text is None else text.strip("\n")
    elif name == "printf" and command.arguments[:1] == ("-v",) and len(command.arguments) > 2:
        printed = output_of(replace(command, argv=(command.argv[0], *command.argv[3:])))
        script.variables[command.arguments[1]] = UNKNOWN if printed is None else printed
    if command.redirects or name == "tee":
        _remember_files(command, script)


def _enter(command: Command, script: Script) -> None:
    words = [word for word in command.argv[1:] if word.text not in _FOLDER_OPTIONS]
    if not words and command.name == "cd":
        script.cwd = HOME
    elif words and words[-1].known:
        folder = words[-1].text
        joined = script.cwd is not None and not folder.startswith(("/", HOME))
        script.cwd = f"{script.cwd}/{folder}" if joined else folder


def _remember_files(command: Command, script: Script) -> None:
    """Note the texts that a file may hold: which of two branches has written it is not known."""
    targets = [item for item in command.redirects if item.operator in (">", ">>", ">|")][-1:]
    written = [item.target.text for item in targets]
    appends = any(item.operator == ">>" for item in targets)
    text = output_of(command) if written else None
    if command.name == "tee":
        written, text = command.operands(), input_of(command)
        appends = "-a" in command.arguments or "--append" in command.arguments
    if text is None:
        return
    for path in written:
        known = script.files.get(path, ())
        versions = tuple(f"{version}{text}\n" for version in known) if appends and known else (*known, f"{text}\n")
        script.files[path] = tuple(dict.fromkeys(versions))
        script.budget.spend(sum(map(len, script.files[path])))


def program_of(command: Command, script: Script) -> str | None:
    """Give the text of a program file that this command line wrote and that an interpreter or compiler now runs."""
    if not script.files or not runs_programs(command):
        return None
    return next(("\n".join(script.files[path]) for path in command.operands() if path in script.files), None)


def known_scripts(command: Command, script: Script) -> tuple[str, ...]:
    """Give the shell script behind an alias, or those that a file may hold which this line wrote and now runs.

    A script that runs already is left out: a file that is written anew by itself does not run in its old form again.
    """
    if not script.aliases and not script.files:
        return ()
    path = command.argv[0].text if command.argv else ""
    if path in script.aliases:
        found: tuple[str, ...] = (" ".join((script.aliases[path], *map(shlex.quote, command.arguments))),)
    elif command.name in SHELLS or command.name in ("source", "."):
        found = next((script.files[path] for path in command.operands()[:1] if path in script.files), ())
    else:
        found = script.files.get(path, script.files.get(path.removeprefix("./"), ()))
    return tuple(text for text in found if text not in script.running)
