"""Reads the constant values in inline code of many languages: strings, lists, concatenations, decoders, path functions.

One small grammar of terms and operators that Python, JavaScript, Perl, Ruby, PHP, Lua, R, Julia and awk have in common;
what it does not follow has the value UNKNOWN. Reading is linear: a call is read at most so far, and so often.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from axonflow_hooks.policy.shell.commands import HOME, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = str | tuple[str, ...]
"""A text, or the texts of a list; UNKNOWN stands for what is not known."""

_TOKEN: Final = re.compile(
    r"(?P<triple>(?:[rbuf]{0,2})(?:'''.*?'''|\"\"\".*?\"\"\"))"
    r"|(?P<string>(?:[rbufRBUF]{1,2}(?=[\"']))?(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`))"
    r"|(?P<words>(?:%w|%i|\bqw)\s*(?:\([^)]*\)|\[[^\]]*\]|\{[^}]*\}|/[^/]*/|\|[^|]*\|))"
    r"|(?P<quoted>(?:%[qQx]?|\bq[qx]?)(?:\{[^}]*\}|\([^)]*\)|\[[^\]]*\]|/[^/]*/|\|[^|]*\|))"
    r"|(?P<name>[$@]?[A-Za-z_]\w*(?:(?:\.|::|->|\?\.)[A-Za-z_]\w*)*[!?]?|\$\d*)"
    r"|(?P<number>\d+)|(?P<operator>==|=>|:=|\+=|\.\.|\+\+|<>|->|::|[^\s])",
    re.DOTALL,
)
_JOINS: Final = frozenset({"+", ".", "..", "++", "<>"})
_OPENS: Final = {"(": ")", "[": "]", "{": "}"}
_STEP: Final = re.compile(r"\\(?:([nrt])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_BLANKS: Final = {"n": "\n", "r": "\r", "t": "\t"}
_INSERTED: Final = re.compile(r"[$#]\{([^{}]*)\}|\{(\w+)\}|\$(\w+)")
_HOMES: Final = re.compile(r"(?i)^(?:[\w.]*\.)?(?:homedir|expanduser|dir\.home|env\.home|path\.home|\$env\{home\})$")
_SAME: Final = frozenset({
    "path", "pathlib", "str", "string", "decode", "tostring", "iterdir", "expanduser", "resolve", "absolute", "list",
    "sorted", "listdir", "readdirsync", "scandir", "strip", "trim", "from", "pathname", "new", "encode", "purepath",
    "posixpath", "walk", "walksync", "find", "from_iter", "array", "join_all",
    "open",
})  # fmt: skip
"""Functions whose value is that of what they are given or called on, as far as places and commands go."""
_LISTINGS: Final = frozenset({
    "walk", "walksync", "listdir", "iterdir", "scandir", "readdirsync", "glob", "rglob", "globsync", "find",
})  # fmt: skip
_DECODES: Final = frozenset({"b64decode", "atob", "base64_decode", "decode64", "decodebytes", "urlsafe_b64decode"})
_BUILDS: Final = frozenset({"arg", "args"})
_BUILT: Final = frozenset({"status", "output", "spawn", "exec"})
"""Methods that complete a command line word by word, and those that start it (Rust)."""
_WITHOUT_BRACKETS: Final = frozenset({"unlink", "system", "exec", "rmtree", "remove_tree", "spawn", "rm_rf"})
_MAX_TOKENS: Final = 6_000
_MAX_STEPS: Final = 256
_MAX_DEPTH: Final = 12
MAX_VALUE: Final = 4096


class Token(NamedTuple):
    """One token of a program: its kind (`string`, `words`, `name`, `number`, `operator`), text, and line from 0 on."""

    kind: str
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call with the values of its arguments; `on` is the value of the object whose method it is."""

    name: str
    arguments: tuple[Value, ...]
    on: Value = UNKNOWN


@dataclass(slots=True)
class Reader:
    """A program being read: its tokens, the constants found so far, the calls that were passed."""

    tokens: list[Token]
    constants: dict[str, Value] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    branches: bool = False
    steps: int = 0

    def at(self, index: int) -> Token:
        """Give the token at an index, an empty one behind the end."""
        return self.tokens[index] if index < len(self.tokens) else _END


_END: Final = Token("end", "")


def tokens_of(code: str) -> list[Token]:
    """Take a program and give its tokens."""
    found: list[Token] = []
    line = at = 0
    for match in _TOKEN.finditer(code):
        kind = match.lastgroup or "operator"
        line += code.count("\n", at, match.start())
        at = match.start()
        found.append(Token("string" if kind in ("triple", "quoted") else kind, match[0], line))
        if len(found) >= _MAX_TOKENS:
            break
    return found


