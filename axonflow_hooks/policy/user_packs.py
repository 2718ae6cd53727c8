"""A user's own packs beside the built-in ones, read again when their files change."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy.engine import load_engine
from axonflow_hooks.policy.pack import builtin_packs, load_packs

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.policy.engine import Engine, PiiAction

    State = tuple[tuple[str, int, int], ...]


def pack_files(folder: Path) -> list[Path]:
    """Give the packs of a folder (`*.toml`) by name; none where the folder is not there or cannot be read."""
    try:
        return sorted(path for path in folder.glob("*.toml") if path.is_file())
    except OSError:
        return []


class PolicySource:
    """Gives the engine of the built-in packs and those of a folder, and follows the files.

    A pack that is not valid is refused whole: the engine made last stays in use, and `fault` says what is wrong, with
    file and line. Safe for use from several threads.
    """

    def __init__(self, folder: Path, *, pii_action: PiiAction | None = None) -> None:
        """Make the first engine; packs that are not valid leave the built-in policies in use."""
        self.fault: PolicyPackError | None = None
        self._folder = folder
        self._pii_action: PiiAction | None = pii_action
        self._builtin = builtin_packs()
        self._lock = threading.Lock()
        self._engine = load_engine(pii_action=pii_action, packs=self._builtin)
        self._state: State = ()
        self.reload()

    @property
    def engine(self) -> Engine:
        """The engine made last; call `reload` to look at the files."""
        return self._engine

    def reload(self) -> bool:
        """Look at the files and make a new engine if they changed; tell whether there is a new one."""
        with self._lock:
            files = pack_files(self._folder)
            state = tuple(_stamp(path) for path in files)
            if state == self._state:
                return False
            self._state = state
            try:
                packs = (*self._builtin, *load_packs(files))
                engine = load_engine(pii_action=self._pii_action, packs=packs)
            except PolicyPackError as error:
                self.fault = error
                return False
            self.fault = None
            self._engine = engine
            return True


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return path.name, -1, -1
    return path.name, found.st_mtime_ns, found.st_size
