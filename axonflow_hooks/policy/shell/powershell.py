"""PowerShell given on a command line: its code, and the POSIX commands that do what it does.

Only what effects look at is translated (about_PowerShell_exe, about_Aliases, Remove-Item, Invoke-WebRequest, …); any
other command keeps its name and its arguments.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.constants import input_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.shell.commands import Command

POWERSHELLS: Final = frozenset({"powershell", "pwsh", "powershell_ise", "pwsh-preview"})
_VALUED: Final = (
    "executionpolicy", "windowstyle", "version", "psconsolefile", "inputformat", "outputformat", "workingdirectory",
    "configurationname", "configurationfile", "settingsfile", "custompipename",
)  # fmt: skip
_SHORT: Final = {"e": "encodedcommand", "ec": "encodedcommand", "ep": "executionpolicy", "ex": "executionpolicy",
                 "wd": "workingdirectory", "of": "outputformat", "if": "inputformat"}  # fmt: skip
_TOKEN: Final = re.compile(
    r"'((?:[^']|'')*)'|\"((?:[^\"`]|`.)*)\"|(&&|\|\||[|;\n{}()])|((?:[^\s'\"|;{}()`]|`.)+)|[ \t\r]+|.", re.DOTALL
)
_ASSIGNED: Final = re.compile(r"\$(\w+)\s*=\s*(?:'([^'\n]*)'|\"([^\"\n]*)\")")
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+)(?!:))")
_HOME: Final = re.compile(r"(?i)\$(?:env:(?:USERPROFILE|HOME|HOMEPATH)|HOME)\b")
_ROOT: Final = re.compile(r"(?i)^(?:\$env:(?:SystemDrive|SystemRoot|windir)|[a-z]:)(?=[\\/*]|$)")
_ALIASES: Final = {
    **dict.fromkeys(("ri", "rm", "del", "erase", "rd", "rmdir"), "remove-item"),
    **dict.fromkeys(("gci", "ls", "dir"), "get-childitem"),
    **dict.fromkeys(("iwr", "irm", "invoke-restmethod", "start-bitstransfer"), "invoke-webrequest"),
    **dict.fromkeys(("saps", "start"), "start-process"),
    **dict.fromkeys(("cp", "copy", "cpi"), "copy-item"),
    **dict.fromkeys(("mv", "move", "mi"), "move-item"),
    "iex": "invoke-expression", "gc": "get-content", "cat": "get-content", "type": "get-content",
}  # fmt: skip
_AS_POSIX: Final = {"get-content": "cat", "copy-item": "cp", "move-item": "mv"}
_STATIC: Final = re.compile(r"(?i)\[(?:System\.)?IO\.(?:Directory|File)\]::(Delete|Read\w+)\(\s*[\"']([^\"']+)[\"']")
"""Calls of .NET that delete or read."""
_HARMLESS: Final = re.compile(
    r"^(?:(?:get|test|write|select|sort|measure|where|foreach|group|compare|out|convertto|convertfrom|join|split|"
    r"resolve)-[a-z]+|[$\d].*|echo|pwd|cd|if|else|[-+=,].*)$"
)
_MAX_CODE: Final = 16 * 1024
_MAX_COMMANDS: Final = 200


def code_of(command: Command) -> str | None:
    """Give the PowerShell code that a command is handed as an argument or on standard input; None for a file."""
    arguments = command.arguments
    index = 0
    while index < len(arguments):
        text = arguments[index]
        if text[:1] not in ("-", "/") or text == "-" or "/" in text[1:]:
            # a word that is no option is a command for Windows PowerShell, a file for PowerShell 7
            return " ".join(arguments[index:]) if command.name == "powershell" and text != "-" else _read(command, text)
        option = text[1:].lower()
        option = _SHORT.get(option, option)
        if "command".startswith(option):
            rest = " ".join(arguments[index + 1 :])
            return input_of(command) if rest == "-" else rest
        if "encodedcommand".startswith(option) or option.startswith("enc"):
            return decoded("".join(arguments[index + 1 : index + 2]))
        if "file".startswith(option):
            return _read(command, "".join(arguments[index + 1 : index + 2]))
        index += 2 if any(name.startswith(option) for name in _VALUED) else 1
    return input_of(command)


def _read(command: Command, word: str) -> str | None:
    return input_of(command) if word == "-" else None


def decoded(text: str) -> str | None:
    """Give what an argument of -EncodedCommand stands for (base64 of UTF-16LE), None when it is not that."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-16-le").strip("\0\ufeff")
    except (ValueError, binascii.Error):
        return None


