from __future__ import annotations

import json
import stat
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.account.license_token import load_license, mask_token, parse_token, save_license
from axonflow_hooks.errors import AccountError
from axonflow_hooks.private_files import write_private, write_private_json
from axonflow_hooks.settings import COMMUNITY_SAAS_ENDPOINT, Settings
from tests.account.conftest import make_token, segment

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

NOW = datetime(2027, 1, 31, 12, 0, tzinfo=timezone.utc)
TENANT = "cs_11111111-2222-3333-4444-555555555555"
HERE = "http://localhost:8080"
SELF_HOSTED = Settings(mode="self-hosted", endpoint=HERE)
SAAS = Settings(mode="community-saas", endpoint=COMMUNITY_SAAS_ENDPOINT)


def with_token(settings: Settings, token: str) -> Settings:
    return Settings(mode=settings.mode, endpoint=settings.endpoint, license_token=token)


@pytest.mark.parametrize(
    ("expires_at", "usable", "last_day"),
    [
        pytest.param("20270201", True, "2027-02-01", id="date-ahead"),
        pytest.param("20270131", True, "2027-01-31", id="date-today-has-its-grace"),
        pytest.param("20270130", False, "2027-01-30", id="date-over"),
        pytest.param(20270201, True, "2027-02-01", id="date-as-number"),
        pytest.param("21270101", True, "2127-01-01", id="a-hundred-years"),
        pytest.param("2027-02-01", True, "2027-02-01", id="date-with-hyphens"),
        pytest.param(1801396801, True, "2027-01-31", id="epoch-ahead"),
        pytest.param(1801396800, False, "2027-01-31", id="epoch-now"),
        pytest.param("1801396801", True, "2027-01-31", id="epoch-as-text"),
        pytest.param(1801396801000, True, "2027-01-31", id="epoch-in-milliseconds"),
        pytest.param("2027-01-31T12:00:01Z", True, "2027-01-31", id="rfc3339-ahead"),
        pytest.param("2027-01-31T12:00:00.999999999+00:00", False, "2027-01-31", id="rfc3339-now"),
        pytest.param(None, True, "", id="null"),
        pytest.param("", True, "", id="empty"),
    ],
)
def test_expiry(paths: Paths, expires_at: Any, usable: bool, last_day: str) -> None:
    token = make_token(expires_at=expires_at)
    found = load_license(with_token(SELF_HOSTED, token), paths, now=NOW)
    assert found is not None
    assert (found.usable, found.claims.last_day) == (usable, last_day)
    assert found.state == ("usable" if usable else "expired")
    assert bool(found.problem) is not usable


def test_a_token_without_expiry_does_not_expire() -> None:
    assert parse_token(make_token()).expires is None


def test_the_shape_of_three_segments_is_read_too() -> None:
    claims = {"tier": "premium", "exp": 1801396800, "tenant_id": TENANT}
    token = f"AXON-{segment({'alg': 'EdDSA'})}.{segment(claims)}.c2lnbmF0dXJl"
    parsed = parse_token(token)
    assert (parsed.tier, parsed.tenant_id, parsed.last_day) == ("Premium", TENANT, "2027-01-31")


@pytest.mark.parametrize(
    ("tier", "shown"), [("Pro", "Pro"), ("pro", "Pro"), ("Premium", "Premium"), (None, "Pro"), ("\x1b[2J", "Pro")]
)
def test_tier(tier: object, shown: str) -> None:
    assert parse_token(make_token(tier=tier)).tier == shown


