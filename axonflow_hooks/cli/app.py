"""Puts the command groups together."""

from __future__ import annotations

from typing import Annotated

import typer

from axonflow_hooks import __version__
from axonflow_hooks.cli import (
    agent,
    approval,
    audit,
    doctor,
    login,
    override,
    policy,
    presence,
    proxy,
    recover,
    simulate,
    status,
)

app = typer.Typer(
    name="axonflow-hooks",
    help="AxonFlow governance for AI coding agents.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"axonflow-hooks {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    pass


app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.command("login")(login.login)
app.command("recover")(recover.recover)
app.command("recover-verify")(recover.recover_verify)
app.command("simulate")(simulate.simulate)
app.add_typer(agent.app, name="agent")
app.add_typer(audit.app, name="audit")
app.add_typer(policy.app, name="policy")
app.add_typer(override.app, name="override")
app.add_typer(approval.app, name="approval")
app.add_typer(presence.app, name="presence")
app.add_typer(proxy.app, name="proxy")
