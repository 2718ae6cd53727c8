"""What the `audit` commands do with a trail; the agent's own modules, which need the extra, are imported here."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.errors import AxonFlowError, SettingsError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import agent_environ

try:
    from sqlalchemy.exc import SQLAlchemyError

    from axonflow_hooks.agent.audit_trail.formats import FORMAT_NAMES, formatter
    from axonflow_hooks.agent.audit_trail.formats.entry import read_entry
    from axonflow_hooks.agent.audit_trail.heads import load_head
    from axonflow_hooks.agent.audit_trail.mark import MARK_NAME, Mark, MarkFile
    from axonflow_hooks.agent.moments import DAY_END, DAY_START, stored_moment
    from axonflow_hooks.agent.store.keys import PUBLIC_KEY_NAME, parse_public_key, read_seal
    from axonflow_hooks.agent.store.options import store_options
    from axonflow_hooks.agent.store.queries import find_decision_of_any
    from axonflow_hooks.agent.store.reading import open_for_reading
    from axonflow_hooks.agent.store.reports import AuditQuery, entries_after, find_entry, search_entries, sum_up
    from axonflow_hooks.agent.tables.records import format_time
    from axonflow_hooks.agent.verification.verify import Evidence, verify
except ModuleNotFoundError as _error:
    if (_error.name or "").split(".")[0] == "axonflow_hooks":
        raise
    raise SettingsError(
        f"The embedded agent needs more than is installed ({_error.name} is missing).",
        remedy="Run: pip install 'axonflow-hooks[agent]'",
    ) from None

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from axonflow_hooks.agent.audit_trail.chain import PublicKey
    from axonflow_hooks.agent.verification.findings import Report

FOLLOW_S: Final = 0.5
_PAGE: Final = 500
_EVER: Final = ("0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z")
_AGO: Final = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HEAD: Final = re.compile(r"(\d{1,18}):([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpenTrail:
    """A database that is open for reading, and the folders with its mark and its keys."""

    engine: Engine
    data_dir: Path
    key_dir: Path


@contextlib.contextmanager
def open_trail(data_dir: Path | None) -> Iterator[OpenTrail]:
    """Give the trail of the environment's agent. Raises StartupError, SettingsError."""
    paths = resolve_paths(os.environ)
    options = store_options(agent_environ(os.environ, paths))
    folder = data_dir or paths.agent_data_dir
    engine = open_for_reading(folder, options)
    try:
        yield OpenTrail(engine, folder, options.key_dir or folder)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise AxonFlowError(f"The audit trail cannot be read ({type(cause).__name__}).") from None
    finally:
        engine.dispose()


def moment(text: str, name: str, time_of_day: str) -> str:
    """Take 2h, a date or an RFC 3339 time and give it as the database has it. Raises SettingsError."""
    ago = _AGO.fullmatch(text)
    with contextlib.suppress(OverflowError):
        if ago is not None:
            back = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return format_time(datetime.now(timezone.utc) - back)
        found = stored_moment(text, time_of_day)
        if found is not None:
            return found
    raise SettingsError(f"--{name} is no time: {text[:40]!r}.", remedy="Write 30m, 2h, 7d, 2026-01-31 or RFC 3339.")


def wanted_entries(
    since: str, until: str, request_type: str, decision: str, user: str, session: str, policy: str
) -> AuditQuery:
    """Give the query of the commands' options; "" stands for any. Raises SettingsError."""
    return AuditQuery(
        tenant_id=None,
        start=moment(since, "since", DAY_START) if since else None,
        end=moment(until, "until", DAY_END) if until else None,
        request_type=request_type or None,
        policy_decision=decision or None,
        user_email=user or None,
        session_id=session or None,
        policy_name=policy or None,
    )


def newest(trail: OpenTrail, wanted: AuditQuery, count: int) -> tuple[list[dict[str, Any]], int]:
    """Give the newest entries, the oldest of them first, and how many there are in all."""
    with trail.engine.connect() as connection:
        rows, total = search_entries(connection, wanted, count, 0)
    return rows[::-1], total