GOOD = make_token()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("AXON-", id="prefix-only"),
        pytest.param(GOOD.removeprefix("AXON-"), id="no-prefix"),
        pytest.param(GOOD.split(".")[0], id="one-segment"),
        pytest.param(GOOD + ".a.b", id="four-segments"),
        pytest.param(GOOD.replace(".", ".."), id="empty-segment"),
        pytest.param("AXON-e30.AAAA", id="too-short"),
        pytest.param("AXON-" + "a" * 9000 + ".AAAA", id="too-long"),
        pytest.param(GOOD[:20] + " " + GOOD[20:], id="space-inside"),
        pytest.param(GOOD + "\r\nX-Evil: 1", id="header-injection"),
        pytest.param("AXON-" + "!" * 40 + ".AAAA", id="not-base64"),
        pytest.param("AXON-" + segment(b"\xff" * 40) + ".AAAA", id="not-json"),
        pytest.param("AXON-" + segment([1] * 40) + ".AAAA", id="not-an-object"),
        pytest.param("AXON-" + segment(b"[" * 5000) + ".AAAA", id="nests-without-end"),
        pytest.param(make_token(expires_at="soon"), id="expiry-is-no-time"),
        pytest.param(make_token(expires_at="20271341"), id="expiry-is-no-date"),
        pytest.param(make_token(expires_at=True), id="expiry-is-a-flag"),
        pytest.param(make_token(expires_at={"a": 1}), id="expiry-is-an-object"),
        pytest.param(make_token(expires_at="9999-12-31"), id="expiry-beyond-the-calendar"),
    ],
)
def test_a_malformed_token_is_never_sent_and_never_shown(paths: Paths, token: str) -> None:
    with pytest.raises(AccountError) as caught:
        parse_token(token)
    found = load_license(with_token(SELF_HOSTED, token), paths, now=NOW) if token else None
    told = f"{caught.value}{found!r}{found.problem if found else ''}"
    if found:
        assert (found.state, found.usable) == ("malformed", False)
        assert "not used" in found.problem
    if len(token) > 10:
        assert token[5:] not in told


def test_the_largest_epoch_is_a_date() -> None:
    assert parse_token(make_token(expires_at=9999999999)).last_day == "2286-11-20"


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        pytest.param(GOOD, "AXON-...wxyz", id="token"),
        pytest.param("AXON-abcd", "AXON-...****", id="short"),
        pytest.param("", "AXON-...****", id="none"),
    ],
)
def test_only_the_last_four_are_shown(token: str, shown: str) -> None:
    assert mask_token(token) == shown


def test_no_licence(paths: Paths) -> None:
    assert load_license(SAAS, paths) is None


def test_the_environment_wins_over_the_file(paths: Paths) -> None:
    write_private_json(paths.license_file, {"token": make_token(jti="file"), "saved_at": "2026-01-01T00:00:00Z"})
    token = make_token(jti="environment")
    found = load_license(with_token(SELF_HOSTED, token), paths, now=NOW)
    assert found is not None
    assert (found.token, found.source) == (token, "setting")


FOR_SAAS = make_token(tenant_id=TENANT, org_id="community-saas")
FOR_ANY = make_token(tenant_id="acme")


@pytest.mark.parametrize(
    ("settings", "token", "endpoint", "tenant_id", "usable"),
    [
        pytest.param(SELF_HOSTED, FOR_ANY, None, "", True, id="file-without-endpoint"),
        pytest.param(SELF_HOSTED, FOR_ANY, HERE + "/", "", True, id="file-for-here"),
        pytest.param(SELF_HOSTED, FOR_ANY, "https://agent.example.com", "", False, id="file-for-elsewhere"),
        pytest.param(SELF_HOSTED, FOR_ANY, "http://localhost:8081", "", False, id="file-for-another-port"),
        pytest.param(SELF_HOSTED, FOR_ANY, "rubbish", "", False, id="file-for-rubbish"),
        pytest.param(SELF_HOSTED, FOR_SAAS, None, "", False, id="saas-licence-stays-away-from-other-hosts"),
        pytest.param(SELF_HOSTED, FOR_SAAS, COMMUNITY_SAAS_ENDPOINT, "", False, id="saas-licence-saved-for-saas"),
        pytest.param(SELF_HOSTED, FOR_SAAS, HERE, "", True, id="saas-licence-named-for-here-by-its-owner"),
        pytest.param(SAAS, FOR_SAAS, None, TENANT, True, id="saas"),
        pytest.param(SAAS, FOR_SAAS, COMMUNITY_SAAS_ENDPOINT, TENANT, True, id="saas-with-endpoint"),
        pytest.param(SAAS, FOR_SAAS, None, "", True, id="saas-tenant-not-known-yet"),
        pytest.param(SAAS, FOR_SAAS, None, "cs_other", False, id="saas-licence-of-another-tenant"),
        pytest.param(SAAS, FOR_ANY, HERE, TENANT, False, id="licence-of-a-local-agent-in-saas"),
    ],
)
def test_a_token_only_goes_where_it_belongs(
    paths: Paths, settings: Settings, token: str, endpoint: str | None, tenant_id: str, usable: bool
) -> None:
    stored = {"token": token, "saved_at": "2026-01-01T00:00:00Z", "endpoint": endpoint}
    write_private_json(paths.license_file, {key: value for key, value in stored.items() if value is not None})
    found = load_license(settings, paths, tenant_id=tenant_id, now=NOW)
    assert found is not None
    assert found.state == ("usable" if usable else "elsewhere")
    assert token not in found.problem


