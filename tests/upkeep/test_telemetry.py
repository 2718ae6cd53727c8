from __future__ import annotations

import asyncio
import json
import os
import platform
import stat
import subprocess
import sys
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks import __version__
from axonflow_hooks.private_files import write_private
from axonflow_hooks.settings import Settings, load_settings
from axonflow_hooks.stamps import read_wait, write_wait
from axonflow_hooks.upkeep import telemetry
from axonflow_hooks.upkeep.telemetry import endpoint_type, instance_id, is_due, send_heartbeat
from tests.conftest import Received, Reply, StandIn

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.paths import Paths

PING = "/v1/ping"
DAY = 24 * 3600.0


@pytest.fixture
def settings(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(telemetry, "TIMEOUT_S", 60.0)  # a busy machine is not what is tested
    stand_in.replies[PING] = Reply(204, b"")
    return Settings(
        mode="self-hosted",
        endpoint="http://localhost:8080",
        auth="c2VjcmV0OnNlY3JldA==",
        license_token="AXON-licence",
        user_email="dev@example.com",
        checkpoint_url=stand_in.url + PING,
    )


def send(settings: Settings, paths: Paths, version: str | None = "9.18.0") -> bool:
    return asyncio.run(send_heartbeat(settings, paths, platform_version=version))


def backoff_stamp(paths: Paths) -> Path:
    return paths.cache_dir / "claude-code-plugin-telemetry-backoff"


def backoff_over(paths: Paths) -> None:
    """Let the time of the back-off pass, keeping its length."""
    note = read_wait(backoff_stamp(paths), maximum_s=telemetry.INTERVAL_S).note
    write_wait(backoff_stamp(paths), until=time.time() - 1, note=note)


def test_payload_says_this_and_nothing_else(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    assert send(settings, paths)
    (request,) = stand_in.requests
    body = request.json()
    assert str(uuid.UUID(body.pop("instance_id"))) == instance_id(paths)
    assert body == {
        "telemetry_type": "plugin",
        "sdk": "claude-code-plugin",
        "sdk_version": __version__,
        "os": platform.system().lower(),
        "arch": platform.machine().lower(),
        "runtime_version": platform.python_version(),
        "platform_version": "9.18.0",
        "deployment_mode": "self_hosted",
        "endpoint_type": "localhost",
        "features": [f"hooks:{telemetry.hook_count()}"],
    }
    assert telemetry.hook_count() > 0
    sent = f"{request.headers}{request.content!r}"
    assert not [secret for secret in (settings.auth, "AXON-", "dev@example.com", "localhost:8080") if secret in sent]


def test_delivery_sets_the_stamp_and_silence_for_seven_days(
    settings: Settings, paths: Paths, stand_in: StandIn
) -> None:
    assert is_due(settings, paths)
    assert send(settings, paths)
    assert stat.S_IMODE(paths.telemetry_stamp.stat().st_mode) == 0o600
    assert not backoff_stamp(paths).exists()
    assert not is_due(settings, paths)
    assert not send(settings, paths)
    assert len(stand_in.requests) == 1
    assert not is_due(settings, paths, now=time.time() + 6.9 * DAY)
    assert is_due(settings, paths, now=time.time() + 7.1 * DAY)


def test_deleting_the_stamp_sends_again_with_the_same_id(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    send(settings, paths)
    paths.telemetry_stamp.unlink()
    assert send(settings, paths)
    first, second = (request.json()["instance_id"] for request in stand_in.requests)
    assert first == second


@pytest.mark.parametrize("status", [200, 202, 299])
def test_any_2xx_is_delivery(settings: Settings, paths: Paths, stand_in: StandIn, status: int) -> None:
    stand_in.replies[PING] = Reply(status, b"")
    assert send(settings, paths)
    assert paths.telemetry_stamp.exists()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(302, b"", {"Location": "/v1/pong"}), id="302"),
        pytest.param(Reply(400), id="400"),
        pytest.param(Reply(429), id="429"),
        pytest.param(Reply(500), id="500"),
        pytest.param(Reply(act="reset"), id="reset"),
        pytest.param(Reply(act="garbage"), id="garbage"),
    ],
)
def test_a_failure_leaves_the_stamp_alone_and_backs_off(
    settings: Settings, paths: Paths, stand_in: StandIn, reply: Reply
) -> None:
    stand_in.replies[PING] = reply
    write_private(paths.telemetry_stamp, b"")
    delivered_at = time.time() - 8 * DAY
    os.utime(paths.telemetry_stamp, (delivered_at, delivered_at))
    assert not send(settings, paths)
    assert paths.telemetry_stamp.stat().st_mtime == pytest.approx(delivered_at)
    assert not is_due(settings, paths)
    assert not send(settings, paths)
    assert len(stand_in.requests) == 1


