"""The request plane tells whether a request may go to a backend, and with which of its texts masked.

Fails closed, but for one choice of the user's: with AXONFLOW_FAIL_MODE=open a request goes on when the agent cannot be
reached, answers 5xx or is left alone by the breaker. A refusal (4xx, 429 too) never opens, nor does a deny. What had
to be masked is decided on once more as masked: a call whose obligation is not met is not made.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.errors import AgentError, AgentRefused, AgentUnavailable, MalformedVerdict, RateLimited
from axonflow_hooks.proxy.approvals import Approvals
from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_value, with_scalars_replaced
from axonflow_hooks.proxy.leaves import TooManyLeaves, is_plain_key, leaves_of
from axonflow_hooks.proxy.refusals import denied, held, unavailable
from axonflow_hooks.proxy.statement import StatementTooLong, flat_query, pieces_of, query_text
from axonflow_hooks.proxy.verdicts import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from axonflow_hooks.proxy.agent_link import Exchange
    from axonflow_hooks.proxy.approvals import Key
    from axonflow_hooks.proxy.leaves import Leaf
    from axonflow_hooks.proxy.pdp import Pdp, Target
    from axonflow_hooks.proxy.refusals import Refusal

MAX_MASKED_LEAVES: Final = 2_000
PARALLEL: Final = 8

_PLACEHOLDER: Final = re.compile(r"\[REDACTED:[A-Za-z0-9_.-]{1,40}(?:#\d{1,9})?\]")
_MASKED: Final = "[REDACTED]"
"""Stands for each placeholder where masked arguments are decided on: its signs would be a comment in SQL (`#1]`)."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that may go on: `raw` is the text of its arguments, masked where that was asked for."""

    decision: Decision
    raw: str
    redactions: int = 0


