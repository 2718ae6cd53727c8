"""The OpenAPI document: what it describes is what is served."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Match

from axonflow_hooks.agent.rest.dispatch import routes
from axonflow_hooks.agent.rest.openapi import OPENAPI_PATH, document
from axonflow_hooks.agent.rest.registry import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.conftest import AgentProcess


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_endpoint_is_described_once(described: dict[str, Any]) -> None:
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert len(operations) == len(ENDPOINTS) + 3  # /health, and the two methods of the MCP route
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    names = {reference.removeprefix("#/components/schemas/") for reference in references(described)}
    assert names
    assert names <= set(described["components"]["schemas"])


def test_every_path_variable_is_a_parameter(described: dict[str, Any]) -> None:
    for path, operations in described["paths"].items():
        for operation in operations.values():
            found = {item["name"] for item in operation.get("parameters", []) if item["in"] == "path"}
            assert found == set(re.findall(r"\{(\w+)\}", path))


def test_no_route_hides_another() -> None:
    served = routes(ENDPOINTS)
    for route in served:
        path = re.sub(r"\{\w+(:\w+)?\}", "any", route.path)
        scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}
        first = next(candidate for candidate in served if candidate.matches(scope)[0] is not Match.NONE)
        assert first is route, f"{first.path} answers for {route.path}"


def test_a_body_admits_null_for_what_may_be_left_out(described: dict[str, Any]) -> None:
    search = described["components"]["schemas"]["AuditSearchRequest"]["properties"]
    assert {"type": "null"} in search["limit"]["anyOf"]
    required = described["components"]["schemas"]["CheckInputRequest"]
    assert required["required"] == ["connector_type", "statement"]
    assert required["properties"]["statement"]["type"] == "string"


def test_health_needs_no_credential(described: dict[str, Any]) -> None:
    assert described["paths"]["/health"]["get"]["security"] == []
    assert described["security"] == [{"basic": []}]


def test_the_agent_serves_it(running_agent: AgentProcess, described: dict[str, Any]) -> None:
    with running_agent.client() as client:
        served = client.get(OPENAPI_PATH)
    assert served.json() == described
    assert served.json()["openapi"] == "3.1.0"
