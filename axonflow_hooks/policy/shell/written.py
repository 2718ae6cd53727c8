"""Files that a command line writes, and what they hold, as far as that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.constants import input_of, output_of
from axonflow_hooks.policy.shell.finders import find_prints

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command
    from axonflow_hooks.policy.shell.script import Script

_COPIERS: Final = frozenset({"cp", "mv", "ln", "install"})
WRITERS: Final = _COPIERS | {"tee", "dd", "find"}
"""Programs that write files without a redirect."""


def remember_files(command: Command, script: Script) -> None:
    """Note the texts of the files that a command writes, copies or moves."""
    if command.name == "find":
        for path, printed in find_prints(command):
            keep_file(path, printed, script)
    elif command.name in _COPIERS and script.files:
        _copy(command, script)
    targets = [item for item in command.redirects if item.operator in (">", ">>", ">|")][-1:]
    written = [item.target.text for item in targets]
    if not written and script.opened:
        numbers = [item.target.text for item in command.redirects if item.operator == ">&"]
        written = [script.opened[number] for number in numbers if number in script.opened]
    appends = not targets or any(item.operator == ">>" for item in targets)
    text = output_of(command) if written else None
    if command.name == "tee":
        written, text = command.operands(), input_of(command)
        appends = "-a" in command.arguments or "--append" in command.arguments
    elif command.name == "dd":
        written, text = [word[3:] for word in command.arguments if word.startswith("of=")], input_of(command)
    if text is not None:
        for path in written:
            keep_file(path, text, script, appends=appends)


def keep_file(path: str, text: str, script: Script, *, appends: bool = False) -> None:
    """Note a text that a file may hold: which of two branches has written it is not known."""
    path = path.removeprefix("./")
    known = script.files.get(path, ())
    versions = tuple(f"{version}{text}\n" for version in known) if appends and known else (*known, f"{text}\n")
    script.files[path] = tuple(dict.fromkeys(versions))
    script.budget.spend(sum(map(len, script.files[path])))


def _copy(command: Command, script: Script) -> None:
    """Note what a copied, moved or linked file holds under its new name, or the same one in a directory."""
    *sources, target = command.operands() or [""]
    for source in sources:
        for text in script.file(source):
            keep_file(target, text, script)
            keep_file(f"{target.rstrip('/')}/{source.rsplit('/', 1)[-1]}", text, script)


def with_files(command: Command, script: Script) -> Command:
    """Take a command that prints what files hold, and give it with the text of those that this line wrote."""
    found = [text for path in command.operands() for text in script.file(path)]
    if not found:
        return command
    script.budget.spend(sum(map(len, found)))
    return replace(command, files="\n".join(found))