def test_silence_of_the_server_ends(
    settings: Settings, paths: Paths, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.replies[PING] = Reply(act="hang")
    monkeypatch.setattr(telemetry, "TIMEOUT_S", 0.2)
    assert not send(settings, paths)
    assert not paths.telemetry_stamp.exists()


def test_the_back_off_doubles_up_to_the_interval_and_the_id_stays(
    settings: Settings, paths: Paths, stand_in: StandIn
) -> None:
    stand_in.replies[PING] = Reply(503)
    waits = []
    for _ in range(10):
        assert not send(settings, paths)
        waits.append(int(read_wait(backoff_stamp(paths), maximum_s=telemetry.INTERVAL_S).note))
        backoff_over(paths)
    hour = 3600
    assert waits == [min(hour * 2**n, 7 * 24 * hour) for n in range(10)]
    assert len({request.json()["instance_id"] for request in stand_in.requests}) == 1
    stand_in.replies[PING] = Reply(200)
    assert send(settings, paths)
    assert not backoff_stamp(paths).exists()


@pytest.mark.parametrize(
    ("environ", "due"),
    [
        pytest.param({}, True, id="default"),
        pytest.param({"DO_NOT_TRACK": "1"}, True, id="do-not-track-is-ignored-by-design"),
        pytest.param({"AXONFLOW_TELEMETRY": "off"}, False, id="off"),
        pytest.param({"AXONFLOW_TELEMETRY": "OFF"}, False, id="off-in-capitals"),
        pytest.param({"AXONFLOW_COMMUNITY_SAAS": "0"}, False, id="unconfigured"),
        pytest.param({"AXONFLOW_COMMUNITY_SAAS": "0", "AXONFLOW_ENDPOINT": "http://a"}, True, id="self-hosted"),
    ],
)
def test_who_is_asked(paths: Paths, stand_in: StandIn, environ: dict[str, str], due: bool) -> None:
    stand_in.replies[PING] = Reply(200)
    settings = load_settings({**environ, "AXONFLOW_CHECKPOINT_URL": stand_in.url + PING}, paths)
    assert is_due(settings, paths) is due
    assert send(settings, paths) is due
    assert bool(stand_in.requests) is due
    if not due:
        assert not paths.cache_dir.exists()


SEND = """
import asyncio, sys
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import load_settings
from axonflow_hooks.upkeep import telemetry
telemetry.TIMEOUT_S = 60.0
paths = resolve_paths({"HOME": sys.argv[1]})
settings = load_settings({"AXONFLOW_CHECKPOINT_URL": sys.argv[2]}, paths)
print("ready", flush=True)
sys.stdin.readline()
print(asyncio.run(telemetry.send_heartbeat(settings, paths, platform_version=None)))
"""


def test_processes_that_start_together_send_one(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    everyone_asked = threading.Event()

    def ping(request: Received) -> Reply:
        everyone_asked.wait(60)
        return Reply(200)

    stand_in.replies[PING] = ping
    command = [sys.executable, "-c", SEND, str(paths.config_dir.parents[1]), settings.checkpoint_url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    stand_in.wait_for(PING)
    everyone_asked.set()
    answers = sorted(process.communicate(timeout=60)[0].strip() for process in started)
    assert answers == ["False", "False", "False", "True"]
    assert len(stand_in.requests) == 1


def test_one_that_another_process_sent_meanwhile_is_not_sent_again(
    settings: Settings, paths: Paths, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []

    def look(*arguments: Any) -> bool:
        looks.append(is_due(*arguments))
        write_private(paths.telemetry_stamp, b"")  # between the first look and the lock
        return looks[-1]

    monkeypatch.setattr(telemetry, "is_due", look)
    assert not send(settings, paths)
    assert looks == [True, False]
    assert stand_in.requests == []


def test_where_nothing_can_be_kept_nothing_is_sent(settings: Settings, paths: Paths, stand_in: StandIn) -> None:
    write_private(paths.cache_dir, b"a file where the folder should be")
    with pytest.raises(OSError, match=r"."):
        send(settings, paths)
    assert stand_in.requests == []


def test_a_damaged_id_is_made_anew_and_kept(paths: Paths) -> None:
    write_private(paths.cache_dir / "claude-code-plugin-telemetry-instance", b"\xff not an id")
    assert instance_id(paths) == instance_id(paths)


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        ("http://localhost:8080", "localhost"),
        ("http://[::1]:8080", "localhost"),
        ("http://10.1.2.3", "private_network"),
        ("http://192.168.0.9:8080", "private_network"),
        ("http://[fd00::1]", "private_network"),
        ("http://axonflow:8080", "private_network"),
        ("https://axonflow.corp", "private_network"),
        ("https://agent.local", "private_network"),
        ("https://try.getaxonflow.com", "remote"),
        ("http://93.184.216.34", "remote"),
        ("", "unknown"),
        ("http://[", "unknown"),
    ],
)
def test_endpoint_type(endpoint: str, kind: str) -> None:
    assert endpoint_type(endpoint) == kind


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("self-hosted", "self_hosted"), ("community-saas", "community_saas"), ("unconfigured", "unknown")],
)
def test_deployment_mode(mode: Any, shown: str) -> None:
    body = telemetry.payload(Settings(mode=mode, endpoint="https://a.example"), "id", None)
    assert (body["deployment_mode"], body["platform_version"]) == (shown, None)
    assert "a.example" not in json.dumps(body)
