"""Replays of what people have granted: an Idempotency-Key does not outlive the grant."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.decide import CHECK_INPUT_PATH
from tests.agent.grants.test_approvals import approve

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.agent.grants.conftest import Governed

REPLAYED = "idempotent-replayed"
USER = {"X-User-Email": "dev@example.com"}


@pytest.fixture
def key() -> dict[str, str]:
    """A key that nobody else has used, and the user."""
    return {"Idempotency-Key": uuid.uuid4().hex, **USER}


@pytest.fixture
def made(governed: Governed) -> dict[str, Any]:
    """A live override of the policy `halt`, the only one of its user."""
    for row in governed.send("GET", "/api/v1/overrides").json()["overrides"]:
        governed.send("DELETE", f"/api/v1/overrides/{row['id']}")
    return governed.lift(headers=USER)


def check(governed: Governed, headers: dict[str, str], statement: str = "halt", **more: Any) -> httpx.Response:
    body = {"connector_type": "claude_code.Bash", "statement": statement, **more}
    return governed.send("POST", CHECK_INPUT_PATH, body, headers)


def revoked(governed: Governed, override_id: str) -> None:
    assert governed.send("DELETE", f"/api/v1/overrides/{override_id}", headers=USER).status_code == 200


def expired(governed: Governed, override_id: str) -> None:
    governed.sql("UPDATE overrides SET expires_at = created_at WHERE id = ?", override_id)


def altered(governed: Governed, override_id: str) -> None:
    governed.sql("UPDATE overrides SET expires_at = '2999-01-01T00:00:00.000000Z' WHERE id = ?", override_id)


def gone(governed: Governed, override_id: str) -> None:
    governed.sql("DELETE FROM overrides WHERE id = ?", override_id)


@pytest.mark.parametrize("end", [revoked, expired, altered, gone])
def test_an_allow_is_replayed_while_its_override_lasts_and_judged_anew_after(
    governed: Governed, made: dict[str, Any], key: dict[str, str], end: Callable[[Governed, str], None]
) -> None:
    first, again = check(governed, key), check(governed, key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (again.headers[REPLAYED], again.json()) == ("true", first.json())
    end(governed, made["id"])
    anew, replay = check(governed, key), check(governed, key)
    assert (anew.status_code, replay.status_code) == (403, 403)
    assert REPLAYED not in anew.headers
    assert (replay.headers[REPLAYED], replay.json()) == ("true", anew.json())


def test_another_override_allows_it_by_a_decision_of_its_own(
    governed: Governed, made: dict[str, Any], key: dict[str, str]
) -> None:
    first = check(governed, key)
    revoked(governed, made["id"])
    second = governed.lift(headers=USER)
    anew = check(governed, key)
    assert (anew.status_code, anew.json()["override_existing_id"]) == (200, second["id"])
    assert anew.json()["decision_id"] != first.json()["decision_id"]
    used = [row["override_id"] for row in governed.audited("override_used")]
    assert used[-2:] == [made["id"], second["id"]]


def test_a_refusal_and_what_rests_on_no_grant_are_replayed_whatever_was_granted_since(
    governed: Governed, key: dict[str, str]
) -> None:
    statement = f"halt cease {key['Idempotency-Key']}"
    first = check(governed, key, statement)
    governed.lift("cease", headers=USER)
    again = check(governed, key, statement)
    assert (first.status_code, again.json(), again.headers[REPLAYED]) == (403, first.json(), "true")


def test_what_one_user_was_granted_is_not_replayed_to_another(
    governed: Governed, made: dict[str, Any], key: dict[str, str]
) -> None:
    assert check(governed, key).json()["override_existing_id"] == made["id"]
    assert check(governed, {**key, "X-User-Email": "other@example.com"}).status_code == 422
    assert check(governed, key).headers[REPLAYED] == "true"


def test_the_same_key_with_another_request_is_refused_after_the_end_too(
    governed: Governed, made: dict[str, Any], key: dict[str, str]
) -> None:
    check(governed, key)
    revoked(governed, made["id"])
    assert check(governed, key, "halt now").status_code == 422


def test_an_approved_call_is_replayed_within_the_time_of_its_approval(governed: Governed, key: dict[str, str]) -> None:
    statement = f"permit {key['Idempotency-Key']}"
    held = check(governed, USER, statement)
    approval_id = held.json()["pending_approval"]["approval_id"]
    approve(governed, approval_id)
    first, again = check(governed, key, statement), check(governed, key, statement)
    assert (first.status_code, again.headers[REPLAYED], again.json()) == (200, "true", first.json())
    assert check(governed, USER, statement).status_code == 403
    governed.sql("UPDATE approvals SET expires_at = created_at WHERE id = ?", approval_id)
    assert check(governed, key, statement).status_code == 403
