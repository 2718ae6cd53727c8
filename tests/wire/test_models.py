from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from axonflow_hooks.wire.health import Health
from axonflow_hooks.wire.mcp_tools import OutputVerdict, PolicyVerdict
from axonflow_hooks.wire.registration import Registration
from axonflow_hooks.wire.words import Action, RiskLevel, highest_risk, strongest_action


@pytest.mark.parametrize("allowed", ["true", 1, 0, None, [], {}])
def test_a_verdict_needs_a_boolean(allowed: Any) -> None:
    for model in (PolicyVerdict, OutputVerdict):
        with pytest.raises(ValidationError):
            model.model_validate({"allowed": allowed})


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("policies_evaluated", 53, 53),
        ("policies_evaluated", "53", 53),
        ("policies_evaluated", "many", None),
        ("policies_evaluated", True, None),
        ("risk_level", "HIGH", "high"),
        ("risk_level", "severe", None),
        ("risk_level", 3, None),
        ("block_reason", None, ""),
        ("block_reason", {"a": 1}, ""),
        ("override_available", "yes", False),
        ("override_available", True, True),
        ("override_existing_id", 7, None),
        ("policy_matches", None, []),
        ("policy_matches", "p-1", []),
        ("pending_approval", "a-1", None),
    ],
)
def test_a_detail_never_spoils_a_verdict(field: str, value: Any, read: Any) -> None:
    assert getattr(PolicyVerdict.model_validate({"allowed": False, field: value}), field) == read


def test_health_of_any_release() -> None:
    for extra in ({}, {"capabilities": [{"since": 1}, "x"]}, {"plugin_compatibility": 1}, {"version": None}):
        assert Health.model_validate({"status": "healthy", **extra}).status == "healthy"
    with pytest.raises(ValidationError):
        Health.model_validate({"version": "9.0.0"})


def test_a_registration_keeps_what_later_releases_add() -> None:
    given = {"tenant_id": "cs_1", "secret": "s", "expires_at": 5, "region": "eu"}
    registration = Registration.model_validate(given)
    assert registration.expires_at is None
    assert registration.model_dump(exclude_none=True)["region"] == "eu"


@pytest.mark.parametrize("tenant_id", ["", "a:b", "a\nb", "ü", "x" * 201, 5, None])
def test_a_tenant_id_that_no_header_can_carry(tenant_id: Any) -> None:
    with pytest.raises(ValidationError):
        Registration.model_validate({"tenant_id": tenant_id, "secret": "s"})


@pytest.mark.parametrize(
    ("actions", "strongest"),
    [([], "none"), (["log", "block", "warn"], "block"), (["redact", "require_approval"], "require_approval")],
)
def test_strongest_action(actions: list[Action], strongest: Action) -> None:
    assert strongest_action(actions) == strongest


@pytest.mark.parametrize(("levels", "highest"), [([], None), (["low", "critical", "high"], "critical")])
def test_highest_risk(levels: list[RiskLevel], highest: RiskLevel | None) -> None:
    assert highest_risk(levels) == highest
