"""`axonflow-hooks approval`: the calls that wait for a person."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="See the calls that wait for a person, and decide them. Approving takes your passphrase.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The id of the approval (apr_…).")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of lines.")]
CommentOption = Annotated[str, typer.Option(help="Why; kept with the decision.")]

_PATH = "/api/v1/hitl/queue"
_LIST = "axonflow-hooks approval list"
_SHOWN = ("request_id", "status", "request_type", "expires_at", "triggered_policy_name", "original_query")


@app.command("list")
def list_approvals(
    status: Annotated[str, typer.Option(help="pending, approved, rejected, expired, or all.")] = "pending",
    as_json: JsonOption = False,
) -> None:
    """List the calls that wait, newest first."""
    from axonflow_hooks.cli.agent_routes import call_route, expect, rows_of
    from axonflow_hooks.cli.person import columns
    from axonflow_hooks.cli.run_async import run_async

    query = {"limit": "200", **({} if status == "all" else {"status": status})}
    body = expect(run_async(call_route("GET", _PATH, query=query)), 200, needs={"meta": dict})
    rows = rows_of(body, "data", *_SHOWN)
    if as_json:
        typer.echo(json.dumps(body, indent=2))
        return
    for row in rows:
        tool = (row.get("request_context") or {}).get("tool_signature", row["request_type"])
        until = f"until {row['expires_at']}"
        typer.echo(
            columns(row["request_id"], row["status"], tool, until, row["triggered_policy_name"], row["original_query"])
        )
    typer.echo(f"{body['meta'].get('total', len(rows))} {'' if status == 'all' else status + ' '}approvals", err=True)


@app.command("show")
def show(approval_id: IdArgument) -> None:
    """Show one call that waits or waited, as JSON."""
    typer.echo(json.dumps(_one(approval_id), indent=2))


@app.command("approve")
def approve(approval_id: IdArgument, comment: CommentOption = "", as_json: JsonOption = False) -> None:
    """Let a call run once. Your passphrase is asked for on the terminal."""
    from axonflow_hooks.cli.agent_routes import expect, segment
    from axonflow_hooks.cli.person import one_line, send_as_person

    review = {"comment": comment} if comment else {}
    reply = send_as_person("POST", f"{_PATH}/{segment(approval_id)}/approve", review)
    body = expect(reply, 200, needs={"data": dict}, thing=approval_id, see=_LIST)
    if as_json:
        typer.echo(json.dumps(body, indent=2))
        return
    typer.echo(f"Approved: the same call may run once, until {one_line(body['data'].get('expires_at'), 40)}.")


@app.command("reject")
def reject(approval_id: IdArgument, comment: CommentOption = "", as_json: JsonOption = False) -> None:
    """Refuse a call, also one that was approved and has not run yet."""
    from axonflow_hooks.cli.agent_routes import call_route, expect, segment
    from axonflow_hooks.cli.run_async import run_async

    review = {"comment": comment} if comment else {}
    reply = run_async(call_route("POST", f"{_PATH}/{segment(approval_id)}/reject", json=review))
    body = expect(reply, 200, needs={"data": dict}, thing=approval_id, see=_LIST)
    typer.echo(json.dumps(body, indent=2) if as_json else "Rejected.")


def _one(approval_id: str) -> Any:
    from axonflow_hooks.cli.agent_routes import call_route, expect, segment
    from axonflow_hooks.cli.run_async import run_async

    reply = run_async(call_route("GET", f"{_PATH}/{segment(approval_id)}"))
    return expect(reply, 200, needs={"data": dict}, thing=approval_id, see=_LIST)["data"]
