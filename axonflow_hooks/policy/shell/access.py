"""Effects on what must stay closed: credential files and the switches of the agent's own governance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.places import is_credential_file, normalise

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command

_READERS: Final = frozenset({
    "cat", "less", "more", "most", "head", "tail", "bat", "batcat", "tac", "nl", "strings", "xxd", "od", "hexdump",
    "base64", "base32", "grep", "egrep", "fgrep", "rg", "awk", "gawk", "sed", "cut", "sort", "uniq", "paste",
    "cp", "dd", "rsync", "scp", "tar", "zip", "7z", "gzip", "xclip", "pbcopy", "vi", "vim", "nano", "emacs", "view",
    "source", ".", "python", "python3", "perl", "ruby", "node", "jq", "yq", "diff", "fold", "rev", "column", "mv", "ln",
})  # fmt: skip
_PATTERN_FIRST: Final = frozenset({"grep", "egrep", "fgrep", "rg", "sed", "awk", "gawk", "jq", "yq"})
_SENDERS: Final = frozenset({
    "curl", "wget", "nc", "ncat", "netcat", "scp", "rsync", "sftp", "ftp", "http", "socat", "aws", "gsutil", "rclone",
})  # fmt: skip
_UPLOAD: Final = re.compile(r"^(?:[\w.-]+=)?[@<]?(?:file://)?(.+)$")
_SECRET_NAME: Final = re.compile(
    r"(?i)(?:^|_)(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)(?:_|$)"
)
_SETTINGS: Final = re.compile(r"(?:^|/)\.claude/settings(?:\.[\w-]+)?\.json$|(?:^|/)managed-settings\.json$")
_HOOKS: Final = re.compile(r"(?:^|/)\.claude/hooks(?:/|$)|(?:^|/)\.claude/plugins/")
_EDITORS: Final = frozenset({"tee", "cp", "mv", "install", "rm", "truncate", "ln", "dd", "unlink", "shred", "rsync"})


def reads_credential_file(command: Command) -> bool:
    """A key, token or password file printed, copied or packed."""
    if any(item.operator == "<" and is_credential_file(item.target.text, command.cwd) for item in command.redirects):
        return True
    if command.name not in _READERS:
        return False
    paths = [argument.removeprefix("if=") for argument in command.arguments if not argument.startswith("-")]
    if command.name in _PATTERN_FIRST and not command.has_option("ef", "regexp", "file"):
        paths = paths[1:]
    return any(is_credential_file(path, command.cwd) for path in paths)


def sends_credential_file(command: Command) -> bool:
    """A key, token or password file handed to a network client."""
    if command.name not in _SENDERS:
        return False
    if any(reads_credential_file(feed) or _dumps_environment(feed) for feed in command.feeds):
        return True
    inner = (source for word in command.argv for source in word.sources)
    if any(reads_credential_file(source) or _dumps_environment(source) for source in inner):
        return True
    paths = [_UPLOAD.sub(r"\1", argument) for argument in command.arguments]
    return any(is_credential_file(path, command.cwd) for path in paths if "://" not in path)


def _dumps_environment(command: Command) -> bool:
    return command.name in ("env", "printenv", "set", "export") and not command.operands()


def prints_secret_variable(command: Command) -> bool:
    """The value of a variable that is named as a secret, printed on its own."""
    return command.name == "printenv" and any(map(_SECRET_NAME.search, command.operands()))


def writes_agent_settings(command: Command) -> bool:
    """The coding agent's settings, where its hooks are switched on and off, written or removed."""
    return any(_SETTINGS.search(place) for place in _written(command))


def writes_agent_hooks(command: Command) -> bool:
    """The coding agent's hook or plugin files written or removed."""
    return any(_HOOKS.search(place) for place in _written(command))


def _written(command: Command) -> list[str]:
    targets = [redirect.target.text for redirect in command.redirects if redirect.writes]
    operands = command.operands()
    if command.name in _EDITORS:
        targets += operands[-1:] if command.name in ("cp", "install", "ln", "rsync") else operands
        targets += [argument[3:] for argument in command.arguments if argument.startswith("of=")]
    elif command.name in ("sed", "perl") and command.has_option("i", "in-place"):
        targets += operands[1:] or operands
    return [normalise(target, command.cwd) for target in targets]
