"""Policies that were written over REST, their overrides, versions and the counter of their changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from axonflow_hooks.agent.store.rows import all_rows, first_row
from axonflow_hooks.agent.store.sealed import faults_of, insert_sealed, of_earlier_release, reseal, subject_of
from axonflow_hooks.agent.tables.records import storable
from axonflow_hooks.agent.tables.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

policies: Final = Table(
    "policies",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(128), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("policy_id", String(128), nullable=False),
    Column("document", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("updated_at", String(27), nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("updated_by", String(256), nullable=False),
    Column("mac", String(64)),
    UniqueConstraint("tenant_id", "policy_id", name="policies_by_slug"),
)
"""`kind` is static or dynamic, `document` the JSON of what the policy says, `policy_id` its readable id."""

policy_overrides: Final = Table(
    "policy_overrides",
    metadata,
    Column("tenant_id", String(128), primary_key=True),
    Column("policy_id", String(128), primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("kind", String(8), nullable=False),
    Column("action_override", String(20)),
    Column("enabled_override", Integer),
    Column("override_reason", Text, nullable=False),
    Column("expires_at", String(27)),
    Column("created_by", String(256), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("mac", String(64)),
)
"""Another action or switch for a policy of the system; at most one per policy and tenant."""

policy_versions: Final = Table(
    "policy_versions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(128), nullable=False),
    Column("policy_id", String(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("change_type", String(16), nullable=False),
    Column("change_summary", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("changed_by", String(256), nullable=False),
    Column("changed_at", String(27), nullable=False),
    UniqueConstraint("tenant_id", "policy_id", "version", name="policy_versions_in_order"),
    Index("policy_versions_by_time", "changed_at"),
)
"""One row per change, kept when the policy is gone; `policy_id` is the policy's id (of a system one its name)."""

policy_revisions: Final = Table(
    "policy_revisions",
    metadata,
    Column("tenant_id", String(128), primary_key=True),
    Column("revision", Integer, nullable=False),
)
"""Counts a tenant's changes, so that every replica sees that there is something to read again."""


VERSIONS_LISTED: Final = 500


class TenantRows(NamedTuple):
    """All that a tenant has written, as of one revision.

    Not written so by this agent are the overrides of the policies `unproven`, and the policies `altered`.
    """

    revision: int
    policies: tuple[dict[str, Any], ...]
    overrides: tuple[dict[str, Any], ...]
    unproven: frozenset[str] = frozenset()
    altered: frozenset[str] = frozenset()


def find_revision(connection: Connection, tenant_id: str) -> int:
    """Give how often the tenant's policies have changed."""
    query = select(policy_revisions.c.revision).where(policy_revisions.c.tenant_id == tenant_id)
    return connection.execute(query).scalar() or 0


def bump_revision(connection: Connection, tenant_id: str) -> None:
    """Count a change; changes of the same tenant wait here for each other until the commit."""
    counted = update(policy_revisions).where(policy_revisions.c.tenant_id == tenant_id)
    counted = counted.values(revision=policy_revisions.c.revision + 1)
    if connection.execute(counted).rowcount > 0:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(policy_revisions).values(tenant_id=tenant_id, revision=1))
    except IntegrityError:  # another replica has counted its first change meanwhile
        connection.execute(counted)


def tenant_rows(connection: Connection, tenant_id: str) -> TenantRows:
    """Give all policies and overrides of a tenant, the oldest first."""
    # The revision first: what changes meanwhile is read again, never missed.
    revision = find_revision(connection, tenant_id)
    found = select(policies).where(policies.c.tenant_id == tenant_id).order_by(policies.c.created_at, policies.c.id)
    own = tuple(all_rows(connection, found))
    overrides = find_overrides(connection, tenant_id)
    faults = faults_of(connection, policy_overrides, overrides)
    unproven = frozenset(row["policy_id"] for row in overrides if subject_of(policy_overrides, row) in faults)
    return TenantRows(revision, own, overrides, unproven, altered_policies(connection, own))


