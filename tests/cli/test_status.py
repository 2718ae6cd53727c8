from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Literal

import pytest

from axonflow_hooks.account.local_agent import ensure_credential
from axonflow_hooks.claude_code.ledger import record_decision, record_ungoverned
from axonflow_hooks.private_files import write_private, write_private_json
from tests.account.conftest import REGISTERED, SECRET, keep, make_token
from tests.conftest import UNKNOWN_HOST, Reply, StandIn

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

PASTE = "Paste your tenant_id above into the 'AxonFlow tenant ID' custom field at checkout."
TENANT = REGISTERED["tenant_id"]
PRO = make_token(tenant_id=TENANT, expires_at="20990131")
EXPIRED = make_token(tenant_id=TENANT, expires_at="20260131")
PAIR = "client-1:5ecretOf" + "TheClient"
PLANES: tuple[Literal["request", "response"], ...] = ("request", "request", "response")
BASIC = base64.b64encode(PAIR.encode()).decode()


@pytest.fixture(autouse=True)
def health(stand_in: StandIn) -> None:
    stand_in.replies["/health"] = Reply(200, {"status": "healthy", "version": "9.18.0"})


def rest(mode: str, agent: str = "OK agent=reachable (healthy, version 9.18.0)", fail_mode: str = "open") -> list[str]:
    """Give the lines after the six of the published format."""
    return [
        f"OK mode={mode}",
        agent,
        "OK last_decision=none",
        "OK ungoverned_calls_7d=0",
        "OK unscanned_outputs_7d=0",
        "OK audit_backlog=0",
        f"OK fail_mode={fail_mode}",
    ]


def test_a_registered_tenant(cli: Cli) -> None:
    keep(cli.paths, cli.saas)
    result = cli("status")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"OK endpoint={cli.saas}",
        f"OK tenant_id={TENANT}",
        "OK tier=Free",
        "OK license_token=unset",
        "OK upgrade_url=https://getaxonflow.com/pro",
        PASTE,
        *rest("community-saas"),
    ]


def test_a_pro_tenant(cli: Cli) -> None:
    keep(cli.paths, cli.saas)
    result = cli("status", AXONFLOW_LICENSE_TOKEN=PRO, AXONFLOW_UPGRADE_URL="https://example.com/buy")
    assert result.code == 0
    assert result.out.splitlines()[:6] == [
        f"OK endpoint={cli.saas}",
        f"OK tenant_id={TENANT}",
        "OK tier=Pro (licence: expiry 2099-01-31)",
        "OK license_token=set (AXON-...wxyz)",
        "OK upgrade_url=https://example.com/buy",
        PASTE,
    ]
    assert "WARN" not in result.out


@pytest.mark.parametrize(
    ("token", "tier", "warning"),
    [
        pytest.param(EXPIRED, "Free (licence: expiry 2026-01-31, over)", "expired on 2026-01-31", id="expired"),
        pytest.param(make_token(tenant_id="cs_other"), "Free", "for tenant cs_other", id="another-tenants"),
        pytest.param("AXON-" + "n" * 40 + "wxyz", "Free", "not an AxonFlow licence", id="malformed"),
    ],
)
def test_a_licence_that_is_not_used(cli: Cli, token: str, tier: str, warning: str) -> None:
    keep(cli.paths, cli.saas)
    result = cli("status", AXONFLOW_LICENSE_TOKEN=token)
    assert result.code == 0
    lines = result.out.splitlines()
    assert f"OK tier={tier}" in lines
    assert "OK license_token=set (AXON-...wxyz)" in lines
    assert [line for line in lines if line.startswith("WARN") and warning in line]
    assert token not in result.out


def test_no_tenant_yet_and_none_registered_by_looking(cli: Cli, stand_in: StandIn) -> None:
    stand_in.replies["/api/v1/register"] = Reply(201, REGISTERED)
    result = cli("status")
    assert result.code == 0
    line = result.out.splitlines()[1]
    assert line.startswith("WARN tenant_id=unset")
    assert "/axonflow-recover" in line
    assert stand_in.to("/api/v1/register") == []
    assert not cli.paths.config_dir.exists()
    assert not cli.paths.cache_dir.exists()


def test_an_expired_tenant(cli: Cli) -> None:
    keep(cli.paths, cli.saas, expires_at="2026-01-31T00:00:00Z")
    line = cli("status").out.splitlines()[1]
    assert line.startswith(f"WARN tenant_id={TENANT} (")
    assert "expired on 2026-01-31" in line
    assert "/axonflow-recover" in line


