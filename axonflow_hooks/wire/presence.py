"""Proof that a person is there: the words of the challenge, and the arithmetic that both sides share.

An addition of the embedded agent. The passphrase never leaves the terminal it is typed on: the client proves that it
knows it, for one question with one nonce, in the way of SCRAM (RFC 5802, 3) with scrypt (RFC 7914) in the place of
PBKDF2. What the agent keeps is enough to check such a proof and not enough to make one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import unicodedata
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

PRESENCE_HEADER: Final = "X-Axonflow-Presence"
"""`CODE:PROOF` of an answered challenge, with the request that was asked for again."""

PRESENCE_REQUIRED: Final = "PRESENCE_REQUIRED"
"""`code` of the 403 that carries a `challenge`."""

SCRYPT_N: Final = 1 << 16
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
"""64 MB and a fifth of a second for each guess."""

MAX_SCRYPT_N: Final = 1 << 18
MIN_SALT_BYTES: Final = 16
KEY_BYTES: Final = 32
MIN_PASSPHRASE_CHARS: Final = 12
MIN_DIFFERENT_CHARS: Final = 6
MAX_PASSPHRASE_CHARS: Final = 1_000


class Cost(BaseModel):
    """How a passphrase becomes a key: `salt` in base64 and the parameters of scrypt."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    salt: str
    n: int = Field(ge=SCRYPT_N, le=MAX_SCRYPT_N)
    r: int = Field(ge=SCRYPT_R, le=SCRYPT_R)
    p: int = Field(ge=SCRYPT_P, le=SCRYPT_P)


class Challenge(BaseModel):
    """A question for a person. `request` is all that the answer grants, `question` says it in words.

    `purpose` is `override`, `approval` or another word of the route that asks.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    code: str
    purpose: str
    request: dict[str, Any]
    question: str
    nonce: str
    expires_at: str
    cost: Cost


class PresenceStatus(BaseModel):
    """Whether the agent can tell a person from a program, and what waits for one."""

    model_config = ConfigDict(extra="ignore")

    enrolled: bool
    enrolled_at: str | None = None
    fingerprint: str | None = None


class WaitingQuestions(BaseModel):
    """The questions that wait for a person, newest first."""

    model_config = ConfigDict(extra="ignore")

    challenges: list[Challenge]
    count: int


def passphrase_fault(passphrase: str) -> str:
    """Say why a passphrase is none to choose, "" for a good one."""
    text = _normalised(passphrase)
    if len(text) < MIN_PASSPHRASE_CHARS:
        return f"The passphrase has fewer than {MIN_PASSPHRASE_CHARS} characters."
    if len(text) > MAX_PASSPHRASE_CHARS:
        return f"The passphrase has more than {MAX_PASSPHRASE_CHARS} characters."
    if len(set(text)) < MIN_DIFFERENT_CHARS:
        return f"The passphrase has fewer than {MIN_DIFFERENT_CHARS} different characters."
    return ""


def client_key(passphrase: str, cost: Cost) -> bytes:
    """Give the key that a passphrase stands for. Raises ValueError for a salt that is too short or no base64."""
    salt = base64.b64decode(cost.salt, validate=True)
    if len(salt) < MIN_SALT_BYTES:
        raise ValueError("the salt is too short")
    salted = hashlib.scrypt(
        _normalised(passphrase).encode("utf-8", "surrogatepass"),
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=256 * cost.n * cost.r,
        dklen=KEY_BYTES,
    )
    return hmac.new(salted, b"axonflow presence client key", hashlib.sha256).digest()


def stored_key(key: bytes) -> bytes:
    """Give what the agent keeps of a client key."""
    return hashlib.sha256(key).digest()


def proof_of(key: bytes, challenge: Challenge) -> str:
    """Take the client key and the challenge as it was shown to the person, and give the value of PRESENCE_HEADER."""
    signature = _signature(stored_key(key), challenge)
    proof = bytes(left ^ right for left, right in zip(key, signature, strict=True))
    return f"{challenge.code}:{base64.urlsafe_b64encode(proof).decode('ascii')}"


def is_proof(sent: str, kept: bytes, challenge: Challenge) -> bool:
    """Tell whether the proof part of a header answers a challenge; `kept` is what `stored_key` gave."""
    try:
        proof = base64.b64decode(sent, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(proof) != KEY_BYTES:
        return False
    signature = _signature(kept, challenge)
    key = bytes(left ^ right for left, right in zip(proof, signature, strict=True))
    return hmac.compare_digest(stored_key(key), kept)


def parse_header(value: str) -> tuple[str, str]:
    """Take the value of PRESENCE_HEADER and give the code and the proof, each "" where it is missing."""
    code, _, proof = value.strip().partition(":")
    return normalised_code(code), proof


def normalised_code(text: str) -> str:
    """Give a code as the agent writes it, from what a person has typed."""
    letters = "".join(char for char in text.upper() if char.isascii() and char.isalnum())[:8]
    return f"{letters[:4]}-{letters[4:]}"


def _signature(kept: bytes, challenge: Challenge) -> bytes:
    # Everything that the person was shown is in it: an answer to another question is no answer to this one.
    shown = challenge.model_dump(include={"code", "purpose", "request", "question", "nonce", "expires_at"})
    text = json.dumps({"v": 1, **shown}, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(kept, text.encode("ascii"), hashlib.sha256).digest()


def _normalised(passphrase: str) -> str:
    return unicodedata.normalize("NFC", passphrase.strip())
