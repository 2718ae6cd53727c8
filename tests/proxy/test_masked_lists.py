"""Lists in which something is masked: an item that cannot be shown is left out, and no other has to suffer for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.proxy.conftest import MASK, SSN
from tests.proxy.test_calls import CHECK_OUTPUT
from tests.proxy.test_hostile_backends import everything, hostile

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, World

LISTS = {
    "resources/list": ("resources", "uri"),
    "resources/templates/list": ("resourceTemplates", "uriTemplate"),
    "prompts/list": ("prompts", "name"),
}


def _listing(world: World, name: str, answers: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Describe a backend that lists these items."""
    described = hostile(world, name)
    texts = {method: json.dumps({LISTS[method][0]: items}) for method, items in answers.items()}
    (world.folder / name / "answers.json").write_text(json.dumps(texts))
    return described


@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize(
    "more",
    [
        pytest.param({SSN: 1, MASK: 2}, id="two keys become one"),
        pytest.param({"_meta": {SSN: 1, MASK: 2}}, id="two keys inside become one"),
    ],
)
def test_item_that_cannot_be_shown_masked_leaves_the_other_backends_lists(
    world: World, method: str, more: dict[str, Any]
) -> None:
    member, key = LISTS[method]
    bad, good, other = ({key: f"test://{name}", "name": f"test://{name}"} for name in ("bad", "good", "other"))
    client = world.client(
        _listing(world, "one", {method: [{**bad, **more}, good]}), _listing(world, "two", {method: [other]})
    )
    shown = [item[key] for item in client.request(method)["result"][member]]
    assert [name for name in shown if "other" in name], client.errors
    assert [name for name in shown if "good" in name], client.errors
    assert not [name for name in shown if "bad" in name]
    assert SSN not in everything(client)
    client.until(lambda: [line for line in client.errors if "backend one: " in line and "bad" in line])


def test_item_with_a_masked_text_is_shown_and_one_with_a_masked_name_is_not(world: World) -> None:
    items = [{"uri": "test://a", "name": f"of {SSN}"}, {"uri": f"test://{SSN}", "name": "b"}]
    client = world.client(_listing(world, "one", {"resources/list": items}))
    assert client.request("resources/list")["result"]["resources"] == [{"uri": "test://a", "name": f"of {MASK}"}]


def test_tool_whose_definition_holds_a_masked_name_waits_for_a_person(world: World) -> None:
    described = world.backend()
    tool = {"name": "count2", "inputSchema": {"type": "object", "properties": {SSN: {}}}}
    (world.folder / "one" / "tools.json").write_text(json.dumps([tool]))
    client = world.client(described)
    tools = client.tools()
    assert "echo" in tools
    assert "count2" not in tools
    message = client.call("count2")["error"]["message"]
    assert "holds what policy masks" in message
    assert "proxy approve" in message


def test_items_that_must_not_be_seen_are_looked_for_by_halves(world: World, agent: Agent) -> None:
    items = [{"uri": f"test://{number}", "name": "poison" if number == 40 else "a"} for number in range(64)]
    client = world.client(_listing(world, "one", {"resources/list": items}))
    shown = [item["uri"] for item in client.request("resources/list")["result"]["resources"]]
    assert shown == [item["uri"] for item in items if item["name"] != "poison"]
    assert len([asked for asked in agent.asked(CHECK_OUTPUT) if asked.get("tool") == "resources/list"]) == 13
