"""What a user is told of the passphrase that an agent recognises a person by."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.account.presence_news import presence_news, remember_told, take_presence_news
from axonflow_hooks.client import AgentClient, Connection, new_http_client
from axonflow_hooks.private_files import write_private
from axonflow_hooks.wire.presence import PresenceStatus
from tests.conftest import Reply

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from tests.conftest import StandIn

ENDPOINT = "http://127.0.0.1:8080"
NONE = PresenceStatus(enrolled=False)
ONE = PresenceStatus(enrolled=True, enrolled_at="2026-01-02T03:04:05Z", fingerprint="aaaa")
TWO = PresenceStatus(enrolled=True, enrolled_at="2026-02-02T03:04:05Z", fingerprint="bbbb")


@pytest.mark.parametrize(
    ("told", "found", "said"),
    [
        pytest.param(None, NONE, "", id="never-told-and-none"),
        pytest.param(None, ONE, "was set at 2026-01-02T03:04:05Z (fingerprint aaaa)", id="first"),
        pytest.param(NONE, ONE, "was set at", id="set"),
        pytest.param(ONE, ONE, "", id="the-same"),
        pytest.param(ONE, TWO, "was changed at 2026-02-02T03:04:05Z (fingerprint bbbb)", id="changed"),
        pytest.param(ONE, NONE, "no longer knows a passphrase", id="removed"),
        pytest.param(NONE, NONE, "", id="still-none"),
    ],
)
def test_a_change_is_news(paths: Paths, told: PresenceStatus | None, found: PresenceStatus, said: str) -> None:
    if told is not None:
        remember_told(paths, ENDPOINT, told)
    news = presence_news(paths, ENDPOINT, found, first=True)
    assert said in news
    assert bool(news) == bool(said)


def test_agents_are_told_apart_and_names_of_one_are_not(paths: Paths) -> None:
    remember_told(paths, ENDPOINT, ONE)
    remember_told(paths, "http://127.0.0.1:9090", TWO)
    assert presence_news(paths, "http://localhost:8080/", ONE, first=True) == ""
    assert "was changed" in presence_news(paths, "http://localhost:9090", ONE, first=True)


def test_without_any_session_before_a_passphrase_is_no_news_for_status(paths: Paths) -> None:
    assert presence_news(paths, ENDPOINT, ONE, first=False) == ""
    remember_told(paths, ENDPOINT, NONE)
    assert "was set" in presence_news(paths, ENDPOINT, ONE, first=False)


def test_a_damaged_file_only_means_being_told_again(paths: Paths) -> None:
    write_private(paths.presence_seen_file, b'{"endpoints": 3}')
    assert "was set" in presence_news(paths, ENDPOINT, ONE, first=True)
    write_private(paths.presence_seen_file, b"[")
    assert "was set" in presence_news(paths, ENDPOINT, ONE, first=True)


def test_what_the_agent_says_is_shown_as_plain_text(paths: Paths) -> None:
    hostile = PresenceStatus(enrolled=True, enrolled_at="\x1b[31m\nnow" * 50, fingerprint="\x07" + "f" * 500)
    news = presence_news(paths, ENDPOINT, hostile, first=True)
    assert news.isprintable()
    assert len(news) < 500


def taken(stand_in: StandIn, paths: Paths) -> str:
    async def take() -> str:
        async with new_http_client(stand_in.url) as http:
            return await take_presence_news(AgentClient(Connection(stand_in.url), http), paths, timeout_s=60)

    return asyncio.run(take())


def test_news_are_taken_once(stand_in: StandIn, paths: Paths) -> None:
    stand_in.replies["/api/v1/presence"] = Reply(200, ONE.model_dump())
    assert "aaaa" in taken(stand_in, paths)
    assert taken(stand_in, paths) == ""
    assert paths.presence_seen_file.stat().st_mode & 0o777 == 0o600


def test_news_that_cannot_be_noted_are_told_again(stand_in: StandIn, paths: Paths) -> None:
    stand_in.replies["/api/v1/presence"] = Reply(200, ONE.model_dump())
    paths.state_dir.parent.mkdir(parents=True)
    paths.state_dir.write_text("no folder")
    assert "aaaa" in taken(stand_in, paths)
    assert "aaaa" in taken(stand_in, paths)


@pytest.mark.parametrize(
    "reply",
    [Reply(404), Reply(500), Reply(200, b"<html>"), Reply(200, {"enrolled": "?"}), Reply(act="reset")],
    ids=["404", "500", "html", "other", "reset"],
)
def test_an_agent_that_cannot_tell_is_no_news(stand_in: StandIn, paths: Paths, reply: Reply) -> None:
    stand_in.replies["/api/v1/presence"] = reply
    assert taken(stand_in, paths) == ""
    assert not paths.presence_seen_file.exists()
