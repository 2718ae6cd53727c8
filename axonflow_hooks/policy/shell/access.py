"""Effects on what must stay closed: credential files and the switches of the agent's own governance."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import code
from axonflow_hooks.policy.shell.commands import HOME
from axonflow_hooks.policy.shell.constants import input_of
from axonflow_hooks.policy.shell.finders import find_starts
from axonflow_hooks.policy.shell.places import is_credential_file, normalise
from axonflow_hooks.policy.shell.traits import has_trait, literals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.policy.shell.commands import Command

READERS: Final = frozenset({
    "cat", "less", "more", "most", "head", "tail", "bat", "batcat", "tac", "nl", "strings", "xxd", "od", "hexdump",
    "base64", "base32", "grep", "egrep", "fgrep", "rg", "awk", "gawk", "sed", "cut", "sort", "uniq", "paste",
    "cp", "dd", "rsync", "scp", "tar", "zip", "7z", "gzip", "xclip", "pbcopy", "vi", "vim", "nano", "emacs", "view",
    "source", ".", "python", "python3", "perl", "ruby", "node", "jq", "yq", "diff", "fold", "rev", "column", "mv", "ln",
    "sqlite3", "openssl", "gpg", "gpg2", "security", "mapfile", "readarray", "install", "pv", "lz4", "zstd", "xz",
    "bzip2", "ag", "ack", "nvim", "vimdiff", "ex", "ed", "hexyl", "pandoc", "iconv", "uuencode", "shuf", "cmp", "sdiff",
    "colordiff", "pygmentize", "glow", "ffmpeg", "duckdb", "curl", "kubectl",
    "oc",
})  # fmt: skip
_PATTERN_FIRST: Final = frozenset({"grep", "egrep", "fgrep", "rg", "ag", "ack", "sed", "awk", "gawk", "jq", "yq"})
SENDERS: Final = frozenset({
    "curl", "wget", "nc", "ncat", "netcat", "scp", "rsync", "sftp", "ftp", "http", "socat", "aws", "gsutil", "rclone",
    "mail", "mailx", "mutt", "sendmail", "swaks", "dig", "nslookup", "host", "drill", "ping", "gh", "croc", "wormhole",
    "magic-wormhole", "ffsend", "az", "gcloud", "s3cmd", "lftp", "tftp", "telnet", "git", "xh", "httpie", "aria2c",
    "openssl", "docker", "podman", "kubectl", "oc",
})  # fmt: skip
_KEY_EXPORTS: Final = frozenset({"--export-secret-keys", "--export-secret-subkeys", "dump-keychain"})
_PERSONAL: Final = re.compile(r"^/etc/passwd$|(?:^|/)\.(?:bash|zsh|psql|mysql|python|node_repl)_history$")
_ENV_FILE: Final = re.compile(r"(?:^|/)\.env(?:\.(?!example|sample|template|dist|defaults|schema)[\w.-]+)?$")
_SECRET_KINDS: Final = frozenset({"secret", "secrets"})
_TOKEN_COMMANDS: Final = {
    "gh": (frozenset({"auth", "token"}),),
    "aws": (frozenset({"configure", "export-credentials"}), frozenset({"secretsmanager", "get-secret-value"})),
    "gcloud": (frozenset({"auth", "print-access-token"}), frozenset({"auth", "print-identity-token"})),
    "az": (frozenset({"account", "get-access-token"}),),
    "vault": (frozenset({"kv", "get"}), frozenset({"read"})),
    "op": (frozenset({"read"}), frozenset({"item", "get"})),
    "pass": (frozenset({"show"}),),
}
_POSTERS: Final = frozenset({"curl", "wget", "http", "https", "xh", "httpie", "nc", "ncat", "netcat", "gh"})
"""Programs that hand a file to whoever answers; those that also deploy (scp, rsync, aws) may well carry a `.env`."""
_WRITTEN_BY: Final = frozenset({"-o", "-O", "--output", "--output-document", "--output-file"})
_UPLOAD: Final = re.compile(r"^(?:[\w.\[\]-]+=)?[@<]?(?:file://)?(.+)$")
_NO_OPTIONS: Final[frozenset[str]] = frozenset()
_SSH_IDENTITY: Final = frozenset({"-i", "-F", "-o"})
_IDENTITIES: Final = {
    **dict.fromkeys(("scp", "sftp", "ssh"), _SSH_IDENTITY),
    "curl": frozenset({"--key", "--cert", "-E", "--cacert", "--netrc-file", "--proxy-key", "--proxy-cert", "--pubkey"}),
    "wget": frozenset({"--private-key", "--certificate", "--ca-certificate"}),
    "openssl": frozenset({"-key", "-cert", "-inkey", "-CAkey", "-sign"}),
    "rsync": frozenset({"-e", "--rsh", "--password-file"}),
    "git": frozenset({"-c"}),
}
_MARKED: Final = re.compile(r"^(?:[\w.-]+=)?[@<]")
# programs that do much else, and the words with which they send
_SENDS_BY_VERB: Final = {
    "gh": frozenset({"gist", "upload", "api"}),
    "git": frozenset({"clone", "fetch", "push", "ls-remote"}),
    "openssl": frozenset({"s_client"}),
    "az": frozenset({"upload", "upload-batch"}),
    "gcloud": frozenset({"cp", "scp", "rsync"}),
    **dict.fromkeys(("docker", "podman", "kubectl", "oc"), frozenset({"cp"})),
}
_INTO_CONTAINER: Final = frozenset({"docker", "podman", "kubectl", "oc"})
_TOLD_ON_STDIN: Final = frozenset({"sftp", "ftp", "lftp"})
"""Clients that read on standard input what they send."""
_PUTS: Final = re.compile(r"\bm?put\s+(?:-\S+\s+)*([^\s;]+)")
_SQL_READS: Final = re.compile(r"(?i)\b(?:readfile|read_(?:text|blob|csv\w*))\(\s*'([^']+)'")
_SECRET_NAME: Final = re.compile(
    r"(?i)(?:^|_)(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)(?:_|$)"
)
_SETTINGS: Final = re.compile(r"(?:^|/)\.claude/settings(?:\.[\w-]+)?\.json$|(?:^|/)managed-settings\.json$")
_HOOKS: Final = re.compile(r"(?:^|/)\.claude/hooks(?:/|$)|(?:^|/)\.claude/plugins/")
EDITORS: Final = frozenset({
    "tee", "cp", "mv", "install", "rm", "truncate", "ln", "dd", "unlink", "shred", "rsync", "sed", "perl",
})  # fmt: skip


def reads_credential_file(command: Command) -> bool:
    """A key, token or password file printed, copied or packed."""
    if any(item.operator == "<" and is_credential_file(item.target.text, command.cwd) for item in command.redirects):
        return True
    text = code.inline_code(command)
    if text is not None and any(is_credential_file(literal, command.cwd) for literal in _paths_in(text)):
        return has_trait(text, "reads files")
    if command.name not in READERS:
        return False
    if command.name in ("gpg", "gpg2", "security"):
        return bool(_KEY_EXPORTS & set(command.arguments)) or (
            "find-generic-password" in command.arguments and command.has_option("wg")
        )
    if command.name in ("kubectl", "oc"):
        return {"config", "view", "--raw"} <= set(command.arguments)
    if command.name == "curl":
        paths = [argument[7:] for argument in command.arguments if argument.startswith("file://")]
        return any(is_credential_file(path) for path in paths)
    if command.name in ("sqlite3", "duckdb") and any(
        is_credential_file(path, command.cwd) for path in _SQL_READS.findall("\n".join(command.arguments))
    ):
        return True
    if any(word.sources and not word.known and _finds_key(word.sources) for word in command.argv):
        return True
    paths = [argument.removeprefix("if=") for argument in _handed_over(command) if not argument.startswith("-")]
    if command.name in _PATTERN_FIRST and not command.has_option("ef", "regexp", "file"):
        paths = paths[1:]
    return any(is_credential_file(path, command.cwd) for path in paths)


def _paths_in(text: str) -> list[str]:
    """Give the literals of a program text that may be paths; whole commands only where it may start them."""
    found = list(literals(text))
    commands = [literal for literal in found if " " in literal and not literal.startswith(("/", HOME, "."))]
    return found if not commands or has_trait(text, "spawns") else [text for text in found if text not in commands]


def _finds_key(sources: Sequence[Command]) -> bool:
    """`cat $(find ~ -name id_rsa)`."""
    finds = (find for source in sources for find in (source, *source.feeds) if find.name in ("find", "gfind"))
    return any(is_credential_file(word.text) for find in finds for word in find_starts(find))


def _handed_over(command: Command) -> list[str]:
    """Give the arguments without the files that the program only proves who it is with."""
    identities = _IDENTITIES.get(command.name, _NO_OPTIONS)
    pairs = pairwise(("", *command.arguments))
    return [argument for option, argument in pairs if option not in identities]


def sends_credential_file(command: Command) -> bool:
    """A key, token or password file handed to a network client."""
    if command.name not in SENDERS:
        return False
    if command.name in _SENDS_BY_VERB and not _SENDS_BY_VERB[command.name] & set(command.arguments):
        return False
    if command.name in _INTO_CONTAINER:
        copied = command.operands()[1:-1]
        return any(is_credential_file(path, command.cwd) for path in copied if ":" not in path)
    if any(_leaks(feed) or _tells_token(feed) for feed in command.feeds):
        return True
    if any(_leaks(source) for word in command.argv for source in word.sources):
        return True
    paths = [_UPLOAD.sub(r"\1", argument) for argument in _handed_over(command) if "://" not in argument]
    if any(is_credential_file(path, command.cwd) for path in paths) or _posts_env_file(command):
        return True
    if command.name in _TOLD_ON_STDIN:
        told = "\n".join((*command.arguments, input_of(command) or ""))
        if any(map(is_credential_file, _PUTS.findall(told))):
            return True
    marked = [_UPLOAD.sub(r"\1", argument) for argument in command.arguments if _MARKED.match(argument)]
    return any(_PERSONAL.search(normalise(path, command.cwd)) for path in marked)


def _posts_env_file(command: Command) -> bool:
    """A `.env` file, which holds the secrets of the project at hand, handed to a client of the web."""
    if command.name not in _POSTERS:
        return False
    pairs = pairwise(("", *command.arguments))
    given = [_UPLOAD.sub(r"\1", argument) for option, argument in pairs if option not in _WRITTEN_BY]
    given += [item.target.text for item in command.redirects if item.operator == "<"]
    given += [argument for feed in command.feeds if feed.name in READERS for argument in feed.arguments]
    return any(map(_ENV_FILE.search, given))


def _leaks(command: Command) -> bool:
    return (
        reads_credential_file(command)
        or _dumps_environment(command)
        or any(reads_credential_file(feed) or _dumps_environment(feed) for feed in command.feeds)
    )


def _tells_token(command: Command) -> bool:
    """A client that prints the credential it is logged in with; as an argument of a request that is ordinary."""
    words = frozenset(command.arguments)
    if command.name in ("kubectl", "oc"):
        return "get" in words and not _SECRET_KINDS.isdisjoint(words) and command.has_option("o", "output")
    return any(wanted <= words for wanted in _TOKEN_COMMANDS.get(command.name, ()))


def _dumps_environment(command: Command) -> bool:
    return command.name in ("env", "printenv", "set", "export") and not command.operands()


def prints_secret_variable(command: Command) -> bool:
    """The value of a variable that is named as a secret, printed on its own."""
    return command.name == "printenv" and any(map(_SECRET_NAME.search, command.operands()))


def writes_agent_settings(command: Command) -> bool:
    """The coding agent's settings, where its hooks are switched on and off, written or removed."""
    return command.mentions(".claude", "managed-settings") and any(
        _SETTINGS.search(place) for place in _written(command)
    )


def writes_agent_hooks(command: Command) -> bool:
    """The coding agent's hook or plugin files written or removed."""
    return command.mentions(".claude") and any(_HOOKS.search(place) for place in _written(command))


def _written(command: Command) -> list[str]:
    targets = [redirect.target.text for redirect in command.redirects if redirect.writes]
    operands = command.operands()
    if command.name in ("sed", "perl"):
        if command.has_option("i", "in-place"):
            targets += operands[1:] or operands
    elif command.name in EDITORS:
        targets += operands[-1:] if command.name in ("cp", "install", "ln", "rsync") else operands
        targets += [argument[3:] for argument in command.arguments if argument.startswith("of=")]
    return [normalise(target, command.cwd) for target in targets]
