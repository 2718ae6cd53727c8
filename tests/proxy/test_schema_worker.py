"""The process that checks values against schemas: its words, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from axonflow_hooks.proxy.schema_worker import answer, word_on
from tests.proxy.conftest import DEADLINE_S

FITTING = Path(__file__).with_name("any_schema.json").as_uri()
"""A schema that everything fits: who reads it does not find out that it must not be read."""
PROGRAM = "from axonflow_hooks.proxy import schema_worker; schema_worker.LAST_S = {last_s}; schema_worker.main()"


@pytest.mark.filterwarnings("ignore:Automatically retrieving remote references")  # which the process does not see
@pytest.mark.parametrize(
    ("schema", "value", "word"),
    [
        pytest.param({"type": "object", "required": ["a"]}, {"a": 1}, "fits", id="fits"),
        pytest.param({"type": "object", "required": ["a"]}, {}, "unfit", id="unfit"),
        pytest.param({"prefixItems": [{"type": "string"}]}, [1], "unfit", id="draft 2020-12 unless it says otherwise"),
        pytest.param(
            {"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": [{"type": "string"}]},
            [1],
            "fits",
            id="draft 7 knows no prefixItems",
        ),
        pytest.param({"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}, "x", "unfit", id="refers to a part"),
        pytest.param(
            {"$id": "https://a.example/root", "$defs": {"n": {"$id": "n", "type": "integer"}}, "$ref": "n"},
            "x",
            "unfit",
            id="refers to a part by its id",
        ),
        pytest.param({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"type": 1}, "unfit", id="a draft"),
        pytest.param({"$ref": "https://a.example/s"}, 1, "unresolved", id="elsewhere"),
        pytest.param({"$ref": FITTING}, 1, "unresolved", id="file"),
        pytest.param({"$ref": "other.json"}, 1, "unresolved", id="beside it"),
        pytest.param({"$ref": "#/$defs/missing"}, 1, "unresolved", id="nowhere"),
        pytest.param({"$dynamicRef": "https://a.example/s#x"}, 1, "unresolved", id="dynamic"),
        pytest.param(
            {"$schema": "http://json-schema.org/draft-04/schema#", "id": "http://127.0.0.1:9/a", "$ref": "b"},
            1,
            "unresolved",
            id="old drafts",
        ),
        pytest.param({"type": 1}, 1, "unusable", id="wrong"),
        pytest.param({"pattern": "("}, "x", "unusable", id="wrong pattern"),
        pytest.param({"$ref": "#"}, 1, "unusable", id="without end"),
    ],
)
def test_words(schema: Any, value: Any, word: str) -> None:
    assert answer(json.dumps([schema, value]).encode()) == word


def test_what_is_wrong_with_a_schema_is_told_apart_without_a_line() -> None:
    assert word_on({"type": "no such type"}, 1) == "unusable"


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000], ids=["no", "cut", "one", "bytes", "deep"]
)
def test_lines_that_are_no_question(line: bytes) -> None:
    assert answer(line) == "unusable"


def _process(last_s: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM.format(last_s=last_s)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_process_answers_until_nobody_asks_any_more() -> None:
    lines = [[{"type": "integer"}, 1], [{"type": "integer"}, "x"], "nonsense"]
    with _process(DEADLINE_S) as process:
        said, errors = process.communicate("".join(f"{json.dumps(line)}\n" for line in lines).encode(), DEADLINE_S)
    assert said.split() == [b"ready", b"fits", b"unfit", b"unusable"]
    assert (process.returncode, errors) == (0, b"")


def test_process_ends_itself_when_nobody_stops_a_check() -> None:
    evil = json.dumps([{"pattern": "^(a+)+$"}, "a" * 60 + "!"])
    with _process(0.05) as process:
        assert process.stdin is not None
        process.stdin.write(f"{evil}\n".encode())
        process.stdin.flush()  # and its end stays open
        try:
            assert process.wait(DEADLINE_S) != 0
        finally:
            process.kill()
