from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.private_files import write_private
from axonflow_hooks.settings import Settings
from axonflow_hooks.upkeep import run as module
from axonflow_hooks.upkeep import telemetry
from axonflow_hooks.upkeep.run import run_upkeep
from tests.conftest import Reply, StandIn

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

HEALTH = {"status": "healthy", "version": "9.18.0"}
TOO_OLD = {**HEALTH, "plugin_compatibility": {"min_plugin_version": {"claude-code": "99.0.0"}}}


@pytest.fixture
def settings(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(telemetry, "TIMEOUT_S", 60.0)  # a busy machine is not what is tested
    stand_in.replies.update({"/health": Reply(200, HEALTH), "/v1/ping": Reply(200)})
    return Settings(mode="self-hosted", endpoint=stand_in.url, checkpoint_url=f"{stand_in.url}/v1/ping")


def upkeep(settings: Settings, paths: Paths, *, timeout_s: float = 60.0) -> list[str]:
    return asyncio.run(run_upkeep(settings, paths, timeout_s=timeout_s))


def asked(stand_in: StandIn) -> list[str]:
    return [request.path for request in stand_in.requests]


def test_first_run_and_the_silence_after_it(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    assert upkeep(settings, paths) == []
    assert asked(stand_in) == ["/health", "/v1/ping"]
    assert stand_in.requests[1].json()["platform_version"] == "9.18.0"
    assert upkeep(settings, paths) == []
    assert len(stand_in.requests) == 2


def test_the_user_is_told_of_an_old_plugin_once_a_day(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies["/health"] = Reply(200, TOO_OLD)
    (message,) = upkeep(settings, paths)
    assert "99.0.0" in message
    assert upkeep(settings, paths) == []


def test_community_saas_is_disclosed_first(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies["/health"] = Reply(200, TOO_OLD)
    disclosure, warning = upkeep(replace(settings, mode="community-saas"), paths)
    assert "AXONFLOW_COMMUNITY_SAAS=0" in disclosure
    assert "99.0.0" in warning
    assert stand_in.to("/api/v1/register") == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"telemetry": False}, ["/health"], id="no-telemetry"),
        pytest.param({"plugin_version_check": False}, ["/health", "/v1/ping"], id="no-version-check"),
        pytest.param({"telemetry": False, "plugin_version_check": False}, [], id="neither"),
        pytest.param({"mode": "unconfigured"}, [], id="unconfigured"),
    ],
)
def test_what_is_switched_off(
    settings: Settings, paths: Paths, stand_in: StandIn, changes: dict[str, Any], expected: list[str]
) -> None:
    stand_in.replies["/health"] = Reply(200, TOO_OLD)
    messages = upkeep(replace(settings, **changes), paths)
    assert asked(stand_in) == expected
    assert bool(messages) is (changes == {"telemetry": False})


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(500), id="500"),
        pytest.param(Reply(200, b"<html>"), id="html"),
        pytest.param(Reply(act="reset"), id="reset"),
    ],
)
def test_an_agent_that_is_not_there_is_asked_again_later_not_at_once(
    settings: Settings, paths: Paths, stand_in: StandIn, reply: Reply
) -> None:
    stand_in.replies["/health"] = reply
    assert upkeep(settings, paths) == []
    assert upkeep(settings, paths) == []
    assert asked(stand_in) == ["/health", "/v1/ping"]
    assert stand_in.requests[1].json()["platform_version"] is None


def test_an_agent_that_hangs_costs_half_the_time_and_not_the_heartbeat(
    settings: Settings, paths: Paths, stand_in: StandIn
) -> None:
    stand_in.replies["/health"] = Reply(act="hang")
    assert upkeep(settings, paths, timeout_s=8) == []
    assert paths.telemetry_stamp.exists()


def test_the_time_is_bounded_and_what_is_known_is_told(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies.update({"/health": Reply(200, TOO_OLD), "/v1/ping": Reply(act="hang")})
    (message,) = upkeep(settings, paths, timeout_s=6)
    assert "99.0.0" in message
    assert not paths.telemetry_stamp.exists()


def test_a_place_that_cannot_be_written_is_no_error(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    write_private(paths.cache_dir, b"a file where the folder should be")
    assert upkeep(settings, paths) == []
    assert stand_in.to("/v1/ping") == []


def test_nothing_is_ever_raised(settings: Settings, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "_network_upkeep", broken)
    assert upkeep(settings, paths) == []
