"""The client's requests, each to the backend it belongs to, all governed the same way."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.proxy.catalogue import PROMPTS, RESOURCES, TEMPLATES, TOOLS
from axonflow_hooks.proxy.exact_json import Member, read_object, write_value
from axonflow_hooks.proxy.governed import MAX_UNKNOWN_NAME_CHARS, Request
from axonflow_hooks.proxy.naming import SEPARATOR
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.refusals import INVALID_PARAMS, Refusal
from axonflow_hooks.proxy.request_params import (
    META,
    decided_on,
    invalid,
    joined,
    meta_of,
    object_of,
    progress_token,
    put_back,
    trace_id_in,
)
from axonflow_hooks.proxy.rpc import Reply
from axonflow_hooks.proxy.unknown_tools import UnknownTools, unknown_tool_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.proxy.backend import BackendHost
    from axonflow_hooks.proxy.catalogue import Item, Kind
    from axonflow_hooks.proxy.fleet import Fleet
    from axonflow_hooks.proxy.governed import Begun, Governance
    from axonflow_hooks.proxy.router import Route
    from axonflow_hooks.proxy.rpc import Waiting

LEVELS: Final = "debug info notice warning error critical alert emergency".split()

REPORTS_S: Final = 5.0
"""How long a result waits for reports of its progress that are still being checked."""


LEVEL_S: Final = 0.5
"""How long a new log level waits for backends to take it; who is slower takes it later."""


@dataclass(slots=True)
class Progress:
    """The progress of one call: of which backend, and how many of its reports are still being checked."""

    backend: str
    unchecked: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def checked(self) -> None:
        """One report less waits."""
        self.unchecked -= 1
        if not self.unchecked:
            self.settled.set()


@dataclass(slots=True)
class ToolCall:
    """A call of a known tool: the client's params, member by member (`given`) and as they came (`raw`)."""

    host: BackendHost
    tool: Item
    given: dict[str, Member]
    raw: str

    def request(self) -> Request:
        """Give what is to be governed."""
        request = _tool_request(Target(self.host.id, self.tool.name), self.given)
        return request._replace(binary=self.host.spec.binary, output_schema=self.tool.value.get("outputSchema"))

    def params(self, passed: str | None = None) -> str:
        """Give the params for the backend: with its own name of the tool, and what has `passed` where that differs.

        That is the text of the arguments, or of all that was decided on where that is more.
        """
        changed: dict[str, str] = {}
        if self.tool.name != self.given["name"].value:
            changed["name"] = write_value(self.tool.name)
        whole, arguments = _whole(self.given) if passed is not None else None, self.given.get("arguments")
        if passed is not None and whole is not None:
            if passed != whole.raw:
                changed |= {name: member.raw for name, member in read_object(passed).items()}
        elif passed is not None and passed != (arguments.raw if arguments is not None else "{}"):
            changed["arguments"] = passed
        return put_back(self.given, changed) if changed else self.raw


