"""Which of the items a backend lists may be seen: allowed by the map, unchanged since accepted, clean by policy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.errors import CredentialError
from axonflow_hooks.proxy.catalogue import TOOLS, Item
from axonflow_hooks.proxy.cautions import injections
from axonflow_hooks.proxy.exact_json import UnreadableMessage, array_elements, read_value
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.pins import definition_hash
from axonflow_hooks.proxy.refusals import DENIED, MaskedName, Refusal
from axonflow_hooks.proxy.schema_references import references_elsewhere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.proxy.backend import BackendHost
    from axonflow_hooks.proxy.catalogue import Kind
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.pins import PinnedTools, PinStore
    from axonflow_hooks.proxy.response_plane import ResponsePlane

MAX_NAMED: Final = 3
HOLDS_MASKED: Final = "its definition holds what policy masks"
HELD: Final = "Run `axonflow-hooks proxy approve` to see the difference and decide."


@dataclass(slots=True)
class Integrity:
    """The review of one client's lists.

    `hidden` says why tools are not shown, `unchecked` names the backends to ask the agent about again, and why.
    """

    pins: PinStore
    responses: ResponsePlane
    diagnostics: Diagnostics
    hidden: dict[tuple[str, str], str] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)
    _looked_at: dict[tuple[str, str], str] = field(default_factory=dict)

    async def review(self, host: BackendHost, kind: Kind, items: Sequence[Item]) -> list[Item]:
        """Take the items a backend lists, give those that may be seen. What cannot be checked is not seen."""
        if kind is not TOOLS:
            return await self._checked(host, kind, items)
        for key in [key for key in self.hidden if key[0] == host.id]:
            del self.hidden[key]
        offered = [item for item in items if host.spec.exposes(item.name)]
        try:
            return await self._tools(host, offered)
        except CredentialError as error:
            self.diagnostics.say(f"backend {host.id}: its tools are hidden, as {error}")
            for item in offered:
                self.hidden[host.id, item.name] = str(error)
            return []

    async def _tools(self, host: BackendHost, offered: list[Item]) -> list[Item]:
        known = self.pins.read(host.id)
        visible: set[str] = set()
        fresh: list[Item] = []
        for item in offered:
            pin, digest = known.pinned.get(item.name), definition_hash(item.value)
            self._note_references(host, item, digest)
            if pin is not None and pin.hash == digest:
                visible.add(item.name)
                if item.name in known.waiting:
                    self.pins.forget_waiting(host.id, item.name)
            elif pin is not None:
                self._hold(host, item, known, "its definition has changed since it was accepted")
            elif (held := known.waiting.get(item.name)) is not None and held.hash == digest:
                self.hidden[host.id, item.name] = f"{held.reason}. {HELD}"
            else:
                fresh.append(item)
        clean = await self._scan(host, fresh, known)
        if clean:
            self.pins.pin(host.id, {item.name: item.value for item in clean})
        visible |= {item.name for item in clean}
        return [item for item in offered if item.name in visible]

    def _note_references(self, host: BackendHost, item: Item, digest: str) -> None:
        """Say once of a definition what its schemas refer to elsewhere."""
        if self._looked_at.get((host.id, item.name)) == digest:
            return
        self._looked_at[host.id, item.name] = digest
        for member, reference in references_elsewhere(item.value)[:MAX_NAMED]:
            then = ", and results of it that must be masked are withheld" if member == "outputSchema" else ""
            self.diagnostics.say(
                f"backend {host.id}: the {member} of the tool {item.name[:80]!r} refers to {reference[:80]!r}: the "
                f"proxy does not fetch that{then}."
            )

    def _hold(self, host: BackendHost, item: Item, known: PinnedTools, reason: str) -> None:
        self.hidden[host.id, item.name] = f"{reason}. {HELD}"
        waiting = known.waiting.get(item.name)
        if waiting is None or waiting.hash != definition_hash(item.value):
            self.pins.hold(host.id, item.name, item.value, reason)
            self.diagnostics.say(f"backend {host.id}: the tool {item.name!r} is hidden: {reason}. {HELD}")

    async def _scan(self, host: BackendHost, fresh: list[Item], known: PinnedTools) -> list[Item]:
        """Have new definitions looked at for instructions to the model and the like; give the clean ones."""
        if not fresh or await self._is_clean(host, fresh) == "":
            return fresh
        clean = []
        for item in fresh:
            fault = await self._is_clean(host, [item])
            if fault == "":
                clean.append(item)
            elif fault is None:
                why = self.unchecked.get(host.id, "")
                self.hidden[host.id, item.name] = f"its definition could not be checked yet. {why}".rstrip()
            else:
                self._hold(host, item, known, fault)
        if host.id not in self.unchecked:
            self._said.pop(host.id, None)
        return clean

    async def _is_clean(self, host: BackendHost, items: list[Item]) -> str | None:
        """Give "" for clean definitions, what is wrong with them otherwise, None when nobody could tell."""
        value = [item.value for item in items]
        try:
            checked = await self.responses.check(Target(host.id, "tools/list"), value, json.dumps(value))
        except Refusal as refusal:
            if isinstance(refusal.cause, MaskedName):
                return HOLDS_MASKED
            if refusal.code != DENIED:
                self._unchecked(host, refusal)
                return None
            policies = refusal.decision.policies if refusal.decision else ()
            return f"its definition is blocked by policy ({', '.join(policies) or 'unnamed'})"
        if found := injections(checked.warned):
            names = ", ".join(caution.name for caution in found[:MAX_NAMED])
            return f"its definition reads as orders to the model ({names})"
        return HOLDS_MASKED if checked.redactions else ""

    def _unchecked(self, host: BackendHost, refusal: Refusal) -> None:
        """Note that nobody could tell, and why: said once, until something else is the reason."""
        why = self.unchecked[host.id] = _why(refusal)
        if self._said.get(host.id) != why:
            self._said[host.id] = why
            self.diagnostics.say(f"backend {host.id}: new tools could not be checked and are hidden. {why}")

    async def _checked(self, host: BackendHost, kind: Kind, items: Sequence[Item]) -> list[Item]:
        """Have the texts of other lists checked as results are: all at once, without those that may not."""
        target = Target(host.id, kind.method)
        if not items:
            return []
        raw = f"[{','.join(item.raw for item in items)}]"
        try:
            checked = await self.responses.check(target, [item.value for item in items], raw)
        except Refusal as refusal:
            if refusal.code != DENIED and not isinstance(refusal.cause, MaskedName):
                self.unchecked[host.id] = _why(refusal)
                raise
            return await self._apart(host, kind, items, refusal.message)
        if not checked.redactions:
            return list(items)
        try:
            return _masked(kind, items, checked.raw)
        except UnreadableMessage as error:
            return await self._apart(host, kind, items, f"masked it cannot be read, as {error}")

    async def _apart(self, host: BackendHost, kind: Kind, items: Sequence[Item], fault: str) -> list[Item]:
        """Have items checked in halves that cannot be seen together; a single one is hidden."""
        if len(items) == 1:
            self.diagnostics.say(f"backend {host.id}: {items[0].name[:80]!r} is hidden: {fault}")
            return []
        middle = len(items) // 2
        first = await self._checked(host, kind, items[:middle])
        return first + await self._checked(host, kind, items[middle:])


def _masked(kind: Kind, items: Sequence[Item], raw: str) -> list[Item]:
    """Take items and the text of their list, masked; give them masked. Raises UnreadableMessage."""
    found = []
    for item, text in zip(items, array_elements(raw), strict=True):
        value = read_value(text)
        if value.get(kind.key) == item.name:  # a name that is masked could not be asked for
            found.append(Item(item.name, value, text))
    return found


def _why(refusal: Refusal) -> str:
    """Give why nobody could tell: what the agent link says, with its remedy, where that is the reason."""
    return str(refusal.cause) if refusal.cause is not None else refusal.message
