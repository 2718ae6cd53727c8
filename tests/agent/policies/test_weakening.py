"""What counts as a loss of protection, so that a person is asked, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.policies.static import Override
from axonflow_hooks.agent.policies.weakening import dynamic_losses, ending_loses, static_losses
from axonflow_hooks.policy import parse_pack

STATIC = {
    "name": "n", "pattern": "x", "category": "custom", "action": "block", "severity": "high", "enabled": True,
    "description": "d", "priority": 50, "tags": [],
}  # fmt: skip


def static(**fields: Any) -> dict[str, Any]:
    return {**STATIC, **fields}


@pytest.mark.parametrize(
    ("before", "after", "loses"),
    [
        pytest.param(static(), None, True, id="deleted"),
        pytest.param(static(), static(enabled=False), True, id="switched off"),
        pytest.param(static(), static(action="redact"), True, id="weaker action"),
        pytest.param(static(action="redact"), static(action="allow"), True, id="allow is the weakest"),
        pytest.param(static(), static(severity="low"), True, id="less severe"),
        pytest.param(static(), static(pattern="y"), True, id="another pattern"),
        pytest.param(static(), static(category="other"), True, id="another category"),
        pytest.param(static(action="log", category="pii-eu"), None, True, id="masks what is stored"),
        pytest.param(static(action="log"), None, False, id="only notes"),
        pytest.param(static(action="warn"), static(action="log"), False, id="only tells"),
        pytest.param(static(enabled=False), None, False, id="is off already"),
        pytest.param(static(enabled=False), static(), False, id="switched on"),
        pytest.param(static(action="redact"), static(), False, id="stronger action"),
        pytest.param(static(severity="low"), static(), False, id="more severe"),
        pytest.param(static(), static(name="m", description="e", tags=["t"], priority=1), False, id="other words"),
    ],
)
def test_pattern_policies(before: dict[str, Any], after: dict[str, Any] | None, loses: bool) -> None:
    assert bool(static_losses(before, after)) is loses


def dynamic(*actions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    conditions = [{"field": "query", "operator": "contains", "value": "x"}]
    return {"name": "n", "conditions": conditions, "actions": list(actions), "priority": 0, "enabled": True, **fields}


def action(kind: str, **config: Any) -> dict[str, Any]:
    return {"type": kind, "config": config}


BLOCK, HOLD, ALERT = action("block"), action("require_approval"), action("alert")
MASK, MASK_PII = action("redact", categories=["pii-*", "custom"]), action("redact", categories=["pii-*"])
OTHER = [{"field": "query", "operator": "contains", "value": "y"}]
RISKY = [{"field": "risk_score", "operator": "greater_than", "value": 0.5}]


@pytest.mark.parametrize(
    ("before", "after", "loses"),
    [
        pytest.param(dynamic(BLOCK), None, True, id="deleted"),
        pytest.param(dynamic(HOLD), dynamic(HOLD, enabled=False), True, id="switched off"),
        pytest.param(dynamic(BLOCK), dynamic(HOLD), True, id="weaker action"),
        pytest.param(dynamic(BLOCK), dynamic(BLOCK, conditions=OTHER), True, id="other conditions"),
        pytest.param(dynamic(MASK), dynamic(MASK_PII), True, id="masks fewer categories"),
        pytest.param(dynamic(BLOCK), dynamic(action("block", severity="low")), True, id="less severe"),
        pytest.param(dynamic(action("modify_risk", adjustment=0.5)), None, True, id="risk not raised any more"),
        pytest.param(None, dynamic(action("modify_risk", adjustment=-0.5)), True, id="new, lowers the risk"),
        pytest.param(
            dynamic(BLOCK, conditions=RISKY), dynamic(BLOCK, conditions=RISKY, priority=9), True, id="asked earlier"
        ),
        pytest.param(
            dynamic(action("route", allowed_providers=["a"])),
            dynamic(action("route", allowed_providers=["a", "b"])),
            True,
            id="more providers",
        ),
        pytest.param(None, dynamic(BLOCK), False, id="new"),
        pytest.param(None, dynamic(action("modify_risk", adjustment=-0.5), enabled=False), False, id="new, but off"),
        pytest.param(dynamic(ALERT), None, False, id="only tells"),
        pytest.param(dynamic(HOLD), dynamic(BLOCK), False, id="stronger action"),
        pytest.param(dynamic(MASK_PII), dynamic(MASK_PII, BLOCK), False, id="one more action"),
        pytest.param(dynamic(BLOCK), dynamic(action("block", message="m"), name="m"), False, id="other words"),
        pytest.param(dynamic(BLOCK), dynamic(BLOCK, priority=9), False, id="order that does not matter"),
    ],
)
def test_dynamic_policies(before: dict[str, Any] | None, after: dict[str, Any] | None, loses: bool) -> None:
    assert bool(dynamic_losses(before, after)) is loses


def test_what_is_lost_is_told_in_full_or_with_a_mark() -> None:
    (told,) = static_losses(static(), static(pattern="p" * 1_000))
    assert "instead of x" in told
    assert "(… 700 more characters)" in told


PACK = """
group = "config"
[[policy]]
id = "zebra"
name = "Zebra"
description = "It says zebra."
category = "security-admin"
severity = "high"
action = { request = "warn" }
match = [{ pattern = 'zebra' }]
flag = ["zebra"]
clean = ["x"]
"""


@pytest.mark.parametrize(
    ("wanted", "enabled", "loses"),
    [
        ("block", None, True),
        ("redact", None, True),
        ("log", None, False),
        ("block", False, False),
        (None, True, False),
    ],
    ids=["stronger", "masks", "weaker", "off", "as it ships"],
)
def test_the_end_of_an_override(wanted: Any, enabled: bool | None, loses: bool) -> None:
    (policy,) = parse_pack(PACK, name="t.toml").policies
    override = Override("i", "zebra", "static", wanted, enabled, "r", None, "c", "t")
    assert ending_loses(policy, override) is loses