@dataclass(slots=True)
class Routes:
    """What answers the requests of one client.

    `subscribed` tells which backend was asked to tell of changes of a URI, `tokens` the progress of calls under way.
    """

    fleet: Fleet
    governance: Governance
    listed: set[str] = field(default_factory=set)
    subscribed: dict[str, str] = field(default_factory=dict)
    level: str = ""
    tokens: dict[str | int, Progress] = field(default_factory=dict)
    unknown: UnknownTools = field(default_factory=UnknownTools)
    _telling: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def table(self) -> dict[str, Route]:
        """Give the routes by method."""
        return {
            "tools/list": lambda params: self._list(TOOLS, params),
            "resources/list": lambda params: self._list(RESOURCES, params),
            "resources/templates/list": lambda params: self._list(TEMPLATES, params),
            "prompts/list": lambda params: self._list(PROMPTS, params),
            "tools/call": self._call_tool,
            "prompts/get": self._get_prompt,
            "resources/read": lambda params: self._resource("resources/read", params),
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._unsubscribe,
            "completion/complete": self._complete,
            "logging/setLevel": self._set_level,
        }

    async def _list(self, kind: Kind, params: Member | None) -> str:
        del params  # the whole list is one page: a cursor was never given out
        found = await self.fleet.listed(kind, fresh=True)
        self.listed.add(kind.method)
        texts = []
        for host, item in found:
            shown = self.fleet.shown(kind, host, item)
            texts.append(item.raw if shown == item.name else _with_members(item.raw, {kind.key: write_value(shown)}))
        return f'{{"{kind.member}":[{",".join(texts)}]}}'

    async def _call_tool(self, params: Member | None) -> str:
        given = object_of(params)
        name, arguments = _text(given, "name"), given.get("arguments")
        if arguments is not None and not isinstance(arguments.value, dict):
            raise invalid("arguments must be an object")
        try:
            host, tool = await self.fleet.find(TOOLS, name)
        except Refusal as refusal:
            owner = self.fleet.host_of(name)
            if owner is not None and owner.session is not None and refusal.code == INVALID_PARAMS:
                return await self._unknown_tool(owner, name, given, refusal)
            server = name.partition(SEPARATOR)[0] if self.fleet.several else next(iter(self.fleet.catalogues), "")
            self.governance.note_refusal(Target(server, name), arguments, refusal)
            raise
        assert params is not None  # noqa: S101 - _object has seen to it
        return await self.go_on(ToolCall(host, tool, given, params.raw))

    async def _unknown_tool(self, host: BackendHost, name: str, given: dict[str, Member], unknown: Refusal) -> str:
        """Answer a call of a tool that its backend does not have: decided on and recorded, and never executed."""
        # A name that stands for nothing is any text that a model likes to write.
        request = _tool_request(Target(host.id, name[:MAX_UNKNOWN_NAME_CHARS]), given)._replace(executes=False)

        async def answer(_: str) -> Reply:
            if await self.unknown.come_as_results(host):
                return Reply(unknown_tool_result(unknown.message))
            raise unknown

        return await self.governance.run(request, answer)

    async def go_on(self, call: ToolCall, begun: Begun | None = None) -> str:
        """Make a call, or what is missing of it where that has `begun`, and give the text of its result."""
        sent = begun.sent if begun is not None else None

        async def execute(raw_arguments: str) -> Reply:
            raw = call.params(raw_arguments)
            return await self._request(
                call.host, "tools/call", raw, call.given, repeatable=call.tool.repeatable, begun=sent
            )

        return await self.governance.run(call.request(), execute, begun)

    async def _get_prompt(self, params: Member | None) -> str:
        given = object_of(params)
        name = _text(given, "name")
        host, prompt = await self.fleet.find(PROMPTS, name)
        return await self._forward(host, "prompts/get", given, {"name": write_value(prompt.name)}, repeatable=True)

    async def _resource(self, method: str, params: Member | None) -> str:
        given = object_of(params)
        host = await self.fleet.find_resource(_text(given, "uri"))
        return await self._forward(host, method, given, {}, repeatable=True)

    async def _subscribe(self, params: Member | None) -> str:
        given = object_of(params)
        uri = _text(given, "uri")
        host = await self.fleet.find_resource(uri)
        result = await self._forward(host, "resources/subscribe", given, {}, repeatable=True)
        self.subscribed[uri] = host.id
        return result

    async def _unsubscribe(self, params: Member | None) -> str:
        self.subscribed.pop(_text(object_of(params), "uri"), None)
        return await self._resource("resources/unsubscribe", params)

    async def restore(self, host: BackendHost) -> None:
        """Tell a backend that has come up what the one before it was told: the log level, and the subscriptions."""
        await self.tell_level(host)
        for uri in [uri for uri, backend in self.subscribed.items() if backend == host.id]:
            await host.request("resources/subscribe", write_value({"uri": uri}), repeatable=True)

    async def _complete(self, params: Member | None) -> str:
        given = object_of(params)
        ref = given.get("ref")
        if ref is None or not isinstance(ref.value, dict):
            raise invalid("ref must be an object")
        if ref.value.get("type") != "ref/prompt":
            host = await self.fleet.find_resource(str(ref.value.get("uri", "")))
            return await self._forward(host, "completion/complete", given, {}, repeatable=True)
        host, prompt = await self.fleet.find(PROMPTS, str(ref.value.get("name", "")))
        changed = {"ref": _with_members(ref.raw, {"name": write_value(prompt.name)})}
        return await self._forward(host, "completion/complete", given, changed, repeatable=True)

    async def _set_level(self, params: Member | None) -> str:
        level = _text(object_of(params), "level")
        if level not in LEVELS:
            raise invalid(f"level must be one of {', '.join(LEVELS)}")
        self.level = level
        hosts = self.fleet.hosts()
        for host in hosts:
            telling = self._telling.get(host.id)
            if telling is None or telling.done():
                self._telling[host.id] = asyncio.get_running_loop().create_task(self._tell_levels(host))
        if hosts:
            await asyncio.wait([self._telling[host.id] for host in hosts], timeout=LEVEL_S)
        return "{}"

    async def _tell_levels(self, host: BackendHost) -> None:
        """Tell a backend the level, and again where it has changed meanwhile."""
        told = ""
        while told != self.level:
            told = self.level
            with contextlib.suppress(Refusal):  # what it does not take, the next setLevel tells it again
                await self.tell_level(host)

    async def tell_level(self, host: BackendHost) -> None:
        """Tell a backend how much the client wants to hear, where both have said that they can."""
        if self.level and host.session is not None and host.offers("logging"):
            await host.request("logging/setLevel", write_value({"level": self.level}), repeatable=True)

    async def _forward(
        self,
        host: BackendHost,
        method: str,
        given: Mapping[str, Member],
        changed: Mapping[str, str],
        *,
        repeatable: bool,
    ) -> str:
        """Govern a request that is not a tool call: what is decided on are its params, with its own names in them."""
        target, trace_id = Target(host.id, method), trace_id_in(meta_of(given))
        decided = {name: Member(item.value, changed.get(name, item.raw)) for name, item in decided_on(given).items()}
        whole = joined(decided) if META in decided else None
        decided.pop(META, None)
        value, raw = joined(decided)[:2]
        request = Request(target, method, value, raw, host.spec.binary, trace_id, whole=whole, method=method)

        async def execute(passed: str) -> Reply:
            sent = put_back(given, {name: member.raw for name, member in read_object(passed).items()})
            return await self._request(host, method, sent, given, repeatable=repeatable)

        return await self.governance.run(request, execute)

    async def _request(
        self,
        host: BackendHost,
        method: str,
        raw: str,
        given: Mapping[str, Member],
        *,
        repeatable: bool,
        begun: Waiting | None = None,
    ) -> Reply:
        token = progress_token(meta_of(given))
        if token is None:
            return await host.request(method, raw, repeatable=repeatable, begun=begun)
        progress = self.tokens.get(token) if begun is not None else None
        if progress is None:
            progress = self.tokens[token] = Progress(host.id)
        try:
            reply = await host.request(method, raw, repeatable=repeatable, token=token, begun=begun)
            if progress.unchecked:  # no report may come after the result
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(progress.settled.wait(), REPORTS_S)
            return reply
        finally:
            self.tokens.pop(token, None)


def _tool_request(target: Target, given: Mapping[str, Member]) -> Request:
    """Give what is to be governed of the params of a `tools/call`."""
    arguments = given.get("arguments")
    return Request(
        target,
        target.tool,
        arguments.value if arguments is not None else {},
        arguments.raw if arguments is not None else "{}",
        trace_id=trace_id_in(meta_of(given)),
        whole=_whole(given),
    )


def _whole(given: Mapping[str, Member]) -> Member | None:
    """Give what is decided on of a `tools/call` where that is more than the arguments."""
    decided = decided_on(given, but="name")
    return joined(decided) if decided.keys() - {"arguments"} else None


def _text(given: Mapping[str, Member], name: str) -> str:
    member = given.get(name)
    if member is None or not isinstance(member.value, str) or not member.value:
        raise invalid(f"{name} must be a text")
    return member.value


def _with_members(raw: str, changed: Mapping[str, str]) -> str:
    return put_back(read_object(raw), changed)
