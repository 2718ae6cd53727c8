"""Variables and start-up files by which other programs start or load something, without a word of it in their call."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.commands import HOME
from axonflow_hooks.policy.shell.constants import output_of
from axonflow_hooks.policy.shell.finders import find_prints
from axonflow_hooks.policy.shell.places import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.shell.commands import Command

COMMAND_VARIABLES: Final = frozenset({
    "PAGER", "MANPAGER", "GIT_PAGER", "LESSOPEN", "EDITOR", "VISUAL", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "BROWSER",
    "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "SSH_ASKPASS", "PROMPT_COMMAND", "RSYNC_RSH",
    "SYSTEMD_EDITOR", "SUDO_EDITOR", "KUBE_EDITOR", "LESSCLOSE", "GIT_PROXY_COMMAND", "GIT_SSH", "RSYNC_CONNECT_PROG",
    "PSQL_PAGER", "PSQL_EDITOR", "SVN_SSH", "SVN_EDITOR", "HGEDITOR", "FCEDIT", "SYSTEMD_PAGER", "AWS_PAGER",
    "GH_PAGER", "BAT_PAGER", "GH_EDITOR", "GH_BROWSER", "CC", "CXX", "FZF_DEFAULT_COMMAND",
})  # fmt: skip
"""Variables whose value is a command line."""
_SUBSTITUTED: Final = frozenset({"PS0", "PS1", "PS2", "PS4", "BASH_ENV", "ENV"})
"""Variables in whose values substitutions are made each time they are used."""
_LIBRARIES: Final = frozenset({"LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"})
_LIBRARY_PATHS: Final = frozenset({"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
_STARTUP_FILES: Final = frozenset({"BASH_ENV", "ENV", "PYTHONSTARTUP", "ZDOTDIR"})
_OPTIONS: Final = frozenset({"NODE_OPTIONS", "RUBYOPT", "PERL5OPT", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"})
HISTORY: Final = {"HISTFILE": ("", "/dev/null"), "HISTSIZE": ("0",), "HISTFILESIZE": ("0",)}
"""Variables of the shell's history, and the values with which none is kept."""
LOADERS: Final = frozenset({"git", "insmod"})
"""Programs that can be told to load code from a file."""

HOOKING: Final = frozenset().union(
    COMMAND_VARIABLES, _SUBSTITUTED, _LIBRARIES, _LIBRARY_PATHS, _STARTUP_FILES, _OPTIONS, HISTORY
)
"""Variables that are looked at here."""

_SCRATCH: Final = re.compile(r"^(?:/private)?/(?:tmp|var/tmp|dev/shm|run/shm)(?:/|$)")
_LOADS: Final = re.compile(
    r"(?:--?r(?:equire)?|--import|--loader|--experimental-loader|-I|-javaagent:|-agentpath:)[= ]?(/\S+)"
)
_SUBSTITUTION: Final = re.compile(r"\$\(([^()]{1,500})\)|`([^`]{1,500})`")
_LOGIN_FILES: Final = re.compile(
    r"(?:^|/)(?:\.bashrc|\.bash_profile|\.bash_login|\.bash_logout|\.profile|\.zshrc|\.zprofile|\.zshenv|\.zlogin|"
    r"\.ssh/rc|\.xprofile|\.xinitrc)$"
)


def started_by_variables(command: Command) -> Iterator[str]:
    """Give the command lines that the variables of a command (or an assignment) make other programs start."""
    for name, value in command.assignments.items():
        if name in COMMAND_VARIABLES and " " in value:
            yield value
        elif name in _SUBSTITUTED:
            yield from (match[1] or match[2] for match in _SUBSTITUTION.finditer(value))


def left_in_login_files(command: Command) -> Iterator[str]:
    """Give the text that a command adds to a start-up file of the user's shell, where the next login runs it."""
    targets = [item.target.text for item in command.redirects if item.operator in (">", ">>", ">|")]
    if any(_LOGIN_FILES.search(target) and target.startswith((HOME, "/", ".")) for target in targets):
        text = output_of(command)
        if text is not None:
            yield text
    if command.name == "find":
        yield from (text for path, text in find_prints(command) if _LOGIN_FILES.search(path))


def preloads_code(command: Command) -> bool:
    """A library, start-up file or module loaded from a place where every user and program may write."""
    for name, value in command.assignments.items():
        places = re.split(r"[: ]", value)
        if name in _LIBRARIES or name in _STARTUP_FILES:
            found = any(map(_SCRATCH.match, places))
        elif name in _LIBRARY_PATHS:
            # of a program that was just built there it is ordinary, of one of the system it is not
            found = any(map(_SCRATCH.match, places)) and bool(command.argv) and "/" not in command.argv[0].text
        else:
            found = name in _OPTIONS and any(_SCRATCH.match(place) for place in _LOADS.findall(value))
        if found:
            return True
    if command.name == "insmod":
        return any(_SCRATCH.match(normalise(path, command.cwd)) for path in command.operands())
    if command.name == "git" and "hooks" in " ".join(command.arguments).lower():
        pairs = [*pairwise(command.arguments), *(argument.split("=", 1) for argument in command.arguments)]
        return any(pair[0].lower() == "core.hookspath" and _SCRATCH.match(pair[-1]) for pair in pairs)
    return False
