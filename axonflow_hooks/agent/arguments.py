"""The arguments of a tool's call, found in the text that a gateway makes of it: `tool_call: NAME args: {…}`."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from axonflow_hooks.agent.requests import BodyRefused, parse_json

_OPENING: Final = re.compile(r"[{\[]")
_PAIR: Final = re.compile(r'"([^"\\]{0,200})"\s{0,9}:\s{0,9}"((?:[^"\\]|\\.)*)', re.DOTALL)


def embedded_arguments(text: str) -> Any:
    """Give the JSON value with which a text ends, or the pairs of texts in what was meant to be one, else None.

    A gateway may cut what it sends, and what nobody can parse is still looked at.
    """
    opening = _OPENING.search(text)
    if opening is None:
        return None
    rest = text[opening.start() :]
    try:
        return parse_json(rest.encode("utf-8", "replace"))
    except BodyRefused:
        pairs = [{key: _decoded(value)} for key, value in _PAIR.findall(rest)]
        return pairs or None


def split_call(text: str) -> tuple[str, Any] | None:
    """Give what stands before the JSON object or array with which a text ends, and its value; None without one."""
    opening = _OPENING.search(text)
    if opening is None:
        return None
    try:
        return text[: opening.start()], parse_json(text[opening.start() :].encode("utf-8"))
    except (BodyRefused, UnicodeEncodeError):
        return None


def _decoded(literal: str) -> str:
    """Give the text of a JSON string's inside, that inside itself where it is none."""
    try:
        text: str = json.loads(f'"{literal}"', strict=False)
    except ValueError:
        return literal
    return text
