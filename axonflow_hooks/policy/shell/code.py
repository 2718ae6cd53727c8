"""Code handed to an interpreter on its command line, and what is looked for in it without parsing it."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command

_CODE_OPTIONS: Final = {
    "python": "c", "pypy": "c", "perl": "eE", "ruby": "e", "node": "ep", "nodejs": "ep", "deno": "e", "bun": "e",
    "php": "r", "lua": "e", "luajit": "e", "osascript": "e", "rscript": "e", "julia": "eE", "groovy": "e",
    "powershell": "c", "pwsh": "c", "tclsh": "", "crystal": "", "elixir": "e", "irb": "e",
}  # fmt: skip
_VERSION: Final = re.compile(r"[\d.]+$")
_MAX_CODE: Final = 16 * 1024
_AWK: Final = frozenset({"awk", "gawk", "mawk", "nawk"})

REMOTE: Final = re.compile(
    r"(?i)socket|fsockopen|tcpserver|tcpclient|net\.dial|net\.connect|net\.createconnection|/inet/(?:tcp|udp)/|\bIO::Socket|ztcp"
)
SPAWNS: Final = re.compile(
    r"(?i)/bin/(?:ba|z|da|k)?sh\b|[\"'`](?:ba|z|da|k)?sh\b|pty\.spawn|os\.dup2|\bdup2\(|popen|subprocess|child_process|"
    r"\bsystem\b|os\.execute|passthru|shell_exec|proc_open|\bexec\(|\bspawn\(|cmd\.exe|getline|process\.new|exec\.command|\biex\b"
)
DELETES_ROOT: Final = re.compile(
    r"(?i)\brm\s+(?:-[-\w]+\s+)+(?:--\s+)?[\"']?(?:/(?:\*|\s|[\"');]|$)|~/?(?:\s|[\"');]|$)|\$HOME\b)|"
    r"\b(?:rmtree|rm_rf|remove_dir_all|rmsync|rmdirsync|removeall)\(?\s*\(?[\"'](?:/|~|/(?:etc|usr|home|var|bin))[\"']"
)
FORKS: Final = re.compile(
    r"\bfork\s+while\s+fork|while\s*[(:]?\s*(?:1|true|True)\b[^\n]{0,40}\bfork\b|\bloop\s*\{\s*fork"
)


_RUNNERS: Final = frozenset({"go", "v", "crystal", "cargo", "dotnet", "java", "tsx", "ts-node", "rust-script", "swift",
                             "zig", "nim", "dart", "kotlin", "scala"})  # fmt: skip
_MAX_CALLS: Final = 20
_CALL: Final = re.compile(
    r"(?:\b(?:system|popen[23]?|exec(?:Sync|File|FileSync|v[pe]*|l[pe]*)?|spawn(?:Sync)?|run|call|check_call|check_output|"
    r"Popen|getoutput|getstatusoutput|shell_exec|passthru|proc_open|open|Command|create_subprocess_shell|execute|sh)"
    r"\s*\(?\s*|%x\s*|\bqx\s*)"
    r"(?:\[\s*((?:[\"'][^\"'\]]*[\"']\s*,?\s*)+)\]|\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|[\[({/]([^\])}/\n]*)[\])}/])"
)
_BACKQUOTED: Final = re.compile(r"`([^`\n]+)`")
_PIPED: Final = re.compile(r"\"((?:[^\"\\]|\\.)*)\"\s*\|\s*getline|\|\s*\"((?:[^\"\\]|\\.)*)\"")
_STRING: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")


def runs_programs(command: Command) -> bool:
    """Whether the command is an interpreter or compiler that takes a program file."""
    name = command.name.lower()
    return name in _RUNNERS or _VERSION.sub("", name) in _CODE_OPTIONS


def os_calls(command: Command) -> list[str]:
    """Give the command lines that inline code hands to the operating system, as far as they are literals."""
    code = inline_code(command)
    if code is None or len(code) > _MAX_CODE:
        return []
    found: list[str] = []
    for match in _CALL.finditer(code):
        words, double, single, other = match.groups()
        if words is not None:
            found.append(" ".join(shlex.quote(a or b) for a, b in _STRING.findall(words)))
        else:
            text = double if double is not None else single if single is not None else other
            found.append(re.sub(r"\\(.)", r"\1", text or "", flags=re.DOTALL))
        if len(found) >= _MAX_CALLS:
            return found
    name = _VERSION.sub("", command.name.lower())
    if name in ("perl", "ruby", "php"):
        found += _BACKQUOTED.findall(code)
    if name in _AWK:
        found += [a or b for a, b in _PIPED.findall(code)]
    return [text for text in found if text.strip()][:_MAX_CALLS]


def inline_code(command: Command) -> str | None:
    """Give the code that an interpreter is handed as an argument or in a known file, None for any other command."""
    if command.program is not None:
        return command.program
    name = command.name.lower()
    if name in _AWK:
        return next((word for word in command.operands()), None)
    options = _CODE_OPTIONS.get(_VERSION.sub("", name))
    if options is None:
        return None
    arguments = command.arguments
    for index, argument in enumerate(arguments):
        if argument in ("--eval", "--execute", "-Command", "--command", "eval", "-EncodedCommand"):
            return " ".join(arguments[index + 1 :])
        if (
            argument.startswith("-")
            and not argument.startswith("--")
            and any(letter in argument[1:] for letter in options)
        ):
            cluster = argument[1:]
            at = min(cluster.index(letter) for letter in options if letter in cluster)
            attached = cluster[at + 1 :]
            return attached if len(attached) > 3 else " ".join(arguments[index + 1 :])
    return None
