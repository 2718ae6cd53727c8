"""GET /health (wire 1.10): only what is served is advertised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axonflow_hooks.agent.health import describe
from axonflow_hooks.agent.rest.registry import ENDPOINTS
from axonflow_hooks.wire.health import Health

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.agent.conftest import AgentProcess


def test_only_what_is_served_is_advertised() -> None:
    served = {endpoint.path for endpoint in ENDPOINTS}
    names = {capability["name"] for capability in describe(healthy=True)["capabilities"]}
    assert ("decision_obligations" in names) == ("/api/v1/decide" in served)
    assert ("community_saas_recovery" in names) == ("/api/v1/recover" in served)
    assert not names & {"proxy_llm_call", "circuit_breaker", "multi_agent_planning", "authzen_evaluation"}


def test_the_document(running_agent: AgentProcess) -> None:
    with running_agent.client(auth=None) as client:
        reply = client.get("/health")
    health = Health.model_validate(reply.json())
    assert (health.status, health.service, health.edition) == ("healthy", "axonflow-agent", "community")
    assert all(capability.name and capability.since and capability.description for capability in health.capabilities)


def test_an_agent_that_cannot_write_says_so() -> None:
    assert describe(healthy=False)["status"] == "degraded"


def test_how_many_policies_are_not_in_use_is_told(start_agent: Callable[..., AgentProcess], tmp_path: Path) -> None:
    packs = tmp_path / "home" / ".config" / "axonflow" / "policies"
    packs.mkdir(parents=True)
    for folder in (packs.parent, packs):
        folder.chmod(0o700)
    (packs / "mine.toml").write_text("not a pack", encoding="utf-8")
    with start_agent(home=tmp_path / "home").client(auth=None) as client:
        assert client.get("/health").json()["policy_faults"] == 1
        (packs / "mine.toml").unlink()
    with start_agent(home=tmp_path / "home", data_dir=tmp_path / "other").client(auth=None) as client:
        assert "policy_faults" not in client.get("/health").json()
