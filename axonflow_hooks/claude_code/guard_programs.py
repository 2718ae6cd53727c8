"""What programs do with the files, the input and the command lines that they are given: tables, and a few rules.

Only what is known for certain is in the tables. A program that is in none of them may do anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from axonflow_hooks.claude_code.guard_commands import SimpleCommand

Effect = Literal["harmless", "changes", "changes last", "unknown"]
"""On the files that a program is told of. `harmless`: what they say stays as it is, whether the program reads them,
makes an empty one, hands them to others or takes their names as prose. `changes last`: only the last one changes."""

# They show nothing of what is in a file that they are told of: they take names and prose.
_SHOW_NOTHING: Final = frozenset(
    "basename cd dirname echo false file gh glab ls mkdir popd printf pushd pwd readlink realpath stat test touch "
    "tree true type which [ [[ :".split()
)
_SHOW: Final = frozenset(
    "ack ag bat cat cmp column cut diff du egrep exit export fgrep grep head jq less local md5sum more nl od read rg "
    "set sha256sum shellcheck shopt strings tail uniq unset wc xxd yamllint yq".split()
)
_HARMLESS: Final = _SHOW_NOTHING | _SHOW
_GIT_HARMLESS: Final = frozenset(
    "add blame check-ignore commit diff fetch grep log ls-files ls-tree notes push rev-parse shortlog show status "
    "tag".split()
)
_CHANGE: Final = frozenset(
    "chattr chmod chown dd ed ex install ln mv patch perl rm rmdir shred sponge tee truncate unlink unzip vi "
    "vim".split()
)
_EFFECTS: Final[Mapping[str, Effect]] = {
    **dict.fromkeys(_HARMLESS | {"", "for"}, "harmless"),
    **dict.fromkeys(_CHANGE, "changes"),
}

_SHELLS: Final = frozenset({"bash", "dash", "fish", "ksh", "sh", "zsh"})
_RUNNERS: Final = _SHELLS | frozenset({".", "eval", "parallel", "source", "xargs"})
_INTERPRETER: Final = re.compile(r"(?:bun|deno|node|perl|php|python|ruby)[\d.]*")


def effect_of(program: str, arguments: Sequence[str]) -> Effect:
    """Say what a program does to the files among its arguments."""
    by_arguments = _EFFECTS_BY_ARGUMENTS.get(program)
    return by_arguments(arguments) if by_arguments else _EFFECTS.get(program, "unknown")


def shows_nothing(program: str, arguments: Sequence[str]) -> bool:
    """Tell whether a program shows and hands on nothing of what is in the files among its arguments."""
    return program in _SHOW_NOTHING or (program == "git" and _git(arguments) == "harmless")


def only_talks(program: str) -> bool:
    """Tell whether a command line among a program's arguments is prose to it, and not run."""
    return program in _HARMLESS or program == "git"


def keeps_as_text(program: str) -> bool:
    """Tell whether a heredoc or a command line is text to a program: to be shown or kept, and not run."""
    return only_talks(program) or program == "tee"


def runs_its_input(command: SimpleCommand) -> bool:
    """Tell whether a command runs what it is fed, or hands it to commands that may."""
    if command.program in _RUNNERS or command.is_loop:
        return True
    reads_program = not command.arguments or command.arguments[0] == "-"
    return reads_program and _INTERPRETER.fullmatch(command.program) is not None


def inner_line(program: str, arguments: Sequence[str]) -> str:
    """Give the command line that `eval` or `sh -c` is told to run, "" for none."""
    if program == "eval":
        return " ".join(arguments)
    if program not in _SHELLS:
        return ""
    flag = next((at for at, word in enumerate(arguments) if re.fullmatch(r"-[a-z]*c", word)), None)
    return " ".join(arguments[flag + 1 :]) if flag is not None else ""


def taken_away(program: str, arguments: Sequence[str]) -> Sequence[str]:
    """Give the words that name what a program removes or moves with all that lies in it."""
    if program in {"rm", "rmdir"}:
        return arguments
    return arguments[:-1] if program == "mv" else ()


def _copy(arguments: Sequence[str]) -> Effect:
    elsewhere = any(word.startswith(("-t", "--target-directory", "--remove", "--del")) for word in arguments)
    return "changes" if elsewhere else "changes last"


def _find(arguments: Sequence[str]) -> Effect:
    acts = any(word.startswith(("-delete", "-exec", "-ok", "-fprint", "-fls")) for word in arguments)
    return "unknown" if acts else "harmless"


def _git(arguments: Sequence[str]) -> Effect:
    command = next((word for word in arguments if not word.startswith("-")), "")
    return "harmless" if command in _GIT_HARMLESS else "unknown"


def _sed(arguments: Sequence[str]) -> Effect:
    in_place = any(re.match(r"-[a-zA-Z]*i|--in-place", word) for word in arguments)
    writes = any(re.search(r"\bw\s*\S", word) for word in arguments[:-1])
    return "changes" if in_place or writes else "harmless"


def _tar(arguments: Sequence[str]) -> Effect:
    mode = arguments[0].lstrip("-") if arguments else ""
    return "harmless" if mode[:1] in {"c", "t"} else "changes"


def _yq(arguments: Sequence[str]) -> Effect:
    in_place = any(re.match(r"-[a-zA-Z]*i|--in-?place", word) for word in arguments)
    return "changes" if in_place else "harmless"


_EFFECTS_BY_ARGUMENTS: Final[Mapping[str, Callable[[Sequence[str]], Effect]]] = {
    "cp": _copy,
    "find": _find,
    "git": _git,
    "rsync": _copy,
    "scp": _copy,
    "sed": _sed,
    "tar": _tar,
    "yq": _yq,
}
