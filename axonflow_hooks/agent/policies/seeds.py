"""The system's dynamic policies (wire 2.3), and dynamic policies from rows."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.policies.rules import DynamicPolicy, checked
from axonflow_hooks.wire.dynamic_policies import DynamicPolicyCreate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_SINCE: Final = "2026-11-01T00:00:00.000000Z"
"""When the policies of the system came to be, for clients that need a time: they change with releases only."""

_FILE: Final = "system_dynamic.toml"


@lru_cache(maxsize=1)
def system_dynamic() -> tuple[DynamicPolicy, ...]:
    """Give the system's dynamic policies as they ship."""
    text = (resources.files("axonflow_hooks.agent.policies") / _FILE).read_text(encoding="utf-8")
    return tuple(_system(table) for table in tomllib.loads(text)["policy"])


def dynamic_of_row(row: Mapping[str, Any]) -> DynamicPolicy:
    """Give the policy of a row of the table `policies`. Raises ValueError for a document of another release."""
    says = _said(json.loads(row["document"]), row["policy_id"])
    return DynamicPolicy(
        id=row["id"],
        policy_id=row["policy_id"],
        says=says,
        tier="tenant",
        tenant_id=row["tenant_id"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        created_by=row["created_by"],
        updated_by=row["updated_by"],
        enabled=says.enabled,
    )


def _system(table: dict[str, Any]) -> DynamicPolicy:
    policy_id = table.pop("id")
    says = _said(table, policy_id)
    return DynamicPolicy(
        id=policy_id,
        policy_id=policy_id,
        says=says,
        tier="system",
        tenant_id=None,
        version=1,
        created_at=SYSTEM_SINCE,
        updated_at=SYSTEM_SINCE,
        created_by=None,
        updated_by=None,
        enabled=says.enabled,
    )


def _said(document: Any, policy_id: str) -> DynamicPolicyCreate:
    says, faults = checked(DynamicPolicyCreate.model_validate(document))
    if faults:
        raise ValueError(f"{policy_id}: {faults[0].field}: {faults[0].message}")
    return says
