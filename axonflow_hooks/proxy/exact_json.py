"""JSON-RPC messages, read without losing anything: what is passed on is the sender's own text, slice by slice.

Numbers of any size and precision, unknown members, the order of keys and the way a text is escaped all survive, as
values are looked at but never written again. What two readers could read differently (doubled keys, NaN) is refused.
"""

from __future__ import annotations

import json
import re
from json import JSONDecoder
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_MESSAGE_BYTES: Final = 32_000_000

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_OPENING: Final = re.compile(r"[ \t\r\n]*\{[ \t\r\n]*")
_INNER_OPENING: Final = re.compile(r"\{[ \t\r\n]*")
_PLAIN_MEMBER: Final = re.compile(
    r'"([A-Za-z_]+)"[ \t\r\n]*:[ \t\r\n]*'
    r'(?:("[^"\\\x00-\x1f]*"|-?(?:0|[1-9][0-9]{0,17})(?![0-9.eE])|true|false|null)'
    r'[ \t\r\n]*(?:,[ \t\r\n]*(?=")|(\})))?'
)
"""A key, and where the value is as simple: the value, and "}" where the object ends there."""

_WORDS: Final = {"true": True, "false": False, "null": None}
_COLON: Final = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_NEXT: Final = re.compile(r'[ \t\r\n]*(?:,[ \t\r\n]*(?=")|(\}))')
_USUAL_COMMAS: Final = (',"', ', "')
_SCALAR: Final = re.compile(r'"|-?\d[\d.eE+-]*')


class UnreadableMessage(ValueError):  # noqa: N818 - reads as what it is
    """Text that is not one unambiguous JSON value."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableMessage("a key stands twice in one object")
    return found


def _refuse(constant: str) -> Any:
    raise UnreadableMessage(f"{constant} is not JSON")


_decoder: Final = JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
# The scanner under raw_decode, which does no more than turn StopIteration into an error of its own.
decode_at: Final[Callable[[str, int], tuple[Any, int]]] = _decoder.scan_once  # type: ignore[attr-defined]
"""Takes JSON text and the index of a value in it, gives the value and its end. Raises ValueError or StopIteration."""

_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Member(NamedTuple):
    """One member of an object: its value, and the text of that value as the sender wrote it.

    `members` are its own members, where they were read along with it.
    """

    value: Any
    raw: str
    members: dict[str, Member] | None = None


def read_text(data: bytes) -> str:
    """Take the bytes of a message and give its text. Raises UnreadableMessage when they are not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableMessage("the message is not UTF-8") from None


def read_object(text: str) -> dict[str, Member]:
    """Take the text of a JSON object and give its members. Raises UnreadableMessage for anything else."""
    return _read(text, None)


def read_message(text: str) -> dict[str, Member]:
    """Take a JSON-RPC message and give its members, and with `params` the members of those; raises as `read_object`."""
    return _read(text, "params")


def members_of(member: Member) -> dict[str, Member]:
    """Give the members of a member that is an object."""
    return read_object(member.raw) if member.members is None else member.members


def _read(text: str, within: str | None) -> dict[str, Member]:
    try:
        opening = _OPENING.match(text)
        if opening is None:
            raise UnreadableMessage("it is not one JSON object")
        found, end = _members(text, opening.end(), within)
        if end != len(text) and _skip(text, end) != len(text):
            raise UnreadableMessage("more than one value stands in it")
    except (ValueError, IndexError, StopIteration, RecursionError) as error:
        reason = str(error) if isinstance(error, UnreadableMessage) else "it is not one JSON object"
        raise UnreadableMessage(reason) from None
    return found


def read_value(text: str) -> Any:
    """Take JSON text and give its value. Raises UnreadableMessage when it is not one unambiguous value."""
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, UnreadableMessage) else "it is not JSON"
        raise UnreadableMessage(reason) from None


def _members(text: str, place: int, within: str | None) -> tuple[dict[str, Member], int]:
    """Give the members of the object whose first key begins at a place, and where it ends.

    Those of the member `within` are read in the same pass.
    """
    found: dict[str, Member] = {}
    if text[place] == "}":
        return found, place + 1
    while True:
        plain = _PLAIN_MEMBER.match(text, place)
        raw = closing = None
        if plain is not None:
            key, raw, closing = plain.groups()
            place = plain.end()
        else:
            key, place = _key(text, place)
        if key in found:
            raise UnreadableMessage("a key stands twice in one object")
        if raw is not None:
            found[key] = Member(raw[1:-1] if raw[0] == '"' else _simple(raw), raw)
            if closing:
                return found, place
            continue
        if key == within and (opening := _INNER_OPENING.match(text, place)) is not None:
            inner, end = _members(text, opening.end(), None)
            value = {name: member.value for name, member in inner.items()}
            found[key] = Member(value, text[place:end], inner)
        else:
            value, end = decode_at(text, place)
            found[key] = Member(value, text[place:end])
        if text[end] == "}":
            return found, end + 1
        if text.startswith(_USUAL_COMMAS, end):
            place = text.index('"', end)
            continue
        match = _NEXT.match(text, end)
        if match is None:
            raise UnreadableMessage("it is not one JSON object")
        place = match.end()
        if match[1]:
            return found, place


def _simple(raw: str) -> int | bool | None:
    return _WORDS[raw] if raw in _WORDS else int(raw)


def _key(text: str, place: int) -> tuple[str, int]:
    """Give the key that begins at a place, and where its value begins."""
    key, end = decode_at(text, place)
    colon = _COLON.match(text, end)
    if not isinstance(key, str) or colon is None:
        raise UnreadableMessage("it is not one JSON object")
    return key, colon.end()


def array_elements(raw: str) -> list[str]:
    """Take the text of a JSON array, as read before, and give the texts of its elements."""
    found: list[str] = []
    place = _skip(raw, _skip(raw, 0) + 1)
    while raw[place] != "]":
        end = decode_at(raw, place)[1]
        found.append(raw[place:end])
        place = _skip(raw, end)
        if raw[place] == ",":
            place = _skip(raw, place + 1)
    return found


def _skip(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return match.end() if match else place


def write_object(members: dict[str, str]) -> str:
    """Take {key: raw JSON text} and give the text of that object."""
    return "{" + ",".join(f"{_encode(key)}:{raw}" for key, raw in members.items()) + "}"


def write_value(value: Any) -> str:
    """Give a value of our own as compact JSON text, safe in any encoding."""
    return _encode(value)


def one_line(raw: str) -> str:
    """Give JSON text without line ends, which may stand between its tokens but end a message on stdio."""
    if "\n" not in raw and "\r" not in raw:
        return raw
    return raw.replace("\r", " ").replace("\n", " ")  # inside strings they can only stand escaped


def with_scalars_replaced(raw: str, replacements: dict[int, str]) -> str:
    """Give JSON text in which some strings and numbers are replaced by other strings; all else stays as it is.

    `replacements` is {n: text} for the n-th string or number of the text, keys included, counted from 0.
    """
    parts: list[str] = []
    done = place = count = 0
    while replacements.keys() and (match := _SCALAR.search(raw, place)):
        place = decode_at(raw, match.start())[1] if match.group() == '"' else match.end()
        if count in replacements:
            parts += (raw[done : match.start()], json.dumps(replacements[count], ensure_ascii=False))
            done = place
        count += 1
    return "".join(parts) + raw[done:]
