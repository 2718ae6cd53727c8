"""The groups of REST routes that the agent serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.rest import (
    approvals,
    audit,
    audit_reports,
    checks,
    decide,
    decisions,
    dynamic_policies,
    gateway,
    openapi,
    overrides,
    presence,
    service,
    static_policies,
)

if TYPE_CHECKING:
    from axonflow_hooks.agent.rest.endpoint import Endpoint

_SERVED: Final[tuple[Endpoint, ...]] = (
    *decide.ENDPOINTS,
    *gateway.ENDPOINTS,
    *checks.ENDPOINTS,
    *decisions.ENDPOINTS,
    *audit_reports.ENDPOINTS,
    *audit.ENDPOINTS,  # its last path has a variable where the others have names
    *overrides.ENDPOINTS,
    *approvals.ENDPOINTS,
    *presence.ENDPOINTS,
    *static_policies.ENDPOINTS,
    *dynamic_policies.ENDPOINTS,
    *service.ENDPOINTS,
)

ENDPOINTS: Final[tuple[Endpoint, ...]] = (*_SERVED, openapi.endpoint(_SERVED))
"""Every route of the contract that this agent serves, and the document that describes them."""
