"""`axonflow-hooks recover` and `recover-verify`: bring a Community SaaS tenant back."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from axonflow_hooks.cli.run_async import run_async
from axonflow_hooks.cli.secret_input import read_secret

TIMEOUT_S = 15.0


def recover(email: Annotated[str, typer.Argument(help="The e-mail address of the tenant.")]) -> None:
    """Have a recovery token mailed to the address of a Community SaaS tenant."""
    from axonflow_hooks.account.recovery import request_recovery
    from axonflow_hooks.paths import resolve_paths
    from axonflow_hooks.settings import load_settings

    settings = load_settings(os.environ, resolve_paths(os.environ))
    run_async(request_recovery(settings, email, timeout_s=TIMEOUT_S))
    typer.echo("OK If this address has a tenant, a recovery token is on its way; it is good for 15 minutes.")
    typer.echo("Then run: axonflow-hooks recover-verify -")


def recover_verify(
    token: Annotated[
        str | None, typer.Argument(help="The recovery token or the whole link, or - to read it from stdin.")
    ] = None,
) -> None:
    """Exchange a recovery token for the tenant's credential; without an argument it is read from stdin or asked for."""
    from axonflow_hooks.account.recovery import verify_recovery
    from axonflow_hooks.paths import resolve_paths
    from axonflow_hooks.settings import load_settings

    paths = resolve_paths(os.environ)
    settings = load_settings(os.environ, paths)
    secret = read_secret(token, "recovery token")
    registration = run_async(verify_recovery(settings, paths, secret, timeout_s=TIMEOUT_S))
    typer.echo(f"OK tenant_id={registration.tenant_id}")
    typer.echo(f"The credential is kept in {paths.registration_file}; the one before, if any, beside it.")
