"""PreToolUse: statement → verdict → nothing, deny, ask, or the tool's input with its sensitive parts masked."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code import failures, replies
from axonflow_hooks.claude_code.audit import blocked_attempt
from axonflow_hooks.claude_code.cautions import cautions_of, distinct, told_to_user
from axonflow_hooks.claude_code.context import Deadline
from axonflow_hooks.claude_code.guard import objection_to
from axonflow_hooks.claude_code.guarded_places import guarded_places
from axonflow_hooks.claude_code.ledger import first_notice, record_decision
from axonflow_hooks.claude_code.local_decision import LocalDecision
from axonflow_hooks.claude_code.masked_input import masked_input
from axonflow_hooks.claude_code.own_tools import grant_question, is_recovery_command, own_tool_kind
from axonflow_hooks.claude_code.replies import SILENT, Reply, one_line
from axonflow_hooks.claude_code.statements import Statement, pieces_of, statement_of
from axonflow_hooks.errors import AgentError, AgentUnavailable, AxonFlowError, RateLimited
from axonflow_hooks.wire.mcp_tools import CheckPolicyArguments, PolicyVerdict

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.context import HookContext
    from axonflow_hooks.claude_code.guarded_places import Objection
    from axonflow_hooks.client import AgentClient

PARALLEL_PIECES: Final = 4


async def pre_tool_use(context: HookContext) -> Reply:
    """Take a PreToolUse event and give the answer; the failure table decides where there is no verdict."""
    reply = await _decided(context)
    refusal = replies.refusal_of_unasked(reply, context.event)
    if not refusal:
        return reply
    await context.audit(blocked_attempt(context.event, refusal, ""))
    return replies.deny(refusal)


async def _decided(context: HookContext) -> Reply:
    objection = _objection(context)
    if objection and objection.decision == "deny":
        await context.audit(blocked_attempt(context.event, objection.reason, ""))
        return replies.deny(f"AxonFlow governance blocked: {objection.reason}")
    kind = own_tool_kind(context.event)
    if kind == "grants":
        return replies.ask(grant_question(context.event))
    reply = SILENT if kind == "reads" else await _governed(context)
    # A person may allow what is doubtful, but not what policy denies.
    return replies.asking_first(reply, f"AxonFlow: {objection.reason}") if objection else reply


def _objection(context: HookContext) -> Objection | None:
    if is_recovery_command(context.event, context.environ):
        return None
    return objection_to(context.event, guarded_places(context.environ, context.paths, context.event.cwd))


async def _governed(context: HookContext) -> Reply:
    statement = statement_of(context.event)
    try:
        verdict = await context.ask_agent(
            context.settings.pre_tool_use_timeout_s,
            lambda client, share_s: _decide(client, statement, context.event.session_id, share_s),
        )
    except AgentUnavailable as error:
        return without_agent(context, error)
    except AxonFlowError as error:
        return failures.blocked(error)
    return await _answer(context, statement, verdict)


async def _decide(client: AgentClient, statement: Statement, session_id: str, share_s: float) -> PolicyVerdict:
    """Ask about every piece of a statement and give the verdict that counts: any deny wins, then any failure."""
    limit = asyncio.Semaphore(PARALLEL_PIECES)
    until = Deadline.after(share_s)

    async def decide_piece(text: str) -> PolicyVerdict:
        arguments = CheckPolicyArguments(connector_type=statement.connector_type, statement=text)
        async with limit:
            # Each has the time that is left: a deny that is there already must not wait for one that hangs.
            left_s = round(until.remaining(), 2)
            return await client.check_policy(arguments, session_id=session_id, timeout_s=left_s)

    pieces = pieces_of(statement.text)
    if len(pieces) == 1:
        return await decide_piece(statement.text)
    asked = [asyncio.ensure_future(decide_piece(piece)) for piece in pieces]
    try:
        for answered in asyncio.as_completed(asked):
            with contextlib.suppress(AxonFlowError):
                verdict = await answered
                if not verdict.allowed and not _approval_id(verdict):
                    return verdict  # nothing outranks it: whoever else hangs must not cost it the time to be told
    finally:
        for one in asked:
            one.cancel()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    verdicts = [outcome for outcome in outcomes if isinstance(outcome, PolicyVerdict)]
    failed = sorted((outcome for outcome in outcomes if isinstance(outcome, BaseException)), key=_leniency)
    refused = _refusal(verdicts, judged=not failed)
    if refused:
        return refused
    if failed:
        raise failed[0]
    # A masked piece cannot be put back into a statement that was cut with overlap: the masked text is left out, and
    # the answer says so.
    found = [match for verdict in verdicts for match in verdict.policy_matches]
    return next(
        (verdict.model_copy(update={"redacted_statement": None}) for verdict in verdicts if verdict.requires_redaction),
        verdicts[0].model_copy(update={"policy_matches": found}),
    )


def _refusal(verdicts: list[PolicyVerdict], *, judged: bool) -> PolicyVerdict | None:
    """Give the verdict that stops a statement of several pieces, None where none does.

    A person's yes lets the whole statement run. So a piece that is held may only be asked about where no other piece
    is denied and each has been judged, and the question names what every held piece is held for.
    """
    stopped = [verdict for verdict in verdicts if not verdict.allowed]
    denied = next((verdict for verdict in stopped if not _approval_id(verdict)), None)
    if denied or not stopped:
        return denied
    if not judged:
        return stopped[0].model_copy(update={"pending_approval": None})
    reasons = dict.fromkeys(verdict.block_reason for verdict in stopped if verdict.block_reason)
    return stopped[0].model_copy(update={"block_reason": "; ".join(reasons)}) if len(reasons) > 1 else stopped[0]


def _approval_id(verdict: PolicyVerdict) -> str:
    return one_line(verdict.pending_approval.approval_id, 80) if verdict.pending_approval else ""


def _leniency(failure: BaseException) -> int:
    """Order failures by what they lead to: those that deny in every fail mode first, then those to be remembered."""
    if not isinstance(failure, AgentUnavailable):
        return 0
    return 1 if isinstance(failure, RateLimited) else 2


async def _answer(context: HookContext, statement: Statement, verdict: PolicyVerdict) -> Reply:
    if verdict.allowed and not verdict.requires_redaction:
        _remember(context, verdict, "allow")
        return _warned(context, verdict)
    approval = _approval_id(verdict)
    if approval and not verdict.allowed:
        _remember(context, verdict, "ask")
        return replies.ask(f"{_reason(verdict)} This call needs a person's approval [approval: {approval}].")
    if verdict.allowed:
        masked = _masked_input(context, statement, verdict)
        if masked:
            _remember(context, verdict, "redact")
            return masked
    _remember(context, verdict, "deny")
    await context.audit(blocked_attempt(context.event, _reason(verdict), verdict.decision_id))
    return replies.deny(_reason(verdict))


def _warned(context: HookContext, verdict: PolicyVerdict) -> Reply:
    """Let the call run; the user is told what policy warns of, each policy once a session."""
    what = f"this {one_line(context.event.tool_name, 80)} call"
    message = told_to_user(context, distinct(cautions_of(verdict)), what)
    return replies.notice(message) if message else SILENT


def _reason(verdict: PolicyVerdict) -> str:
    count = verdict.policies_evaluated if verdict.policies_evaluated is not None else "unknown number of"
    blocked_by = one_line(verdict.block_reason, 500) or (
        "sensitive data that must be masked first" if verdict.allowed else "denied by policy"
    )
    details = [f"decision: {one_line(verdict.decision_id, 80) or 'none'}"]
    risk = verdict.risk_level or next((match.risk_level for match in verdict.policy_matches if match.risk_level), None)
    details.append(f"risk: {risk or 'unknown'}")
    if verdict.blocked_by:
        details.append(f"policy: {one_line(verdict.blocked_by, 80)}")
    if verdict.override_available:
        details.append("way out: create_override lifts it for a while, with your reason and the user's consent")
    elif verdict.decision_id:
        details.append("way out: explain_decision tells what matched and what would be allowed")
    return f"AxonFlow policy violation: {blocked_by} ({count} policies evaluated) [{', '.join(details)}]"


def _masked_input(context: HookContext, statement: Statement, verdict: PolicyVerdict) -> Reply | None:
    """Let the call run on its input with the sensitive parts masked, None where they cannot be masked in place."""
    given = context.event.tool_input
    masked = verdict.redacted_statement
    updated = masked_input(given, statement, masked) if masked is not None else None
    if updated is None:
        return None
    what = f"masked sensitive data in this {one_line(context.event.tool_name, 80)} call before it ran"
    return replies.rewrite_input(
        updated,
        context=f"AxonFlow {what} [decision: {one_line(verdict.decision_id, 80)}]. The placeholders are what ran.",
        message=f"[AxonFlow] M{what[1:]}.",
    )


def without_agent(context: HookContext, error: AgentUnavailable) -> Reply:
    """Give the fail mode's answer to a call that the agent could not decide on."""
    if context.settings.fail_mode == "open":
        return failures.ungoverned(context, error)
    if context.settings.fail_mode == "closed":
        return failures.closed(error)
    statement = statement_of(context.event)
    try:
        verdict = LocalDecision(context.settings).check_policy(statement.connector_type, statement.text)
    except AgentError as missing:
        return failures.blocked(missing)
    _remember(context, verdict, "allow" if verdict.allowed else "deny")
    if not verdict.allowed:
        return replies.deny(f"{_reason(verdict)} (decided by the built-in policies: {one_line(error.message, 200)})")
    if verdict.requires_redaction:
        return _masked_input(context, statement, verdict) or replies.deny(_reason(verdict))
    reply = _warned(context, verdict)
    if first_notice(context.paths, context.event.session_id, "local-decision"):
        who = f"[AxonFlow] The built-in policies decide for now: {one_line(error.message, 300)}"
        return replies.telling(reply, who)
    return reply


def _remember(context: HookContext, verdict: PolicyVerdict, answer: str) -> None:
    record_decision(context.paths, decision_id=verdict.decision_id, verdict=answer, tool_name=context.event.tool_name)
