"""`axonflow-hooks login`: keeps a Pro licence token."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from axonflow_hooks.cli.secret_input import read_secret


def login(
    token: Annotated[str | None, typer.Argument(help="The licence token, or - to read it from stdin.")] = None,
    token_option: Annotated[str | None, typer.Option("--token", help="The same as the argument.")] = None,
) -> None:
    """Check a licence token and keep it for this user; without an argument it is read from stdin or asked for."""
    from axonflow_hooks.account.credentials import known_credential
    from axonflow_hooks.account.license_token import save_license
    from axonflow_hooks.errors import SettingsError
    from axonflow_hooks.paths import resolve_paths
    from axonflow_hooks.settings import load_settings

    if token is not None and token_option is not None:
        raise typer.BadParameter("Give the token once, as the argument or with --token.")
    paths = resolve_paths(os.environ)
    settings = load_settings(os.environ, paths)
    secret = read_secret(token if token is not None else token_option, "licence token")
    tenant_id = ""
    if settings.mode == "community-saas":
        try:
            credential = known_credential(settings, paths)
            tenant_id = credential.client_id if credential else ""
        except SettingsError as error:
            typer.echo(f"WARN {error}", err=True)
    kept = save_license(settings, paths, secret, tenant_id=tenant_id)
    end = f", expires {kept.claims.last_day}" if kept.claims.last_day else ""
    typer.echo(f"OK license_token=set ({kept.masked})")
    typer.echo(f"OK tier={kept.claims.tier}{end}")
    if kept.problem:
        typer.echo(f"WARN {kept.problem}")
    if settings.license_token:
        typer.echo("WARN AXONFLOW_LICENSE_TOKEN is set and is used instead of this token.")
