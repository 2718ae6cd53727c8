"""Programs that are not shells and still start what their arguments say: task runners, editors, pagers, wrappers.

`unwrap` knows the wrappers by name and syntax. Here are those that take a command line as the value of an option, the
ones with a way out to the shell (`:!cmd`), variables whose value is a command, and, for programs that nobody listed,
what their last words would do if they were started.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.code import INTERPRETERS
from axonflow_hooks.policy.shell.commands import stem
from axonflow_hooks.policy.shell.escapes import ESCAPING, escapes
from axonflow_hooks.policy.shell.gitconfig import configured_by_variables, configured_commands, may_configure
from axonflow_hooks.policy.shell.hooked import left_in_login_files, started_by_variables
from axonflow_hooks.policy.shell.loaded import loaded_by_variables, loaded_code
from axonflow_hooks.policy.shell.names import SHELLS
from axonflow_hooks.policy.shell.options import CODE_OPTIONS
from axonflow_hooks.policy.shell.reexpanded import in_subscripts, may_hold
from axonflow_hooks.policy.shell.started import Argv, Text
from axonflow_hooks.policy.shell.unwrap import SPECIAL, WRAPPERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.shell.commands import Command

# program: the options whose value is a command line
_SCRIPT_OPTIONS: Final[dict[str, frozenset[str]]] = {
    "script": frozenset({"-c", "--command"}),
    "sg": frozenset({"-c"}),
    "vagrant": frozenset({"-c", "--command"}),
    "npx": frozenset({"-c", "--call"}),
    "npm": frozenset({"-c", "--call"}),
    "nix-shell": frozenset({"--run", "--command"}),
    "nix": frozenset({"-c", "--command"}),
    "nodemon": frozenset({"-x", "--exec"}),
    "entr": frozenset({"-s"}),
    "watchexec": frozenset({"--"}),
    "ansible": frozenset({"-a", "--args"}),
    "man": frozenset({"-P", "--pager", "-H", "--html"}),
    "env": frozenset({"-S", "--split-string"}),
    "rsync": frozenset({"-e", "--rsh", "--rsync-path"}),
    "tar": frozenset({"-I", "--use-compress-program", "--to-command", "--info-script", "-F", "--rsh-command"}),
    "zip": frozenset({"-TT", "--unzip-command"}),
    "expect": frozenset({"-c"}),
    "split": frozenset({"--filter"}),
    "sort": frozenset({"--compress-program"}),
    "capsh": frozenset({"-c"}),
    **dict.fromkeys(("complete", "compgen"), frozenset({"-C"})),
    "gpg": frozenset({"--photo-viewer"}),
    "doppler": frozenset({"--command"}),
    "gcloud": frozenset({"--command"}),
    **dict.fromkeys(("fly", "flyctl"), frozenset({"-C", "--command"})),
    "az": frozenset({"--scripts"}),
    "mapfile": frozenset({"-C"}),
    "readarray": frozenset({"-C"}),
    "scp": frozenset({"-S"}),
    "sftp": frozenset({"-S"}),
    "flock": frozenset({"-c", "--command"}),
    "tcpdump": frozenset({"-z"}),
    "wget": frozenset({"--use-askpass"}),
    "go": frozenset({"-exec", "-toolexec"}),
    "mysql": frozenset({"--pager"}),
    "mariadb": frozenset({"--pager"}),
    "fish": frozenset({"-C", "--init-command"}),
    "nu": frozenset({"-c", "--commands"}),
    **dict.fromkeys(("xonsh", "elvish", "yash", "posh", "osh"), frozenset({"-c"})),
    **dict.fromkeys(("xterm", "urxvt", "konsole", "alacritty"), frozenset({"-e"})),
    "gem": frozenset({"-e", "--editor"}),
    "nano": frozenset({"-s", "--speller"}),
    "bazel": frozenset({"--run_under"}),
    "rpm": frozenset({"--pipe"}),
    "nc": frozenset({"-c", "-e"}),
    "ncat": frozenset({"-c", "-e", "--sh-exec", "--exec"}),
    "git": frozenset(
        {
            "--upload-pack",
            "--receive-pack",
            "-x",
            "--exec",
            "--tree-filter",
            "--index-filter",
            "--env-filter",
            "--msg-filter",
            "--commit-filter",
            "--parent-filter",
            "--extcmd",
        }
    ),
}
# programs whose words are command lines, each on its own, and those where they are one together
_TAKES_LINES: Final = frozenset({"tmux", "concurrently", "npm-run-all", "pssh", "parallel-ssh", "hyperfine", "salt",
                                  "screen", "npm-run-all2", "run-p", "run-s", "heroku"})  # fmt: skip
_TAKES_WORDS: Final = frozenset({"pdsh", "clush", "dsh", "screen", "tmux"})
# what a program nobody listed may start: only what is worth the search
_STARTED: Final = frozenset({
    "rm", "dd", "mkfs", "shred", "wipefs", "chmod", "chown", "find", "mv", "cat", "curl", "wget", "nc", "ncat",
    "git", "terraform", "kubectl", "aws", "dropdb", "scp", *SHELLS, *INTERPRETERS,
})  # fmt: skip
_INITIALS: Final = frozenset(name[0] for name in _STARTED)
_TAKES_TEXT: Final = frozenset({
    "echo", "printf", "print", "grep", "egrep", "fgrep", "rg", "ag", "ack", "git", "gh", "glab", "hg", "man", "which",
    "type", "whereis", "whatis", "apropos", "tldr", "help", "info", "alias", "unalias", "hash", "export", "declare",
    "local",
    "readonly", "typeset", "unset", "set", "logger", "notify-send", "say", "cowsay", "figlet", "test", "[", "expr",
    "let",
    "apt", "apt-get", "brew", "yum", "dnf", "apk", "pacman", "zypper", "snap", "pip", "npm", "pnpm", "yarn", "cargo",
    "gem",
    "go", "touch", "mkdir", "ls", "sed", "perl", "awk", "cd", "cat", "read", "for", "case", "select", "trap", "bindkey",
    "complete", "dpkg", "rpm", "claude", "llm", "wc", "sort", "head", "tail", "diff", "jq", "yq", "basename",
    "dirname", "pkill", "killall", "pgrep", "pidof", "update-alternatives", "asdf", "mise", "nvm", "pyenv", "rbenv",
    "conda",
    "ps", "tar", "zip", "cp", "mv", "ln", "rm", "chmod", "chown", "docker", "podman", "kubectl", "find", "curl", "wget",
    "history", "fc", "apt-cache", "port", "choco", "winget", "scoop", "nix-env", "code", "vi", "vim", "nano", "dig",
    "host",
})  # fmt: skip
_RUNS_THE_REST: Final = {
    "conda": ("run",), "mise": ("exec", "x"), "asdf": ("exec",), "pyenv": ("exec",), "rbenv": ("exec",),
    "nvm": ("exec",),
    "npm": ("exec",), "pnpm": ("exec", "dlx"), "yarn": ("exec",), "docker": (), "cargo": ("watch",),
}  # fmt: skip
_MAX_LINES: Final = 16
_SUBSCRIPTED: Final = frozenset({"let", "test", "["})
"""Commands that expand the subscript of an array once more, wherever it was quoted (Bash manual 6.5 and 6.7)."""
_NAMES_ELEMENT: Final = frozenset({"printf", "read", "unset"})
"""Commands that expand the subscript of the variable that they are told to set."""


def starts_nothing(command: Command) -> bool:
    """Tell whether a command starts no other, as far as its program and its assignments say: a cheap first look."""
    if command.assignments or command.redirects or command.program is not None or not _runs_alone(command.name):
        return False
    return command.name not in _NAMES_ELEMENT or not any(map(may_hold, command.arguments))


@lru_cache(maxsize=1024)
def _runs_alone(name: str) -> bool:
    return (
        name in _TAKES_TEXT
        and name not in _SUBSCRIPTED
        and not any(name in programs for programs in (SHELLS, WRAPPERS, SPECIAL, _SCRIPT_OPTIONS, _RUNS_THE_REST))
        and not any(name in programs for programs in (_TAKES_LINES, _TAKES_WORDS, ESCAPING, CODE_OPTIONS))
        and stem(name) not in INTERPRETERS
    )


def launched(command: Command) -> Iterator[Argv | Text]:
    """Take a command and give what it starts besides what `unwrap` knows; nothing for most commands."""
    if command.assignments:
        yield from map(Text, started_by_variables(command))
        yield from map(Text, configured_by_variables(command.assignments))
        yield from loaded_by_variables(command)
    if command.redirects or command.name == "find":
        yield from map(Text, left_in_login_files(command))
    yield from loaded_code(command)
    name = command.name
    options = _SCRIPT_OPTIONS.get(name)
    if options is not None:
        yield from _values(command, options)
    if name in _TAKES_LINES:
        yield from [Text(text) for text in command.operands() if " " in text][:_MAX_LINES]
    if (
        name in _TAKES_WORDS
        or (name not in _TAKES_LINES and name not in _TAKES_TEXT and name not in SHELLS and name not in WRAPPERS)
        or any(verb in command.arguments[:2] for verb in _RUNS_THE_REST.get(name, ()))
    ):
        yield from _last_words(command)
    if name in _SUBSCRIPTED:
        yield from map(Text, in_subscripts(command.arguments))
    elif name in _NAMES_ELEMENT:
        named = command.arguments if name != "printf" else command.arguments[1:2] * (command.arguments[:1] == ("-v",))
        yield from map(Text, in_subscripts(named))
    if name in ESCAPING:
        yield from map(Text, escapes(command))
    if name == "git" and may_configure(command):
        yield from map(Text, configured_commands(command))


def _values(command: Command, options: frozenset[str]) -> Iterator[Text]:
    arguments = command.arguments
    for index, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if argument in options and index + 1 < len(arguments):
            yield Text(arguments[index + 1])
        elif equals and option in options:
            yield Text(value)
        elif argument[:2] in options and " " in argument and argument[1] != "-":
            yield Text(argument[2:])
        elif len(argument) > 2 and argument[0] == "-" != argument[1] and f"-{argument[-1]}" in options:
            # a cluster (`script -qc 'cmd'`)
            yield from (Text(text) for text in arguments[index + 1 : index + 2])


def _last_words(command: Command) -> Iterator[Argv]:
    for index, word in enumerate(command.argv[1:], start=1):
        base = word.text.rsplit("/", 1)[-1]
        if base[:1].lower() in _INITIALS and stem(base) in _STARTED and index + 1 < len(command.argv):
            yield Argv(command.argv[index:])
            return
