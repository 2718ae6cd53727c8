from __future__ import annotations

import asyncio
import json
import resource
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.account.recovery import request_recovery, verify_recovery
from axonflow_hooks.errors import AccountError, AgentUnavailable, AxonFlowError, RateLimited
from axonflow_hooks.private_files import write_private
from axonflow_hooks.settings import Settings
from axonflow_hooks.stamps import write_wait
from tests.account.conftest import REGISTERED, SECRET, keep
from tests.conftest import Reply, StandIn

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

RECOVER = "/api/v1/recover"
VERIFY = "/api/v1/recover/verify"
TOKEN = "ab12" * 16
RECOVERED = {**REGISTERED, "tenant_id": "cs_recovered", "secret": "f" * 32, "email": "dev@example.com"}


def ask(settings: Settings, email: str) -> None:
    asyncio.run(request_recovery(settings, email, timeout_s=60))


def verify(settings: Settings, paths: Paths, token: str = TOKEN) -> Any:
    return asyncio.run(verify_recovery(settings, paths, token, timeout_s=60))


def test_asking(saas: Settings, stand_in: StandIn) -> None:
    stand_in.replies[RECOVER] = Reply(202, {"message": "if there is an account"})
    ask(saas, " dev@example.com ")
    assert stand_in.requests[0].json() == {"email": "dev@example.com"}
    assert "authorization" not in stand_in.requests[0].headers


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reply(400, {"error": {"code": 400, "message": "bad"}}), AccountError, id="400"),
        pytest.param(Reply(413), AccountError, id="413"),
        pytest.param(Reply(429, b"", {"Retry-After": "60"}), RateLimited, id="429"),
        pytest.param(Reply(503), AgentUnavailable, id="503"),
        pytest.param(Reply(302), AgentUnavailable, id="redirect"),
        pytest.param(Reply(act="reset"), AgentUnavailable, id="reset"),
    ],
)
def test_asking_in_vain(saas: Settings, stand_in: StandIn, reply: Reply, error: type[AxonFlowError]) -> None:
    stand_in.replies[RECOVER] = reply
    with pytest.raises(error) as caught:
        ask(saas, "dev@example.com")
    assert str(caught.value)


@pytest.mark.parametrize("email", ["", "dev", "dev@example.com,other@example.com", "dev @example.com"])
def test_no_address_is_not_sent(saas: Settings, stand_in: StandIn, email: str) -> None:
    with pytest.raises(AccountError, match="not an e-mail"):
        ask(saas, email)
    assert stand_in.requests == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(
            Settings(mode="self-hosted", endpoint="http://localhost:1"), "self-hosted agent", id="self-hosted"
        ),
        pytest.param(Settings(mode="unconfigured", endpoint=""), "AXONFLOW_COMMUNITY_SAAS", id="unconfigured"),
    ],
)
def test_only_community_saas_recovers(paths: Paths, settings: Settings, said: str) -> None:
    with pytest.raises(AccountError, match=said):
        ask(settings, "dev@example.com")
    with pytest.raises(AccountError, match=said):
        verify(settings, paths)
    assert not paths.config_dir.exists()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(TOKEN, id="token"),
        pytest.param(f" {TOKEN}\n", id="spaces-around"),
        pytest.param(f"https://try.getaxonflow.com{VERIFY}?token={TOKEN}&x=1", id="link"),
    ],
)
def test_verifying(saas: Settings, paths: Paths, stand_in: StandIn, given: str) -> None:
    stand_in.replies[VERIFY] = Reply(200, RECOVERED)
    registration = verify(saas, paths, given)
    assert registration.tenant_id == "cs_recovered"
    assert stand_in.requests[0].json() == {"token": TOKEN}
    assert json.loads(paths.registration_file.read_bytes()) == {
        **RECOVERED,
        "endpoint": saas.endpoint,
        "source": "recover-verify",
    }
    assert stat.S_IMODE(paths.registration_file.stat().st_mode) == 0o600


def test_the_file_before_is_kept_beside_it(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[VERIFY] = Reply(200, RECOVERED)
    before = keep(paths, saas.endpoint)
    paths.registration_file.chmod(0o644)
    verify(saas, paths)
    (backup,) = paths.config_dir.glob("try-registration.json.*.bak")
    assert json.loads(backup.read_bytes()) == before
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert json.loads(paths.registration_file.read_bytes())["tenant_id"] == "cs_recovered"


def test_a_damaged_file_can_be_recovered_from(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[VERIFY] = Reply(200, RECOVERED)
    write_private(paths.registration_file, b"{ damaged")
    verify(saas, paths)
    (backup,) = paths.config_dir.glob("*.bak")
    assert backup.read_bytes() == b"{ damaged"


def test_recovery_ends_every_wait(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[VERIFY] = Reply(200, RECOVERED)
    for stamp in (paths.register_backoff_stamp, paths.throttle_stamp):
        write_wait(stamp, until=time.time() + 3600)
    verify(saas, paths)
    assert not paths.register_backoff_stamp.exists()
    assert not paths.throttle_stamp.exists()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reply(400, {"error": {"message": f"missing {TOKEN}"}}), AccountError, id="400"),
        pytest.param(Reply(401, {"error": {"code": 401, "message": "expired"}}), AccountError, id="401"),
        pytest.param(Reply(403), AccountError, id="403"),
        pytest.param(Reply(415), AccountError, id="415"),
        pytest.param(Reply(418), AccountError, id="418"),
        pytest.param(Reply(429), RateLimited, id="429"),
        pytest.param(Reply(500, {"secret": SECRET}), AgentUnavailable, id="500"),
        pytest.param(Reply(200, {"secret": SECRET}), AgentUnavailable, id="200-without-tenant"),
        pytest.param(Reply(200, f"<html>{SECRET}</html>".encode()), AgentUnavailable, id="200-html"),
        pytest.param(Reply(act="reset"), AgentUnavailable, id="reset"),
    ],
)
def test_a_failure_changes_nothing_and_tells_no_secret(
    saas: Settings, paths: Paths, stand_in: StandIn, reply: Reply, error: type[AxonFlowError]
) -> None:
    stand_in.replies[VERIFY] = reply
    keep(paths, saas.endpoint)
    before = paths.registration_file.read_bytes()
    with pytest.raises(error) as caught:
        verify(saas, paths)
    told = f"{caught.value} {caught.value.__cause__!r}"
    assert TOKEN not in told
    assert SECRET not in told
    assert paths.registration_file.read_bytes() == before
    assert list(paths.config_dir.glob("*.bak")) == []


@pytest.mark.parametrize("token", ["", "abc", "a b" * 10, "https://try.getaxonflow.com/?x=1", "../../etc/passwd" * 3])
def test_no_token_is_not_sent(saas: Settings, paths: Paths, stand_in: StandIn, token: str) -> None:
    with pytest.raises(AccountError, match="not a recovery token"):
        verify(saas, paths, token)
    assert stand_in.requests == []


def test_a_token_is_not_spent_where_its_credential_cannot_be_kept(
    saas: Settings, paths: Paths, stand_in: StandIn
) -> None:
    write_private(paths.config_dir, b"a file where the folder should be")
    with pytest.raises(AccountError, match="cannot be kept"):
        verify(saas, paths)
    assert stand_in.requests == []


def test_a_token_is_not_spent_on_a_full_disk(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[VERIFY] = Reply(200, RECOVERED)
    keep(paths, saas.endpoint)
    before = paths.registration_file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(AccountError, match="cannot be kept"):
            verify(saas, paths)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert stand_in.requests == []
    assert paths.registration_file.read_bytes() == before
