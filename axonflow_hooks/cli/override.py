"""`axonflow-hooks override`: lift a policy for a while, which only a person can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.wire.presence import Challenge

app = typer.Typer(
    help="Lift a policy for a while, see what is lifted, and end it. Granting takes your passphrase.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of lines.")]

_PATH = "/api/v1/overrides"
_QUESTIONS = "/api/v1/presence/challenges"
_MADE = {"id": str, "policy_id": str, "ttl_seconds": int, "expires_at": str}


@app.command("create")
def create(
    policy_id: Annotated[str, typer.Argument(metavar="POLICY", help="The policy's id, as the block names it.")],
    reason: Annotated[str, typer.Option(help="Why: 1 to 500 characters, kept in the audit trail.")],
    tool: Annotated[str, typer.Option(help="Only for this tool (claude_code.Bash); default: every tool.")] = "",
    ttl: Annotated[int, typer.Option(help="How long it holds, in seconds (60 to 86400).")] = 3600,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="The policy is a dynamic one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lift a policy for you, for a while. Your passphrase is asked for on the terminal."""
    from axonflow_hooks.cli.agent_routes import expect
    from axonflow_hooks.cli.person import send_as_person

    body: dict[str, Any] = {
        "policy_id": policy_id,
        "policy_type": "dynamic" if dynamic else "static",
        "override_reason": reason,
        "ttl_seconds": ttl,
    }
    if tool:
        body["tool_signature"] = tool
    made = expect(
        send_as_person("POST", _PATH, body), 201, needs=_MADE, thing=policy_id, see="axonflow-hooks policy list"
    )
    _say_created(made, as_json=as_json)


@app.command("confirm")
def confirm(
    code: Annotated[str, typer.Argument(help="The code of the question; not needed where only one waits.")] = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no instead; takes no passphrase.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer a question that waits: for an override (create_override), or for a change of policies."""
    from axonflow_hooks.cli.agent_routes import call_route, expect
    from axonflow_hooks.cli.person import one_line, prove, refuse_inside_host, tell
    from axonflow_hooks.cli.run_async import run_async
    from axonflow_hooks.wire.presence import PRESENCE_HEADER

    if not refuse:
        refuse_inside_host()
    challenge = _chosen(code)
    path = f"{_QUESTIONS}/{challenge.code}"
    if refuse:
        expect(run_async(call_route("DELETE", path)), 204)
        tell(f"Refused: {one_line(challenge.question)}")
        return
    header = {PRESENCE_HEADER: prove(challenge)}
    reply = run_async(call_route("POST", f"{path}/confirm", json={}, headers=header))
    body = expect(reply, 201, needs=_MADE if challenge.purpose == "override" else None)
    if challenge.purpose == "override":
        _say_created(body, as_json=as_json)
    else:
        typer.echo(json.dumps(body, indent=2) if as_json else "Granted.")


@app.command("list")
def list_overrides(
    policy: Annotated[str, typer.Option(help="Those of one policy only.")] = "",
    past: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the overrides that hold, and the questions that wait for you."""
    from axonflow_hooks.cli.agent_routes import call_route, expect, rows_of
    from axonflow_hooks.cli.person import columns
    from axonflow_hooks.cli.run_async import run_async

    query = {**({"policy_id": policy} if policy else {}), "include_revoked": "true" if past else "false"}
    body = expect(run_async(call_route("GET", _PATH, query=query)), 200, needs={"count": int})
    rows = rows_of(body, "overrides", "id", "policy_id", "expires_at", "created_by", "override_reason")
    if as_json:
        typer.echo(json.dumps(body, indent=2))
        return
    for row in rows:
        ended = f"revoked {row['revoked_at']}" if row.get("revoked_at") else f"until {row['expires_at']}"
        scope = row.get("tool_signature") or "every tool"
        typer.echo(columns(row["id"], row["policy_id"], scope, ended, row["created_by"], row["override_reason"]))
    typer.echo(f"{body['count']} overrides", err=True)
    for challenge in _waiting():
        typer.echo(f"Waiting for you: axonflow-hooks override confirm {challenge.code}", err=True)


@app.command("revoke")
def revoke(
    override_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the override.")],
    as_json: JsonOption = False,
) -> None:
    """End an override now; the policy holds again from the next call on."""
    from axonflow_hooks.cli.agent_routes import call_route, expect, segment
    from axonflow_hooks.cli.person import one_line
    from axonflow_hooks.cli.run_async import run_async

    reply = run_async(call_route("DELETE", f"{_PATH}/{segment(override_id)}"))
    needs = {"id": str, "revoked_at": str}
    body = expect(reply, 200, needs=needs, thing=override_id, see="axonflow-hooks override list")
    text = f"Revoked {one_line(body['id'], 60)} at {one_line(body['revoked_at'], 40)}."
    typer.echo(json.dumps(body) if as_json else text)


def _waiting() -> list[Challenge]:
    from axonflow_hooks.cli.agent_routes import call_route, expect
    from axonflow_hooks.cli.person import read_challenge
    from axonflow_hooks.cli.run_async import run_async

    body = expect(run_async(call_route("GET", _QUESTIONS)), 200, needs={"challenges": list})
    return [read_challenge(item) for item in body["challenges"]]


def _chosen(code: str) -> Challenge:
    """Give the question that is meant. Raises AgentError when that cannot be told."""
    from axonflow_hooks.cli.person import one_line, tell
    from axonflow_hooks.errors import AgentError
    from axonflow_hooks.wire.presence import normalised_code

    waiting = _waiting()
    if not code and len(waiting) == 1:
        return waiting[0]
    for challenge in waiting:
        if challenge.code == normalised_code(code):
            return challenge
    if not waiting:
        raise AgentError("No question waits for you.", remedy="Claude Code asks with its tool create_override.")
    for challenge in waiting:
        tell(f"{one_line(challenge.code, 20)}  {one_line(challenge.question)}")
    raise AgentError("Which one?" if not code else f"No question {code[:20]!r} waits.", remedy="Give its code.")


def _say_created(body: Mapping[str, Any], *, as_json: bool) -> None:
    from axonflow_hooks.cli.person import one_line

    if as_json:
        typer.echo(json.dumps(body, indent=2))
        return
    clamped = f" (asked for {body['requested_ttl']} s)" if body.get("clamped") else ""
    ended = f"{body['ttl_seconds']} s{clamped}, until {body['expires_at']}"
    typer.echo(f"{one_line(body['policy_id'], 128)} is lifted for {one_line(ended, 120)}.")
    typer.echo(f"End it earlier: axonflow-hooks override revoke {one_line(body['id'], 60)}")
