"""Code and files that a program loads besides what its call says: by options, by variables of its environment.

Loading is ordinary work (`NODE_OPTIONS='--require ./trace.js'`), so it counts only for what is loaded: code that stands
in the option is judged as behind `-e`, a file as a program that is started, where this line wrote or downloaded it.
"""

from __future__ import annotations

import re
import shlex
from itertools import islice
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.commands import Word, stem
from axonflow_hooks.policy.shell.hooked import COMMAND_VARIABLES, HOOKING
from axonflow_hooks.policy.shell.options import CODE_OPTIONS, FILE_OPTIONS, Loaded
from axonflow_hooks.policy.shell.projects import PROJECT_FILES
from axonflow_hooks.policy.shell.started import Argv, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from axonflow_hooks.policy.shell.commands import Command

# variable: the program whose options it holds, for the programs whose options are read here
_OPTION_VARIABLES: Final = {
    "PERL5OPT": "perl",
    "RUBYOPT": "ruby",
    "NODE_OPTIONS": "node",
    **dict.fromkeys(("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "MAVEN_OPTS", "GRADLE_OPTS"), "java"),
}
# variable: the program that takes its value as more words of its own call
_WORD_VARIABLES: Final = {
    **dict.fromkeys(("MAKEFLAGS", "GNUMAKEFLAGS", "MFLAGS"), ("make",)),
    "TAR_OPTIONS": ("tar",),
    "ZIPOPT": ("zip",),
    "GOFLAGS": ("go",),
}
_CODE_VARIABLES: Final = {
    "PERL5DB": ("perl", "-e"),
    **dict.fromkeys(("LUA_INIT", "LUA_INIT_5_2", "LUA_INIT_5_3", "LUA_INIT_5_4"), ("lua", "-e")),
    "LESS": ("less",),
    **dict.fromkeys(("VIMINIT", "GVIMINIT", "EXINIT"), ("vim", "-c")),
}
_FILE_VARIABLES: Final[dict[str, tuple[str, ...]]] = {
    "BASH_ENV": ("bash",),
    "ENV": ("sh",),
    "PYTHONSTARTUP": ("python3",),
    "R_PROFILE": ("rscript",),
    "R_PROFILE_USER": ("rscript",),
    "MAKEFILES": ("make", "-f"),
    "OPENSSL_CONF": (),
    "SUDO_ASKPASS": (),
    "npm_config_script_shell": (),
    **dict.fromkeys(("RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"), ()),
}
_LIBRARIES: Final = frozenset({"LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"})
LOADING: Final = frozenset().union(
    COMMAND_VARIABLES, _LIBRARIES, _OPTION_VARIABLES, _WORD_VARIABLES, _CODE_VARIABLES, _FILE_VARIABLES
)
"""Variables by which programs are handed code, files, or options that name them."""
CONSEQUENTIAL: Final = LOADING | HOOKING
"""Variables whose assignment on its own is looked at as a command is."""

_FOLDER_FILES: Final = {
    "PYTHONPATH": (("python3",), ("sitecustomize.py", "usercustomize.py")),
    "ZDOTDIR": (("zsh",), (".zshenv", ".zshrc", ".zprofile", ".zlogin")),
}
NAMING: Final = LOADING | _FOLDER_FILES.keys() | {"PATH", "PERL5LIB", "RUBYLIB"}
"""Variables that name what programs load or start."""
_MAX_FILES: Final = 64
_EVALUATED: Final = re.compile(r"--eval=.+", re.DOTALL)
_FUNCTION: Final = re.compile(r"^\(\)\s*\{")


def loaded_code(command: Command) -> Iterator[Argv]:
    """Give what the options of a program make it run: code, and command lines of its error handlers."""
    yield from _code_in(stem(command.name), command.arguments, command)


def _code_in(program: str, arguments: Sequence[str], command: Command) -> Iterator[Argv]:
    read = CODE_OPTIONS.get(program)
    if read is not None:
        yield from (_started(texts, command) for texts in read(arguments, command))


def loaded_by_variables(command: Command) -> Iterator[Argv | Text]:
    """Give what the variables of a command (or an assignment) make other programs run."""
    for name, value in command.assignments.items():
        if not value:
            continue
        if name in _OPTION_VARIABLES:
            options = (value,) if name == "PERL5OPT" else _split(value)
            yield from _code_in(_OPTION_VARIABLES[name], options, command)
        elif name in _WORD_VARIABLES:
            yield _started((*_WORD_VARIABLES[name], *_split(value), *_EVALUATED.findall(value)), command)
        elif name in _CODE_VARIABLES and not value.startswith("@"):
            yield _started((*_CODE_VARIABLES[name], value), command)
        elif _FUNCTION.match(value):
            # an exported function, and what an old shell runs behind it (CVE-2014-6271)
            yield Text(f"_{value}")


def loaded_files(command: Command) -> list[Loaded]:
    """Give the files that a command loads or starts because of its options or its variables, however they got there."""
    return list(islice(_loaded_files(command), _MAX_FILES))


def _loaded_files(command: Command) -> Iterator[Loaded]:
    yield from _named_by_variables(command.assignments)
    if not command.argv:
        return
    if "PATH" in command.assignments and "/" not in command.argv[0].text:
        folders = command.assignments["PATH"].split(":")
        yield from (Loaded((), f"{folder}/{command.argv[0].text}") for folder in folders if folder)
    runner, files = PROJECT_FILES.get(command.name, ((), ()))
    yield from (Loaded(runner, path) for path in files)
    read = FILE_OPTIONS.get(stem(command.name))
    if read is not None:
        yield from read(command.arguments, command.assignments)


def _named_by_variables(assignments: Mapping[str, str]) -> Iterator[Loaded]:
    for name, value in assignments.items():
        if not value:
            continue
        if name in _FILE_VARIABLES:
            yield Loaded(_FILE_VARIABLES[name], value)
        elif name in _LIBRARIES:
            yield from (Loaded((), path) for path in re.split("[: ]", value))
        elif name in COMMAND_VARIABLES:
            yield from (Loaded((), word) for word in value.split()[:1])
        elif name in _OPTION_VARIABLES:
            yield from FILE_OPTIONS[_OPTION_VARIABLES[name]](_split(value), assignments)
        elif name in _FOLDER_FILES:
            runner, files = _FOLDER_FILES[name]
            yield from (Loaded(runner, f"{folder.rstrip('/')}/{file}") for folder in value.split(":") for file in files)
        elif name in _CODE_VARIABLES and value.startswith("@"):
            yield Loaded(_CODE_VARIABLES[name][:1], value[1:])


def _split(value: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(value))
    except ValueError:
        return tuple(value.split())


def spent(command: Command) -> dict[str, str]:
    """Give the variables of a command that name code or files, emptied: what is loaded does not load them again."""
    return dict.fromkeys(NAMING & command.assignments.keys(), "")


def _started(texts: Sequence[str], command: Command) -> Argv:
    return Argv(tuple(Word(text, command.start, command.end) for text in texts), assignments=spent(command))
