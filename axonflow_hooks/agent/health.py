"""GET /health (wire 1.10) and the answers that keep MCP clients from looking for OAuth (wire 1.3)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse

from axonflow_hooks import __version__
from axonflow_hooks.agent.registration import Registrations
from axonflow_hooks.agent.rest.registry import ENDPOINTS
from axonflow_hooks.agent.tables.records import now
from axonflow_hooks.recognition import CHALLENGE_HEADER, PROOF_HEADER, is_challenge, proof
from axonflow_hooks.wire.decide import CHECK_INPUT_PATH, CHECK_OUTPUT_PATH, DECIDE_PATH

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from axonflow_hooks.agent.runtime import Agent

CONTRACT_VERSION: Final = "9.18.0"
"""The platform release whose contract this agent speaks; its own version stands in `server`."""

# What a release brought, and the route or tool by which it can be told that it is served.
_CAPABILITIES: Final = (
    ("health_check", "1.0.0", "This document", "/health"),
    ("static_policies", "1.0.0", "Pattern policies: list, change, try", "/api/v1/static-policies"),
    ("dynamic_policies", "1.0.0", "Policies with conditions: list, change, try", "/api/v1/dynamic-policies"),
    ("gateway_mode", "1.0.0", "Prompts checked before a model is called", "/api/policy/pre-check"),
    ("audit_llm_call", "1.0.0", "Calls of models recorded", "/api/audit/llm-call"),
    ("mcp_check_endpoints", "4.7.0", "Statements and outputs checked over REST", CHECK_INPUT_PATH),
    ("version_discovery", "4.8.0", "Version and compatibility in /health", "/health"),
    ("hitl_response_parity", "7.4.0", "A queue of held calls that people decide", "/api/v1/hitl/queue"),
    ("plugin_compatibility", "7.5.0", "Oldest and recommended plugin releases", "/health"),
    ("community_saas_recovery", "7.7.0", "Lost credentials recovered by e-mail", "/api/v1/recover"),
    ("decision_obligations", "8.6.0", "Verdicts with obligations that name their fulfilment", DECIDE_PATH),
    ("two_touch_redaction", "8.6.0", "Requests and responses masked by the agent", CHECK_OUTPUT_PATH),
    ("approval_hold_retry", "11.1.0", "Held calls go through once a person approved", "/api/v1/hitl/queue"),
)
_SDK_LANGUAGES: Final = ("python", "typescript", "go", "java")


def describe(*, healthy: bool, team: bool = False, policy_faults: int = 0) -> dict[str, Any]:
    """Give the document of /health; `degraded` says that records cannot be written at the moment.

    `team` tells that tenants register themselves, as they do with Community SaaS; `policy_faults` is how many policies
    are not in use, told where there are any (which ones: `agent status`).
    """
    return {
        "status": "healthy" if healthy else "degraded",
        "service": "axonflow-agent",
        "version": CONTRACT_VERSION,
        "timestamp": now(),
        "tier": "Community",
        "edition": "community",
        "deployment_mode": "community-saas" if team else "community",
        "capabilities": _capabilities(team),
        "sdk_compatibility": {
            "min_sdk_version": dict.fromkeys(_SDK_LANGUAGES, "8.0.0"),
            "recommended_sdk_version": dict.fromkeys(_SDK_LANGUAGES, "9.4.0"),
        },
        "plugin_compatibility": {
            "min_plugin_version": {"claude-code": "1.1.0"},
            "recommended_plugin_version": {"claude-code": __version__},
        },
        "server": {"name": "axonflow-hooks", "version": __version__},
        **({"policy_faults": policy_faults} if policy_faults else {}),
    }


@lru_cache(maxsize=2)
def _capabilities(team: bool) -> list[dict[str, str]]:
    served = {"/health", *(endpoint.path for endpoint in ENDPOINTS), *(Registrations.PUBLIC_PATHS if team else ())}
    return [
        {"name": name, "since": since, "description": description}
        for name, since, description, path in _CAPABILITIES
        if path in served
    ]


async def health(request: Request) -> Response:
    """Answer GET /health, and the challenge of a client that wants to recognise its agent."""
    agent: Agent = request.app.state.agent
    faults = 0 if agent.policies is None else agent.policies.fault_count
    body = describe(healthy=agent.writer.healthy, team=agent.registrations is not None, policy_faults=faults)
    challenge = request.headers.get(CHALLENGE_HEADER, "")
    if not is_challenge(challenge):
        return JSONResponse(body)
    answer = proof(agent.access.key, challenge, request.scope["client"], request.scope["server"])
    return JSONResponse(body, headers={PROOF_HEADER: answer})


async def no_oauth(_request: Request) -> Response:
    """Answer the discovery documents of OAuth: there is none here."""
    body = {"error": "oauth_not_supported", "error_description": "This agent uses HTTP Basic authentication."}
    return JSONResponse(body, 404)