@pytest.mark.parametrize(
    ("environ", "tenant"),
    [
        pytest.param({"AXONFLOW_AUTH": BASIC}, "OK tenant_id=client-1", id="auth-in-base64"),
        pytest.param({"AXONFLOW_AUTH": PAIR}, "OK tenant_id=client-1", id="auth-in-plain"),
        pytest.param(
            {},
            "WARN tenant_id=unset (no credential for this agent; set AXONFLOW_AUTH if it asks for one)",
            id="no-credential",
        ),
    ],
)
def test_self_hosted(cli: Cli, environ: dict[str, str], tenant: str) -> None:
    result = cli("status", AXONFLOW_ENDPOINT=cli.saas + "/", AXONFLOW_FAIL_MODE="closed", **environ)
    assert result.code == 0
    assert result.out.splitlines() == [
        f"OK endpoint={cli.saas}",
        tenant,
        "OK tier=Free",
        "OK license_token=unset",
        "OK upgrade_url=https://getaxonflow.com/pro",
        PASTE,
        *rest("self-hosted", fail_mode="closed"),
    ]


def test_the_embedded_agents_credential(cli: Cli) -> None:
    client_id, secret = ensure_credential(cli.paths, cli.saas)
    result = cli("status", AXONFLOW_ENDPOINT=cli.saas)
    assert f"OK tenant_id={client_id}" in result.out.splitlines()
    assert secret not in result.out


def test_unconfigured(cli: Cli, stand_in: StandIn) -> None:
    result = cli("status", AXONFLOW_COMMUNITY_SAAS="0")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].startswith("WARN endpoint=unset")
    assert lines[1].startswith("WARN tenant_id=unset")
    assert lines[6:] == rest("unconfigured", agent="WARN agent=none")
    assert stand_in.requests == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        pytest.param(Reply(503), "HTTP 503", id="503"),
        pytest.param(Reply(act="reset"), "cannot be reached", id="reset"),
        pytest.param(Reply(200, b"\x1b[31m<html>"), "not a Health", id="html"),
    ],
)
def test_an_agent_that_is_not_there(cli: Cli, stand_in: StandIn, reply: Reply, said: str) -> None:
    stand_in.replies["/health"] = reply
    result = cli("status", AXONFLOW_ENDPOINT=cli.saas)
    (line,) = (line for line in result.out.splitlines() if "agent=" in line)
    assert line.startswith("WARN agent=unreachable (")
    assert said in line
    assert result.code == 0


def test_an_agent_that_is_starting_and_wants_a_newer_plugin(cli: Cli, stand_in: StandIn) -> None:
    oldest = {"min_plugin_version": {"claude-code": "99.0.0"}}
    stand_in.replies["/health"] = Reply(200, {"status": "starting\n", "plugin_compatibility": oldest})
    lines = cli("status", AXONFLOW_ENDPOINT=cli.saas).out.splitlines()
    assert "WARN agent=reachable (starting)" in lines
    assert lines[-1].startswith("WARN This AxonFlow plugin")


def test_what_the_hooks_remember(cli: Cli) -> None:
    record_decision(cli.paths, decision_id="d-1", verdict="deny", tool_name="Bash")
    for plane in PLANES:
        record_ungoverned(cli.paths, plane=plane, session_id="s", tool_name="Bash", cause="timeout")
    lines = cli("status", AXONFLOW_ENDPOINT=cli.saas).out.splitlines()
    (last,) = (line for line in lines if "last_decision" in line)
    assert re.fullmatch(r"OK last_decision=deny \(Bash at \d{4}-\d\d-\d\dT[\d:.]+Z, decision d-1\)", last)
    assert "WARN ungoverned_calls_7d=2 (ran without a verdict in the last 7 days)" in lines
    assert "WARN unscanned_outputs_7d=1 (were not scanned in the last 7 days)" in lines


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        pytest.param({"AXONFLOW_ENDPOINT": f"http://{UNKNOWN_HOST}"}, "plain http", id="plain-http"),
        pytest.param({"AXONFLOW_TIMEOUT_SECONDS": "60"}, "12 s are used", id="timeout"),
    ],
)
@pytest.mark.usefixtures("unknown_host")
def test_warnings(cli: Cli, environ: dict[str, str], said: str) -> None:
    result = cli("status", **environ)
    assert result.code == 0
    assert [line for line in result.out.splitlines() if line.startswith("WARN ") and said in line]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        pytest.param({"AXONFLOW_ENDPOINT": "localhost:8080"}, "AXONFLOW_ENDPOINT", id="endpoint"),
        pytest.param({"AXONFLOW_AUTH": "5ecretOf" + "TheClient"}, "AXONFLOW_AUTH", id="auth"),
        pytest.param({"AXONFLOW_TIMEOUT_SECONDS": "abc"}, "AXONFLOW_TIMEOUT_SECONDS", id="timeout"),
        pytest.param({"AXONFLOW_CONFIG_DIR": "relative"}, "AXONFLOW_CONFIG_DIR", id="config-dir"),
        pytest.param({"HOME": "relative"}, "HOME", id="home"),
    ],
)
def test_malformed_settings_are_an_error_line(cli: Cli, environ: dict[str, str], said: str) -> None:
    result = cli("status", **environ)
    assert result.code == 1
    (line,) = result.out.splitlines()
    assert line.startswith("ERROR ")
    assert said in line
    assert "5ecretOf" not in line


