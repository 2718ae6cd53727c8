"""`axonflow-hooks status`: what is in use, in lines that are safe to share."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from axonflow_hooks.cli.run_async import run_async


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """Show the tenant, the endpoint, the tier and how governance is doing; nothing is registered or changed."""
    from axonflow_hooks.cli.status_lines import status_json, status_lines
    from axonflow_hooks.cli.status_report import gather_status

    report = run_async(gather_status(os.environ))
    typer.echo(status_json(report) if as_json else "\n".join(status_lines(report)))
    if report.errors:
        raise typer.Exit(1)
