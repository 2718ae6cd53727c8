"""Lists of policies: paging, sorting, and how a policy of each origin is shown."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.policies.catalogue import base_view, catalogue, page_of
from axonflow_hooks.agent.store.policies import TenantRows
from axonflow_hooks.agent.tables.records import to_json
from axonflow_hooks.policy import load_engine
from axonflow_hooks.wire.policies import PolicyListQuery, StaticPolicyCreate
from axonflow_hooks.wire.words import RISK_LEVELS_BY_WEIGHT

ENGINE = load_engine()
EMPTY = catalogue(ENGINE.policies, TenantRows(0, (), ()))
VIEWS = EMPTY.static_views()


def row(number: int, **fields: Any) -> dict[str, Any]:
    says = StaticPolicyCreate.model_validate({"name": f"n{number}", "pattern": "x", "category": "c", **fields})
    times = dict.fromkeys(("created_at", "updated_at", "created_by", "updated_by"), f"2026-01-0{number}")
    made = {"id": f"id{number}", "policy_id": f"custom_{number}", "kind": "static", "tenant_id": "t", "version": 1}
    return {**made, **times, "document": to_json(says.model_dump(mode="json"))}


@pytest.mark.parametrize(
    ("query", "page", "first", "count"),
    [
        ({}, 1, 0, 20),
        ({"page": 2}, 2, 20, 20),
        ({"page": 2, "page_size": 7}, 2, 7, 7),
        ({"limit": 5}, 1, 0, 5),
        ({"limit": 5, "offset": 12}, 3, 12, 5),
        ({"limit": 5, "page": 3}, 3, 10, 5),
        ({"page": 1000}, 1000, 0, 0),
    ],
)
def test_pages(query: dict[str, Any], page: int, first: int, count: int) -> None:
    found, pagination = page_of(VIEWS, PolicyListQuery(**query))
    assert pagination.page == page
    assert pagination.total == pagination.total_items == len(VIEWS)
    assert len(found) == count
    if count:
        assert found[0] is VIEWS[first]


def test_sorted_by_severity() -> None:
    found, _ = page_of(VIEWS, PolicyListQuery(limit=1000, sort_by="severity", sort_order="desc"))
    ranks = [RISK_LEVELS_BY_WEIGHT.index(view.severity) for view in found]
    assert ranks == sorted(ranks)
    assert page_of(VIEWS, PolicyListQuery(limit=1000, sort_by="severity", sort_dir="desc"))[0] == found


def test_a_tenants_policy_is_found_by_either_id() -> None:
    known = catalogue(ENGINE.policies, TenantRows(1, (row(1),), ()))
    by_id, by_name = known.static_view("id1"), known.static_view("custom_1")
    assert by_id is not None
    assert by_id == by_name
    assert (by_id.origin, by_id.tier, by_id.phase, by_id.tenant_id) == ("tenant", "tenant", "both", "t")
    assert known.static_view("nobody") is None


def test_rows_that_cannot_be_read_are_left_out() -> None:
    broken = {**row(1), "document": "{}"}
    assert len(catalogue(ENGINE.policies, TenantRows(1, (broken,), ())).static_views()) == len(VIEWS)


def test_every_builtin_policy_can_be_shown() -> None:
    for policy in ENGINE.policies:
        view = base_view(policy)
        assert (view.tier, view.origin, view.id) == ("system", "builtin", policy.id)
        assert view.pattern
        assert (view.phase == "both") is (len(policy.phases) == 2)
        assert (view.action_request is not None) is ("request" in policy.phases)


@pytest.mark.parametrize(("end", "action"), [(None, "block"), ("2999-01-01", "block"), ("2000-01-01", "log")])
def test_an_override_shows_while_it_holds(end: str | None, action: str) -> None:
    override = {
        "id": "o",
        "policy_id": "sys_pii_email",
        "kind": "static",
        "action_override": "block",
        "enabled_override": None,
        "override_reason": "r",
        "expires_at": end,
        "created_by": "x",
        "created_at": "2026-01-01",
    }
    view = catalogue(ENGINE.policies, TenantRows(1, (), (override,))).static_view("sys_pii_email")
    assert view is not None
    assert (view.action, view.has_override) == (action, action == "block")
