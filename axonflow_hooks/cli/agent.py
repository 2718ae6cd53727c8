"""`axonflow-hooks agent`: the embedded policy agent in the foreground, in the background, and as a service."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from axonflow_hooks.errors import SettingsError

app = typer.Typer(
    help="Run the embedded policy agent: in the foreground, or with start, stop and status in the background.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
client_app = typer.Typer(
    help="Give other clients access to the agent that runs: a credential for each.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(client_app, name="client")

Host = Annotated[str, typer.Option(help="The address to listen on, or localhost for both families.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")]
DataDir = Annotated[
    Path | None, typer.Option(file_okay=False, help="The folder of its database (default: the user's data folder).")
]
TlsCert = Annotated[Path | None, typer.Option(dir_okay=False, help="Serve TLS with this certificate (PEM, chain).")]
TlsKey = Annotated[Path | None, typer.Option(dir_okay=False, help="The certificate's key (PEM, not encrypted).")]
LogFile = Annotated[Path | None, typer.Option(dir_okay=False, help="Log into this file (0600), begun anew when large.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")]


@app.callback(invoke_without_command=True)
def agent(
    context: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    data_dir: DataDir = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    log_file: LogFile = None,
) -> None:
    """Run the embedded policy agent in the foreground."""
    if context.invoked_subcommand is not None:
        return
    tls = None
    if tls_cert is not None or tls_key is not None:
        if tls_cert is None or tls_key is None:
            raise SettingsError("TLS needs both files.", remedy="Give --tls-cert and --tls-key.")
        tls = _part("axonflow_hooks.agent.listening").Tls(tls_cert, tls_key)
    serve = _part("axonflow_hooks.agent.server").serve
    raise typer.Exit(serve(host=host, port=port, data_dir=data_dir, environ=os.environ, tls=tls, log_file=log_file))


@app.command("start")
def start(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    data_dir: DataDir = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    log_file: LogFile = None,
) -> None:
    """Start the agent in the background, and wait until it answers; says so when one runs already."""
    service = _part("axonflow_hooks.cli.agent_service")
    options = service.ServeOptions(host, port, data_dir, tls_cert, tls_key, log_file)
    typer.echo(service.started(options, os.environ))


@app.command("stop")
def stop(data_dir: DataDir = None) -> None:
    """Stop the agent that runs on the data folder, and wait until it is gone."""
    typer.echo(_part("axonflow_hooks.cli.agent_service").stopped(data_dir))


@app.command("status")
def status(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show the agent that runs on the data folder: 0 well, 1 not well, 3 not running."""
    report = _part("axonflow_hooks.cli.agent_service").status_report(data_dir)
    typer.echo(report.json() if as_json else report.text())
    raise typer.Exit(report.exit_status)


@app.command("service")
def service(
    manager: Annotated[str, typer.Argument(help="systemd or launchd (default: that of this system).")] = "",
    host: Host = "127.0.0.1",
    port: Port = 8080,
    data_dir: DataDir = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Print a unit file that runs the agent as a service of your user; how to install it is said on stderr."""
    parts = _part("axonflow_hooks.cli.agent_service")
    unit, advice = parts.unit(manager, parts.ServeOptions(host, port, data_dir, tls_cert, tls_key), os.environ)
    typer.echo(unit, nl=False)
    typer.echo(advice, err=True)


@client_app.command("add")
def client_add(
    name: Annotated[str, typer.Argument(help="What it is called in the audit trail.")], data_dir: DataDir = None
) -> None:
    """Give a client access, and print its credential: this once."""
    made = _part("axonflow_hooks.cli.agent_service").add_client(name, data_dir)
    typer.echo(f"client_id: {made['client_id']}\nclient_secret: {made['client_secret']}")
    typer.echo("It is not shown again. A client gives it as AXONFLOW_AUTH=client_id:client_secret.", err=True)


@client_app.command("list")
def client_list(as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the clients that were added."""
    typer.echo(_part("axonflow_hooks.cli.agent_service").clients_text(data_dir, as_json=as_json))


@client_app.command("revoke")
def client_revoke(name: Annotated[str, typer.Argument(help="The client's name.")], data_dir: DataDir = None) -> None:
    """End a client's access: its credential is refused from now on."""
    _part("axonflow_hooks.cli.agent_service").revoke_client(name, data_dir)
    typer.echo(f"{name} has no access any more.")


def _part(name: str) -> Any:
    """Import a module that needs the extra. Raises SettingsError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "axonflow_hooks":
            raise
        raise SettingsError(
            f"The embedded agent needs more than is installed ({error.name} is missing).",
            remedy="Run: pip install 'axonflow-hooks[agent]'",
        ) from None
