from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from axonflow_hooks import __version__
from axonflow_hooks.account import registration as module
from axonflow_hooks.account.registration import expiry_warning, load_registration, obtain_registration
from axonflow_hooks.errors import AccountError, AgentUnavailable, AxonFlowError, CredentialError, RateLimited
from axonflow_hooks.private_files import write_private
from axonflow_hooks.settings import COMMUNITY_SAAS_ENDPOINT, Settings
from axonflow_hooks.stamps import read_wait, write_wait
from axonflow_hooks.wire.registration import Registration
from tests.account.conftest import REGISTERED, SECRET, keep
from tests.conftest import Received, Reply, StandIn

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.paths import Paths

REGISTER = "/api/v1/register"
NOW = datetime(2027, 1, 31, 12, 0, tzinfo=timezone.utc)


def obtain(settings: Settings, paths: Paths, *, timeout_s: float = 10.0) -> Registration:
    return asyncio.run(obtain_registration(settings, paths, timeout_s=timeout_s))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def wait_s(paths: Paths) -> float:
    return read_wait(paths.register_backoff_stamp, maximum_s=module.MAX_WAIT_S).remaining_s(time.time())


def test_first_registration(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    registration = obtain(saas, paths)
    assert (registration.tenant_id, registration.secret) == (REGISTERED["tenant_id"], SECRET)
    kept = json.loads(paths.registration_file.read_bytes())
    # The endpoint is the one that was asked, whatever the reply calls itself.
    assert kept == {**REGISTERED, "endpoint": saas.endpoint}
    assert mode_of(paths.registration_file) == 0o600
    assert mode_of(paths.config_dir) == 0o700
    assert not paths.register_backoff_stamp.exists()
    request = stand_in.requests[0]
    assert re.fullmatch(rf"claude-code-plugin@{re.escape(__version__)} / [a-z]+-[a-z0-9_]+", request.json()["label"])
    assert request.headers["x-axonflow-client"] == f"claude-code-plugin/{__version__}"
    assert "authorization" not in request.headers


def test_a_kept_registration_is_used_without_network(paths: Paths, dead_url: str) -> None:
    keep(paths, dead_url)
    assert obtain(Settings(mode="community-saas", endpoint=dead_url), paths).secret == SECRET


@pytest.mark.parametrize("mode", ["self-hosted", "unconfigured"])
def test_no_other_mode_registers(paths: Paths, stand_in: StandIn, mode: Any) -> None:
    with pytest.raises(AccountError):
        obtain(Settings(mode=mode, endpoint=stand_in.url), paths)
    assert stand_in.requests == []


@pytest.mark.parametrize(
    ("expires_at", "said"),
    [
        pytest.param("2027-01-30T00:00:00Z", "expired on 2027-01-30", id="expired"),
        pytest.param("2027-02-03T00:00:00.123456789Z", "expires on 2027-02-03", id="about-to-expire"),
        pytest.param("2027-12-31T00:00:00Z", "", id="good"),
        pytest.param(None, "", id="none"),
        pytest.param("some day", "", id="illegible"),
    ],
)
def test_an_expired_registration_is_used_with_a_warning_and_never_replaced(
    saas: Settings, paths: Paths, stand_in: StandIn, expires_at: str | None, said: str
) -> None:
    keep(paths, saas.endpoint, expires_at=expires_at)
    before = paths.registration_file.read_bytes()
    registration = obtain(saas, paths)
    warning = expiry_warning(registration, now=NOW)
    assert said in warning
    assert bool(warning) is bool(said)
    if said:
        assert "/axonflow-recover" in warning
    assert registration.secret not in warning
    assert (paths.registration_file.read_bytes(), stand_in.requests) == (before, [])


def test_a_file_others_can_read_is_refused_and_never_replaced(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    keep(paths, saas.endpoint)
    paths.registration_file.chmod(0o644)
    before = paths.registration_file.read_bytes()
    with pytest.raises(CredentialError, match="chmod 600"):
        obtain(saas, paths)
    assert (paths.registration_file.read_bytes(), mode_of(paths.registration_file)) == (before, 0o644)
    assert stand_in.requests == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"tenant_id": "cs_1"', id="cut"),
        pytest.param(b'{"tenant_id": "cs_1", "secret": ""}', id="no-secret"),
        pytest.param(b'{"secret": "0123456789abcdef"}', id="no-tenant"),
        pytest.param(b'{"tenant_id": "cs:1", "secret": "0123456789abcdef"}', id="colon-in-tenant"),
        pytest.param(b'{"tenant_id": 7, "secret": "0123456789abcdef"}', id="tenant-is-a-number"),
    ],
)
def test_a_damaged_file_is_refused_and_kept(saas: Settings, paths: Paths, stand_in: StandIn, content: bytes) -> None:
    write_private(paths.registration_file, content)
    with pytest.raises(CredentialError) as caught:
        obtain(saas, paths)
    assert str(paths.registration_file) in caught.value.message
    assert caught.value.remedy
    assert "0123456789abcdef" not in str(caught.value)
    assert (paths.registration_file.read_bytes(), stand_in.requests) == (content, [])