def read_value(reader: Reader, index: int, depth: int = 0) -> tuple[Value, int]:
    """Read the expression that begins at a token; give its value and the index of the token behind it."""
    value, index = _term(reader, index, depth)
    while reader.steps < _MAX_STEPS:
        token = reader.at(index)
        if token.text == "%" and isinstance(value, str):
            following, index = _term(reader, index + 1, depth)
            value = _filled(value, "%s", (following,) if isinstance(following, str) else following)
            continue
        if token.kind == "operator" and token.text in _JOINS:
            following, index = _term(reader, index + 1, depth)
        elif token.kind in ("string", "words") or (token.kind == "name" and token.text in reader.constants):
            following, index = _term(reader, index, depth)  # side by side: awk, Python, C
        else:
            break
        value = _joined(value, following)
    return value, index


def _joined(left: Value, right: Value) -> Value:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return (left + right)[:_MAX_STEPS]
    return (text_of(left) + text_of(right))[:MAX_VALUE]


def flat(values: Iterable[Value]) -> tuple[str, ...]:
    """Give the texts of values, those of lists one by one."""
    return tuple(text for value in values for text in ((value,) if isinstance(value, str) else value))


def text_of(value: Value) -> str:
    """Give a value as one text."""
    return value if isinstance(value, str) else " ".join(value)


def _term(reader: Reader, index: int, depth: int) -> tuple[Value, int]:
    reader.steps += 1
    token = reader.at(index)
    if depth > _MAX_DEPTH or reader.steps > _MAX_STEPS or token.kind == "end":
        return UNKNOWN, index + 1
    value: Value = UNKNOWN
    if token.kind == "string":
        value, index = literal(token.text, reader.constants), index + 1
    elif token.kind == "words":
        value, index = tuple(re.split(r"[(\[{/|]", token.text, maxsplit=1)[1][:-1].split()), index + 1
    elif token.kind == "number":
        value, index = token.text, index + 1
    elif token.text == "-" and reader.at(index + 1).kind == "number":
        value, index = f"-{reader.at(index + 1).text}", index + 2
    elif token.text in _OPENS:
        items, index = read_list(reader, index, depth)
        value = items[0] if token.text == "(" and len(items) == 1 else flat(items)
    elif token.kind == "name" and token.text in ("new", "await", "return", "my", "const", "let", "var", "not", "p"):
        return (
            _term(reader, index + 1, depth + 1) if token.text not in reader.constants else _name(reader, index, depth)
        )
    elif token.kind == "name":
        value, index = _name(reader, index, depth)
    else:
        return UNKNOWN, index + 1
    return _methods(reader, value, index, depth)


def _name(reader: Reader, index: int, depth: int) -> tuple[Value, int]:
    name = reader.at(index).text
    owner, _dot, method = name.rpartition(".")
    if reader.at(index + 1).text == "(":
        arguments, end = read_list(reader, index + 1, depth)
        on = reader.constants.get(owner, UNKNOWN) if owner else UNKNOWN
        return _called(reader, name, tuple(arguments), on), end
    following = reader.at(index + 1)
    bare = following.kind in ("string", "words") or (following.kind == "name" and name in _WITHOUT_BRACKETS)
    if bare and depth == 0 and name not in reader.constants:
        # a call without brackets (Ruby, Perl, awk's print, tagged templates)
        arguments, end = _bare_arguments(reader, index + 1)
        return _called(reader, name, tuple(arguments), UNKNOWN), end
    if _HOMES.match(name) or (name.upper() == "ENV" and "HOME" in reader.at(index + 2).text):
        return HOME, index + 1 if _HOMES.match(name) else index + 4
    return reader.constants.get(name, reader.constants.get(owner, UNKNOWN) if method == "path" else UNKNOWN), index + 1


def _bare_arguments(reader: Reader, index: int) -> tuple[list[Value], int]:
    found: list[Value] = []
    while reader.steps < _MAX_STEPS:
        value, index = read_value(reader, index, 1)
        found.append(value)
        if reader.at(index).text != ",":
            break
        index += 1
    return found, index


def read_list(reader: Reader, index: int, depth: int) -> tuple[list[Value], int]:
    """Read what stands in the brackets that open at a token: the values between the commas, keys left out."""
    closing = _OPENS[reader.at(index).text]
    index += 1
    found: list[Value] = []
    while reader.at(index).kind != "end" and reader.steps < _MAX_STEPS:
        token, following = reader.at(index), reader.at(index + 1)
        if token.text == closing:
            return found, index + 1
        if token.text in (",", ";"):
            index += 1
        elif token.kind == "name" and following.text in (":", "=", "=>") and "." not in token.text:
            index += 2  # a keyword or a key
            value, index = read_value(reader, index, depth + 1)
            if isinstance(value, tuple) or token.text in ("cmd", "args", "command", "atPath"):
                found.append(value)
        else:
            before = index
            value, index = read_value(reader, index, depth + 1)
            found.append(value)
            index = max(index, before + 1)
    return found, index