def test_a_token_of_the_environment_goes_to_the_endpoint_of_the_environment(paths: Paths) -> None:
    found = load_license(with_token(SELF_HOSTED, FOR_SAAS), paths, now=NOW)
    assert found is not None
    assert found.usable


def test_a_file_others_can_read_is_not_used(paths: Paths) -> None:
    write_private_json(paths.license_file, {"token": GOOD})
    paths.license_file.chmod(0o644)
    found = load_license(SELF_HOSTED, paths, now=NOW)
    assert found is not None
    assert (found.state, found.token) == ("unreadable", "")
    assert "chmod 600" in found.problem


@pytest.mark.parametrize("content", [b"{}", b'{"token": 1}', b'{"token": ""}', b"nonsense"])
def test_a_damaged_file_is_told_not_raised(paths: Paths, content: bytes) -> None:
    write_private(paths.license_file, content)
    found = load_license(SELF_HOSTED, paths, now=NOW)
    assert found is not None
    assert not found.usable
    assert str(paths.license_file) in found.problem


def test_saving(paths: Paths) -> None:
    kept = save_license(SAAS, paths, f"  {FOR_SAAS}\n", tenant_id=TENANT, now=NOW)
    assert kept.usable
    assert json.loads(paths.license_file.read_bytes()) == {
        "token": FOR_SAAS,
        "saved_at": "2027-01-31T12:00:00Z",
        "endpoint": COMMUNITY_SAAS_ENDPOINT,
    }
    assert stat.S_IMODE(paths.license_file.stat().st_mode) == 0o600
    assert load_license(SAAS, paths, tenant_id=TENANT, now=NOW) == kept


@pytest.mark.parametrize(
    ("token", "endpoint", "usable"),
    [
        pytest.param(FOR_ANY, HERE, True, id="for-this-agent"),
        pytest.param(FOR_SAAS, COMMUNITY_SAAS_ENDPOINT, False, id="for-saas"),
    ],
)
def test_saving_for_a_self_hosted_agent(paths: Paths, token: str, endpoint: str, usable: bool) -> None:
    kept = save_license(SELF_HOSTED, paths, token, now=NOW)
    assert json.loads(paths.license_file.read_bytes())["endpoint"] == endpoint
    assert kept.usable is usable


@pytest.mark.parametrize(
    ("token", "said"),
    [
        pytest.param("AXON-nonsense", "not an AxonFlow licence", id="malformed"),
        pytest.param(make_token(expires_at="20260101"), "expired on 2026-01-01", id="expired"),
        pytest.param(make_token(tenant_id="cs_other"), "tenant cs_other", id="another-tenants"),
    ],
)
def test_what_cannot_be_used_is_not_saved(paths: Paths, token: str, said: str) -> None:
    write_private_json(paths.license_file, {"token": "the old one"})
    with pytest.raises(AccountError, match=said) as caught:
        save_license(SAAS, paths, token, tenant_id=TENANT, now=NOW)
    assert caught.value.remedy
    assert json.loads(paths.license_file.read_bytes()) == {"token": "the old one"}


def test_a_folder_that_cannot_be_written_is_named(paths: Paths) -> None:
    write_private(paths.config_dir, b"a file where the folder should be")
    with pytest.raises(AccountError, match=r"license-token\.json") as caught:
        save_license(SAAS, paths, FOR_SAAS, now=NOW)
    assert FOR_SAAS not in str(caught.value)
