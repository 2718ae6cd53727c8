"""Tenant policies as policies of the engine, and overrides."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.policies.static import (
    Override,
    StaticPolicy,
    honoured_overrides,
    overridden,
    strongest_of,
    weakens,
)
from axonflow_hooks.policy import Engine, load_engine, parse_pack
from axonflow_hooks.wire.policies import StaticPolicyCreate

PACK = """
group = "pii"
[[policy]]
id = "p"
name = "P"
description = "D."
category = "pii-us"
severity = "high"
action = { request = "warn", response = "redact", file = "log" }
match = [{ pattern = 'p' }]
flag = ["p"]
clean = ["x"]
"""
POLICY = parse_pack(PACK, name="t.toml").policies[0]


def tenant_policy(**fields: Any) -> StaticPolicy:
    body = {"name": "N", "pattern": "prod-[0-9]+", "category": "security-admin", **fields}
    return StaticPolicy("id", "custom_n", StaticPolicyCreate.model_validate(body), "default", 1, "", "")


def override(**fields: Any) -> Override:
    base: dict[str, Any] = {"action": None, "enabled": None, "expires_at": None, "kind": "static"}
    return Override(id="o", policy_id="p", reason="r", created_by="c", created_at="", **{**base, **fields})


@pytest.mark.parametrize("connector", ["claude_code.Bash", "claude_code.Write", "claude_code.mcp__a__b", "gateway"])
@pytest.mark.parametrize("phase", ["request", "response"])
def test_a_tenant_policy_looks_at_every_kind_of_text_on_both_planes(connector: str, phase: Any) -> None:
    engine = Engine([tenant_policy().compiled()])
    found = engine.evaluate("echo 'x prod-17'", phase=phase, connector_type=connector)
    assert (found.action, [span.start for span in found.spans]) == ("block", [8])


def test_an_allow_lifts_nothing() -> None:
    engine = Engine([tenant_policy(action="allow").compiled(), *load_engine().policies])
    found = engine.evaluate("rm -rf / # prod-1", phase="request", connector_type="claude_code.Bash")
    assert found.action == "block"
    assert {match.policy_id: match.action for match in found.matches}["custom_n"] == "log"


def test_a_switched_off_policy_is_not_looked_at() -> None:
    engine = Engine([tenant_policy(enabled=False).compiled()])
    assert not engine.evaluate("prod-1", phase="request", connector_type="gateway").matches


@pytest.mark.parametrize(
    ("fields", "planes", "enabled"),
    [
        ({}, ("warn", "redact", {"file": "log"}), True),
        ({"action": "block"}, ("block", "block", {}), True),
        ({"enabled": False}, ("warn", "redact", {"file": "log"}), False),
        ({"enabled": True, "action": "log"}, ("log", "log", {}), True),
    ],
)
def test_overridden(fields: dict[str, Any], planes: tuple[Any, ...], enabled: bool) -> None:
    shown = overridden(POLICY, override(**fields))
    assert (shown.action_request, shown.action_response, dict(shown.action_by_kind)) == planes
    assert shown.enabled is enabled


@pytest.mark.parametrize(
    ("fields", "lifts"),
    [
        ({"action": "block"}, False),
        ({"action": "redact"}, False),
        ({"action": "warn"}, True),
        ({"action": "log"}, True),
        ({"enabled": False}, True),
        ({"enabled": True}, False),
        ({"enabled": True, "action": "log"}, True),
    ],
)
def test_weakens_looks_at_every_plane(fields: dict[str, Any], lifts: bool) -> None:
    assert weakens(POLICY, action=fields.get("action"), enabled=fields.get("enabled")) is lifts


def test_strongest_of() -> None:
    assert strongest_of(POLICY) == "redact"


@pytest.mark.parametrize(("end", "live"), [(None, True), ("2026-01-02", True), ("2026-01-01", False), ("2025", False)])
def test_an_override_holds_until_its_end(end: str | None, live: bool) -> None:
    assert override(expires_at=end).live("2026-01-01") is live


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"action_override": "block"}, True),
        ({"action_override": "log"}, False),
        ({"enabled_override": 0}, False),
        ({"enabled_override": 1}, True),
        ({"action_override": "block", "enabled_override": 0}, False),
        ({"kind": "dynamic", "policy_id": "sys_dyn_x", "enabled_override": 0}, False),
        ({"kind": "dynamic", "policy_id": "sys_dyn_x", "enabled_override": 1}, True),
        ({"policy_id": "of_a_pack_that_is_gone", "action_override": "log"}, True),
    ],
    ids=str,
)
def test_an_override_that_the_agent_did_not_write_holds_where_it_lifts_nothing(
    fields: dict[str, Any], holds: bool
) -> None:
    row = {"id": "o", "policy_id": "p", "kind": "static", "action_override": None, "enabled_override": None, **fields}
    row |= {"override_reason": "r", "expires_at": None, "created_by": "c", "created_at": "2026-01-01"}
    found, faults = honoured_overrides([POLICY], [row], frozenset())
    assert (list(found), faults) == ([row["policy_id"]], [])
    found, faults = honoured_overrides([POLICY], [row], frozenset({row["policy_id"]}))
    assert (list(found) == [row["policy_id"]], len(faults)) == (holds, int(not holds))
