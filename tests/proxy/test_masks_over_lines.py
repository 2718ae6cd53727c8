"""Masks that reach over several texts, and labels that an agent masks: the rest of the result is still shown."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from axonflow_hooks.errors import MalformedVerdict
from axonflow_hooks.proxy.context_text import context_lines, context_row, note_masks
from axonflow_hooks.proxy.leaves import leaves_of
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.refusals import MaskedName, Refusal
from axonflow_hooks.proxy.response_plane import ResponsePlane
from axonflow_hooks.proxy.verdicts import OutputReply
from tests.proxy.engine_agent import checked

BEGIN = "-----BEGIN RSA " + "PRIVATE KEY-----"
END = "-----END RSA " + "PRIVATE KEY-----"
KEY = ["MIIEowIBAAKCAQEAxyz123abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"] * 5
PEM = [BEGIN, *KEY, END]

KEYS = {
    "a file as lines": {"path": "k.pem", "lines": PEM},
    "between lines": {"lines": ["first", *PEM, "last"]},
    "two": {"lines": ["first", *PEM, "between", *PEM, "last"]},
    "two in objects": {"hosts": [{"name": "a", "key": PEM, "port": 1}, {"name": "b", "key": PEM, "port": 2}]},
    "in the next value": {"name": "deploy", "ssn": BEGIN, "data": KEY[0], "kind": "last"},
    "in objects below": {"card": [BEGIN], "nik (x)": {"data": KEY[0]}, "n": 5, "end": END},
}


def _left(value: Any) -> list[str]:
    return [leaf.text for leaf in leaves_of(value) if leaf.kind in ("text", "number")]


@pytest.mark.parametrize("value", KEYS.values(), ids=KEYS)
def test_a_key_in_several_texts_is_masked_and_all_else_is_shown(value: Any) -> None:
    result = checked({"content": [], "structuredContent": value})
    shown = json.loads(result.raw)["structuredContent"]
    assert KEY[0] not in result.raw
    pairs = list(zip(_left(value), _left(shown), strict=True))
    assert [after for before, after in pairs if before not in {*PEM, "5"}] == [
        before for before, _ in pairs if before not in {*PEM, "5"}
    ]
    assert result.redactions == sum(before != after for before, after in pairs)


M = "[REDACTED]"


@pytest.mark.parametrize(
    ("value", "lines", "masked"),
    [
        pytest.param(["a", "b", "c", "d"], [f'"{M}"', '"d"'], "abc", id="first ones"),
        pytest.param(["a", "b", "c", "d"], ['"a"', f'"{M}"'], "bcd", id="last ones"),
        pytest.param(["a", "b", "c", "d"], ['"a"', f'"{M}"', '"d"'], "bc", id="between"),
        pytest.param(["a", "b", "c", "d"], [f'"{M}"', f'"{M}"'], "abcd", id="one, and more"),
        pytest.param(["a", "a", "a", "d"], [f'"{M}"', '"a"', '"d"'], "aa", id="equal ones"),
        pytest.param(["a", "b", "a", "d", "e"], [f'"{M}"', f'"{M}"', '"e"'], "abad", id="two that meet"),
        pytest.param(["x", "a", "b", "a", "c", "b", "e"], ['"x"', f'"{M}"', '"b"', '"e"'], "abac", id="not to be told"),
        pytest.param({"k": "a", "m": {"n": "b"}, "o": "c"}, [f'k: "{M}",', 'o: "c",'], "ab", id="names between"),
    ],
)  # fmt: skip
def test_lines_under_a_mask_are_masked_whole(value: Any, lines: list[str], masked: str) -> None:
    leaves = leaves_of(value)
    found: dict[int, Any] = {}
    note_masks(context_lines(leaves), "\n" + "".join(f"{line}\n" for line in lines), found, set())
    assert "".join(leaf.text for leaf in leaves if leaf.ordinal in found) == masked


@pytest.mark.parametrize(
    ("value", "lines", "error"),
    [
        pytest.param(["a", "b", "c"], ['"a"', '"c"'], MalformedVerdict, id="left out"),
        pytest.param(["a", "b", "c"], ['"a"', '"b"', '"c"', f'"{M}"'], MalformedVerdict, id="more lines"),
        pytest.param(["a", "b", "c"], [], MalformedVerdict, id="none"),
        pytest.param(["a", "b", "c"], [f'"{M}"', '"x"'], MalformedVerdict, id="another line"),
        pytest.param(["a", "b", "c"], ['"a"', f'"{M}"', '"c"', '"c"'], MalformedVerdict, id="a line twice"),
        pytest.param({"k": "a", "12345": {"n": "b"}, "o": "c"}, [f'k: "{M}",', 'o: "c",'], MaskedName, id="a name"),
    ],
)
def test_answers_that_are_not_the_lines_are_refused(value: Any, lines: list[str], error: type[Exception]) -> None:
    piece = context_lines(leaves_of(value))
    assert context_row(piece)["text"].count("\n") == len(piece) + 1
    with pytest.raises(error):
        note_masks(piece, "\n" + "".join(f"{line}\n" for line in lines), {}, set())


class LabelMasker:
    """An agent that masks some labels, and the text `q` where it stands under `value`."""

    def __init__(self, *labels: str) -> None:
        self.asked: list[tuple[Any, Any]] = []
        self._labels = labels

    async def check_output(self, _target: Target, *, rows: Any = None, begun: Any = None, **_more: Any) -> OutputReply:
        """Take a question."""
        self.asked.append((rows, begun))
        masked = [
            {M if name in self._labels else name: M if (name, text) == ("value", "q") else text}
            | {other: shown for other, shown in row.items() if other not in {name, *self._labels}}
            for row in rows
            for name, text in [next(iter(row.items()))]
        ]
        return OutputReply.model_validate(
            {"allowed": True, "redaction_evaluated": True, "decision_id": "d", "redacted_data": masked}
        )


def _check(agent: LabelMasker, value: Any, begun: Any = None) -> Any:
    plane = ResponsePlane(agent)  # type: ignore[arg-type]
    return json.loads(asyncio.run(plane.check(Target("one", "tool"), value, json.dumps(value), begun=begun)).raw)


def test_a_text_under_a_masked_label_is_asked_about_without_it() -> None:
    agent, begun = LabelMasker("b"), object()
    assert _check(agent, {"b": "q", "c": "y", "d": ["q"]}, begun) == {"b": M, "c": "y", "d": ["q"]}
    (_, first), (rows, second) = agent.asked
    assert (first, rows, second) == (begun, [{"value": "q"}], None)


def test_a_text_that_is_left_out_again_is_withheld() -> None:
    with pytest.raises(Refusal, match="are not the rows"):
        _check(LabelMasker("b", "value"), {"b": "q", "c": "y"})


CELLS = {
    "pairs": {"values": [["DB", "password=hunter2" + "hunter2"], ["PORT", "5432"]]},
    "a list of the same width": {
        "pairs": [["a", "b"], ["c", "d"]],
        "access_keys": ["AKIA" + "IOSFODNN7EXAMPLE", "AKIA" + "I44QH8DHBEXAMPLE"],
    },
    "tokens": {"rows": [["token", "abcdefghijklmnopqrstuv" + "1234"], ["region", "eu"]]},
}


@pytest.mark.parametrize("value", CELLS.values(), ids=CELLS)
def test_secrets_in_a_first_row_are_masked_and_the_rest_is_shown(value: Any) -> None:
    result = checked({"content": [], "structuredContent": value})
    assert "hunter2" not in result.raw
    assert "EXAMPLE" not in result.raw
    assert len(_left(json.loads(result.raw))) == len(_left(value))
