from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.listening import Tls

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

SERVER = "axonflow_hooks.agent.server"
TLS = ["--tls-cert", "/c.pem", "--tls-key", "/k.pem"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            [],
            {"host": "127.0.0.1", "port": 8080, "data_dir": None, "tls": None, "log_file": None},
            id="defaults",
        ),
        pytest.param(
            ["--host", "::1", "--port", "0", "--data-dir", "/srv/a b", "--log-file", "/var/l", *TLS],
            {
                "host": "::1",
                "port": 0,
                "data_dir": Path("/srv/a b"),
                "tls": Tls(Path("/c.pem"), Path("/k.pem")),
                "log_file": Path("/var/l"),
            },
            id="options",
        ),
    ],
)
def test_it_serves_with_these_options(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: dict[str, Any]
) -> None:
    called: list[dict[str, Any]] = []

    def serve(**options: Any) -> int:
        called.append({**options, "environ": dict(options["environ"])})
        return 3

    server = ModuleType(SERVER)
    server.serve = serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, SERVER, server)
    assert cli("agent", *arguments, PII_ACTION="block").code == 3
    (options,) = called
    assert options.pop("environ")["PII_ACTION"] == "block"
    assert options == expected


@pytest.mark.parametrize("words", [TLS[:2], TLS[2:]], ids=["no-key", "no-certificate"])
def test_tls_needs_both_files(cli: Cli, words: list[str]) -> None:
    result = cli("agent", *words)
    assert (result.code, "--tls-cert and --tls-key" in result.err) == (1, True)


def test_without_the_extra_the_remedy_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("axonflow_hooks.agent", "starlette", "uvicorn"))]:
        monkeypatch.delitem(sys.modules, name)
    for missing in ("sqlalchemy", "starlette", "uvicorn", "re2"):
        monkeypatch.setitem(sys.modules, missing, None)
    result = cli("agent")
    assert result.code == 1
    assert "pip install 'axonflow-hooks[agent]'" in result.err
    assert len(result.err.splitlines()) == 1
