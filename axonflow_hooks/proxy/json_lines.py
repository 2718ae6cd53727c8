"""Where in a JSON text a value stands, so that an error in a hand-written file can name the line."""

from __future__ import annotations

from json import JSONDecoder
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Path = tuple[str | int, ...]

_decode: Final = JSONDecoder().raw_decode


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Take valid JSON text and the path of a value in it, give its line (from 1); of what is missing, its parent's."""
    wanted = tuple(path)
    best, depth = 0, -1
    for found, place in _places(text, _skip(text, 0), ()):
        if len(found) > depth and wanted[: len(found)] == found:
            best, depth = place, len(found)
    return text.count("\n", 0, best) + 1


def _places(text: str, place: int, path: Path) -> Iterator[tuple[Path, int]]:
    yield path, place
    if text[place] not in "{[":
        return
    closing = "}" if text[place] == "{" else "]"
    place = _skip(text, place + 1)
    index = 0
    while text[place] != closing:
        step: str | int = index
        if closing == "}":
            step, place = _decode(text, place)
            place = _skip(text, _skip(text, place) + 1)
        yield from _places(text, place, (*path, step))
        place = _skip(text, _decode(text, place)[1])
        if text[place] == ",":
            place = _skip(text, place + 1)
        index += 1


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] in {" ", "\t", "\r", "\n"}:
        place += 1
    return place
