"""Calls and results in the forms in which nearly all of them come, read in three steps instead of member by member.

What is read here means what `exact_json` makes of it: no key twice, nothing rounded, the sender's own text kept.
Any other form (blanks in unusual places, escapes in names, members that nobody expects) is left to that.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Final, NamedTuple

from axonflow_hooks.proxy.exact_json import Member, UnreadableMessage, decode_at, members_of

MAX_PLAIN_CHARS: Final = 50_000
"""Longer messages take time of their own, and reading them twice would double it."""

_CALL_MEMBERS: Final = frozenset({"name", "arguments", "_meta"})
_VERSION: Final = r'"jsonrpc": ?"2\.0"()'
_METHOD: Final = r'"method": ?"tools/call"()'
_CALL_ID: Final = r'"id": ?(0|[1-9][0-9]{0,15}|"[A-Za-z0-9_.-]{1,64}")'
_REPLY_ID: Final = r'"id": ?(0|[1-9][0-9]{0,15})'
_META: Final = r'"_meta": ?(\{[^{}\\]*\})'


def _any_of(members: tuple[str, ...], first: int) -> str:
    """Give the expression for one of some members, with one group each from `first` on; none matches a second time."""
    return "(?:" + "|".join(f"(?({number})(?!)){text}" for number, text in enumerate(members, start=first)) + ")"


_CALL: Final = re.compile(
    rf'\{{(?:{_any_of((_VERSION, _METHOD, _CALL_ID), 1)}, ?){{0,3}}"params": ?(?=(\{{))\{{(?:{_META}, ?)?'
    r'"name": ?"([^"\\\x00-\x1f]+)", ?"arguments": ?(?=\{)'
)
_REPLY: Final = re.compile(rf'\{{(?:{_any_of((_VERSION, _REPLY_ID), 1)}, ?){{0,2}}"result": ?(?=\{{)')


@functools.cache
def _call_end(version: bool, method: bool, identifier: bool) -> re.Pattern[str]:
    """Give the expression for what follows the arguments of a call, given which members came before."""
    given = (version, method, identifier)
    missing = tuple(text for text, known in zip((_VERSION, _METHOD, _CALL_ID), given, strict=True) if not known)
    return re.compile(rf"(?:, ?{_META})?()\}}{_rest(missing, 3)}")


@functools.cache
def _reply_end(version: bool, identifier: bool) -> re.Pattern[str]:
    """Give the expression for what follows a result, given which members came before."""
    missing = tuple(text for text, known in ((_VERSION, version), (_REPLY_ID, identifier)) if not known)
    return re.compile(_rest(missing, 1))


def _rest(missing: tuple[str, ...], first: int) -> str:
    members = rf"(?:, ?{_any_of(missing, first)}){{{len(missing)}}}" if missing else ""
    return rf"{members}\}}[ \t\r]*\Z"


class PlainCall(NamedTuple):
    """A `tools/call`: its id as text and as value, and its params, read and as the sender's text."""

    raw_id: str
    identifier: int | str
    name: str
    arguments: dict[str, Any]
    raw_arguments: str
    meta: dict[str, Any] | None
    raw_params: str


class PlainReply(NamedTuple):
    """An answer with a result that is an object."""

    identifier: int
    result: Member


def read_call(text: str) -> PlainCall | None:
    """Take the text of a message and give the call that it is, None where it is something else or has another form."""
    head = _CALL.match(text)
    if head is None or len(text) > MAX_PLAIN_CHARS:
        return None
    version, method, raw_id, _, raw_meta, name = head.groups()
    try:
        arguments, place = decode_at(text, head.end())
        end = _call_end(version is not None, method is not None, raw_id is not None).match(text, place)
        if end is None or (raw_meta is not None and end[1] is not None):
            return None
        raw_meta = raw_meta or end[1]
        meta = decode_at(raw_meta, 0)[0] if raw_meta is not None else None
    except (ValueError, StopIteration, RecursionError):
        return None
    raw_id = raw_id or end[end.re.groups]  # the last member that there is an expression for
    identifier = raw_id[1:-1] if raw_id[0] == '"' else int(raw_id)
    raw_params = text[head.start(4) : end.end(2) + 1]
    return PlainCall(raw_id, identifier, name, arguments, text[head.end() : place], meta, raw_params)


def call_of(identifier: Member, params: Member | None) -> PlainCall | None:
    """Take the id and the params of a `tools/call` in any form and give the call.

    None where it is not well-formed, or has other members than those that a call has.
    """
    if params is None or not isinstance(params.value, dict):
        return None
    try:
        given = members_of(params)
    except UnreadableMessage:
        return None
    name, arguments, meta = given.get("name"), given.get("arguments"), params.value.get("_meta")
    if given.keys() - _CALL_MEMBERS or not isinstance(meta, (dict, type(None))):
        return None
    if name is None or not isinstance(name.value, str) or not name.value:
        return None
    if arguments is not None and not isinstance(arguments.value, dict):
        return None
    value, raw = (arguments.value, arguments.raw) if arguments is not None else ({}, "{}")
    return PlainCall(identifier.raw, identifier.value, name.value, value, raw, meta, params.raw)


def read_reply(text: str) -> PlainReply | None:
    """Take the text of a message and give the answer that it is, None where it is anything else or has another form."""
    head = _REPLY.match(text)
    if head is None or len(text) > MAX_PLAIN_CHARS:
        return None
    version, raw_id = head.groups()
    try:
        value, place = decode_at(text, head.end())
    except (ValueError, StopIteration, RecursionError):
        return None
    end = _reply_end(version is not None, raw_id is not None).match(text, place)
    if end is None:
        return None
    return PlainReply(int(raw_id or end[end.re.groups]), Member(value, text[head.end() : place]))
