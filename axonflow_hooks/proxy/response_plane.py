"""The response plane: every text of what a backend sends is looked at by the agent before it reaches the client.

Fails closed without exception: what could not be checked is not forwarded. Rows group the texts as records do, with the
key of a text as its label, so that the agent reads {"ssn": "…"} as what it is; one row more holds all of them as one
text, as {"field": "ssn", "value": "…"} shows only together.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.leaves import decoded, masked_in_place
from axonflow_hooks.claude_code.masks import Mask, with_more_masked
from axonflow_hooks.claude_code.scan import scan_texts
from axonflow_hooks.errors import AgentError, MalformedVerdict
from axonflow_hooks.proxy.binaries import withheld
from axonflow_hooks.proxy.cautions import Warned, warned_of
from axonflow_hooks.proxy.context_text import CONTEXT_LABEL, note_masks
from axonflow_hooks.proxy.exact_json import with_scalars_replaced
from axonflow_hooks.proxy.labels import NO_LABEL
from axonflow_hooks.proxy.leaves import TooManyLeaves, leaves_of, sole_text
from axonflow_hooks.proxy.refusals import MaskedName, denied, unavailable
from axonflow_hooks.proxy.rows import (
    Question,
    Text,
    Texts,
    is_one_message,
    questions_about,
    questions_without_labels,
    texts_of,
)
from axonflow_hooks.proxy.text_tables import may_hold_table
from axonflow_hooks.proxy.verdicts import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.proxy.agent_link import Exchange
    from axonflow_hooks.proxy.pdp import Pdp, Target
    from axonflow_hooks.proxy.verdicts import OutputReply
    from axonflow_hooks.wire.mcp_tools import CheckOutputArguments, OutputVerdict

PARALLEL: Final = 8
ASKED_AT_ONCE_CHARS: Final = 20_000
"""What is in such a value fits into one question, whatever it is: a character takes six bytes of JSON at most."""
READ_AT_ONCE_CHARS: Final = 200_000
"""Larger values are taken apart, and masked, in a thread, so that other calls do not wait for it."""

_PLACEHOLDER: Final = "[REDACTED"
_NAME: Final = "The name of a field in it would have to be masked."
_OTHER_ROWS: Final = "The agent's masked rows are not the rows it was asked about."


@dataclass(frozen=True, slots=True)
class Checked:
    """What may be forwarded: `raw` is the text of the value, masked; `redactions` counts what was masked in it.

    `unseen` counts images and blobs that nobody could look into, `warned` are the policies that warn of the value.
    """

    raw: str
    redactions: int = 0
    unseen: int = 0
    decision_id: str = ""
    warned: tuple[Warned, ...] = ()


@dataclass(slots=True)
class _Asked:
    """What the questions about one value have in common, and what their answers warn of."""

    pdp: Pdp
    target: Target
    trace_id: str
    row_count: int | None
    begun: Exchange | None
    warned: list[Warned] = field(default_factory=list)

    async def ask(self, rows: list[dict[str, str]] | None, message: str | None) -> OutputReply:
        """Give the verdict on a value, or on one of the batches that it was put into. Raises Refusal for a block."""
        begun, self.begun = self.begun, None  # the first question is the one that has begun
        reply = await self.pdp.check_output(
            self.target, rows=rows, message=message, row_count=self.row_count, begun=begun
        )
        self.refuse_blocked(reply)
        self.warned += warned_of(reply)
        return reply

    async def ask_part(self, arguments: CheckOutputArguments) -> OutputVerdict:
        """Give the verdict on a part of a text, which may be a block."""
        reply = await self.pdp.check_output(self.target, rows=arguments.response_data, message=arguments.message)
        self.warned += warned_of(reply)
        return reply

    def refuse_blocked(self, verdict: OutputVerdict) -> None:
        """Raise Refusal where a verdict is a block."""
        if verdict.allowed:
            return
        policies = tuple(dict.fromkeys(match.policy_id for match in verdict.policy_matches if match.policy_id))
        blocked_by = (verdict.blocked_by,) if verdict.blocked_by else ()
        decision = Decision("deny", verdict.decision_id, self.trace_id, policies or blocked_by, (verdict.block_reason,))
        raise denied(decision, of_response=True)


@dataclass(slots=True)
class _Masked:
    """What the answers about one value mask: each text (None for unmasked), and leaves by what stands around them."""

    texts: list[str | None]
    around: dict[int, list[Mask]] = field(default_factory=dict)
    names: set[int] = field(default_factory=set)

    def take(self, questions: Sequence[Question], verdicts: Sequence[OutputReply]) -> list[int]:
        """Take the answers to questions, and give which texts are in none of them, as their labels were masked.

        Raises MalformedVerdict where one is not one to its question.
        """
        lost: list[int] = []
        for question, verdict in zip(questions, verdicts, strict=True):
            lost += self._take(question, verdict)
        return lost

    def _take(self, question: Question, verdict: OutputReply) -> list[int]:
        answer = verdict.redacted_data
        if answer is None and verdict.redacted_message is None:
            return []
        if not isinstance(answer, list) or len(answer) != len(question.rows):
            raise MalformedVerdict(_OTHER_ROWS)
        lost: list[int] = []
        for (row, name), index in question.places.items():
            if name != NO_LABEL and isinstance(answer[row], dict) and name not in answer[row]:
                lost.append(index)
            else:
                self.texts[index] = _member(answer[row], name)
        if question.lines:
            note_masks(question.lines, _member(answer[-1], CONTEXT_LABEL), self.around, self.names)
        return lost

    def put_into(self, raw: str, texts: Sequence[Text]) -> tuple[str, int]:
        """Take the text of the value, give it masked, and how much is masked in it. Raises MaskedName."""
        replacements: dict[int, str] = {}
        count = sum(self._shown(index, text, replacements) for index, text in enumerate(texts))
        return with_scalars_replaced(raw, replacements) if replacements else raw, count

    def _shown(self, index: int, text: Text, replacements: dict[int, str]) -> int:
        """Note what replaces the leaves of a text, and give how much is masked in them.

        Raises MaskedName for what cannot be masked: the name of a field.
        """
        count = 0
        mask = self.texts[index]
        for leaf in text.leaves:
            whole = with_more_masked(text.seen, mask, () if text.base64 else self.around.get(leaf.ordinal, ()))
            if whole is None or whole == text.seen:
                if leaf.ordinal in self.names:
                    raise MaskedName(_NAME)
                continue
            if leaf.kind == "key":
                raise MaskedName(_NAME)
            inside = base64.b64encode(whole.encode()).decode() if text.base64 else masked_in_place(text.text, whole)
            replacements[leaf.ordinal] = inside
            count += max(1, whole.count(_PLACEHOLDER) - text.seen.count(_PLACEHOLDER))
        return count


@dataclass(slots=True)
class ResponsePlane:
    """Checks what backends send."""

    pdp: Pdp

    def begin(self, target: Target, value: Any, raw: str, *, row_count: int | None = None) -> Exchange | None:
        """Ask about a value where one question is enough and nothing has to be waited for, else give None."""
        text = sole_text(value)
        if text is not None and len(text) < ASKED_AT_ONCE_CHARS and not may_hold_table(text):
            return self.pdp.begin_check_output(target, None, decoded(text), row_count)
        if len(raw) > ASKED_AT_ONCE_CHARS:
            return None
        given = texts_of(leaves_of(value))
        if not given.texts or given.unseen:
            return None
        if is_one_message(given):
            return None if text is None else self.pdp.begin_check_output(target, None, decoded(text), row_count)
        questions, long = questions_about(given)
        if len(questions) != 1 or long:
            return None
        return self.pdp.begin_check_output(target, questions[0].rows, None, row_count)

    async def check(
        self,
        target: Target,
        value: Any,
        raw: str,
        *,
        binary: str = "forward",
        row_count: int | None = None,
        begun: Exchange | None = None,
        trace_id: str = "",
    ) -> Checked:
        """Take a value of a backend and its text, give what may be forwarded of it.

        `binary` is the declared policy for images and blobs: forward or withhold. `begun` is what `begin` has given for
        this value. `trace_id` is that of the call whose result it is. Raises Refusal when it must not be forwarded.
        """
        asked = _Asked(self.pdp, target, trace_id, row_count, begun)
        try:
            return await self._look(asked, value, raw, binary)
        except AgentError as error:
            raise unavailable(
                f"The result could not be checked, so it is withheld. {error}", executed=True, cause=error
            ) from None

    async def _look(self, asked: _Asked, value: Any, raw: str, binary: str) -> Checked:
        large = len(raw) >= READ_AT_ONCE_CHARS
        try:
            if not large:
                given = texts_of(leaves_of(value))
            else:
                given = await asyncio.to_thread(lambda: texts_of(leaves_of(value)))
        except TooManyLeaves:
            raise unavailable(
                "The result holds too many texts to be checked, so it is withheld.", executed=True
            ) from None
        if given.unseen and binary == "withhold":
            raise withheld(asked.trace_id)
        masked = _Masked([None] * len(given.texts))
        decision_id = await self._ask_all(asked, given, masked, large)
        if large:
            checked, count = await asyncio.to_thread(masked.put_into, raw, given.texts)
        else:
            checked, count = masked.put_into(raw, given.texts)
        return Checked(checked, count, given.unseen, decision_id, tuple(asked.warned))

    async def _ask_all(self, asked: _Asked, given: Texts, masked: _Masked, large: bool) -> str:
        """Have the texts of a value masked, and give the id of the decision."""
        if not given.texts:
            return ""
        if is_one_message(given):
            verdict = await asked.ask(None, given.texts[0].seen)
            masked.texts[0] = _masked_message(verdict)
            return verdict.decision_id
        questions, long = await asyncio.to_thread(questions_about, given) if large else questions_about(given)
        limit = asyncio.Semaphore(PARALLEL)

        async def ask(question: Question) -> OutputReply:
            async with limit:
                return await asked.ask(question.rows, None)

        verdicts = await asyncio.gather(*map(ask, questions))
        # One after the other: what a text is masked by, two questions may tell.
        if large:
            lost = await asyncio.to_thread(masked.take, questions, verdicts)
        else:
            lost = masked.take(questions, verdicts)
        if lost:
            again = questions_without_labels(given, lost)
            masked.take(again, await asyncio.gather(*map(ask, again)))
        for index in long:
            masked.texts[index] = await self._long(asked, given.texts[index].seen)
        return verdicts[0].decision_id if verdicts else ""

    async def _long(self, asked: _Asked, text: str) -> str | None:
        """Check a text that no request can hold: cut where nothing sensitive lies across the cut."""
        (scanned,) = await scan_texts([text], asked.target.server, asked.ask_part)
        if scanned.blocked is not None:
            asked.refuse_blocked(scanned.blocked)
        if scanned.error is not None:
            raise scanned.error
        return scanned.masked


def _masked_message(verdict: OutputVerdict) -> str | None:
    # REST gives a masked message as redacted_data, the MCP tool as redacted_message; an empty one is masked too.
    if isinstance(verdict.redacted_data, str):
        return verdict.redacted_data
    if verdict.redacted_data is not None:
        raise MalformedVerdict("The agent's masked text is not a text.")
    return verdict.redacted_message


def _member(row: Any, name: str) -> str:
    shown = row.get(name) if isinstance(row, dict) else None
    if not isinstance(shown, str):
        raise MalformedVerdict(_OTHER_ROWS)
    return shown
