"""What a body may say of who asks: the credential is what counts, and what contradicts it is refused (wire 1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.tables.records import LOCAL_TENANT

if TYPE_CHECKING:
    from axonflow_hooks.agent.tables.records import Caller


def refuse_user_token(user_token: str | None) -> None:
    """Raise RestRefused 401 for a user token: nobody can verify it here, so it must not count as an identity."""
    if user_token:
        raise RestRefused(401, "user_token cannot be verified here")


def check_tenant(caller: Caller, *named: str | None) -> None:
    """Raise RestRefused 403 when a body names another tenant or organisation than the credential's.

    On an agent that serves one user there is one tenant, whatever clients call it (wire 1.4, community).
    """
    if caller.tenant_id != LOCAL_TENANT and any(name and name != caller.tenant_id for name in named):
        raise RestRefused(403, "Tenant mismatch")
