"""What is kept of a decision's context (wire 1.4)."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.options import IDENTITY_KEYS
from axonflow_hooks.agent.rest.context import MAX_KEYS, keep_context

ALLOWED = (*IDENTITY_KEYS, "x-team", "x-acme-*")


@pytest.mark.parametrize(
    ("sent", "kept", "truncated"),
    [
        (None, {}, False),
        ({"X-Team": "a"}, {"x_team": "a"}, False),
        ({"x-session-id": "secret"}, {"x_session_id": "secret"}, False),
        ({"x-team": "secret"}, {"x_team": "***"}, False),
        ({"x-team": 7, "x-acme-list": ["a"], "x-acme-none": None}, {}, False),
        ({"x-other": "a", "team": "b"}, {}, False),
        ({"x-acme-Cost.Centre": "a"}, {"x_acme_cost_centre": "a"}, False),
        ({"x-acme-" + "k" * 26: "a"}, {}, True),
        ({"x-team": "a" * 257}, {"x_team": "a" * 256}, True),
        ({"x-team": "é" * 129}, {"x_team": "é" * 128}, True),
        ({"x-team": "a", "X-TEAM": "b"}, {"x_team": "a"}, True),
    ],
    ids=[
        "none", "allowed", "identity", "redacted", "not text", "not allowed", "prefix", "long key", "long value",
        "whole characters", "twice",
    ],
)  # fmt: skip
def test_what_is_kept(sent: dict[str, Any] | None, kept: dict[str, str], truncated: bool) -> None:
    context = keep_context(sent, ALLOWED, lambda text: text.replace("secret", "***"))
    assert (dict(context.values), context.truncated) == (kept, truncated)


def test_a_key_that_callers_chose_is_masked_and_one_of_the_operator_is_not() -> None:
    sent = {"x-acme-Secret42": "a", "x-acme-plain": "b", "x-team": "c"}

    def keep(text: str) -> str:
        return "masked-1" if text in {"Secret42", "x-team"} else text

    context = keep_context(sent, ALLOWED, str, keep_key=keep)
    assert dict(context.values) == {"masked_1": "a", "x_acme_plain": "b", "x_team": "c"}


def test_only_so_many_keys() -> None:
    context = keep_context({f"x-acme-{n}": "a" for n in range(MAX_KEYS + 1)}, ALLOWED, str)
    assert (len(context.values), context.truncated) == (MAX_KEYS, True)
