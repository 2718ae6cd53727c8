"""What of a tool's definition may be masked: its prose, and nothing that names a thing or demands one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.proxy.masked_definition import said_otherwise

VALUE = "someone@example.com"
NUMBER = 4155552671
MASK = "[REDACTED:email#1]"


def _tool(schema: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": "mail", "inputSchema": {"type": "object", **(schema or {})}, **more}


@pytest.mark.parametrize(
    ("definition", "fault"),
    [
        pytest.param(_tool(description=f"e.g. {VALUE}"), "", id="description"),
        pytest.param(_tool(title=VALUE, annotations={"title": VALUE}), "", id="titles"),
        pytest.param(_tool(_meta={"by": [VALUE]}), "", id="_meta"),
        pytest.param(_tool({"description": VALUE}), "", id="the schema's description"),
        pytest.param(_tool({"properties": {"to": {"examples": [VALUE, NUMBER]}}}), "", id="examples"),
        pytest.param(_tool({"properties": {"to": {"default": NUMBER}}}), "", id="default"),
        pytest.param(_tool({"$defs": {"a": {"anyOf": [{"title": VALUE}]}}}), "", id="deep in the schema"),
        pytest.param(_tool({"x-contact": {"mail": VALUE}}), "", id="extension"),
        pytest.param(_tool(outputSchema={"properties": {"a": {"description": VALUE}}}), "", id="outputSchema"),
        pytest.param({**_tool(), "name": VALUE}, "its name", id="name"),
        pytest.param(_tool(_meta={VALUE: 1}), "more than texts in it", id="member inside _meta"),
        pytest.param({**_tool(), VALUE: 1}, "the name of a field", id="member"),
        pytest.param(_tool(_meta={"phone": NUMBER}), "more than texts in it", id="number"),
        pytest.param(_tool({"properties": {VALUE: {}}}), "more than prose in its inputSchema", id="property"),
        pytest.param(_tool({"enum": [VALUE]}), "`enum` in its inputSchema", id="enum"),
        pytest.param(_tool({"const": {"description": VALUE}}), "`const` in its inputSchema", id="prose in a const"),
        pytest.param(_tool({"items": {"pattern": VALUE}}), "`pattern` in its inputSchema", id="pattern"),
        pytest.param(_tool({"required": [VALUE]}), "`required` in its inputSchema", id="required"),
        pytest.param(_tool({"minimum": NUMBER}), "`minimum` in its inputSchema", id="minimum"),
        pytest.param(_tool({"$ref": f"x://{VALUE}"}), "`$ref` in its inputSchema", id="reference"),
        pytest.param(_tool({"custom": VALUE}), "more than prose in its inputSchema", id="keyword that nobody knows"),
        pytest.param(
            _tool(outputSchema={"enum": [VALUE]}), "`enum` in its outputSchema", id="enum of the outputSchema"
        ),
        pytest.param(
            _tool({"properties": {"description": {"enum": [VALUE]}}}),
            "`enum` in its inputSchema",
            id="property called as prose is",
        ),
        pytest.param(
            _tool({"properties": {"examples": {"type": "string", "description": VALUE}}}), "", id="its own prose"
        ),
    ],
)
def test_what_may_be_masked(definition: dict[str, Any], fault: str) -> None:
    text = json.dumps(definition)
    masked = json.loads(text.replace(VALUE, MASK).replace(str(NUMBER), json.dumps(MASK)))
    assert masked != definition
    assert said_otherwise(definition, definition, "name") == ""
    assert said_otherwise(definition, masked, "name") == fault


@pytest.mark.parametrize("masked", [None, [], {}, {"name": "mail"}], ids=repr)
def test_another_value_is_no_masked_definition(masked: Any) -> None:
    assert said_otherwise(_tool(), masked, "name") == "the name of a field"
