"""What one backend offers (tools, resources, prompts): listed lazily, all pages, as the backend wrote it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.call_time import add_wait, left_of, waited_s
from axonflow_hooks.proxy.exact_json import array_elements, read_object, read_value, write_value
from axonflow_hooks.proxy.refusals import Refusal, backend_failed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from axonflow_hooks.proxy.backend import BackendHost

MAX_PAGES: Final = 1_000
MAX_ITEMS: Final = 20_000
MAX_LOADING_S: Final = 120.0
"""All pages of a list may take this long (or a call's timeout, if that is longer); nobody waits for them that long."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of list: its method, the member that holds the items, the member that names an item. There are four."""

    capability: str
    method: str
    member: str
    key: str


TOOLS: Final = Kind("tools", "tools/list", "tools", "name")
RESOURCES: Final = Kind("resources", "resources/list", "resources", "uri")
TEMPLATES: Final = Kind("resources", "resources/templates/list", "resourceTemplates", "uriTemplate")
PROMPTS: Final = Kind("prompts", "prompts/list", "prompts", "name")


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list: its name (or URI), its value, and its text as the backend wrote it."""

    name: str
    value: dict[str, Any]
    raw: str

    @property
    def repeatable(self) -> bool:
        """True for a tool that says that calling it twice does no more than calling it once (MCP: annotations)."""
        hints = self.value.get("annotations")
        return isinstance(hints, dict) and (hints.get("readOnlyHint") is True or hints.get("idempotentHint") is True)


@dataclass(slots=True)
class Catalogue:
    """The lists of one backend, each kept until it is said to have changed. `review` says which items may be seen.

    A list that is `overdue` was left out of an answer: it is announced when it comes.
    """

    host: BackendHost
    review: Callable[[BackendHost, Kind, Sequence[Item]], Awaitable[list[Item]]]
    announce: Callable[[Kind], None]
    overdue: set[Kind] = field(default_factory=set)
    _known: dict[Kind, dict[str, Item]] = field(default_factory=dict)
    _loading: dict[Kind, asyncio.Task[dict[str, Item]]] = field(default_factory=dict)

    async def items(self, kind: Kind) -> dict[str, Item]:
        """Give the items of a kind by name; {} of what the backend does not offer. Raises Refusal."""
        if kind in self._known:
            return self._known[kind]
        return await self._awaited(kind, self._loading.get(kind) or self._begin(kind))

    async def again(self, kind: Kind) -> dict[str, Item]:
        """Give the items as the backend has them now; what is known stays until they are here. Raises Refusal."""
        return await self._awaited(kind, self._begin(kind))

    def _begin(self, kind: Kind) -> asyncio.Task[dict[str, Item]]:
        task = self._loading[kind] = asyncio.get_running_loop().create_task(self._load(kind))
        task.add_done_callback(lambda done: self._loaded(kind, done))
        return task

    async def _awaited(self, kind: Kind, task: asyncio.Task[dict[str, Item]]) -> dict[str, Item]:
        """Wait for a list as long as a call may take; it is loaded on where that is not enough."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        done, _ = await asyncio.wait((task,), timeout=max(0.0, left_of(self.host.timeout_s)))
        add_wait(loop.time() - began)
        if not done:
            self.overdue.add(kind)
            raise self._late(kind, self.host.timeout_s)
        return task.result()

    def _late(self, kind: Kind, limit_s: float) -> Refusal:
        message = f"The server {self.host.id!r} did not list all its {kind.member} within {limit_s:g} s."
        return backend_failed(message, self.host.id, executed=False)

    async def fresh(self, kind: Kind) -> dict[str, Item]:
        """Give the items as the backend has them now, where it does not say when they change. Raises Refusal."""
        told = self.host.capabilities.get(kind.capability)
        if isinstance(told, dict) and told.get("listChanged") is True:
            return await self.items(kind)
        before = self._known.pop(kind, None)
        try:
            return await self.items(kind)
        except (Refusal, asyncio.CancelledError) as error:
            if before is None or kind in self._known:
                raise
            self._known[kind] = before
            if isinstance(error, Refusal):
                return before
            raise

    def forget(self, *kinds: Kind) -> None:
        """Let lists be loaded again when they are next needed; without a name, all."""
        for kind in kinds or (TOOLS, RESOURCES, TEMPLATES, PROMPTS):
            self._known.pop(kind, None)
            self._loading.pop(kind, None)

    def renew(self) -> None:
        """Let all lists be loaded again; what is being loaded waits for the backend that has just come up."""
        self._known.clear()

    def known(self, kind: Kind) -> dict[str, Item]:
        """Give the items of a kind as far as they are loaded."""
        return self._known.get(kind, {})

    def _loaded(self, kind: Kind, task: asyncio.Task[dict[str, Item]]) -> None:
        current = self._loading.get(kind) is task
        if current:
            del self._loading[kind]
        if not task.cancelled() and task.exception() is None and current:
            self._known[kind] = task.result()
            if kind in self.overdue:
                self.overdue.discard(kind)
                self.announce(kind)

    async def _load(self, kind: Kind) -> dict[str, Item]:
        loop = asyncio.get_running_loop()
        waited_s.set(None)  # it is loaded for whoever asks next, too
        if self.host.session is None or self.host.session.gone.is_set():
            await self.host.ready(loop.time() + self.host.timeout_s)
        if not self.host.offers(kind.capability):
            return {}
        items: list[Item] = []
        cursor: str | None = None
        until = loop.time() + max(MAX_LOADING_S, self.host.timeout_s)
        for _ in range(MAX_PAGES):
            if loop.time() > until:
                raise self._late(kind, max(MAX_LOADING_S, self.host.timeout_s))
            params = write_value({"cursor": cursor}) if cursor is not None else "{}"
            reply = await self.host.request(kind.method, params, repeatable=True)
            if reply.result is None or not isinstance(reply.result.value, dict):
                if kind is TEMPLATES:
                    return {}  # some servers declare resources and do not know templates
                raise backend_failed(
                    f"The server {self.host.id!r} did not list its {kind.member}.", self.host.id, executed=False
                )
            items += self._page(kind, reply.result.raw)
            following = reply.result.value.get("nextCursor")
            if not isinstance(following, str) or following == cursor or len(items) > MAX_ITEMS:
                break
            cursor = following
        seen = await self.review(self.host, kind, self._unique(kind, items))
        return {item.name: item for item in seen}

    def _page(self, kind: Kind, raw: str) -> list[Item]:
        member = read_object(raw).get(kind.member)
        found = []
        for text in array_elements(member.raw) if member is not None and isinstance(member.value, list) else []:
            value = read_value(text)
            name = value.get(kind.key) if isinstance(value, dict) else None
            if isinstance(name, str) and name:
                found.append(Item(name, value, text))
        return found

    def _unique(self, kind: Kind, items: Sequence[Item]) -> list[Item]:
        counts: dict[str, int] = {}
        for item in items:
            counts[item.name] = counts.get(item.name, 0) + 1
        for name, count in counts.items():
            if count > 1:
                self.host.diagnostics.say(
                    f"backend {self.host.id}: {name!r} stands {count} times in {kind.method}: refused, as nobody could "
                    "tell which is called."
                )
        return [item for item in items if counts[item.name] == 1]
