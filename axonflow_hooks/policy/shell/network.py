"""Effects that reach out: downloads that are run, remote shells, the cloud's metadata service."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import code
from axonflow_hooks.policy.shell.commands import UNKNOWN, Command
from axonflow_hooks.policy.shell.constants import input_of
from axonflow_hooks.policy.shell.names import SHELLS
from axonflow_hooks.policy.shell.powershell import POWERSHELLS, is_harmless
from axonflow_hooks.policy.shell.traits import has_trait
from axonflow_hooks.policy.validators.addresses import is_internal_host, names_metadata_service, url_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DOWNLOADERS: Final = frozenset({
    "curl", "wget", "wget2", "fetch", "aria2c", "http", "https", "xh", "lynx", "lwp-request", "lwp-download", "get",
    "ftp", "iwr", "irm", "invoke-webrequest", "invoke-restmethod",
})  # fmt: skip
SOCKETS: Final = frozenset({
    "nc", "ncat", "netcat", "nc.traditional", "nc.openbsd", "telnet", "socat", "cryptcat", "rcat", "pwncat",
})  # fmt: skip
CLIENTS: Final = DOWNLOADERS | SOCKETS | {"ping", "grpcurl", "wscat", "links", "w3m", "openssl"}
INTERPRETERS: Final = re.compile(
    r"^(?:python|pypy|perl|ruby|node|nodejs|php|lua|deno|bun|osascript)[\d.]*$", re.IGNORECASE
)
_SCHEDULERS: Final = frozenset({"at", "batch"})
RUNNERS: Final = frozenset({
    *SHELLS, "eval", "source", ".", "python", "pypy", "perl", "ruby", "node", "nodejs", "php", "lua", "deno", "bun",
    "osascript", *POWERSHELLS, *_SCHEDULERS,
})  # fmt: skip
"""Programs that run a script they read or are handed."""
_RUN_TEXT: Final = frozenset({"eval", "source", ".", *POWERSHELLS})
_DECODERS: Final = frozenset({"base64", "gbase64", "base32", "xxd", "gunzip", "zcat", "openssl", "uudecode"})
_SHELL_WORD: Final = re.compile(r"(?i)(?:^|[/\\:=,'\" ])(?:ba|z|da|k|a|c)?sh(?:$|[ ,'\"])|cmd(?:\.exe)?$|powershell")
_EXEC_ADDRESS: Final = re.compile(r"(?i)^(?:exec|system|shell):.*\b(?:(?:ba|z|da|k|a|c)?sh|cmd|powershell)\b")
_ENCODED_OPTION: Final = re.compile(r"(?i)^[-/](?:e|ec|enc\w*)$")
_ROUTES: Final = frozenset({"--resolve", "--connect-to"})
"""Options of curl whose value names, behind a host and a port, the address that is really asked."""
_NETWORK_DEVICE: Final = re.compile(r"^/dev/(?:tcp|udp)/")
_REMOTE_PACKAGE: Final = re.compile(r"^(?:git\+)?(?:https?|ssh|git)://")


def reads_script_from_stdin(command: Command) -> bool:
    """Whether an interpreter takes its program from standard input."""
    if command.name in SHELLS:
        arguments = list(command.arguments)
        while arguments and arguments[0].startswith(("-", "+")) and len(arguments[0]) > 1:
            option = arguments.pop(0)
            if option == "-s" or (not option.startswith("--") and option.endswith("s")):
                return True
            if "c" in option[1:] and not option.startswith("--"):
                return False
        return not arguments or arguments[0] in ("-", "/dev/stdin")
    if command.name in _SCHEDULERS:
        return not command.has_option("cdflr")
    if INTERPRETERS.match(command.name):
        return all(argument in ("-", "/dev/stdin", "-u", "-x", "-w") for argument in command.arguments)
    return False


def downloads_into_interpreter(command: Command) -> bool:
    """A download piped, substituted or sourced into a shell or another interpreter."""
    if reads_script_from_stdin(command) and fetches(command.feeds):
        return True
    if command.name not in SHELLS and command.name not in _RUN_TEXT and not INTERPRETERS.match(command.name):
        return False
    for redirect in command.redirects:
        if redirect.operator in ("<", "<<<") and fetches(redirect.target.sources):
            return True
    text = code.inline_code(command)
    if text is not None and has_trait(text, "fetches", "evaluates"):
        return True
    if command.feeds and fetches(command.feeds) and _runs_a_word(command):
        return True  # a line that a loop has read from the download
    return any(word.text.lstrip().startswith(UNKNOWN) and fetches(word.sources) for word in command.argv[1:])


def _runs_a_word(command: Command) -> bool:
    runs = command.name == "eval" or (command.name in SHELLS and command.arguments[:1] == ("-c",))
    return runs and any(word.text.startswith(UNKNOWN) and not word.sources for word in command.argv[1:])


def fetches(commands: Sequence[Command]) -> bool:
    return any(command.name in DOWNLOADERS or _prints_remote_data(command) for command in commands)


def _prints_remote_data(command: Command) -> bool:
    if command.name in ("dig", "host", "nslookup", "drill"):
        return True
    if command.name == "aws":
        return "s3" in command.arguments and "cp" in command.arguments and command.arguments[-1:] == ("-",)
    return command.name in ("gsutil", "rclone") and "cat" in command.arguments


def runs_decoded_text(command: Command) -> bool:
    """Decoded text run by a shell although its content is not known: what it does cannot be judged."""
    if command.name in POWERSHELLS:
        pairs = pairwise((*command.arguments, ""))
        return any(_ENCODED_OPTION.match(option) and not is_harmless(value) for option, value in pairs)
    if not reads_script_from_stdin(command):
        return False
    decodes = any(feed.name in _DECODERS and feed.has_option("dDr", "decode") for feed in command.feeds)
    return decodes and input_of(command) is None


def opens_remote_shell(commands: Sequence[Command]) -> Iterator[Command]:
    """A shell whose input and output are a network connection, in any of the known ways."""
    opened = [command for command in commands if _opens_descriptor(command)]
    for command in commands:
        if _remote_by_itself(command):
            yield command
    if opened and any(_runs_what_it_reads(command) for command in commands):
        yield from opened


def _opens_descriptor(command: Command) -> bool:
    return command.name == "exec" and any(_NETWORK_DEVICE.match(item.target.text) for item in command.redirects)


def _runs_what_it_reads(command: Command) -> bool:
    if command.name in SHELLS:
        handed = [item for feed in command.feeds for item in feed.redirects if item.operator == "<&"]
        if handed and reads_script_from_stdin(command):
            return True
        return any(item.operator in ("<&", ">&", "&>") for item in command.redirects)
    return bool(command.argv) and command.argv[0].text == UNKNOWN


def _remote_by_itself(command: Command) -> bool:
    name = command.name
    if name in SHELLS:
        if any(_NETWORK_DEVICE.match(redirect.target.text) for redirect in command.redirects):
            return True
        if any(feed.name in SOCKETS or _is_tls_client(feed) for feed in command.feeds):
            return reads_script_from_stdin(command)
        if any(argument.startswith("telnet:") for feed in command.feeds for argument in feed.arguments):
            return True
    if name in SOCKETS or _is_tls_client(command):
        return _hands_out_shell(command)
    if name == "ztcp":
        return True
    text = code.inline_code(command)
    return text is not None and has_trait(text, "remote", "spawns")


def _is_tls_client(command: Command) -> bool:
    return command.name == "openssl" and "s_client" in command.arguments


def _hands_out_shell(command: Command) -> bool:
    if any(feed.name in SHELLS for feed in command.feeds):
        return True
    arguments = command.arguments
    if command.name == "socat":
        return any(_EXEC_ADDRESS.match(argument) for argument in arguments)
    for index, argument in enumerate(arguments):
        value = arguments[index + 1] if index + 1 < len(arguments) else ""
        if re.fullmatch(r"-[a-zA-Z]*[ecs]|--(?:sh-)?exec", argument) and _SHELL_WORD.search(value):
            return True
        if re.fullmatch(r"-[a-zA-Z]*e|--(?:sh-)?exec", argument) and value.startswith("/"):
            return True
        if argument.startswith(("--exec=", "--sh-exec=", "-e/", "-c/")):
            return True
    return False


def contacts_metadata_service(command: Command) -> bool:
    """A request to the cloud's instance metadata service, in any spelling of its address."""
    opened = (item.target.text for item in command.redirects if item.operator != "<<<")
    if any(names_metadata_service(path.removeprefix("/dev/tcp/")) for path in opened):
        return True
    if command.name in CLIENTS:
        named = (argument.split(":", 2)[-1] for option, argument in pairwise(command.arguments) if option in _ROUTES)
        return any(names_metadata_service(argument) for argument in (*command.arguments, *named))
    text = code.inline_code(command)
    return text is not None and names_metadata_service(text)


def _is_local(url: str) -> bool:
    return any(map(is_internal_host, url_hosts(url)))


def installs_from_url(command: Command) -> bool:
    """A package manager that installs for everyone, from an address instead of its registry."""
    arguments = command.arguments
    if command.name in ("npm", "pnpm", "yarn", "npx", "bunx"):
        if any(argument.startswith("http://") and not _is_local(argument) for argument in arguments):
            return True  # a tarball or a registry that anyone on the way can change
        whole = command.has_option("g", "global")
        return whole and any(_REMOTE_PACKAGE.match(argument) for argument in arguments)
    if re.fullmatch(r"pip[\d.]*|uv", command.name) and "install" in arguments:
        indexes = ("--index-url", "--extra-index-url", "-i")
        values = [arguments[at + 1] for at, argument in enumerate(arguments[:-1]) if argument in indexes]
        urls = [argument for argument in command.operands() if argument.startswith(("http://", "git+http://"))]
        return bool(urls) or any(value.startswith("http://") for value in values)
    return False
