"""Every way to hide a command, against twenty commands that must be found all the same."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy import load_engine
from eval.evasions import COMMANDS, EVASIONS, MENTIONS

ENGINE = load_engine()


def action(command: str) -> str:
    return ENGINE.evaluate(command, phase="request", connector_type="claude_code.Bash").action


@pytest.mark.parametrize("evasion", EVASIONS)
def test_hidden_commands_are_found(evasion: str) -> None:
    hidden = {name: EVASIONS[evasion](command) for name, command in COMMANDS.items()}

    assert {name: text for name, text in hidden.items() if action(text) not in ("block", "warn")} == {}


@pytest.mark.parametrize("mention", MENTIONS)
def test_mentioned_commands_are_no_commands(mention: str) -> None:
    mentioned = {name: MENTIONS[mention](command) for name, command in COMMANDS.items()}

    assert {name: text for name, text in mentioned.items() if action(text) in ("block", "warn")} == {}
