"""Whether what people have granted still lasts: asked where an answer that rested on it would be given once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axonflow_hooks.agent.store import grants
from axonflow_hooks.agent.tables.records import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from axonflow_hooks.agent.tables.records import MatchRecord


def grants_of(matches: Iterable[MatchRecord]) -> tuple[str, ...]:
    """Give the ids of the overrides and approvals without which the matches of an allowed call would stop it."""
    return tuple(sorted({match.lifted_by for match in matches if match.lifted_by is not None}))


def all_last(connection: Connection, tenant_id: str, grant_ids: Iterable[str]) -> bool:
    """Tell whether every one of a tenant's grants is genuine, not revoked, and within its time.

    An approval that was used up lasts until its time is over: it was given for the very call that is asked about.
    """
    return all(_lasts(connection, tenant_id, grant_id) for grant_id in grant_ids)


def _lasts(connection: Connection, tenant_id: str, grant_id: str) -> bool:
    at = now()
    override = grants.find_override(connection, grant_id, tenant_id)
    if override is not None:
        return grants.override_holds(connection, override, at)
    approval = grants.find_approval(connection, grant_id, tenant_id)
    if approval is None or grants.approval_fault(connection, approval) is not None:
        return False
    return bool(approval["status"] == "consumed" and approval["expires_at"] > at)
