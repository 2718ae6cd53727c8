"""A user's machine for the doctor to examine, with a real agent."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.cli import doctor_report
from axonflow_hooks.cli.doctor_checks import installation, live
from axonflow_hooks.cli.doctor_checks import machine as machine_module
from axonflow_hooks.cli.doctor_checks.machine import Machine
from axonflow_hooks.paths import Paths, resolve_paths
from devtools.live import clean_environment, running_agent
from tests.patience import WAITS, copy_patient
from tests.resident.conftest import kill_residents_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.cli.doctor_checks.finding import Finding

ROOT = Path(__file__).resolve().parents[3]
WRONG_SECRET = "not-the-secret-of-this-agent"
WHOLE = (
    "plugin, versions, hooks.json, launcher, mcp server, interpreter, environment, claude code, claude settings, "
    "settings, config folder, credential files, state folder, disk, audit spool, ungoverned, endpoint, agent, "
    "compatibility, credential, policies, live deny, live redaction, live audit, resident, hook time"
).split(", ")
LIVE = WHOLE[-5:]


@dataclass
class Desk:
    """A user's machine: a home that knows a running agent, a project folder, and this checkout as the plugin."""

    home: Path
    environ: dict[str, str]
    root: Path | None
    found: dict[str, Finding] = field(default_factory=dict)

    @property
    def paths(self) -> Paths:
        return resolve_paths(self.environ)

    @property
    def project(self) -> Path:
        return self.home / "my project"

    def examine(self) -> dict[str, Finding]:
        machine = Machine(self.environ, self.root, self.project)
        self.found = {finding.name: finding for finding in doctor_report.examine(machine)}
        return self.found

    def copy_plugin(self) -> Path:
        """Use a copy of the plugin, in which something can be broken."""
        copy = copy_patient(self.home / "a plugin")
        self.environ["AXONFLOW_PYTHON"] = sys.executable
        self.root = copy
        return copy

    def write(self, path: Path, content: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Give a real agent's endpoint and the file in which it has kept its credential."""
    home = tmp_path_factory.mktemp("agent")
    environ = clean_environment(home)
    with running_agent(environ) as endpoint:
        yield endpoint, resolve_paths(environ).agent_credentials_file


@pytest.fixture
def sockets() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="axf-", ignore_cleanup_errors=True) as folder:
        yield folder
        kill_residents_of(Path(folder))


@pytest.fixture
def desk(
    agent: tuple[str, Path], tmp_path: Path, sockets: str, patient_plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    for module in (doctor_report, installation, live, machine_module):  # a busy machine is not what is examined
        for name, seconds in WAITS[f"{module.__name__.replace('.', '/')}.py"].items():
            monkeypatch.setattr(module, name, seconds)
    endpoint, kept = agent
    environ = {
        **clean_environment(tmp_path),
        "AXONFLOW_ENDPOINT": endpoint,
        "AXONFLOW_RESIDENT_DIR": sockets,
        "AXONFLOW_RESIDENT_IDLE_S": "600",
    }
    made = Desk(tmp_path, environ, patient_plugin)
    made.project.mkdir()
    made.paths.config_dir.mkdir(parents=True)
    shutil.copy2(kept, made.paths.agent_credentials_file)
    return made


def run(desk: Desk, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the package of the desk's plugin, whose waits are long."""
    environ = {**desk.environ, "PYTHONPATH": str(desk.root)}
    return subprocess.run(
        command, env=environ, cwd=desk.project, capture_output=True, text=True, timeout=300, check=False
    )
