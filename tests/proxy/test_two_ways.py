"""A call goes the straight way or in a task of its own: nobody can tell which, whatever happens on the way."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.straight_call import MAX_CHARS
from tests.conftest import Reply
from tests.proxy.conftest import SSN
from tests.proxy.two_ways import CLIENT_TRACE, Scenario, both_ways

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.conftest import Received
    from tests.proxy.conftest import Agent, World
    from tests.proxy.two_ways import Proxy

ANYWHERE = "anywhere"
"""How much the straight way knows of what is seldom seen is its own affair."""
DECIDE = "/api/v1/decide"
CHECK_INPUT = "/api/v1/mcp/check-input"
CHECK_OUTPUT = "/api/v1/mcp/check-output"
ALLOW = {"verdict": "allow", "decision_id": "d", "trace_id": "a" * 32, "evaluated_policies": ["p"]}
CLEAN = {"allowed": True, "redaction_evaluated": True, "decision_id": "o"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _reply(result: Any, ends: str = "check", **more: Any) -> Scenario:
    return Scenario(ends, "reply", {"result": result}, **more)


def _text(text: str, **more: Any) -> Any:
    return {"content": [{"type": "text", "text": text}], **more}


REDACT = {
    "type": "redact_pii",
    "fulfillment": {"endpoint": CHECK_INPUT, "method": "POST", "phase": "request", "content_types": ["text/plain"]},
}
CLOSED: dict[str, str] = {}
OPEN = {"AXONFLOW_FAIL_MODE": "open"}


def _decide(reply: Reply, ends: str = "decision", **more: Any) -> Scenario:
    return Scenario(ends, "count", {"n": 1}, replies={DECIDE: reply}, **more)


def _check(reply: Reply, ends: str = "check") -> Scenario:
    return _reply(_text(f"it is {SSN}"), ends, replies={CHECK_OUTPUT: reply})


def _clean(**more: Any) -> Reply:
    return Reply(200, {**CLEAN, **more})


def _form(params: str, ends: str = "whole") -> Scenario:
    return Scenario(ends, params=params)


def _say(raw: str, ends: str) -> Scenario:
    return Scenario(ends, "say", {"raw": raw}, hostile=True)


CALLS = {
    "clean": Scenario("whole"),
    "no arguments": Scenario("check", arguments={}),
    "deep arguments": Scenario("whole", arguments={"type": "x", "rows": [{"n": 1.5, "on": True}, None, ["a", ""]]}),
    "long arguments": Scenario("", arguments={"text": "x" * MAX_CHARS}),
    "arguments for several questions": Scenario("", arguments={"text": "\u00e9" * 400_000}),
    "list for arguments": Scenario("", arguments=[]),
    "null for arguments": Scenario("", arguments=None),
    "unknown tool": Scenario("", "nothing"),
    "tool of one of several backends": Scenario("whole", "one__echo", backends=("one", "two")),
    "tool with a schema": Scenario("whole", "typed", {"note": "x", "ssn": 1}),
    "another order": Scenario("whole", params='{"arguments":{"text":"x"},"name":"echo"}'),
    "trace": Scenario("whole", meta={"traceparent": f"00-{CLIENT_TRACE}-{'c' * 16}-01"}),
    "broken trace": Scenario(ANYWHERE, arguments={"text": "forbidden"}, meta={"traceparent": "00-" + CLIENT_TRACE}),
    "progress": Scenario("whole", "steps", {}, {"progressToken": "t"}),
    "progress with texts": Scenario(ANYWHERE, "steps", {"message": f"row {SSN}"}, {"progressToken": "t"}),
    "progress, number 0 as token": Scenario("whole", "steps", {}, {"progressToken": 0}),
    "progress, no token": Scenario(ANYWHERE, "steps", {}, {"progressToken": None}),
    "progress, large token": Scenario(ANYWHERE, "steps", {}, {"progressToken": 10**30}),
    "response not checked": Scenario("", settings={"AXONFLOW_REDACT_RESPONSES": "off"}),
    "response checked when obliged": Scenario(
        "",
        arguments={"text": f"it is {SSN}"},
        obliges=(REDACT,),
        settings={"AXONFLOW_REDACT_RESPONSES": "on-obligation"},
    ),
}
FORMS = {
    "large integers": _form('{"name":"echo","arguments":{"n":98765432109876543210987,"f":1.50e300,"z":-0}}'),
    "large integers, in another order": _form('{"arguments":{"n":98765432109876543210987,"f":1.50e300},"name":"echo"}'),
    "lone surrogate, in another order": _form(r'{"arguments":{"text":"a\ud800b"},"name":"echo"}'),
    "lone surrogate": _form(r'{"name":"echo","arguments":{"text":"a\ud800b"}}'),
    "lone surrogate in a key": _form(r'{"name":"echo","arguments":{"\ud800":1}}'),
    "escapes": _form(r'{"name":"ech\u006f","arguments":{"t\u0065xt":"\u00e9\n\"\/"}}'),
    "blanks": _form('{ "name" : "echo" , "arguments" : { "text" : "x" } }'),
    "carriage returns": _form('{"name":"echo",\r"arguments":{\r"text":"x"}}'),
    "unknown members": _form('{"name":"echo","arguments":{"text":"x"},"task":{"ttl":5},"a\\u0062":null}', ANYWHERE),
    "another order": _form('{"arguments":{"text":"x"},"_meta":{"a":{"b":1}},"name":"echo"}', ANYWHERE),
    "no member for arguments": _form('{"name":"echo"}', "check"),
    "key twice": _form('{"name":"echo","arguments":{"a":1,"a":2}}', ""),
    "name twice": _form('{"name":"echo","name":"count","arguments":{}}', ""),
    "no number": _form('{"name":"echo","arguments":{"a":NaN}}', ""),
    "no JSON": _form('{"name":"echo","arguments":{"a":1}', ""),
    "number for a name": _form('{"name":1,"arguments":{"a":1}}', ""),
    "empty name": _form('{"name":"","arguments":{"a":1}}', ""),
    "version in each request": _form(
        '{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"name":"echo","arguments":{}}', ""
    ),
}
DECISIONS = {
    "denied": Scenario("decision", "count", {"text": "forbidden"}),
    "denied under 403": _decide(Reply(403, {"verdict": "deny", "reasons": ["no"], "evaluated_policies": ["p"]})),
    "allowed by policies": _decide(Reply(200, ALLOW), "whole"),
    "allowed with an empty list": _decide(Reply(200, {**ALLOW, "obligations": [], "reasons": []}), "whole"),
    "allowed with reasons": _decide(Reply(200, {**ALLOW, "reasons": ["told", 5]}), ANYWHERE),
    "allowed without ids": _decide(Reply(200, {"verdict": "allow"}), ANYWHERE),
    "allowed, policies of another kind": _decide(Reply(200, {**ALLOW, "evaluated_policies": ["p", 5, None]}), ANYWHERE),
    "allowed, policies null": _decide(Reply(200, {**ALLOW, "evaluated_policies": None}), ANYWHERE),
    "allowed, obligations null": _decide(Reply(200, {**ALLOW, "obligations": None}), ANYWHERE),
    "allowed, with blanks": _decide(Reply(200, b"\r\n " + json.dumps(ALLOW).encode() + b"\n"), "whole"),
    "allowed, connection closed": _decide(Reply(200, ALLOW, {"Connection": "close"}), ANYWHERE),
    "allowed under 202": _decide(Reply(202, ALLOW)),
    "unknown verdict": _decide(Reply(200, {"verdict": "maybe"})),
    "two answers": _decide(Reply(200, b'{"verdict":"allow"}{"verdict":"deny"}')),
    "no JSON": _decide(Reply(200, b"no")),
    "no UTF-8": _decide(Reply(200, b'{"verdict":"allow","decision_id":"\xff"}')),
    "401": _decide(Reply(401, {"error": "who?"}), settings=OPEN),
    "413": _decide(Reply(413, b"too large"), settings=OPEN),
    "429": _decide(Reply(429, {"error": "slow"}, {"Retry-After": "30"}), settings=OPEN),
    "hold": _decide(Reply(200, {**ALLOW, "verdict": "needs_approval", "approval_id": "h"})),
    **{
        f"{name}, fail mode {mode}": _decide(reply, settings=settings)
        for mode, settings in (("closed", CLOSED), ("open", OPEN))
        for name, reply in (
            ("500", Reply(500, {"error": "x"})),
            ("deny under 503", Reply(503, {"verdict": "deny", "error": "x"})),
            ("cut off", Reply(act="cut")),
            ("reset", Reply(act="reset")),
            ("no HTTP", Reply(act="garbage")),
        )
    },
    "masked arguments": Scenario("decision", arguments={"text": f"it is {SSN}"}, obliges=(REDACT,)),
    "nothing to mask": Scenario("decision", "count", {"text": "confidential"}, obliges=(REDACT,)),
    "masked by its key": Scenario("decision", arguments={"ssn": 123456789}, obliges=(REDACT,)),
    "masked arguments, engine fails": Scenario(
        "decision", "count", {"text": SSN}, obliges=(REDACT,), replies={CHECK_INPUT: Reply(500, {})}
    ),
    "masked arguments, blocked": Scenario(
        "decision", "count", {"text": SSN}, obliges=(REDACT,), replies={CHECK_INPUT: Reply(403, {"allowed": False})}
    ),
    "masked key": Scenario("decision", "count", {SSN: True}, obliges=(REDACT,)),
    "unknown obligation": Scenario("decision", "count", {"text": "x"}, obliges=({"type": "encrypt"},)),
}
RESULTS = {
    "text": _reply(_text("fine"), "whole"),
    "error of the tool": _reply(_text("no such file", isError=True), "whole"),
    "structured": _reply({"content": [], "structuredContent": {"rows": [{"n": 10**30, "t": "x"}]}}, "whole"),
    "unknown members": _reply({**_text("a\u2028b\u00e9"), "_meta": {"x": None}, "new": [True, 1e2, {}]}, "whole"),
    "empty": _reply({}),
    "no texts": _reply({"content": []}),
    "no object": _reply([1, "x"], ANYWHERE),
    "long": Scenario("check", arguments={"text": "x" * 15_000}),
    "masked text": _reply(_text(f"it is {SSN}")),
    "masked rows": _reply({"content": [], "structuredContent": {"rows": [{"ssn": SSN, "n": 10**30}, {"ssn": "x"}]}}),
    "masked number": _reply({"content": [], "structuredContent": {"ssn": 123456789, "float": 1.5e300}}),
    "masked by an odd key": _reply({"content": [], "structuredContent": {"SSN# (us)": 123456789, "n": 10**30}}),
    "masked by what stands beside it": _reply({"content": [], "structuredContent": {"field": "ssn", "x": 123456789}}),
    "masked key": _reply({"content": [], "structuredContent": {SSN: 1, "a": "b"}}),
    "two texts": _reply({"content": [{"type": "text", "text": "his ssn is"}, {"type": "text", "text": "123456789"}]}),
    "masked, does not fit its schema": Scenario("check", "typed", {"note": "x", "ssn": 123456789}),
    "masked JSON in a text": _reply(_text(json.dumps({"n": SSN}))),
    "warned": _reply(_text(f"obey me, {SSN}", structuredContent={"n": 10**30})),
    "blocked": _reply(_text("poison")),
    "image": _reply({"content": [{"type": "image", "mimeType": "image/png", "data": PNG}]}),
    "image, withheld": _reply(
        {"content": [{"type": "image", "mimeType": "image/png", "data": PNG}]}, backend={"binary": "withhold"}
    ),
    "image with text inside": _reply({"content": [{"type": "image", "mimeType": "image/png", "data": "cG9pc29u"}]}),
    "error of the backend": Scenario("check", "fail", {"message": f"no such person: {SSN}", "code": -32042}),
    "error of the backend, blocked": Scenario("check", "fail", {"message": "poison"}),
    "error of the backend, no code": Scenario("check", "fail", {"message": "x", "code": "y"}),
    "blanks and carriage returns": _say(
        '{ "jsonrpc":"2.0",\r"id":"$ID", "result":{\r"content" : [ ] ,"n":1.0}}', "whole"
    ),
    "lone surrogate": _say(
        r'{"jsonrpc":"2.0","id":"$ID","result":{"content":[{"type":"text","text":"\ud800"}]}}', "whole"
    ),
    "result and error": _say('{"jsonrpc":"2.0","id":"$ID","result":{"a":"x"},"error":{"code":1}}', "whole"),
    "neither result nor error": _say('{"jsonrpc":"2.0","id":"$ID"}', "check"),
    "key twice": _say('{"jsonrpc":"2.0","id":"$ID","result":{"a":"x","a":"y"}}', "backend"),
}
CHECKS = {
    "noted": _check(_clean(policy_matches=[{"policy_id": "p", "action": "log"}]), "whole"),
    "redacted with nothing": _check(_clean(redacted=True), ANYWHERE),
    "empty text": _check(_clean(redacted_data="")),
    "redacted message": _check(_clean(redacted_message="masked")),
    "matches in the info": _check(_clean(policy_info={"matched_policies": [{"policy_id": "p", "action": "warn"}]})),
    "info of another kind": _check(_clean(policy_info=[1]), ANYWHERE),
    "matches of another kind": _check(_clean(policy_matches=[1]), ANYWHERE),
    "another shape": _check(_clean(redacted_data=[1])),
    "redaction not evaluated": _check(Reply(200, {"allowed": True})),
    "redaction failed": _check(_clean(redaction_evaluated=False)),
    "no verdict": _check(Reply(200, {"redaction_evaluated": True})),
    "connection closed": _check(Reply(200, CLEAN, {"Connection": "close"}), "whole"),
    "500": _check(Reply(500, {})),
    "429": _check(Reply(429, {"error": "slow"}, {"Retry-After": "30"})),
    "refused": _check(Reply(403, {"success": False, "error": "Tenant mismatch"})),
    "reset": _check(Reply(act="reset")),
    "cut off": _check(Reply(act="cut")),
}


async def _held_and_approved(proxy: Proxy) -> None:
    proxy.agent.hold = ("deploy",)
    await proxy.call("count", {"what": "deploy"})
    proxy.agent.approved.add("appr-1")
    await proxy.call("count", {"what": "deploy"})
    await proxy.call("count", {"what": "deploy twice"})
    proxy.agent.hold = ()


def _cancelled_while(path: str, tool: str = "count", arguments: Any = None) -> Callable[[Proxy], Awaitable[None]]:
    """Give what cancels a call while the agent thinks."""

    async def play(proxy: Proxy) -> None:
        asked, go = proxy.hold(path)
        call = proxy.ask("tools/call", {"name": tool, "arguments": arguments or {"n": 1}})
        await proxy.until(asked.is_set)
        proxy.cancel(call)
        await proxy.outcomes(1)
        go.set()

    return play


async def _cancelled_at_work(proxy: Proxy) -> None:
    call = proxy.ask("tools/call", {"name": "wait", "arguments": {}, "_meta": {"progressToken": "t"}})
    await proxy.until(lambda: proxy.world.lines("one", "waiting.txt"))
    proxy.cancel(call)
    await proxy.outcomes(1)


async def _cancelled_when_answered(proxy: Proxy) -> None:
    call = proxy.ask("tools/call", {"name": "count", "arguments": {}})
    await proxy.answer(call)
    proxy.cancel(call)


async def _id_in_use(proxy: Proxy) -> None:
    call = proxy.ask("tools/call", {"name": "wait", "arguments": {}}, "same")
    await proxy.until(lambda: proxy.world.lines("one", "waiting.txt"))
    proxy.ask("tools/call", {"name": "count", "arguments": {}}, "same")
    await proxy.answer(call)
    proxy.world.touch("one", "go")
    await proxy.answer(call)


async def _left_open_at_work(proxy: Proxy) -> None:
    proxy.ask("tools/call", {"name": "wait", "arguments": {}, "_meta": {"progressToken": 5}})
    await proxy.until(lambda: proxy.world.lines("one", "waiting.txt"))


async def _left_open_at_the_agent(proxy: Proxy) -> None:
    asked, _ = proxy.hold(DECIDE)
    proxy.ask("tools/call", {"name": "count", "arguments": {}})
    await proxy.until(asked.is_set)


async def _backend_crashes(proxy: Proxy) -> None:
    host = proxy.assembly.fleet.hosts()[0]
    before = host.session
    await proxy.call("count", {"die": True})
    await proxy.until(lambda: host.session is not None and host.session is not before)


async def _backend_too_slow(proxy: Proxy) -> None:
    host = proxy.assembly.fleet.hosts()[0]
    usual, host.default_timeout_s = host.default_timeout_s, 0.2
    await proxy.call("wait", {})
    host.default_timeout_s = usual


async def _agent_too_slow(proxy: Proxy) -> None:
    pdp = proxy.assembly.pdp
    usual, pdp.settings = pdp.settings, replace(pdp.settings, decide_timeout_s=0.2)
    asked = threading.Event()

    def hang(_: Received) -> Reply:
        asked.set()
        return Reply(act="hang")

    proxy.agent.before = hang
    await proxy.call("count", {})
    await proxy.until(asked.is_set)  # before the next question
    pdp.settings = usual


async def _no_audit_before(proxy: Proxy) -> None:
    with proxy.unwritable():
        await proxy.call("count", {"n": 1})
        await proxy.call("count", {"text": "forbidden"})


async def _no_audit_after(proxy: Proxy) -> None:
    call = proxy.ask("tools/call", {"name": "wait", "arguments": {}})
    await proxy.until(lambda: proxy.world.lines("one", "waiting.txt"))
    with proxy.unwritable():
        proxy.world.touch("one", "go")
        await proxy.answer(call)


PLAYS = {
    "held and approved": Scenario("decision", play=_held_and_approved),
    "cancelled while decided on": Scenario("decision", play=_cancelled_while(DECIDE)),
    "cancelled while masked": Scenario(
        "decision", play=_cancelled_while(CHECK_INPUT, arguments={"text": SSN}), obliges=(REDACT,)
    ),
    "cancelled while checked": Scenario("check", play=_cancelled_while(CHECK_OUTPUT)),
    "cancelled while its parts are checked": Scenario("check", play=_cancelled_while(CHECK_OUTPUT, "echo")),
    "cancelled while the error is checked": Scenario(
        "check", play=_cancelled_while(CHECK_OUTPUT, "fail", {"message": "x"})
    ),
    "cancelled at work": Scenario("backend", play=_cancelled_at_work),
    "cancelled when answered": Scenario("whole", play=_cancelled_when_answered),
    "id in use": Scenario("whole", play=_id_in_use),
    "left open at work": Scenario("backend", play=_left_open_at_work),
    "left open at the agent": Scenario("decision", play=_left_open_at_the_agent),
    "backend crashes": Scenario("backend", play=_backend_crashes),
    "backend crashes, tool that may be repeated": Scenario("backend", "read", {"die": True}),
    "backend too slow": Scenario("backend", play=_backend_too_slow),
    "agent too slow": Scenario("decision", play=_agent_too_slow),
    "agent too slow, fail mode open": Scenario("decision", play=_agent_too_slow, settings=OPEN),
    "no audit before": Scenario("decision", play=_no_audit_before),
    "no audit after": Scenario("whole", play=_no_audit_after),
}


TABLES = {"call": CALLS, "form": FORMS, "decision": DECISIONS, "result": RESULTS, "check": CHECKS, "play": PLAYS}


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(given, id=f"{kind}: {name}") for kind, table in TABLES.items() for name, given in table.items()],
)
def test_both_ways_are_the_same(
    world: World, agent: Agent, monkeypatch: pytest.MonkeyPatch, scenario: Scenario
) -> None:
    general, straight, ends = both_ways(world, agent, scenario, monkeypatch)
    assert straight.client == general.client
    assert straight.agent == general.agent
    assert straight.backend == general.backend
    assert straight.rows == general.rows
    assert straight.said == general.said
    assert straight.left == general.left
    assert scenario.ends in {ends, ANYWHERE}
    assert straight.client
    assert straight.rows
