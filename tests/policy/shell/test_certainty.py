"""What is not known about a command is said where the user reads it."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy import load_engine
from axonflow_hooks.policy.shell.certainty import ARGUMENT_UNKNOWN, BY_SPELLING, PROGRAM_UNKNOWN, TARGET_UNKNOWN

ENGINE = load_engine()


@pytest.mark.parametrize(
    ("source", "note"),
    [
        pytest.param("rm -rf /", "", id="all-known"),
        pytest.param("X=/; rm -rf $X", "", id="constant"),
        pytest.param("rm -rf / $EXTRA", ARGUMENT_UNKNOWN, id="argument"),
        pytest.param("$TOOL -rf /", PROGRAM_UNKNOWN, id="program"),
        pytest.param('cat "$BASE/.ssh/id_rsa"', ARGUMENT_UNKNOWN, id="path"),
        pytest.param("cat ~/.ssh/id_rsa > $OUT", TARGET_UNKNOWN, id="target"),
        pytest.param("rm -rf / $EXTRA; rm -rf /etc", "", id="one-place-is-certain"),
        pytest.param("echo padding; " * 6_000 + "rm -rf /", BY_SPELLING, id="too-large"),
    ],
)
def test_the_reason_says_what_is_not_known(source: str, note: str) -> None:
    found = ENGINE.evaluate(source, phase="request", connector_type="claude_code.Bash")

    match = found.matches[0]
    assert (found.action, match.note) == ("block", note)
    assert match.description.endswith(note or ".")
    policy = next(policy for policy in ENGINE.policies if policy.id == match.policy_id)
    assert match.description == f"{policy.description} {note}".strip()
