"""Trace ids (W3C Trace Context)."""

from __future__ import annotations

import re

import pytest

from axonflow_hooks.agent.tracing import trace_id_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{PARENT}-01", f" 00-{TRACE}-{PARENT}-00 ", f"01-{TRACE}-{PARENT}-01-more"]
)
def test_the_callers_trace_is_kept(header: str) -> None:
    assert trace_id_of(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None, "", "trace", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-01-more", f"00-{TRACE.upper()}-{PARENT}-01", f"00-{TRACE}-{PARENT}",
    ],
)  # fmt: skip
def test_a_malformed_one_is_replaced(header: str | None) -> None:
    made = trace_id_of(header)
    assert made != TRACE
    assert re.fullmatch("[0-9a-f]{32}", made)
