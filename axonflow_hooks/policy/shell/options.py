"""Options by which interpreters and other programs load code or files besides the program that they are called with."""

from __future__ import annotations

import base64
import binascii
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

from axonflow_hooks.policy.shell.builds import yaml_commands
from axonflow_hooks.policy.shell.constants import input_of
from axonflow_hooks.policy.shell.projects import GIT_HOOKS, HOOKED_VERBS, PROJECT_FILES, TEST_MODULES
from axonflow_hooks.policy.shell.started import text_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from axonflow_hooks.policy.shell.commands import Command


class Loaded(NamedTuple):
    """A file and the words that would run it (none: it runs itself); a path with `/` at its end is any file below."""

    runner: tuple[str, ...]
    path: str


_PERL_MODULE: Final = re.compile(r"(?:^|\s)-(?:[mM]|d[t]?:)(\S.*)", re.DOTALL)
_PERL_CODE: Final = re.compile(r"[;(`<{]")
_MODULE_NAME: Final = re.compile(r"[\w:]+")
_ON_ERROR: Final = re.compile(r"^-XX:On(?:OutOfMemory)?Error=(.+)", re.DOTALL)
_AGENT: Final = re.compile(r"^-(?:javaagent|agentpath):([^=]+)")
_NODE_LOADS: Final = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
_PHP_LOADS: Final = re.compile(r"^(?:auto_(?:pre|ap)pend_file|(?:zend_)?extension)=[\"']?(.*?)[\"']?$", re.DOTALL)
_CARGO_PROGRAM: Final = re.compile(r"\b(?:rustc|rustc-wrapper|runner|linker)\s*=\s*[\"']?([^\"'\[]+)")
_COMMAND_SETTING: Final = re.compile(
    r"^(?:[\w-]+::)*(?:Pre|Post)-Invoke(?:-Success)?(?:::)?=(.+)|^alias\.[^=]+=!(.+)|^hooks\.[^=]+=(?!python:)(.+)",
    re.DOTALL,
)
_PROJECT_SHELLS: Final = frozenset({"shell", "shell_plus"})
_CMAKE_REMOVERS: Final = frozenset({"remove_directory", "remove"})
_ANSIBLE_PATH: Final = re.compile(r"\b(?:path|dest|name)=(\S+)")
_QUOTED: Final = re.compile(r"\"([^\"]+)\"")
_PYTEST_FOLDERS: Final = frozenset({"--rootdir", "--confcutdir"})
_DATA: Final = re.compile(r"^data:[^,]*,", re.IGNORECASE)


def _data_url(url: str) -> str | None:
    """Give what stands in a data: URL (RFC 2397), None for any other address."""
    head = _DATA.match(url)
    if head is None:
        return None
    text = unquote(url[head.end() :])
    if not head[0].lower().endswith(";base64,"):
        return text
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        return None


def _perl_code(arguments: Sequence[str], command: Command) -> Iterator[tuple[str, ...]]:
    """`-Mmodule` becomes the text `use module;`, whatever stands in it (perlrun)."""
    for argument in arguments:
        module = _PERL_MODULE.search(argument) if "-" in argument else None
        if module is not None and _PERL_CODE.search(module[1]):
            yield ("perl", "-e", f"use {module[1]}")


def _perl_files(arguments: Sequence[str], assignments: Mapping[str, str]) -> Iterator[Loaded]:
    folders = [folder for folder in assignments.get("PERL5LIB", "").split(":") if folder]
    folders += [argument[2:] for argument in arguments if argument.startswith("-I")]
    modules = [argument[2:].partition("=")[0] for argument in arguments if argument.startswith(("-M", "-m"))]
    for module in modules:
        if _MODULE_NAME.fullmatch(module):
            yield from (Loaded(("perl",), f"{folder}/{module.replace('::', '/')}.pm") for folder in (*folders, "."))


