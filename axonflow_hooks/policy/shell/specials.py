"""Programs that start others, each in a syntax of its own: ssh, xargs, parallel, cron, make, containers."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.cmdexe import unwrapped
from axonflow_hooks.policy.shell.commands import UNKNOWN, Command, Word
from axonflow_hooks.policy.shell.constants import input_of, output_of
from axonflow_hooks.policy.shell.containers import run_on_host
from axonflow_hooks.policy.shell.finders import executed, find_starts, found
from axonflow_hooks.policy.shell.makefiles import MAKERS, command_variables, recipes
from axonflow_hooks.policy.shell.names import SHELLS
from axonflow_hooks.policy.shell.places import is_credential_file
from axonflow_hooks.policy.shell.started import Argv, Text, after_options, text_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SSH_VALUES: Final = "BbcDEeFIiJLlMmOopQRSWw"
_SSH_STARTS: Final = re.compile(r"(?im)^\s*(?:ProxyCommand|LocalCommand|KnownHostsCommand)[ =]\s*(.+)$")
_EVAL: Final = ("-E", "--eval")
_MAKEFILE_OPTIONS: Final = re.compile(r"(?m)^-(?:\w*[fE]|-(?:f|m|ev))")
_ENVIRONMENTS: Final = (
    "uv", "poetry", "pipenv", "pdm", "hatch", "rye", "pixi", "bundle", "conda", "mamba", "micromamba",
)  # fmt: skip
_ENVIRONMENT_VERBS: Final = frozenset({"run", "exec"})
_ENVIRONMENT_VALUES: Final = (
    "with", "python", "extra", "group", "env-file", "project", "directory", "package", "name", "prefix", "index",
    "with-requirements", "environment", "manifest-path",
)  # fmt: skip
_MAX_ARGUMENTS: Final = 64
_MAX_LINES: Final = 256


def _su(command: Command) -> Iterator[Argv | Text]:
    arguments = command.arguments
    if "--" in arguments:
        yield Argv(command.argv[arguments.index("--") + 2 :])
    for index, argument in enumerate(arguments[:-1]):
        if argument in ("-c", "--command"):
            yield Text(arguments[index + 1])


def _trap(command: Command) -> Iterator[Argv | Text]:
    operands = command.operands()
    if len(operands) > 1:
        yield Text(operands[0])


def _at(command: Command) -> Iterator[Argv | Text]:
    text = input_of(command)
    if text is not None:
        yield Text(text)


_CRON_LINE: Final = re.compile(r"(?m)^\s*(?:@\w+|(?:[\d*/,A-Za-z-]+\s+){5})(.*)$")


def _crontab(command: Command) -> Iterator[Argv | Text]:
    texts = [command.stdin, *map(output_of, command.feeds), *(text_of(word, command) for word in command.argv[1:])]
    for text in dict.fromkeys(texts):
        for line in _CRON_LINE.findall(text or "")[:_MAX_ARGUMENTS]:
            yield Text(line)


def _watch(command: Command) -> Iterator[Argv | Text]:
    words = after_options(command.argv[1:], "n", ("interval",), 0)
    yield Text(" ".join(word.text for word in words))


def _entr(command: Command) -> Iterator[Argv | Text]:
    words = after_options(command.argv[1:], "", (), 0)
    if words:
        yield Argv(words)


def _ssh(command: Command) -> Iterator[Argv | Text]:
    words = after_options(command.argv[1:], _SSH_VALUES, (), 1)
    configured = value_of(command, "-F", "-F") if "-F" in command.arguments else None
    if configured is not None:
        yield from map(Text, _SSH_STARTS.findall(text_of(configured, command) or ""))
    if words:
        yield Text(" ".join(word.text for word in words), reads_stdin=True)
    else:
        yield from _at(command)


def _xargs(command: Command) -> Iterator[Argv | Text]:
    words = after_options(
        command.argv[1:], "InLPsdaE", ("max-args", "max-procs", "replace", "delimiter", "arg-file", "max-chars"), 0
    )
    if not words:
        return
    replaced = _replacement(command)
    listed = value_of(command, "-a", "--arg-file")
    text = text_of(listed, command) if listed is not None else input_of(command)
    if replaced:
        lines = text.split("\n")[:_MAX_ARGUMENTS] if text else _listed(command)
        for line in lines:
            yield Argv(
                tuple(
                    Word(word.text.replace(replaced, line), word.start, word.end, word.sources + command.feeds)
                    for word in words
                )
            )
        return
    if text is not None and words[0].text.rsplit("/", 1)[-1] in SHELLS and words[-1].text == "-c":
        yield Text(text)
    given = _split_words(text) if text is not None else _listed(command)
    yield Argv((*words, *(Word(item, command.start, command.end) for item in given[:_MAX_ARGUMENTS])))


def _listed(command: Command) -> list[str]:
    """Give what xargs hands on when its input is not known: any name, and what ls or find are known to list."""
    feed = command.feeds[-1] if command.feeds else None
    if feed is None or feed.name not in ("ls", "find", "gfind"):
        return [UNKNOWN]
    if feed.name == "ls":
        whole = not any("*" in path for path in feed.operands())
        if _replacement(command):
            return ["*"] if whole else [UNKNOWN]
        return [UNKNOWN] if feed.operands() else [UNKNOWN, "*"]
    return [UNKNOWN, *(word.text for word in find_starts(feed) if is_credential_file(word.text))]


def _replacement(command: Command) -> str:
    arguments = command.arguments
    for index, argument in enumerate(arguments):
        if argument in ("-I", "-i", "--replace"):
            following = arguments[index + 1] if index + 1 < len(arguments) else ""
            return following if argument == "-I" else "{}"
        if argument.startswith("-I") and len(argument) > 2:
            return argument[2:]
        if argument.startswith("--replace="):
            return argument.partition("=")[2]
    return ""


def _split_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


_PARALLEL_VALUES: Final = "jNnPISaCLTuW"
_PARALLEL_LONG: Final = (
    "jobs", "max-procs", "results", "joblog", "arg-file", "colsep", "delay", "timeout", "retries", "sshlogin",
    "workdir", "tmpdir", "load", "memfree", "nice", "halt", "max-args", "max-lines", "tagstring", "basefile", "env",
)  # fmt: skip


def _parallel(command: Command) -> Iterator[Argv | Text]:
    words = [word.text for word in after_options(command.argv[1:], _PARALLEL_VALUES, _PARALLEL_LONG, 0)]
    template, values = words, []
    for marker in (":::", ":::+", "::::"):
        if marker in words:
            at = words.index(marker)
            template, values = words[:at], [word for word in words[at + 1 :] if not word.startswith(":::")]
            break
    else:
        listed = value_of(command, "-a", "--arg-file")
        text = text_of(listed, command) if listed is not None else input_of(command)
        values = text.rstrip("\n").split("\n") if text is not None else []
    line = " ".join(template) if len(template) == 1 else shlex.join(template).replace("'{}'", "{}")
    for value in (values or ["\0"])[:_MAX_ARGUMENTS]:
        if not template:
            yield Text(value)
        elif "{}" in line:
            yield Text(line.replace("{}", shlex.quote(value)))
        else:
            yield Text(f"{line} {shlex.quote(value)}")


def _sqlite(command: Command) -> Iterator[Argv | Text]:
    for text in (*command.arguments, input_of(command) or ""):
        for line in text.split("\n")[:_MAX_LINES]:
            head, _blank, rest = line.strip().partition(" ")
            if head in (".shell", ".system", "\\!"):
                yield Text(rest)


def _container(command: Command) -> Iterator[Argv | Text]:
    arguments = command.argv[1:]
    on_host = run_on_host(command) if command.name in ("docker", "podman", "nerdctl") else ()
    if on_host:
        yield Argv(on_host)
        return
    at = next((index for index, word in enumerate(arguments) if word.text == "exec"), None)
    if at is None:
        yield from _in_service(command)
        return
    words = after_options(arguments[at + 1 :], "uwenc", ("user", "workdir", "env", "namespace", "container"), 1)
    if words and words[0].text == "--":
        words = words[1:]
    if words:
        yield Argv(words)


def _in_service(command: Command) -> Iterator[Argv | Text]:
    """`docker compose run SERVICE cmd`, `kubectl run … -- cmd`, `kubectl debug … -- cmd`."""
    texts = command.arguments
    if command.name in ("kubectl", "oc", "k"):
        if "--" in texts and {"run", "debug"} & set(texts[: texts.index("--")]):
            yield Argv(command.argv[texts.index("--") + 2 :])
    elif "compose" in texts[:1] and "run" in texts:
        words = after_options(command.argv[texts.index("run") + 2 :], "ewuvpl", ("env", "user", "name"), 1)
        if words:
            yield Argv(words)


def _is_eval(option: str) -> bool:
    return option in _EVAL or option.startswith("--eval=")


def _make(command: Command) -> Iterator[Argv | Text]:
    given = "\n".join(command.arguments)
    if "=" in given:
        yield from map(Text, command_variables(command.arguments))
    if not _MAKEFILE_OPTIONS.search(given):
        return
    named = value_of(command, "-f", "--file") or value_of(command, "-f", "--makefile")
    # the grammar loses the `-` in front of a heredoc
    texts = [text_of(named, command) if named is not None else input_of(command)]
    pairs = pairwise((*command.arguments, ""))
    evaluated = [value if option in _EVAL else option.partition("=")[2] for option, value in pairs if _is_eval(option)]
    texts.append("\n".join(evaluated))
    for text in dict.fromkeys(texts):
        yield from map(Text, recipes(text, command.arguments) if text else ())


def _package_runner(command: Command) -> Iterator[Argv | Text]:
    """The program of a package, started by the package manager."""
    words = command.argv[1:]
    if command.name not in ("npx", "bunx", "pnpx"):
        verb = words[0].text if words else ""
        if verb in ("pkg", "config"):
            yield from _package_scripts([word.text for word in words])
        if verb not in ("exec", "x", "dlx"):
            return
        words = words[1:]
    words = after_options(words, "pcw", ("package", "call", "workspace"), 0)
    if len(words) == 1 and " " in words[0].text:
        yield Text(words[0].text)
    elif words:
        yield Argv(words)


def _package_scripts(words: Sequence[str]) -> Iterator[Text]:
    """`npm pkg set scripts.test='cmd'`, `npm config set script-shell 'cmd'`."""
    for word, value in pairwise((*words, "")):
        key, _equals, assigned = word.partition("=")
        if key.startswith("scripts.") or key == "script-shell":
            yield Text(assigned or value)


def _in_environment(command: Command) -> Iterator[Argv]:
    """`uv run …`, `poetry run …`, `bundle exec …`: a program with the packages of a project."""
    words = command.argv[1:]
    at = next((index for index, word in enumerate(words) if word.text in _ENVIRONMENT_VERBS), None)
    if at is not None:
        started = after_options(words[at + 1 :], "pnCe", _ENVIRONMENT_VALUES, 0)
        if started:
            yield Argv(started)


def _daemon(command: Command) -> Iterator[Argv | Text]:
    """`start-stop-daemon --start --exec program -- arguments`."""
    program = value_of(command, "-x", "--exec") or value_of(command, "-a", "--startas")
    rest = command.argv[command.arguments.index("--") + 2 :] if "--" in command.arguments else ()
    if program is not None:
        yield Argv((program, *rest))


def _compiler(command: Command) -> Iterator[Argv | Text]:
    wrapper = next((value for option, value in pairwise(command.arguments) if option == "-wrapper"), None)
    if wrapper is not None:
        yield Text(shlex.join(wrapper.split(",")))


STARTERS: Final = {
    **dict.fromkeys(MAKERS, _make),
    **dict.fromkeys(("fd", "fdfind"), executed),
    **dict.fromkeys(("npx", "bunx", "pnpx", "npm", "pnpm", "yarn", "bun"), _package_runner),
    **dict.fromkeys(("gcc", "g++", "clang"), _compiler),
    **dict.fromkeys(("oc", "k", "nerdctl"), _container),
    **dict.fromkeys(_ENVIRONMENTS, _in_environment),
    "start-stop-daemon": _daemon,
    "cmd": unwrapped,
}
"""Programs that start what is named in their own arguments."""
READERS: Final = {
    "su": _su,
    "runuser": _su,
    "trap": _trap,
    "watch": _watch,
    "at": _at,
    "batch": _at,
    "crontab": _crontab,
    "entr": _entr,
    "script": _su,
    "ssh": _ssh,
    "autossh": _ssh,
    "find": found,
    "gfind": found,
    "xargs": _xargs,
    "parallel": _parallel,
    "sqlite3": _sqlite,
    "psql": _sqlite,
    "duckdb": _sqlite,
    "litecli": _sqlite,
    "docker": _container,
    "podman": _container,
    "kubectl": _container,
}
