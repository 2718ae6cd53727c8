"""Makes the checks one after the other, each in bounded time, and renders what they found."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Final

from axonflow_hooks import __version__
from axonflow_hooks.cli.doctor_checks import agent, files, installation, live, wiring
from axonflow_hooks.cli.doctor_checks.finding import Finding, NotCheckedError, fail, warn
from axonflow_hooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from axonflow_hooks.cli.doctor_checks.machine import Machine

    Check = Callable[[Machine], Finding]

CHECK_WAIT_S: Final = 40.0
"""More than the waits within a check add up to: only a file system that hangs takes longer."""

_OF_PLUGIN: Final[tuple[tuple[str, Check], ...]] = (
    ("versions", installation.versions),
    ("hooks.json", wiring.hooks_json),
    ("launcher", wiring.launcher),
    ("mcp server", wiring.mcp_server),
    ("interpreter", installation.interpreter),
    ("environment", installation.packages),
    ("claude code", installation.claude_code),
    ("claude settings", wiring.settings_files),
)
_OF_USER: Final[tuple[tuple[str, Check], ...]] = (
    ("settings", files.settings),
    ("config folder", files.config_folder),
    ("credential files", files.credential_files),
    ("state folder", files.state_folders),
    ("disk", files.disk),
    ("audit spool", files.audit_spool),
    ("ungoverned", files.ungoverned),
)
_OF_AGENT: Final[tuple[tuple[str, Check], ...]] = (
    ("endpoint", agent.endpoint),
    ("agent", agent.health),
    ("compatibility", installation.compatibility),
    ("credential", agent.credential),
    ("policies", agent.policies),
)
_LIVE: Final[tuple[tuple[str, Check], ...]] = (
    ("live deny", live.deny),
    ("live redaction", live.redaction),
    ("live audit", live.audit),
    ("resident", live.resident),
    ("hook time", live.hook_time),
)
_LIVE_NEEDS: Final = ("hooks.json", "launcher", "interpreter", "environment", "settings", "endpoint", "credential")


def examine(machine: Machine) -> Iterator[Finding]:
    """Give the findings as they come in. Never raises for the state of the machine."""
    found = {"plugin": installation.plugin_files(machine)}
    yield found["plugin"]
    for name, check in (*(_OF_PLUGIN if machine.root else ()), *_OF_USER, *_OF_AGENT):
        found[name] = _bounded(name, check, machine)
        yield found[name]
    if machine.root is None:
        return
    # A hook that cannot be decided on answers by the fail mode: that would say nothing of the policies.
    missing = next((name for name in _LIVE_NEEDS if found[name].level == "FAIL"), "")
    if not missing and found["credential"].level != "OK":
        missing = "credential"
    for name, check in _LIVE:
        yield _not_checked(name, f"see {missing}") if missing else _bounded(name, check, machine)


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Tell whether nothing has failed."""
    return all(finding.level != "FAIL" for finding in findings)


def line_of(finding: Finding) -> str:
    """Give a finding as a line, and its fix below it."""
    line = f"{finding.level:<4} {finding.name}: {finding.text}"
    return f"{line}\n     fix: {finding.fix}" if finding.fix and finding.level != "OK" else line


def as_json(findings: Sequence[Finding], machine: Machine) -> str:
    """Give the whole report as one JSON object."""
    value = {
        "healthy": is_healthy(findings),
        "version": __version__,
        "plugin_root": str(machine.root) if machine.root else None,
        "findings": [
            {"name": f.name, "level": f.level, "text": f.text, "fix": f.fix or None, "figures": dict(f.figures)}
            for f in findings
        ],
    }
    return json.dumps(value, indent=2)


def _bounded(name: str, check: Check, machine: Machine) -> Finding:
    """Make one check in a thread of its own, which is left behind when it hangs."""
    findings: list[Finding] = []
    thread = threading.Thread(target=lambda: findings.append(_guarded(name, check, machine)), daemon=True)
    thread.start()
    thread.join(CHECK_WAIT_S)
    if findings:
        return findings[0]
    return fail(name, f"This check gave no result within {CHECK_WAIT_S:g} s.", "Look for a file system that hangs.")


def _guarded(name: str, check: Check, machine: Machine) -> Finding:
    try:
        return check(machine)
    except NotCheckedError as error:
        return _not_checked(name, str(error))
    except SettingsError:
        return _not_checked(name, "the settings or credentials cannot be used")
    except Exception as error:  # noqa: BLE001 - a report with a gap is better than none
        return fail(name, f"This check itself failed ({type(error).__name__}).", "Report it with the doctor's output.")


def _not_checked(name: str, why: str) -> Finding:
    return warn(name, f"Not checked: {why}.", "Put that right, then run the doctor again.")
