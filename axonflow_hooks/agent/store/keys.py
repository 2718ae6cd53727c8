"""The agent's keys: files of 32 bytes, 0600, beside the database and never in it, so that a copy does not have them."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from axonflow_hooks.agent.audit_trail.chain import PublicKey, Seal
from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, check_private, make_private_dir, write_private

if TYPE_CHECKING:
    from pathlib import Path

HASH_KEY_NAME: Final = "statement-hash.key"
SIGNING_KEY_NAME: Final = "audit-signing.key"
PUBLIC_KEY_NAME: Final = "audit-signing.pub"
"""The public half in hexadecimal: what an auditor is given."""

KEY_BYTES: Final = 32
_LOCK_NAME: Final = "keys.lock"
_LOCK_TIMEOUT_S: Final = 10


@dataclass(frozen=True, slots=True)
class Keys:
    """The key for hashes of statements, and the seal of the audit trail."""

    statement_key: bytes
    seal: Seal

    @property
    def statement_key_id(self) -> str:
        """Give the name that hashes carry of the key they were made with."""
        return hashlib.sha256(self.statement_key).hexdigest()[:8]


def load_keys(folder: Path) -> Keys:
    """Give the keys in a folder, made where there are none; several agents may start at once.

    Raises StartupError for a file that does not hold a key, CredentialError for one that others can read, OSError.
    """
    make_private_dir(folder)
    try:
        with FileLock(folder / _LOCK_NAME, timeout=_LOCK_TIMEOUT_S, mode=PRIVATE_FILE_MODE):
            statement_key = _key(folder / HASH_KEY_NAME, "Delete it: a new one is made, and older hashes stay.")
            seal = Seal(_key(folder / SIGNING_KEY_NAME, "Restore it: without it the audit trail cannot be continued."))
            _publish(folder / PUBLIC_KEY_NAME, seal.public)
    except Timeout:
        raise StartupError(f"Another agent holds the keys in {folder}.", remedy="Try again.") from None
    return Keys(statement_key, seal)


def read_seal(folder: Path) -> Seal | None:
    """Give the seal in a folder, None where there is none; nothing is made. Raises as `load_keys` does."""
    seed = _read(folder / SIGNING_KEY_NAME)
    if seed is None:
        return None
    _check_length(folder / SIGNING_KEY_NAME, seed, "Restore it.")
    return Seal(seed)


def parse_public_key(text: str) -> PublicKey | None:
    """Take the 64 hexadecimal digits of a public key and give it; None when they are none."""
    try:
        raw = bytes.fromhex(text.strip())
    except ValueError:
        return None
    return PublicKey(raw) if len(raw) == KEY_BYTES else None


def _key(path: Path, remedy: str) -> bytes:
    key = _read(path)
    if key is None:
        key = secrets.token_bytes(KEY_BYTES)
        write_private(path, key)
    _check_length(path, key, remedy)
    return key


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as stream:
            check_private(path, os.fstat(stream.fileno()))
            return stream.read(2 * KEY_BYTES)
    except FileNotFoundError:
        return None


def _check_length(path: Path, key: bytes, remedy: str) -> None:
    if len(key) != KEY_BYTES:
        raise StartupError(f"{path} does not hold a key.", remedy=remedy)


def _publish(path: Path, public: PublicKey) -> None:
    text = public.raw.hex().encode() + b"\n"
    if not path.exists() or path.read_bytes() != text:
        write_private(path, text)
