"""Names of callers as they are stored: most as they are, those with a secret in them by a keyed hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.tables.records import Caller
from tests.agent import poison

if TYPE_CHECKING:
    from tests.agent.conftest import AgentProcess


def stored(agent: AgentProcess, **headers: str) -> str:
    """Make a decision and give the text in which search shows what was stored of its caller."""
    sent = {"X-User-Email": "dev@corp.example", "X-Session-Id": "s-1", **headers}
    made = agent.tool("check_policy", {"connector_type": "postgres", "statement": "SELECT 1"}, headers=sent)
    with agent.client() as client:
        found = client.post("/api/v1/audit/search", json={"decision_id": made["decision_id"]}).json()["entries"]
    (entry,) = found
    return f"{entry['user_email']} {entry['session_id']}"


@pytest.mark.parametrize(
    ("user", "session"),
    [
        ("dev@corp.example", "0198aa3c-1f5e-7c3d-9b1e-2a4c5d6e7f80"),
        ("first.last+tag@mail.corp.example", "session_42"),
        ("build-bot", "main"),
    ],
)
def test_what_names_a_developer_or_a_session_stays(running_agent: AgentProcess, user: str, session: str) -> None:
    assert stored(running_agent, **{"X-User-Email": user, "X-Session-Id": session}) == f"{user} {session}"


@pytest.mark.parametrize("kind", ["aws", "token", "card", "ssn"])
def test_a_secret_is_no_name(running_agent: AgentProcess, kind: str) -> None:
    lead, make = poison.KINDS[kind]
    first, again, other = (
        stored(running_agent, **{"X-Session-Id": lead + make(number), "X-User-Email": f"{make(number)}@corp.example"})
        for number in (1, 1, 2)
    )
    assert make(1) not in first
    assert "masked-" in first
    assert first == again
    assert first != other


@pytest.mark.parametrize("tenant", ["default", "cs_one"])
def test_a_name_counts_only_with_the_credential_under_which_it_was_given(tenant: str) -> None:
    named = {"user_email": "Dev@corp.example"}
    local = user_key(Caller("local", **named))
    assert local == "dev@corp.example"
    other = Caller("laptop-1", tenant_id=tenant, **named)
    if tenant == "default":
        assert user_key(other) not in {local, user_key(Caller("laptop-2", **named)), user_key(Caller("laptop-1"))}
    else:
        assert user_key(other) == local, "a tenant's own: grants are looked up by tenant too"


def test_a_header_does_not_name_a_client() -> None:
    forged = user_key(Caller("other", user_email="Client:local"))
    assert forged == user_key(Caller("other"))
    assert forged != user_key(Caller("local"))
