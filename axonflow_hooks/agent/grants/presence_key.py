"""What the agent knows of the person's passphrase: enough to check a proof, too little to make one.

`presence.json` lies beside the agent's other keys, 0600, and is read once, at the start. Only who can stop the agent
and write there can set or change it, and whoever can do that could replace the agent itself: enrolment opens no new
door.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from axonflow_hooks.agent.tables.records import now
from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import read_private_json, write_private_json
from axonflow_hooks.wire.presence import KEY_BYTES, SCRYPT_N, SCRYPT_P, SCRYPT_R, Cost, client_key, stored_key

if TYPE_CHECKING:
    from pathlib import Path

PRESENCE_NAME: Final = "presence.json"
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks proofs of one passphrase. `fingerprint` names it in lists and in the audit trail."""

    cost: Cost
    key: bytes = field(repr=False)
    enrolled_at: str = ""

    @property
    def fingerprint(self) -> str:
        """A name that changes with the passphrase and tells nothing of it."""
        return hashlib.sha256(b"axonflow presence fingerprint" + self.key).hexdigest()[:12]

    def matches(self, passphrase: str) -> bool:
        """Tell whether this is the passphrase; takes a fifth of a second."""
        return hmac.compare_digest(stored_key(client_key(passphrase, self.cost)), self.key)


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    version: int
    cost: Cost
    stored_key: str
    enrolled_at: str


def load_verifier(folder: Path) -> Verifier | None:
    """Give what is kept in the folder of the agent's keys, None where nobody has set a passphrase.

    Raises CredentialError when the file is readable by others or damaged.
    """
    path = folder / PRESENCE_NAME
    value = read_private_json(path)
    if value is None:
        return None
    try:
        kept = _File.model_validate(value)
        key = base64.b64decode(kept.stored_key, validate=True)
        salt = base64.b64decode(kept.cost.salt, validate=True)
    except (ValidationError, ValueError):
        raise _damaged(path) from None
    if len(key) != KEY_BYTES or len(salt) != SALT_BYTES or kept.version != 1:
        raise _damaged(path)
    return Verifier(kept.cost, key, kept.enrolled_at)


def enrol(folder: Path, passphrase: str) -> Verifier:
    """Keep a passphrase's verifier in the place of any before it. Raises OSError."""
    salt = base64.b64encode(os.urandom(SALT_BYTES)).decode("ascii")
    cost = Cost(salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    made = Verifier(cost, stored_key(client_key(passphrase, cost)), now())
    kept = _File(
        version=1,
        cost=cost,
        stored_key=base64.b64encode(made.key).decode("ascii"),
        enrolled_at=made.enrolled_at,
    )
    write_private_json(folder / PRESENCE_NAME, kept.model_dump())
    return made


def _damaged(path: Path) -> CredentialError:
    return CredentialError(f"{path} is damaged.", remedy="Delete it, and set a passphrase: axonflow-hooks presence set")
