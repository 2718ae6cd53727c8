"""Asking the agent about every text leaf of an output, and putting its answers together."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from axonflow_hooks.claude_code.cautions import Caution, cautions_of, distinct
from axonflow_hooks.claude_code.leaves import decoded, masked_in_place
from axonflow_hooks.claude_code.statements import MAX_PIECE_BYTES, PIECE_CHARS
from axonflow_hooks.errors import AgentError, AxonFlowError, MalformedVerdict
from axonflow_hooks.wire.jsonrpc import encoded_text_size
from axonflow_hooks.wire.mcp_tools import CheckOutputArguments, OutputVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SINGLE_CALLS: Final = 8
"""Up to this many texts are asked about one by one, in parallel; more go as rows of few requests."""

PARALLEL_CALLS: Final = 8
SEAM_CHARS: Final = 8_000
SEAM_STRIDES: Final = (1,) * 24 + tuple(64 << doubled for doubled in range(8))
"""How far back each try to cut lies: near each other first (identifiers in a row), then out of keys of many lines."""

_PLACEHOLDER: Final = re.compile(r"\[REDACTED(?::([A-Za-z0-9_.-]{1,40})(?:#\d+)?)?[^\]\n]{0,40}\]")
_PLACEHOLDER_NUMBER: Final = re.compile(r"(?<=[A-Za-z0-9_.-])#\d+(?=\])")


class OutputChecker(Protocol):
    """Anything that answers `check_output`: the agent, or the built-in policies in the fail mode `local`."""

    async def __call__(self, arguments: CheckOutputArguments) -> OutputVerdict:
        """Give the verdict, or raise an AgentError."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """One text after its scan: `masked` is what to show instead, None to leave it as it is.

    `blocked` is the verdict that withholds it; `error` says why it could not be scanned, which is never "clean";
    `cautions` are the policies that let it pass with a warning.
    """

    text: str
    masked: str | None = None
    blocked: OutputVerdict | None = None
    error: AxonFlowError | None = None
    decision_id: str = ""
    cautions: tuple[Caution, ...] = ()

    @property
    def kinds(self) -> Counter[str]:
        """What was masked in it, counted by kind; placeholders that were there before do not count."""
        return Counter() if self.masked is None else placeholder_kinds(self.masked) - placeholder_kinds(self.text)


def placeholder_kinds(text: str) -> Counter[str]:
    """Count the placeholders in a masked text by kind, such as `ssn`."""
    return Counter(match.group(1) or "value" for match in _PLACEHOLDER.finditer(text))


async def scan_texts(texts: Sequence[str], connector_type: str, check: OutputChecker) -> list[Scanned]:
    """Take texts of one output and give, in their order, what became of each.

    Texts that no request body can hold are cut where nothing sensitive lies across the cut.
    """
    limit = asyncio.Semaphore(PARALLEL_CALLS)
    small = [index for index, text in enumerate(texts) if encoded_text_size(text) <= MAX_PIECE_BYTES]
    results: dict[int, Scanned] = {}
    if len(small) > MAX_SINGLE_CALLS:
        results = await _scan_rows({index: texts[index] for index in small}, connector_type, check, limit)
    rest = [index for index in range(len(texts)) if index not in results]
    singly = await asyncio.gather(*(_scan_one(texts[index], connector_type, check, limit) for index in rest))
    results.update(zip(rest, singly, strict=True))
    return [results[index] for index in range(len(texts))]


async def _scan_one(text: str, connector_type: str, check: OutputChecker, limit: asyncio.Semaphore) -> Scanned:
    try:
        if encoded_text_size(text) > MAX_PIECE_BYTES:
            return await _scan_long(text, connector_type, check, limit)
        seen = decoded(text)
        async with limit:
            verdict = await check(CheckOutputArguments(connector_type=connector_type, message=seen))
        return _scanned(text, seen, verdict, _masked_message(verdict))
    except AgentError as error:
        return Scanned(text, error=error)


def _masked_message(verdict: OutputVerdict) -> str | None:
    if verdict.redacted_message is not None:
        return verdict.redacted_message
    # REST servers give a masked message under the name of the rows (wire 1.6).
    return verdict.redacted_data if isinstance(verdict.redacted_data, str) else None


def _scanned(text: str, seen: str, verdict: OutputVerdict, masked: str | None) -> Scanned:
    if not verdict.allowed:
        return Scanned(text, blocked=verdict, decision_id=verdict.decision_id)
    if verdict.redaction_evaluated is False:
        raise MalformedVerdict("The agent did not evaluate redaction.")
    shown = None if masked is None or masked == seen else masked_in_place(text, masked)
    return Scanned(text, masked=shown, decision_id=verdict.decision_id, cautions=cautions_of(verdict))


async def _scan_rows(
    texts: dict[int, str], connector_type: str, check: OutputChecker, limit: asyncio.Semaphore
) -> dict[int, Scanned]:
    """Scan many texts as rows of few requests; rows the agent answers in another shape are left to be asked singly."""

    async def scan_batch(batch: dict[int, str]) -> dict[int, Scanned]:
        rows = [{"text": decoded(text)} for text in batch.values()]
        arguments = CheckOutputArguments(connector_type=connector_type, response_data=rows)
        try:
            async with limit:
                verdict = await check(arguments)
            masked_rows = _masked_rows(verdict, rows)
            if masked_rows is None:
                return {}
            return {
                index: _scanned(text, row["text"], verdict, masked)
                for (index, text), row, masked in zip(batch.items(), rows, masked_rows, strict=True)
            }
        except AgentError as error:
            return {index: Scanned(text, error=error) for index, text in batch.items()}

    scanned = await asyncio.gather(*(scan_batch(batch) for batch in _batches(texts)))
    return {index: result for batch in scanned for index, result in batch.items()}


def _masked_rows(verdict: OutputVerdict, rows: list[dict[str, str]]) -> list[str | None] | None:
    """Give each row's masked text (None for unmasked), or None when a block or another shape asks for single calls."""
    if not verdict.allowed:
        return None
    data: Any = verdict.redacted_data
    if data is None and verdict.redacted_message is None:
        return [None] * len(rows)
    if not isinstance(data, list) or len(data) != len(rows):
        return None
    texts = [row.get("text") if isinstance(row, dict) else None for row in data]
    return texts if all(isinstance(text, str) for text in texts) else None


