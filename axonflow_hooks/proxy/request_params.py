"""The params of a client's request: what of them is the protocol's own, and what a backend gets as decided on.

Decided on is everything but the names that the request is routed by and the members of `_meta` that are the protocol's
and have the form of an identifier of its own: neither a person's data nor a command has that form. What else stands in
`_meta` is decided on apart: clients put ids there that are new with each call, and a person approves the call alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.exact_json import Member, members_of, read_object, write_object
from axonflow_hooks.proxy.refusals import INVALID_PARAMS, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

META: Final = "_meta"
MAX_PLAIN_TOKEN: Final = 10**8
"""A number below counts requests; a larger one could be somebody's number."""

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_OWN_TEXTS: Final = {
    "progressToken": re.compile(r"[A-Za-z0-9_-]{1,8}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    "traceparent": _TRACEPARENT,
    "claudecode/toolUseId": re.compile(r"toolu_[A-Za-z0-9]{1,32}"),
}
"""The members of `_meta` that clients send along with most calls, and what they look like."""


def object_of(params: Member | None) -> dict[str, Member]:
    """Give the members of a request's params. Raises Refusal where they, or their `_meta`, are no object."""
    if params is None or not isinstance(params.value, dict):
        raise invalid("params must be an object")
    if not isinstance(params.value.get(META), (dict, type(None))):
        raise invalid("_meta must be an object")
    return members_of(params)


def invalid(what: str) -> Refusal:
    """Give the refusal of params that are not as the specification wants them."""
    return Refusal(INVALID_PARAMS, f"Invalid params: {what}", verdict="error")


def meta_of(given: Mapping[str, Member]) -> dict[str, Any]:
    """Give the `_meta` of a request, {} for none."""
    meta = given.get(META)
    return meta.value if meta is not None and isinstance(meta.value, dict) else {}


def is_own_meta(meta: Mapping[str, Any]) -> bool:
    """Tell whether all members of a `_meta` are the protocol's own."""
    return all(_is_own(key, value) for key, value in meta.items())


def _is_own(key: str, value: Any) -> bool:
    if type(value) is int:
        return key == "progressToken" and 0 <= value < MAX_PLAIN_TOKEN
    form = _OWN_TEXTS.get(key)
    return form is not None and (value is None or (isinstance(value, str) and form.fullmatch(value) is not None))


def decided_on(given: Mapping[str, Member], *, but: str = "") -> dict[str, Member]:
    """Give the members of params that are decided on, without the one named `but`."""
    found = {name: member for name, member in given.items() if name not in {META, but}}
    meta = meta_of(given)
    if not is_own_meta(meta):
        members = members_of(given[META])
        found[META] = joined({key: member for key, member in members.items() if not _is_own(key, member.value)})
    return found


def without_meta(whole: Member) -> tuple[Member, Member | None]:
    """Take what is decided on, give it without its `_meta`, and that."""
    if META not in whole.value:
        return whole, None
    members = members_of(whole)
    meta = members.pop(META)
    return joined(members), meta


def joined(members: Mapping[str, Member]) -> Member:
    """Give members as one object."""
    return Member(
        {name: member.value for name, member in members.items()},
        write_object({name: member.raw for name, member in members.items()}),
    )


def put_back(given: Mapping[str, Member], decided: Mapping[str, str]) -> str:
    """Give the text of params of which some members have another text now; of `_meta` that is the part decided on."""
    texts = {name: member.raw for name, member in given.items()}
    texts.update(decided)
    if META in decided:
        own = {key: member.raw for key, member in members_of(given[META]).items()}
        own |= {key: member.raw for key, member in read_object(decided[META]).items()}
        texts[META] = write_object(own)
    return write_object(texts)


def progress_token(meta: Mapping[str, Any]) -> str | int | None:
    """Give the progress token in the `_meta` of a request, None where it asks for no progress."""
    token = meta.get("progressToken")
    return token if isinstance(token, str) or type(token) is int else None


def trace_id_in(meta: Mapping[str, Any]) -> str:
    """Give the trace that the `_meta` of a request names (W3C Trace Context, level 1), "" for none."""
    value = meta.get("traceparent")
    match = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    return match.group(1) if match else ""
