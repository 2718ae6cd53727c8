"""How the `audit` commands print: entries as lines in which nothing can act on the terminal, and files."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from axonflow_hooks.errors import AxonFlowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from axonflow_hooks.agent.verification.findings import Report

MAX_TEXT: Final = 100


def printable(value: Any, limit: int = MAX_TEXT) -> str:
    """Give untrusted text as one line without control, format or other invisible characters."""
    text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(value))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def write_rows(rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print entries, one a line."""
    if as_json:
        from axonflow_hooks.agent.audit_trail.formats.entry import read_entry
        from axonflow_hooks.agent.audit_trail.formats.table import json_lines

        write_pieces(json_lines(read_entry(row) for row in rows), None)
    else:
        write_pieces((f"{_line(row)}\n" for row in rows), None)


def _line(row: Mapping[str, Any]) -> str:
    cells = (
        printable(row["timestamp"][:19] + "Z"),
        f"{printable(row['policy_decision'] or '-'):9}",
        f"{printable(row['request_type']):16}",
        printable(row["tool_name"]),
        printable(row["query"]),
        printable(row["decision_id"] or row["id"]),
    )
    return "  ".join(cells)


def write_pieces(pieces: Iterable[str], output: Path | None) -> None:
    """Write to stdout, or into a file (0600) that is there in full or not at all. Raises AxonFlowError."""
    if output is None:
        with _quiet_when_nobody_reads():
            for piece in pieces:
                sys.stdout.write(piece)
            sys.stdout.flush()
        return
    try:
        _write_file(pieces, output)
    except OSError as error:
        raise AxonFlowError(
            f"{output} cannot be written ({error.strerror or type(error).__name__}).", remedy="Choose another --output."
        ) from None


def _write_file(pieces: Iterable[str], output: Path) -> None:
    descriptor, draft = tempfile.mkstemp(dir=output.absolute().parent, prefix=f".{output.name}.")  # 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.writelines(pieces)
        Path(draft).replace(output)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise


@contextlib.contextmanager
def _quiet_when_nobody_reads() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # `… | head` is done: what is left in the buffer must not raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def stats_lines(counted: Mapping[str, Any]) -> Iterator[str]:
    """Give the counts as lines."""
    for title, key in (("verdicts", "by_decision"), ("risks", "by_severity"), ("entries", "by_request_type")):
        yield f"{title}:"
        yield from _counts(counted[key].items())
    yield "policies that decided (calls they stopped):"
    tops = counted["top_policies"]
    yield from (f"  {top['decided']:8}  {printable(top['policy_id'])} ({top['stopped']})" for top in tops)
    yield f"average time of a verdict: {counted['average_ms']:.2f} ms"


def _counts(items: Iterable[tuple[str, int]]) -> Iterator[str]:
    for name, count in sorted(items, key=lambda item: (-item[1], item[0])):
        yield f"  {count:8}  {printable(name)}"


def report_lines(report: Report) -> Sequence[str]:
    """Give a verification as lines, the findings first."""
    lines = []
    for finding in report.findings:
        where = "" if finding.sequence is None else f" entry {finding.sequence}"
        name = f" ({printable(finding.id)})" if finding.id else ""
        lines.append(f"FAULT {finding.kind}{where}{name}: {printable(finding.what, 400)}")
    if report.more_findings:
        lines.append(f"FAULT {report.more_findings} more")
    lines += [f"NOTE  {note}" for note in report.notes]
    span = f"{report.first_sequence} to {report.last_sequence}" if report.entries else "none"
    counts = f"{report.entries} entries ({span}), {report.decisions} decisions, {report.checkpoints} checkpoints"
    lines.append(f"{'OK   ' if report.intact else 'FAULT'} {counts}")
    if report.anchor_sequence:
        lines.append(f"NOTE  entries up to {report.anchor_sequence} were pruned; the trail begins after them")
    if report.entries:
        lines.append(f"HEAD  {report.last_sequence}:{json.dumps(report.head_hash)[1:-1]}")
    return lines
