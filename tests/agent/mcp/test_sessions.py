"""Sessions end after a day without use, and there are never more than the limit."""

from __future__ import annotations

import pytest

from axonflow_hooks.agent.mcp.sessions import SESSION_TTL_S, Sessions


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_session_lives_a_day_from_its_last_use(clock: Clock) -> None:
    sessions = Sessions(clock)
    used = sessions.start("local", frozenset({"codex"}))
    unused = sessions.start("local", frozenset())
    clock.now += SESSION_TTL_S - 1
    found = sessions.use(used)
    assert found is not None
    assert (found.client_id, found.integrations) == ("local", frozenset({"codex"}))
    clock.now += 2
    assert sessions.use(unused) is None
    assert sessions.use(used) is not None
    clock.now += SESSION_TTL_S + 1
    assert sessions.use(used) is None
    assert len(sessions) == 0


def test_at_the_limit_the_least_recently_used_session_goes(clock: Clock) -> None:
    sessions = Sessions(clock, capacity=3)
    first, second, third = (sessions.start("local", frozenset()) for _ in range(3))
    sessions.use(first)
    fourth = sessions.start("local", frozenset())
    assert len(sessions) == 3
    assert sessions.use(second) is None
    assert all(sessions.use(session_id) for session_id in (first, third, fourth))


def test_an_ended_session_is_gone(clock: Clock) -> None:
    sessions = Sessions(clock)
    session_id = sessions.start("local", frozenset())
    sessions.end(session_id)
    sessions.end(session_id)
    assert sessions.use(session_id) is None
