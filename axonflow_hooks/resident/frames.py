"""The frames between relay and resident; relay.py, which may import nothing, holds the other end.

Request    "AXF1", then the length of the rest, then five fields: event word, call id (32 hex digits), milliseconds to
           the deadline (decimal), environment (NAME=value, separated by NUL), the hook's standard input
Answer     any number of "." (signs of life), then "A", the two lengths, standard output, standard error
Refusal    "R": this call is to be handled elsewhere

Every length is 4 bytes, big-endian. A connection carries one call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

MAGIC: Final = b"AXF1"
ALIVE: Final = b"."
REFUSED: Final = b"R"
FIELDS: Final = 5
MAX_FRAME_BYTES: Final = 2_600_000
MAX_DEADLINE_S: Final = 13.0


class BadFrameError(Exception):
    """What came is not a request of this protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """One hook call. `environ` is the host's environment as far as it matters; it may hold credentials."""

    event_word: str
    call_id: str
    deadline_s: float
    environ: dict[str, str] = field(repr=False)
    payload: bytes = field(repr=False)


async def read_length(reader: asyncio.StreamReader) -> int:
    """Give the length of the request that begins. Raises BadFrameError, and EOFError where nothing comes."""
    head = await reader.readexactly(8)
    length = int.from_bytes(head[4:], "big")
    if head[:4] != MAGIC or length > MAX_FRAME_BYTES:
        raise BadFrameError
    return length


def parse_request(body: bytes) -> Request:
    """Take a request without its head. Raises BadFrameError."""
    fields = []
    at = 0
    while at < len(body):
        end = at + 4 + int.from_bytes(body[at : at + 4], "big")
        fields.append(body[at + 4 : end])
        at = end
    if at != len(body) or len(fields) != FIELDS:
        raise BadFrameError
    event, call_id, deadline, environ, payload = fields
    try:
        milliseconds = int(deadline)
        names = [item.split("=", 1) for item in environ.decode("utf-8", "surrogateescape").split("\0") if "=" in item]
        return Request(
            event_word=event.decode("ascii"),
            call_id=call_id.decode("ascii"),
            deadline_s=min(max(milliseconds / 1000, 0.0), MAX_DEADLINE_S),
            environ=dict(names),
            payload=payload,
        )
    except ValueError:
        raise BadFrameError from None


def encode_answer(stdout: bytes, stderr: bytes) -> bytes:
    """Give the frame of an answer."""
    return b"A" + len(stdout).to_bytes(4, "big") + len(stderr).to_bytes(4, "big") + stdout + stderr
