"""What an enforcement point declares of itself (wire 1.1): well-formed, or refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.rest.handshake import HEADER, check_handshake

GOOD: dict[str, Any] = {
    "profile_version": 1,
    "pep_id": "claude_desktop.host-1",
    "audience": "urn:axonflow/desktop",
    "capabilities": [{"type": "redact_pii", "version": 1}],
}


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode("ascii")


@pytest.mark.parametrize("changed", [{}, {"capabilities": []}, {"more": True}], ids=["whole", "nothing", "more"])
def test_a_declaration(changed: dict[str, Any]) -> None:
    check_handshake({HEADER: encoded({**GOOD, **changed})})


def test_none_is_none() -> None:
    check_handshake({})


@pytest.mark.parametrize(
    "changed",
    [
        {"profile_version": 2},
        {"pep_id": "Upper"},
        {"pep_id": "a" * 129},
        {"pep_id": None},
        {"audience": ""},
        {"audience": "a" * 129},
        {"capabilities": None},
        {"capabilities": [{"type": "redact_pii", "version": 1}] * 65},
        {"capabilities": [{"type": "redact_pii", "version": True}]},
        {"capabilities": [{"type": "redact_pii", "version": 0}]},
        {"capabilities": [{"version": 1}]},
        {"capabilities": ["redact_pii"]},
    ],
    ids=str,
)
def test_a_malformed_declaration(changed: dict[str, Any]) -> None:
    with pytest.raises(RestRefused) as refused:
        check_handshake({HEADER: encoded({**GOOD, **changed})})
    assert refused.value.status == 400


@pytest.mark.parametrize("header", ["", "=", "é", "a", encoded([]), encoded(1), base64.b64encode(b"\xff").decode()])
def test_no_declaration(header: str) -> None:
    with pytest.raises(RestRefused):
        check_handshake({HEADER: header})