@dataclass(slots=True)
class RequestPlane:
    """Decides on requests of one client."""

    pdp: Pdp
    fail_open: bool
    approvals: Approvals = field(default_factory=Approvals)

    def begin(self, target: Target, name: str, arguments: Any, *, trace_id: str = "") -> Exchange | None:
        """Ask about a request where one question is enough and nothing has to be waited for, else give None."""
        if not self.approvals.none():
            return None  # a call that was held is known by the hash of its arguments
        query = flat_query(name, arguments)
        if query is None:
            try:
                query, *more = pieces_of(query_text(name, leaves_of(arguments)))
            except (TooManyLeaves, StatementTooLong):
                return None
            if more:
                return None
        return self.pdp.begin_decide(query, target, trace_id)

    async def admit(
        self,
        target: Target,
        name: str,
        arguments: Any,
        raw: str,
        *,
        fingerprint: str = "",
        trace_id: str = "",
        begun: Exchange | None = None,
    ) -> Passed:
        """Take the value and the text of a request's arguments. Raises Refusal when it may not go on.

        `fingerprint` is the hash of the arguments: a held call that is made again is the same call by it. `begun` is
        what `begin` has given for this request.
        """
        try:
            leaves = leaves_of(arguments)
            pieces = pieces_of(query_text(name, leaves))
        except (TooManyLeaves, StatementTooLong):
            raise unavailable("The arguments are too large to be checked, so the call was not made.") from None
        try:
            decision = await self._decide(pieces, target, fingerprint, trace_id, begun)
        except AgentError as error:
            return Passed(self._without_verdict(error), raw)
        if decision.verdict == "needs_approval":
            raise held(decision)
        if decision.verdict == "deny":
            raise denied(decision)
        if "request" not in decision.obliged:
            return Passed(decision, raw)
        passed = await self._masked(decision, leaves, raw)
        await self._see_met(decision, name, passed)
        return passed

    async def _see_met(self, decision: Decision, name: str, passed: Passed) -> None:
        """See that an obligation is met: check-input masks nothing more of all the texts together (wire 1.4, 1.5).

        Raises Refusal where it does: what must be masked shows in no text alone, say.
        """
        try:
            query = query_text(name, leaves_of(read_value(passed.raw)))
            pieces = pieces_of(_PLACEHOLDER.sub(_MASKED, query))
            limit = asyncio.Semaphore(PARALLEL)

            async def masked(piece: str) -> str | None:
                async with limit:
                    return await self._masked_text(piece, decision)

            left = await asyncio.gather(*map(masked, pieces))
        except (AgentError, TooManyLeaves, StatementTooLong, UnreadableMessage) as error:
            why = f" {error}" if isinstance(error, AgentError) else ""
            raise _unmet(f"masked, they could not be checked.{why}", decision) from None
        if any(text is not None for text in left):
            raise _unmet("together they still hold what must be masked.", decision)

    async def _decide(
        self, pieces: list[str], target: Target, fingerprint: str, trace_id: str, begun: Exchange | None
    ) -> Decision:
        server, tool = target
        if len(pieces) == 1:
            return await self._ask(pieces[0], target, (server, tool, fingerprint, 0), trace_id, begun)
        limit = asyncio.Semaphore(PARALLEL)

        async def ask(number: int, piece: str) -> Decision:
            async with limit:
                return await self._ask(piece, target, (server, tool, fingerprint, number), trace_id, None)

        answers = await asyncio.gather(*(ask(*numbered) for numbered in enumerate(pieces)), return_exceptions=True)
        return _of_pieces(answers)

    async def _ask(self, piece: str, target: Target, key: Key, trace_id: str, begun: Exchange | None) -> Decision:
        """Ask about one piece, with the approval that it was told to wait for, if any."""
        approval_id = self.approvals.id_for(key)
        decision = await self.pdp.decide(piece, target, approval_id=approval_id, trace_id=trace_id, begun=begun)
        if decision.verdict == "needs_approval":
            self.approvals.hold(key, decision)
        else:
            self.approvals.settle(key)
        return decision

    def _without_verdict(self, error: AgentError) -> Decision:
        """Give the decision where there is none. Raises Refusal unless the user chose to fail open and it may."""
        if self.fail_open and _opens(error):
            return Decision("allow", failed_open=True)
        retry = error.retry_after if isinstance(error, RateLimited) else None
        raise unavailable(
            f"No policy decision, so the call was not made. {error}", retry_after_s=retry, retryable=_opens(error)
        ) from None

    async def _masked(self, decision: Decision, leaves: list[Leaf], raw: str) -> Passed:
        """Fulfil the obligation to mask: each text of the arguments through check-input, or no call at all."""
        leaves = [leaf for leaf in leaves if not is_plain_key(leaf)]
        if len(leaves) > MAX_MASKED_LEAVES:
            raise unavailable("The arguments must be masked and hold too many texts for that; the call was not made.")
        limit = asyncio.Semaphore(PARALLEL)

        async def mask(leaf: Leaf) -> str | None:
            async with limit:
                return await self._mask_leaf(leaf, decision)

        try:
            texts = await asyncio.gather(*(mask(leaf) for leaf in leaves))
        except AgentError as error:
            raise unavailable(
                f"The arguments must be masked and could not be; the call was not made. {error}"
            ) from None
        masked = {leaf.ordinal: text for leaf, text in zip(leaves, texts, strict=True) if text is not None}
        return Passed(decision, with_scalars_replaced(raw, masked), redactions=len(masked))

    async def _mask_leaf(self, leaf: Leaf, decision: Decision) -> str | None:
        """Give the masked text of a leaf, None for unmasked: it is shown with its label, as it was decided on."""
        lead = f"{leaf.label}: " if leaf.label else ""
        text = await self._masked_text(lead + leaf.text, decision)
        if text is None:
            return None
        if leaf.kind == "key" or not text.startswith(lead):
            raise MalformedVerdict("The name of an argument would have to be masked.")
        return text[len(lead) :]

    async def _masked_text(self, text: str, decision: Decision) -> str | None:
        """Give a text as check-input masks it, None where it leaves it as it is."""
        reply = await self.pdp.check_input(text)
        if not reply.allowed:
            policies = tuple(str(match.get("policy_id", "")) for match in reply.policy_matches) or decision.policies
            raise denied(
                Decision("deny", reply.decision_id, decision.trace_id, policies, (reply.block_reason,)),
            )
        if not reply.redaction_evaluated or (reply.redacted and reply.redacted_statement is None):
            raise MalformedVerdict("The agent did not evaluate redaction.")
        return None if reply.redacted_statement == text else reply.redacted_statement


def _unmet(why: str, decision: Decision) -> Refusal:
    """Give the refusal of a call whose obligation to be masked could not be met."""
    return unavailable(
        f"The arguments must be masked, and the obligation could not be met: {why} The call was not made.",
        retryable=False,
        decision=decision,
    )


def _of_pieces(answers: Sequence[Decision | BaseException]) -> Decision:
    """Put the answers about the pieces of one request together. Raises the error of one where none says no."""
    decisions = [answer for answer in answers if isinstance(answer, Decision)]
    denials = [decision for decision in decisions if decision.verdict == "deny"]
    holds = [decision for decision in decisions if decision.verdict == "needs_approval"]
    if denials:
        return denials[0]
    if holds:
        first_id, *more = [decision.approval_id for decision in holds if decision.approval_id] or [""]
        return holds[0]._replace(approval_id=first_id, more_approvals=tuple(more))
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    # What must never fail open speaks for all.
    for error in sorted(errors, key=_opens):
        raise error
    obliged = frozenset().union(*(decision.obliged for decision in decisions))
    first = decisions[0]
    policies = tuple(dict.fromkeys(policy for decision in decisions for policy in decision.policies))
    return Decision("allow", first.decision_id, first.trace_id, policies, first.reasons, obliged)


def _opens(error: BaseException) -> bool:
    """Tell whether AXONFLOW_FAIL_MODE=open covers this failure."""
    return isinstance(error, AgentUnavailable) and not isinstance(error, (RateLimited, AgentRefused))
