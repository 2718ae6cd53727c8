"""Tables: whatever form their rows and the names of their columns have, each cell is looked at as what it is."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.labels import label_of
from axonflow_hooks.proxy.leaves import is_plain_key, leaves_of
from axonflow_hooks.proxy.response_plane import ResponsePlane
from axonflow_hooks.proxy.tables import plain_name
from tests.proxy.engine_agent import TARGET, EngineAgent, checked, masks_as_text, masks_as_values

if TYPE_CHECKING:
    from axonflow_hooks.proxy.pdp import Target
    from axonflow_hooks.proxy.verdicts import OutputReply

COUNT = 40
NAMES = ["id", "ssn", "note"]
NUMBERS = [f"5369{number:02}399" for number in range(10, 10 + COUNT)]
ROWS = [[index, number, "x"] for index, number in enumerate(NUMBERS)]
IDS, SSNS, NOTES = (list(column) for column in zip(*ROWS, strict=True))
TYPES = ["int", "text", "text"]

TABLES: dict[str, Any] = {
    "columns": {"columns": NAMES, "rows": ROWS},
    "columns below": {"rows": ROWS, "columns": NAMES},
    "types first": {"types": TYPES, "columns": NAMES, "rows": ROWS},
    "types first, columns last": {"types": TYPES, "rows": ROWS, "columns": NAMES},
    "column_types first": {"column_types": TYPES, "column_names": NAMES, "rows": ROWS},
    "widths first": {"kinds": ["a", "b", "c"], "header": NAMES, "rows": ROWS},
    "described": {"types": TYPES, "columns": [{"name": name, "type": "t"} for name in NAMES], "rows": ROWS},
    "column_name": {"columns": [{"column_name": name} for name in NAMES], "rows": ROWS},
    "title": {"columns": [{"title": name} for name in NAMES], "rows": ROWS},
    "key and type": {"columns": [{"key": name, "type": "t"} for name in NAMES], "rows": ROWS},
    "pairs": {"columns": [[name, "text"] for name in NAMES], "rows": ROWS},
    "BigQuery": {
        "schema": {"fields": [{"name": name, "type": "STRING"} for name in NAMES]},
        "rows": [{"f": [{"v": str(cell)} for cell in row]} for row in ROWS],
    },
    "Snowflake": {"resultSetMetaData": {"rowType": [{"name": name} for name in NAMES]}, "data": ROWS},
    "columns in a member": {"meta": {"columns": NAMES}, "rows": ROWS},
    "columns above": {"headers": NAMES, "result": {"rows": ROWS}},
    "records": {"columns": NAMES, "rows": [dict(zip(NAMES, row, strict=True)) for row in ROWS]},
    "records by number": {
        "columns": NAMES,
        "rows": [{str(index): cell for index, cell in enumerate(row)} for row in ROWS],
    },
    "first row": {"values": [NAMES, *ROWS]},
    "first row, longer rows": {"values": [NAMES, *([*row, "more"] for row in ROWS)]},
    "first row, shorter rows": {"values": [NAMES, *(row[:2] for row in ROWS)]},
    "title above the first row": {"values": [["Employees", "", ""], NAMES, *ROWS]},
    "no key": [NAMES, *ROWS],
    "lists by name": {"id": IDS, "ssn": SSNS},
    "lists that are described": {"columns": [{"name": "id", "values": IDS}, {"name": "ssn", "values": SSNS}]},
    "lists by column": {"columns": NAMES, "data": [IDS, SSNS, NOTES]},
    "lists by column, apart": {
        "schema": {"fields": [{"name": name} for name in NAMES]},
        "data": {"values": [IDS, SSNS, NOTES]},
    },
    "no cells in the first row": {"columns": NAMES, "rows": [[], *ROWS]},
    "null as first row": {"columns": NAMES, "rows": [None, *ROWS]},
    "a long name": {"columns": ["id", "ssn", "x" * 61], "rows": ROWS},
    "no name": {"columns": ["id", "ssn", ""], "rows": ROWS},
    "null for a name": {"columns": [None, "ssn", "note"], "rows": ROWS},
    "number for a name": {"columns": ["id", "ssn", 3], "rows": ROWS},
    "cells as objects": {"columns": NAMES, "rows": [[{"value": cell} for cell in row] for row in ROWS]},
    "cells below": {"columns": NAMES, "rows": [{"id": index, "cells": row} for index, row in enumerate(ROWS)]},
    "list as a cell": {"columns": NAMES, "rows": [[index, number, ["a"]] for index, number, _ in ROWS]},
    "tables in a list": {"tables": [{"columns": ["a", "b"], "rows": [[1, 2]]}, {"columns": NAMES, "rows": ROWS}]},
}  # fmt: skip

NEAR = 4
"""So many numbers stand so near to a word that they may be what it says, whatever they are in the table."""
OTHERS = {
    "orders": ({"columns": ["order", "total", "on"], "rows": [[n, 59.9, "2024-05-01"] for n in NUMBERS]}, 0),
    "matrix": ({"matrix": [[536904300 + 3 * row + column for column in range(3)] for row in range(40)]}, 0),
    "types first": ({"types": ["ssn", "x"], "columns": ["order", "note"], "rows": [[n, "x"] for n in NUMBERS]}, NEAR),
    "a column beside": ({"columns": ["ssn", "order"], "rows": [["", number] for number in NUMBERS]}, NEAR),
    "the list above": ({"ssn": ["none"], "bytes": [int(number) for number in NUMBERS]}, NEAR),
    "the list below": ({"bytes": [int(number) for number in NUMBERS], "ssn": ["none"]}, NEAR),
}


@pytest.mark.parametrize("value", TABLES.values(), ids=TABLES)
def test_all_cells_of_a_column_are_masked(value: Any) -> None:
    assert (masks_as_values(value), masks_as_text(value)) == (COUNT, COUNT)


@pytest.mark.parametrize(("value", "most"), OTHERS.values(), ids=OTHERS)
def test_other_columns_are_left_alone(value: Any, most: int) -> None:
    assert max(masks_as_values(value), masks_as_text(value)) <= most


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        pytest.param({"rows": [[1, 2], [3]], "columns": ["a", ""]},
                     ["rows a", "rows", "rows a", "columns"], id="by column"),
        pytest.param({"a": [["x", "y"], ["z", "w"]], "b": ["id", "ssn"]},
                     ["a id", "a ssn", "a id", "a ssn", "b", "b"], id="names beside first rows that are no header"),
        pytest.param({"a": [["x", "y"], [1, 2]], "b": ["id", "ssn"]},
                     ["a x", "a y", "a x", "a y", "b", "b"], id="a header before names beside it"),
        pytest.param([[["id", "ssn"], [1, 2]], [["day", "n"], [3, 4]]],
                     ["id", "ssn", "id", "ssn", "day", "n", "day", "n"], id="tables in a list"),
        pytest.param({"columns": ["a", "b"], "point": [1, 2], "data": [3, 4]},
                     ["columns", "columns", "point", "point", "data", "data"], id="lists that are no rows"),
        pytest.param({"values": [["DB", "password=hunter2"], ["PORT", "5432"]]}, ["values"] * 4, id="data is no name"),
        pytest.param({"pairs": [["a@b.co", "b"], ["c", "d"]], "keys": ["AKIA" + "IOSFODNN7EXAMPLE", "5"]},
                     ["pairs c", "pairs d"] * 2 + ["keys"] * 2, id="nor is a key"),
    ],
)  # fmt: skip
def test_labels_of_cells(value: Any, labels: list[str]) -> None:
    given = [leaf for leaf in leaves_of(value) if not is_plain_key(leaf)]
    assert [label_of(leaf) for leaf in given] == labels


@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        *((text, True) for text in ("ssn", "SSN#", "ssn (us)", "Número de SSN", "身份证", "addr_2", "ssn:", "a/b")),
        *((text, True) for text in ("ipv4_address", "Q1 2024", "#id", "Customer's name")),
        *((text, False) for text in ("", "5", "2024-05-01", "a=b", "a@b.co", "x: y", "a\nb", "x" * 61, '"x"', "<b>")),
        *((text, False) for text in ("abcdefghijklmnopqrstuv1234", "AKIA" + "IOSFODNN7EXAMPLE", "x" * 40)),
        (None, False),
        (5, False),
    ],
)
def test_plain_name(text: Any, is_name: bool) -> None:
    assert plain_name(text) == (text if is_name else "")


def test_tables_in_tables_take_no_recursion() -> None:
    value: Any = [["x"]]
    for _ in range(20_000):
        value = {"columns": ["a"], "rows": [[1], value]}
    assert leaves_of(value)[-1].text == "x"


class Begun(EngineAgent):
    """Takes questions whose answers are waited for later, too."""

    def begin_check_output(self, target: Target, rows: Any, message: Any, row_count: Any) -> Any:
        """Take a question."""
        assert (target, row_count) == (TARGET, 1)
        self.begun = (rows, message)
        return self

    async def check_output(self, target: Target, *, rows: Any = None, message: Any = None, **more: Any) -> OutputReply:
        """Take a question."""
        self.asked = (rows, message)
        return await super().check_output(target, rows=rows, message=message, **more)


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(json.dumps(TABLES[name]), id=name) for name in ("columns", "BigQuery", "first row")),
        pytest.param(f"Found:\n```json\n{json.dumps(TABLES['columns'], indent=2)}\n```", id="among words"),
        pytest.param(json.dumps(TABLES["columns"]).replace("5", "\\u0035").replace("x", "\\u00e9"), id="escaped"),
        pytest.param(json.dumps({**TABLES["columns"], "nan": float("nan")}), id="not a number"),
        pytest.param('[1], [2]: {"cells"', id="no JSON"),
        pytest.param('{"rows": [[1], [2]]}', id="no names"),
        pytest.param("[1]\nhello", id="no rows"),
    ],
)
def test_a_text_is_asked_about_ahead_as_it_is_looked_at(text: str) -> None:
    value = {"content": [{"type": "text", "text": text}]}
    agent = Begun()
    plane = ResponsePlane(agent)  # type: ignore[arg-type]
    begun: Any = plane.begin(TARGET, value, json.dumps(value), row_count=1)
    assert begun is not None
    result = asyncio.run(plane.check(TARGET, value, json.dumps(value), row_count=1, begun=begun))
    assert agent.begun == agent.asked
    assert result.redactions == (COUNT if "ssn" in text else 0)


def test_rows_are_asked_about_once_and_keep_their_numbers() -> None:
    agent = EngineAgent()
    result = checked({"content": [{"type": "text", "text": json.dumps(TABLES["Snowflake"])}]}, agent)
    assert len(agent.questions) == 1
    table = json.loads(json.loads(result.raw)["content"][0]["text"])
    assert [row[1] for row in table["data"]] == [f"[REDACTED:ssn#{number}]" for number in range(1, COUNT + 1)]
    assert [row[0] for row in table["data"]] == IDS
