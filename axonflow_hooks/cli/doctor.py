"""`axonflow-hooks doctor`: finds out whether governance works here, and what to do where it does not."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from axonflow_hooks import __version__


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
    plugin_root: Annotated[
        Path | None, typer.Option("--plugin-root", help="The plugin's folder, where it is not this program's own.")
    ] = None,
    interpreter: Annotated[bool, typer.Option("--interpreter", hidden=True)] = False,
) -> None:
    """Check the installation, the agent and the hooks; a live denial, masking and audit record included.

    Fires the hooks with events of the session `axonflow-doctor`; nothing of them is executed. Exit status: 0 when
    nothing failed, 1 otherwise.
    """
    from axonflow_hooks.cli.doctor_checks.python_facts import describe_interpreter

    if interpreter:
        typer.echo(json.dumps(describe_interpreter()))
        return
    try:
        healthy = _report(plugin_root, as_json=as_json)
    except ImportError as error:
        healthy = _cannot_start(error.name or "a module", as_json=as_json)
    if not healthy:
        raise typer.Exit(1)


def _report(plugin_root: Path | None, *, as_json: bool) -> bool:
    """Print the findings and tell whether all is well."""
    from axonflow_hooks.cli import doctor_report as report
    from axonflow_hooks.cli.doctor_checks.machine import Machine, find_plugin_root

    root = plugin_root.absolute() if plugin_root else find_plugin_root(os.environ)
    machine = Machine(dict(os.environ), root, _working_folder())
    findings = []
    for finding in report.examine(machine):
        findings.append(finding)
        if not as_json:
            typer.echo(report.line_of(finding))
    if as_json:
        typer.echo(report.as_json(findings, machine))
    return report.is_healthy(findings)


def _working_folder() -> Path:
    """Give the project's folder; one that was removed meanwhile has no settings files, and the home takes its place."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where no home is known


def _cannot_start(module: str, *, as_json: bool) -> bool:
    """Report that this Python lacks what the checks themselves need."""
    from axonflow_hooks.cli.doctor_checks.python_facts import SET_UP

    text = f"This Python ({sys.executable}) lacks {module}."
    finding = {"name": "environment", "level": "FAIL", "text": text, "fix": SET_UP, "figures": {}}
    report = {"healthy": False, "version": __version__, "plugin_root": None, "findings": [finding]}
    typer.echo(json.dumps(report, indent=2) if as_json else f"FAIL environment: {text}\n     fix: {SET_UP}")
    return False
