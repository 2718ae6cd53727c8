"""One governed call: decided, recorded, executed, its result checked, recorded again. The order is the guarantee."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from axonflow_hooks.proxy.audit import Call, Outcome, parameters_hash, record_count
from axonflow_hooks.proxy.binaries import refuse_binaries
from axonflow_hooks.proxy.cautions import with_note
from axonflow_hooks.proxy.exact_json import Member, UnreadableMessage, read_value
from axonflow_hooks.proxy.foreign_errors import told_apart
from axonflow_hooks.proxy.output_schema import OutputSchemas
from axonflow_hooks.proxy.refusals import Refusal, unavailable
from axonflow_hooks.proxy.request_params import without_meta
from axonflow_hooks.proxy.request_plane import Apart, Passed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from axonflow_hooks.proxy.agent_link import Exchange
    from axonflow_hooks.proxy.audit import AuditTrail, HashForm
    from axonflow_hooks.proxy.pdp import Target
    from axonflow_hooks.proxy.request_plane import RequestPlane
    from axonflow_hooks.proxy.response_plane import Checked, ResponsePlane
    from axonflow_hooks.proxy.rpc import Reply, Waiting
    from axonflow_hooks.proxy.settings import RedactResponses
    from axonflow_hooks.proxy.verdicts import Decision


MAX_UNKNOWN_NAME_CHARS: Final = 200
TAKEN_AT_ONCE_CHARS: Final = 100_000
"""Larger arguments are hashed, and larger results counted, in a thread: 10 MB in canonical form take a second."""


class Request(NamedTuple):
    """What is to be governed: `name` is what the audit row and the query call it, `arguments` what is decided on.

    `output_schema` is the JSON Schema that the result's structuredContent promises to fit. `whole` is what is decided
    on, and masked, in place of the arguments where the backend gets more; the audit row is of the arguments alone.
    `executes` is False for what the proxy answers itself. `method` is the client's, whatever tools are called.
    """

    target: Target
    name: str
    arguments: Any
    raw_arguments: str
    binary: str = "forward"
    trace_id: str = ""
    output_schema: Any = None
    whole: Member | None = None
    executes: bool = True
    method: str = "tools/call"


@dataclass(slots=True)
class Begun:
    """What of a call has been done already: its answers, or what is under way to them."""

    call: Call
    asked: Exchange | None = None
    decision: Decision | None = None
    intended: bool = False
    sent: Waiting | None = None
    reply: Reply | None = None
    checking: Exchange | None = None


class BackendError(Exception):
    """An error that a backend answered: its text, checked and masked, is the client's to see."""

    def __init__(self, raw: str) -> None:
        super().__init__("the backend answered an error")
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Governance:
    """The planes and the audit trail of one proxy."""

    requests: RequestPlane
    responses: ResponsePlane
    trail: AuditTrail
    redact: RedactResponses
    schemas: OutputSchemas = field(default_factory=OutputSchemas)

    async def run(
        self, request: Request, execute: Callable[[str], Awaitable[Reply]], begun: Begun | None = None
    ) -> str:
        """Take a request and what executes it (given what was decided on, as masked); give the result's text.

        What has `begun` is not done again. Raises Refusal, or BackendError for an error that the backend answered.
        """
        if begun is None:
            digest, form = await _hashed(request.arguments, request.raw_arguments)
            begun = Begun(Call(request.name, request.target, digest, form))
        call = begun.call
        try:
            outcome, answer = await self._run(begun, request, execute)
        except Refusal as refusal:
            self._record_failure(
                call, Outcome(refusal.verdict, error=refusal.message, decision=refusal.decision), refusal
            )
            raise
        except asyncio.CancelledError:
            self._record_failure(call, Outcome("error", error="cancelled"), None)
            raise
        except Exception as error:
            self._record_failure(call, Outcome("error", error=f"internal error ({type(error).__name__})"), None)
            raise
        self.trail.outcome(call, outcome)
        if isinstance(answer, BackendError):
            raise answer
        return answer

    async def _run(
        self, begun: Begun, request: Request, execute: Callable[[str], Awaitable[Reply]]
    ) -> tuple[Outcome, str | BackendError]:
        call = begun.call
        passed = await self._admit(begun, request)
        call.decision, call.redactions = passed.decision, passed.redactions
        if not begun.intended:
            self.trail.intent(call)
        call.executed = request.executes
        try:
            reply = begun.reply or await execute(passed.raw)
        except Refusal as refusal:
            executed = refusal.data.get("executed")
            call.executed = request.executes and (None if executed == "unknown" else executed is not False)
            raise
        if reply.result is None:
            error = await self._error(call, request, reply.error)
            return Outcome("allow", records=0, error="the backend answered an error"), BackendError(error)
        records = await _counted(reply.result)
        checked = await self._check(begun, request, reply.result, records)
        return answered(reply.result.value, records), checked

    async def _admit(self, begun: Begun, request: Request) -> Passed:
        given, fingerprint, apart = request.whole, begun.call.parameters_hash, None
        if given is None:
            given = Member(request.arguments, request.raw_arguments)
        else:
            asked, meta = without_meta(given)
            if not asked.value.keys() <= {"arguments"}:
                fingerprint, _ = await _hashed(asked.value, asked.raw)
            else:
                asked = Member(request.arguments, request.raw_arguments)
            if meta is not None:
                apart = Apart(asked.value, meta.value, (await _hashed(meta.value, meta.raw))[0])
        if begun.decision is not None:
            return Passed(begun.decision, given.raw)
        return await self.requests.admit(
            request.target,
            request.name,
            given.value,
            given.raw,
            fingerprint=fingerprint,
            trace_id=request.trace_id,
            begun=begun.asked,
            apart=apart,
        )

    async def _check(self, begun: Begun, request: Request, member: Member, records: int) -> str:
        call = begun.call
        if not self._wanted(call):
            await self._refuse_binaries(call, request, member)
            return member.raw
        checked = await self.responses.check(
            request.target,
            member.value,
            member.raw,
            binary=request.binary,
            row_count=records,
            begun=begun.checking,
            trace_id=_trace_id(call, request),
        )
        self._count(call, checked)
        if checked.redactions and request.output_schema is not None:
            fault = await self.schemas.fault(request.target.server, checked.raw, request.output_schema)
            if fault:
                why = f"The result holds what must be masked, and {fault}; it is withheld."
                raise unavailable(why, executed=True, decision=call.decision)
        return with_note(checked.raw, member.value, checked.warned)

    async def _error(self, call: Call, request: Request, error: Member | None) -> str:
        """Give the text of a backend's error, checked as results are, and not to be taken for a refusal of ours."""
        if error is None or not isinstance(error.value, dict) or type(error.value.get("code")) is not int:
            raise unavailable("The backend's answer is neither result nor error; it is withheld.", executed=True)
        if not self._wanted(call):
            await self._refuse_binaries(call, request, error)
            return told_apart(error.raw, request.target, request.method)
        trace_id = _trace_id(call, request)
        checked = await self.responses.check(
            request.target, error.value, error.raw, binary=request.binary, trace_id=trace_id
        )
        self._count(call, checked)
        try:
            if read_value(checked.raw).get("code") == error.value["code"]:
                return told_apart(checked.raw, request.target, request.method)
        except UnreadableMessage:
            pass  # masked, two of its keys are one
        raise unavailable("The backend's error could not be masked; it is withheld.", executed=True)

    @staticmethod
    async def _refuse_binaries(call: Call, request: Request, member: Member) -> None:
        """Keep to the declared policy for binaries where texts are not looked at."""
        if request.binary == "withhold":
            await refuse_binaries(member.value, len(member.raw), _trace_id(call, request))

    def _wanted(self, call: Call) -> bool:
        decision = call.decision
        obliged = decision is not None and (bool(decision.obliged) or decision.failed_open)
        if decision is not None and "response" in decision.obliged:
            return True
        return self.redact == "always" or (self.redact == "on-obligation" and obliged)

    @staticmethod
    def _count(call: Call, checked: Checked) -> None:
        call.redactions += checked.redactions
        call.unseen += checked.unseen
        call.warnings += len({item.caution.policy_id for item in checked.warned})

    def note_refusal(self, target: Target, arguments: Member | None, refusal: Refusal) -> None:
        """Record a call that no policy was asked about: its tool is unknown or hidden, or its backend is down."""
        value, raw = (arguments.value, arguments.raw) if arguments is not None else ({}, "{}")
        # A name that stands for nothing is any text that a model likes to write.
        server, tool = (name[:MAX_UNKNOWN_NAME_CHARS] for name in target)
        call = Call(tool, target._replace(server=server, tool=tool), *parameters_hash(value, raw))
        self._record_failure(call, Outcome(refusal.verdict, error=refusal.message), refusal)

    def _record_failure(self, call: Call, outcome: Outcome, refusal: Refusal | None) -> None:
        """Record a call that failed; where that fails too, the first failure is still the one to tell."""
        try:
            self.trail.outcome(call, outcome)
        except Refusal as unwritten:
            if refusal is not None:
                refusal.data["audit"] = unwritten.message


async def _hashed(value: Any, raw: str) -> tuple[str, HashForm]:
    if len(raw) < TAKEN_AT_ONCE_CHARS:
        return parameters_hash(value, raw)
    return await asyncio.to_thread(parameters_hash, value, raw)


async def _counted(result: Member) -> int:
    if len(result.raw) < TAKEN_AT_ONCE_CHARS:
        return record_count(result.value)
    return await asyncio.to_thread(record_count, result.value)


def _trace_id(call: Call, request: Request) -> str:
    return (call.decision.trace_id if call.decision is not None else "") or request.trace_id


def answered(result: Any, records: int) -> Outcome:
    """Give the outcome of a call that was allowed and has had this result."""
    return _outcome(isinstance(result, dict) and result.get("isError") is True, records)


@functools.lru_cache(maxsize=64)
def _outcome(failed: bool, records: int) -> Outcome:
    return Outcome("allow", records=records, error="the tool reported an error" if failed else "")
