"""What commands with constant input print: echo, printf, a heredoc through cat, decoders."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import posixpath
import re
import zlib
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.quoting import ansi_c

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.policy.shell.commands import Command

READ_AS_TEXT: Final = frozenset({
    "cat", "base64", "gbase64", "base32", "xxd", "rev", "gunzip", "zcat", "gzip", "head", "tail", "cut", "sed",
})  # fmt: skip
"""Programs that print what the files hold that they are given, or what they make of it."""
_NAMES_OF_FILES: Final[dict[str, Callable[[list[str]], str | None]]] = {
    "dirname": lambda paths: posixpath.dirname(paths[0].rstrip("/")) or "." if paths else None,
    "realpath": lambda paths: paths[0] if paths else None,
    "readlink": lambda paths: paths[0] if paths else None,
}
"""Programs that print a path made of the one they are given."""
_COUNT: Final = re.compile(r"^-?[nc]?\d*$")
_CUT_FIELD: Final = re.compile(r"(?m)^-f\n?(\d{1,3})$")
_CUT_MARK: Final = re.compile(r"(?m)^-d\n?(.)$")
_SUBSTITUTE: Final = re.compile(r"s([/|,#@])(?P<old>[\w ./:-]*)\1(?P<new>[^&\\/|,#@]*)\1(?P<flags>g?)")
MAX_OUTPUT: Final = 64 * 1024
_MAX_STAGES: Final = 12
_PRINTING_CODE: Final = re.compile(
    r"\s*(?:BEGIN\s*)?\{?\s*(?:print|puts|echo|say|console\.log|process\.stdout\.write)\b\s*\(?\s*"
    r"(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)')\s*\)?\s*;?\s*\}?\s*"
)
"""A program of an interpreter that prints a text and does nothing else."""


def output_of(command: Command, stages: int = _MAX_STAGES) -> str | None:
    """Give what `command` will print when that is known now, else None."""
    if stages <= 0:
        return None
    if not command.argv:
        return command.stdin  # `$(< file)`
    text = _printed(command)
    if text is None:
        text = _filtered(command, stages)
    if text is None and command.arguments and "\n" not in command.arguments[-1]:
        shown = _PRINTING_CODE.fullmatch(command.arguments[-1])
        text = ansi_c(shown[1] or shown[2] or "") + "\n" if shown is not None else None
    return None if text is None or len(text) > MAX_OUTPUT else text


def input_of(command: Command, stages: int = _MAX_STAGES) -> str | None:
    """Give the constant standard input of `command`, None when there is none or it is not known."""
    if command.stdin is not None:
        return command.stdin
    return output_of(command.feeds[-1], stages - 1) if command.feeds else None


def _printed(command: Command) -> str | None:
    arguments = list(command.arguments)
    if command.name in _NAMES_OF_FILES and all(word.known for word in command.argv):
        return _NAMES_OF_FILES[command.name](command.operands()[-1:])
    if command.name not in ("echo", "printf") or not all(word.known for word in command.argv):
        return None
    if command.name == "echo":
        escapes = False
        while (
            arguments and arguments[0].startswith("-") and set(arguments[0][1:]) <= set("neE") and arguments[0] != "-"
        ):
            escapes = escapes or "e" in arguments.pop(0)
        text = " ".join(arguments)
        return ansi_c(text) if escapes else text
    if arguments[:1] == ["--"]:
        arguments.pop(0)
    if not arguments:
        return None
    form, values = ansi_c(arguments[0]), arguments[1:]
    if "%" not in form:
        return form
    if form.replace("\n", "") in ("%s", "%b", "%s ", " %s"):
        return "".join(form.replace("%s", value).replace("%b", ansi_c(value)) for value in values)
    for value in values:
        form = form.replace("%s", value, 1)
    return form


def _filtered(command: Command, stages: int) -> str | None:
    if command.name == "cat":
        named = any(word != "-" for word in command.operands())
        return command.files if named else input_of(command, stages)
    decode = _decoder(command)
    if decode is None:
        return None
    text = command.files if command.files is not None else input_of(command, stages)
    if text is None:
        return None
    try:
        return decode(text)
    except (ValueError, binascii.Error, OSError, EOFError, zlib.error):
        return None


def _cut(command: Command) -> Callable[[str], str] | None:
    """Give what `cut -d: -f2` makes of a text, for one field."""
    given = "\n".join(command.arguments)
    field, mark = _CUT_FIELD.search(given), _CUT_MARK.search(given)
    if field is None:
        return None
    separator, index = mark[1] if mark is not None else "\t", int(field[1]) - 1
    return lambda text: "\n".join((line.split(separator)[index : index + 1] or [""])[0] for line in text.split("\n"))


def _substitution(command: Command) -> Callable[[str], str] | None:
    """Give what `sed s/old/new/` makes of a text, for an old text without special characters."""
    script = command.operands()[:1]
    parts = _SUBSTITUTE.fullmatch(script[0]) if script else None
    if parts is None or command.has_option("n", "quiet", "silent"):
        return None
    old, new, count = parts["old"], parts["new"], -1 if "g" in parts["flags"] else 1
    return lambda text: "\n".join(line.replace(old, new, count) for line in text.split("\n"))


def _decoder(command: Command) -> Callable[[str], str] | None:
    name, arguments = command.name, command.arguments
    if name in ("base64", "gbase64") and command.has_option("dD", "decode"):
        return _base64
    if name == "openssl" and "base64" in arguments and "-d" in arguments:
        return _base64
    if name == "base32" and command.has_option("d", "decode"):
        return lambda text: base64.b32decode("".join(text.split())).decode("utf-8", "replace")
    if name == "xxd" and command.has_option("r"):
        return lambda text: bytes.fromhex("".join(text.split())).decode("utf-8", "replace")
    if name == "rev":
        return lambda text: "\n".join(line[::-1] for line in text.split("\n"))
    if name in ("gunzip", "zcat") or (name == "gzip" and command.has_option("d", "decompress")):
        return _gunzip
    if name in ("head", "tail") and all(_COUNT.match(word) for word in arguments if word[0:1] == "-"):
        return lambda text: text  # no more than a part of it
    if name == "cut":
        return _cut(command)
    if name == "sed":
        return _substitution(command)
    if name == "tr" and len(arguments) == 2:
        return _remover(arguments[1]) if arguments[0] in ("-d", "--delete") else _translator(*arguments)
    return None


def _base64(text: str) -> str:
    compact = "".join(text.split())
    return base64.b64decode(compact + "=" * (-len(compact) % 4)).decode("utf-8", "surrogateescape")


def _gunzip(text: str) -> str:
    with gzip.GzipFile(fileobj=io.BytesIO(text.encode("utf-8", "surrogateescape"))) as stream:
        return stream.read(MAX_OUTPUT).decode("utf-8", "replace")


_RANGE: Final = re.compile(r"(.)-(.)", re.DOTALL)
_CLASSES: Final = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz", "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[:digit:]": "0123456789",
}  # fmt: skip


def _translator(old: str, new: str) -> Callable[[str], str] | None:
    sets = [_characters(old), _characters(new)]
    if not all(sets):
        return None
    source, target = sets
    table = str.maketrans(source, (target + target[-1] * len(source))[: len(source)])
    return lambda text: text.translate(table)


def _remover(unwanted: str) -> Callable[[str], str]:
    table = dict.fromkeys(map(ord, _characters(unwanted)))
    return lambda text: text.translate(table)


def _characters(text: str) -> str:
    for name, characters in _CLASSES.items():
        text = text.replace(name, characters)
    return _RANGE.sub(lambda match: "".join(map(chr, range(ord(match[1]), min(ord(match[2]), 0x7F) + 1))), ansi_c(text))
