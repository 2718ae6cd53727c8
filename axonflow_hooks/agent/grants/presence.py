"""Questions that only a person can answer: opened for one exact request, answered once, soon over.

A route that grants something calls `require_person`: without a proof the caller gets the challenge, with one the grant
is made in the transaction that answers it. See `wire.presence` for what a proof is, SECURITY.md for what it is worth.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from axonflow_hooks.agent.errors import StoreUnavailable
from axonflow_hooks.agent.grants.events import commit_event, grant_event
from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.store import grants
from axonflow_hooks.agent.store.sealed import is_settled
from axonflow_hooks.agent.tables.records import Caller, format_time, now, parse_time
from axonflow_hooks.wire.presence import PRESENCE_REQUIRED, Challenge, is_proof, normalised_code, parse_header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axonflow_hooks.agent.grants.presence_key import Verifier
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction

QUESTION_S: Final = 600
KEPT_DAYS: Final = 1
MAX_OPEN: Final = 20
"""Questions that may wait in a tenant: a program that asks for everything does not bury the one that counts."""

FREE_FAILURES: Final = 3
FIRST_WAIT_S: Final = 15
MAX_WAIT_S: Final = 900

AGENT_ITSELF: Final = "axonflow-agent"
"""The client of audit entries that nobody's request has caused."""

