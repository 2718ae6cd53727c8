"""What later commands of a line depend on: directory, aliases, variables, files with known content."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.builds import BUILDERS, build_lines, tool_of
from axonflow_hooks.policy.shell.code import runs_programs
from axonflow_hooks.policy.shell.commands import HOME, UNKNOWN, Word
from axonflow_hooks.policy.shell.constants import input_of, output_of
from axonflow_hooks.policy.shell.loaded import NAMING, loaded_files, spent
from axonflow_hooks.policy.shell.makefiles import MAKERS, makefile_names, recipes
from axonflow_hooks.policy.shell.names import SHELLS
from axonflow_hooks.policy.shell.parameters import bind, keep_array
from axonflow_hooks.policy.shell.projects import JUST, PACKAGE_FILES, TEST_MODULES, package_scripts
from axonflow_hooks.policy.shell.reexpanded import in_values
from axonflow_hooks.policy.shell.started import Argv, Text
from axonflow_hooks.policy.shell.written import WRITERS, remember_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.shell.commands import Command
    from axonflow_hooks.policy.shell.script import Script

_EVALUATORS: Final = frozenset({"let"})
_FOLDERS: Final = frozenset({"cd", "pushd"})
_INDENTED: Final = re.compile(r"(?m)^ {2,}")
_PROGRAM_FILE: Final = re.compile(r"\.(?:py|php|lua)$")
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
    elif name == "hash" and command.arguments[:1] == ("-p",) and len(command.arguments) == 3:
        script.aliases[command.arguments[2]] = shlex.quote(command.arguments[1])
    if command.redirects or name in WRITERS:
        remember_files(command, script)


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


def program_of(command: Command, script: Script) -> str | None:
    """Give the text of a program file that this command line wrote and that an interpreter or compiler now runs."""
    if not script.files or not runs_programs(command):
        return None
    operands = command.operands()
    if tool_of(command) in TEST_MODULES:
        return None
    if operands and _PROGRAM_FILE.search(operands[0]):
        operands = operands[:1]  # what stands behind the program is data
    return next(("\n".join(texts) for texts in map(script.file, operands) if texts), None)


def known_scripts(command: Command, script: Script) -> tuple[Text, ...]:
    """Give the shell script behind an alias, or those that a file may hold which this line wrote and now runs.

    A script that runs already is left out: a file that is written anew by itself does not run in its old form again.
    """
    if script.evaluated and command.name in _EVALUATORS:
        return tuple(map(Text, in_values(" ".join(command.arguments), script)))
    if not script.aliases and not script.files:
        return ()
    path = command.argv[0].text if command.argv else ""
    arguments: tuple[str, ...] | None = None
    if path in script.aliases:
        found: tuple[str, ...] = (" ".join((script.aliases[path], *map(shlex.quote, command.arguments))),)
    elif "/" in path and script.file(path):
        found = script.file(path)
        arguments = command.arguments or None
    elif command.name in MAKERS:
        found = tuple(line for text in _makefiles(command, script) for line in recipes(text, command.arguments))
    elif command.name in PACKAGE_FILES:
        texts = [text for name in PACKAGE_FILES[command.name] for text in script.file(name)]
        found = tuple(line for text in texts for line in package_scripts(text, command.arguments))
    elif (tool := tool_of(command)) in BUILDERS:
        found = build_lines(tool, command, script.files)
    elif command.name == "exec" and not command.arguments:
        found = () if command.stdin is None else (command.stdin,)
    elif command.name in SHELLS or command.name in ("source", "."):
        found = script.file(next(iter(command.operands()), ""))
        arguments = tuple(command.operands()[1:]) or None
    else:
        found = script.file(path)
        arguments = command.arguments or None
    return tuple(Text(text, True, arguments) for text in found if text not in script.running)


def known_programs(command: Command, script: Script) -> Iterator[Argv]:
    """Give the files that this line wrote and that a command loads or starts besides its own, as commands."""
    kept = NAMING & script.variables.keys()
    if kept and command.argv:
        # of a variable set before, which may be exported
        set_before = {name: script.variables[name] for name in kept}
        command = replace(command, assignments=set_before | command.assignments)
    for runner, path in loaded_files(command):
        bare = path.removeprefix("./")
        if bare[-1:] == "/":
            found = [name for name in script.files if name.startswith(bare)]
        else:
            found = [bare] if bare in script.files else []
        for name in found if not kept or script.budget.follow() else ():
            words = tuple(Word(text, command.start, command.end) for text in (*runner, name))
            yield Argv(words, assignments=spent(command))


def _makefiles(command: Command, script: Script) -> tuple[str, ...]:
    """Give the texts that the makefile of this command may hold, where this line wrote it."""
    if command.name == "just":
        return tuple(_INDENTED.sub("\t", text) for name in JUST for text in script.file(name))
    names = makefile_names(command.arguments)
    return tuple(text for name in names for text in script.file(name))
