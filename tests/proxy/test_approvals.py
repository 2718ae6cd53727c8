"""Holds: an approval is for the one call that it was given for, and what is remembered of holds has bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy import approvals
from axonflow_hooks.proxy.approvals import KEEP_S, Approvals
from axonflow_hooks.proxy.verdicts import Decision
from tests.conftest import Reply

if TYPE_CHECKING:
    from tests.conftest import Received
    from tests.proxy.conftest import Agent, World

DECIDE = "/api/v1/decide"


def _held(identifier: str, *reasons: str) -> Decision:
    return Decision("needs_approval", approval_id=identifier, reasons=reasons)


def test_the_latest_holds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approvals, "MAX_HELD", 2)
    kept = Approvals(lambda: 0.0)
    keys = [("one", "tool", f"hash{number}", 0) for number in range(3)]
    kept.hold(keys[0], _held("a0"))
    kept.hold(keys[1], _held("a1"))
    kept.hold(keys[0], _held("a0 again"))
    kept.hold(keys[2], _held("a2"))
    assert [kept.id_for(key) for key in keys] == ["a0 again", "", "a2"]


@pytest.mark.parametrize(
    ("key", "after", "identifier"),
    [
        pytest.param(("one", "tool", "hash", 0), 0.0, "a1", id="the same call"),
        pytest.param(("one", "tool", "hash", 0), KEEP_S - 1, "a1", id="within its time"),
        pytest.param(("one", "tool", "hash", 0), KEEP_S, "", id="after its time"),
        pytest.param(("two", "tool", "hash", 0), 0.0, "", id="another server"),
        pytest.param(("one", "other", "hash", 0), 0.0, "", id="another tool"),
        pytest.param(("one", "tool", "other", 0), 0.0, "", id="other arguments"),
        pytest.param(("one", "tool", "hash", 1), 0.0, "", id="another piece"),
    ],
)
def test_hold_is_known_by_its_key(key: tuple[str, str, str, int], after: float, identifier: str) -> None:
    now = 0.0
    kept = Approvals(lambda: now)
    kept.hold(("one", "tool", "hash", 0), _held("a1"))
    now = after
    assert kept.id_for(key) == identifier
    assert not kept.none()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("count", {"what": "deploy", "where": "production"}, id="more arguments"),
        pytest.param("count", {"what": "deploy all"}, id="other arguments"),
        pytest.param("read", {"what": "deploy"}, id="another tool"),
    ],
)
def test_approval_is_taken_along_by_the_same_call_alone(
    world: World, agent: Agent, name: str, arguments: dict[str, Any]
) -> None:
    approved: set[str] = set()
    queries: list[str] = []

    def hold(request: Received) -> Reply | None:
        body = request.json()
        if request.path != DECIDE or body.get("approval_id") in approved:
            return None
        if body["query"] not in queries:
            queries.append(body["query"])
        pending = {"approval_id": f"appr-{queries.index(body['query'])}"}
        return Reply(200, {"verdict": "needs_approval", "pending_approval": pending})

    agent.before = hold
    client = world.client()
    ids = [
        client.call(tool, given)["error"]["data"]["approval_id"]
        for tool, given in (("count", {"what": "deploy"}), (name, arguments))
    ]
    assert ids == ["appr-0", "appr-1"]
    assert "approval_id" not in agent.asked()[-1], "the first hold is of another call"
    approved.add("appr-0")
    assert client.call(name, arguments)["error"]["data"]["approval_id"] == "appr-1"
    assert agent.asked()[-1]["approval_id"] == "appr-1"
    assert world.lines("one", f"{name}.txt") == []
    assert "result" in client.call("count", {"what": "deploy"})
    assert agent.asked()[-1]["approval_id"] == "appr-0"
