"""What `status` shows of an embedded agent's passphrase and of what waits for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.account.local_agent import ensure_credential
from axonflow_hooks.account.presence_news import remember_told
from axonflow_hooks.wire.presence import PresenceStatus
from tests.agent.grants.conftest import Governed, home_with_policies, override_of
from tests.conftest import Reply, StandIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import AgentProcess
    from tests.cli.conftest import Cli

PRESENCE = {"enrolled": True, "enrolled_at": "2026-01-02T03:04:05Z", "fingerprint": "abcdef012345"}
SET = "OK presence=set (fingerprint abcdef012345, since 2026-01-02T03:04:05Z)"
NO = "add --refuse to say no"
TERMINAL = "in a terminal of your own: axonflow-hooks"


@pytest.fixture
def embedded(cli: Cli, stand_in: StandIn) -> StandIn:
    """A stand-in for an embedded agent of this user: its credential is in the config folder."""
    stand_in.knows = ensure_credential(cli.paths, cli.saas)
    stand_in.replies["/health"] = Reply(200, {"status": "healthy"})
    answer_with(stand_in, PRESENCE)
    return stand_in


def answer_with(stand_in: StandIn, presence: Any, codes: tuple[str, ...] = (), approvals: int = 0) -> None:
    questions = {"challenges": [{"code": code} for code in codes], "count": len(codes)}
    stand_in.replies["/api/v1/presence"] = Reply(200, presence)
    stand_in.replies["/api/v1/presence/challenges"] = Reply(200, questions)
    stand_in.replies["/api/v1/hitl/queue"] = Reply(200, {"success": True, "data": [], "meta": {"total": approvals}})


def last_lines(cli: Cli) -> list[str]:
    """Give the lines after the last of those that every agent has."""
    result = cli("status", AXONFLOW_ENDPOINT=cli.saas)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    return lines[lines.index("OK fail_mode=open") + 1 :]


def test_nothing_waits(cli: Cli, embedded: StandIn) -> None:
    assert last_lines(cli) == [SET, "OK waiting_questions=0", "OK waiting_approvals=0"]
    assert all("authorization" in request.headers for request in embedded.to("/api/v1/presence"))


def test_no_passphrase(cli: Cli, embedded: StandIn) -> None:
    answer_with(embedded, {"enrolled": False})
    assert last_lines(cli)[0].startswith("WARN presence=unset (nobody can grant")


@pytest.mark.parametrize(
    ("codes", "line"),
    [
        (("KQ7P-2MXD",), f"WARN waiting_questions=1 ({TERMINAL} override confirm KQ7P-2MXD; {NO})"),
        (
            ("KQ7P-2MXD", "\x1b[1m;ls"),
            f"WARN waiting_questions=2 ({TERMINAL} override confirm CODE; codes: KQ7P-2MXD, 1MLS-; {NO})",
        ),
    ],
    ids=["one", "two"],
)
def test_questions_that_wait(cli: Cli, embedded: StandIn, codes: tuple[str, ...], line: str) -> None:
    answer_with(embedded, PRESENCE, codes)
    assert line in last_lines(cli)


def test_approvals_that_wait(cli: Cli, embedded: StandIn) -> None:
    answer_with(embedded, PRESENCE, approvals=3)
    (line,) = (line for line in last_lines(cli) if "waiting_approvals" in line)
    assert line.startswith(f"WARN waiting_approvals=3 ({TERMINAL} approval list, then approval approve ID")


def test_another_passphrase_than_the_user_knows_is_told_until_a_session_has(cli: Cli, embedded: StandIn) -> None:
    remember_told(cli.paths, cli.saas, PresenceStatus(enrolled=False))
    for _ in range(2):
        (news,) = last_lines(cli)[3:]
        assert news.startswith("WARN The passphrase for overrides and approvals was set at 2026-01-02T03:04:05Z")
    remember_told(cli.paths, cli.saas, PresenceStatus.model_validate(PRESENCE))
    assert last_lines(cli)[3:] == []


@pytest.mark.parametrize("path", ["/api/v1/presence/challenges", "/api/v1/hitl/queue"])
def test_what_an_agent_does_not_say_has_no_line(cli: Cli, embedded: StandIn, path: str) -> None:
    embedded.replies[path] = Reply(200, b"[]")
    assert len(last_lines(cli)) == 2


@pytest.mark.parametrize("reply", [Reply(404), Reply(200, b"x"), Reply(act="reset")], ids=["404", "text", "reset"])
def test_an_agent_without_presence_has_no_lines(cli: Cli, embedded: StandIn, reply: Reply) -> None:
    embedded.replies["/api/v1/presence"] = reply
    assert last_lines(cli) == []


def test_only_an_agent_of_this_users_own_is_asked(cli: Cli, stand_in: StandIn) -> None:
    stand_in.replies["/health"] = Reply(200, {"status": "healthy"})
    answer_with(stand_in, PRESENCE)
    assert last_lines(cli) == []
    assert {request.path for request in stand_in.requests} == {"/health"}


def test_json(cli: Cli, embedded: StandIn) -> None:
    answer_with(embedded, PRESENCE, ("KQ7P-2MXD",), 2)
    value = json.loads(cli("status", "--json", AXONFLOW_ENDPOINT=cli.saas).out)
    assert (value["presence"], value["waiting_questions"], value["waiting_approvals"]) == (PRESENCE, ["KQ7P-2MXD"], 2)


def test_a_running_agent(cli: Cli, start_agent: Callable[..., AgentProcess]) -> None:
    governed = Governed(start_agent(home=home_with_policies(cli.home)))
    assert governed.process.endpoint, governed.process.stderr
    assert governed.send("POST", "/api/v1/overrides", override_of("halt")).status_code == 403
    assert governed.check("permit this")["allowed"] is False
    result = cli("status", AXONFLOW_ENDPOINT=governed.process.endpoint)
    code = governed.questions()[0]["code"]
    assert "OK presence=set (fingerprint " in result.out
    assert f"WARN waiting_questions=1 ({TERMINAL} override confirm {code}; add --refuse to say no)" in result.out
    assert "WARN waiting_approvals=1 (" in result.out