def following(trail: OpenTrail, wanted: AuditQuery, shown: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give the entries that are appended from now on, for ever."""
    with trail.engine.connect() as connection:
        head = load_head(connection)
    last = shown[-1]["sequence"] if shown else (head.head.sequence if head else 0)
    while True:
        with trail.engine.connect() as connection:
            rows = entries_after(connection, wanted, last, _PAGE)
        for row in rows:
            last = row["sequence"]
            yield row
        if not rows:
            time.sleep(FOLLOW_S)


def found_by_name(trail: OpenTrail, name: str) -> dict[str, Any]:
    """Give an entry with its decision, by the entry's id or sequence or the decision's id. Raises AxonFlowError."""
    with trail.engine.connect() as connection:
        row = _entry_row(connection, name)
        if row is None:
            raise AxonFlowError(f"There is no entry {name[:80]!r}.", remedy="See: axonflow-hooks audit search")
        decision = find_decision_of_any(connection, row["decision_id"]) if row["decision_id"] else None
    return {"entry": dict(read_entry(row).values), "decision": decision}


def _entry_row(connection: Connection, name: str) -> dict[str, Any] | None:
    if name.isascii() and name.isdigit():
        found = entries_after(connection, AuditQuery(tenant_id=None), int(name[:18]) - 1, 1)
        return found[0] if found and found[0]["sequence"] == int(name[:18]) else None
    row = find_entry(connection, name, None)
    if row is not None:
        return row
    rows, _ = search_entries(connection, AuditQuery(tenant_id=None, decision_id=name), 1, 0)
    return rows[0] if rows else None


def totals(trail: OpenTrail, since: str, until: str) -> dict[str, Any]:
    """Give the counts of a range as JSON. Raises SettingsError."""
    start = moment(since, "since", DAY_START) if since else _EVER[0]
    end = moment(until, "until", DAY_END) if until else _EVER[1]
    with trail.engine.connect() as connection:
        found = sum_up(connection, None, start, end, None)
    return {
        "since": start,
        "until": end,
        "by_decision": dict(found.by_decision),
        "by_severity": dict(found.by_severity),
        "by_request_type": dict(found.by_request_type),
        "average_ms": round(found.average_ms, 3),
        "top_policies": [
            {"policy_id": name, "decided": count, "stopped": stopped} for name, count, stopped in found.top
        ],
    }


def verified(trail: OpenTrail, expected: tuple[str, ...], public_keys: tuple[str, ...]) -> Report:
    """Verify the trail. Raises SettingsError for a head or a key that is none, CredentialError, AxonFlowError."""
    heads = tuple(_mark(text) for text in expected)
    seal = read_seal(trail.key_dir)
    keys = [*(_public_key(text) for text in public_keys)]
    if seal is not None:
        keys.append(seal.public)
    elif (trail.key_dir / PUBLIC_KEY_NAME).is_file():
        keys.append(_public_key((trail.key_dir / PUBLIC_KEY_NAME).read_text(encoding="ascii", errors="replace")))
    mark = MarkFile(trail.data_dir / MARK_NAME).read()  # before the database: it must not run ahead of it
    evidence = Evidence(tuple(keys), seal, mark, heads)
    with trail.engine.connect() as connection:
        report = verify(connection, evidence)
    if mark is None:
        report.notes.append("There is no high-water mark here: an older copy of the whole database would not show.")
    return report


def current_head(trail: OpenTrail) -> dict[str, Any]:
    """Give where the trail ends, and the key that signs it. Raises AxonFlowError."""
    with trail.engine.connect() as connection:
        stored = load_head(connection)
    if stored is None:
        raise AxonFlowError("The head record is missing.", remedy="Run: axonflow-hooks audit verify")
    seal = read_seal(trail.key_dir)
    key = None if seal is None else {"key_id": seal.key_id, "public_key": seal.public.raw.hex()}
    return {"head": f"{stored.head.sequence}:{stored.head.row_hash}", "key": key}


def exported(trail: OpenTrail, wanted: AuditQuery, format_name: str) -> Iterator[str]:
    """Give the pieces of an export. Raises SettingsError for a format that there is not."""
    chosen = next((name for name in FORMAT_NAMES if name == format_name), None)
    if chosen is None:
        raise SettingsError(
            f"There is no format {format_name[:40]!r}.", remedy=f"Choose one of: {', '.join(FORMAT_NAMES)}"
        )
    return formatter(chosen)(read_entry(row) for row in _all(trail, wanted))


def _all(trail: OpenTrail, wanted: AuditQuery) -> Iterator[dict[str, Any]]:
    last = 0
    while True:
        with trail.engine.connect() as connection:  # one a page: the reader of the pieces may stop at any time
            rows = entries_after(connection, wanted, last, _PAGE)
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1]["sequence"]


def _mark(text: str) -> Mark:
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise SettingsError("--expect-head is no head.", remedy="Write SEQUENCE:HASH, as `audit head` prints it.")
    return Mark(int(found[1]), found[2])


def _public_key(text: str) -> PublicKey:
    key = parse_public_key(text)
    if key is None:
        raise SettingsError("--public-key is no public key.", remedy="Write its 64 hexadecimal digits.")
    return key
