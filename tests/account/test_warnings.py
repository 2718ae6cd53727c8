from __future__ import annotations

from typing import TYPE_CHECKING

from axonflow_hooks.account.warnings import account_warnings
from axonflow_hooks.private_files import write_private, write_private_json
from axonflow_hooks.settings import Settings
from tests.account.conftest import keep, make_token

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

SAAS = Settings(mode="community-saas", endpoint="https://try.getaxonflow.com")


def test_nothing_to_say(paths: Paths) -> None:
    assert account_warnings(SAAS, paths) == []
    keep(paths, SAAS.endpoint)
    assert account_warnings(SAAS, paths) == []


def test_an_expired_registration_and_an_expired_licence(paths: Paths) -> None:
    keep(paths, SAAS.endpoint, expires_at="2020-01-01T00:00:00Z")
    write_private_json(paths.license_file, {"token": make_token(expires_at="20200101")})
    registration, licence = account_warnings(SAAS, paths)
    assert "/axonflow-recover" in registration
    assert "licence expired on 2020-01-01" in licence


def test_a_licence_of_another_tenant(paths: Paths) -> None:
    keep(paths, SAAS.endpoint, tenant_id="cs_mine")
    write_private_json(paths.license_file, {"token": make_token(tenant_id="cs_other")})
    (warning,) = account_warnings(SAAS, paths)
    assert "cs_other" in warning
    assert "cs_mine" in warning


def test_a_damaged_registration_is_for_the_verdict_to_tell(paths: Paths) -> None:
    write_private(paths.registration_file, b"{")
    assert account_warnings(SAAS, paths) == []
