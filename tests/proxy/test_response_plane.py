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
MASK = "[REDACTED:x]"
CONTEXT = {"text": '\na: "1x",\na: "2x",\n'}


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
    context = '\nrows: {\nname: "a",\nssn: 1,\nname: "b",\nssn: 2,\nodd@key: "c",\n'
    assert request["rows"] == [
        {"name": "a", "ssn": "1", "value": "odd@key", "odd key": "c"},
        {"name": "b", "ssn": "2"},
        {"text": context},
    ]


@pytest.mark.parametrize(
    ("value", "context"),
    [
        pytest.param({"note": "x"}, None, id="one text"),
        pytest.param({"content": [], "structuredContent": {"note": "x"}}, None, id="one text of a result"),
        pytest.param({"a": {"b": {"note": "x"}}}, 'a: {\nb: {\nnote: "x",', id="one text, many keys"),
        pytest.param({"a": ["x", "y", 1, [2]]}, 'a: [\n"x"\n"y"\n1,\n2,', id="list"),
        pytest.param({"a": "x\ny", "b": True, "c": 1}, 'a: "x y",\nb: true,\nc: 1,', id="line end, truth value"),
        pytest.param({"a": "x", "b\nc": ["y"], "d": {}}, 'a: "x",\nb c: [\n"y"', id="keys"),
        pytest.param({"a": "\\u0031", "b": 2}, 'a: "1",\nb: 2,', id="escapes"),
    ],
)
def test_what_stands_together_is_the_last_row(value: Any, context: str | None) -> None:
    asked = Asked()
    _check(asked, value)
    (request,) = asked.requests
    shown = [row["text"] for row in request["rows"] if row.get("text", "").startswith("\n")]
    assert shown == ([f"\n{context}\n"] if context is not None else [])


def test_only_the_ends_of_a_long_text_stand_with_others() -> None:
    asked = Asked()
    _check(asked, {"a": "x" * 900 + " y " + "z" * 5_000, "b": 1})
    (request,) = asked.requests
    assert request["rows"][-1] == {"text": '\na: "' + "x" * 900 + ' y "\n"' + "z" * 1_000 + '",\nb: 1,\n'}


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


def _answer(*rows: dict[str, str], **changed: str) -> Any:
    """Give what answers with these rows, and with the last one as it was but for the words that are changed."""

    def answer(asked: Any, _message: Any) -> dict[str, Any]:
        last = asked[-1]["text"]
        for word, other in changed.items():
            last = last.replace(word, other)
        return {"redacted_data": [*rows, {"text": last}]}

    return answer


def test_equal_texts_are_asked_about_once_and_masked_everywhere() -> None:
    asked = Asked(_answer({"a": MASK, "b": "u"}))
    checked = _check(asked, {"list": [{"a": "s"}, {"a": "s"}, {"b": "u"}]})
    assert asked.requests[0]["rows"][0] == {"a": "s", "b": "u"}
    assert json.loads(checked.raw) == {"list": [{"a": MASK}, {"a": MASK}, {"b": "u"}]}
    assert checked.redactions == 2


@pytest.mark.parametrize(
    ("value", "answer", "expected", "count"),
    [
        pytest.param({"a": "q1", "b": "u"}, _answer({"a": "q1", "b": "u"}, q1=MASK),
                     {"a": MASK, "b": "u"}, 1, id="text"),
        pytest.param({"a": 71, "b": "u"}, _answer({"a": "71", "b": "u"}, **{"71": MASK}),
                     {"a": MASK, "b": "u"}, 1, id="number"),
        pytest.param({"a": "q1", "b": "u"}, _answer({"a": MASK, "b": "u"}, q1=MASK),
                     {"a": MASK, "b": "u"}, 1, id="both"),
        pytest.param({"a": "q1", "b": "u"}, _answer({"a": MASK, "b": "u"}), {"a": MASK, "b": "u"}, 1, id="only alone"),
        pytest.param({"a": "q1 q2", "b": "u"}, _answer({"a": f"{MASK} q2", "b": "u"}, q2=MASK),
                     {"a": f"{MASK} {MASK}", "b": "u"}, 2, id="each another part"),
        pytest.param({"a": "q1\nq2", "b": "u"}, _answer({"a": "q1\nq2", "b": "u"}, q2=MASK),
                     {"a": f"q1\n{MASK}", "b": "u"}, 1, id="line ends stay"),
        pytest.param({"a": "\\u00e9 q1", "b": "u"}, _answer({"a": "é q1", "b": "u"}, q1=MASK),
                     {"a": f"\\u00e9 {MASK}", "b": "u"}, 1, id="escapes stay"),
        pytest.param({"a": "q1", "b": "q1"}, _answer({"a": "q1", "b": "q1"}, **{'b: "q1"': f'b: "{MASK}"'}),
                     {"a": "q1", "b": MASK}, 1, id="one of two equal texts"),
        pytest.param([{"a": "q1"}, {"a": "q1"}], _answer({"a": "q1"}, **{'q1",\na': f'{MASK}",\na'}),
                     [{"a": MASK}, {"a": "q1"}], 1, id="one of two in one row"),
        pytest.param({"a": '{"n": 71}', "b": 1}, _answer({"a": '{"n": 71}', "b": "1"}, **{"71": MASK}),
                     {"a": f'{{"n": "{MASK}"}}', "b": 1}, 1, id="number of JSON in a text"),
        pytest.param({"a": "q1", "b": "u", "c": "v"},
                     _answer({"a": "q1", "b": "u", "c": "v"}, **{'q1",\nb: "u': MASK}),
                     {"a": "[REDACTED]", "b": "[REDACTED]", "c": "v"}, 2, id="mask over lines"),
    ],
)  # fmt: skip
def test_what_stands_together_is_masked(value: Any, answer: Any, expected: Any, count: int) -> None:
    checked = _check(Asked(answer), value)
    assert json.loads(checked.raw) == expected
    assert checked.redactions == count


