"""Small parts: lines, events, names, leaves, breaker, approvals, statements."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.errors import AgentUnavailable, RateLimited
from axonflow_hooks.proxy.approvals import Approvals
from axonflow_hooks.proxy.breaker import FAILURES_TO_OPEN, FIRST_PAUSE_S, Breaker
from axonflow_hooks.proxy.json_lines import line_of
from axonflow_hooks.proxy.leaves import is_plain_key, leaves_of
from axonflow_hooks.proxy.lines import LineBuffer, LineTooLong
from axonflow_hooks.proxy.naming import MAX_NAME_CHARS, exposed_name
from axonflow_hooks.proxy.sse import Event, EventReader
from axonflow_hooks.proxy.statement import MAX_PIECES, PIECE_CHARS, StatementTooLong, pieces_of, query_text
from axonflow_hooks.proxy.verdicts import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a", b"b\nc", b"\n"], [b"ab", b"c"]),
        ([b"\n\r\n a\n"], [b" a"]),
        ([b"", b"x"], []),
    ],
)
def test_lines(parts: Sequence[bytes], lines: list[bytes]) -> None:
    buffer = LineBuffer()
    assert [line for part in parts for line in buffer.feed(part)] == lines


def test_line_that_is_too_long() -> None:
    buffer = LineBuffer(limit=10)
    with pytest.raises(LineTooLong):
        buffer.feed(b"x" * 11)
    assert buffer.feed(b"ok\n") == [b"ok"]


@pytest.mark.parametrize(
    ("parts", "lines", "skipped"),
    [
        pytest.param([b"x" * 11, b"yz\nok\n"], [b"ok"], 1, id="end in the next part"),
        pytest.param([b"a\n" + b"x" * 11, b"y\nb", b"\n"], [b"a", b"b"], 1, id="between lines"),
        pytest.param([b"x" * 8, b"y" * 8, b"z" * 20, b"\n", b"b\n"], [b"b"], 1, id="many parts"),
        pytest.param([b"x" * 11, b"\n" + b"y" * 11, b"\nb\n"], [b"b"], 2, id="two"),
        pytest.param([b"x" * 11, b"y\n\n\n"], [], 1, id="blank lines after it"),
        pytest.param([b"x" * 10, b"\n"], [b"x" * 10], 0, id="as long as may be"),
        pytest.param([b"x" * 10, b"y\nb\n"], [b"b"], 1, id="too long by what comes with its end"),
    ],
)
def test_lines_that_are_too_long_are_skipped(parts: Sequence[bytes], lines: list[bytes], skipped: int) -> None:
    told: list[int] = []
    buffer = LineBuffer(limit=10, too_long=told.append)
    assert [line for part in parts for line in buffer.feed(part)] == lines
    assert told == [10] * skipped


@pytest.mark.parametrize(
    ("chunks", "events"),
    [
        pytest.param([b"data: a\n\n"], [Event("a")], id="plain"),
        pytest.param([b"data:a\r\ndata: b\r\n\r\n"], [Event("a\nb")], id="two lines"),
        pytest.param([b": c\nid: 7\nretry: 1500\ndata: a\n\n"], [Event("a", "7", 1.5)], id="all fields"),
        pytest.param([b"da", b"ta: \xc3", b"\xa9\n", b"\n"], [Event("\u00e9")], id="cut anywhere"),
        pytest.param([b"data: a\r", b"\n\r", b"\ndata: b\r\r"], [Event("a"), Event("b")], id="cut line ends"),
        pytest.param([b"id: 1\n\n", b"event: x\n\n"], [Event("", "1")], id="id alone"),
        pytest.param([b"data: unfinished\n"], [], id="unfinished"),
    ],
)
def test_events(chunks: Sequence[bytes], events: list[Event]) -> None:
    reader = EventReader()
    assert [event for chunk in chunks for event in reader.feed(chunk)] == events


@pytest.mark.parametrize(
    ("backend", "name", "several", "expected"),
    [
        ("one", "echo", False, "echo"),
        ("one", "x" * 100, False, "x" * 100),
        ("one", "echo", True, "one__echo"),
        ("one", "a__b", True, "one__a__b"),
    ],
)
def test_names(backend: str, name: str, several: bool, expected: str) -> None:
    assert exposed_name(backend, name, several=several) == expected


def test_long_names_stay_different() -> None:
    first, second = (exposed_name("one", "x" * 80 + end, several=True) for end in "ab")
    assert len(first) == len(second) == MAX_NAME_CHARS
    assert first != second
    assert first == exposed_name("one", "x" * 80 + "a", several=True)


@pytest.mark.parametrize(
    ("value", "leaves"),
    [
        (
            {"a": "x", "b": [1, 2.5, True, None]},
            [("", "a", "key"), ("a", "x", "text"), ("", "b", "key"), ("b", "1", "number"), ("b", "2.5", "number")],
        ),
        ({"type": "text", "text": "t"}, [("", "type", "key"), ("", "text", "key"), ("text", "t", "text")]),
        ({"type": "image", "data": "QQ=="}, [("", "type", "key"), ("", "data", "key"), ("data", "QQ==", "binary")]),
        (
            {"uri": "u", "blob": "QQ=="},
            [("", "uri", "key"), ("uri", "u", "text"), ("", "blob", "key"), ("blob", "QQ==", "binary")],
        ),
        ({"type": "123-45-6789"}, [("", "type", "key"), ("type", "123-45-6789", "text")]),
        ("bare", [("", "bare", "text")]),
    ],
)
def test_leaves(value: Any, leaves: list[tuple[str, str, str]]) -> None:
    assert [(leaf.label, leaf.text, leaf.kind) for leaf in leaves_of(value)] == leaves


@pytest.mark.parametrize(
    ("key", "plain"),
    [("structuredContent", True), ("line_1", True), ("ann@example.com", False), ("123-45-6789", False), ("a b", False)],
)
def test_plain_keys(key: str, plain: bool) -> None:
    assert is_plain_key(leaves_of({key: 1})[0]) is plain


def test_query_is_decoded_and_whole() -> None:
    leaves = leaves_of({"sql": 'SELECT "a"\nFROM <b>', "deep": {"odd key": [1]}, "flag": True})
    assert query_text("run", leaves) == 'tool_call: run\nflag\nsql: SELECT "a"\nFROM <b>\ndeep.odd key: 1'


def test_long_queries_overlap() -> None:
    text = "".join(chr(0x4E00 + n % 20_000) for n in range(3 * PIECE_CHARS))
    pieces = pieces_of(text)
    assert pieces[0] == text[:PIECE_CHARS]
    assert pieces[-1].endswith(text[-10:])
    for first, second in pairwise(pieces):
        assert first[-1000:] in second
    with pytest.raises(StatementTooLong):
        pieces_of("x" * (PIECE_CHARS * MAX_PIECES))


def test_breaker_opens_probes_and_closes() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    for _ in range(FAILURES_TO_OPEN):
        breaker.enter()
        breaker.failed()
    with pytest.raises(AgentUnavailable):
        breaker.enter()
    now += FIRST_PAUSE_S + 0.01
    breaker.enter()
    with pytest.raises(AgentUnavailable):
        breaker.enter()  # one call at a time may try
    breaker.abandoned()
    breaker.enter()
    breaker.failed()
    now += FIRST_PAUSE_S + 0.01
    with pytest.raises(AgentUnavailable):
        breaker.enter()  # the pause has grown
    now += FIRST_PAUSE_S
    breaker.enter()
    breaker.succeeded()
    breaker.enter()


def test_breaker_keeps_to_retry_after() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    breaker.limited(20.0)
    with pytest.raises(RateLimited) as raised:
        breaker.enter()
    assert raised.value.retry_after == 20.0
    now = 20.5
    breaker.enter()


def test_approvals_are_kept_for_a_day_and_forgotten_when_over() -> None:
    now = 0.0
    approvals = Approvals(lambda: now)
    key = ("one", "tool", "hash", 0)
    approvals.hold(key, Decision("needs_approval", approval_id="a1"))
    assert approvals.id_for(key) == "a1"
    assert approvals.id_for(("one", "tool", "other", 0)) == ""
    assert approvals.id_for(("one", "tool", "hash", 1)) == ""
    approvals.hold(key, Decision("needs_approval", reasons=("approval_rejected",)))
    assert approvals.id_for(key) == ""
    approvals.hold(key, Decision("needs_approval", approval_id="a2"))
    now = 24 * 3600.0 + 1
    assert approvals.id_for(key) == ""
    for number in range(1_200):
        approvals.hold(("one", "tool", str(number), 0), Decision("needs_approval", approval_id="x"))
    assert approvals.id_for(("one", "tool", "0", 0)) == ""
    assert approvals.id_for(("one", "tool", "1199", 0)) == "x"


@pytest.mark.parametrize(
    ("path", "line"), [((), 1), ((0,), 2), ((0, "b"), 3), ((1, "b", 1), 6), ((1, "missing"), 4), ((9,), 1)]
)
def test_lines_of_values(path: tuple[Any, ...], line: int) -> None:
    text = '[\n{"a":1,\n"b":2},\n{"a":"]",\n"b":[1,\n2]}]'
    assert line_of(text, path) == line
