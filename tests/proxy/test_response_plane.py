"""How a result is asked about: one request, rows as records have them, and answers that are taken or refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.refusals import DENIED, UNAVAILABLE, Refusal
from axonflow_hooks.proxy.response_plane import Checked, ResponsePlane
from axonflow_hooks.proxy.verdicts import OutputReply

TARGET = Target("one", "tool")


class Asked:
    """Stands for the agent's side of the plane: keeps what it was asked, answers as told."""

    def __init__(self, answer: Any = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self._answer: Any = answer or (lambda rows, message: {})

    def begin_check_output(self, target: Target, rows: Any, message: Any, row_count: Any) -> Any:
        """Take a question whose answer is waited for later."""
        assert target == TARGET
        self.requests.append({"rows": rows, "message": message, "row_count": row_count})
        return self

    async def check_output(
        self, target: Target, *, rows: Any = None, message: Any = None, row_count: Any = None, begun: Any = None
    ) -> Any:
        """Take a question."""
        assert (target, begun) == (TARGET, None)
        self.requests.append({"rows": rows, "message": message, "row_count": row_count})
        answer = self._answer(rows, message)
        if isinstance(answer, Exception):
            raise answer
        return OutputReply.model_validate({"allowed": True, "redaction_evaluated": True, "decision_id": "d", **answer})


def _check(asked: Asked, value: Any, **options: Any) -> Checked:
    plane = ResponsePlane(asked)  # type: ignore[arg-type]
    return asyncio.run(plane.check(TARGET, value, json.dumps(value), **options))


def test_single_text_is_a_message() -> None:
    asked = Asked()
    checked = _check(asked, {"content": [{"type": "text", "text": "hello"}]}, row_count=1)
    assert asked.requests == [{"rows": None, "message": "hello", "row_count": 1}]
    assert (checked.redactions, checked.decision_id) == (0, "d")


def test_records_become_rows_in_one_request() -> None:
    asked = Asked()
    _check(asked, {"rows": [{"name": "a", "ssn": 1}, {"name": "b", "ssn": 2}], "odd@key": "c"})
    (request,) = asked.requests
    assert request["rows"] == [{"name": "a", "ssn": "1", "value": "odd@key"}, {"name": "b", "ssn": "2", "value": "c"}]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"content": [{"type": "text", "text": "hello"}]}, id="one text"),
        pytest.param({"content": [{"type": "text", "text": '["\\u0031"]'}], "isError": True}, id="escapes"),
        pytest.param({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, id="two texts"),
        pytest.param({"content": [], "structuredContent": {"rows": [{"ssn": 1, "odd@key": "c"}]}}, id="rows"),
        pytest.param({"a": ["x" * 50] * 300}, id="many alike"),
    ],
)
def test_question_that_is_begun_is_the_same(value: Any) -> None:
    asked = Asked()
    begun: object = ResponsePlane(asked).begin(TARGET, value, json.dumps(value), row_count=1)  # type: ignore[arg-type]
    assert begun is asked
    _check(asked, value, row_count=1)
    assert len(asked.requests) == 2
    assert asked.requests[0] == asked.requests[1]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"content": []}, id="nothing to ask"),
        pytest.param({"content": [{"type": "image", "data": "gIGC", "mimeType": "image/png"}]}, id="unseen"),
        pytest.param({"content": [{"type": "text", "text": "x" * 30_000}]}, id="long"),
    ],
)
def test_question_that_is_not_begun(value: Any) -> None:
    asked = Asked()
    assert ResponsePlane(asked).begin(TARGET, value, json.dumps(value)) is None  # type: ignore[arg-type]
    assert asked.requests == []


def test_equal_texts_are_asked_about_once_and_masked_everywhere() -> None:
    asked = Asked(lambda rows, message: {"redacted_data": [{"a": "[REDACTED:x]", "b": "u"}]})
    checked = _check(asked, {"list": [{"a": "s"}, {"a": "s"}, {"b": "u"}]})
    assert asked.requests[0]["rows"] == [{"a": "s", "b": "u"}]
    assert json.loads(checked.raw) == {"list": [{"a": "[REDACTED:x]"}, {"a": "[REDACTED:x]"}, {"b": "u"}]}
    assert checked.redactions == 2


def test_nothing_to_ask() -> None:
    asked = Asked()
    assert _check(asked, {"content": [], "flag": True, "none": None}).redactions == 0
    assert asked.requests == []


def test_many_texts_take_few_requests() -> None:
    asked = Asked()
    _check(asked, {"rows": [{"name": f"n{n}", "text": "x" * 100} for n in range(4_000)]})
    assert len(asked.requests) <= 2
    assert sum(len(row) for request in asked.requests for row in request["rows"]) == 4_001


@pytest.mark.parametrize(
    "redacted",
    [
        pytest.param([{"a": "x"}], id="fewer rows"),
        pytest.param([{"a": "x"}, {}], id="missing member"),
        pytest.param([{"a": "x"}, {"a": 5}], id="another kind"),
        pytest.param([{"a": "x"}, "y"], id="not a row"),
        pytest.param("masked", id="not rows"),
    ],
)
def test_answers_of_another_shape_withhold(redacted: Any) -> None:
    asked = Asked(lambda rows, message: {"redacted_data": redacted})
    with pytest.raises(Refusal) as raised:
        _check(asked, [{"a": "1x"}, {"a": "2x"}])
    assert raised.value.code == UNAVAILABLE
    assert raised.value.data["executed"] is True


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param({"allowed": False, "block_reason": "no"}, DENIED, id="blocked"),
        pytest.param(AgentUnavailable("gone"), UNAVAILABLE, id="unavailable"),
    ],
)
def test_refusals(answer: Any, code: int) -> None:
    with pytest.raises(Refusal) as raised:
        _check(Asked(lambda rows, message: answer), {"a": "x", "b": "y"})
    assert raised.value.code == code


def test_too_many_texts_withhold() -> None:
    with pytest.raises(Refusal, match="too many texts"):
        _check(Asked(), list(range(200_001)))


def test_masked_json_stays_json() -> None:
    text = json.dumps({"card": 4111111111111111})
    asked = Asked(lambda rows, message: {"redacted_data": message.replace("4111111111111111", "[REDACTED:card]")})
    checked = _check(asked, {"content": [{"type": "text", "text": text}]})
    inner = json.loads(checked.raw)["content"][0]["text"]
    assert json.loads(inner) == {"card": "[REDACTED:card]"}
