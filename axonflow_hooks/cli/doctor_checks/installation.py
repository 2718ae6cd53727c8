"""The plugin as it is installed: its files' versions, the interpreter of the hooks, and its packages."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

from axonflow_hooks import __version__
from axonflow_hooks.claude_code.outputs import REPLACING_SINCE
from axonflow_hooks.cli.doctor_checks.finding import Finding, NotCheckedError, fail, ok, warn
from axonflow_hooks.cli.doctor_checks.machine import REINSTALL, read_json_object
from axonflow_hooks.cli.doctor_checks.python_facts import SET_UP
from axonflow_hooks.client import one_line
from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.upkeep.version_check import version_warning

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.cli.doctor_checks.machine import Machine

CLAUDE_WAIT_S: Final = 10.0
UPDATE: Final = "Update the plugin with `claude plugin update axonflow`."


def plugin_files(machine: Machine) -> Finding:
    """Where the plugin is, or that this is a package without it."""
    if machine.root is None:
        return warn(
            "plugin",
            "This is a package installation without the plugin's files: the hooks are not checked.",
            "Name the plugin's folder with --plugin-root, or run the doctor that came with the plugin.",
        )
    if not machine.root.is_dir():
        return fail("plugin", f"{machine.root} is no folder.", "Name the plugin's folder with --plugin-root.")
    return ok("plugin", f"{machine.root}")


def interpreter(machine: Machine) -> Finding:
    """Which Python hooks/run chooses, and that it starts."""
    probe = machine.probe
    if probe.problem:
        chosen = "AXONFLOW_PYTHON" in machine.environ
        better = "Set AXONFLOW_PYTHON to the full path of a Python (3.10 or newer) with the packages, or unset it."
        fix = better if chosen else SET_UP
        return fail("interpreter", f"hooks/run cannot start the package: {probe.problem}", fix)
    return ok("interpreter", f"hooks/run chooses Python {probe.version} ({probe.python})")


def packages(machine: Machine) -> Finding:
    """Whether the interpreter of the hooks has all packages, and the linear-time pattern engine."""
    probe = machine.probe
    if probe.problem:
        raise NotCheckedError("the interpreter of the hooks does not work")
    if probe.missing:
        return fail("environment", f"{probe.python} lacks {', '.join(probe.missing)}.", SET_UP)
    if not probe.have_re2:
        return warn(
            "environment",
            "google-re2 is missing: the embedded agent and AXONFLOW_FAIL_MODE=local use the slower fallback.",
            f"Install google-re2 for {probe.python}.",
        )
    return ok("environment", "all packages are there; patterns run on google-re2")


def claude_code(machine: Machine) -> Finding:
    """Whether the Claude Code on PATH is a release that lets a hook replace any tool's output."""
    program = shutil.which("claude", path=machine.environ.get("PATH"))
    if program is None:
        return ok("claude code", "no `claude` on PATH: its release is not checked")
    done = machine.run([program, "--version"], CLAUDE_WAIT_S)
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", done.out)
    if found is None:
        what = done.problem or one_line(done.err) or f"it exited with {done.status}"
        return warn("claude code", f"{program} does not tell its release: {what}", "Run: claude doctor")
    if tuple(map(int, found.groups())) < REPLACING_SINCE:
        least = ".".join(map(str, REPLACING_SINCE))
        return warn(
            "claude code",
            f"Release {found.group()} cannot replace a tool's output: the model reads what should be masked.",
            f"Update Claude Code to {least} or newer: claude update",
        )
    return ok("claude code", f"release {found.group()} ({program})")


def versions(machine: Machine) -> Finding:
    """Whether the manifests and the package are of one release."""
    found = _versions_of(machine.plugin)
    distinct = set(found.values())
    if "" in distinct:
        absent = ", ".join(name for name, version in found.items() if not version)
        return fail("versions", f"No version can be read from {absent}.", REINSTALL)
    if len(distinct) > 1:
        said = ", ".join(f"{name} {version}" for name, version in found.items())
        return fail("versions", f"The plugin's files are of different releases: {said}.", REINSTALL)
    if distinct != {__version__}:
        return warn(
            "versions",
            f"This doctor is of release {__version__}, the plugin of {distinct.pop()}.",
            "Use the doctor of the plugin: sh PLUGIN/hooks/run cli doctor",
        )
    return ok("versions", f"plugin, marketplace entry and package are {__version__}")


def compatibility(machine: Machine) -> Finding:
    """Whether the agent supports this release of the plugin (wire 1.10)."""
    if isinstance(machine.health, AxonFlowError):
        raise NotCheckedError("the agent does not answer")
    warning = version_warning(machine.health)
    if warning:
        return warn("compatibility", warning.partition(" Update it with")[0], UPDATE)
    return ok("compatibility", f"the agent supports plugin {__version__}")


def _versions_of(root: Path) -> dict[str, str]:
    folder = root / ".claude-plugin"
    manifest = read_json_object(folder / "plugin.json") or {}
    market = read_json_object(folder / "marketplace.json") or {}
    metadata, entries = market.get("metadata"), market.get("plugins")
    ours = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    found = {
        "plugin.json": manifest.get("version"),
        "marketplace.json": metadata.get("version") if isinstance(metadata, dict) else None,
        "the marketplace's entry": next((e.get("version") for e in ours if e.get("name") == "axonflow"), None),
        "the package": _package_version(root),
    }
    return {name: version if isinstance(version, str) else "" for name, version in found.items()}


def _package_version(root: Path) -> str:
    try:
        text = (root / "axonflow_hooks" / "__init__.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return found.group(1) if found else ""
