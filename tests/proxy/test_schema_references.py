"""References out of a tool's schemas are found, those within them are not taken for such."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.proxy.schema_references import references_elsewhere

URL = "https://a.example/s"


def _deep(levels: int) -> Any:
    schema: Any = {"$ref": URL}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        pytest.param({"$ref": URL}, [URL], id="root"),
        pytest.param({"properties": {"a": [{"allOf": [{"$ref": f"{URL}#/x"}]}]}}, [f"{URL}#/x"], id="inside"),
        pytest.param({"$dynamicRef": URL, "$recursiveRef": "file:///x"}, [URL, "file:///x"], id="other references"),
        pytest.param({"a": {"$ref": URL}, "b": {"$ref": URL}}, [URL], id="twice"),
        pytest.param({"$ref": "other.json"}, ["other.json"], id="relative"),
        pytest.param({"$ref": "//[x"}, ["//[x"], id="no URL"),
        pytest.param({"$ref": "#/$defs/a", "$defs": {"a": {}}}, [], id="a part"),
        pytest.param({"$id": URL, "items": {"$ref": f"{URL}#/x"}}, [], id="itself by its id"),
        pytest.param({"$id": URL, "a": {"$id": "part"}, "b": {"$ref": "https://a.example/part"}}, [], id="part by id"),
        pytest.param({"$ref": "http://json-schema.org/draft-07/schema#"}, [], id="a draft"),
        pytest.param({"$schema": URL, "properties": {"$ref": {"type": "string"}}}, [], id="property of that name"),
        pytest.param({"$ref": 5}, [], id="no text"),
        pytest.param({}, [], id="nothing"),
        pytest.param([{"$ref": URL}], [URL], id="no schema"),
        pytest.param("x", [], id="text"),
        pytest.param(None, [], id="null"),
        pytest.param(_deep(5_000), [URL], id="deep"),
    ],
)
def test_references(schema: Any, found: list[str]) -> None:
    for member in ("inputSchema", "outputSchema"):
        definition = {"name": "x", "description": URL, "_meta": {"$ref": "y"}, member: schema}
        assert references_elsewhere(definition) == [(member, reference) for reference in found]
