"""Tool definitions as they were first seen and accepted: a definition that changes later hides its tool.

One private JSON file for each backend. A tool is pinned when it is first seen and nothing in its description is found
wanting; what is blocked or changed waits there until a person accepts it (`axonflow-hooks proxy approve`).
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import (
    MAX_PRIVATE_FILE_BYTES,
    PRIVATE_FILE_MODE,
    make_private_dir,
    read_private_json,
    write_private_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from axonflow_hooks.paths import Paths

LOCK_TIMEOUT_S: Final = 10.0
MAX_FILE_BYTES: Final = MAX_PRIVATE_FILE_BYTES - 100_000


class Pin(BaseModel):
    """One accepted definition; without its text where the file would grow too large."""

    model_config = ConfigDict(extra="ignore")

    hash: str
    definition: dict[str, Any] | None = None
    since: str = ""


class Waiting(Pin):
    """A definition that waits for a person, and why."""

    reason: str = ""


class PinnedTools(BaseModel):
    """The file of one backend."""

    model_config = ConfigDict(extra="ignore")

    pinned: dict[str, Pin] = Field(default_factory=dict)
    waiting: dict[str, Waiting] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PinStore:
    """The files in one folder. Every method raises CredentialError when one cannot be trusted, read or written."""

    folder: Path

    def read(self, backend: str) -> PinnedTools:
        """Give what is known of a backend's tools."""
        path = self._path(backend)
        try:
            return PinnedTools.model_validate(read_private_json(path) or {})
        except ValidationError:
            raise CredentialError(
                f"{path} does not hold tool definitions.",
                remedy="Delete it: the tools are then pinned anew as they are, so look at them first.",
            ) from None

    def pin(self, backend: str, definitions: Mapping[str, dict[str, Any]]) -> None:
        """Accept definitions that were not known."""
        with self._change(backend) as file:
            for name, definition in definitions.items():
                file.pinned.setdefault(name, _pin(definition))
                file.waiting.pop(name, None)
            self._write(backend, file)

    def hold(self, backend: str, name: str, definition: dict[str, Any], reason: str) -> None:
        """Let a definition wait for a person."""
        with self._change(backend) as file:
            file.waiting[name] = Waiting(**_pin(definition).model_dump(), reason=reason)
            self._write(backend, file)

    def forget_waiting(self, backend: str, name: str) -> None:
        """Let nothing wait for a tool any more: its definition is the accepted one again."""
        with self._change(backend) as file:
            if file.waiting.pop(name, None) is not None:
                self._write(backend, file)

    def approve(self, backend: str, name: str, digest: str) -> bool:
        """Accept the definition with this hash, if it still is the one that waits; tell whether it was."""
        with self._change(backend) as file:
            waiting = file.waiting.get(name)
            if waiting is None or waiting.hash != digest:
                return False
            del file.waiting[name]
            file.pinned[name] = Pin(hash=waiting.hash, definition=waiting.definition, since=_now())
            self._write(backend, file)
            return True

    def all_waiting(self) -> list[tuple[str, str, Waiting, Pin | None]]:
        """Give (backend, tool, what waits, what was accepted before) of everything that waits for a person."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            file = self.read(path.stem)
            found += [(path.stem, name, held, file.pinned.get(name)) for name, held in sorted(file.waiting.items())]
        return found

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

    def _write(self, backend: str, file: PinnedTools) -> None:
        value = file.model_dump(exclude_none=True)
        if len(json.dumps(value)) > MAX_FILE_BYTES:
            for pin in (*file.pinned.values(), *file.waiting.values()):
                pin.definition = None  # the hash alone still tells a change; the difference cannot be shown
            value = file.model_dump(exclude_none=True)
        try:
            write_private_json(self._path(backend), value)
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
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def difference(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    """Give the lines in which two definitions differ, as a unified diff; control characters are shown as escapes."""

    def shown(definition: dict[str, Any] | None) -> list[str]:
        if definition is None:
            return []
        return json.dumps(definition, indent=2, sort_keys=True).splitlines()  # ASCII alone: nothing can hide

    return list(difflib.unified_diff(shown(before), shown(after), "accepted", "now", lineterm="", n=3))


def _pin(definition: dict[str, Any]) -> Pin:
    return Pin(hash=definition_hash(definition), definition=definition, since=_now())


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
