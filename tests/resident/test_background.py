from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.claude_code.hook import HookAnswer
from axonflow_hooks.resident import background
from axonflow_hooks.resident.background import Upkeep, with_messages
from axonflow_hooks.settings import Settings
from tests.conftest import Reply

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from tests.conftest import StandIn


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


TOO_NEW = Reply(body={"status": "healthy", "plugin_compatibility": {"min_plugin_version": {"claude-code": "99.0.0"}}})
"""An agent for which this plugin is too old: the user is told."""


def settings_for(url: str) -> Settings:
    return Settings(mode="self-hosted", endpoint=url, telemetry=False)


async def finish(upkeep: Upkeep) -> None:
    """Wait for what is under way."""
    await asyncio.gather(*upkeep._running.values())


def test_a_session_is_told_of_its_own_agent_only_and_once(paths: Paths, stand_in: StandIn, dead_url: str) -> None:
    stand_in.replies["/health"] = TOO_NEW

    async def scenario() -> tuple[list[str], list[str], list[str]]:
        upkeep = Upkeep()
        for url in (stand_in.url, dead_url):
            assert await upkeep(settings_for(url), paths, 1.0) == []
        await finish(upkeep)
        return tuple(upkeep.take_messages(url) for url in (dead_url, stand_in.url, stand_in.url))  # type: ignore[return-value]

    elsewhere, first, again = asyncio.run(scenario())
    assert elsewhere == again == []
    assert len(first) == 1
    assert "99.0.0" in first[0]


def test_the_same_upkeep_runs_once_at_a_time(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies["/health"] = TOO_NEW
    mine = settings_for(stand_in.url)

    async def scenario() -> int:
        upkeep = Upkeep()
        for settings in (mine, mine, replace(mine, telemetry=False), replace(mine, user_email="a@example.com")):
            await upkeep(settings, paths, 1.0)
        running = len(upkeep._running)
        await finish(upkeep)
        await asyncio.sleep(0)
        assert not upkeep._running
        return running

    assert asyncio.run(scenario()) == 2


def test_the_messages_are_bounded(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MAX_ENDPOINTS", 3)
    monkeypatch.setattr(background, "MAX_MESSAGES", 2)
    told = iter([["a"], ["a", "b"], ["c"], *(["other"] for _ in range(3))])

    async def found(*_: object, **__: object) -> list[str]:
        return next(told)

    monkeypatch.setattr(background, "run_upkeep", found)

    async def scenario() -> list[list[str]]:
        upkeep = Upkeep()
        for url in ["http://a", "http://a", "http://a", "http://b", "http://c"]:
            await upkeep(settings_for(url), paths, 1.0)
            await finish(upkeep)
        first = list(upkeep._messages["http://a"])
        await upkeep(settings_for("http://d"), paths, 1.0)
        await finish(upkeep)
        return [first, upkeep.take_messages("http://a"), upkeep.take_messages("http://d")]

    assert asyncio.run(scenario()) == [["b", "c"], [], ["other"]]


def test_closing_gives_up_what_is_under_way(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies["/health"] = Reply(act="hang")

    async def scenario() -> None:
        upkeep = Upkeep()
        await upkeep(settings_for(stand_in.url), paths, 1.0)
        await asyncio.to_thread(stand_in.wait_for, "/health")
        await upkeep.close()
        assert upkeep.take_messages(stand_in.url) == []

    asyncio.run(scenario())
