"""The agent's keys: made once, private, the same for agents that start together."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.audit_trail.chain import Checkpoint, Head
from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.store.keys import (
    HASH_KEY_NAME,
    PUBLIC_KEY_NAME,
    SIGNING_KEY_NAME,
    load_keys,
    parse_public_key,
    read_seal,
)
from axonflow_hooks.errors import CredentialError

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT = Checkpoint(7, "ab" * 32, 7, 0, "2026-01-31T12:00:00.000000Z")


def test_keys_are_made_once_and_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first, second = load_keys(folder), load_keys(folder)
    assert (first.statement_key, first.seal.key_id) == (second.statement_key, second.seal.key_id)
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in (HASH_KEY_NAME, SIGNING_KEY_NAME, PUBLIC_KEY_NAME):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert load_keys(tmp_path / "other").seal.key_id != first.seal.key_id


def test_agents_that_start_together_have_the_same_keys(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from axonflow_hooks.agent.store.keys import load_keys
keys = load_keys(Path(sys.argv[1]))
print(keys.seal.key_id, keys.statement_key_id)
"""
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "k")], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


@pytest.mark.parametrize("name", [HASH_KEY_NAME, SIGNING_KEY_NAME])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, name: str) -> None:
    load_keys(tmp_path)
    (tmp_path / name).write_bytes(b"short")
    with pytest.raises(StartupError, match="does not hold a key"):
        load_keys(tmp_path)


@pytest.mark.parametrize("name", [HASH_KEY_NAME, SIGNING_KEY_NAME])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, name: str) -> None:
    load_keys(tmp_path)
    (tmp_path / name).chmod(0o644)
    with pytest.raises(CredentialError, match="can be read by other users"):
        load_keys(tmp_path)


def test_reading_the_seal_makes_none(tmp_path: Path) -> None:
    assert read_seal(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_the_published_key_verifies_what_the_seal_signs(tmp_path: Path) -> None:
    seal = load_keys(tmp_path).seal
    public = parse_public_key((tmp_path / PUBLIC_KEY_NAME).read_text())
    assert public is not None
    signature = seal.sign(CHECKPOINT)
    assert public.has_signed(CHECKPOINT, signature)
    assert not public.has_signed(Checkpoint(8, "ab" * 32, 7, 0, CHECKPOINT.timestamp), signature)
    assert public.key_id == seal.key_id


@pytest.mark.parametrize("spoilt", ["", "zz", " ", "upper", "00" * 64], ids=str)
def test_a_signature_has_one_spelling(tmp_path: Path, spoilt: str) -> None:
    seal = load_keys(tmp_path).seal
    signature = seal.sign(CHECKPOINT)
    other = {"upper": signature.upper(), " ": signature + " "}.get(spoilt, spoilt)
    assert not seal.public.has_signed(CHECKPOINT, other)


@pytest.mark.parametrize("mac", [None, 5, b"x", "", "é"], ids=repr)
def test_what_is_no_code_authenticates_nothing(tmp_path: Path, mac: object) -> None:
    seal = load_keys(tmp_path).seal
    assert not seal.authenticates(Head(), mac)
    assert seal.authenticates(Head(), seal.mac(Head()))


@pytest.mark.parametrize("text", ["", "xyz", "ab" * 31, "ab" * 33])
def test_what_is_no_public_key_is_none(text: str) -> None:
    assert parse_public_key(text) is None