def _batches(texts: dict[int, str]) -> list[dict[int, str]]:
    batches: list[dict[int, str]] = [{}]
    size = 0
    for index, text in texts.items():
        size += encoded_text_size(text) + 16
        if size > MAX_PIECE_BYTES and batches[-1]:
            batches.append({})
            size = encoded_text_size(text) + 16
        batches[-1][index] = text
    return batches


async def _scan_long(text: str, connector_type: str, check: OutputChecker, limit: asyncio.Semaphore) -> Scanned:
    seen = decoded(text)
    pieces: list[str] = []
    start = 0
    while start < len(seen):
        end = await _safe_cut(seen, start, connector_type, check, limit)
        if isinstance(end, Scanned):
            return replace(end, text=text)
        pieces.append(seen[start:end])
        start = end
    scanned = await asyncio.gather(*(_scan_one(piece, connector_type, check, limit) for piece in pieces))
    decision_id = next((piece.decision_id for piece in scanned if piece.decision_id), "")
    # Where it must be withheld, it does not matter that another piece could not be scanned.
    for piece in (*(piece for piece in scanned if piece.blocked), *(piece for piece in scanned if piece.error)):
        return replace(piece, text=text, masked=None)
    untouched = all(piece.masked is None for piece in scanned)
    masked = None if untouched else masked_in_place(text, "".join(map(_shown, scanned)))
    cautions = distinct(caution for piece in scanned for caution in piece.cautions)
    return Scanned(text, masked=masked, decision_id=decision_id, cautions=cautions)


async def _safe_cut(
    text: str, start: int, connector_type: str, check: OutputChecker, limit: asyncio.Semaphore
) -> int | Scanned:
    """Find where a long text may be cut: where what lies left and right of the cut masks the same apart as together.

    Gives the scan of what lies around a cut instead when that has to be withheld.
    """
    length = PIECE_CHARS
    while encoded_text_size(text[start : start + length]) > MAX_PIECE_BYTES:
        length //= 2
    if start + length >= len(text):
        return len(text)
    lowest = start + length // 2
    end = start + length
    for stride in SEAM_STRIDES:
        end = _boundary(text, lowest, end)
        left, right = text[max(start, end - SEAM_CHARS) : end], text[end : end + SEAM_CHARS]
        seams = await asyncio.gather(
            *(_scan_one(side, connector_type, check, limit) for side in (left + right, left, right))
        )
        together, *apart = seams
        failed = next((seam.error for seam in seams if seam.error), None)
        if failed:
            raise failed
        if together.blocked:
            return together
        if _unnumbered("".join(map(_shown, apart))) == _unnumbered(_shown(together)):
            return end
        end = max(lowest, end - stride)
    raise MalformedVerdict("A long output cannot be cut into pieces that are safe to scan.")


def _boundary(text: str, lowest: int, end: int) -> int:
    """Give the last line's end, else the last space, else just the last place in a stretch of text."""
    for separator in ("\n", " "):
        found = text.rfind(separator, lowest, end)
        if found != -1:
            return found + 1 if found + 1 < end else found
    return end


def _shown(scanned: Scanned) -> str:
    return scanned.text if scanned.masked is None else scanned.masked


def _unnumbered(masked: str) -> str:
    """Leave out the numbers of placeholders: an agent may count anew in each answer."""
    return _PLACEHOLDER_NUMBER.sub("", masked)