def _required(arguments: Sequence[str], options: frozenset[str]) -> Iterator[str]:
    for option, value in pairwise((*arguments, "")):
        name, equals, attached = option.partition("=")
        if option in options:
            yield value
        elif equals and name in options:
            yield attached
        elif option.startswith("-r") and "-r" in options and len(option) > 2:
            yield option[2:]


def _ruby_files(arguments: Sequence[str], assignments: Mapping[str, str]) -> Iterator[Loaded]:
    folders = [folder for folder in assignments.get("RUBYLIB", "").split(":") if folder]
    folders += [argument[2:] for argument in arguments if argument.startswith("-I")]
    for path in _required(arguments, frozenset({"-r", "--require"})):
        for place in (path, *(f"{folder}/{path}" for folder in folders)):
            yield from (Loaded(("ruby",), place), Loaded(("ruby",), f"{place}.rb"))


def _node_code(arguments: Sequence[str], command: Command) -> Iterator[tuple[str, ...]]:
    for address in _required(arguments, _NODE_LOADS):
        code = _data_url(address)
        if code is not None:
            yield ("node", "-e", code)


def _node_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    for address in _required(arguments, _NODE_LOADS):
        path = address.removeprefix("file://")
        yield from (Loaded(("node",), path), Loaded(("node",), f"{path}.js"))


def _php_settings(arguments: Sequence[str]) -> Iterator[str]:
    for option, value in pairwise((*arguments, "")):
        setting = value if option in ("-d", "--define") else option[2:] if option.startswith("-d") else ""
        named = _PHP_LOADS.match(setting)
        if named is not None:
            yield named[1]


def _php_code(arguments: Sequence[str], command: Command) -> Iterator[tuple[str, ...]]:
    for address in _php_settings(arguments):
        code = _data_url(address)
        if code is not None:
            yield ("php", "-r", code)
    if "tinker" in arguments:
        yield from (("php", "-r", code) for code in _required(arguments, frozenset({"--execute"})))


def _php_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    yield from (Loaded(("php",), path) for path in _php_settings(arguments))


def _java_lines(arguments: Sequence[str], _command: Command) -> Iterator[tuple[str, ...]]:
    for argument in arguments:
        handler = _ON_ERROR.match(argument)
        if handler is not None:
            yield ("sh", "-c", handler[1])


def _java_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    agents = map(_AGENT.match, arguments)
    yield from (Loaded((), agent[1]) for agent in agents if agent is not None)


def _nmap_code(_arguments: Sequence[str], command: Command) -> Iterator[tuple[str, ...]]:
    script = value_of(command, "--script", "--script")
    text = text_of(script, command) if script is not None else None
    if text is not None:
        yield ("lua", "-e", text)


def _nmap_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    for names in _required(arguments, frozenset({"--script"})):
        yield from (Loaded(("lua",), path) for path in names.split(","))


def _openssl_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    pairs = list(pairwise((*arguments, "")))
    if arguments[:1] == ("engine",):
        yield from (Loaded((), path) for path in arguments[1:])
    yield from (Loaded((), value) for option, value in pairs if option in ("-engine", "-config", "-provider"))
    folder = next((value for option, value in pairs if option == "-provider-path"), "")
    if folder:
        yield from (Loaded((), f"{folder}/{value}.so") for option, value in pairs if option == "-provider")


def _after(*options: str) -> Callable[[Sequence[str], Mapping[str, str]], Iterator[Loaded]]:
    named = frozenset(options)

    def files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
        yield from (Loaded((), path) for path in _required(arguments, named))

    return files


