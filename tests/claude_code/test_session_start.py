from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.claude_code.conftest import Hooks, StubAgent

QUIET = {"AXONFLOW_TELEMETRY": "off", "AXONFLOW_PLUGIN_VERSION_CHECK": "off"}


def begin(hooks: Hooks, **environ: str) -> Any:
    event = hooks.event("SessionStart", source="startup")
    return hooks.answer("session-start", json.dumps(event).encode(), QUIET | environ)


def test_nothing_to_tell_is_silence(hooks: Hooks) -> None:
    assert begin(hooks) is None


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"AXONFLOW_ENDPOINT": "", "AXONFLOW_COMMUNITY_SAAS": "0"}, "answered by the fail mode (open)"),
        (
            {"AXONFLOW_ENDPOINT": "", "AXONFLOW_COMMUNITY_SAAS": "0", "AXONFLOW_FAIL_MODE": "closed"},
            "answered by the fail mode (closed)",
        ),
        ({"AXONFLOW_ENDPOINT": "http://agent.example.com"}, "is not encrypted"),
        ({"AXONFLOW_TIMEOUT_SECONDS": "abc"}, "AXONFLOW_TIMEOUT_SECONDS"),
        ({"AXONFLOW_FAIL_MODE": "maybe"}, "AXONFLOW_FAIL_MODE"),
    ],
)
def test_the_user_is_told_what_to_know(hooks: Hooks, environ: dict[str, str], said: str) -> None:
    reply = begin(hooks, **environ)
    assert reply.keys() == {"systemMessage"}
    assert reply["systemMessage"].startswith("[AxonFlow] ")
    assert said in reply["systemMessage"]


def test_old_notices_go(hooks: Hooks, agent: StubAgent) -> None:
    agent.always({"act": "status", "status": 500})
    hooks.pre("Bash", {"command": "ls"})
    assert begin(hooks) is None
    assert hooks.pre("Bash", {"command": "ls"}) is None, "of this session, so still told"
