"""Files that a command line downloads and then runs."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import code
from axonflow_hooks.policy.shell.commands import stem
from axonflow_hooks.policy.shell.loaded import loaded_files
from axonflow_hooks.policy.shell.makefiles import MAKERS, makefile_names
from axonflow_hooks.policy.shell.names import SHELLS
from axonflow_hooks.policy.shell.network import DOWNLOADERS, INTERPRETERS, fetches, reads_script_from_stdin
from axonflow_hooks.policy.shell.traits import has_trait, literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axonflow_hooks.policy.shell.commands import Command

FETCHERS: Final = DOWNLOADERS | {"scp", "sftp"}
"""Programs that leave a file of somebody else's here."""
_TARGET_OPTIONS: Final = frozenset({"-o", "-O", "--output", "--output-document", "--out"})
_LONG_TARGETS: Final = ("--output=", "--output-document=", "--out=")
_FOLDER_OPTIONS: Final = frozenset({"-P", "--directory-prefix", "--output-dir", "-d", "--dir"})
_MOVERS: Final = frozenset({"mv", "cp", "install", "ln"})
_FOREIGN: Final = re.compile(r"https?://(?!deno\.land/|jsr\.io/|esm\.sh/|localhost\b|127\.)")
_SHOWS: Final = frozenset({"cat", "tac", "head", "tail", "tee"})


def downloads_then_runs(commands: Sequence[Command]) -> Iterator[Command]:
    """A file that one command downloads and a later one runs, under the same name or the one it was moved to."""
    fetched: set[str] = set()
    for command in commands:
        if command.redirects:
            opened = (item for item in command.redirects if item.operator == "<" and fetches(item.target.sources))
            fetched.update(f"/dev/fd/{item.fd}" for item in opened if item.fd)
        if command.name == "deno" and any(map(_FOREIGN.match, command.operands()[1:2])):
            yield command
        elif command.name in FETCHERS:
            fetched.update(map(_bare, _downloaded(command)))
        elif fetched and _runs_one_of(fetched, command):
            yield command
        elif command.feeds and fetches(command.feeds):
            fetched.update(map(_bare, _kept(command)))
        elif fetched and command.name in _MOVERS:
            operands = [_bare(path) for path in command.operands()]
            if fetched.intersection(operands[:-1]):
                fetched.add(operands[-1])
        elif stem(command.name) in code.INTERPRETERS:
            text = code.inline_code(command)
            if text is not None and has_trait(text, "fetches"):
                fetched.update(map(_bare, literals(text)))


def _bare(path: str) -> str:
    return path.removeprefix("./")


def _runs_one_of(fetched: set[str], command: Command) -> bool:
    if fetched.intersection(map(_bare, _executed(command))):
        return True
    paths = [_bare(path) for _runner, path in loaded_files(command)]
    if command.name in MAKERS:
        paths += makefile_names(command.arguments)
    folders = {f"{path.rpartition('/')[0]}/" for path in fetched} if any(path[-1:] == "/" for path in paths) else set()
    return not (fetched | folders).isdisjoint(paths)


def _downloaded(command: Command) -> Iterator[str]:
    yield from (item.target.text for item in command.redirects if item.writes)
    folder = ""
    arguments = command.arguments
    for option, value in pairwise((*arguments, "")):
        if option in _TARGET_OPTIONS and value and not value.startswith("-"):
            yield value
        elif option.startswith(_LONG_TARGETS):
            yield option.partition("=")[2]
        elif option[:2] in ("-o", "-O") and len(option) > 2 and "/" in option:
            yield option[2:]
        elif option[:1] == "-" != option[1:2] and option[-1:] in ("o", "O") and value and "://" not in value:
            yield value  # a cluster (`-sSLo file`)
        elif option in _FOLDER_OPTIONS:
            folder = value.rstrip("/") + "/"
    if command.name.startswith("wget") or command.has_option("O", "remote-name"):
        for argument in command.operands():
            if "://" in argument:
                name = argument.rsplit("/", 1)[-1]
                yield from (name, folder + name)
    if command.name in ("scp", "sftp", "rsync"):
        remote = [argument for argument in command.operands()[:-1] if ":" in argument]
        yield from (argument.rpartition(":")[2].rsplit("/", 1)[-1] for argument in remote)


def _kept(command: Command) -> Iterator[str]:
    """Give the files in which a command keeps the download that it is fed."""
    yield from (item.target.text for item in command.redirects if item.writes)
    if command.name == "tee":
        yield from command.operands()
    elif command.name == "dd":
        yield from (argument[3:] for argument in command.arguments if argument.startswith("of="))


def _executed(command: Command) -> Iterator[str]:
    if command.name in SHELLS or command.name in ("source", ".") or INTERPRETERS.match(command.name):
        yield from command.operands()[:1]
        if reads_script_from_stdin(command):
            yield from (item.target.text for item in command.redirects if item.operator == "<")
            yield from (f"/dev/fd/{item.target.text}" for item in command.redirects if item.operator == "<&")
            yield from (path for feed in command.feeds if feed.name in _SHOWS for path in feed.operands())
    elif command.argv and "/" in command.argv[0].text:
        yield command.argv[0].text