def _folders(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    """`run-parts DIRECTORY`, which starts every file in it."""
    yield from (Loaded((), f"{word.rstrip('/')}/") for word in arguments if not word.startswith("-"))


def _cargo_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    yield from (Loaded((), path) for argument in arguments for path in _CARGO_PROGRAM.findall(argument))


def _pip_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    """`pip install DIRECTORY` runs the set-up script in it."""
    if "install" in arguments:
        yield from (Loaded(("python3",), f"{word.removesuffix('/')}/setup.py".removeprefix("./")) for word in arguments)


def _pytest_files(arguments: Sequence[str], assignments: Mapping[str, str]) -> Iterator[Loaded]:
    """Plugins (`-p module`), and the conftest.py of directories that are named."""
    folders = [folder for folder in assignments.get("PYTHONPATH", "").split(":") if folder] or ["."]
    for module in _required(arguments, frozenset({"-p"})):
        yield from (Loaded(("python3",), f"{folder}/{module.replace('.', '/')}.py") for folder in folders)
    named = (*(word for word in arguments if not word.startswith("-")), *_required(arguments, _PYTEST_FOLDERS))
    yield from (Loaded(("python3",), f"{folder.rstrip('/')}/conftest.py") for folder in named)


def _python_files(arguments: Sequence[str], assignments: Mapping[str, str]) -> Iterator[Loaded]:
    """`python -m module`."""
    module = next((value for option, value in pairwise(arguments) if option == "-m"), "")
    if module in PROJECT_FILES:
        runner, files = PROJECT_FILES[module]
        yield from (Loaded(runner, path) for path in files)
    if module == "pytest":
        yield from _pytest_files(arguments, assignments)
    elif module and module not in TEST_MODULES:
        path = module.replace(".", "/")
        yield from (Loaded(("python3",), f"{path}{end}") for end in (".py", "/__main__.py", "/__init__.py"))


def _python_code(arguments: Sequence[str], command: Command) -> Iterator[tuple[str, ...]]:
    if ("-m", "timeit") in set(pairwise(arguments)):
        yield ("python3", "-c", "\n".join(word for word in arguments if not word.startswith("-")))
    if arguments[:1] and arguments[0].endswith("manage.py"):
        yield from _project_shell(arguments, command)


def _project_shell(arguments: Sequence[str], command: Command) -> Iterator[tuple[str, ...]]:
    """`manage.py shell -c code`, `flask shell` and its like, which also read code on standard input."""
    if not _PROJECT_SHELLS.isdisjoint(arguments):
        yield from (("python3", "-c", text) for text in _required(arguments, frozenset({"-c", "--command"})) if text)
        typed = input_of(command)
        if typed is not None:
            yield ("python3", "-c", typed)


def _behind(runner: tuple[str, ...], *words: str) -> Callable[[Sequence[str], Command], Iterator[tuple[str, ...]]]:
    named = frozenset(words)

    def code(arguments: Sequence[str], _command: Command) -> Iterator[tuple[str, ...]]:
        yield from ((*runner, text) for text in _required(arguments, named) if text)

    return code


def _configured(arguments: Sequence[str], _command: Command) -> Iterator[tuple[str, ...]]:
    """Settings on the command line whose value is a command: hooks of apt and Mercurial, aliases of the latter."""
    for argument in arguments:
        setting = _COMMAND_SETTING.match(argument)
        if setting is not None:
            yield ("sh", "-c", setting[1] or setting[2] or setting[3])


def _cmake_code(arguments: Sequence[str], _command: Command) -> Iterator[tuple[str, ...]]:
    """`cmake -E remove_directory DIR…`; other tools of `-E` have the names of their POSIX relatives."""
    at = arguments.index("-E") + 1 if "-E" in arguments else len(arguments)
    if "".join(arguments[at : at + 1]) in _CMAKE_REMOVERS:
        yield ("rm", "-rf", *arguments[at + 1 :])


def _ansible_code(arguments: Sequence[str], _command: Command) -> Iterator[tuple[str, ...]]:
    """`ansible HOST -m file -a 'path=DIR state=absent'`."""
    for given in _required(arguments, frozenset({"-a", "--args"})):
        path = _ANSIBLE_PATH.search(given)
        if path is not None and "state=absent" in given:
            yield ("rm", "-rf", path[1])


def _playbook_code(arguments: Sequence[str], command: Command) -> Iterator[tuple[str, ...]]:
    typed = input_of(command) if {"-", "/dev/stdin"} & set(arguments) else None
    yield from (("sh", "-c", line) for line in yaml_commands(typed or "") if line)


def _maven_code(arguments: Sequence[str], _command: Command) -> Iterator[tuple[str, ...]]:
    given = dict(argument.removeprefix("-D").partition("=")[::2] for argument in arguments)
    if "exec.executable" in given:
        yield ("sh", "-c", f"{given['exec.executable']} {given.get('exec.args', '')}")


def _aws_code(arguments: Sequence[str], _command: Command) -> Iterator[tuple[str, ...]]:
    """`aws configure set credential_process LINE`, `aws ssm send-command --parameters 'commands=["…"]'`."""
    yield from (("sh", "-c", text) for text in _required(arguments, frozenset({"credential_process"})) if text)
    if "send-command" in arguments:
        texts = (text for argument in arguments if "commands" in argument for text in _QUOTED.findall(argument))
        yield from (("sh", "-c", text) for text in texts)


def _shell_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    yield from (Loaded(("sh",), path) for path in _required(arguments, frozenset({"--rcfile", "--init-file"})))


def _shell_code(_arguments: Sequence[str], command: Command) -> Iterator[tuple[str, ...]]:
    for option in ("--rcfile", "--init-file"):
        named = value_of(command, option, option)
        text = text_of(named, command) if named is not None else None
        if text is not None:
            yield ("sh", "-c", text)


def _at_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    yield from (Loaded(("sh",), path) for path in _required(arguments, frozenset({"-f"})))


def _git_files(arguments: Sequence[str], _assignments: Mapping[str, str]) -> Iterator[Loaded]:
    for argument in arguments:
        option, equals, folder = argument.partition("=")
        if option == "--exec-path" and equals:
            yield Loaded((), f"{folder.rstrip('/')}/")
    if not HOOKED_VERBS.isdisjoint(arguments):
        yield from (Loaded((), folder) for folder in GIT_HOOKS)


# program: what gives the commands that its options amount to
CODE_OPTIONS: Final[dict[str, Callable[[Sequence[str], Command], Iterator[tuple[str, ...]]]]] = {
    "perl": _perl_code,
    "node": _node_code,
    "nodejs": _node_code,
    "php": _php_code,
    "java": _java_lines,
    "nmap": _nmap_code,
    "bash": _shell_code,
    "python": _python_code,
    "rails": _behind(("ruby", "-e"), "runner", "r"),
    "rake": _behind(("ruby", "-e"), "-e", "-p", "--execute", "--execute-print"),
    "wp": _behind(("php", "-r"), "eval"),
    "drush": _behind(("php", "-r"), "php:eval", "php-eval", "ev"),
    "mongo": _behind(("node", "-e"), "--eval"),
    "mongosh": _behind(("node", "-e"), "--eval"),
    "aws": _aws_code,
    "django-admin": _project_shell,
    "flask": _project_shell,
    **dict.fromkeys(("mix", "iex"), _behind(("elixir", "-e"), "-e", "--eval")),
    **dict.fromkeys(("mvn", "mvnw"), _maven_code),
    "cmake": _cmake_code,
    "ansible": _ansible_code,
    "ansible-playbook": _playbook_code,
    **dict.fromkeys(("apt", "apt-get", "aptitude", "hg"), _configured),
}
# program: what gives the files that it loads because of its options and its variables
FILE_OPTIONS: Final[dict[str, Callable[[Sequence[str], Mapping[str, str]], Iterator[Loaded]]]] = {
    "perl": _perl_files,
    "ruby": _ruby_files,
    "node": _node_files,
    "nodejs": _node_files,
    "php": _php_files,
    "java": _java_files,
    "nmap": _nmap_files,
    "openssl": _openssl_files,
    "enable": _after("-f"),
    "git": _git_files,
    "run-parts": _folders,
    "cargo": _cargo_files,
    "pip": _pip_files,
    "python": _python_files,
    "pytest": _pytest_files,
    "bash": _shell_files,
    "at": _at_files,
}
