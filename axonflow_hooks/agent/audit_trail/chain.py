"""What an entry, the head and a checkpoint commit to; pure functions of rows and keys.

An entry commits to its predecessor by SHA-256. The head (the newest entry) is authenticated in every commit by a key
that lies outside the database, so that a removed tail shows. Checkpoints are signed with Ed25519 (RFC 8032), so that
whoever has the public key alone can verify what was signed.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from axonflow_hooks.agent.tables.records import canonical_row

if TYPE_CHECKING:
    from collections.abc import Mapping

GENESIS: Final = "0" * 64
"""The hash that the first entry names as its predecessor's."""

HASH_COLUMN: Final = "row_hash"
HEAD_COLUMNS: Final = ("sequence", "row_hash", "anchor_sequence", "anchor_hash", "checkpoint_sequence")
CHECKPOINT_COLUMNS: Final = ("sequence", "row_hash", "entries", "previous_sequence", "timestamp")
_HEAD_PURPOSE: Final = b"axonflow audit head 1\n"
_CHECKPOINT_PURPOSE: Final = b"axonflow audit checkpoint 1\n"
_HEAD_KEY_PURPOSE: Final = b"axonflow audit head key 1"
_ROW_KEY_PURPOSE: Final = b"axonflow row key 1"


@dataclass(frozen=True, slots=True)
class Head:
    """Where the trail ends (`sequence`, `row_hash`), where it begins, and the newest checkpoint.

    It begins after `anchor_sequence`, whose hash is `anchor_hash`; 0 and GENESIS while nothing was pruned.
    """

    sequence: int = 0
    row_hash: str = GENESIS
    anchor_sequence: int = 0
    anchor_hash: str = GENESIS
    checkpoint_sequence: int = 0

    def columns(self) -> dict[str, Any]:
        """Give what is authenticated, as the table `audit_head` names it."""
        return {name: getattr(self, name) for name in HEAD_COLUMNS}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement: at `timestamp` the entry `sequence` had `row_hash`, and `entries` were kept."""

    sequence: int
    row_hash: str
    entries: int
    previous_sequence: int
    timestamp: str

    def columns(self) -> dict[str, Any]:
        """Give what is signed, as the table `audit_checkpoints` names it."""
        return {name: getattr(self, name) for name in CHECKPOINT_COLUMNS}


def row_hash(row: Mapping[str, Any]) -> str:
    """Give the hash of an entry: over all its columns, `previous_hash` and `sequence` among them, but its own.

    Raises ValueError or TypeError for a value that no entry has.
    """
    if HASH_COLUMN in row:
        row = {name: value for name, value in row.items() if name != HASH_COLUMN}
    return hashlib.sha256(canonical_row(row)).hexdigest()


def decision_hash(row: Mapping[str, Any]) -> str:
    """Give the hash of a decision's row, which the entry of its verdict commits to. Raises as `row_hash` does."""
    return hashlib.sha256(canonical_row(row)).hexdigest()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Verifies checkpoints. `raw` are the 32 bytes of RFC 8032."""

    raw: bytes

    @property
    def key_id(self) -> str:
        """Give the name that checkpoints carry of the key that signed them: 16 hexadecimal digits."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def has_signed(self, checkpoint: Checkpoint, signature: str) -> bool:
        """Tell whether `signature` (hexadecimal, as `Seal.sign` writes it) is this key's over the checkpoint."""
        try:
            raw = bytes.fromhex(signature)
            if raw.hex() != signature:  # fromhex overlooks spaces
                return False
            Ed25519PublicKey.from_public_bytes(self.raw).verify(raw, _signed_bytes(checkpoint))
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True


class Seal:
    """The private key of the trail: 32 bytes, from which the signing key, the head's key and that of rows follow."""

    def __init__(self, seed: bytes) -> None:
        self._signing = Ed25519PrivateKey.from_private_bytes(seed)
        self._head_key = hmac.digest(seed, _HEAD_KEY_PURPOSE, "sha256")
        self._row_key = hmac.digest(seed, _ROW_KEY_PURPOSE, "sha256")

    @cached_property
    def public(self) -> PublicKey:
        """Give the public half."""
        return PublicKey(self._signing.public_key().public_bytes_raw())

    @cached_property
    def key_id(self) -> str:
        """Give the name of the key."""
        return self.public.key_id

    def mac(self, head: Head) -> str:
        """Give the authentication code of a head: HMAC-SHA-256, hexadecimal."""
        return hmac.digest(self._head_key, _HEAD_PURPOSE + canonical_row(head.columns()), "sha256").hex()

    def authenticates(self, head: Head, mac: object) -> bool:
        """Tell whether `mac` is this key's over the head."""
        try:
            return isinstance(mac, str) and hmac.compare_digest(self.mac(head).encode(), mac.encode("utf-8", "replace"))
        except (ValueError, TypeError):
            return False

    def row_mac(self, table: str, row: Mapping[str, Any]) -> str:
        """Give the authentication code of a row of another table: HMAC-SHA-256, hexadecimal.

        Raises ValueError or TypeError for a value that no row has.
        """
        return hmac.digest(self._row_key, table.encode("ascii") + b"\n" + canonical_row(row), "sha256").hex()

    def sign(self, checkpoint: Checkpoint) -> str:
        """Give the Ed25519 signature of a checkpoint, hexadecimal."""
        return self._signing.sign(_signed_bytes(checkpoint)).hex()


def _signed_bytes(checkpoint: Checkpoint) -> bytes:
    return _CHECKPOINT_PURPOSE + canonical_row(checkpoint.columns())
