"""Tool definitions as they were first seen and accepted: a definition that changes later hides its tool.

One private JSON file for each backend. A tool is pinned when it is first seen and nothing in its description is found
wanting; what is blocked or changed waits there until a person accepts it (`axonflow-hooks proxy approve`).
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from filelock import FileLock, Timeout

from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir, read_private, write_private
from axonflow_hooks.proxy.pin_file import Pin, PinnedTools, Waiting, pins_text, read_pins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from axonflow_hooks.paths import Paths

LOCK_TIMEOUT_S: Final = 10.0
MAX_KEPT_CHARS: Final = 200_000
"""Of a larger definition the hash alone is kept."""


class Accepted(NamedTuple):
    """A definition that was found good, and its JSON text as policy masks it, None where it need not be masked."""

    definition: dict[str, Any]
    masked: str | None = None


class Held(NamedTuple):
    """A definition that has to wait for a person, and why."""

    definition: dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What the review of one list adds to what is known, by tool. Nothing waits for those of `cleared` any more."""

    accepted: dict[str, Accepted] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        """True where there is anything to be written."""
        return bool(self.accepted or self.held or self.cleared)


@dataclass(frozen=True, slots=True)
class PinStore:
    """The files in one folder. Every method raises CredentialError when one cannot be trusted, read or written."""

    folder: Path

    def read(self, backend: str) -> PinnedTools:
        """Give what is known of a backend's tools."""
        path = self._path(backend)
        data = read_private(path)
        if data is None:
            return PinnedTools()
        try:
            return read_pins(data)
        except ValueError:
            raise CredentialError(
                f"{path} does not hold tool definitions that can be read.",
                remedy="Correct it (an entry is a line), or put back a copy of it: without it, all that was accepted "
                "of this server's tools is forgotten, and they are accepted as they then are.",
            ) from None

    def record(self, backend: str, changes: Changes) -> frozenset[str]:
        """Take what a review has found, write it at once, and give the names of the tools there was no room for."""
        with self._change(backend) as file:
            known = {*file.pinned, *file.waiting, *file.unreadable}
            for name in (*changes.cleared, *changes.accepted):
                file.waiting.pop(name, None)
            for name, accepted in changes.accepted.items():
                file.pinned.setdefault(name, _pin(accepted))
            for name, held in changes.held.items():
                file.waiting[name] = Waiting(**vars(_pin(Accepted(held.definition))), reason=held.reason)
            text, left_out = pins_text(file, known)
            self._write(backend, text)
            return left_out

    def approve(self, backend: str, name: str, digest: str) -> bool:
        """Accept the definition with this hash, if it still is the one that waits; tell whether it was."""
        with self._change(backend) as file:
            waiting = file.waiting.get(name)
            if waiting is None or waiting.hash != digest:
                return False
            known = {*file.pinned, *file.waiting, *file.unreadable}
            del file.waiting[name]
            file.unreadable.pop(name, None)
            file.pinned[name] = Pin(hash=waiting.hash, definition=waiting.definition, since=_now())
            self._write(backend, pins_text(file, known)[0])
            return True

    def all_waiting(self) -> list[tuple[str, str, Waiting, Pin | None]]:
        """Give (backend, tool, what waits, what was accepted before) of everything that waits for a person.

        Files that cannot be read are left out: `unreadable` names them.
        """
        found = []
        for backend in self._backends():
            try:
                file = self.read(backend)
            except CredentialError:
                continue
            found += [(backend, name, held, file.pinned.get(name)) for name, held in sorted(file.waiting.items())]
        return found

    def unreadable(self) -> list[tuple[str, CredentialError]]:
        """Give (backend, what is wrong with its file) of those that cannot be read."""
        found = []
        for backend in self._backends():
            try:
                self.read(backend)
            except CredentialError as error:
                found.append((backend, error))
        return found

    def _backends(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def state(self) -> tuple[tuple[str, int], ...]:
        """Give something that differs after any file has changed."""
        try:
            return tuple(sorted((path.name, path.stat().st_mtime_ns) for path in self.folder.glob("*.json")))
        except OSError:
            return ()

    def _path(self, backend: str) -> Path:
        return self.folder / f"{backend}.json"

    def _change(self, backend: str) -> _Change:
        return _Change(self, backend)

    def _write(self, backend: str, text: str) -> None:
        try:
            write_private(self._path(backend), text.encode("ascii"))
        except OSError as error:
            raise CredentialError(
                f"{self._path(backend)} cannot be written: {error.strerror}.", remedy="Make its folder writable."
            ) from None


class _Change:
    """Holds the lock of one backend's file while it is read, changed and written."""

    def __init__(self, store: PinStore, backend: str) -> None:
        self._store, self._backend = store, backend
        self._lock = FileLock(store.folder / f".{backend}.lock", timeout=LOCK_TIMEOUT_S, mode=PRIVATE_FILE_MODE)

    def __enter__(self) -> PinnedTools:
        try:
            make_private_dir(self._store.folder)
            self._lock.acquire()
        except (OSError, Timeout) as error:
            raise CredentialError(
                f"{self._store.folder} cannot be locked ({type(error).__name__}).", remedy="Make it writable by you."
            ) from None
        try:
            return self._store.read(self._backend)
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *failure: object) -> None:
        self._lock.release()


def pin_store(paths: Paths) -> PinStore:
    """Give the store of this user."""
    return PinStore(paths.data_dir / "proxy" / "tool-pins")


def definition_hash(definition: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a definition, all of it, whatever the order of its keys."""
    return _digest(_canonical(definition))


def _canonical(definition: Mapping[str, Any]) -> str:
    return json.dumps(definition, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def difference(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    """Give the lines in which two definitions differ, as a unified diff; control characters are shown as escapes."""

    def shown(definition: dict[str, Any] | None) -> list[str]:
        if definition is None:
            return []
        return json.dumps(definition, indent=2, sort_keys=True).splitlines()  # ASCII alone: nothing can hide

    return list(difflib.unified_diff(shown(before), shown(after), "accepted", "now", lineterm="", n=3))


def _pin(accepted: Accepted) -> Pin:
    text = _canonical(accepted.definition)
    kept = len(text) + len(accepted.masked or "") <= MAX_KEPT_CHARS
    masked = accepted.masked if kept or accepted.masked is None else ""
    return Pin(hash=_digest(text), definition=accepted.definition if kept else None, since=_now(), masked=masked)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
