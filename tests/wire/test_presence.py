"""The arithmetic of presence: what proves a passphrase, for which question, and what does not."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from axonflow_hooks.wire.presence import (
    MAX_SCRYPT_N,
    SCRYPT_N,
    Challenge,
    Cost,
    client_key,
    is_proof,
    normalised_code,
    parse_header,
    passphrase_fault,
    proof_of,
    stored_key,
)

COST = Cost(salt=base64.b64encode(b"s" * 32).decode(), n=SCRYPT_N, r=8, p=1)
KEY = client_key("correct horse battery staple", COST)
CHALLENGE = Challenge(
    code="ABCD-EFGH",
    purpose="override",
    request={"policy_id": "halt", "ttl_seconds": 60},
    question="Lift halt?",
    nonce="n" * 64,
    expires_at="2026-01-31T12:00:00.000000Z",
    cost=COST,
)


def proof(challenge: Challenge = CHALLENGE, key: bytes = KEY) -> str:
    return parse_header(proof_of(key, challenge))[1]


def test_a_proof_answers_its_challenge() -> None:
    assert parse_header(proof_of(KEY, CHALLENGE))[0] == "ABCD-EFGH"
    assert is_proof(proof(), stored_key(KEY), CHALLENGE)


@pytest.mark.parametrize(
    "changed",
    [
        {"code": "ABCD-EFGJ"},
        {"purpose": "approval"},
        {"request": {"policy_id": "halt", "ttl_seconds": 61}},
        {"question": "Lift cease?"},
        {"nonce": "m" * 64},
        {"expires_at": "2026-01-31T12:00:00.000001Z"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_proof_is_for_all_that_was_shown(changed: dict[str, Any]) -> None:
    assert not is_proof(proof(), stored_key(KEY), CHALLENGE.model_copy(update=changed))


def test_another_passphrase_proves_nothing() -> None:
    assert not is_proof(proof(key=client_key("wrong horse battery staple", COST)), stored_key(KEY), CHALLENGE)


def test_what_the_agent_keeps_makes_no_proof() -> None:
    assert not is_proof(proof(key=stored_key(KEY)), stored_key(KEY), CHALLENGE)


@pytest.mark.parametrize("sent", ["", "x", "é", "AAAA", "A" * 44, base64.urlsafe_b64encode(b"0" * 33).decode()])
def test_what_is_no_proof(sent: str) -> None:
    assert not is_proof(sent, stored_key(KEY), CHALLENGE)


@pytest.mark.parametrize(
    ("one", "other"),
    [("zwölf Zeichen lang", "zwo\u0308lf Zeichen lang"), ("spaces around it", "  spaces around it\n")],
    ids=["composed", "trimmed"],
)
def test_what_a_person_types_alike_is_alike(one: str, other: str) -> None:
    assert client_key(one, COST) == client_key(other, COST)


@pytest.mark.parametrize(
    "changed", [{"n": SCRYPT_N // 2}, {"n": MAX_SCRYPT_N * 2}, {"r": 1}, {"p": 16}], ids=lambda c: str(c)
)
def test_a_cost_that_gives_the_passphrase_away_is_refused(changed: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Cost.model_validate({**COST.model_dump(), **changed})


@pytest.mark.parametrize("salt", ["", "AAAA", "not base64!"])
def test_a_salt_that_is_none_is_refused(salt: str) -> None:
    with pytest.raises(ValueError, match=r"salt|base64|padding"):
        client_key("correct horse battery staple", COST.model_copy(update={"salt": salt}))


@pytest.mark.parametrize(
    ("passphrase", "fault"),
    [
        ("correct horse", ""),
        ("short", "fewer than 12 characters"),
        ("           a", "fewer than 12 characters"),
        ("aaaaaaaaaaaaaaab", "fewer than 6 different"),
        ("x1" * 600, "more than 1000"),
    ],
)
def test_weak_passphrases(passphrase: str, fault: str) -> None:
    assert fault in passphrase_fault(passphrase)
    assert bool(passphrase_fault(passphrase)) is bool(fault)


@pytest.mark.parametrize("typed", ["abcd-efgh", "ABCDEFGH", " abcd efgh "])
def test_codes_as_people_type_them(typed: str) -> None:
    assert normalised_code(typed) == "ABCD-EFGH"
