"""What is kept of the text of a check, and how much of it is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.check import Check
from axonflow_hooks.agent.excerpts import Excerpt, excerpt_of, unseen_chars
from axonflow_hooks.agent.privacy import EXCERPT_CHARS, StorageRedactor
from axonflow_hooks.agent.scanning import Scan
from axonflow_hooks.policy import Placeholders, load_engine

if TYPE_CHECKING:
    from axonflow_hooks.wire.words import Phase

LONG = "x" * (EXCERPT_CHARS + 40)
ENGINE = load_engine()


def check(phase: Phase, fields: dict[str, Any], **more: Any) -> Check:
    return Check(phase, "test", "gateway", fields, 1, frozenset(), **more)


def kept(asked: Check) -> Excerpt:
    scan = Scan(ENGINE, asked.phase, asked.tool_signature, frozenset(), Placeholders())
    for name, value in asked.fields.items():
        scan.redact(value, name, None)
    return excerpt_of(scan, StorageRedactor(ENGINE, "gateway", Placeholders()), asked, "none")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (check("request", {"statement": "ls"}), Excerpt("ls", 0, "ls")),
        (check("request", {"statement": LONG}), Excerpt(LONG[:EXCERPT_CHARS], 0, LONG)),
        (check("request", {"statement": {"a": "ls"}}), Excerpt()),
        (check("request", {"parameters": {"a": "ls"}}), Excerpt()),
        (check("response", {"statement": "ls"}), Excerpt()),
    ],
    ids=["statement", "long", "no-text", "no-statement", "output"],
)
def test_where_nothing_is_found_the_beginning_of_a_statement_is_kept(asked: Check, expected: Excerpt) -> None:
    assert kept(asked) == expected


@pytest.mark.parametrize(
    ("asked", "shown", "unseen"),
    [
        (check("request", {"statement": "ls"}), Excerpt("ls", 0, "ls"), 0),
        (check("request", {"statement": "ls", "parameters": {"a": ["bc"]}}), Excerpt("ls", 0, "ls"), 3),
        (check("request", {"statement": LONG}), Excerpt(LONG[:EXCERPT_CHARS], 0, LONG), 40),
        (check("request", {"statement": LONG}), Excerpt(LONG[40:], 40, LONG), 40),
        (
            check("request", {"statement": "a {}", "head": "a ", "arguments": {"b": "c"}}, readings={"arguments": "g"}),
            Excerpt("a {}", 0, "a {}"),
            0,
        ),
        (check("request", {"statement": "y" * 9}), Excerpt("x" * EXCERPT_CHARS, 0, "y" * 9), 1),
        (check("response", {"message": "abc"}), Excerpt(), 3),
    ],
    ids=["all", "parameters", "long", "later", "read-in-another-way", "masks-fill-it", "nothing-kept"],
)
def test_unseen_chars(asked: Check, shown: Excerpt, unseen: int) -> None:
    assert unseen_chars(asked, shown) == unseen
