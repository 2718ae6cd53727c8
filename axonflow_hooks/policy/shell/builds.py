"""What build tools, test runners and task runners start because a file says so, as lines of shell.

Only files that the same command line has written are known. Most of such a file is no command, so that only what the
tool itself starts is read: recipes, tasks and hooks by the syntax of their files, programs and tests by the calls in
them that start or delete something (`read_calls`).
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from axonflow_hooks.policy.shell.calls import read_calls
from axonflow_hooks.policy.shell.projects import TEST_MODULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from axonflow_hooks.policy.shell.commands import Command


class Build(NamedTuple):
    """How a tool's files are read: by which function, patterns of their names, the words without which it runs none.

    Files that stand in the tool's arguments are read too, whatever their names.
    """

    read: Callable[[str], Iterable[str]]
    names: tuple[str, ...] = ()
    verbs: frozenset[str] = frozenset()


_CMAKE_COMMAND: Final = re.compile(
    r"\bCOMMAND\s+((?:\"(?:[^\"\\]|\\.)*\"|[^()\"])*?)(?=\s*(?:\)|\b(?:COMMAND|WORKING_DIRECTORY|TIMEOUT|DEPENDS|COMMENT|"
    r"VERBATIM|BYPRODUCTS|[A-Z]+_(?:VARIABLE|VARIABLES|FILE|QUIET|ECHO\w*|IS_FATAL|STRIP\w*))\b))"
)
_CMAKE_REMOVES: Final = re.compile(r"\bfile\s*\(\s*REMOVE_RECURSE\s+([^()]*)\)", re.IGNORECASE)
_CMAKE_READS: Final = re.compile(r"\bfile\s*\(\s*(?:READ|STRINGS)\s+(\"[^\"]*\"|\S+)", re.IGNORECASE)
_NINJA: Final = re.compile(r"(?m)^\s+command\s*=\s*(.+)$")
_PROCFILE: Final = re.compile(r"(?m)^[\w-]+:\s*(.+)$")
_UNIT: Final = re.compile(r"(?m)^Exec\w+=[-@:+!]*(.+)$")
_CRON_LINE: Final = re.compile(r"(?m)^\s*(?:@\w+|(?:[\d*/,A-Za-z-]+\s+){5})(.*)$")
_LOCAL_EXEC: Final = re.compile(
    r"\bcommand\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|<<-?\"?(\w+)\"?\n(.*?)\n\s*\2\b)", re.DOTALL
)
_EXTERNAL: Final = re.compile(r"\bprogram\s*=\s*(\[[^\]]*\])")
_INI_COMMANDS: Final = re.compile(r"(?m)^commands(?:_pre|_post)?\s*=[ \t]*(.*(?:\n[ \t]+.*)*)")
_YAML_KEY: Final = re.compile(
    r"(?m)^[ \t]*(?:-[ \t]+)*(?:cmds?|run|entry|commands?|script|(?:ansible\.builtin\.)?(?:shell|command|raw))"
    r":[ \t]*(?![ \t\[|>]|$)(.+)$|\b(?:cmd|run|entry|shell|command):[ \t]*(\"[^\"]*\"|'[^']*')"
)
_YAML_LIST: Final = re.compile(r"\b(?:cmds|commands|script|run):[ \t]*\[([^\]]*)\]")
_YAML_ITEM: Final = re.compile(r"^[ \t]*-[ \t]+(?![\w.]+:(?:[ \t]|$))(.+)$")
_YAML_BLOCK: Final = re.compile(r"^([ \t]*)(?:-[ \t]+)?[\w.]+:[ \t]*[|>][-+]?[ \t]*$")
_MAX_TEXT: Final = 64 * 1024
_MAX_LINES: Final = 64


def tool_of(command: Command) -> str:
    """Give the name of the tool that a command starts: its program, or the test runner of `python -m`."""
    if command.name.startswith("python") and "-m" in command.arguments:
        module = next(value for option, value in pairwise((*command.arguments, "")) if option == "-m")
        return module if module in TEST_MODULES else command.name
    return command.name


def build_lines(tool: str, command: Command, files: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Take a tool of BUILDERS, its command and the texts that files may hold; give the lines that it starts."""
    build = BUILDERS[tool]
    if build.verbs and build.verbs.isdisjoint(command.arguments):
        return ()
    given = {part for word in command.arguments for part in (word, word.partition("=")[2], word.partition("::")[0])}
    named = {word.removeprefix("./") for word in given if word}
    texts = [
        text
        for path, versions in files.items()
        if path in named or any(fnmatchcase(path.rsplit("/", 1)[-1], name) for name in build.names)
        for text in versions
    ]
    return tuple(islice((line for text in texts for line in build.read(text[:_MAX_TEXT]) if line.strip()), _MAX_LINES))


def _cmake(text: str) -> Iterator[str]:
    """`execute_process`, custom commands and targets; what `file()` removes and reads (cmake-commands)."""
    yield from (line.replace("\n", " ") for line in _CMAKE_COMMAND.findall(text))
    yield from (f"rm -rf {' '.join(paths.split())}" for paths in _CMAKE_REMOVES.findall(text))
    yield from (f"cat {path}" for path in _CMAKE_READS.findall(text))