@pytest.mark.parametrize(
    ("value", "answer", "reason"),
    [
        pytest.param({"a": {"b": "u", "c": 1}}, _answer({"b": "u", "c": "1"}, **{"a: {": MASK}),
                     "name of a field", id="key"),
        pytest.param({"a": "q1", "b": "u"}, _answer({"a": "q1", "b": "u"}, **{"a: ": MASK}),
                     "name of a field", id="label"),
        pytest.param({"a": "q1", "b": "u"}, _answer({"a": "q1", "b": "u"}, **{'q1",\nb: "u': "q1"}),
                     "not the text", id="lines"),
        pytest.param({"12345": "u", "b": 1}, _answer({"value": MASK, "b": "1"}), "not the rows", id="row"),
        pytest.param({"12345": "u"}, lambda rows, _: {"redacted_data": [{"value": MASK}, {"value": "u"}]},
                     "name of a field", id="masked key"),
    ],
)  # fmt: skip
def test_what_cannot_be_masked_withholds(value: Any, answer: Any, reason: str) -> None:
    with pytest.raises(Refusal, match=reason) as raised:
        _check(Asked(answer), value)
    assert (raised.value.code, raised.value.data["executed"]) == (UNAVAILABLE, True)


def test_label_that_is_masked_with_its_text_withholds_nothing_masked_alone() -> None:
    checked = _check(Asked(_answer({"a": MASK, "b": "u"}, **{'a: "q1': MASK})), {"a": "q1", "b": "u"})
    assert json.loads(checked.raw) == {"a": MASK, "b": "u"}


def test_context_in_several_pieces_overlaps_and_leaves_nothing_out() -> None:
    def answer(rows: Any, _message: Any) -> dict[str, Any]:
        return {"redacted_data": [{key: text.replace("q7", MASK) for key, text in row.items()} for row in rows]}

    value = [{"name": f"n{n}", "note": "é" * 150 + (" q7" if n % 1_000 == 0 else "")} for n in range(4_000)]
    asked = Asked(answer)
    checked = _check(asked, value)
    pieces = [row["text"].split("\n")[1:-1] for request in asked.requests for row in request["rows"] if "text" in row]
    assert len(pieces) > 1
    assert all(pieces[n][-12:] == pieces[n + 1][:12] for n in range(len(pieces) - 1))
    assert sum(map(len, pieces)) == 8_000 + 12 * (len(pieces) - 1)
    assert checked.redactions == 4
    assert len(json.loads(checked.raw)) == 4_000


def test_nothing_to_ask() -> None:
    asked = Asked()
    assert _check(asked, {"content": [], "flag": True, "none": None}).redactions == 0
    assert asked.requests == []


def test_many_texts_take_few_requests() -> None:
    asked = Asked()
    _check(asked, {"rows": [{"name": f"n{n}", "note": "x" * 100} for n in range(4_000)]})
    assert len(asked.requests) <= 3
    rows = [row for request in asked.requests for row in request["rows"]]
    assert sum(len(row) for row in rows if "text" not in row) == 4_001
    assert all(len(json.dumps(request["rows"])) < 900_000 for request in asked.requests)


@pytest.mark.parametrize(
    "redacted",
    [
        pytest.param([{"a": "x"}, {"a": "y"}], id="fewer rows"),
        pytest.param([{"a": "x"}, {}, CONTEXT], id="missing member"),
        pytest.param([{"a": "x"}, {"a": 5}, CONTEXT], id="another kind"),
        pytest.param([{"a": "x"}, "y", CONTEXT], id="not a row"),
        pytest.param([{"a": "x"}, {"a": "y"}, {}], id="no context"),
        pytest.param([{"a": "x"}, {"a": "y"}, {"text": '\na: "x"'}], id="fewer lines"),
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
