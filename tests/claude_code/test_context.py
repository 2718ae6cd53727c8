from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from axonflow_hooks.claude_code.context import ANSWER_RESERVE_S, Deadline, HookContext
from axonflow_hooks.claude_code.events import parse_event
from axonflow_hooks.claude_code.throttle import check_not_throttled
from axonflow_hooks.errors import AgentRefused, AgentUnavailable, RateLimited
from axonflow_hooks.settings import load_settings
from tests.conftest import NO_TLS

if TYPE_CHECKING:
    from axonflow_hooks.client import AgentClient
    from tests.claude_code.conftest import Hooks


def test_a_deadline_keeps_time_back_to_answer() -> None:
    deadline = Deadline.after(10.0)
    assert deadline.at_most(2.0) == 2.0
    assert 0 < deadline.at_most(60.0) <= 10.0 - ANSWER_RESERVE_S
    assert Deadline.after(ANSWER_RESERVE_S / 2).at_most(5.0) == 0.0
    assert Deadline.after(-5.0).remaining() == 0.0


def ask(hooks: Hooks, share_s: float, outcome: BaseException | None) -> object:
    """Put a question that ends in an exception, or never (None)."""

    async def question(client: AgentClient, seconds: float) -> str:
        assert client.connection.endpoint == hooks.endpoint
        assert 0 <= seconds <= share_s
        if outcome:
            raise outcome
        await asyncio.Event().wait()
        return "never"

    async def run() -> object:
        event = parse_event(json.dumps(hooks.event("PreToolUse", "Bash", {})).encode(), "PreToolUse")
        settings = load_settings(hooks.environ, hooks.paths)
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
            context = HookContext(event, hooks.environ, settings, hooks.paths, http, Deadline.after(30.0))
            return await context.ask_agent(share_s, question)

    return asyncio.run(run())


def test_a_question_that_does_not_end_is_ended(hooks: Hooks) -> None:
    with pytest.raises(AgentUnavailable, match=r"gave no answer within 0\.2 s"):
        ask(hooks, 0.2, None)


def test_what_the_agent_says_passes_through(hooks: Hooks) -> None:
    with pytest.raises(AgentRefused):
        ask(hooks, 1.0, AgentRefused("no", code=401))
    check_not_throttled(hooks.paths, hooks.endpoint)


def test_a_rate_limit_is_remembered(hooks: Hooks) -> None:
    with pytest.raises(RateLimited):
        ask(hooks, 1.0, RateLimited("slow down", retry_after=60))
    with pytest.raises(RateLimited):
        check_not_throttled(hooks.paths, hooks.endpoint)
