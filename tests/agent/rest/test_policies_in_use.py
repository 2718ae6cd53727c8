"""Static policies that do not compile together, against real agents with little room for patterns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.policies import compiling
from axonflow_hooks.agent.rest import policies_in_use
from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import Engine
from axonflow_hooks.policy import matching as patterns
from tests.agent import programs
from tests.agent.conftest import AgentStarter
from tests.agent.rest.test_static_policies import NEW, ask, create, verdict
from tests.warm import Warm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.agent.conftest import AgentProcess

ROOM = "TEST_ROOM_FOR_LARGE_PATTERNS"


class Small(Engine):
    """An engine with room for a few policies that mention `gargantuan`."""

    def __init__(self, policies: Sequence[Any]) -> None:
        if sum("gargantuan" in policy.pattern_text for policy in policies) > int(os.environ[ROOM]):
            raise PolicyPackError("too much memory")
        super().__init__(policies)


def run_small(*arguments: str) -> int:
    for module in (compiling, policies_in_use):
        vars(module)["Engine"] = Small
    return programs.run(*arguments)


def start_small(arguments: Sequence[str], environ: dict[str, str]) -> Warm:
    return Warm(run_small, arguments, env=environ)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], AgentProcess]]:
    """Give a function that starts an agent with room for so many large patterns, always on the same data folder."""
    monkeypatch.setattr("tests.agent.conftest.start_warm", start_small)
    starter = AgentStarter(tmp_path)
    (tmp_path / "home").mkdir()
    yield lambda room: starter(home=tmp_path / "home", environ={ROOM: str(room)})
    starter.stop_all()


def large(number: int) -> dict[str, str]:
    return {"name": f"number {number}", "pattern": f"gargantuan-{number}"}


def versions(agent: AgentProcess, policy_id: str) -> int:
    count: int = ask(agent, "GET", f"/{policy_id}/versions").json()["count"]
    return count


def test_a_policy_that_would_be_left_out_is_refused_and_not_written(start: Callable[[int], AgentProcess]) -> None:
    agent = start(2)
    kept = [create(agent, **large(number)) for number in (1, 2)]
    reply = ask(agent, "POST", json={**NEW, **large(3)})
    assert reply.status_code == 400
    message = reply.json()["error"]["message"]
    assert "does not compile together with this tenant's 2 other policies (too much memory)" in message
    assert [verdict(agent, f"gargantuan-{number}")["allowed"] for number in (1, 2, 3)] == [False, False, True]
    mine = ask(agent, "GET", params={"tier": "tenant"}).json()["policies"]
    assert [policy["policy_id"] for policy in mine] == [policy["policy_id"] for policy in kept]
    assert create(agent, name="small", pattern="little")["enabled"] is True


def test_a_pattern_that_would_be_left_out_is_refused_and_the_old_one_stays(
    start: Callable[[int], AgentProcess],
) -> None:
    agent = start(1)
    create(agent, **large(1))
    small = create(agent, name="small", pattern="little")
    path = f"/{small['id']}"
    reply = ask(agent, "PUT", path, json={"pattern": "gargantuan-2"})
    assert (reply.status_code, versions(agent, small["id"])) == (400, 1)
    assert [verdict(agent, word)["allowed"] for word in ("little", "gargantuan-2")] == [False, True]
    assert ask(agent, "PUT", path, json={"pattern": "(?=x)"}).json()["error"]["message"].startswith("Invalid regex")
    assert ask(agent, "PUT", path, json={"pattern": "lesser"}).status_code == 200
    assert ask(agent, "PUT", path, json={"pattern": "lesser", "name": "x"}).json()["name"] == "x"


def test_what_is_left_out_all_the_same_is_shown_so(start: Callable[[int], AgentProcess]) -> None:
    roomy = start(3)
    made = [create(roomy, **large(number)) for number in (1, 2, 3)]
    assert all("not_in_use" not in policy for policy in made)
    roomy.stop()
    agent = start(2)
    one, two, three = (ask(agent, "GET", f"/{policy['id']}").json() for policy in made)
    assert "not_in_use" not in one | two
    assert three["not_in_use"] == f"the policy {three['policy_id']} does not compile with the others: too much memory"
    for listed in (
        ask(agent, "GET", params={"tier": "tenant"}).json()["policies"],
        ask(agent, "GET", "/effective").json()["static"],
    ):
        assert [policy["name"] for policy in listed if "not_in_use" in policy] == ["number 3"]
    # What is not in use may be renamed and switched, and says so in the answer.
    for reply in (
        ask(agent, "PUT", f"/{three['id']}", json={"description": "later"}),
        ask(agent, "PATCH", f"/{three['id']}", json={"enabled": True}),
    ):
        assert reply.status_code == 200
        assert "does not compile" in reply.json()["not_in_use"]
    assert ask(agent, "DELETE", f"/{one['id']}").status_code == 204
    assert "not_in_use" not in ask(agent, "GET", f"/{three['id']}").json()
    assert verdict(agent, "gargantuan-3")["allowed"] is False


@pytest.mark.skipif(not patterns.HAVE_RE2, reason="re has no limit")
def test_patterns_that_are_too_much_for_re2_are_a_fault_of_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SET_MEMORY", 2_000)
    with pytest.raises(PolicyPackError, match="50 patterns are too much together"):
        patterns.Re2Set([f"{number}[a-z]+" for number in range(50)])
