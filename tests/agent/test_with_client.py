"""The product's own client against the agent: deny, allow, redact, audit."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, TypeVar

import pytest

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.client import AgentClient, Connection, new_http_client
from axonflow_hooks.errors import AgentRefused
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import load_settings
from axonflow_hooks.wire.mcp_tools import AuditToolCallArguments, CheckOutputArguments, CheckPolicyArguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.agent.conftest import AgentProcess

T = TypeVar("T")


def ask(agent: AgentProcess, question: Callable[[AgentClient], Awaitable[T]], secret: str | None = None) -> T:
    client_id, own_secret = agent.credential
    return ask_at(agent.endpoint, (client_id, secret or own_secret), question)


def ask_at(endpoint: str, credential: tuple[str, str], question: Callable[[AgentClient], Awaitable[T]]) -> T:
    basic = base64.b64encode(":".join(credential).encode()).decode()

    async def run() -> T:
        async with new_http_client(endpoint) as http:
            return await question(AgentClient(Connection(endpoint, basic), http))

    return asyncio.run(run())


def test_deny(running_agent: AgentProcess) -> None:
    arguments = CheckPolicyArguments(connector_type="claude_code.Bash", statement="rm -rf /")
    verdict = ask(running_agent, lambda client: client.check_policy(arguments, session_id="s", timeout_s=60))
    assert (verdict.allowed, verdict.risk_level) == (False, "critical")
    assert verdict.decision_id
    assert verdict.block_reason
    assert verdict.policy_matches[0].policy_id == verdict.blocked_by


def test_allow(running_agent: AgentProcess) -> None:
    arguments = CheckPolicyArguments(connector_type="claude_code.Bash", statement="git status")
    verdict = ask(running_agent, lambda client: client.check_policy(arguments, session_id="s", timeout_s=60))
    assert (verdict.allowed, verdict.block_reason) == (True, "")


def test_redact(running_agent: AgentProcess) -> None:
    arguments = CheckOutputArguments(connector_type="claude_code.Bash", response_data=[{"stdout": "ssn 536-90-4399"}])
    verdict = ask(running_agent, lambda client: client.check_output(arguments, session_id="s", timeout_s=60))
    assert (verdict.allowed, verdict.redaction_evaluated) == (True, True)
    assert verdict.redacted_data == [{"stdout": "ssn [REDACTED:ssn#1]"}]


def test_audit(running_agent: AgentProcess) -> None:
    arguments = AuditToolCallArguments(tool_name="Bash", input={"command": "ls"}, duration_ms=5)
    receipt = ask(running_agent, lambda client: client.audit_tool_call(arguments, session_id="s", timeout_s=60))
    assert receipt.recorded


def test_health(running_agent: AgentProcess) -> None:
    health = ask(running_agent, lambda client: client.health(timeout_s=60))
    assert (health.status, health.service) == ("healthy", "axonflow-agent")


def test_an_endpoint_beyond_ascii_is_this_agent_too(running_agent: AgentProcess) -> None:
    """IDNA knows other full stops: the credential is found under that name, and the agent proves itself there."""
    paths = resolve_paths({"HOME": str(running_agent.home)})
    written = running_agent.endpoint.replace("127.0.0.1", "127。0。0。1")
    assert not written.isascii()
    endpoint = load_settings({"AXONFLOW_ENDPOINT": written}, paths).endpoint
    credential = credential_for(paths, endpoint)
    assert credential is not None
    arguments = CheckPolicyArguments(connector_type="claude_code.Bash", statement="rm -rf /")
    verdict = ask_at(endpoint, credential, lambda client: client.check_policy(arguments, session_id="s", timeout_s=60))
    assert not verdict.allowed


def test_a_wrong_credential_is_a_refusal(running_agent: AgentProcess) -> None:
    arguments = CheckPolicyArguments(connector_type="claude_code.Bash", statement="git status")
    with pytest.raises(AgentRefused) as refused:
        ask(running_agent, lambda client: client.check_policy(arguments, session_id="s", timeout_s=60), "wrong")
    assert refused.value.code == -32001
