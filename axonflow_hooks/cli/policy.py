"""`axonflow-hooks policy`: the policies as data, their own examples, and verdicts in bulk."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.wire.words import RISK_LEVELS_BY_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from axonflow_hooks.policy import Policy

app = typer.Typer(
    help="List, explain and test the policies; judge texts in bulk.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

PackArgument = Annotated[
    Path | None, typer.Argument(help="A pack (TOML); default: the built-in ones and yours.", show_default=False)
]
BuiltinOption = Annotated[bool, typer.Option("--builtin", help="Leave your own packs out.")]


@app.command("list")
def list_policies(
    category: Annotated[str, typer.Option(help="Only this category (security-sqli, pii-us, …).")] = "",
    severity: Annotated[str, typer.Option(help="Only this severity (low, medium, high, critical).")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of lines.")] = False,
) -> None:
    """List the policies: id, severity, what they do on a request and on a response, name."""
    from axonflow_hooks.cli.policy_engine import described, policies

    known = policies()
    _check_filter("category", category, {policy.category for policy in known})
    _check_filter("severity", severity, RISK_LEVELS_BY_WEIGHT)
    found = [p for p in known if category in ("", p.category) and severity in ("", p.severity)]
    if as_json:
        typer.echo(json.dumps([described(policy) for policy in found], indent=2))
        return
    width = max((len(policy.id) for policy in found), default=0)
    for policy in found:
        request, response = (
            getattr(policy, f"action_{phase}") if phase in policy.phases else "-" for phase in ("request", "response")
        )
        typer.echo(f"{policy.id:{width}}  {policy.severity:8}  {request:6} {response:6}  {policy.name}")
    typer.echo(f"{len(found)} policies", err=True)


@app.command("show")
def show(policy_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a policy.")]) -> None:
    """Show one policy as JSON: what it looks for, what it does, its references and examples."""
    from axonflow_hooks.cli.policy_engine import described

    typer.echo(json.dumps(described(_named(policy_id)), indent=2))


@app.command("explain")
def explain(
    text: Annotated[str, typer.Argument(help="A policy's id, or the text to judge; - reads it from stdin.")],
    connector: Annotated[str, typer.Option(help="Where it comes from.")] = "claude_code.Bash",
    output: Annotated[bool, typer.Option("--output", help="Judge it as the output of a tool.")] = False,
) -> None:
    """Say what the policies make of a text and why, without printing what they found in it."""
    from axonflow_hooks.cli.policy_engine import explained, policies

    if any(policy.id == text for policy in policies()):
        show(text)
        return
    judged = sys.stdin.read() if text == "-" else text
    typer.echo("\n".join(explained(judged, connector, "response" if output else "request")))


@app.command("test")
def run_examples(pack: PackArgument = None, builtin: BuiltinOption = False) -> None:
    """Run every policy's own examples; 1 when one is judged otherwise than it says."""
    from axonflow_hooks.cli.policy_engine import failures, policies
    from axonflow_hooks.policy import load_packs

    chosen = [p for read in load_packs([pack]) for p in read.policies] if pack else policies(builtin=builtin)
    count, faults = failures(chosen)
    for fault in faults:
        typer.echo(f"FAIL {fault}")
    typer.echo(f"{len(chosen)} policies, {count} examples, {len(faults)} failed")
    if faults:
        raise typer.Exit(1)


@app.command("check")
def check(builtin: BuiltinOption = False) -> None:
    """Judge JSON lines from stdin, one verdict a line in the same order.

    A line is {"connector_type", "statement"} for a request or {"connector_type", "message"} for an output. A line that
    cannot be judged is answered with "error".
    """
    from axonflow_hooks.cli.policy_engine import check_stream

    check_stream(sys.stdin.buffer, sys.stdout, os.environ, builtin=builtin)


def _check_filter(name: str, value: str, known: Iterable[str]) -> None:
    if value and value not in known:
        raise PolicyPackError(
            f"There is no {name} {value[:60]!r}.", remedy=f"Choose one of: {', '.join(sorted(known))}"
        )


def _named(policy_id: str) -> Policy:
    from axonflow_hooks.cli.policy_engine import policies

    for policy in policies():
        if policy.id == policy_id:
            return policy
    raise PolicyPackError(f"There is no policy {policy_id!r}.", remedy="See: axonflow-hooks policy list")
