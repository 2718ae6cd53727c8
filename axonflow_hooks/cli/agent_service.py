"""What `axonflow-hooks agent start|stop|status|service|client` do, and how they tell it."""

from __future__ import annotations

import base64
import http.client
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.agent.service import control, units
from axonflow_hooks.agent.service.health import Answer, ask
from axonflow_hooks.agent.service.instance import find_instance, is_held
from axonflow_hooks.agent.service.routes import CLIENTS_PATH, STATUS_PATH
from axonflow_hooks.cli.audit_view import printable
from axonflow_hooks.errors import AxonFlowError, SettingsError
from axonflow_hooks.paths import resolve_paths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from axonflow_hooks.agent.service.instance import Instance

NOT_RUNNING: Final = 3
"""What an init script answers for a service that does not run (LSB 5, 22.2)."""
MAX_FAULT_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of `axonflow-hooks agent`."""

    host: str
    port: int
    data_dir: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    log_file: Path | None = None

    def arguments(self, folder: Path) -> list[str]:
        """Give them as a command line without the log file; paths are absolute, for a service starts elsewhere."""
        found = ["agent", "--host", self.host, "--port", str(self.port), "--data-dir", str(folder)]
        for name, path in (("--tls-cert", self.tls_cert), ("--tls-key", self.tls_key)):
            if path is not None:
                found += [name, str(path.absolute())]
        return found


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The state of an agent: `found` is what it says of itself, None where it does not answer."""

    folder: Path
    instance: Instance | None
    held: bool
    found: Mapping[str, Any] | None

    @property
    def state(self) -> str:
        """running, degraded (it cannot keep records), silent (a process without an answer) or stopped."""
        if self.instance is None:
            return "silent" if self.held else "stopped"
        if self.found is None:
            return "silent"
        return "running" if self.found["audit"]["healthy"] else "degraded"

    @property
    def exit_status(self) -> int:
        """What the command leaves with."""
        return {"running": 0, "stopped": NOT_RUNNING}.get(self.state, 1)

    def json(self) -> str:
        """Give the report as one JSON object."""
        value: dict[str, Any] = {"state": self.state, "data_dir": str(self.folder)}
        if self.instance is not None:
            value |= self.instance.model_dump(include={"pid", "endpoint", "started_at", "version"})
        return json.dumps({**value, **(self.found or {})})

    def text(self) -> str:
        """Give the report as lines."""
        rows = [("state", self.state), ("data", str(self.folder))]
        if self.instance is not None:
            rows += [("endpoint", self.instance.endpoint), ("process", str(self.instance.pid))]
        if self.found is not None:
            rows += _told(self.found)
        return "\n".join(f"{name + ':':<10} {value}" for name, value in rows)


def started(options: ServeOptions, environ: Mapping[str, str]) -> str:
    """Start the agent in the background and give what to tell. Raises AxonFlowError."""
    paths = resolve_paths(environ)
    folder = (options.data_dir or paths.agent_data_dir).absolute()
    log_file = (options.log_file or paths.agent_log).absolute()
    done = control.start(folder, options.arguments(folder), log_file, environ)
    instance = done.instance
    if not done.already:
        return f"The agent listens on {instance.endpoint} (process {instance.pid}, log {log_file})."
    asked = options.port
    if asked and urlsplit(instance.endpoint).port != asked:
        raise AxonFlowError(
            f"An agent runs already on {folder}, at {instance.endpoint} (process {instance.pid}).",
            remedy="Stop it first (axonflow-hooks agent stop), or choose another --data-dir.",
        )
    return f"The agent runs already on {instance.endpoint} (process {instance.pid})."


def stopped(data_dir: Path | None) -> str:
    """Stop the agent and give what to tell. Raises AxonFlowError."""
    folder = _folder(data_dir)
    instance = control.stop(folder)
    if instance is None:
        return f"No agent runs on {folder}."
    return f"The agent has ended (process {instance.pid}, {instance.endpoint})."


def status_report(data_dir: Path | None) -> StatusReport:
    """Ask the agent on a data folder how it is. Raises AxonFlowError when the folder cannot be read."""
    folder = _folder(data_dir)
    held = is_held(folder)
    instance = find_instance(folder) if held else None
    answer = None if instance is None else _ask(instance, "GET", STATUS_PATH)
    return StatusReport(folder, instance, held, answer.body if answer is not None and answer.status == 200 else None)


