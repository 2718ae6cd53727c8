"""Who may say yes: the person with the passphrase, once, to exactly what was asked; against real agents."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.grants.presence import FREE_FAILURES, MAX_OPEN, MAX_WAIT_S
from axonflow_hooks.agent.grants.presence_key import PRESENCE_NAME, enrol, load_verifier
from axonflow_hooks.agent.tables.records import format_time
from axonflow_hooks.errors import CredentialError
from axonflow_hooks.wire.presence import PRESENCE_HEADER
from tests.agent.grants.conftest import PASSPHRASE, Governed, home_with_policies, override_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.agent.conftest import AgentProcess

OVERRIDES = "/api/v1/overrides"


@pytest.fixture
def fresh(start_agent: Callable[..., AgentProcess], tmp_path: Path) -> Governed:
    """An agent of this test alone: wrong answers count for all who use one."""
    return Governed(start_agent(home=home_with_policies(tmp_path / "fresh")))


def ask(governed: Governed, **more: Any) -> dict[str, Any]:
    """Ask for an override and give the challenge."""
    reply = governed.send("POST", OVERRIDES, override_of("halt", **more))
    assert (reply.status_code, reply.json()["code"]) == (403, "PRESENCE_REQUIRED")
    assert f"axonflow-hooks override confirm {reply.json()['challenge']['code']}" in reply.json()["error"]
    challenge: dict[str, Any] = reply.json()["challenge"]
    return challenge


def answer(governed: Governed, proof: str, **more: Any) -> tuple[int, str]:
    """Send the request again with a proof; give the status and the code."""
    reply = governed.send("POST", OVERRIDES, override_of("halt", **more), {PRESENCE_HEADER: proof})
    return reply.status_code, reply.json().get("code", "")


def test_a_request_alone_grants_nothing(governed: Governed) -> None:
    ask(governed, override_reason="alone")
    assert governed.send("GET", OVERRIDES).json()["overrides"] == []
    assert governed.check("halt")["allowed"] is False


def test_the_status_tells_when_the_passphrase_was_set(governed: Governed) -> None:
    status = governed.send("GET", "/api/v1/presence").json()
    kept = load_verifier(governed.process.data_dir)
    assert kept is not None
    assert status == {"enrolled": True, "enrolled_at": kept.enrolled_at, "fingerprint": kept.fingerprint}


def test_a_new_passphrase_is_in_the_audit_trail(governed: Governed) -> None:
    (row,) = governed.audited("presence_enrolled")
    kept = load_verifier(governed.process.data_dir)
    assert kept is not None
    assert kept.fingerprint in row["query"]


def test_the_question_says_all_that_a_yes_grants(governed: Governed) -> None:
    challenge = ask(governed, tool_signature="claude_code.Bash", ttl_seconds=600, override_reason="a migration")
    assert challenge["question"] == (
        "Lift the policy halt (halt name, high) for claude_code.Bash, for client:local, during 600 s. "
        "Reason stated: a migration"
    )
    assert challenge["request"]["override_reason"] == "a migration"
    assert challenge in governed.questions()


def test_the_same_request_raises_one_question(governed: Governed) -> None:
    assert ask(governed, override_reason="twice")["code"] == ask(governed, override_reason="twice")["code"]


def test_a_proof_is_good_once(governed: Governed) -> None:
    proof = governed.proof(ask(governed, override_reason="once"))
    assert answer(governed, proof, override_reason="once") == (201, "")
    assert answer(governed, proof, override_reason="once") == (409, "PRESENCE_ANSWERED")


def test_of_answers_at_the_same_moment_one_counts(governed: Governed) -> None:
    challenge = ask(governed, override_reason="at once")
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(reply.status_code for reply in pool.map(governed.confirm, [challenge] * 4))
    assert statuses == [201, 409, 409, 409]
    rows = governed.sql("SELECT id FROM overrides WHERE override_reason = 'at once'")
    assert len(rows) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"ttl_seconds": 86400},
        {"override_reason": "something else"},
        {"tool_signature": "claude_code.Bash"},
        {"policy_id": "cease"},
    ],
    ids=["longer", "another reason", "another scope", "another policy"],
)
def test_a_proof_is_for_one_request(governed: Governed, other: dict[str, Any]) -> None:
    asked = {"override_reason": "bound", "ttl_seconds": 60}
    proof = governed.proof(ask(governed, **asked))
    body = {**override_of("halt"), **asked, **other}
    reply = governed.send("POST", OVERRIDES, body, {PRESENCE_HEADER: proof})
    assert (reply.status_code, reply.json()["code"]) == (403, "PRESENCE_MISMATCH")


def test_a_proof_is_for_one_user(governed: Governed) -> None:
    proof = governed.proof(ask(governed, override_reason="mine"))
    headers = {PRESENCE_HEADER: proof, "X-User-Email": "other@example.com"}
    reply = governed.send("POST", OVERRIDES, override_of("halt", override_reason="mine"), headers)
    assert (reply.status_code, reply.json()["code"]) == (403, "PRESENCE_MISMATCH")


def test_a_question_ends(governed: Governed) -> None:
    challenge = ask(governed, override_reason="too late")
    governed.sql("UPDATE presence_challenges SET expires_at = created_at WHERE code = ?", challenge["code"])
    proof = governed.proof({**challenge})
    assert answer(governed, proof, override_reason="too late") == (410, "PRESENCE_EXPIRED")
    assert challenge["code"] not in [question["code"] for question in governed.questions()]


def test_a_question_can_be_answered_with_no(governed: Governed) -> None:
    challenge = ask(governed, override_reason="no")
    path = f"/api/v1/presence/challenges/{challenge['code']}"
    assert governed.send("DELETE", path).status_code == 204
    assert governed.send("DELETE", path).status_code == 404
    assert governed.confirm(challenge).status_code == 409


@pytest.mark.parametrize("header", ["", "nonsense", "AAAA-BBBB:xxxx", ":"])
def test_what_is_no_proof(governed: Governed, header: str) -> None:
    assert answer(governed, header, override_reason="x") == (404, "PRESENCE_UNKNOWN")


def test_a_confirmation_needs_the_code_of_its_path(governed: Governed) -> None:
    challenge = ask(governed, override_reason="path")
    headers = {PRESENCE_HEADER: governed.proof(challenge)}
    reply = governed.send("POST", "/api/v1/presence/challenges/AAAA-BBBB/confirm", {}, headers)
    assert reply.status_code == 400


def test_questions_are_limited(fresh: Governed) -> None:
    for number in range(MAX_OPEN):
        ask(fresh, override_reason=f"number {number}")
    reply = fresh.send("POST", OVERRIDES, override_of("halt", override_reason="one more"))
    assert (reply.status_code, reply.json()["code"]) == (429, "TOO_MANY_QUESTIONS")


def test_wrong_passphrases_are_counted_across_a_restart(
    fresh: Governed, start_agent: Callable[..., AgentProcess]
) -> None:
    challenge = ask(fresh)
    right, wrong = fresh.proof(challenge), fresh.proof(challenge, "wrong horse battery staple")
    for _ in range(FREE_FAILURES):
        assert answer(fresh, wrong) == (403, "PRESENCE_WRONG")
    assert answer(fresh, right) == (429, "PRESENCE_LOCKED")
    # As after more wrong answers: what it takes to start an agent again must not be what ends the wait.
    until = format_time(datetime.now(timezone.utc) + timedelta(seconds=MAX_WAIT_S))
    fresh.sql("UPDATE presence_attempts SET locked_until = ?", until)
    home = fresh.process.home
    assert fresh.process.stop(signal.SIGTERM) == 0
    again = Governed(start_agent(home=home))
    reply = again.send("POST", OVERRIDES, override_of("halt"), {PRESENCE_HEADER: right})
    assert reply.status_code == 429
    assert 0 < int(reply.headers["Retry-After"]) <= MAX_WAIT_S
    assert len(again.audited("presence_refused")) == FREE_FAILURES
    again.sql("UPDATE presence_attempts SET locked_until = ''")
    assert answer(again, right) == (201, "")
    assert again.sql("SELECT failures FROM presence_attempts") == [{"failures": 0}]


def test_nobody_is_recognised_without_a_passphrase(start_agent: Callable[..., AgentProcess], tmp_path: Path) -> None:
    process = start_agent(home=home_with_policies(tmp_path / "none", passphrase=None))
    governed = Governed(process)
    reply = governed.send("POST", OVERRIDES, override_of("halt"))
    assert (reply.status_code, reply.json()["code"]) == (403, "PRESENCE_NOT_ENROLLED")
    assert "axonflow-hooks presence set" in reply.json()["error"]
    assert governed.send("GET", "/api/v1/presence").json() == {"enrolled": False}
    assert governed.questions() == []
    # What is written there now counts from the next start on.
    enrol(process.data_dir, PASSPHRASE)
    assert governed.send("POST", OVERRIDES, override_of("halt")).json()["code"] == "PRESENCE_NOT_ENROLLED"


def test_the_passphrase_is_nowhere(governed: Governed) -> None:
    governed.lift("cease")
    assert PASSPHRASE.encode() not in governed.process.database_bytes()
    assert PASSPHRASE not in "\n".join(governed.process.stderr)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"version": 1, "cost": {"salt": "AAAA", "n": 2, "r": 8, "p": 1}, "stored_key": "", "enrolled_at": ""}',
    ],
    ids=["no object", "empty", "too cheap"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / PRESENCE_NAME
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CredentialError, match=r"presence\.json"):
        load_verifier(tmp_path)


def test_a_file_for_all_to_read_is_refused(tmp_path: Path) -> None:
    enrol(tmp_path, PASSPHRASE)
    assert (tmp_path / PRESENCE_NAME).stat().st_mode & 0o777 == 0o600
    (tmp_path / PRESENCE_NAME).chmod(0o644)
    with pytest.raises(CredentialError, match="chmod 600"):
        load_verifier(tmp_path)


def test_a_new_passphrase_takes_the_place_of_the_old(tmp_path: Path) -> None:
    first = enrol(tmp_path, PASSPHRASE)
    second = enrol(tmp_path, "another four long words")
    assert first.fingerprint != second.fingerprint
    kept = load_verifier(tmp_path)
    assert kept is not None
    assert (kept.matches("another four long words"), kept.matches(PASSPHRASE)) == (True, False)
