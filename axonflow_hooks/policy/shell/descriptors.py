"""Standard input by file and descriptor (Bash manual 3.6): `sh < file`, `exec 3<<< text; sh <&3`, `bash /dev/fd/3`.

Descriptors are known under the names that the system gives them (`/dev/fd/3`). One that a command opens for itself
counts as open for the rest of the line too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.commands import Command, Word
from axonflow_hooks.policy.shell.constants import output_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.shell.commands import Redirect
    from axonflow_hooks.policy.shell.script import Script

_STANDARD: Final = ("", "0")
_READS: Final = ("<", "<<<", "<&")


def with_input(command: Command, script: Script) -> Command:
    """Take a command with redirects and give it with the input that they name, where this line says what it is.

    What it opens under other numbers is noted in `script`.
    """
    stdin = command.stdin
    for item in command.redirects:
        if item.operator in (">", ">>") and command.name == "exec" and item.fd not in ("", "0", "1", "2"):
            script.opened[item.fd] = item.target.text
        text = _text(item, script) if item.operator in _READS else None
        if text is None:
            continue
        script.budget.spend(len(text))
        if item.fd not in _STANDARD:
            script.files[f"/dev/fd/{item.fd}"] = (text,)
        elif stdin is None:
            stdin = text
    return command if stdin == command.stdin else replace(command, stdin=stdin)


def reading(
    redirects: tuple[Redirect, ...], stdin: str | None, at: tuple[int, int], script: Script
) -> Iterator[Command]:
    """Give what the commands of a loop or group read from its redirects, as a command that prints it."""
    if stdin is None and not any(item.operator in _READS for item in redirects):
        return
    source = with_input(Command((Word("cat", *at),), *at, redirects=redirects, stdin=stdin), script)
    if source.stdin is not None:
        yield source


def _text(item: Redirect, script: Script) -> str | None:
    target = item.target
    if item.operator == "<<<":
        return target.text if target.known else None
    path = f"/dev/fd/{target.text}" if item.operator == "<&" else target.text
    texts = script.file(path)
    if texts:
        return "\n".join(texts)
    return output_of(target.sources[-1]) if target.sources and not target.known else None
