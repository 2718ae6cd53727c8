"""`axonflow-hooks agent`: the embedded policy agent."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003 - typer reads the annotation at run time
from typing import Annotated

import typer

from axonflow_hooks.errors import SettingsError

app = typer.Typer(
    help="Run the embedded policy agent in the foreground.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def agent(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")] = 8080,
    data_dir: Annotated[
        Path | None, typer.Option(file_okay=False, help="The folder of its database (default: the user's data folder).")
    ] = None,
) -> None:
    """Run the embedded policy agent in the foreground."""
    if context.invoked_subcommand is not None:
        return
    try:
        from axonflow_hooks.agent.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "axonflow_hooks":
            raise
        raise SettingsError(
            f"The embedded agent needs more than is installed ({error.name} is missing).",
            remedy="Run: pip install 'axonflow-hooks[agent]'",
        ) from None
    raise typer.Exit(serve(host=host, port=port, data_dir=data_dir, environ=os.environ))
