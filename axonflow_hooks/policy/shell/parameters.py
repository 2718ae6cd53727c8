"""Parameter expansion beyond a variable's name (Bash manual 3.4, 3.5.3): arrays, arguments, parts of values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.commands import HOME, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.policy.shell.script import Script

ENVIRONMENT: Final = {
    "HOME": HOME,
    "PWD": ".",
    "OLDPWD": ".",
    "IFS": " ",
    "TMPDIR": "/tmp",  # noqa: S108
    "SHELL": "/bin/bash",
    "BASH": "/bin/bash",
}
"""Variables with a value that is known without an assignment."""

NEXT_FIELD: Final = "\x1f"
"""Stands between the elements of a list in an expanded text: there begins another word, quoted or not."""

_FORM: Final = re.compile(r"\$(?:([@*#]|\d)|\{(!?)(\w+|[@*])(?:\[([^\]]{1,64})\])?([^\w].*)?\})", re.DOTALL)
_SLICE: Final = re.compile(r":\s*(\d+|\s-\d+)(?::\s*(\d+))?")
_REPLACE: Final = re.compile(r"(//?)((?:[^/\\]|\\.)+)(?:/(.*))?", re.DOTALL)
_TRIM: Final = re.compile(r"(##?|%%?)(.+)", re.DOTALL)
_ALL: Final = ("@", "*")
_CASES: Final = {"^^": str.upper, ",,": str.lower, "^": str.capitalize, "@L": str.lower, "@U": str.upper}
_MAX_ELEMENTS: Final = 64


def bind(script: Script, arguments: Sequence[str]) -> None:
    """Make `arguments` the positional parameters of a script."""
    for name in [name for name in script.variables if name.isdigit() and name != "0"]:
        del script.variables[name]
    words = list(arguments[:_MAX_ELEMENTS])
    script.arrays["@"] = {str(number): word for number, word in enumerate(words, start=1)}
    script.variables.update(script.arrays["@"])
    script.variables.update({"@": " ".join(words), "*": " ".join(words), "#": str(len(words))})


def keep_array(script: Script, name: str, items: Sequence[str], *, more: bool = False) -> None:
    """Note the elements of an array that is assigned, with `more` those that are appended to it."""
    known = dict(script.arrays.get(name, {})) if more else {}
    for item in items[: max(_MAX_ELEMENTS - len(known), 0)]:
        subscript, bracket, value = item[1:].partition("]=") if item.startswith("[") else ("", "", item)
        known[subscript if bracket else str(len(known))] = value
    script.arrays[name] = known


def parameter(text: str, script: Script) -> str | None:
    """Take `$1`, `$@` or `${…}` and give its value (UNKNOWN in it where it is not known); None for other forms.

    The elements of a list stand with NEXT_FIELD between them.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    short, indirect, name, subscript, operation = match.groups()
    name = short or name
    if indirect:
        name = script.variables.get(name, "")
        if not name.isidentifier() or operation or subscript:
            return None
    if name in _ALL or subscript in _ALL:
        joined = _list(name if name not in _ALL else "@", operation or "", script)
        return joined.replace(NEXT_FIELD, " ") if joined is not None and "*" in (name, subscript) else joined
    if subscript is not None:
        value = script.arrays.get(name, {}).get(_subscript(subscript, script))
    else:
        value = script.variables.get(name, ENVIRONMENT.get(name))
    if value is None or not operation:
        return value
    return value if UNKNOWN in value else _changed(value, operation)


def _subscript(text: str, script: Script) -> str:
    bare = text.strip("\"'")
    return script.variables.get(bare.lstrip("${").rstrip("}"), bare) if bare.startswith("$") else bare


def _list(name: str, operation: str, script: Script) -> str | None:
    if name not in script.arrays:
        return None
    items = list(script.arrays[name].values())
    sliced = _SLICE.fullmatch(operation)
    if sliced is not None:
        start = int(sliced[1])
        if name == "@" and start > 0:
            start -= 1  # ${@:1} begins with the first argument
        items = items[start:] if sliced[2] is None else items[start : start + int(sliced[2])]
    elif operation:
        changed = [_changed(item, operation) for item in items]
        if None in changed:
            return None
        items = [item or "" for item in changed]
    return NEXT_FIELD.join(items)


def _changed(value: str, operation: str) -> str | None:
    """Give a value after `:offset:length`, `/old/new`, `#head`, `%tail`, `^^`; None for what is not followed."""
    if operation in _CASES:
        return _CASES[operation](value)
    sliced = _SLICE.fullmatch(operation)
    if sliced is not None:
        start = int(sliced[1])
        rest = value[start:]
        return rest if sliced[2] is None else rest[: int(sliced[2])]
    replaced = _REPLACE.fullmatch(operation)
    if replaced is not None and not set("*?[$`") & set(replaced[2] + (replaced[3] or "")):
        old, new = replaced[2].replace("\\", "").strip("\"'"), (replaced[3] or "").strip("\"'")
        return value.replace(old, new) if replaced[1] == "//" else value.replace(old, new, 1)
    trimmed = _TRIM.fullmatch(operation)
    if trimmed is not None and not set("*?[$`\\") & set(trimmed[2]):
        part = trimmed[2].strip("\"'")
        return value.removeprefix(part) if trimmed[1][0] == "#" else value.removesuffix(part)
    return None
