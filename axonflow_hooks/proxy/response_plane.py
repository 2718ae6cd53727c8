"""The response plane: every text of what a backend sends is looked at by the agent before it reaches the client.

Fails closed without exception: what could not be checked is not forwarded. Rows group the texts as records do, with the
key of a text as its label, so that the agent reads {"ssn": "…"} as what it is.
"""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.leaves import decoded, still_json
from axonflow_hooks.claude_code.scan import scan_texts
from axonflow_hooks.errors import AgentError, MalformedVerdict
from axonflow_hooks.proxy.binaries import forms_of_binary
from axonflow_hooks.proxy.cautions import Warned, warned_of
from axonflow_hooks.proxy.exact_json import with_scalars_replaced
from axonflow_hooks.proxy.leaves import Leaf, TooManyLeaves, is_plain_key, leaves_of, sole_text
from axonflow_hooks.proxy.refusals import denied, unavailable
from axonflow_hooks.proxy.verdicts import Decision
from axonflow_hooks.wire.jsonrpc import encoded_text_size

if TYPE_CHECKING:
    from axonflow_hooks.proxy.agent_link import Exchange
    from axonflow_hooks.proxy.pdp import Pdp, Target
    from axonflow_hooks.proxy.verdicts import OutputReply
    from axonflow_hooks.wire.mcp_tools import CheckOutputArguments, OutputVerdict

MAX_BATCH_BYTES: Final = 700_000
MAX_BATCH_ROWS: Final = 5_000
ROW_BYTES: Final = 60
"""What a text's label and punctuation take at most."""
PARALLEL: Final = 8
ASKED_AT_ONCE_CHARS: Final = 20_000
"""What is in such a value fits into one question, whatever it is: a character takes six bytes of JSON at most."""
READ_AT_ONCE_CHARS: Final = 200_000
"""Larger values are taken apart in a thread, so that other calls do not wait for it."""

