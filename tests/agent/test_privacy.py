"""What is stored holds no secret and no personal data, whatever the clients are given."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.privacy import EXCERPT_CHARS, MAX_STORED_LEAF_CHARS, StorageRedactor, statement_hash
from axonflow_hooks.agent.scanning import Scan
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.policy import Placeholders, load_engine

if TYPE_CHECKING:
    from pathlib import Path

SSN = "536-90-4399"
AWS_KEY = "AKIA" + "ABCDEFGHIJKLMNOP"

ENGINE = load_engine(pii_action="log")
"""The most permissive setting: clients get everything unmasked."""


@pytest.fixture
def redactor() -> StorageRedactor:
    return StorageRedactor(ENGINE, "claude_code.Bash", Placeholders())


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", ""),
        ("nothing here", "nothing here"),
        (f"ssn {SSN} and {SSN}", "ssn [REDACTED:ssn#1] and [REDACTED:ssn#1]"),
        (f"{AWS_KEY}", "[REDACTED:aws_access_key#1]"),
        ("mail someone@example.com", "mail [REDACTED:email#1]"),
    ],
)
def test_texts(redactor: StorageRedactor, text: str, stored: str) -> None:
    assert redactor.text(text) == stored


def test_trees_keep_their_shape(redactor: StorageRedactor) -> None:
    value = {"a": [f"ssn {SSN}", 1, None], "ssn": 536904399, f"k {SSN}": {}}
    assert redactor.tree(value, "input") == {
        "a": ["ssn [REDACTED:ssn#1]", 1, None],
        "ssn": "[REDACTED:ssn#1]",
        "k [REDACTED:ssn#1]": {},
    }


def test_long_texts_are_cut_after_they_were_redacted(redactor: StorageRedactor) -> None:
    text = "x" * (MAX_STORED_LEAF_CHARS - 10) + f" ssn {SSN} " + "y" * 100
    stored = redactor.tree({"a": text}, "input")["a"]
    assert SSN[:5] not in stored
    assert stored.endswith("characters left out]")
    assert len(stored) < len(text)


def test_a_short_text_is_its_own_excerpt(redactor: StorageRedactor) -> None:
    assert redactor.excerpt(f"rm -rf / # {SSN}", "", 0) == ("rm -rf / # [REDACTED:ssn#1]", 0)


@pytest.mark.parametrize("distance", range(85, 120))
def test_an_excerpt_never_starts_or_ends_inside_a_secret(redactor: StorageRedactor, distance: int) -> None:
    lead = "a " * 400
    text = f"{lead}{SSN} {'b ' * (distance // 2)}rm -rf / {'c ' * 185}{SSN} {'d ' * 300}"
    excerpt, start = redactor.excerpt(text, "", text.index("rm -rf"))
    assert "rm -rf /" in excerpt
    assert len(excerpt) <= EXCERPT_CHARS
    assert not any(part in excerpt for part in ("536", "90-", "4399"))
    assert 0 < start <= text.index("rm -rf")


def test_a_secret_that_only_its_key_gives_away(redactor: StorageRedactor) -> None:
    assert redactor.excerpt("536904399", "ssn", 0) == ("[REDACTED:ssn#1]", 0)
    assert redactor.excerpt("536904399", "count", 0) == ("536904399", 0)


@pytest.mark.parametrize("statements", [False, True], ids=["as-output", "as-statement-too"])
def test_what_a_check_has_looked_at_is_stored_no_differently(statements: bool) -> None:
    for example in [example for policy in ENGINE.policies for example in policy.flag]:
        scan = Scan(ENGINE, example.phase, example.connector_type, frozenset(), Placeholders())
        scan.redact(example.text, "statement")
        signature = example.connector_type
        shared = StorageRedactor(ENGINE, signature, Placeholders(), statements=statements, views=scan.views)
        alone = StorageRedactor(ENGINE, signature, Placeholders(), statements=statements)
        assert shared.text(example.text) == alone.text(example.text)


def test_quotes_and_excerpts_of_several_texts_in_turn(redactor: StorageRedactor) -> None:
    for number in (1, 2):
        assert redactor.excerpt(f"ssn {SSN}", "", 0) == ("ssn [REDACTED:ssn#1]", 0), number
        assert redactor.excerpt("536904399", "ssn", 0) == ("[REDACTED:ssn#1]", 0), number
        assert redactor.excerpt("536904399", "", 0) == ("536904399", 0), number


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"statement": 'ls "a\\b"\n'}, id="a-statement"),
        pytest.param({"statement": "é\u2028\ud800\0"}, id="characters-beyond-ascii"),
        pytest.param({"parameters": {"b": 1, "a": None}}, id="one-field-that-is-no-text"),
        pytest.param({"statement": "a", "parameters": {"b": [1.5, True]}}, id="several-fields"),
        pytest.param("a name", id="a-text"),
    ],
)
def test_the_hash_is_the_keyed_one_of_canonical_json(tmp_path: Path, value: Any) -> None:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path)
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
    expected = hmac.new(database.hash_key, canonical, hashlib.sha256).hexdigest()

    assert [statement_hash(database, value) for _time in range(2)] == [
        f"hmac-sha256:{database.hash_key_id}:{expected}"
    ] * 2
    database.close()
