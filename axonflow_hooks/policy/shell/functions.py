"""Functions of the shell: their bodies, and what they do with the arguments of one call (Bash manual 3.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command
    from axonflow_hooks.policy.shell.script import Script

_POSITIONAL: Final = re.compile(r"\$(?:[1-9@*#]|\{[!#]?[1-9@*])|\bshift\b")
_MAX_BODY: Final = 16 * 1024


def define(name: str, body: str, script: Script) -> None:
    """Note a function's body; a later definition of the same name takes its place."""
    if name and len(body) <= _MAX_BODY:
        script.functions[name] = body


def is_function(command: Command, script: Script) -> bool:
    """Whether the command calls a function of this line."""
    return bool(script.functions) and bool(command.argv) and command.argv[0].text in script.functions


def called_body(command: Command, script: Script) -> str | None:
    """Give the body of the function that a command calls when its arguments or its input may change what it does.

    A function that runs already is left out, and so is a call beyond the bounds.
    """
    if not is_function(command, script):
        return None
    body = script.functions[command.argv[0].text]
    takes = any(word.known for word in command.argv[1:]) and _POSITIONAL.search(body) is not None
    if not (takes or command.feeds) or body in script.running or not script.budget.follow():
        return None
    return body
