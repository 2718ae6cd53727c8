"""Whatever of a request's params a backend gets was decided on, and masked where obliged; the protocol's own is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.exact_json import read_object
from axonflow_hooks.proxy.refusals import Refusal
from axonflow_hooks.proxy.request_params import decided_on, is_own_meta, object_of, put_back
from tests.conftest import Reply
from tests.proxy.conftest import MASK, SSN
from tests.proxy.two_ways import Scenario, both_ways

if TYPE_CHECKING:
    from tests.conftest import Received
    from tests.proxy.conftest import Agent, World
    from tests.proxy.two_ways import Seen

DECIDE = "/api/v1/decide"
CHECK_INPUT = "/api/v1/mcp/check-input"
REDACT = {"type": "redact_pii", "fulfillment": {"endpoint": CHECK_INPUT, "method": "POST", "phase": "request"}}
TRACE = f"00-{'b' * 32}-{'c' * 16}-01"


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"progressToken": 0}, id="number"),
        pytest.param({"progressToken": "t-1"}, id="short token"),
        pytest.param({"progressToken": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"}, id="UUID"),
        pytest.param({"progressToken": None}, id="no token"),
        pytest.param({"traceparent": TRACE, "claudecode/toolUseId": "toolu_01AbCd"}, id="trace and id"),
    ],
)
def test_own_meta(meta: dict[str, Any]) -> None:
    assert is_own_meta(meta)


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param({"progressToken": 123456789}, id="number of nine digits"),
        pytest.param({"progressToken": -1}, id="number below 0"),
        pytest.param({"progressToken": True}, id="truth"),
        pytest.param({"progressToken": 1.5}, id="fraction"),
        pytest.param({"progressToken": SSN}, id="token that is an identifier"),
        pytest.param({"progressToken": ["t"]}, id="list"),
        pytest.param({"progressToken": "a token of words"}, id="words"),
        pytest.param({"progressToken": "t\n"}, id="line end"),
        pytest.param({"traceparent": f"{TRACE} "}, id="trace and more"),
        pytest.param({"traceparent": 1}, id="trace that is a number"),
        pytest.param({"baggage": "user=ann"}, id="baggage"),
        pytest.param(
            {"io.modelcontextprotocol/related-task": {"taskId": "x"}}, id="key of the protocol with any value"
        ),
        pytest.param({"note": None}, id="unknown key"),
    ],
)
def test_other_meta_is_decided_on(meta: dict[str, Any]) -> None:
    assert not is_own_meta(meta)
    given = read_object(json.dumps({"name": "a", "_meta": {"progressToken": 7, **meta}}))
    assert decided_on(given, but="name")["_meta"].value == meta


def test_what_was_masked_is_put_back_in_its_place() -> None:
    raw = '{"_meta": {"a": "x", "progressToken": 1e0, "n": 2.50}, "arguments": {}, "name": "b"}'
    masked = {"_meta": '{"a":"y","n":2.50}', "name": '"own"'}
    assert put_back(read_object(raw), masked) == (
        '{"_meta":{"a":"y","progressToken":1e0,"n":2.50},"arguments":{},"name":"own"}'
    )


@pytest.mark.parametrize("meta", ['"forbidden"', "5", "[]", "true"])
def test_meta_that_is_no_object_is_refused(meta: str) -> None:
    (params,) = read_object(f'{{"params":{{"name":"a","_meta":{meta}}}}}').values()
    with pytest.raises(Refusal, match="_meta must be an object"):
        object_of(params)


ARGUMENTS = {"text": "x"}
EXTRAS = {
    "member": {"sql": "{}"},
    "deep member": {"task": {"ttl": 5, "rows": [["a", "{}"]]}},
    "meta": {"_meta": {"note": "{}", "progressToken": 7}},
    "meta with a trace": {"_meta": {"traceparent": TRACE, "baggage": "note={}"}},
    "token": {"_meta": {"progressToken": "it is {}"}},
    "member and meta": {"sql": "SELECT 1", "_meta": {"note": {"of": "{}"}}},
}


@pytest.fixture
def obliging(agent: Agent) -> Agent:
    """An agent that obliges to mask where there is something to mask."""
    decide = agent.server.replies[DECIDE]
    assert callable(decide)

    def obliged(request: Received) -> Reply:
        agent.obligations = [REDACT] if SSN in request.json()["query"] else []
        return decide(request)

    agent.server.replies[DECIDE] = obliged
    return agent


def _filled(extra: dict[str, Any], text: str) -> dict[str, Any]:
    filled: dict[str, Any] = json.loads(json.dumps(extra).replace("{}", text))
    return filled


def _asked(seen: Seen) -> list[str]:
    return sorted(map(repr, seen.agent))  # texts are masked at the same time


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_denied_for_what_stands_beside_the_arguments(
    world: World, agent: Agent, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]
) -> None:
    params = json.dumps({"name": "count", "arguments": ARGUMENTS, **_filled(extra, "forbidden")})
    general, straight, ends = both_ways(world, agent, Scenario("", params=params), monkeypatch)
    assert straight == general
    assert ends == ""
    assert json.loads(straight.client[0])["error"]["code"] == -32001
    assert "forbidden" not in json.dumps(straight.backend)


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_masked_beside_the_arguments(
    world: World, obliging: Agent, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]
) -> None:
    given = {"name": "echo", "arguments": {"text": "x", "n": 1.50}, **_filled(extra, SSN)}
    general, straight, _ = both_ways(world, obliging, Scenario("", params=json.dumps(given)), monkeypatch)
    assert (straight.client, straight.backend, straight.rows) == (general.client, general.backend, general.rows)
    assert _asked(straight) == _asked(general)
    (called, _), *_ = straight.backend
    assert called["params"] == json.loads(json.dumps(given).replace(SSN, MASK))
    assert [row.get("redaction_count") for row in straight.rows] == [None, 1, None, 0]


def test_clean_members_reach_the_backend_as_they_came(
    world: World, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = '{"name":"echo", "task":{"ttl":5.0},"arguments":{"text":"x"} ,"_meta":{"n":98765432109876543210,"a":null}}'
    general, straight, _ = both_ways(world, agent, Scenario("", params=params), monkeypatch)
    assert straight == general
    assert straight.backend[0][1].endswith(f'"params":{params}}}')


def test_hash_is_of_the_arguments_alone(world: World) -> None:
    client = world.client()
    client.call("echo", ARGUMENTS)
    client.call("echo", ARGUMENTS, sql="SELECT 1", _meta={"note": "x"})
    assert len({row["parameters_hash"] for row in world.rows()}) == 1
    assert len(world.rows()) == 4


def test_approval_is_for_what_stands_beside_the_arguments_too(world: World, agent: Agent) -> None:
    agent.hold = ("SELECT",)
    client = world.client()
    for sql in ("SELECT 1", "SELECT 1", "SELECT 2"):
        assert client.call("count", ARGUMENTS, sql=sql)["error"]["code"] == -32002
    assert [body.get("approval_id") for body in agent.asked()] == [None, "appr-1", None]


GREET = {"name": "greet", "arguments": {"who": "Ann"}}
REF = {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "who", "value": "A"}}
OTHERS = {
    "prompts/get": GREET,
    "resources/read": {"uri": "test://one/a"},
    "resources/subscribe": {"uri": "test://one/a"},
    "resources/unsubscribe": {"uri": "test://one/a"},
    "completion/complete": REF,
}


@pytest.mark.parametrize(
    "extra", [{"sql": "{}"}, {"_meta": {"progressToken": 3, "note": "{}"}}], ids=["member", "meta"]
)
@pytest.mark.parametrize(("method", "params"), OTHERS.items(), ids=OTHERS)
def test_other_requests_are_decided_on_as_a_whole(
    world: World, obliging: Agent, method: str, params: dict[str, Any], extra: dict[str, Any]
) -> None:
    client = world.client(world.backend("one", "offer=all", f"keep={method}"))
    (world.folder / "one" / "resource.txt").write_text("x")
    assert client.request(method, {**params, **_filled(extra, "forbidden")})["error"]["code"] == -32001
    assert world.lines("one", "params.txt") == []
    sent = {**params, **_filled(extra, f"it is {SSN}")}
    assert "result" in client.request(method, sent)
    (kept,) = world.lines("one", "params.txt")
    assert json.loads(kept) == json.loads(json.dumps(sent).replace(SSN, MASK))


def test_masking_that_fails_leaves_nothing_to_the_backend(world: World, obliging: Agent) -> None:
    obliging.before = lambda request: Reply(500, {}) if request.path == CHECK_INPUT else None
    client = world.client()
    assert client.call("count", {}, _meta={"note": SSN})["error"]["code"] == -32003
    assert world.lines("one", "count.txt") == []