def unit(manager: str, options: ServeOptions, environ: Mapping[str, str]) -> tuple[str, str]:
    """Give a unit file and how to install it. Raises SettingsError."""
    paths = resolve_paths(environ)
    folder = (options.data_dir or paths.agent_data_dir).absolute()
    chosen = manager or ("launchd" if sys.platform == "darwin" else "systemd")
    settings = units.carried_settings(environ)
    command = options.arguments(folder)
    secret = sorted(name for name in units.SECRET_SETTINGS if environ.get(name))
    try:
        if chosen == "systemd":
            text = units.systemd_unit(control.command_line(command), settings, paths.agent_environment_file)
            advice = (
                f"Save it as ~/.config/systemd/user/{units.SYSTEMD_NAME}, then run:\n"
                f"  systemctl --user daemon-reload && systemctl --user enable --now {units.SYSTEMD_NAME}"
            )
        elif chosen == "launchd":
            log_file = str(paths.agent_log)
            full = [*control.command_line(command), "--log-file", log_file]
            text = units.launchd_plist(full, settings, paths.agent_log).decode()
            advice = (
                f"Save it as ~/Library/LaunchAgents/{units.LAUNCHD_LABEL}.plist, then run:\n"
                f"  launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{units.LAUNCHD_LABEL}.plist"
            )
        else:
            raise SettingsError(f"{manager!r} is no service manager.", remedy="Say systemd or launchd.")
    except ValueError as error:
        raise SettingsError(f"The unit cannot be written: {error}.", remedy="Choose another path or value.") from None
    if secret:
        advice += f"\nNot in the unit, for it may hold a password: {', '.join(secret)}. "
        advice += f"For systemd, put it into {paths.agent_environment_file} (chmod 600)."
    return text, advice


def add_client(name: str, data_dir: Path | None) -> Mapping[str, Any]:
    """Give a client access and give its credential. Raises AxonFlowError."""
    return _expect(_call(data_dir, "POST", CLIENTS_PATH, {"name": name}), http.client.CREATED)


def revoke_client(name: str, data_dir: Path | None) -> None:
    """End a client's access. Raises AxonFlowError."""
    answer = _call(data_dir, "DELETE", f"{CLIENTS_PATH}/{quote(name, safe='')}")
    if answer.status == http.client.NOT_FOUND:
        raise AxonFlowError(f"No client {name[:64]!r} has access.", remedy="See: axonflow-hooks agent client list")
    _expect(answer, http.client.NO_CONTENT)


def clients_text(data_dir: Path | None, *, as_json: bool) -> str:
    """Give the clients as lines, or as one JSON object. Raises AxonFlowError."""
    found = _expect(_call(data_dir, "GET", CLIENTS_PATH), http.client.OK)
    if as_json:
        return json.dumps(found)
    lines = [
        f"{printable(row['client_id']):<24} added {row['created_at'][:19]}Z"
        + (f"  revoked {row['revoked_at'][:19]}Z" if row.get("revoked_at") else "")
        + (f"  refused: {printable(row['fault'], MAX_FAULT_CHARS)}" if row.get("fault") else "")
        for row in found["clients"]
    ]
    return "\n".join(lines) or "No clients besides your own."


def _told(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    audit = found["audit"]
    minutes, seconds = divmod(int(found["uptime_seconds"]), 60)
    hours, minutes = divmod(minutes, 60)
    rows = [
        ("version", f"{found['version']}, up {hours}:{minutes:02}:{seconds:02}"),
        ("policies", f"{found['policies']} static, {found['dynamic_policies']} dynamic"),
        ("audit", f"{audit['sequence']} entries, head {audit['head'][:16] or 'none'}, {audit['backlog']} waiting"),
        ("grants", "passphrase set" if found["passphrase"] else "no passphrase"),
    ]
    if found.get("memory_mb"):
        rows.append(("memory", f"{found['memory_mb']} MB"))
    faults = (*found["policy_faults"], *found.get("access_faults", ()))
    return [*rows, *(("fault", printable(fault, MAX_FAULT_CHARS)) for fault in faults)]


def _call(data_dir: Path | None, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
    folder = _folder(data_dir)
    instance = find_instance(folder)
    if instance is None:
        raise AxonFlowError(f"No agent runs on {folder}.", remedy="Start it: axonflow-hooks agent start")
    answer = _ask(instance, method, path, body)
    if answer is None:
        raise AxonFlowError(f"The agent at {instance.endpoint} does not answer.", remedy="See its log.")
    return answer


def _ask(instance: Instance, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer | None:
    credential = credential_for(resolve_paths(), instance.endpoint)
    if credential is None:
        raise AxonFlowError(
            f"There is no credential for {instance.endpoint} in this user's configuration.",
            remedy="Run the command with the AXONFLOW_CONFIG_DIR of the agent.",
        )
    basic = base64.b64encode(":".join(credential).encode()).decode("ascii")
    return ask(instance, method, path, {"Authorization": f"Basic {basic}"}, body)


def _expect(answer: Answer, status: int) -> Mapping[str, Any]:
    if answer.status == status:
        return answer.body
    error = answer.body.get("error")
    said = error.get("message") if isinstance(error, dict) else error
    raise AxonFlowError(f"{said or f'HTTP {answer.status}'}.")


def _folder(data_dir: Path | None) -> Path:
    return (data_dir or resolve_paths().agent_data_dir).absolute()
