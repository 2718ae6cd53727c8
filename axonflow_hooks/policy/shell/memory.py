"""What later commands of a line depend on: directory, aliases, variables, files with known content."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.code import runs_programs
from axonflow_hooks.policy.shell.commands import HOME, UNKNOWN
from axonflow_hooks.policy.shell.constants import input_of, output_of
from axonflow_hooks.policy.shell.makefiles import MAKERS, recipes
from axonflow_hooks.policy.shell.names import SHELLS
from axonflow_hooks.policy.shell.parameters import bind, keep_array
from axonflow_hooks.policy.shell.started import Text

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command
    from axonflow_hooks.policy.shell.script import Script

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
        bind(script, command.arguments[command.arguments.index("--") + 1 :])
    elif name == "shift":
        given = tuple(script.arrays.get("@", {}).values())
        count = command.arguments[0] if command.arguments else "1"
        bind(script, given[int(count) if count.isdecimal() and len(count) < 4 else 1 :])
    elif name == "read" and command.operands():
        _read(command, script)
    elif name in ("mapfile", "readarray") and command.operands():
        text = input_of(command)
        keep_array(script, command.operands()[-1], [] if text is None else text.splitlines())
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


def _read(command: Command, script: Script) -> None:
    """Note what `read` gives to its variables: the fields of a line, all that is left to the last one."""
    text = input_of(command)
    names = command.operands()
    if command.has_option("a"):
        fields = [] if text is None else _fields(text, command, script)
        keep_array(script, names[0], fields)
        script.variables[names[0]] = " ".join(fields) or UNKNOWN
        return
    if text is None:
        script.variables.update(dict.fromkeys(names, UNKNOWN))
        return
    fields = _fields(text, command, script) if len(names) > 1 else [text.strip("\n")]
    head, tail = fields[: len(names) - 1], fields[len(names) - 1 :]
    script.variables.update(zip(names, (*head, " ".join(tail)), strict=False))


def _fields(text: str, command: Command, script: Script) -> list[str]:
    separators = command.assignments.get("IFS", script.variables.get("IFS"))
    line = text.strip("\n")
    return line.split() if not separators else [part for part in re.split(f"[{re.escape(separators)}]", line) if part]


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


def known_scripts(command: Command, script: Script) -> tuple[Text, ...]:
    """Give the shell script behind an alias, or those that a file may hold which this line wrote and now runs.

    A script that runs already is left out: a file that is written anew by itself does not run in its old form again.
    """
    if not script.aliases and not script.files:
        return ()
    path = command.argv[0].text if command.argv else ""
    arguments: tuple[str, ...] | None = None
    if path in script.aliases:
        found: tuple[str, ...] = (" ".join((script.aliases[path], *map(shlex.quote, command.arguments))),)
    elif command.name in MAKERS:
        found = tuple(line for text in _makefiles(command, script) for line in recipes(text, command.arguments))
    elif command.name in SHELLS or command.name in ("source", "."):
        found = next((script.files[path] for path in command.operands()[:1] if path in script.files), ())
        arguments = tuple(command.operands()[1:]) or None
    else:
        found = script.files.get(path, script.files.get(path.removeprefix("./"), ()))
        arguments = command.arguments or None
    return tuple(Text(text, True, arguments) for text in found if text not in script.running)


def _makefiles(command: Command, script: Script) -> tuple[str, ...]:
    """Give the texts that the makefile of this command may hold, where this line wrote it."""
    pairs = dict(pairwise(command.arguments))
    named = pairs.get("-f") or pairs.get("--file") or pairs.get("--makefile")
    names = (named,) if named else ("GNUmakefile", "makefile", "Makefile")
    return tuple(text for name in names for text in script.files.get(name, ()))