def _methods(reader: Reader, value: Value, index: int, depth: int) -> tuple[Value, int]:
    """Read the methods called on a value."""
    while reader.steps < _MAX_STEPS and reader.at(index).text in (".", "->") and reader.at(index + 1).kind == "name":
        name = reader.at(index + 1).text
        if reader.at(index + 2).text == "(":
            arguments, index = read_list(reader, index + 2, depth + 1)
            value = _called(reader, name, tuple(arguments), value)
        elif name in reader.constants or isinstance(value, tuple):
            break
        else:
            value, index = _called(reader, name, (), value), index + 2
    return value, index


def _called(reader: Reader, name: str, arguments: tuple[Value, ...], on: Value) -> Value:
    name = reader.aliases.get(name, name)
    reader.calls.append(Call(name, arguments, on))
    short = re.split(r"\.|::|->", name.lower().rstrip("!?"))[-1]
    first = arguments[0] if arguments else UNKNOWN
    base = first if on == UNKNOWN else on
    if _HOMES.match(name) and (not arguments or text_of(first).startswith(HOME)):
        return HOME if not arguments else first
    if short == "format" and isinstance(on, str) and on != UNKNOWN:
        return _filled(on, "{}", arguments)
    if short == "split":
        return tuple(text_of(base).split())
    if short in ("join", "resolve") and arguments:
        parts = arguments[0] if isinstance(arguments[0], tuple) else tuple(map(text_of, arguments))
        if isinstance(on, str) and on != UNKNOWN:
            return on.join(parts)
        return "/".join(part.rstrip("/") for part in parts) or "/"
    if name.endswith("Command::new") or (isinstance(on, tuple) and short in _BUILDS):
        return (*(() if isinstance(on, str) else on), *(text for text in flat(arguments) if text != UNKNOWN))
    if isinstance(on, tuple) and short in _BUILT:
        reader.calls.append(Call("spawn", (on,)))
    if short in _DECODES or (short == "from" and arguments[1:] == ("base64",)):
        return _decoded(text_of(base))
    if reader.branches and short in _LISTINGS:
        return UNKNOWN
    if short in ("glob", "rglob", "globsync"):
        if on == UNKNOWN:
            return first
        return on if text_of(first) in ("*", "**", "**/*", ".*") else UNKNOWN
    return base if short in _SAME else UNKNOWN


def _filled(form: str, mark: str, values: Iterable[Value]) -> str:
    for value in values:
        form = form.replace(mark, text_of(value), 1)
    return form[:MAX_VALUE]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8")[:MAX_VALUE]
    except (ValueError, binascii.Error):
        return UNKNOWN


def literal(text: str, constants: dict[str, Value]) -> str:
    """Give what a string literal stands for; what is inserted in it is UNKNOWN unless it is a constant."""
    if text[0] == "%" or (text[0] == "q" and text[-1] not in "\"'`"):
        opening = re.search(r"[({\[/|]", text)
        return text[opening.end() : -1] if opening is not None else UNKNOWN
    head = re.match(r"[a-zA-Z]*", text)
    prefix = head[0].lower() if head is not None else ""
    body = text[len(prefix) :]
    mark = body[:3] if body[:3] in ('"""', "'''") else body[:1]
    inner = body[len(mark) : -len(mark)]

    def inserted(match: re.Match[str]) -> str:
        name = next((group for group in match.groups() if group is not None), "")
        if name[:1] in ("'", '"') and name[-1:] == name[:1]:
            return name[1:-1]
        return text_of(constants.get(name, constants.get(f"${name}", UNKNOWN)))

    if "f" in prefix or mark in ('"', "`"):
        if "f" in prefix or "${" in inner or "#{" in inner:
            inner = _INSERTED.sub(inserted, inner) if "f" in prefix else re.sub(r"[$#]\{([^{}]*)\}", inserted, inner)
        elif mark == '"' and "$" in inner:
            inner = re.sub(r"\$(\w+)", lambda match: text_of(constants.get(match[0], match[0])), inner)
    return inner if "r" in prefix else _STEP.sub(_escaped, inner)


def _escaped(match: re.Match[str]) -> str:
    letter, byte, point, other = match.groups()
    if letter is not None:
        return _BLANKS[letter]
    return chr(int(byte or point, 16)) if byte or point else str(other)