@pytest.mark.parametrize(
    ("named", "endpoint", "accepted"),
    [
        pytest.param(None, COMMUNITY_SAAS_ENDPOINT, True, id="no-name-means-community-saas"),
        pytest.param(COMMUNITY_SAAS_ENDPOINT + "/", COMMUNITY_SAAS_ENDPOINT, True, id="slash"),
        pytest.param("https://TRY.getaxonflow.com:443", COMMUNITY_SAAS_ENDPOINT, True, id="port-and-case"),
        pytest.param(None, "http://localhost:8080", False, id="no-name-is-not-for-others"),
        pytest.param("http://try.getaxonflow.com", COMMUNITY_SAAS_ENDPOINT, False, id="scheme"),
        pytest.param("https://evil.example.com", COMMUNITY_SAAS_ENDPOINT, False, id="host"),
        pytest.param("https://try.getaxonflow.com.evil.example", COMMUNITY_SAAS_ENDPOINT, False, id="suffix"),
        pytest.param("try.getaxonflow.com", COMMUNITY_SAAS_ENDPOINT, False, id="no-url"),
        pytest.param("https://[", COMMUNITY_SAAS_ENDPOINT, False, id="rubbish"),
    ],
)
def test_a_secret_only_goes_where_its_file_says(paths: Paths, named: str | None, endpoint: str, accepted: bool) -> None:
    keep(paths, named)
    settings = Settings(mode="community-saas", endpoint=endpoint)
    if accepted:
        assert load_registration(settings, paths) is not None
        return
    with pytest.raises(CredentialError, match="another endpoint") as caught:
        load_registration(settings, paths)
    assert caught.value.remedy
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "error", "at_least", "at_most"),
    [
        pytest.param(Reply(429, {"error": "x"}, {"Retry-After": "120"}), RateLimited, 110, 120, id="429"),
        pytest.param(Reply(429, b""), RateLimited, 3500, 3600, id="429-without-retry-after"),
        pytest.param(Reply(429, b"", {"Retry-After": "9999999"}), RateLimited, 86000, 86400, id="429-is-bounded"),
        pytest.param(Reply(500, b"oops"), AgentUnavailable, 20, 30, id="500"),
        pytest.param(Reply(503, b""), AgentUnavailable, 20, 30, id="503"),
        pytest.param(Reply(404, b""), AgentUnavailable, 20, 30, id="404"),
        pytest.param(Reply(act="reset"), AgentUnavailable, 20, 30, id="reset"),
        pytest.param(Reply(act="garbage"), AgentUnavailable, 20, 30, id="garbage"),
        pytest.param(Reply(201, b"<html>"), AgentUnavailable, 3500, 3600, id="201-no-json"),
        pytest.param(Reply(201, {"tenant_id": "cs_1"}), AgentUnavailable, 3500, 3600, id="201-no-secret"),
        pytest.param(Reply(400, {"error": {"code": 400, "message": "bad label"}}), AccountError, 3500, 3600, id="400"),
        pytest.param(Reply(403, b"<html>proxy</html>"), AccountError, 3500, 3600, id="403"),
        pytest.param(Reply(409, {"error": "too many"}), AccountError, 3500, 3600, id="409"),
        pytest.param(Reply(413, b""), AccountError, 3500, 3600, id="413"),
        pytest.param(Reply(415, b""), AccountError, 3500, 3600, id="415"),
    ],
)
def test_a_failure_is_not_repeated_before_its_time(
    saas: Settings,
    paths: Paths,
    stand_in: StandIn,
    reply: Reply,
    error: type[AxonFlowError],
    at_least: float,
    at_most: float,
) -> None:
    stand_in.replies[REGISTER] = reply
    for _ in range(3):
        with pytest.raises(error) as caught:
            obtain(saas, paths)
        assert "AXONFLOW_ENDPOINT" in caught.value.remedy
    assert len(stand_in.to(REGISTER)) == 1
    assert at_least <= wait_s(paths) <= at_most + 1  # a stamp holds whole seconds, rounded up
    assert mode_of(paths.register_backoff_stamp) == 0o600
    assert not paths.registration_file.exists()