_SETTLING: Final = ("presence_confirmed", "presence_refused")
_LETTERS: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_NOT_ENROLLED: Final = (
    "Only a person can grant this, and no passphrase is set by which the agent could recognise one. "
    "Stop the agent, run `axonflow-hooks presence set` in a terminal of your own, and start it again."
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked: `request` is all that a yes grants, `text` says it, `remedy` what to do ({code})."""

    purpose: str
    request: Mapping[str, Any]
    text: str
    remedy: str = "In a terminal of your own: axonflow-hooks override confirm {code}"


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[T]):
    # A wrong answer has to be counted, so it may not undo its transaction: refusals are given back, not raised.
    value: T | None = None
    refusal: GrantRefused | None = None


async def require_person(
    agent: Agent, caller: Caller, header: str | None, question: Question, grant: Callable[[Transaction], T]
) -> T:
    """Carry out `grant` in the transaction in which the proof in `header` answers exactly this question.

    Raises GrantRefused: without a header, or with a wrong one, 403; with a code PRESENCE_REQUIRED there is a
    `challenge` in its `extra`. Raises StoreUnavailable.
    """
    if header is None:
        challenge = await ask_person(agent, caller, question)
        raise GrantRefused(
            403,
            f"Only a person can grant this. {question.remedy.format(code=challenge.code)}",
            code=PRESENCE_REQUIRED,
            extra={"challenge": challenge.model_dump()},
        )
    return await answer(agent, caller, header, lambda transaction, _: grant(transaction), question)


async def ask_person(agent: Agent, caller: Caller, question: Question) -> Challenge:
    """Open a question, or give the one that waits already for the same caller and request.

    Raises GrantRefused when nobody could answer it or too many wait, and StoreUnavailable.
    """
    verifier = _verifier(agent)
    row = _new_row(caller, question)

    def keep(transaction: Transaction) -> Mapping[str, Any] | None:
        connection = transaction.connection
        grants.forget_challenges(connection, _moment(-KEPT_DAYS * 86_400))
        waiting = grants.open_challenges(connection, caller.tenant_id, now())
        same = ("purpose", "request", "client_id", "user_key")
        for other in waiting:
            if all(other[name] == row[name] for name in same):
                return other
        if len(waiting) >= MAX_OPEN:
            return None
        grants.add_challenge(connection, row)
        return row

    kept = await agent.writer.submit(keep)
    if kept is None:
        raise GrantRefused(429, f"{MAX_OPEN} questions wait for a person already.", code="TOO_MANY_QUESTIONS")
    return challenge_of(kept, verifier)


async def answer(
    agent: Agent,
    caller: Caller,
    header: str,
    grant: Callable[[Transaction, Mapping[str, Any]], T],
    expected: Question | None = None,
) -> T:
    """Check a proof and, when it is right, carry out `grant` with the row of the question, in one transaction.

    With `expected` the question must be that one. Raises GrantRefused and StoreUnavailable.
    """
    verifier = _verifier(agent)
    code, proof = parse_header(header)

    def settle(transaction: Transaction) -> _Outcome[T]:
        row = grants.find_challenge(transaction.connection, code, caller.tenant_id)
        refusal = _fault(row, expected)
        if row is not None and refusal is None:
            refusal = _false_question(transaction, row)
        if row is None or refusal:
            return _Outcome(refusal=refusal)
        refusal = _check_proof(transaction, caller, verifier, challenge_of(row, verifier), proof)
        if refusal:
            return _Outcome(refusal=refusal)
        if not grants.close_challenge(transaction.connection, code, "granted", now()):
            return _Outcome(refusal=_answered())
        return _Outcome(grant(transaction, row))

    outcome = await agent.writer.submit(settle)
    if outcome.refusal:
        raise outcome.refusal
    value: Any = outcome.value
    result: T = value
    return result


async def refuse(agent: Agent, caller: Caller, code: str) -> bool:
    """Answer a question with no, which needs no proof; tell whether it was open."""
    named = normalised_code(code)

    def close(transaction: Transaction) -> bool:
        row = grants.find_challenge(transaction.connection, named, caller.tenant_id)
        if row is None or not grants.close_challenge(transaction.connection, named, "refused", now()):
            return False
        details = {"code": named, "purpose": row["purpose"], "answer": "no"}
        transaction.append_audit(grant_event("presence_refused", caller, row["question"], details, about=row["nonce"]))
        return True

    return await agent.writer.submit(close)


async def waiting_questions(agent: Agent, caller: Caller) -> list[Challenge]:
    """Give the questions of the caller's tenant that wait for a person, newest first."""
    verifier = agent.presence
    if verifier is None:
        return []
    rows = await agent.read(lambda connection: grants.open_challenges(connection, caller.tenant_id, now()))
    return [challenge_of(row, verifier) for row in rows]


async def record_enrolment(agent: Agent) -> None:
    """Put a passphrase that was set since the last start into the audit trail."""
    verifier, caller = agent.presence, Caller(AGENT_ITSELF)
    if verifier is None:
        return

    def keep(transaction: Transaction) -> None:
        if grants.find_attempts(transaction.connection, verifier.fingerprint) is not None:
            return
        grants.keep_attempts(transaction.connection, verifier.fingerprint, 0, "")
        details = {"fingerprint": verifier.fingerprint, "enrolled_at": verifier.enrolled_at}
        summary = f"A passphrase for grants was set (fingerprint {verifier.fingerprint})."
        transaction.append_audit(grant_event("presence_enrolled", caller, summary, details))

    # Another replica that starts at the same moment may be the one that has recorded it.
    with contextlib.suppress(StoreUnavailable):
        await agent.writer.submit(keep)


def challenge_of(row: Mapping[str, Any], verifier: Verifier) -> Challenge:
    """Give a question's row as the challenge that a client answers."""
    return Challenge(
        code=row["code"],
        purpose=row["purpose"],
        request=json.loads(row["request"]),
        question=row["question"],
        nonce=row["nonce"],
        expires_at=row["expires_at"],
        cost=verifier.cost,
    )


def _verifier(agent: Agent) -> Verifier:
    if agent.presence is None:
        raise GrantRefused(403, _NOT_ENROLLED, code="PRESENCE_NOT_ENROLLED")
    return agent.presence


def _new_row(caller: Caller, question: Question) -> dict[str, Any]:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return {
        "code": f"{letters[:4]}-{letters[4:]}",
        "nonce": secrets.token_hex(32),
        "purpose": question.purpose,
        "request": _canonical(question.request),
        "question": question.text,
        "tenant_id": caller.tenant_id,
        "client_id": caller.client_id,
        "user_key": user_key(caller),
        "user_email": caller.user_email,
        "status": "open",
        "created_at": now(),
        "expires_at": _moment(QUESTION_S),
    }


def _fault(row: Mapping[str, Any] | None, expected: Question | None) -> GrantRefused | None:
    if row is None:
        return GrantRefused(404, "No such question waits for a person.", code="PRESENCE_UNKNOWN")
    if row["status"] != "open":
        return _answered()
    if row["expires_at"] <= now():
        return GrantRefused(410, "The question is over. Ask again.", code="PRESENCE_EXPIRED")
    if expected and (row["purpose"], row["request"]) != (expected.purpose, _canonical(expected.request)):
        return GrantRefused(403, "The proof is for another request.", code="PRESENCE_MISMATCH")
    return None


def _false_question(transaction: Transaction, row: Mapping[str, Any]) -> GrantRefused | None:
    """Say what stands against a question that others have written, or that was answered before."""
    if not grants.is_genuine_challenge(transaction.connection, row):
        return GrantRefused(404, "The question was not put by this agent.", code="PRESENCE_UNKNOWN")
    if is_settled(transaction.connection, row["nonce"], _SETTLING):
        return _answered()  # the row says that it is open, and the trail knows better
    return None


def _answered() -> GrantRefused:
    return GrantRefused(409, "The question has been answered already.", code="PRESENCE_ANSWERED")


def _check_proof(
    transaction: Transaction, caller: Caller, verifier: Verifier, challenge: Challenge, proof: str
) -> GrantRefused | None:
    """Check a proof, keep count of wrong ones across restarts and replicas, and give what stands against it."""
    connection = transaction.connection
    failures, locked_until = grants.find_attempts(connection, verifier.fingerprint) or (0, "")
    if locked_until > now():
        return _locked(locked_until)
    details = {"code": challenge.code, "purpose": challenge.purpose, "fingerprint": verifier.fingerprint}
    if is_proof(proof, verifier.key, challenge):
        grants.keep_attempts(connection, verifier.fingerprint, 0, "")
        # At once, so that the same answer in the same batch finds it.
        commit_event(
            transaction,
            grant_event("presence_confirmed", caller, challenge.question, details, about=challenge.nonce),
        )
        return None
    failures += 1
    wait_s = 0 if failures < FREE_FAILURES else min(MAX_WAIT_S, FIRST_WAIT_S << min(failures - FREE_FAILURES, 10))
    locked_until = _moment(wait_s) if wait_s else ""
    grants.keep_attempts(connection, verifier.fingerprint, failures, locked_until)
    details = {**details, "answer": "wrong", "failures": str(failures)}
    transaction.append_audit(grant_event("presence_refused", caller, challenge.question, details))
    waiting = f" The next try is possible in {wait_s} s." if wait_s else ""
    return GrantRefused(403, f"The passphrase is wrong.{waiting}", code="PRESENCE_WRONG")


def _locked(until: str) -> GrantRefused:
    end = parse_time(until)
    left = max(1, round((end - datetime.now(timezone.utc)).total_seconds())) if end else MAX_WAIT_S
    return GrantRefused(
        429,
        f"Too many wrong passphrases. The next try is possible in {left} s.",
        code="PRESENCE_LOCKED",
        extra={"retry_after": left},
    )


def _canonical(request: Mapping[str, Any]) -> str:
    return json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _moment(seconds_from_now: float) -> str:
    return format_time(datetime.now(timezone.utc) + timedelta(seconds=seconds_from_now))
