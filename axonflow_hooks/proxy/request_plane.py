"""The request plane tells whether a request may go to a backend, and with which of its texts masked.

Fails closed, but for one choice of the user's: with AXONFLOW_FAIL_MODE=open a request goes on when the agent cannot be
reached, answers 5xx or is left alone by the breaker. A refusal (4xx, 429 too) never opens, nor does a deny. What had
to be masked is decided on once more as masked: a call whose obligation is not met is not made.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from axonflow_hooks.errors import AgentError, AgentRefused, AgentUnavailable, MalformedVerdict, RateLimited
from axonflow_hooks.proxy.approvals import Approvals
from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_value, with_scalars_replaced
from axonflow_hooks.proxy.leaves import TooManyLeaves, is_plain_key, leaves_of
from axonflow_hooks.proxy.refusals import MaskedName, Refusal, denied, held, unavailable
from axonflow_hooks.proxy.request_masks import NAME_MASKED, alike, masked_query, more_masked
from axonflow_hooks.proxy.request_params import META
from axonflow_hooks.proxy.statement import StatementTooLong, flat_query, pieces_of, query_text
from axonflow_hooks.proxy.verdicts import Decision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from axonflow_hooks.proxy.agent_link import Exchange
    from axonflow_hooks.proxy.approvals import Key
    from axonflow_hooks.proxy.leaves import Leaf
    from axonflow_hooks.proxy.pdp import Pdp, Target

MAX_MASKED_LEAVES: Final = 2_000
PARALLEL: Final = 8
MAX_CHECKS: Final = 4
"""How often the masked texts are looked at together; what one look masks tells the next one less, never more."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that may go on: `raw` is the text of its arguments, masked where that was asked for."""

    decision: Decision
    raw: str
    redactions: int = 0


