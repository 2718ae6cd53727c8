"""`axonflow-hooks audit`: read, verify and export the audit trail of the embedded agent, whether it runs or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Read, verify and export the embedded agent's audit trail.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[
    Path | None, typer.Option(file_okay=False, help="The agent's data folder (default: the user's data folder).")
]
Since = Annotated[str, typer.Option(help="From here on: 30m, 2h, 7d, a date, or an RFC 3339 time.")]
Until = Annotated[str, typer.Option(help="Up to here, written like --since.")]
Type = Annotated[str, typer.Option("--type", help="Only this kind of entry (check_policy, tool_call_audit, …).")]
Verdict = Annotated[str, typer.Option("--decision", help="Only this verdict (allowed, blocked, redacted, …).")]
User = Annotated[str, typer.Option(help="Only the entries of this developer (e-mail address).")]
Session = Annotated[str, typer.Option(help="Only the entries of this session of the tool.")]
PolicyId = Annotated[str, typer.Option("--policy", help="Only entries in which this policy matched (id or name).")]
Json = Annotated[bool, typer.Option("--json", help="JSON, one entry a line.")]


@app.command("search")
def search(
    since: Since = "24h",
    until: Until = "",
    request_type: Type = "",
    decision: Verdict = "",
    user: User = "",
    session: Session = "",
    policy: PolicyId = "",
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="At most so many, the newest.")] = 100,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Find entries, oldest first."""
    from axonflow_hooks.cli.audit_trail import newest, open_trail, wanted_entries
    from axonflow_hooks.cli.audit_view import write_rows

    wanted = wanted_entries(since, until, request_type, decision, user, session, policy)
    with open_trail(data_dir) as trail:
        rows, total = newest(trail, wanted, limit)
        write_rows(rows, as_json=as_json)
    if total > len(rows):
        typer.echo(f"{total - len(rows)} older entries are not shown (--limit)", err=True)


@app.command("tail")
def tail(
    count: Annotated[int, typer.Option("-n", "--lines", min=0, help="So many of the newest entries.")] = 10,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with new entries as they come.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show the newest entries."""
    from axonflow_hooks.cli.audit_trail import following, newest, open_trail, wanted_entries
    from axonflow_hooks.cli.audit_view import write_rows

    wanted = wanted_entries("", "", "", "", "", "", "")
    with open_trail(data_dir) as trail:
        rows, _ = newest(trail, wanted, count)
        write_rows(rows, as_json=as_json)
        if follow:
            for row in following(trail, wanted, rows):
                write_rows([row], as_json=as_json)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="An entry's id or number, or a decision's id.")],
    data_dir: DataDir = None,
) -> None:
    """Show one entry, and the decision that it records, as JSON."""
    from axonflow_hooks.cli.audit_trail import found_by_name, open_trail

    with open_trail(data_dir) as trail:
        typer.echo(json.dumps(found_by_name(trail, name), indent=2))


@app.command("stats")
def stats(
    since: Since = "24h",
    until: Until = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Count verdicts, kinds of entries and the policies that decided."""
    from axonflow_hooks.cli.audit_trail import open_trail, totals
    from axonflow_hooks.cli.audit_view import stats_lines

    with open_trail(data_dir) as trail:
        counted = totals(trail, since, until)
    typer.echo(json.dumps(counted, indent=2) if as_json else "\n".join(stats_lines(counted)))


@app.command("verify")
def verify(
    expect_head: Annotated[
        list[str] | None,
        typer.Option(metavar="SEQUENCE:HASH", help="A head that was kept elsewhere (see: audit head); repeatable."),
    ] = None,
    public_key: Annotated[
        list[str] | None, typer.Option(metavar="HEX", help="A key that checkpoints may be signed with; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Verify every entry, their order and end, the signatures and the decisions; 1 when something is wrong."""
    from axonflow_hooks.cli.audit_trail import open_trail, verified
    from axonflow_hooks.cli.audit_view import report_lines

    with open_trail(data_dir) as trail:
        report = verified(trail, tuple(expect_head or ()), tuple(public_key or ()))
    typer.echo(json.dumps(report.value(), indent=2) if as_json else "\n".join(report_lines(report)))
    if not report.intact:
        raise typer.Exit(1)


@app.command("head")
def head(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False, data_dir: DataDir = None
) -> None:
    """Print where the trail ends, to be kept elsewhere: `verify --expect-head` compares with it."""
    from axonflow_hooks.cli.audit_trail import current_head, open_trail

    with open_trail(data_dir) as trail:
        found: dict[str, Any] = current_head(trail)
    typer.echo(json.dumps(found) if as_json else found["head"])


@app.command("export")
def export(
    format_name: Annotated[str, typer.Option("--format", help="jsonl, csv, cef, ocsf or otlp.")] = "jsonl",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", dir_okay=False, help="Into this file (0600), not to stdout.")
    ] = None,
    since: Since = "",
    until: Until = "",
    request_type: Type = "",
    decision: Verdict = "",
    user: User = "",
    session: Session = "",
    policy: PolicyId = "",
    data_dir: DataDir = None,
) -> None:
    """Export entries, oldest first, in a format for other systems."""
    from axonflow_hooks.cli.audit_trail import exported, open_trail, wanted_entries
    from axonflow_hooks.cli.audit_view import write_pieces

    wanted = wanted_entries(since, until, request_type, decision, user, session, policy)
    with open_trail(data_dir) as trail:
        write_pieces(exported(trail, wanted, format_name), output)