def test_rate_limit_tells_how_long(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[REGISTER] = Reply(429, b"", {"Retry-After": "120"})
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            obtain(saas, paths)
        assert 60 <= caught.value.retry_after <= 121


def test_registers_again_once_the_time_is_over(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[REGISTER] = [Reply(503), Reply(201, REGISTERED)]
    with pytest.raises(AgentUnavailable):
        obtain(saas, paths)
    write_wait(paths.register_backoff_stamp, until=time.time() - 1)
    assert obtain(saas, paths).tenant_id == REGISTERED["tenant_id"]
    assert not paths.register_backoff_stamp.exists()


def test_a_kept_registration_is_used_during_a_back_off(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    write_wait(paths.register_backoff_stamp, until=time.time() + 3600, note="rate-limited")
    keep(paths, saas.endpoint)
    assert obtain(saas, paths).secret == SECRET
    assert stand_in.requests == []


def test_silence_ends_at_the_deadline(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[REGISTER] = Reply(act="hang")
    with pytest.raises(AgentUnavailable, match="gave no answer"):
        obtain(saas, paths, timeout_s=1.0)
    assert wait_s(paths) > 0


def test_waiting_for_another_process_ends_at_the_deadline(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    paths.config_dir.mkdir(parents=True)
    with FileLock(f"{paths.registration_file}.lock"), pytest.raises(AgentUnavailable, match="Another process"):
        obtain(saas, paths, timeout_s=0.3)
    assert stand_in.requests == []


def test_a_waiting_task_takes_what_the_winner_wrote_without_blocking_the_loop(saas: Settings, paths: Paths) -> None:
    paths.config_dir.mkdir(parents=True)

    async def run() -> Registration:
        with FileLock(f"{paths.registration_file}.lock"):
            waiting = asyncio.create_task(obtain_registration(saas, paths, timeout_s=60))
            await asyncio.sleep(0)  # the loser has seen the lock by now
            keep(paths, saas.endpoint, tenant_id="cs_winner")
            return await waiting

    assert asyncio.run(run()).tenant_id == "cs_winner"


def test_tasks_of_one_process_register_once(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    async def run() -> list[Registration]:
        return await asyncio.gather(*(obtain_registration(saas, paths, timeout_s=60) for _ in range(20)))

    assert {registration.tenant_id for registration in asyncio.run(run())} == {REGISTERED["tenant_id"]}
    assert len(stand_in.to(REGISTER)) == 1


RESOLVE = """
import asyncio, base64, sys
from axonflow_hooks.account.credentials import resolve_connection
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import Settings
paths = resolve_paths({"HOME": sys.argv[1]})
settings = Settings(mode="community-saas", endpoint=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
connection = asyncio.run(resolve_connection(settings, paths, timeout_s=60))
print(base64.b64decode(connection.basic).decode())
"""


def test_processes_that_start_together_register_once(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    everyone_asked = threading.Event()
    made = iter(range(100))

    def register(request: Received) -> Reply:
        everyone_asked.wait(60)
        return Reply(201, {**REGISTERED, "tenant_id": f"cs_{next(made)}"})

    stand_in.replies[REGISTER] = register
    command = [sys.executable, "-c", RESOLVE, str(paths.config_dir.parents[1]), saas.endpoint]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    stand_in.wait_for(REGISTER)
    everyone_asked.set()
    answers = [process.communicate(timeout=60)[0].strip() for process in started]
    assert answers == [f"cs_0:{SECRET}"] * len(started)
    assert len(stand_in.to(REGISTER)) == 1


def test_a_killed_registration_leaves_no_lock_and_no_storm(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[REGISTER] = Reply(act="hang")
    command = [sys.executable, "-c", RESOLVE, str(paths.config_dir.parents[1]), saas.endpoint]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        stand_in.wait_for(REGISTER)
        process.kill()
    with pytest.raises(AgentUnavailable, match="next attempt"):
        obtain(saas, paths)
    assert len(stand_in.to(REGISTER)) == 1


def test_a_folder_that_cannot_be_written_registers_nothing(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    write_private(paths.cache_dir, b"a file where the folder should be")
    with pytest.raises(AgentUnavailable, match="cannot be written") as caught:
        obtain(saas, paths)
    assert caught.value.remedy
    assert stand_in.requests == []


def test_a_disk_that_fills_up_meanwhile_causes_no_storm(
    saas: Settings, paths: Paths, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, value: dict[str, Any]) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_private_json", full)
        with pytest.raises(AgentUnavailable, match="No space") as caught:
            obtain(saas, paths)
    assert SECRET not in str(caught.value)
    with pytest.raises(AgentUnavailable, match="next attempt"):
        obtain(saas, paths)
    assert len(stand_in.to(REGISTER)) == 1
    assert wait_s(paths) > 3000


def test_secrets_are_not_part_of_the_representation(saas: Settings, paths: Paths) -> None:
    registration = obtain(saas, paths)
    assert SECRET not in repr(registration)
    assert base64.b64encode(SECRET.encode()).decode() not in repr(registration)


def test_the_warning_starts_a_week_before_the_end() -> None:
    registration = Registration(tenant_id="cs_1", secret=SECRET, expires_at="2027-02-10T00:00:00Z")
    end = datetime(2027, 2, 10, tzinfo=timezone.utc)
    assert expiry_warning(registration, now=end - timedelta(days=7, seconds=1)) == ""
    assert expiry_warning(registration, now=end - timedelta(days=7)) != ""
