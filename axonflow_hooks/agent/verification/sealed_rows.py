"""Verifies the sealed rows (grants, policies of tenants, who has access): each has to be what the trail says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from axonflow_hooks.agent.store.grants import approvals, challenges, overrides
from axonflow_hooks.agent.store.policies import policies, policy_overrides
from axonflow_hooks.agent.store.registrations import agent_clients, recovery_tokens, tenants
from axonflow_hooks.agent.store.rows import of_one_moment, shown
from axonflow_hooks.agent.store.sealed import (
    COMMITTING,
    MAC,
    has_mac,
    is_forgotten,
    newest_commitments,
    oldest_entry,
    seal_of,
    subject_of,
)
from axonflow_hooks.agent.tables.records import now
from axonflow_hooks.agent.tables.schema import audit_log
from axonflow_hooks.agent.verification.findings import Finding, Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from axonflow_hooks.agent.audit_trail.chain import Seal
    from axonflow_hooks.agent.verification.findings import Kind

_ROWS_AT_ONCE: Final = 500
_ACCESS: Final = (agent_clients, tenants, recovery_tokens)
_NAMES: Final = {
    "overrides": "override",
    "approvals": "approval",
    "policy_overrides": "override of a policy",
    "policies": "policy",
    "presence_challenges": "question",
    "agent_clients": "client",
    "tenants": "tenant",
    "recovery_tokens": "recovery token of the tenant",
}
_SHOWN_BY: Final = {
    "presence_challenges": "code",
    "policies": "policy_id",
    "policy_overrides": "policy_id",
    "agent_clients": "client_id",
    "tenants": "tenant_id",
    "recovery_tokens": "tenant_id",
}
"""By table, the column by which its rows are named here, where that is not `id`."""


def check_grants(connection: Connection, seal: Seal | None, report: Report) -> None:
    """Report grants and policies that were written or changed past the agent, and those that are gone.

    Without the seal only what the trail says of them is compared.
    """
    for table in (overrides, approvals, policies, policy_overrides, challenges):
        _check_table(connection, table, seal, report, "grant")


def check_access(connection: Connection, seal: Seal | None, report: Report) -> None:
    """Report clients and tenants in the same way, and tokens by which a tenant would get a new secret."""
    for table in _ACCESS:
        _check_table(connection, table, seal, report, "access")


def access_faults(connection: Connection) -> list[str]:
    """Give what `check_access` finds, a text each, on a connection of the agent's own database."""
    report = Report()
    check_access(of_one_moment(connection), seal_of(connection), report)
    return [f"{finding.what} ({shown(finding.id)})" for finding in report.findings]


def _check_table(connection: Connection, table: Table, seal: Seal | None, report: Report, kind: Kind) -> None:
    name, unsealed, oldest = _NAMES[table.name], 0, oldest_entry(connection)
    met: set[str] = set()
    for rows in _pages(connection, table):
        subjects = {subject_of(table, row): row for row in rows}
        met |= subjects.keys()
        recorded = newest_commitments(connection, table.name, list(subjects)) if table.name in COMMITTING else {}
        for subject, row in subjects.items():
            if row[MAC] is None and subject not in recorded and not _could_hold(table, row):
                unsealed += 1
                continue
            fault = _fault(table, row, seal, recorded, oldest)
            if fault:
                report.add(Finding(kind, f"{name}: {fault}", id=_shown(table, row)))
    if unsealed and table is policy_overrides:
        report.notes.append(
            f"{unsealed} overrides of policies carry no code, as of an earlier release: those that lift protection are "
            "not in use."
        )
    if table.name in COMMITTING:
        _check_missing(connection, table, met, report, kind)


def _pages(connection: Connection, table: Table) -> Iterator[Sequence[Mapping[str, Any]]]:
    # Read whole, page by page: the rows of a page are looked up in the trail on the same connection.
    keys = list(table.primary_key)
    offset = 0
    while True:
        query = select(table).order_by(*keys).limit(_ROWS_AT_ONCE).offset(offset)
        rows = [{**row} for row in connection.execute(query).mappings()]
        if rows:
            yield rows
        if len(rows) < _ROWS_AT_ONCE:
            return
        offset += len(rows)


def _could_hold(table: Table, row: Mapping[str, Any]) -> bool:
    """Tell whether a row without a code is none of an earlier release: those ended with it, or have got one."""
    if table in _ACCESS:
        return True
    if table in (policies, policy_overrides):
        return False
    over = row.get("revoked_at") is not None or not isinstance(row["expires_at"], str) or row["expires_at"] <= now()
    return not over


def _fault(
    table: Table, row: Mapping[str, Any], seal: Seal | None, recorded: Mapping[str, str | None], oldest: object
) -> str:
    subject = subject_of(table, row)
    if seal is not None and not has_mac(seal, table, row):
        return "it was not written by this agent, or was changed"
    if table.name not in COMMITTING:
        return ""
    if subject in recorded:
        return "" if recorded[subject] == row[MAC] else "it is not as the newest entry about it says"
    return "" if is_forgotten(row, oldest) else "no entry says that it was made"


def _check_missing(connection: Connection, table: Table, met: set[str], report: Report, kind: Kind) -> None:
    log = audit_log.c
    newest = (
        select(func.max(log.sequence))
        .where(log.correlation_id.is_not(None), log.request_type.in_(COMMITTING[table.name]))
        .group_by(log.correlation_id)
    )
    query = select(log.sequence, log.id, log.correlation_id, log.request_type).where(log.sequence.in_(newest))
    for row in connection.execute(query.order_by(log.sequence)).mappings().all():
        if row["correlation_id"] not in met and not row["request_type"].endswith("_deleted"):
            what = f"{_NAMES[table.name]}: its row is missing: {row['correlation_id']}"
            report.add(Finding(kind, what, row["sequence"], str(row["id"])))


def _shown(table: Table, row: Mapping[str, Any]) -> str:
    return str(row[_SHOWN_BY.get(table.name, "id")])