@pytest.mark.parametrize("how", ["mode", "content"])
def test_a_credential_file_that_cannot_be_used(cli: Cli, how: str) -> None:
    keep(cli.paths, cli.saas)
    if how == "mode":
        cli.paths.registration_file.chmod(0o644)
    else:
        write_private(cli.paths.registration_file, b'{"secret": "' + SECRET.encode() + b'"}')
    result = cli("status")
    lines = result.out.splitlines()
    assert result.code == 1
    assert lines[1].startswith("WARN tenant_id=unset")
    assert lines[-1].startswith(f"ERROR {cli.paths.registration_file}")
    assert "OK mode=community-saas" in lines
    assert SECRET not in result.out


def test_the_config_dir_is_honoured(cli: Cli) -> None:
    cli.environ["AXONFLOW_CONFIG_DIR"] = str(cli.home / "elsewhere")
    keep(cli.paths, cli.saas)
    assert f"OK tenant_id={TENANT}" in cli("status").out.splitlines()


def test_json(cli: Cli) -> None:
    keep(cli.paths, cli.saas)
    record_decision(cli.paths, decision_id="d-1", verdict="allow", tool_name="Bash")
    result = cli("status", "--json", AXONFLOW_LICENSE_TOKEN=PRO)
    value = json.loads(result.out)
    assert value.pop("last_decision").items() >= {"decision_id": "d-1", "verdict": "allow"}.items()
    assert value == {
        "endpoint": cli.saas,
        "mode": "community-saas",
        "tenant_id": TENANT,
        "tenant_problem": None,
        "credential_source": "try-registration.json",
        "tier": "Pro",
        "license_token": "set (AXON-...wxyz)",
        "license_state": "usable",
        "license_expires": "2099-01-31",
        "upgrade_url": "https://getaxonflow.com/pro",
        "agent": {"reachable": True, "status": "healthy", "version": "9.18.0", "problem": None},
        "ungoverned_calls_7d": 0,
        "unscanned_outputs_7d": 0,
        "audit_backlog": 0,
        "audit_dropped": 0,
        "presence": None,
        "waiting_questions": None,
        "waiting_approvals": None,
        "fail_mode": "open",
        "warnings": [],
        "errors": [],
    }
    assert result.code == 0


def test_json_of_an_error(cli: Cli) -> None:
    result = cli("status", "--json", AXONFLOW_FAIL_MODE="ajar")
    value: dict[str, Any] = json.loads(result.out)
    assert result.code == 1
    assert "AXONFLOW_FAIL_MODE" in value["errors"][0]
    assert (value["endpoint"], value["mode"], value["tenant_id"]) == (None, None, None)


def test_no_secret_in_either_form(cli: Cli) -> None:
    keep(cli.paths, cli.saas)
    write_private_json(cli.paths.license_file, {"token": PRO})
    for arguments in (["status"], ["status", "--json"]):
        for environ in ({}, {"AXONFLOW_AUTH": PAIR, "AXONFLOW_ENDPOINT": cli.saas}):
            shown = cli(*arguments, **environ).out
            assert shown
            secrets = (SECRET, PRO, PRO[5:40], PAIR.partition(":")[2], BASIC)
            assert not [secret for secret in secrets if secret in shown]
