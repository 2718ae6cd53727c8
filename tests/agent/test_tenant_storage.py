"""What is stored of a tenant's requests is masked by that tenant's own policies, whoever else uses the agent."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.access import access_of
from axonflow_hooks.agent.audit_entries import record_tool_call
from axonflow_hooks.agent.grants import approvals_queue
from axonflow_hooks.agent.grants.overrides import override_question
from axonflow_hooks.agent.mcp.sessions import Sessions
from axonflow_hooks.agent.options import Options
from axonflow_hooks.agent.policies import changes
from axonflow_hooks.agent.policies.live import LivePolicies
from axonflow_hooks.agent.rest.decide import make_decision
from axonflow_hooks.agent.rest.endpoint import RestCall
from axonflow_hooks.agent.rest.gateway import report_llm_call
from axonflow_hooks.agent.rest.policy_calls import redacted
from axonflow_hooks.agent.runtime import Agent
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.summaries import summarise
from axonflow_hooks.agent.tables.records import Caller, format_time
from axonflow_hooks.policy import PolicySource
from axonflow_hooks.wire.approvals import CreateApproval, Review
from axonflow_hooks.wire.audit import ToolCallRequest
from axonflow_hooks.wire.overrides import CreateOverride
from axonflow_hooks.wire.policies import StaticPolicyCreate

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from axonflow_hooks.policy import Policy

LOCAL, OTHER = Caller("local"), Caller("other", tenant_id="cs_other")
CODE = "PRJ-0042"
POLICY = {"name": "Project codes", "pattern": "PRJ-[0-9]{4}", "category": "pii-global", "action": "redact"}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """An agent of two tenants, of which `cs_other` has a policy that masks its project codes."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    database = open_database(data)
    writer = Writer(database.engine)
    source = PolicySource(tmp_path / "policies")
    document = StaticPolicyCreate.model_validate(POLICY).model_dump(mode="json")
    asyncio.run(writer.submit(lambda tx: changes.create(tx, OTHER, "static", "custom_project", document)))
    yield Agent(
        base=source.engine,
        database=database,
        writer=writer,
        access=access_of("http://127.0.0.1:8080", "local", "secret"),
        sessions=Sessions(),
        integrations=frozenset(),
        options=Options(context_allowlist=("x-team",)),
        policies=LivePolicies(source, database),
    )
    writer.close()
    database.close()


def stored(agent: Agent) -> str:
    """Give all that the agent keeps of calls, decisions and questions."""
    tables = ("audit_log", "decisions", "approvals")
    rows = agent.database.read(
        lambda connection: [list(connection.exec_driver_sql(f"SELECT * FROM {table}")) for table in tables]
    )
    return str(rows)


def request(caller: Caller, body: Any) -> RestCall:
    return RestCall(caller, {}, {}, body, len(json.dumps(body)), {})


async def tool_call(agent: Agent, caller: Caller) -> Any:
    given = ToolCallRequest(tool_name="Bash", input={"command": CODE}, output={"stdout": CODE}, success=True)
    return await record_tool_call(agent, caller, given, {}, 10, "session", None)


async def decision(agent: Agent, caller: Caller) -> Any:
    body = {"stage": "llm", "query": f"about {CODE}", "context": {"x-team": CODE}}
    return await make_decision(agent, request(caller, body))


async def llm_call(agent: Agent, caller: Caller) -> Any:
    body = {"context_id": "c", "client_id": "x", "provider": "p", "model": "m", "token_usage": {"total_tokens": 1}}
    return await report_llm_call(agent, request(caller, {**body, "response_summary": CODE}))


async def waiting_call(agent: Agent, caller: Caller) -> Any:
    given = CreateApproval(client_id="x", original_query=f"send {CODE}", request_type="mail")
    made = await approvals_queue.put_in(agent, caller, given, 10)
    approval_id = made["data"]["request_id"]
    review = Review(comment=f"not with {CODE}")
    return await approvals_queue.reject(agent, caller, approval_id, review)


@pytest.mark.parametrize("work", [tool_call, decision, llm_call, waiting_call], ids=lambda work: work.__name__)
def test_what_is_stored_is_masked_by_the_callers_policies(
    agent: Agent, work: Callable[[Agent, Caller], Coroutine[Any, Any, Any]]
) -> None:
    asyncio.run(work(agent, OTHER))
    assert CODE not in stored(agent)
    assert "REDACTED" in stored(agent)
    asyncio.run(work(agent, LOCAL))
    assert CODE in stored(agent), "the other tenant's policy is not for this one"


@pytest.mark.parametrize(("caller", "kept"), [(OTHER, False), (LOCAL, True)], ids=["its-own", "another"])
def test_what_a_person_is_asked_is_masked_too(agent: Agent, caller: Caller, kept: bool) -> None:
    async def asked() -> tuple[str, str]:
        policies = (await agent.policies_of(caller.tenant_id)).engine.policies
        blocking = next(policy.id for policy in policies if _is_liftable(policy))
        wanted = CreateOverride(policy_id=blocking, policy_type="static", override_reason=f"for {CODE}")
        question = await override_question(agent, caller, wanted)
        return question.text, await redacted(agent, request(caller, {}), CODE)

    text, name = asyncio.run(asked())
    assert (CODE in text, CODE in name) == (kept, kept)


def _is_liftable(policy: Policy) -> bool:
    return policy.allow_override and policy.severity != "critical" and policy.action_request == "block"


def test_a_summary_names_the_policies_of_its_tenant(agent: Agent) -> None:
    async def summarised() -> Any:
        await decision(agent, OTHER)
        start, end = (format_time(datetime.now(timezone.utc) + timedelta(hours=hours)) for hours in (-1, 1))
        return await summarise(agent, OTHER.tenant_id, start, end, None)

    found = asyncio.run(summarised())
    assert [policy["policy_name"] for policy in found["top_policies"]] == ["Project codes"]
