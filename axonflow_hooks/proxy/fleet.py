"""All backends of one proxy and what they offer: started together, listed together, found by the names clients use."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.proxy.catalogue import RESOURCES, TEMPLATES, Catalogue
from axonflow_hooks.proxy.exact_json import UnreadableMessage
from axonflow_hooks.proxy.naming import SEPARATOR, exposed_name
from axonflow_hooks.proxy.refusals import DENIED, INVALID_PARAMS, Refusal, backend_failed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from axonflow_hooks.proxy.backend import BackendHost
    from axonflow_hooks.proxy.catalogue import Item, Kind
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.integrity import Integrity

LIST_WAIT_S: Final = 10.0
"""How long the first list waits for backends that are still starting; later ones are announced when they are up."""


@dataclass(slots=True)
class Fleet:
    """The backends by id, each with what it offers. `announce` is called when a list comes that was waited for."""

    integrity: Integrity
    diagnostics: Diagnostics
    announce: Callable[[Kind], None]
    catalogues: dict[str, Catalogue] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def several(self) -> bool:
        """True when names carry the id of their backend."""
        return len(self.catalogues) > 1

    def start(self, hosts: list[BackendHost]) -> None:
        """Start backends, all at once."""
        loop = asyncio.get_running_loop()
        for host in hosts:
            self.catalogues[host.id] = Catalogue(host, self.integrity.review, self.announce)
            self._tasks.append(loop.create_task(host.run()))

    async def stop(self) -> None:
        """End all backends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hosts(self) -> list[BackendHost]:
        """Give the backends in the order of the map."""
        return [catalogue.host for catalogue in self.catalogues.values()]

    async def listed(self, kind: Kind, *, fresh: bool = False) -> list[tuple[BackendHost, Item]]:
        """Give what all backends offer of a kind; one that is down, slow or cannot be checked is left out.

        `fresh` asks those again that do not tell when their lists change.
        """
        await self._first_tries()
        asked = (self._items(catalogue, kind, fresh=fresh) for catalogue in self.catalogues.values())
        lists = await asyncio.gather(*asked)
        found = [
            (catalogue.host, item)
            for catalogue, items in zip(self.catalogues.values(), lists, strict=True)
            for item in items
        ]
        return self._without_collisions(kind, found)

    async def _first_tries(self) -> None:
        """Wait until each backend is up or known to be down, within bounds."""
        waits = [asyncio.ensure_future(host.first_try_over.wait()) for host in self.hosts()]
        _, late = await asyncio.wait(waits, timeout=LIST_WAIT_S)
        for wait in late:
            wait.cancel()

    async def _items(self, catalogue: Catalogue, kind: Kind, *, fresh: bool) -> list[Item]:
        host = catalogue.host
        if host.session is None and not catalogue.known(kind):
            return []  # it is announced when it is up
        try:
            loading = catalogue.fresh(kind) if fresh and host.session is not None else catalogue.items(kind)
            return list((await asyncio.wait_for(loading, LIST_WAIT_S)).values())
        except asyncio.TimeoutError:
            catalogue.overdue.add(kind)
            self.diagnostics.say(f"backend {host.id}: {kind.method} takes long; what it lists later is announced.")
            return list(catalogue.known(kind).values())
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one list, the others come
            self.diagnostics.say(f"backend {host.id}: {kind.method} is left out: {fault_of(error)}")
            return []

    def _without_collisions(self, kind: Kind, found: list[tuple[BackendHost, Item]]) -> list[tuple[BackendHost, Item]]:
        owners: dict[str, set[str]] = {}
        for host, item in found:
            owners.setdefault(self.shown(kind, host, item), set()).add(f"{host.id}:{item.name}")
        for name, who in owners.items():
            if len(who) > 1:
                self.diagnostics.say(f"{name[:200]!r} is refused, as it would name {' and '.join(sorted(who))}.")
        return [(host, item) for host, item in found if len(owners[self.shown(kind, host, item)]) == 1]

    def shown(self, kind: Kind, host: BackendHost, item: Item) -> str:
        """Give the name under which a client sees an item; URIs pass through."""
        if kind in {RESOURCES, TEMPLATES}:
            return item.name
        return exposed_name(host.id, item.name, several=self.several)

    async def find(self, kind: Kind, name: str) -> tuple[BackendHost, Item]:
        """Give what a name that a client uses stands for. Raises Refusal when it stands for nothing."""
        catalogue = self._catalogue_of(name)
        if catalogue is not None:
            for load in (catalogue.items, catalogue.fresh):
                item = self._named(kind, catalogue.host, await _read(load, kind, catalogue.host.id), name)
                if item is not None:
                    return catalogue.host, item
            self._refuse_hidden(catalogue.host.id, name)
        raise Refusal(INVALID_PARAMS, f"Unknown {kind.capability.removesuffix('s')}: {name[:200]}", verdict="error")

    def known(self, kind: Kind, name: str) -> tuple[BackendHost, Item] | None:
        """Give what `find` would, as far as that is known without asking a backend."""
        catalogue = self._catalogue_of(name)
        item = self._named(kind, catalogue.host, catalogue.known(kind), name) if catalogue is not None else None
        return (catalogue.host, item) if catalogue is not None and item is not None else None

    def _named(self, kind: Kind, host: BackendHost, items: Mapping[str, Item], name: str) -> Item | None:
        item = items.get(name if not self.several else name.partition(SEPARATOR)[2])
        if item is not None and self.shown(kind, host, item) == name:
            return item
        return next((item for item in items.values() if self.shown(kind, host, item) == name), None)

    def host_of(self, name: str) -> BackendHost | None:
        """Give the backend that a name would belong to, whether or not it stands for anything there."""
        catalogue = self._catalogue_of(name)
        return catalogue.host if catalogue is not None else None

    def _catalogue_of(self, name: str) -> Catalogue | None:
        if not self.several:
            return next(iter(self.catalogues.values()), None)
        return self.catalogues.get(name.partition(SEPARATOR)[0])

    def _refuse_hidden(self, backend: str, name: str) -> None:
        for (owner, tool), reason in self.integrity.hidden.items():
            if owner == backend and exposed_name(owner, tool, several=self.several) == name:
                raise Refusal(
                    DENIED, f"The tool {name} is not available: {reason}", verdict="deny", data={"reason": reason}
                )

    async def find_resource(self, uri: str) -> BackendHost:
        """Give the backend that a URI belongs to: by its list, else by its templates. Raises Refusal for neither."""
        await self._first_tries()  # what a backend offers is known once it is up
        offering = [catalogue for catalogue in self.catalogues.values() if catalogue.host.offers("resources")]
        if len(offering) == 1:
            return offering[0].host
        for fresh in (False, True):
            for kind in (RESOURCES, TEMPLATES):
                owner = _owner(uri, kind, await self.listed(kind, fresh=fresh))
                if owner is not None:
                    return owner
        raise Refusal(INVALID_PARAMS, f"Unknown resource: {uri[:200]}", verdict="error", data={"uri": uri[:2000]})


