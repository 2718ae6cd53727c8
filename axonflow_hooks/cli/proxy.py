"""`axonflow-hooks proxy`: the governance proxy of Claude Desktop, and what a person decides about it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.paths import resolve_paths

if TYPE_CHECKING:
    from axonflow_hooks.proxy.pin_file import Pin, Waiting
    from axonflow_hooks.proxy.pins import PinStore

app = typer.Typer(
    help="Serve MCP on stdin and stdout, governing the servers of the backend map.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def proxy(context: typer.Context) -> None:
    """Serve MCP on stdin and stdout, governing the servers of the backend map (see docs/desktop.md)."""
    if context.invoked_subcommand is not None:
        return
    try:
        from axonflow_hooks.proxy.run import serve
    except ModuleNotFoundError as error:
        raise _not_installed(error) from None
    raise typer.Exit(serve(b"", answered=False))


@app.command()
def check() -> None:
    """Validate the settings and the backend map of this environment and tell what would start."""
    try:
        import axonflow_hooks.proxy.run  # noqa: F401 - what cannot start is not called good
        from axonflow_hooks.proxy.backend_map import load_backends
        from axonflow_hooks.proxy.check import findings
        from axonflow_hooks.proxy.printable import printable
        from axonflow_hooks.proxy.settings import load_proxy_settings
    except ModuleNotFoundError as error:
        raise _not_installed(error) from None
    settings = load_proxy_settings(os.environ)
    good = True
    for finding in findings(settings, load_backends(settings), os.environ):
        good = good and finding.good
        typer.echo(f"{'OK' if finding.good else 'ERROR':<6}{printable(finding.text)}")
    raise typer.Exit(0 if good else 1)


@app.command()
def approve(
    what: Annotated[
        str, typer.Argument(metavar="[BACKEND[:TOOL]]", help="Whose changes to look at; without it, everybody's.")
    ] = "",
) -> None:
    """Show how hidden tools have changed, and accept or leave each; only a person on a terminal can.

    Where the embedded agent knows a passphrase (axonflow-hooks presence set), it is asked for.
    """
    from axonflow_hooks.cli.person import prove_to_local_agents, refuse_inside_host
    from axonflow_hooks.proxy.pins import pin_store
    from axonflow_hooks.proxy.printable import printable

    refuse_inside_host()
    paths = resolve_paths()
    store = pin_store(paths)
    backend, _, tool = what.partition(":")
    unreadable = [error for name, error in store.unreadable() if backend in {"", name}]
    for error in unreadable:
        typer.echo(f"ERROR {printable(str(error))}", err=True)
    waiting = [
        entry for entry in store.all_waiting() if backend in {"", entry[0]} and tool in {"", entry[1], _shown(entry[1])}
    ]
    if not waiting and what and not unreadable:
        raise SettingsError(
            f"Nothing called {what[:100]!r} waits for approval.", remedy="Leave the name out to see all."
        )
    if not waiting:
        typer.echo("Nothing else waits for approval." if unreadable else "Nothing waits for approval.")
        raise typer.Exit(1 if unreadable else 0)
    if sys.stdin is None or not sys.stdin.isatty() or not sys.stdout.isatty():
        names = ", ".join(f"{_shown(entry[0])}:{_shown(entry[1])}" for entry in waiting)
        raise SettingsError(
            f"{len(waiting)} tool(s) wait for a person: {names}.", remedy="Run this command on a terminal to decide."
        )
    prove_to_local_agents(paths)
    accepted = sum(_ask(store, *entry) for entry in waiting)
    typer.echo(f"{accepted} accepted, {len(waiting) - accepted} still hidden.")
    if unreadable:
        raise typer.Exit(1)


def _ask(store: PinStore, backend: str, tool: str, held: Waiting, before: Pin | None) -> bool:
    """Show one change and have it decided; tell whether it was accepted."""
    from axonflow_hooks.proxy.pins import difference
    from axonflow_hooks.proxy.printable import printable

    typer.echo(f"\n{_shown(backend)}:{_shown(tool)} is hidden: {printable(held.reason)}.")
    if held.definition is None:
        typer.echo("Its definition is too large to be kept, so the difference cannot be shown.")
    for line in difference(before.definition if before else None, held.definition):
        typer.echo(line)
    if input("Accept this definition? Type yes to accept: ").strip().lower() != "yes":
        return False
    if not store.approve(backend, tool, held.hash):
        typer.echo("It has changed again meanwhile; it stays hidden.")
        return False
    return True


def _shown(name: str) -> str:
    """Give a name that a backend has chosen in ASCII: nothing in it repaints a terminal, or looks like another name."""
    return ascii(name)[1:-1]


def _not_installed(error: ModuleNotFoundError) -> Exception:
    if (error.name or "").split(".")[0] == "axonflow_hooks":
        return error
    return SettingsError(
        f"The proxy needs more than is installed ({error.name} is missing).",
        remedy="Run: pip install 'axonflow-hooks[desktop]'",
    )
