"""What is examined: this user's environment, the plugin's files, and what several checks need to know of them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import axonflow_hooks
from axonflow_hooks.account.credentials import known_credential, resolve_connection
from axonflow_hooks.cli.agent_routes import RouteReply, call_route
from axonflow_hooks.cli.doctor_checks.finding import NotCheckedError
from axonflow_hooks.cli.run_async import run_async
from axonflow_hooks.client import AgentClient, Connection, new_http_client, one_line
from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.account.credentials import Credential
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings
    from axonflow_hooks.wire.health import Health

SESSION_ID: Final = "axonflow-doctor"
AGENT_WAIT_S: Final = 3.0
PROBE_WAIT_S: Final = 20.0
REINSTALL: Final = "Reinstall the plugin (`claude plugin update axonflow`; in a checkout, `git checkout` the file)."


@dataclass(frozen=True)
class Machine:
    """One user's machine. `root` is the plugin's folder, None for a package that was installed without it.

    `cwd` is the project's folder. What is found out is kept; nothing of it is changed.
    """

    environ: Mapping[str, str]
    root: Path | None
    cwd: Path

    @cached_property
    def paths(self) -> Paths:
        """Where this user's files are. Raises SettingsError."""
        return resolve_paths(self.environ)

    @cached_property
    def settings(self) -> Settings:
        """The settings in force. Raises SettingsError."""
        return load_settings(self.environ, self.paths)

    @cached_property
    def credential(self) -> Credential | None:
        """The credential at hand, None where there is none. Raises SettingsError."""
        return known_credential(self.settings, self.paths)

    @cached_property
    def health(self) -> Health | AxonFlowError:
        """What the agent says of itself, or why it says nothing. Raises SettingsError and NotCheckedError."""
        endpoint = self.settings.endpoint
        if self.settings.mode == "unconfigured":
            raise NotCheckedError("no agent is configured")

        async def ask() -> Health:
            async with new_http_client(endpoint) as http:
                return await AgentClient(Connection(endpoint), http).health(timeout_s=AGENT_WAIT_S)

        try:
            return run_async(ask())
        except AxonFlowError as error:
            return error

    @property
    def is_registered(self) -> bool:
        """False where the next call to the agent would register this machine, which is not a doctor's to do."""
        return self.settings.mode != "community-saas" or self.credential is not None

    def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool of the agent as this user and give its result. Raises AxonFlowError."""

        async def call() -> Any:
            async with new_http_client(self.settings.endpoint) as http:
                connection = await resolve_connection(self.settings, self.paths, http=http, timeout_s=AGENT_WAIT_S)
                return await AgentClient(connection, http).call_tool(name, arguments, SESSION_ID, AGENT_WAIT_S)

        return run_async(call())

    def get(self, path: str) -> RouteReply:
        """Get a route of the agent as this user, whatever its status. Raises AxonFlowError."""
        return run_async(call_route("GET", path, environ=self.environ))

    @cached_property
    def hook_environ(self) -> dict[str, str]:
        """The environment in which Claude Code would start the hooks, as far as this process can know it."""
        environ = {**self.environ, "CLAUDE_PLUGIN_ROOT": str(self.plugin)}
        if not environ.get("CLAUDE_PLUGIN_DATA") and not (self.plugin / ".venv").is_dir():
            folders = sorted((self.claude_dir / "plugins" / "data").glob("axonflow-*"))
            if len(folders) == 1:
                environ["CLAUDE_PLUGIN_DATA"] = str(folders[0])
        return environ

    @property
    def plugin(self) -> Path:
        """The plugin's folder. Raises NotCheckedError where there is none."""
        if self.root is None:
            raise NotCheckedError("the plugin's files are not here")
        return self.root

    @property
    def claude_dir(self) -> Path:
        """Where Claude Code keeps this user's settings."""
        chosen = self.environ.get("CLAUDE_CONFIG_DIR")
        if chosen:
            return Path(chosen).expanduser()
        return Path(self.environ.get("HOME") or self.environ.get("USERPROFILE") or Path.home()) / ".claude"

    @cached_property
    def probe(self) -> Probe:
        """What the interpreter that hooks/run chooses says of itself. Raises NotCheckedError."""
        launcher = self.plugin / "hooks" / "run"
        if not launcher.is_file():
            raise NotCheckedError("hooks/run is missing")
        done = self.run(["sh", str(launcher), "cli", "doctor", "--interpreter"], PROBE_WAIT_S)
        said = _json_object(done.out) if done.status == 0 else None
        if said is None:
            said_last = (done.err.strip() or done.out.strip()).splitlines()[-1:]  # of a traceback, what it is about
            return Probe(problem=done.problem or one_line("".join(said_last)) or f"it exited with {done.status}")
        return Probe(
            python=str(said.get("python", "")),
            version=str(said.get("version", "")),
            missing=tuple(map(str, said.get("missing", []))),
            have_re2=bool(said.get("re2")),
        )

    def run(self, command: Sequence[str], wait_s: float, *, stdin: str = "") -> Run:
        """Run a program of the plugin as Claude Code would; never raises."""
        try:
            done = subprocess.run(
                command,
                input=stdin.encode(),
                env=self.hook_environ,
                cwd=self.cwd,
                capture_output=True,
                timeout=wait_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Run(problem=f"it gave no answer within {wait_s:g} s")
        except (OSError, ValueError) as error:
            return Run(problem=f"it cannot be started ({type(error).__name__})")
        return Run(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Run:
    """How a program ended: `problem` says why it has no exit status, "" when it has."""

    status: int = -1
    out: str = ""
    err: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """The hooks' interpreter, the packages it lacks, and whether it has google-re2; or the `problem` with it."""

    python: str = ""
    version: str = ""
    missing: tuple[str, ...] = ()
    have_re2: bool = False
    problem: str = ""


def find_plugin_root(environ: Mapping[str, str]) -> Path | None:
    """Give the plugin's folder: the one Claude Code names, else the one that holds this package, None for neither."""
    named = environ.get("CLAUDE_PLUGIN_ROOT", "")
    around = Path(axonflow_hooks.__file__).resolve().parents[1]
    for folder in [Path(named)] if named and Path(named).is_absolute() else [around]:
        if any((folder / name).exists() for name in (".claude-plugin", "hooks/hooks.json", "hooks/run")):
            return folder
    return None


def read_json_object(path: Path) -> dict[str, Any] | None:
    """Give the JSON object in a file, None when there is no such file or it holds something else."""
    try:
        return _json_object(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
