"""What is not sure about a command that was judged before it runs, in words for the developer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command

BY_SPELLING: Final = "The command line is too large or too deeply nested to be analysed; it was judged by its spelling."
PROGRAM_UNKNOWN: Final = (
    "Which program it is comes from a variable or a substitution whose value is not known here; "
    "it was judged by its arguments."
)
ARGUMENT_UNKNOWN: Final = (
    "Part of its arguments comes from a variable, a substitution or another command and is not known here; "
    "it was judged by the rest."
)
TARGET_UNKNOWN: Final = (
    "Part of a redirect's target comes from a variable or a substitution and is not known here; "
    "it was judged by the rest."
)


def uncertainty(command: Command) -> str:
    """Say what is not known about a command before it runs; empty when all of its words are known."""
    if command.argv and not command.argv[0].known:
        return PROGRAM_UNKNOWN
    if not all(word.known for word in command.argv):
        return ARGUMENT_UNKNOWN
    if not all(redirect.target.known for redirect in command.redirects):
        return TARGET_UNKNOWN
    return ""