def _lines_of(form: re.Pattern[str]) -> Callable[[str], Iterator[str]]:
    def read(text: str) -> Iterator[str]:
        yield from (line.strip() for line in form.findall(text))

    return read


def _ninja(text: str) -> Iterator[str]:
    yield from (line.replace("$$", "\0").replace("$in", "").replace("\0", "$") for line in _NINJA.findall(text))


def _terraform(text: str) -> Iterator[str]:
    """`local-exec` and external data sources, which run while a plan is made or applied."""
    if "local-exec" in text:
        for quoted, _mark, document in _LOCAL_EXEC.findall(text):
            yield document or re.sub(r"\\(.)", r"\1", quoted)
    for program in _EXTERNAL.findall(text):
        yield from _words_line(program)


def _words_line(listed: str) -> Iterator[str]:
    try:
        words = json.loads(listed)
    except ValueError:
        return
    yield " ".join("'" + str(word).replace("'", "'\\''") + "'" for word in words)


def _tox(text: str) -> Iterator[str]:
    for block in _INI_COMMANDS.findall(text):
        yield from (line.strip().removeprefix("-").strip() for line in block.split("\n"))


def yaml_commands(text: str) -> Iterator[str]:
    """Take the YAML of a task runner, a hook manager or a playbook; give what stands where such files have commands."""
    for bare, quoted in _YAML_KEY.findall(text):
        yield _unquoted(bare or quoted)
    for listed in _YAML_LIST.findall(text):
        yield from map(_unquoted, listed.split(","))
    block: list[str] = []
    indent = -1
    for line in text.split("\n"):
        if indent >= 0 and (not line.strip() or len(line) - len(line.lstrip()) > indent):
            block.append(line.strip())
            continue
        yield "\n".join(block)
        block, begins = [], _YAML_BLOCK.match(line)
        indent = len(begins[1]) if begins is not None else -1
        item = _YAML_ITEM.match(line)
        if item is not None:
            yield _unquoted(item[1])
    yield "\n".join(block)


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _tests(text: str) -> Iterator[str]:
    # functions of the tests themselves, which may be named like those that start something, are left out
    yield from read_calls(text, qualified=True)


_APPLIES: Final = frozenset({"apply", "plan", "destroy", "refresh", "import", "test"})
_JS_TESTS: Final = ("*.test.*", "*.spec.*")
_PY_TESTS: Final = ("test_*.py", "*_test.py")
_COMPILES: Final = Build(read_calls)
_YAML_PLAYS: Final = Build(yaml_commands)
BUILDERS: Final[dict[str, Build]] = {
    **dict.fromkeys(("cmake", "ctest", "cpack"), Build(_cmake, ("CMakeLists.txt", "*.cmake"))),
    **dict.fromkeys(("ninja", "samu"), Build(_ninja, ("*.ninja",))),
    "meson": Build(read_calls, ("meson.build",)),
    **dict.fromkeys(("gradle", "gradlew"), Build(read_calls, ("*.gradle", "*.gradle.kts"))),
    **dict.fromkeys(("terraform", "tofu", "terragrunt"), Build(_terraform, ("*.tf",), _APPLIES)),
    **dict.fromkeys(("task", "go-task"), Build(yaml_commands, ("[Tt]askfile.y*ml", "[Tt]askfile.dist.y*ml"))),
    **dict.fromkeys(("pre-commit", "prek"), Build(yaml_commands, (".pre-commit-config.yaml",))),
    "lefthook": Build(yaml_commands, ("lefthook.y*ml", ".lefthook.y*ml")),
    "ansible-playbook": _YAML_PLAYS,
    "tox": Build(_tox, ("tox.ini", "setup.cfg")),
    **dict.fromkeys(("foreman", "honcho", "overmind", "hivemind"), Build(_lines_of(_PROCFILE), ("Procfile*",))),
    "systemctl": Build(_lines_of(_UNIT), ("*.service",), frozenset({"start", "restart", "enable"})),
    "crontab": Build(_lines_of(_CRON_LINE)),
    **dict.fromkeys(("cc", "gcc", "g++", "clang", "clang++", "tcc", "rustc", "javac", "ghc", "fpc", "nim"), _COMPILES),
    "go": Build(read_calls, ("*.go",), frozenset({"run", "test", "generate", "build", "install"})),
    "cargo": Build(read_calls, ("*.rs",), frozenset({"run", "r", "test", "t", "bench", "build", "b", "install"})),
    "dotnet": Build(read_calls, ("*.cs", "*.fs"), frozenset({"run", "test", "watch", "build"})),
    **dict.fromkeys(("mvn", "mvnw"), Build(read_calls, ("*.java",))),
    **dict.fromkeys(("pytest", "py.test"), Build(_tests, _PY_TESTS)),
    "unittest": Build(_tests, ("test*.py",)),
    **dict.fromkeys(("jest", "vitest", "mocha", "ava", "playwright", "cypress"), Build(_tests, _JS_TESTS)),
    **dict.fromkeys(("rspec", "phpunit"), Build(_tests, ("*_spec.rb", "*Test.php"))),
}
"""Tools by their names."""
