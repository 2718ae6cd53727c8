"""A user's files: settings, credentials, the folders that must be writable, and what waits in the audit spool."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.ledger import ungoverned_since
from axonflow_hooks.cli.doctor_checks.finding import Finding, fail, ok, warn
from axonflow_hooks.errors import SettingsError
from axonflow_hooks.private_files import read_private_json
from axonflow_hooks.resident.spool import backlog
from axonflow_hooks.settings import MAX_TIMEOUT_S

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.cli.doctor_checks.machine import Machine

WEEK_S: Final = 7 * 24 * 3600.0
PATIENCE_S: Final = 60.0
"""A record that has waited for longer than this is not just on its way."""
FULL_BYTES: Final = 10_000_000
SCARCE_BYTES: Final = 200_000_000


def settings(machine: Machine) -> Finding:
    """Whether the environment and config.toml can be used as they are."""
    try:
        found = machine.settings
    except SettingsError as error:
        return fail("settings", error.message, error.remedy or "Correct or unset it.")
    if found.timeout_clamped:
        return warn(
            "settings",
            f"AXONFLOW_TIMEOUT_SECONDS is more than a hook has; {MAX_TIMEOUT_S:g} s are used.",
            f"Set it to {MAX_TIMEOUT_S:g} or less.",
        )
    return ok("settings", f"mode {found.mode}, fail mode {found.fail_mode}")


def credential_files(machine: Machine) -> Finding:
    """Whether the files with credentials are this user's alone, and whole."""
    paths = machine.paths
    candidates = (
        paths.registration_file,
        paths.license_file,
        paths.self_hosted_auth_file,
        paths.agent_credentials_file,
    )
    found = 0
    for path in candidates:
        try:
            found += read_private_json(path) is not None
        except SettingsError as error:
            return fail("credential files", error.message, error.remedy)
    return ok("credential files", f"{found} found, readable by you alone" if found else "none")


def config_folder(machine: Machine) -> Finding:
    """Whether nobody else can put files where settings and credentials are read."""
    folder = machine.paths.config_dir
    try:
        status = folder.stat()
    except FileNotFoundError:
        return ok("config folder", f"{folder} does not exist yet")
    except OSError as error:
        return fail("config folder", f"{folder} cannot be read ({error.strerror}).", f"See: ls -ld '{folder.parent}'")
    if not stat.S_ISDIR(status.st_mode):
        return fail("config folder", f"{folder} is not a folder.", f"Move it away: mv '{folder}' '{folder}.old'")
    if sys.platform != "win32" and status.st_uid != os.getuid():
        return fail("config folder", f"{folder} belongs to another user.", f"Run: sudo chown -R $(id -u) '{folder}'")
    if sys.platform != "win32" and status.st_mode & 0o022:
        return fail("config folder", f"Other users can write to {folder}.", f"Run: chmod 700 '{folder}'")
    return ok("config folder", f"{folder}")


def state_folders(machine: Machine) -> Finding:
    """Whether the records of the hooks can be written."""
    for folder in (machine.paths.state_dir, machine.paths.cache_dir):
        problem = _cannot_write(folder)
        if problem:
            fix = f"Make it a folder that you can write to (ls -ld '{folder}'), or move what is there away."
            return fail("state folder", problem, fix)
    return ok("state folder", f"{machine.paths.state_dir} can be written")


def disk(machine: Machine) -> Finding:
    """Whether there is room for the audit spool."""
    folder = _existing(machine.paths.state_dir)
    free = shutil.disk_usage(folder).free
    if free < FULL_BYTES:
        return fail("disk", f"Only {free // 1_000_000} MB are free at {folder}.", "Free some space.")
    if free < SCARCE_BYTES:
        return warn("disk", f"Only {free // 1_000_000} MB are free at {folder}.", "Free some space.")
    return ok("disk", f"{free / 1e9:.1f} GB free")


def audit_spool(machine: Machine) -> Finding:
    """Whether audit records reach the agent."""
    folder = machine.paths.spool_dir
    try:
        waiting = backlog(machine.paths)
    except (OSError, sqlite3.Error) as error:
        return fail("audit spool", f"{folder} cannot be read ({type(error).__name__}).", f"Move {folder} away.")
    figures = {"records": float(waiting.records), "bytes": float(waiting.bytes), "dropped": float(waiting.dropped)}
    age_s = time.time() - waiting.oldest_at if waiting.oldest_at is not None else 0.0
    if age_s > PATIENCE_S:
        return Finding(
            "audit spool",
            "WARN",
            f"{waiting.records} audit records wait for the agent, the oldest for {_lasting(age_s)}.",
            f"Make the agent they are for reachable again; details: {machine.paths.resident_log}",
            figures,
        )
    if waiting.dropped:
        text = f"{waiting.dropped} audit records were dropped: too many, too old, refused, or kept by no disk."
        return Finding("audit spool", "WARN", text, f"See {machine.paths.resident_log}", figures)
    return ok("audit spool", f"{waiting.records} records on their way, none dropped", **figures)


def ungoverned(machine: Machine) -> Finding:
    """How many calls ran without a verdict, and outputs went unscanned, in the last 7 days."""
    since = time.time() - WEEK_S
    calls = ungoverned_since(machine.paths, since)
    outputs = ungoverned_since(machine.paths, since, "response")
    text = f"{calls} calls without a verdict, {outputs} outputs unscanned in the last 7 days"
    if calls or outputs:
        fix = "Keep the agent reachable; AXONFLOW_FAIL_MODE=local or closed governs while it is not."
        return warn("ungoverned", f"{text}.", fix)
    return ok("ungoverned", text)


def _cannot_write(folder: Path) -> str:
    """Say why a file cannot be written below a folder, "" when it can."""
    existing = _existing(folder)
    if not existing.is_dir():
        return f"{existing} is not a folder."
    try:
        if existing == folder:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
                probe.write(b"x" * 4096)
                probe.flush()
        elif not os.access(existing, os.W_OK | os.X_OK):
            return f"{folder} cannot be created in {existing}."
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror})."
    return ""


def _existing(path: Path) -> Path:
    """Give the path itself, or the nearest parent that exists."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def _lasting(seconds: float) -> str:
    for unit, size in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