class Apart(NamedTuple):
    """What of a request is decided on in two parts: what a person approves (`asked`), and its `_meta`.

    `fingerprint` is the hash of the latter: a hold on it is for the same `_meta` again.
    """

    asked: Any
    meta: dict[str, Any]
    fingerprint: str


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
        apart: Apart | None = None,
    ) -> Passed:
        """Take the value and the text of a request's arguments. Raises Refusal when it may not go on.

        `fingerprint` is the hash of the arguments: a held call that is made again is the same call by it. `begun` is
        what `begin` has given for this request, `apart` what of it is decided on in two parts.
        """
        try:
            leaves = leaves_of(arguments)
            pieces = pieces_of(query_text(name, leaves if apart is None else leaves_of(apart.asked)))
            beside = [] if apart is None else pieces_of(query_text(name, leaves_of(apart.meta)))
        except (TooManyLeaves, StatementTooLong):
            raise unavailable("The arguments are too large to be checked, so the call was not made.") from None
        try:
            if apart is None:
                decision = await self._decide(pieces, target, fingerprint, trace_id, begun)
            else:
                decision = await self._decide_apart(pieces, beside, target, (fingerprint, apart.fingerprint), trace_id)
        except AgentError as error:
            return Passed(self._without_verdict(error), raw)
        if decision.verdict == "needs_approval":
            raise held(decision)
        if decision.verdict == "deny":
            raise denied(decision)
        if "request" not in decision.obliged:
            return Passed(decision, raw)
        return await self._met(decision, name, leaves, raw)

    async def _met(self, decision: Decision, name: str, leaves: list[Leaf], raw: str) -> Passed:
        """Fulfil the obligation to mask, so that check-input masks nothing more of all texts together (wire 1.4, 1.5).

        Raises Refusal where that cannot be done.
        """
        masked = await self._masked(decision, leaves)
        try:
            for _ in range(MAX_CHECKS):
                shown = with_scalars_replaced(raw, masked)
                left = leaves_of(read_value(shown))
                more = await self._masked_together(decision, name, left)
                if not more:
                    return Passed(decision, shown, redactions=len(masked))
                masked |= more | alike(left, more)
        except (AgentError, TooManyLeaves, StatementTooLong, UnreadableMessage) as error:
            why = f" {error}" if isinstance(error, AgentError) else ""
            raise _unmet(f"masked, they could not be checked.{why}", decision) from None
        raise _unmet("together they still hold what must be masked.", decision)

    async def _masked_together(self, decision: Decision, name: str, leaves: list[Leaf]) -> dict[int, str]:
        """Give what of masked leaves is masked where they stand together (`ssn` in one, its number in another one)."""
        query = masked_query(name, leaves)
        pieces = pieces_of(query)
        limit = asyncio.Semaphore(PARALLEL)

        async def masked(piece: str) -> str | None:
            async with limit:
                return await self._masked_text(piece, decision)

        first, *others = await asyncio.gather(*map(masked, pieces))
        if not others:
            return {} if first is None else await asyncio.to_thread(more_masked, query, first, leaves)
        if any(text is not None for text in (first, *others)):
            raise _unmet("together they still hold what must be masked.", decision)
        return {}

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

    async def _decide_apart(
        self, pieces: list[str], beside: list[str], target: Target, fingerprints: tuple[str, str], trace_id: str
    ) -> Decision:
        """Decide on a request and on its `_meta`; that comes first, so that no approval is used up where it is denied.

        Where a policy holds the target, whatever is said to it, a person's approval of the request is for its `_meta`
        too, whose words nobody holds.
        """
        fingerprint, beside_fingerprint = fingerprints[0], f"{META}:{fingerprints[1]}"
        about = await _caught(self._decide(beside, target, beside_fingerprint, trace_id, None))
        alone: Decision | None = None
        if isinstance(about, Decision):
            if about.verdict == "deny":
                return about
            if about.verdict == "needs_approval":
                alone = await self._words_alone(beside, about)
        known = [self.approvals.policies_of((*target, fingerprint, number)) for number in range(len(pieces))]
        decision = await _caught(self._decide(pieces, target, fingerprint, trace_id, None))
        if isinstance(decision, Decision) and decision.verdict == "needs_approval":
            known.append(frozenset(decision.policies))
        holding = [policies for policies in known if policies is not None]
        if alone is not None and holding and frozenset(alone.policies) <= frozenset().union(*holding):
            about = alone
            for number in range(len(beside)):
                self.approvals.settle((*target, beside_fingerprint, number))
        return _of_pieces((decision, about))

    async def _words_alone(self, pieces: list[str], held: Decision) -> Decision | None:
        """Give what is decided of held words where their target is out of sight, None where they are held for it."""
        first, *others = pieces
        texts = filter(None, (first.partition("\n")[2], *others))
        try:
            masked = [await self._masked_text(text, held) for text in texts]
        except (Refusal, AgentError):
            return None
        obliged = frozenset(("request",)) if any(text is not None for text in masked) else held.obliged
        return held._replace(verdict="allow", obliged=obliged)

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

    async def _masked(self, decision: Decision, leaves: list[Leaf]) -> dict[int, str]:
        """Have each text of the arguments masked on its own, give those that are. Raises Refusal where one cannot."""
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
                f"The arguments must be masked and could not be; the call was not made. {error}",
                retryable=not isinstance(error, MaskedName),
            ) from None
        return {leaf.ordinal: text for leaf, text in zip(leaves, texts, strict=True) if text is not None}

    async def _mask_leaf(self, leaf: Leaf, decision: Decision) -> str | None:
        """Give the masked text of a leaf, None for unmasked: it is shown with its label, as it was decided on."""
        lead = f"{leaf.label}: " if leaf.label else ""
        text = await self._masked_text(lead + leaf.text, decision)
        if text is None:
            return None
        if leaf.kind == "key" or not text.startswith(lead):
            raise MaskedName(NAME_MASKED)
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


async def _caught(answer: Awaitable[Decision]) -> Decision | AgentError:
    try:
        return await answer
    except AgentError as error:
        return error


def _of_pieces(answers: Sequence[Decision | BaseException]) -> Decision:
    """Put the answers about the pieces of one request together. Raises the error of one where none says no."""
    decisions = [answer for answer in answers if isinstance(answer, Decision)]
    denials = [decision for decision in decisions if decision.verdict == "deny"]
    holds = [decision for decision in decisions if decision.verdict == "needs_approval"]
    if denials:
        return denials[0]
    if holds:
        told = (approval for decision in holds for approval in (decision.approval_id, *decision.more_approvals))
        first_id, *more = list(filter(None, told)) or [""]
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