_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z_ .-]{0,38}\d{0,2}")
_PLACEHOLDER: Final = "[REDACTED"


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
class _Text:
    """A text to be checked, once however often it stands in the value."""

    label: str
    text: str
    leaves: list[Leaf]
    base64: bool = False

    @property
    def seen(self) -> str:
        return decoded(self.text)


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
        reply = await self.pdp.check_output(
            self.target, rows=rows, message=message, row_count=self.row_count, begun=self.begun
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
class ResponsePlane:
    """Checks what backends send."""

    pdp: Pdp

    def begin(self, target: Target, value: Any, raw: str, *, row_count: int | None = None) -> Exchange | None:
        """Ask about a value where one question is enough and nothing has to be waited for, else give None."""
        text = sole_text(value)
        if text is not None and len(text) < ASKED_AT_ONCE_CHARS:
            return self.pdp.begin_check_output(target, None, decoded(text), row_count)
        if len(raw) > ASKED_AT_ONCE_CHARS:
            return None
        texts, unseen = _texts(leaves_of(value))
        if not texts or unseen or _one_message(texts):
            return None
        batches = _batches(texts, list(range(len(texts))))
        if len(batches) != 1:
            return None
        return self.pdp.begin_check_output(target, _rows(texts, batches[0])[0], None, row_count)

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
        try:
            if len(raw) < READ_AT_ONCE_CHARS:
                texts, unseen = _texts(leaves_of(value))
            else:
                texts, unseen = await asyncio.to_thread(lambda: _texts(leaves_of(value)))
        except TooManyLeaves:
            raise unavailable(
                "The result holds too many texts to be checked, so it is withheld.", executed=True
            ) from None
        if unseen and binary == "withhold":
            reason = "images and blobs are withheld by the backend map"
            raise denied(Decision("deny", trace_id=asked.trace_id, reasons=(reason,)), of_response=True)
        masked, decision_id = await self._masks(asked, texts)
        replacements: dict[int, str] = {}
        count = 0
        for text, mask in zip(texts, masked, strict=True):
            if mask is not None and mask != text.seen:
                shown = base64.b64encode(mask.encode()).decode() if text.base64 else still_json(text.seen, mask)
                replacements.update((leaf.ordinal, shown) for leaf in text.leaves)
                count += len(text.leaves) * max(1, mask.count(_PLACEHOLDER) - text.seen.count(_PLACEHOLDER))
        checked = with_scalars_replaced(raw, replacements) if replacements else raw
        return Checked(checked, count, unseen, decision_id, tuple(asked.warned))

    async def _masks(self, asked: _Asked, texts: list[_Text]) -> tuple[list[str | None], str]:
        """Give each text's masked form (None for unmasked) and the id of the decision."""
        if not texts:
            return [], ""
        if _one_message(texts):
            verdict = await asked.ask(None, texts[0].seen)
            return [_masked_message(verdict)], verdict.decision_id
        long = [index for index, text in enumerate(texts) if _size(text.seen) > MAX_BATCH_BYTES]
        short = [index for index in range(len(texts)) if index not in set(long)]
        limit = asyncio.Semaphore(PARALLEL)
        masked: list[str | None] = [None] * len(texts)

        async def ask(batch: list[int]) -> str:
            async with limit:
                return await self._ask_batch(asked, texts, batch, masked)

        ids = await asyncio.gather(*(ask(batch) for batch in _batches(texts, short)))
        for index in long:
            masked[index] = await self._long(asked, texts[index].seen)
        return masked, next(iter(ids), "")

    async def _ask_batch(self, asked: _Asked, texts: list[_Text], batch: list[int], masked: list[str | None]) -> str:
        rows, places = _rows(texts, batch)
        verdict = await asked.ask(rows, None)
        answer = verdict.redacted_data
        if answer is None and verdict.redacted_message is None:
            return verdict.decision_id
        if not isinstance(answer, list) or len(answer) != len(rows):
            raise MalformedVerdict("The agent's masked rows are not the rows it was asked about.")
        for (row, name), index in places.items():
            shown = answer[row].get(name) if isinstance(answer[row], dict) else None
            if not isinstance(shown, str):
                raise MalformedVerdict("The agent's masked rows are not the rows it was asked about.")
            masked[index] = shown
        return verdict.decision_id

    async def _long(self, asked: _Asked, text: str) -> str | None:
        """Check a text that no request can hold: cut where nothing sensitive lies across the cut."""
        (scanned,) = await scan_texts([text], asked.target.server, asked.ask_part)
        if scanned.blocked is not None:
            asked.refuse_blocked(scanned.blocked)
        if scanned.error is not None:
            raise scanned.error
        return scanned.masked


def _one_message(texts: list[_Text]) -> bool:
    """Tell whether texts are one that can be asked about as a message."""
    return len(texts) == 1 and texts[0].label == "text" and _size(texts[0].seen) <= MAX_BATCH_BYTES


def _masked_message(verdict: OutputVerdict) -> str | None:
    # REST gives a masked message as redacted_data, the MCP tool as redacted_message; an empty one is masked too.
    if isinstance(verdict.redacted_data, str):
        return verdict.redacted_data
    if verdict.redacted_data is not None:
        raise MalformedVerdict("The agent's masked text is not a text.")
    return verdict.redacted_message


def _texts(leaves: list[Leaf]) -> tuple[list[_Text], int]:
    """Give the different texts of the leaves, and how many of the leaves nobody can look into."""
    texts: dict[tuple[str, str, bool], _Text] = {}
    unseen = 0
    for leaf in leaves:
        if is_plain_key(leaf):
            continue
        label = leaf.label if _LABEL.fullmatch(leaf.label) else "value"
        forms = [(leaf.text, False)]
        if leaf.kind == "binary":
            forms, hidden = forms_of_binary(leaf.text)
            unseen += hidden
        for text, in_base64 in forms:
            known = texts.setdefault((label, text, in_base64), _Text(label, text, [], in_base64))
            known.leaves.append(leaf)
    return list(texts.values()), unseen


def _batches(texts: list[_Text], indexes: list[int]) -> list[list[int]]:
    """Put texts into as few requests as can hold them: mostly one."""
    rough = sum(_size(texts[index].seen) + ROW_BYTES for index in indexes)
    if rough <= MAX_BATCH_BYTES and len(indexes) <= MAX_BATCH_ROWS:
        return [indexes] if indexes else []
    batches: list[list[int]] = []
    size = MAX_BATCH_BYTES
    for index in indexes:
        wanted = encoded_text_size(texts[index].seen) + ROW_BYTES
        if size + wanted > MAX_BATCH_BYTES or len(batches[-1]) >= MAX_BATCH_ROWS:
            batches.append([])
            size = 0
        batches[-1].append(index)
        size += wanted
    return batches


def _size(text: str) -> int:
    """Give the bytes a text takes in a request, or for a short one what it takes at most."""
    return 6 * len(text) + 2 if len(text) < 20_000 else encoded_text_size(text)


def _rows(texts: list[_Text], batch: list[int]) -> tuple[list[dict[str, str]], dict[tuple[int, str], int]]:
    """Put texts into rows: the n-th text of a label stands in the n-th row. Gives where each stands, too."""
    rows: list[dict[str, str]] = []
    places: dict[tuple[int, str], int] = {}
    used: dict[str, int] = {}
    for index in batch:
        label = texts[index].label
        row = used[label] = used.get(label, -1) + 1
        if row == len(rows):
            rows.append({})
        rows[row][label] = texts[index].seen
        places[row, label] = index
    return rows, places
