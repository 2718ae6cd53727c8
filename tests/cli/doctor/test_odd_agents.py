"""The doctor in front of agents that are not as they should be."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks import settings as settings_module
from axonflow_hooks.cli import doctor_report
from axonflow_hooks.cli.doctor_checks import agent as agent_checks
from axonflow_hooks.cli.doctor_checks import live
from axonflow_hooks.cli.doctor_checks import machine as machine_module
from axonflow_hooks.cli.doctor_checks.machine import Machine
from axonflow_hooks.paths import resolve_paths
from devtools.live import clean_environment, running_agent
from tests.cli.doctor.conftest import LIVE
from tests.conftest import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.doctor.conftest import Desk
    from tests.conftest import Received, StandIn


def scripted(desk: Desk, stand_in: StandIn, **health: Any) -> None:
    """Put in the agent's place one that allows and records everything, and finds nothing."""

    def answer(request: Received) -> Reply:
        call = request.json()
        result = {"allowed": True, "decision_id": "d-1", "policies_evaluated": 3, "recorded": True, "entries": []}
        content = [{"type": "text", "text": json.dumps(result)}]
        return Reply(200, {"jsonrpc": "2.0", "id": call["id"], "result": {"content": content}})

    stand_in.replies["/health"] = Reply(200, {"status": "healthy", **health})
    stand_in.replies["/api/v1/mcp-server"] = answer
    desk.environ["AXONFLOW_ENDPOINT"] = stand_in.url


def test_an_agent_that_lets_everything_through(desk: Desk, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "AUDIT_WAIT_S", 0.2)
    scripted(desk, stand_in)
    found = desk.examine()
    assert [found[name].level for name in LIVE] == ["FAIL", "FAIL", "FAIL", "OK", "OK"]
    assert "`rm -rf /` would run" in found["live deny"].text
    assert "list_policies" in found["live deny"].fix
    assert "PII_ACTION" in found["live redaction"].fix
    assert str(desk.paths.resident_log) in found["live audit"].fix


def test_outputs_that_are_not_to_be_masked_are_no_failure(desk: Desk, stand_in: StandIn) -> None:
    scripted(desk, stand_in)
    desk.environ["PII_ACTION"] = "warn"
    found = live.redaction(Machine(desk.environ, desk.root, desk.project))
    assert (found.level, found.fix) == ("WARN", "Set PII_ACTION=redact for the agent, or unset it.")


@pytest.mark.parametrize(
    ("said", "name", "level", "text"),
    [
        pytest.param({"status": "unhealthy"}, "agent", "FAIL", "says it is unhealthy", id="unhealthy"),
        pytest.param(
            {"plugin_compatibility": {"min_plugin_version": {"claude-code": "99.0"}}},
            "compatibility",
            "WARN",
            "older than the oldest release that the agent supports (99.0)",
            id="too-new",
        ),
        pytest.param({"policy_faults": 2}, "policies", "WARN", "2 policies or files of policies are not", id="unused"),
    ],
)
def test_what_the_agent_says_of_itself(
    desk: Desk,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    said: dict[str, Any],
    name: str,
    level: str,
    text: str,
) -> None:
    monkeypatch.setattr(doctor_report, "_LIVE", ())
    scripted(desk, stand_in, **said)
    found = desk.examine()[name]
    assert (found.level, text in found.text, bool(found.fix)) == (level, True, True)


def test_policies_that_the_agent_cannot_use_are_named(
    tmp_path: Path, sockets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_module, "AGENT_WAIT_S", 60.0)
    environ = clean_environment(tmp_path)
    packs = resolve_paths(environ).config_dir / "policies"
    packs.mkdir(parents=True, mode=0o700)
    (packs / "mine.toml").write_text("not a pack", encoding="utf-8")
    with running_agent(environ) as endpoint:
        machine = Machine({**environ, "AXONFLOW_ENDPOINT": endpoint, "AXONFLOW_RESIDENT_DIR": sockets}, None, tmp_path)
        found = agent_checks.policies(machine)
        (packs / "mine.toml").unlink()
        deadline = time.monotonic() + 60
        while (after := agent_checks.policies(machine)).level != "OK":
            assert time.monotonic() < deadline, after
    assert (found.level, found.text[:40]) == ("WARN", "1 policy or file of policies is not in u")
    assert "mine.toml: not valid TOML" in found.text
    assert "axonflow-hooks policy test FILE" in found.fix


def test_a_hanging_agent_is_not_waited_for(desk: Desk, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "AGENT_WAIT_S", 0.3)
    stand_in.replies["/health"] = Reply(act="hang")
    desk.environ["AXONFLOW_ENDPOINT"] = stand_in.url
    found = desk.examine()["endpoint"]
    assert (found.level, "gave no answer within 0.3 s" in found.text) == ("FAIL", True)


def test_a_machine_is_not_registered_by_its_doctor(
    desk: Desk, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "COMMUNITY_SAAS_ENDPOINT", stand_in.url)
    stand_in.replies["/health"] = Reply(200, {"status": "healthy"})
    del desk.environ["AXONFLOW_ENDPOINT"]
    found = desk.examine()
    assert found["credential"].level == "WARN"
    assert "axonflow-hooks recover" in found["credential"].fix
    assert {found[name].text for name in LIVE} == {"Not checked: see credential."}
    assert {request.path for request in stand_in.requests} == {"/health"}
