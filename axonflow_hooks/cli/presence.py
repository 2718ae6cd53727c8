"""`axonflow-hooks presence`: the passphrase by which the embedded agent recognises a person."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from axonflow_hooks.errors import AccountError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.agent.grants.presence_key import Verifier

app = typer.Typer(
    help="Set the passphrase that overrides and approvals take, or see whether one is set.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DataDirOption = Annotated[
    Path | None, typer.Option(file_okay=False, help="The agent's folder (default: the user's data folder).")
]


@app.command("set")
def set_passphrase(data_dir: DataDirOption = None) -> None:
    """Set or change the passphrase; the agent must not be running. A change takes the old one."""
    _check_agent_is_installed()
    from axonflow_hooks.agent.grants.presence_key import enrol, load_verifier
    from axonflow_hooks.agent.store.options import store_options
    from axonflow_hooks.cli.person import new_passphrase, refuse_inside_host, tell
    from axonflow_hooks.paths import resolve_paths
    from axonflow_hooks.private_files import make_private_dir
    from axonflow_hooks.settings import agent_environ

    refuse_inside_host()
    paths = resolve_paths(os.environ)
    folder = data_dir or paths.agent_data_dir
    keys = store_options(agent_environ(os.environ, paths)).key_dir or folder
    for place in (folder, keys):
        make_private_dir(place)
    with _agent_stopped(folder):
        known = load_verifier(keys)
        if known is not None:
            _check_old(known)
        made = enrol(keys, new_passphrase())
    tell(f"The passphrase is set (fingerprint {made.fingerprint}). Start the agent: axonflow-hooks agent")


@app.command("status")
def status(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of lines.")] = False) -> None:
    """Say whether the running agent knows a passphrase, and since when."""
    from axonflow_hooks.cli.agent_routes import call_route, expect
    from axonflow_hooks.cli.person import one_line
    from axonflow_hooks.cli.run_async import run_async

    body = expect(run_async(call_route("GET", "/api/v1/presence")), 200, needs={"enrolled": bool})
    if as_json:
        typer.echo(json.dumps(body))
    elif body.get("enrolled"):
        known = f"set {body.get('enrolled_at')}, fingerprint {body.get('fingerprint')}"
        typer.echo(f"OK presence={one_line(known, 120)}")
    else:
        typer.echo("WARN presence=not set: stop the agent, run `axonflow-hooks presence set`, start it again")


def _check_agent_is_installed() -> None:
    if importlib.util.find_spec("uvicorn") is None or importlib.util.find_spec("sqlalchemy") is None:
        raise SettingsError(
            "The passphrase is the embedded agent's, and that is not installed here.",
            remedy="Run: pip install 'axonflow-hooks[agent]'",
        )


@contextlib.contextmanager
def _agent_stopped(folder: Path) -> Iterator[None]:
    """Hold the agent's folder, as an agent does: what it knows of the passphrase, it reads at its start only."""
    from filelock import FileLock, Timeout

    from axonflow_hooks.agent.service.instance import LOCK_NAME
    from axonflow_hooks.private_files import PRIVATE_FILE_MODE

    try:
        with FileLock(folder / LOCK_NAME, mode=PRIVATE_FILE_MODE, timeout=0):
            yield
    except Timeout:
        raise AccountError(
            f"The agent that uses {folder} is running.", remedy="Stop it, set the passphrase, and start it again."
        ) from None


def _check_old(known: Verifier) -> None:
    from axonflow_hooks.cli.person import ask

    if not known.matches(ask("The passphrase as it is now: ")):
        raise AccountError(
            "The passphrase is wrong.",
            remedy="If you have forgotten it, delete presence.json in the agent's folder and set a new one.",
        )
