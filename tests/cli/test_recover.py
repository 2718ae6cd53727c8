from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.account.conftest import REGISTERED, SECRET, keep
from tests.conftest import Reply, StandIn

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

RECOVER = "/api/v1/recover"
VERIFY = "/api/v1/recover/verify"
TOKEN = "ab12" * 16


def test_recover(cli: Cli, stand_in: StandIn) -> None:
    stand_in.replies[RECOVER] = Reply(202, {"message": "ok"})
    result = cli("recover", "dev@example.com")
    assert (result.code, result.err) == (0, "")
    assert "recover-verify" in result.out
    assert stand_in.requests[0].json() == {"email": "dev@example.com"}


@pytest.mark.parametrize(
    ("arguments", "stdin"), [(["-"], f"{TOKEN}\n"), ([], TOKEN), ([TOKEN], "")], ids=["dash", "stdin", "argument"]
)
def test_recover_verify(cli: Cli, stand_in: StandIn, arguments: list[str], stdin: str) -> None:
    stand_in.replies[VERIFY] = Reply(200, {**REGISTERED, "tenant_id": "cs_recovered"})
    keep(cli.paths, cli.saas)
    result = cli.run("recover-verify", *arguments, stdin=stdin)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == "OK tenant_id=cs_recovered"
    assert SECRET not in result.out
    assert json.loads(cli.paths.registration_file.read_bytes())["source"] == "recover-verify"
    assert "OK tenant_id=cs_recovered" in cli("status").out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        pytest.param(["recover", "dev"], {}, "not an e-mail address", id="address"),
        pytest.param(["recover", "d@e.f"], {"AXONFLOW_ENDPOINT": "http://a"}, "self-hosted agent", id="self-hosted"),
        pytest.param(["recover", "d@e.f"], {}, "HTTP 404", id="refused"),
        pytest.param(["recover-verify", "abc"], {}, "not a recovery token", id="token"),
        pytest.param(["recover-verify", TOKEN], {}, "not known", id="unknown-token"),
        pytest.param(["recover-verify", TOKEN], {"AXONFLOW_COMMUNITY_SAAS": "0"}, "is off", id="saas-off"),
        pytest.param(["recover", "d@e.f"], {"AXONFLOW_TELEMETRY": "maybe"}, "AXONFLOW_TELEMETRY", id="settings"),
    ],
)
def test_errors_are_one_line(cli: Cli, arguments: list[str], environ: dict[str, str], said: str) -> None:
    result = cli(*arguments, **environ)
    assert (result.code, result.out) == (1, "")
    (line,) = result.err.splitlines()
    assert line.startswith("ERROR ")
    assert said in line
    assert TOKEN not in line


def test_an_interrupt_is_no_traceback(cli: Cli, stand_in: StandIn) -> None:
    stand_in.replies[RECOVER] = Reply(act="hang")
    with cli.start("recover", "dev@example.com") as process:
        stand_in.wait_for(RECOVER)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
