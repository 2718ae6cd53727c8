"""`_meta` is decided on apart from the call: a denial of it counts, a fresh id in it makes no other call of one."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Reply
from tests.proxy.conftest import MASK, SSN
from tests.proxy.two_ways import Scenario, both_ways

if TYPE_CHECKING:
    from tests.conftest import Received
    from tests.proxy.conftest import Agent, World
    from tests.proxy.two_ways import Proxy

DECIDE = "/api/v1/decide"
CHECK_INPUT = "/api/v1/mcp/check-input"
CALL = {"what": "deploy"}
FACTS = {"decision_id": "dec-1", "trace_id": "a" * 32, "obligations": []}

# As clients send it: the number stands for what is new with each call.
FRESH = {
    "progress token of 32 digits": {"progressToken": "{:032x}"},
    "large progress token": {"progressToken": "9{:08d}"},
    "ids of the client's own": {
        "vscode.conversationId": "c0ffee00-0000-4000-8000-000000000001",
        "vscode.requestId": "c0ffee00-0000-4000-8000-{:012d}",
    },
    "tracestate": {"traceparent": f"00-{'b' * 32}-{'c' * 16}-01", "tracestate": "es=s:{:08x}"},
    "baggage": {"baggage": "request={}"},
    "deep": {"client": {"of": ["{}", 1]}},
}


def _fresh(meta: dict[str, Any], number: int) -> dict[str, Any]:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [filled(item) for item in value]
        return value.format(number) if isinstance(value, str) else value

    return {key: filled(value) for key, value in meta.items()}


@dataclass
class Holding:
    """Holds each statement with one of the words until a person has approved it, "" for any; `policy` is the reason.

    An approval is for one statement and one use (wire 1.4). Texts with one of `inputs` are stopped by check-input.
    """

    words: tuple[str, ...]
    policy: str = "pol_hold"
    inputs: tuple[str, ...] = ()
    ids: dict[str, str] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self, request: Received) -> Reply | None:
        body = request.json()
        if request.path == CHECK_INPUT and any(word in body["statement"] for word in self.inputs):
            return Reply(403, {"allowed": False, "decision_id": "in-2", "block_reason": "needs approval"})
        if request.path != DECIDE or not any(word in body["query"] for word in self.words):
            return None
        query, named = body["query"], body.get("approval_id")
        if named in self.approved and self.ids.get(query) == named:
            self.approved.discard(named)
            del self.ids[query]
            return None
        waiting = {"approval_id": self.ids.setdefault(query, f"appr-{next(self._numbers)}")}
        facts = {**FACTS, "evaluated_policies": [self.policy]}
        return Reply(200, {"verdict": "needs_approval", **facts, "pending_approval": waiting})


def _hold(error: dict[str, Any]) -> list[str]:
    assert error["error"]["code"] == -32002, error
    data = error["error"]["data"]
    return list(data.get("approval_ids", [data["approval_id"]]))


@pytest.mark.parametrize("words", [("deploy",), ("",)], ids=["held for its words", "held for its tool"])
@pytest.mark.parametrize("meta", FRESH.values(), ids=FRESH)
def test_approved_call_runs_with_a_fresh_meta(
    world: World, agent: Agent, monkeypatch: pytest.MonkeyPatch, meta: dict[str, Any], words: tuple[str, ...]
) -> None:
    async def play(proxy: Proxy) -> None:
        holding = agent.before = Holding(words)
        (held,) = _hold(await proxy.call("count", CALL, _meta=_fresh(meta, 1)))
        assert _hold(await proxy.call("count", CALL, _meta=_fresh(meta, 2))) == [held]
        holding.approved.add(held)
        assert "result" in await proxy.call("count", CALL, _meta=_fresh(meta, 3))
        (again,) = _hold(await proxy.call("count", CALL, _meta=_fresh(meta, 4)))
        assert again != held, "an approval is for one call"
        assert len(proxy.world.lines("one", "count.txt")) == 1

    general, straight, _ = both_ways(world, agent, Scenario("", play=play), monkeypatch)
    assert straight == general
    (sent, _), *_ = straight.backend
    assert sent["params"] == {"name": "count", "arguments": CALL, "_meta": _fresh(meta, 3)}


def test_approval_of_a_call_is_for_the_same_one_without_meta(world: World, agent: Agent) -> None:
    holding = agent.before = Holding(("deploy",))
    client = world.client()
    (held,) = _hold(client.call("count", CALL, _meta={"note": "x"}))
    holding.approved.add(held)
    assert "result" in client.call("count", CALL)


def test_denied_meta_uses_no_approval_up(world: World, agent: Agent) -> None:
    holding = agent.before = Holding(("deploy",))
    client = world.client()
    (held,) = _hold(client.call("count", CALL, _meta={"note": "x"}))
    holding.approved.add(held)
    assert client.call("count", CALL, _meta={"note": "forbidden"})["error"]["code"] == -32001
    assert agent.asked()[-1]["query"] == "tool_call: count\nnote: forbidden"
    assert world.lines("one", "count.txt") == []
    assert "result" in client.call("count", CALL, _meta={"note": "y"})


def test_denied_call_is_denied_beside_a_meta_that_is_held(world: World, agent: Agent) -> None:
    agent.before = Holding(("note",))
    client = world.client()
    assert client.call("count", {"what": "forbidden"}, _meta={"note": "x"})["error"]["code"] == -32001
    assert world.lines("one", "count.txt") == []


def test_words_of_a_meta_need_an_approval_of_their_own(world: World, agent: Agent) -> None:
    holding = agent.before = Holding(("deploy",), inputs=("deploy",))
    client = world.client()
    meta = {"note": "deploy it all"}
    ids = _hold(client.call("count", CALL, _meta=meta))
    assert len(ids) == 2
    holding.approved.update(ids)
    assert "result" in client.call("count", CALL, _meta=meta)
    (of_meta,) = _hold(client.call("count", {"what": "look"}, _meta=meta))
    (of_other,) = _hold(client.call("count", {"what": "look"}, _meta={"note": "deploy half"}))
    assert of_other not in {of_meta, *ids}
    holding.approved.add(of_meta)
    assert "result" in client.call("count", {"what": "look"}, _meta=meta)


def test_approval_for_one_policy_is_not_one_for_another(world: World, agent: Agent) -> None:
    of_call, of_meta = Holding(("deploy",)), Holding(("note",), "pol_other")
    agent.before = lambda request: of_call(request) or of_meta(request)
    client = world.client()
    (*_, held) = _hold(client.call("count", CALL, _meta={"note": "x"}))
    of_call.approved.update(of_call.ids.values())
    _hold(client.call("count", CALL, _meta={"note": "x"}))
    assert held
    assert world.lines("one", "count.txt") == []


def test_meta_is_masked_where_its_target_was_held(world: World, agent: Agent) -> None:
    holding = agent.before = Holding(("",))
    client = world.client()
    (held,) = _hold(client.call("echo", CALL, _meta={"note": SSN}))
    holding.approved.add(held)
    assert "result" in client.call("echo", CALL, _meta={"note": SSN})
    (sent,) = world.lines("one", "meta.txt")
    assert json.loads(sent) == {"note": MASK}


@pytest.mark.parametrize("mode", ["open", "closed"])
@pytest.mark.parametrize("failing", ["note", "what"], ids=["meta undecided", "call undecided"])
def test_denial_counts_where_the_other_part_is_undecided(world: World, agent: Agent, failing: str, mode: str) -> None:
    def fails(request: Received) -> Reply | None:
        undecided = request.path == DECIDE and f"{failing}: " in request.json()["query"]
        return Reply(500, {"error": "x"}) if undecided else None

    agent.before = fails
    client = world.client(AXONFLOW_FAIL_MODE=mode)
    told = {"note": "forbidden", "what": "x"} if failing == "what" else {"note": "x", "what": "forbidden"}
    answer = client.call("count", {"what": told["what"]}, _meta={"note": told["note"]})
    assert answer["error"]["code"] == -32001
    answer = client.call("count", {"what": "x"}, _meta={"note": "x"})
    assert ("result" in answer) == (mode == "open")
    assert len(world.lines("one", "count.txt")) == (mode == "open")
