"""The client's requests, each to the backend it belongs to, all governed the same way."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.catalogue import PROMPTS, RESOURCES, TEMPLATES, TOOLS
from axonflow_hooks.proxy.exact_json import members_of, read_object, write_object, write_value
from axonflow_hooks.proxy.governed import Request
from axonflow_hooks.proxy.naming import SEPARATOR
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.refusals import INVALID_PARAMS, Refusal
from axonflow_hooks.proxy.unknown_tools import UnknownTools, unknown_tool_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.proxy.backend import BackendHost
    from axonflow_hooks.proxy.catalogue import Item, Kind
    from axonflow_hooks.proxy.exact_json import Member
    from axonflow_hooks.proxy.fleet import Fleet
    from axonflow_hooks.proxy.governed import Begun, Governance
    from axonflow_hooks.proxy.router import Route
    from axonflow_hooks.proxy.rpc import Reply, Waiting

LEVELS: Final = "debug info notice warning error critical alert emergency".split()

REPORTS_S: Final = 5.0
"""How long a result waits for reports of its progress that are still being checked."""

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


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
        arguments = self.given.get("arguments")
        return Request(
            Target(self.host.id, self.tool.name),
            self.tool.name,
            arguments.value if arguments is not None else {},
            arguments.raw if arguments is not None else "{}",
            binary=self.host.spec.binary,
            trace_id=trace_id_in(_meta(self.given)),
            output_schema=self.tool.value.get("outputSchema"),
        )

    def params(self, raw_arguments: str | None = None) -> str:
        """Give the params for the backend: with its own name of the tool, and with other arguments where given."""
        changed: dict[str, str] = {}
        if self.tool.name != self.given["name"].value:
            changed["name"] = write_value(self.tool.name)
        arguments = self.given.get("arguments")
        if raw_arguments is not None and raw_arguments != (arguments.raw if arguments is not None else "{}"):
            changed["arguments"] = raw_arguments
        return _write(self.given, changed) if changed else self.raw


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
        given = _object(params)
        name, arguments = _text(given, "name"), given.get("arguments")
        if arguments is not None and not isinstance(arguments.value, dict):
            raise _invalid("arguments must be an object")
        try:
            host, tool = await self.fleet.find(TOOLS, name)
        except Refusal as refusal:
            server = name.partition(SEPARATOR)[0] if self.fleet.several else next(iter(self.fleet.catalogues), "")
            self.governance.note_refusal(Target(server, name), arguments, refusal)
            if refusal.code == INVALID_PARAMS and await self.unknown.come_as_results(self.fleet.host_of(name)):
                return unknown_tool_result(refusal.message)
            raise
        assert params is not None  # noqa: S101 - _object has seen to it
        return await self.go_on(ToolCall(host, tool, given, params.raw))

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
        given = _object(params)
        name = _text(given, "name")
        host, prompt = await self.fleet.find(PROMPTS, name)
        return await self._forward(host, "prompts/get", given, {"name": write_value(prompt.name)}, repeatable=True)

    async def _resource(self, method: str, params: Member | None) -> str:
        given = _object(params)
        host = await self.fleet.find_resource(_text(given, "uri"))
        return await self._forward(host, method, given, {}, repeatable=True)

    async def _subscribe(self, params: Member | None) -> str:
        given = _object(params)
        uri = _text(given, "uri")
        host = await self.fleet.find_resource(uri)
        result = await self._forward(host, "resources/subscribe", given, {}, repeatable=True)
        self.subscribed[uri] = host.id
        return result

    async def _unsubscribe(self, params: Member | None) -> str:
        self.subscribed.pop(_text(_object(params), "uri"), None)
        return await self._resource("resources/unsubscribe", params)

    async def restore(self, host: BackendHost) -> None:
        """Tell a backend that has come up what the one before it was told: the log level, and the subscriptions."""
        await self.tell_level(host)
        for uri in [uri for uri, backend in self.subscribed.items() if backend == host.id]:
            await host.request("resources/subscribe", write_value({"uri": uri}), repeatable=True)

    async def _complete(self, params: Member | None) -> str:
        given = _object(params)
        ref = given.get("ref")
        if ref is None or not isinstance(ref.value, dict):
            raise _invalid("ref must be an object")
        if ref.value.get("type") != "ref/prompt":
            host = await self.fleet.find_resource(str(ref.value.get("uri", "")))
            return await self._forward(host, "completion/complete", given, {}, repeatable=True)
        host, prompt = await self.fleet.find(PROMPTS, str(ref.value.get("name", "")))
        changed = {"ref": _with_members(ref.raw, {"name": write_value(prompt.name)})}
        return await self._forward(host, "completion/complete", given, changed, repeatable=True)

    async def _set_level(self, params: Member | None) -> str:
        level = _text(_object(params), "level")
        if level not in LEVELS:
            raise _invalid(f"level must be one of {', '.join(LEVELS)}")
        self.level = level
        await asyncio.gather(*(self.tell_level(host) for host in self.fleet.hosts()), return_exceptions=True)
        return "{}"

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
        """Govern a request that is not a tool call: all its params but `_meta` are what is decided on."""
        members = {name: member.raw for name, member in given.items() if name != "_meta"}
        members |= {name: raw for name, raw in changed.items() if name in members}
        raw = write_object(members)
        value = {name: member.value for name, member in given.items() if name != "_meta"}
        request = Request(Target(host.id, method), method, value, raw, host.spec.binary, trace_id_in(_meta(given)))

        async def execute(raw_params: str) -> Reply:
            meta = given.get("_meta")
            sent = raw_params if meta is None else _with_members(raw_params, {"_meta": meta.raw})
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
        token = progress_token(_meta(given))
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


def _object(params: Member | None) -> dict[str, Member]:
    if params is None or not isinstance(params.value, dict):
        raise _invalid("params must be an object")
    return members_of(params)


def _text(given: Mapping[str, Member], name: str) -> str:
    member = given.get(name)
    if member is None or not isinstance(member.value, str) or not member.value:
        raise _invalid(f"{name} must be a text")
    return member.value


def _invalid(what: str) -> Refusal:
    return Refusal(INVALID_PARAMS, f"Invalid params: {what}", verdict="error")


def _write(given: Mapping[str, Member], changed: Mapping[str, str]) -> str:
    return write_object({**{name: member.raw for name, member in given.items()}, **changed})


def _with_members(raw: str, changed: Mapping[str, str]) -> str:
    return _write(read_object(raw), changed)


def _meta(given: Mapping[str, Member]) -> dict[str, Any]:
    meta = given.get("_meta")
    return meta.value if meta is not None and isinstance(meta.value, dict) else {}


def progress_token(meta: Mapping[str, Any]) -> str | int | None:
    """Give the progress token in the `_meta` of a request, None where it asks for no progress."""
    token = meta.get("progressToken")
    return token if isinstance(token, str) or type(token) is int else None


def trace_id_in(meta: Mapping[str, Any]) -> str:
    """Give the trace that the `_meta` of a request names (W3C Trace Context, level 1), "" for none."""
    value = meta.get("traceparent")
    match = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    return match.group(1) if match else ""
