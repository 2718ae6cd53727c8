"""Code handed to an interpreter on its command line, and what is looked for in it without parsing it."""

from __future__ import annotations

import json
import re
import shlex
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.matching import Haystack, compile_set
from axonflow_hooks.policy.shell.calls import read_calls
from axonflow_hooks.policy.shell.commands import stem
from axonflow_hooks.policy.shell.constants import input_of
from axonflow_hooks.policy.shell.names import SHELLS
from axonflow_hooks.policy.shell.powershell import POWERSHELLS, code_of
from axonflow_hooks.policy.shell.traits import decoded_literals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.matching import PatternSet
    from axonflow_hooks.policy.shell.commands import Command

_CODE_OPTIONS: Final = {
    "python": "c", "pypy": "c", "perl": "eE", "ruby": "e", "node": "ep", "nodejs": "ep", "deno": "e", "bun": "e",
    "php": "r", "lua": "e", "luajit": "e", "osascript": "e", "rscript": "e", "julia": "eE", "groovy": "e",
    "tclsh": "", "crystal": "", "elixir": "e", "irb": "e", "r": "e", "tsx": "e", "ts-node": "e", "zx": "e", "ghc": "e",
    "ipython": "c", "guile": "c", "octave": "", "octave-cli": "", "erl": "", "scala": "e", "swift": "e",
    "jrunscript": "e", "raku": "e", "kotlin": "e", "jshell": "", "texlua": "e", **dict.fromkeys(POWERSHELLS, ""),
}  # fmt: skip
_VERSION: Final = re.compile(r"[\d.]+$")
_MAX_CODE: Final = 16 * 1024
_AWK: Final = frozenset({"awk", "gawk", "mawk", "nawk"})

# the letter that introduces code, behind letters that take no value (`-ne`, but not the `e` of `-MFile::Path`)
_CLUSTERS: Final = {
    letters: re.compile(rf"-[^-rIMmxWXQFKCo]*?[{letters}](.*)", re.DOTALL)
    for letters in set(_CODE_OPTIONS.values())
    if letters
}
_READS_STDIN: Final = frozenset({"-", "/dev/stdin", "-u", "-x", "-w", "-s", "-B", "-I", "-q"})

_RUNNERS: Final = frozenset({"go", "v", "crystal", "cargo", "dotnet", "java", "tsx", "ts-node", "rust-script", "swift",
                             "zig", "nim", "dart", "kotlin", "scala"})  # fmt: skip
_MAX_CALLS: Final = 100
INTERPRETERS: Final = frozenset(map(stem, (*_CODE_OPTIONS, *_RUNNERS, *_AWK)))
"""Stems of the programs that may run a program text."""
_HEAD: Final = (
    r"(?:\b(?:system|popen[23]?|exec(?:Sync|File|FileSync|v[pe]*|l[pe]*)?|spawn(?:Sync)?|run|call|check_call|check_output|"
    r"Popen|getoutput|getstatusoutput|shell_exec|passthru|proc_open|open|Command|create_subprocess_shell|execute|sh)"
    r"\s*\(?\s*|%x\s*|\bqx\s*)"
)
_LIST: Final = r"((?:[\"'][^\"']*[\"']\s*,\s*)?(?:\{\s*args\s*:\s*)?\[\s*(?:[\"'][^\"'\]]*[\"']\s*,?\s*)+)\]"
_WORDS: Final = r"((?:[\"'][^\"'\n]*[\"']\s*,\s*)+[\"'][^\"'\n]*[\"'])\s*,?\s*\)"
_STRINGS: Final = (
    r"\"((?:[^\"\\]|\\(?:.|\n))*)\"",
    r"'((?:[^'\\]|\\(?:.|\n))*)'",
    r"[\[({/]([^\])}/\n\"'][^\])}/\n]*)[\])}/]",
)
_BACKQUOTED: Final = re.compile(r"`([^`\n]+)`")
_COMMAND_QUOTES: Final = re.compile(
    r"(?:\bqx|%x)\s*(?:\{([^{}\n]+)\}|\(([^()\n]+)\)|\[([^\[\]\n]+)\]|\|([^|\n]+)\||!([^!\n]+)!)"
)
_PIPED: Final = re.compile(r"\"((?:[^\"\\]|\\.)*)\"\s*\|\s*getline|\|\s*\"((?:[^\"\\]|\\.)*)\"")
_PRINTED: Final = re.compile(r"\bprint\s+\"((?:[^\"\\]|\\.)*)\"\s*\|")
_SENT: Final = re.compile(r"\"([^\"\n]*)\"\s*\.\s*!")
"""A text that is run as a process (Scala)."""
_STRING: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")