def altered_policies(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Give the readable ids of policies that were changed past the agent; those of an earlier release have no code."""
    false = faults_of(connection, policies, rows).keys() - of_earlier_release(connection, policies, rows)
    return frozenset(row["policy_id"] for row in rows if row["id"] in false)


def find_overrides(connection: Connection, tenant_id: str) -> tuple[dict[str, Any], ...]:
    """Give the overrides of a tenant, the newest first, expired ones too."""
    found = select(policy_overrides).where(policy_overrides.c.tenant_id == tenant_id)
    ordered = found.order_by(policy_overrides.c.created_at.desc(), policy_overrides.c.id)
    return tuple(all_rows(connection, ordered))


def find_policy(connection: Connection, tenant_id: str, kind: str, key: str) -> dict[str, Any] | None:
    """Give a tenant's policy by its id or its readable id, or None."""
    wanted = storable(key)
    query = select(policies).where(
        policies.c.tenant_id == tenant_id,
        policies.c.kind == kind,
        (policies.c.id == wanted) | (policies.c.policy_id == wanted),
    )
    return first_row(connection, query)


def count_policies(connection: Connection, tenant_id: str, kind: str) -> int:
    """Give how many policies of a kind a tenant has written."""
    query = select(func.count()).select_from(policies).where(policies.c.tenant_id == tenant_id, policies.c.kind == kind)
    return int(connection.execute(query).scalar_one())


def add_policy(connection: Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    """Insert a policy and give it sealed: the columns of the table `policies`."""
    return insert_sealed(connection, policies, row)


def change_policy(connection: Connection, row: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Change columns of a policy, whose row was just read, and give it sealed."""
    return reseal(connection, policies, row, values)


def remove_policy(connection: Connection, policy_row_id: str) -> None:
    """Delete a policy; its versions stay."""
    connection.execute(delete(policies).where(policies.c.id == policy_row_id))


def find_override(connection: Connection, tenant_id: str, policy_id: str) -> dict[str, Any] | None:
    """Give the override of a policy, or None; it may have expired."""
    query = select(policy_overrides).where(
        policy_overrides.c.tenant_id == tenant_id, policy_overrides.c.policy_id == policy_id
    )
    return first_row(connection, query)


def put_override(connection: Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    """Keep an override in the place of the one that the policy had, and give it sealed."""
    remove_override(connection, row["tenant_id"], row["policy_id"])
    return insert_sealed(connection, policy_overrides, row)


def remove_override(connection: Connection, tenant_id: str, policy_id: str) -> None:
    """Drop the override of a policy."""
    connection.execute(
        delete(policy_overrides).where(
            policy_overrides.c.tenant_id == tenant_id, policy_overrides.c.policy_id == policy_id
        )
    )


def last_version(connection: Connection, tenant_id: str, policy_id: str) -> int:
    """Give the number of the newest version of a policy, 0 where there is none."""
    query = select(func.max(policy_versions.c.version)).where(
        policy_versions.c.tenant_id == tenant_id, policy_versions.c.policy_id == policy_id
    )
    return connection.execute(query).scalar() or 0


def add_version(connection: Connection, row: Mapping[str, Any]) -> None:
    """Insert a version: the columns of the table `policy_versions`."""
    connection.execute(insert(policy_versions).values(**row))


def find_versions(connection: Connection, tenant_id: str, policy_id: str) -> tuple[dict[str, Any], ...]:
    """Give the newest versions of a policy, the newest first."""
    query = (
        select(policy_versions)
        .where(policy_versions.c.tenant_id == tenant_id, policy_versions.c.policy_id == storable(policy_id))
        .order_by(policy_versions.c.version.desc())
        .limit(VERSIONS_LISTED)
    )
    return tuple(all_rows(connection, query))