async def _read(load: Callable[[Kind], Awaitable[dict[str, Item]]], kind: Kind, backend: str) -> dict[str, Item]:
    """Load a list for a call. Raises Refusal, for whatever reason it does not come: the call was not made then."""
    try:
        return await load(kind)
    except Refusal as refusal:
        if refusal.data.get("executed", False) is False:
            raise
        fault = refusal.message.rstrip(".")
    except Exception as error:  # noqa: BLE001 - a call is refused and recorded, whatever is wrong with the list
        fault = fault_of(error)
    message = f"The call was not made, as {kind.method} of the server {backend!r} failed: {fault}."
    raise backend_failed(message, backend, executed=False)


def fault_of(error: Exception) -> str:
    """Give why a list cannot be shown, without anything of what it holds."""
    if isinstance(error, Refusal):
        return error.message
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"it cannot be read, as {error}" if isinstance(error, UnreadableMessage) else f"{type(error).__name__}"


def _owner(uri: str, kind: Kind, listed: list[tuple[BackendHost, Item]]) -> BackendHost | None:
    """Give the backend whose list, or whose template with the longest fixed beginning, a URI belongs to."""
    owners = {}
    for host, item in listed:
        start = item.name.partition("{")[0] if kind is TEMPLATES else item.name
        if uri == item.name or (kind is TEMPLATES and start and uri.startswith(start)):
            owners[host.id] = (len(start), host)
    return max(owners.values(), key=lambda owner: owner[0])[1] if owners else None
