from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.account.local_agent import ensure_credential
from tests.conftest import Reply, StandIn

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


def test_a_passphrase_that_is_new_is_told_once(hooks: Hooks, stand_in: StandIn) -> None:
    stand_in.knows = ensure_credential(hooks.paths, stand_in.url)
    known = {"enrolled": True, "enrolled_at": "2026-01-02T03:04:05Z", "fingerprint": "aaaa"}
    stand_in.replies["/api/v1/presence"] = [Reply(200, known), Reply(200, known), Reply(200, {"enrolled": False})]
    first = begin(hooks, AXONFLOW_ENDPOINT=stand_in.url, AXONFLOW_AUTH="")
    assert "was set at 2026-01-02T03:04:05Z (fingerprint aaaa)" in first["systemMessage"]
    assert begin(hooks, AXONFLOW_ENDPOINT=stand_in.url, AXONFLOW_AUTH="") is None
    ended = begin(hooks, AXONFLOW_ENDPOINT=stand_in.url, AXONFLOW_AUTH="")
    assert "no longer knows a passphrase" in ended["systemMessage"]


def test_other_agents_are_not_asked_for_a_passphrase(hooks: Hooks, stand_in: StandIn) -> None:
    assert begin(hooks, AXONFLOW_ENDPOINT=stand_in.url, AXONFLOW_AUTH="a:b") is None
    assert stand_in.requests == []
