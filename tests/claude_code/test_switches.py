from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.claude_code.switches import governance_switches, started_commands


@pytest.mark.parametrize(
    ("settings", "switches"),
    [
        ({}, {}),
        ({"model": "opus", "disableAllHooks": False}, {}),
        ({"disableAllHooks": True}, {"disableAllHooks": True}),
        ({"enabledPlugins": {"axonflow@a": True, "axonflow-x@a": False}}, {"enabledPlugins.axonflow@a": True}),
        ({"enabledPlugins": ["axonflow@a"]}, {}),
        (
            {"env": {"AXONFLOW_AUTH": "x", "axonflow_auth": "y", "FOO": "z"}},
            {"env.AXONFLOW_AUTH": "x", "env.axonflow_auth": "y"},
        ),
        ({"env": "AXONFLOW_AUTH=x"}, {}),
    ],
)
def test_governance_switches(settings: dict[str, Any], switches: dict[str, Any]) -> None:
    assert governance_switches(json.dumps(settings)) == switches


@pytest.mark.parametrize("text", ["{", "[]", "null", "[" * 100_000, "5"])
def test_what_is_no_object_has_no_known_switches(text: str) -> None:
    assert governance_switches(text) is None
    assert started_commands(text) == {}


def test_an_empty_file_is_an_empty_object() -> None:
    assert governance_switches(" \n") == {}


def test_started_commands() -> None:
    text = '{"hooks": {"Stop": []}, "statusLine": {}, "apiKeyHelper": "x", "model": "y"}'
    assert started_commands(text) == {"hooks": {"Stop": []}, "apiKeyHelper": "x"}
