"""The command line: as a function for speed, and as a process where a process is what matters."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

# Commands import late; here their modules come first, so that none of them is made with the address of a stand-in.
from axonflow_hooks import settings as settings_module
from axonflow_hooks.account import recovery
from axonflow_hooks.cli import main, status_grants, status_report
from axonflow_hooks.paths import Paths, resolve_paths
from tests.agent.conftest import start_agent as start_agent
from tests.agent.grants.conftest import governed as governed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import StandIn

# Where Community SaaS lives is no setting, so that nobody's credential can be led astray; a test changes the code.
AS_PROCESS = """
import sys
import axonflow_hooks.settings
axonflow_hooks.settings.COMMUNITY_SAAS_ENDPOINT = sys.argv.pop(1)
from axonflow_hooks.cli import main
sys.exit(main())
"""
VARIABLES_OF_OURS = ("AXONFLOW_", "PII_ACTION", "XDG_", "DO_NOT_TRACK")


LOADED = (recovery,)
LIMITS = {status_report: "HEALTH_TIMEOUT_S", status_grants: "TIMEOUT_S"}


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@dataclass
class Cli:
    """Runs `axonflow-hooks` for a user with a home folder of their own, and Community SaaS at `saas`."""

    home: Path
    saas: str
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    environ: dict[str, str] = field(default_factory=dict)
    before: str = ""
    """Code that its processes run first."""

    @property
    def paths(self) -> Paths:
        return resolve_paths(self.environment())

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": "/usr/bin:/bin", **self.environ, **(extra or {})}

    def __call__(self, *arguments: str, **environ: str) -> Result:
        with self.monkeypatch.context() as patch:
            patch.setattr(settings_module, "COMMUNITY_SAAS_ENDPOINT", self.saas)
            for name, value in self.environment(environ).items():
                patch.setenv(name, value)
            code = main(list(arguments))
        out, err = self.capsys.readouterr()
        return Result(code, out, err)

    def start(
        self, *arguments: str, environ: Mapping[str, str] | None = None, terminal: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start a process with pipes, or with a terminal in all three places."""
        return subprocess.Popen(
            [sys.executable, "-c", self.before + AS_PROCESS, self.saas, *arguments],
            env=self.environment(environ),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            text=True,
        )

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> Result:
        with self.start(*arguments, environ=environ) as process:
            out, err = process.communicate(stdin, timeout=120)
            return Result(process.returncode, out, err)


@pytest.fixture
def cli(
    tmp_path: Path,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    import os

    for name in list(os.environ):
        if name.startswith(VARIABLES_OF_OURS):
            monkeypatch.delenv(name)
    for module in (status_report, status_grants):
        monkeypatch.setattr(module, LIMITS[module], 60.0)  # a busy machine is not what is tested
    return Cli(tmp_path / "home", stand_in.url, monkeypatch, capsys)
