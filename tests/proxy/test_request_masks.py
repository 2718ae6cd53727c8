"""Arguments of which only several together show what must be masked: masked where it stands, as in a result."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from axonflow_hooks.errors import MalformedVerdict
from axonflow_hooks.proxy.leaves import leaves_of
from axonflow_hooks.proxy.refusals import MaskedName, Refusal
from axonflow_hooks.proxy.request_masks import alike, masked_query, more_masked
from axonflow_hooks.proxy.request_plane import MAX_CHECKS
from axonflow_hooks.proxy.verdicts import CheckInputReply
from tests.proxy.engine_agent import EngineAgent, admitted

NUMBER = "53690" + "4399"
OTHER = "53690" + "4398"
DASHED = "536-90-" + "4399"
PHONE = "+1 415 555 " + "2671"
PASSPORT = "C01X" + "00T47"
SSN = "[REDACTED:ssn#1]"
ALIKE = "[REDACTED:ssn]"

TOGETHER = {
    "SQL with its parameters": (
        {"sql": "INSERT INTO people (name, ssn) VALUES ($1, $2)", "params": ["Ann", NUMBER]},
        {"sql": "INSERT INTO people (name, ssn) VALUES ($1, $2)", "params": ["Ann", SSN]},
    ),
    "SQL with the parameters of many rows": (
        {"sql": "INSERT INTO people (name, ssn) VALUES ($1, $2)", "params": ["Ann", int(NUMBER)] * 20, "n": 536904398},
        {
            "sql": "INSERT INTO people (name, ssn) VALUES ($1, $2)",
            "params": ["Ann", SSN, *["Ann", ALIKE] * 19],
            "n": 536904398,
        },
    ),
    "filter": (
        {"filters": [{"column": "ssn", "op": "eq", "value": NUMBER}]},
        {"filters": [{"column": "ssn", "op": "eq", "value": SSN}]},
    ),
    "key above": ({"ssn": {"value": NUMBER}}, {"ssn": {"value": SSN}}),
    "key above of a number": ({"ssn": {"number": int(NUMBER)}, "n": 1}, {"ssn": {"number": SSN}, "n": 1}),
    "value first": ({"value": NUMBER, "field": "ssn"}, {"value": SSN, "field": "ssn"}),
    "number near a number": (
        {"phone": PHONE, "order": "4155552672"},
        {"phone": "[REDACTED:phone#1]", "order": "[REDACTED:phone#2]"},
    ),
    "word and number of another": (
        {"passport": PASSPORT, "flight": "LH1234567"},
        {"passport": "[REDACTED:passport#1]", "flight": "[REDACTED:passport#2]"},
    ),
    "masked text and another": (
        {"ssn": DASHED, "note": f"ticket\n{OTHER}\nis open"},
        {"ssn": SSN, "note": "ticket\n[REDACTED:ssn#2]\nis open"},
    ),
    "behind a mask of the same text": (
        {"note": f"{DASHED}, and", "value": NUMBER, "last": 5},
        {"note": "[REDACTED:ssn#1], and", "value": NUMBER, "last": 5},
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), TOGETHER.values(), ids=TOGETHER)
def test_what_shows_only_together_is_masked(arguments: Any, expected: Any) -> None:
    agent = EngineAgent()
    passed = admitted(arguments, agent)
    assert json.loads(passed.raw) == expected
    assert passed.redactions == passed.raw.count("[REDACTED")
    last = agent.statements[-1]
    assert last.startswith("tool_call: tool\n")
    assert asyncio.run(agent.check_input(last)).redacted_statement == last


def test_what_shows_alone_is_asked_about_together_once() -> None:
    agent = EngineAgent()
    assert admitted({"ssn": DASHED, "page": 5}, agent).redactions == 1
    assert agent.statements == [f"ssn: {DASHED}", "page: 5", "tool_call: tool\nssn: [REDACTED]\npage: 5"]


def test_an_agent_that_never_has_enough_is_asked_a_few_times() -> None:
    class Greedy(EngineAgent):
        async def check_input(self, statement: str) -> CheckInputReply:
            reply = await super().check_input(statement)
            head, colon, value = (reply.redacted_statement or "").rpartition(": ")
            return reply.model_copy(update={"redacted_statement": f"{head}{colon}[REDACTED]{value}", "redacted": True})

    agent = Greedy()
    with pytest.raises(Refusal, match="together they still hold") as refused:
        admitted({"a": "b"}, agent)
    assert refused.value.data["retryable"] is False
    assert len(agent.statements) == 1 + MAX_CHECKS


def test_arguments_of_many_pieces_are_masked_alone_or_refused() -> None:
    filler = {f"text{number}": "lorem ipsum " * 20_000 for number in range(5)}
    assert admitted({"ssn": DASHED, **filler}).redactions == 1
    with pytest.raises(Refusal, match="together they still hold"):
        admitted({"field": "ssn", "value": NUMBER, **filler})


@pytest.mark.parametrize(
    ("value", "masked", "expected"),
    [
        pytest.param({"a": "x 1 y"}, "a: x [M] y", {"a": "x [REDACTED] y"}, id="inside"),
        pytest.param({"a": "x", "b": [1, "y"]}, "a: x\nb: [M]\nb: y", {"b": "[REDACTED]"}, id="number"),
        pytest.param({"a": "x\n\nv: 1\nz"}, "a: x\n\nv: [M]\nz", {"a": "x\n\nv: [REDACTED]\nz"}, id="line of a text"),
        pytest.param({"a": "[REDACTED:ssn#12] and 1"}, "a: [REDACTED] and [M]",
                     {"a": "[REDACTED:ssn#12] and [REDACTED]"}, id="behind a placeholder"),
        pytest.param({"a": "1 [REDACTED:ssn#1] 2 [REDACTED:card#22] 3"}, "a: [M] [REDACTED] [M] [REDACTED] [M]",
                     {"a": "[REDACTED] [REDACTED:ssn#1] [REDACTED] [REDACTED:card#22] [REDACTED]"}, id="between"),
        pytest.param({"a": "is [REDACTED:ssn#1]23 now"}, "a: is [M] now", {"a": "is [REDACTED] now"}, id="over one"),
        pytest.param({"a": {"b": 1}, "k": True}, "k\na.b: [M]", {"b": "[REDACTED]"}, id="bare keys and a path"),
    ],
)  # fmt: skip
def test_masks_of_a_query_are_put_into_its_arguments(value: Any, masked: str, expected: dict[str, str]) -> None:
    leaves = leaves_of(value)
    names = {leaf.ordinal: leaf.label for leaf in leaves}
    answer = f"tool_call: t\n{masked}".replace("[M]", "[REDACTED]")
    found = more_masked(masked_query("t", leaves), answer, leaves)
    assert {names[ordinal]: text for ordinal, text in found.items()} == expected


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param("tool_call: [REDACTED]\nk\na: 1", MaskedName, id="name of the tool"),
        pytest.param("tool_call: t\n[REDACTED]\na: 1", MaskedName, id="bare key"),
        pytest.param("tool_call: t\nk\n[REDACTED]: 1", MaskedName, id="label"),
        pytest.param("something else", MalformedVerdict, id="another text"),
        pytest.param("tool_call: t\nk\na: 1\nb: [REDACTED]", MalformedVerdict, id="one line more"),
    ],
)
def test_masks_that_are_no_value_are_refused(answer: str, error: type[Exception]) -> None:
    leaves = leaves_of({"k": True, "a": 1})
    with pytest.raises(error):
        more_masked(masked_query("t", leaves), answer, leaves)


@pytest.mark.parametrize(
    ("value", "masked", "expected"),
    [
        pytest.param([NUMBER, "Ann", OTHER, 536904397], {0: SSN}, [2, 3], id="the same form"),
        pytest.param([NUMBER, "5369043", "536-904-398"], {0: SSN}, [], id="other forms"),
        pytest.param(["C01X00T47", "D02Y11Z58", "CC1X00T47"], {0: SSN}, [1], id="letters and digits"),
        pytest.param(["Ann", "Bob"], {0: SSN}, [], id="words"),
        pytest.param([f"is {NUMBER}", f"is {OTHER}"], {0: f"is {SSN}"}, [], id="masked in part"),
        pytest.param({"a": [NUMBER], "b": [OTHER], "c": OTHER}, {1: SSN}, [], id="other lists"),
        pytest.param([["x", NUMBER], ["y", OTHER]], {1: SSN}, [3], id="rows"),
        pytest.param([NUMBER, OTHER], {0: SSN, 1: SSN}, [], id="all masked"),
    ],
)
def test_items_like_one_that_is_masked(value: Any, masked: dict[int, str], expected: list[int]) -> None:
    assert alike(leaves_of(value), masked) == dict.fromkeys(expected, ALIKE)