def is_harmless(text: str) -> bool:
    """Whether an encoded command only looks at things and shows them."""
    code = decoded(text)
    if code is None or len(code) > _MAX_CODE or "::" in code or "[" in code:
        return False
    commands = list(_commands(code))
    return bool(commands) and all(_HARMLESS.match(words[0].lower()) for words, _piped in commands)


def shell_lines(code: str) -> str:
    """Take PowerShell and give lines of shell with the effects of its commands."""
    lines: list[str] = []
    listed: list[str] = []
    for words, piped in _commands(code[:_MAX_CODE]):
        name = _ALIASES.get(words[0].lower(), words[0].lower())
        if not piped:
            listed = []
        if name == "get-childitem":
            listed = [] if _named(words, "filter", "include", "exclude") else _operands(words)
        line = _translated(name, words, listed if piped else [])
        lines.append(f"{'| ' if piped and lines else ''}{line}")
    for method, path in _STATIC.findall(_HOME.sub("~", code[:_MAX_CODE]))[:_MAX_COMMANDS]:
        lines.append(
            shlex.join(["rm", "-rf", "--", _place(path)] if method.lower() == "delete" else ["cat", _place(path)])
        )
    return "\n".join(lines).replace("\n| ", " | ")


def _commands(code: str) -> Iterator[tuple[list[str], bool]]:
    """Give the words of each command, and whether the one before is piped into it."""
    values = {match[1].lower(): match[2] or match[3] or "" for match in _ASSIGNED.finditer(code)}
    words: list[str] = []
    piped = glued = False
    count = 0
    for match in _TOKEN.finditer(code + "\n"):
        single, double, operator, bare = match.groups()
        if operator is not None:
            if words and count < _MAX_COMMANDS:
                count += 1
                yield words, piped
                piped = False
            piped = operator == "|" or (piped and not words)
            words, glued = [], False
            continue
        text = _text(single, double, bare, values)
        if text is None or (text in ("&", ".") and not words):
            glued = False
        elif glued and words:
            words[-1] += text
        else:
            words.append(text)
            glued = True


def _text(single: str | None, double: str | None, bare: str | None, values: dict[str, str]) -> str | None:
    if single is not None:
        return single.replace("''", "'")
    text = double if double is not None else bare
    if text is None:
        return None
    text = _HOME.sub("~", text)
    return _VARIABLE.sub(lambda match: values.get((match[1] or match[2]).lower(), match[0]), text).replace("`", "")


def _named(words: list[str], *names: str) -> bool:
    return any(
        word[:1] == "-" and len(word) > 1 and name.startswith(word[1:].lower()) for word in words for name in names
    )


def _operands(words: list[str]) -> list[str]:
    operands = [part for word in words[1:] if word[:1] not in ("-", "$") for part in word.split(",")]
    return [_place(word) for word in operands if word]


def _place(path: str) -> str:
    """Give a path of Windows as one of POSIX; a drive counts as the root."""
    return _ROOT.sub("", path).replace("\\", "/") or "/" if _ROOT.match(path) else path.replace("\\", "/")


def _translated(name: str, words: list[str], listed: list[str]) -> str:
    if name == "remove-item":
        options = ["-r"] * (_named(words, "recurse") or "/s" in words) + ["-f"] * _named(words, "force")
        return shlex.join(["rm", *options, "--", *(_operands(words) or listed)])
    if name == "invoke-webrequest":
        pairs = pairwise(words)
        target = next((value for option, value in pairs if option.lower() in ("-outfile", "-o", "-destination")), None)
        urls = [word for word in words if "://" in word]
        sent = next((value for option, value in pairwise(words) if option.lower() == "-infile"), None)
        files = [*(("-o", target) if target else ()), *(("-T", _place(sent)) if sent else ())]
        return shlex.join(["curl", *urls, *files])
    if name in _AS_POSIX:
        return shlex.join([_AS_POSIX[name], "--", *_operands(words)])
    if name == "invoke-expression":
        return shlex.join(["pwsh", "-Command", " ".join(words[1:]) or "-"])
    if name == "start-process":
        given: list[str] = []
        for option, word in pairwise(words):
            if "-argumentlist".startswith(option.lower()) or option.lower() == "-args" or word[:1] != "-":
                given += word.split(",") if option[:1] == "-" else [word]
        return shlex.join(given)
    if name in ("stop-computer", "restart-computer"):
        return "shutdown now"
    return shlex.join([name, *words[1:]])
