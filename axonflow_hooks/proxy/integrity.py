"""Which of the items a backend lists may be seen: allowed by the map, unchanged since accepted, clean by policy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.errors import CredentialError
from axonflow_hooks.proxy.catalogue import TOOLS, Item
from axonflow_hooks.proxy.cautions import injections
from axonflow_hooks.proxy.exact_json import UnreadableMessage, array_elements, read_value
from axonflow_hooks.proxy.masked_definition import said_otherwise
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.pin_file import MAX_NESTING, nested_too_deeply
from axonflow_hooks.proxy.pins import Accepted, Changes, Held, definition_hash
from axonflow_hooks.proxy.refusals import DENIED, MaskedName, Refusal
from axonflow_hooks.proxy.schema_references import references_elsewhere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.proxy.backend import BackendHost
    from axonflow_hooks.proxy.catalogue import Kind
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.pin_file import PinnedTools
    from axonflow_hooks.proxy.pins import PinStore
    from axonflow_hooks.proxy.response_plane import ResponsePlane

MAX_NAMED: Final = 3
HOLDS_MASKED: Final = "its definition holds what policy masks"
CHANGED: Final = "its definition has changed since it was accepted"
LOST: Final = "what was accepted of it cannot be read"
TOO_DEEP: Final = f"its definition is nested more than {MAX_NESTING} deep, so it cannot be kept or compared."
NO_ROOM: Final = "there is no room for more definitions of this server."
HELD: Final = "Run `axonflow-hooks proxy approve` to see the difference and decide."


@dataclass(slots=True)
class _Review:
    """The review of one list of tools: what may be seen, why the rest may not, what is to be written and said."""

    known: PinnedTools
    visible: dict[str, Item] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)
    fresh: list[Item] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)
    digests: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def sort(self, item: Item) -> None:
        """Take it that a tool is offered: show it, hide it, or have it looked at."""
        name, digest = item.name, self.digests[item.name]
        pin, held = self.known.pinned.get(name), self.known.waiting.get(name)
        if name in self.known.unreadable:
            self.hold(item, LOST)
        elif pin is not None and pin.hash == digest:
            shown = item if pin.masked is None else _as_kept(item, pin.masked)
            if shown is None:
                self.fresh.append(item)
                return
            self.visible[name] = shown
            if held is not None:
                self.changes.cleared.add(name)
        elif pin is not None:
            self.hold(item, CHANGED)
        elif held is not None and held.hash == digest and held.reason != HOLDS_MASKED:
            self.hidden[name] = f"{held.reason}. {HELD}"
        else:
            self.fresh.append(item)

    def hold(self, item: Item, reason: str) -> None:
        """Hide a tool until a person has seen it."""
        self.hidden[item.name] = f"{reason}. {HELD}"
        waiting = self.known.waiting.get(item.name)
        if waiting is None or (waiting.hash, waiting.reason) != (self.digests[item.name], reason):
            self.changes.held[item.name] = Held(item.value, reason)
            self.said.append(f"the tool {item.name!r} is hidden: {reason}. {HELD}")

    def accept(self, item: Item, masked: str | None = None) -> None:
        """Show a tool, as it is masked where anything of it is; what is kept is its definition."""
        self.visible[item.name] = item if masked is None else Item(item.name, read_value(masked), masked)
        if item.name not in self.known.pinned:
            self.changes.accepted[item.name] = Accepted(item.value, masked)

    def accept_masked(self, item: Item, text: str) -> None:
        """Show a tool as its text is masked, where it says the same but for its prose."""
        if text == item.raw:
            self.accept(item)
            return
        try:
            fault = said_otherwise(item.value, read_value(text), TOOLS.key)
        except UnreadableMessage:
            fault = "the name of a field"
        if fault:
            self.hold(item, f"{HOLDS_MASKED}: {fault}")
        else:
            self.accept(item, text)


def _as_kept(item: Item, masked: str) -> Item | None:
    """Give a tool as its definition was masked before; None where that text is not kept."""
    try:
        return Item(item.name, read_value(masked), masked)
    except UnreadableMessage:
        return None


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
    _told: dict[str, list[str]] = field(default_factory=dict)
    _looked_at: dict[tuple[str, str], str] = field(default_factory=dict)

    async def review(self, host: BackendHost, kind: Kind, items: Sequence[Item]) -> list[Item]:
        """Take the items a backend lists, give those that may be seen. What cannot be checked is not seen."""
        if kind is not TOOLS:
            return await self._checked(host, kind, items)
        offered = [item for item in items if host.spec.exposes(item.name)]
        try:
            visible, hidden = await self._tools(host, offered)
        except CredentialError as error:
            self.diagnostics.say(f"backend {host.id}: its tools are hidden, as {error}")
            visible, hidden = {}, {item.name: str(error) for item in offered}
        for key in [key for key in self.hidden if key[0] == host.id]:
            del self.hidden[key]
        self.hidden |= {(host.id, name): reason for name, reason in hidden.items()}
        return [visible[item.name] for item in offered if item.name in visible]

    async def _tools(self, host: BackendHost, offered: list[Item]) -> tuple[dict[str, Item], dict[str, str]]:
        """Give the tools that may be seen, and of the others why not; what is new of them is written down at once."""
        review = await asyncio.to_thread(self._compared, host.id, offered)
        for item in offered:
            self._note_references(host, item, review.digests.get(item.name, ""))
        await self._scan(host, review)
        if review.changes:
            left_out = await asyncio.to_thread(self.pins.record, host.id, review.changes)
            for name in left_out:
                review.visible.pop(name, None)
                review.hidden[name] = NO_ROOM
            if left_out:
                review.said.append(f"{len(left_out)} tools are hidden: {NO_ROOM}")
        before, self._told[host.id] = self._told.get(host.id, ()), review.said
        for text in review.said:
            if text not in before:
                self.diagnostics.say(f"backend {host.id}: {text}")
        return review.visible, review.hidden

    def _compared(self, backend: str, offered: list[Item]) -> _Review:
        """Compare what is offered with what is known of it; run in a thread, as lists may be long."""
        review = _Review(self.pins.read(backend))
        for item in offered:
            if nested_too_deeply(item.value):
                review.hidden[item.name] = TOO_DEEP
                review.said.append(f"the tool {item.name[:80]!r} is hidden: {TOO_DEEP}")
                continue
            review.digests[item.name] = definition_hash(item.value)
            review.sort(item)
        return review

    def _note_references(self, host: BackendHost, item: Item, digest: str) -> None:
        """Say once of a definition what its schemas refer to elsewhere."""
        if not digest or self._looked_at.get((host.id, item.name)) == digest:
            return
        self._looked_at[host.id, item.name] = digest
        for member, reference in references_elsewhere(item.value)[:MAX_NAMED]:
            then = ", and results of it that must be masked are withheld" if member == "outputSchema" else ""
            self.diagnostics.say(
                f"backend {host.id}: the {member} of the tool {item.name[:80]!r} refers to {reference[:80]!r}: the "
                f"proxy does not fetch that{then}."
            )

    async def _scan(self, host: BackendHost, review: _Review) -> None:
        """Have new definitions looked at for instructions to the model and the like, all at once where that will do."""
        if not review.fresh:
            return
        found = await self._look(host, review.fresh)
        for place, item in enumerate(review.fresh):
            if isinstance(found, list) and found[place] == item.raw:
                review.accept(item)
                continue
            alone = found if len(review.fresh) == 1 else await self._look(host, [item])
            if isinstance(alone, list):
                review.accept_masked(item, alone[0])
            elif alone is None:
                why = self.unchecked.get(host.id, "")
                review.hidden[item.name] = f"its definition could not be checked yet. {why}".rstrip()
            else:
                review.hold(item, alone)
        if host.id not in self.unchecked:
            self._said.pop(host.id, None)

    async def _look(self, host: BackendHost, items: list[Item]) -> list[str] | str | None:
        """Give the texts of definitions as they may be shown, or what is wrong with them; None when nobody can tell."""
        raw = f"[{','.join(item.raw for item in items)}]"
        try:
            checked = await self.responses.check(Target(host.id, "tools/list"), [item.value for item in items], raw)
        except Refusal as refusal:
            if isinstance(refusal.cause, MaskedName):
                return f"{HOLDS_MASKED}: the name of a field"
            if refusal.code != DENIED:
                self._unchecked(host, refusal)
                return None
            policies = refusal.decision.policies if refusal.decision else ()
            return f"its definition is blocked by policy ({', '.join(policies) or 'unnamed'})"
        if found := injections(checked.warned):
            names = ", ".join(caution.name for caution in found[:MAX_NAMED])
            return f"its definition reads as orders to the model ({names})"
        return array_elements(checked.raw) if checked.redactions else [item.raw for item in items]

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
