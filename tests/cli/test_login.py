from __future__ import annotations

import contextlib
import json
import os
import pty
import stat
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.settings import COMMUNITY_SAAS_ENDPOINT
from tests.account.conftest import REGISTERED, keep, make_token

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

TENANT = REGISTERED["tenant_id"]
PRO = make_token(tenant_id=TENANT, expires_at="20990131")


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        pytest.param(["-"], f"{PRO}\n", id="dash"),
        pytest.param([], f"{PRO}\nignored\n", id="no-argument"),
        pytest.param(["--token", "-"], PRO, id="option-dash"),
        pytest.param([PRO], "", id="argument"),
        pytest.param(["--token", PRO], "", id="option"),
    ],
)
def test_every_way_in(cli: Cli, arguments: list[str], stdin: str) -> None:
    keep(cli.paths, cli.saas)
    result = cli.run("login", *arguments, stdin=stdin)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == ["OK license_token=set (AXON-...wxyz)", "OK tier=Pro, expires 2099-01-31"]
    stored = json.loads(cli.paths.license_file.read_bytes())
    assert (stored["token"], stored["endpoint"]) == (PRO, cli.saas)
    assert stat.S_IMODE(cli.paths.license_file.stat().st_mode) == 0o600


def test_a_terminal_is_asked_without_echo(cli: Cli) -> None:
    main, terminal = pty.openpty()
    shown = b""
    try:
        with cli.start("login", terminal=terminal) as process:
            os.close(terminal)
            while b"licence token:" not in shown:
                shown += os.read(main, 1024)
            os.write(main, f"{PRO}\n".encode())
            with contextlib.suppress(OSError):  # Linux reports the end of a terminal so
                while chunk := os.read(main, 1024):
                    shown += chunk
    finally:
        os.close(main)
    assert process.returncode == 0
    assert b"AXON-...wxyz" in shown
    assert PRO.encode() not in shown


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        pytest.param(["-"], "", "No licence token was given", id="nothing"),
        pytest.param([""], "", "No licence token was given", id="empty"),
        pytest.param(["-"], "AXON-nonsense\n", "not an AxonFlow licence token", id="malformed"),
        pytest.param(["-"], make_token(expires_at="20200101"), "expired on 2020-01-01", id="expired"),
        pytest.param(["-"], make_token(tenant_id="cs_other"), "tenant cs_other", id="another-tenants"),
    ],
)
def test_what_cannot_be_used_is_told_and_not_kept(cli: Cli, arguments: list[str], stdin: str, said: str) -> None:
    keep(cli.paths, cli.saas)
    result = cli.run("login", *arguments, stdin=stdin)
    assert result.code == 1
    assert result.err.startswith("ERROR ")
    assert said in result.err
    assert len(result.err.splitlines()) == 1
    if stdin.strip():
        assert stdin.strip() not in result.err
    assert not cli.paths.license_file.exists()


def test_a_token_given_twice_is_wrong_usage(cli: Cli) -> None:
    result = cli("login", "--token", PRO, PRO)
    assert result.code == 2
    assert PRO not in result.err


def test_a_saas_licence_is_kept_for_saas_whatever_is_in_use_now(cli: Cli) -> None:
    cli.saas = COMMUNITY_SAAS_ENDPOINT
    result = cli("login", PRO, AXONFLOW_ENDPOINT="http://localhost:9")
    assert result.code == 0
    assert json.loads(cli.paths.license_file.read_bytes())["endpoint"] == COMMUNITY_SAAS_ENDPOINT
    assert "not sent to http://localhost:9" in result.out


def test_a_token_in_the_environment_is_mentioned_since_it_wins(cli: Cli) -> None:
    result = cli("login", PRO, AXONFLOW_LICENSE_TOKEN=make_token())
    assert "AXONFLOW_LICENSE_TOKEN is set" in result.out


def test_a_credential_file_that_cannot_be_used_does_not_stop_a_login(cli: Cli) -> None:
    keep(cli.paths, cli.saas)
    cli.paths.registration_file.chmod(0o644)
    result = cli("login", PRO)
    assert result.code == 0
    assert "chmod 600" in result.err
