from __future__ import annotations

import json

import pytest

from axonflow_hooks.claude_code.hook import HookAnswer
from axonflow_hooks.resident.background import with_messages


@pytest.mark.parametrize(
    ("stdout", "messages", "expected"),
    [
        pytest.param(b"", [], None, id="nothing"),
        pytest.param(b"", ["new"], {"systemMessage": "[AxonFlow] new"}, id="silence"),
        pytest.param(
            b'{"hookSpecificOutput": {"a": 1}}',
            ["one", "two"],
            {"hookSpecificOutput": {"a": 1}, "systemMessage": "[AxonFlow] one\n[AxonFlow] two"},
            id="beside-a-decision",
        ),
        pytest.param(
            b'{"systemMessage": "first"}', ["more"], {"systemMessage": "first\n[AxonFlow] more"}, id="after-another"
        ),
    ],
)
def test_messages_join_what_is_said_already(stdout: bytes, messages: list[str], expected: object) -> None:
    joined = with_messages(HookAnswer(stdout, "log"), messages)
    assert joined.stderr == "log"
    assert (json.loads(joined.stdout) if joined.stdout else None) == expected