@lru_cache(maxsize=1)
def _call_set() -> PatternSet:
    return compile_set([_HEAD + form for form in (_LIST, _WORDS, *_STRINGS)])


def runs_programs(command: Command) -> bool:
    """Whether the command is an interpreter or compiler that takes a program file."""
    name = command.name.lower()
    return name in _RUNNERS or _VERSION.sub("", name) in _CODE_OPTIONS


def os_calls(command: Command) -> list[str]:
    """Give the command lines that inline code hands to the operating system, as far as they are literals."""
    code = inline_code(command)
    if code is None or len(code) > _MAX_CODE:
        return []
    found = [*islice(_called(code), _MAX_CALLS), *islice(read_calls(code), _MAX_CALLS)]
    name = _VERSION.sub("", command.name.lower())
    if name in ("perl", "ruby", "php", "julia", "crystal"):
        found += _BACKQUOTED.findall(code)
        found += ["".join(groups) for groups in _COMMAND_QUOTES.findall(code)]
    if name == "scala":
        found += _SENT.findall(code)
    if name in _AWK:
        piped = [a or b for a, b in _PIPED.findall(code)]
        found += piped
        if not SHELLS.isdisjoint(text.rsplit("/", 1)[-1] for text in piped):
            found += [input_of(command) or "", *_PRINTED.findall(code)]
    found += decoded_literals(code)
    return [text for text in dict.fromkeys(found) if text.strip()][:_MAX_CALLS]


def _called(code: str) -> Iterator[str]:
    haystack = Haystack(code)
    patterns = _call_set()
    for index in patterns.hits(haystack):
        for start, end in patterns.find(index, haystack):
            text = code[start:end]
            if index < 2:
                yield " ".join(shlex.quote(a or b) for a, b in _STRING.findall(text))
            else:
                yield re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _awk_code(command: Command) -> str | None:
    """Give the program of awk, before it the variables it is given and the fields of a first line that is known."""
    arguments = list(command.arguments)
    given: list[str] = []
    while arguments and arguments[0].startswith("-") and len(arguments[0]) > 1:
        option = arguments.pop(0)
        value = arguments.pop(0) if option in ("-v", "-F", "-f", "--assign") and arguments else option[2:]
        if option.startswith(("-v", "--assign")):
            given.append(value)
        elif option == "-f":
            return None
    if not arguments:
        return None
    code = arguments[0]
    if "$" in code and ("system" in code or "|" in code):
        line = (input_of(command) or "").partition("\n")[0]
        given += [f"${number}={field}" for number, field in enumerate((line, *line.split()[:9]))] if line else []
    constants = (assigned.partition("=") for assigned in given)
    return "".join(f"{name}={json.dumps(value)};" for name, _equals, value in constants) + code


def inline_code(command: Command) -> str | None:
    """Give the code that an interpreter is handed as an argument or in a known file, None for any other command."""
    if command.program is not None:
        return command.program
    if stem(command.name) not in INTERPRETERS:
        return None
    name = command.name.lower()
    if name in POWERSHELLS:
        return code_of(command)
    if name in _AWK:
        return _awk_code(command)
    options = _CODE_OPTIONS.get(_VERSION.sub("", name))
    if options is None:
        return None
    arguments = command.arguments
    form = _CLUSTERS.get(options)
    for index, argument in enumerate(arguments):
        if argument in ("--eval", "-eval", "--execute", "-Command", "--command", "eval", "-EncodedCommand"):
            return " ".join(arguments[index + 1 :])
        cluster = form.match(argument) if form is not None else None
        if cluster is not None:
            attached = cluster[1]
            return attached if len(attached) > 3 else " ".join(arguments[index + 1 :])
    if all(argument in _READS_STDIN or argument.startswith("-W") for argument in arguments):
        return input_of(command)
    return None
