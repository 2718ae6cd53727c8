"""All backends of one proxy and what they offer: started together, listed together, found by the names clients use."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.proxy.catalogue import RESOURCES, TEMPLATES, Catalogue
from axonflow_hooks.proxy.naming import SEPARATOR, exposed_name
from axonflow_hooks.proxy.refusals import DENIED, INVALID_PARAMS, Refusal

if TYPE_CHECKING:
    from axonflow_hooks.proxy.backend import BackendHost
    from axonflow_hooks.proxy.catalogue import Item, Kind
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.integrity import Integrity

LIST_WAIT_S: Final = 10.0
"""How long the first list waits for backends that are still starting; later ones are announced when they are up."""


@dataclass(slots=True)
class Fleet:
    """The backends by id, each with what it offers."""

    integrity: Integrity
    diagnostics: Diagnostics
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
            self.catalogues[host.id] = Catalogue(host, self.integrity.review)
            self._tasks.append(loop.create_task(host.run()))

    async def stop(self) -> None:
        """End all backends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hosts(self) -> list[BackendHost]:
        """Give the backends in the order of the map."""
        return [catalogue.host for catalogue in self.catalogues.values()]

    async def listed(self, kind: Kind) -> list[tuple[BackendHost, Item]]:
        """Give what all backends offer of a kind; one that is down or cannot be checked is left out."""
        await self._first_tries()
        lists = await asyncio.gather(*(self._items(catalogue, kind) for catalogue in self.catalogues.values()))
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

    async def _items(self, catalogue: Catalogue, kind: Kind) -> list[Item]:
        host = catalogue.host
        if host.session is None and not catalogue.known(kind):
            return []  # it is announced when it is up
        try:
            return list((await catalogue.items(kind)).values())
        except Refusal as refusal:
            self.diagnostics.say(f"backend {host.id}: {kind.method} is left out: {refusal.message}")
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
            items = await catalogue.items(kind)
            item = items.get(name if not self.several else name.partition(SEPARATOR)[2])
            if item is None or self.shown(kind, catalogue.host, item) != name:
                item = next((item for item in items.values() if self.shown(kind, catalogue.host, item) == name), None)
            if item is not None:
                return catalogue.host, item
            self._refuse_hidden(catalogue.host.id, name)
        raise Refusal(INVALID_PARAMS, f"Unknown {kind.capability.removesuffix('s')}: {name[:200]}", verdict="error")

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
        for kind in (RESOURCES, TEMPLATES):
            owners = {}
            for host, item in await self.listed(kind):
                start = item.name.partition("{")[0] if kind is TEMPLATES else item.name
                if uri == item.name or (kind is TEMPLATES and start and uri.startswith(start)):
                    owners[host.id] = (len(start), host)
            if owners:
                return max(owners.values(), key=lambda owner: owner[0])[1]
        raise Refusal(INVALID_PARAMS, f"Unknown resource: {uri[:200]}", verdict="error", data={"uri": uri[:2000]})
