"""Layer-1 audit: for each governed call a row before it is executed and one after it, so that a crash leaves a trace.

Neither holds arguments or results: the arguments as a hash (RFC 8785), the result as a number of records. A row that
cannot be written refuses the call, or withholds its result, whatever the fail mode: what leaves no trace is not done.
What does not print (control characters, line separators, bidi marks) stands in a row as JSON escapes: a row is a line.
"""

from __future__ import annotations

import functools
import hashlib
import json
import json.encoder
import re
import time
from dataclasses import dataclass, field
from json.encoder import encode_basestring as _encode_text
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import rfc8785

from axonflow_hooks.proxy.nonces import Nonces
from axonflow_hooks.proxy.printable import printable
from axonflow_hooks.proxy.refusals import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.proxy.audit_file import AuditFile
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.pdp import Target
    from axonflow_hooks.proxy.settings import ProxySettings
    from axonflow_hooks.proxy.verdicts import Decision

MAX_SAFE_INTEGER: Final = 2**53 - 1
MAX_ERROR_CHARS: Final = 300

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def _sorted_encoder() -> Callable[[Any], str]:
    """Give what encodes with sorted keys: json makes its own anew for each value, which takes longer than to use it."""
    make = getattr(json.encoder, "c_make_encoder", None)
    plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, sort_keys=True)
    if make is None:
        return plain.encode
    pieces = make(None, plain.default, _encode_text, None, ":", ",", True, False, True)
    return lambda value: "".join(pieces(value, 0))


_encode_sorted: Final = _sorted_encoder()
_UNLIKE_PYTHON: Final = re.compile(r"\d[.eE]|\d{16}|\\u|[^\x00-\ud7ff]")
"""What JSON text may hold whose canonical form is not what Python writes: fractions, large numbers, order of keys."""

_nonces: Final = Nonces()

HashForm = Literal["rfc8785", "rfc8785+text", "raw"]


@dataclass(slots=True)
class Call:
    """One governed call on its way, and since when it runs (seconds); `fixed` is what both of its rows say, as JSON."""

    tool_name: str
    target: Target
    parameters_hash: str
    hash_form: HashForm
    started: float = field(default_factory=time.monotonic)
    call_id: str = field(default_factory=functools.partial(_nonces.take, 16))
    decision: Decision | None = None
    redactions: int = 0
    unseen: int = 0
    warnings: int = 0
    executed: bool | None = False
    fixed: str = field(init=False)
    allowed: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.fixed = (
            f"{_names(self.tool_name, self.target.server)},"
            f'"parameters_hash":"{self.parameters_hash}","parameters_hash_form":"{self.hash_form}"'
        )


class Outcome(NamedTuple):
    """How a call ended: `verdict` is allow, deny, needs_approval or error."""

    verdict: str
    records: int | None = None
    error: str = ""
    decision: Decision | None = None


class OutcomeRow(NamedTuple):
    """The row of an outcome, but for its moment and how long the call took: the texts before and after the latter."""

    call: Call
    before: str
    after: str


@dataclass(slots=True)
class AuditTrail:
    """Writes rows to the file of the settings, where there is one, and in short to stderr."""

    settings: ProxySettings
    diagnostics: Diagnostics
    file: AuditFile | None = None
    broken: bool = False
    _who: str = ""
    _who_shown: str = ""

    def __post_init__(self) -> None:
        settings = self.settings
        who = {"session_id": settings.session_id, "ai_agent": settings.ai_agent, "gateway_id": settings.gateway_id}
        self._who_shown = printable(_encode(who)[1:-1])
        self._who = printable(f'{self._who_shown},"leader_email":{_encode(settings.leader_email or None)}')

    def intent(self, call: Call) -> None:
        """Write that a call is about to be executed. Raises Refusal when that cannot be written."""
        call.allowed = _decided("allow", call.decision)
        start = f'"timestamp":"{_now()}","event":"intent","call_id":"{call.call_id}",'
        self._write(start, f",{call.fixed},{call.allowed}")

    def outcome(self, call: Call, outcome: Outcome) -> None:
        """Write how a call ended. Raises Refusal when that cannot be written: its result is withheld."""
        self.write_outcome(self.outcome_row(call, outcome))

    def outcome_row(self, call: Call, outcome: Outcome) -> OutcomeRow:
        """Give what `write_outcome` writes of a call that ends so, once all else of the call is known."""
        records = "null" if outcome.records is None else outcome.records
        error = printable(_encode_text(outcome.error[:MAX_ERROR_CHARS])) if outcome.error else "null"
        as_intended = outcome.verdict == "allow" and outcome.decision is None
        decided = (as_intended and call.allowed) or _decided(outcome.verdict, outcome.decision or call.decision)
        before = f',{call.fixed},{decided},"response_record_count":{records},"duration_ms":'
        after = (
            f',"redaction_count":{call.redactions},"warning_count":{call.warnings},"unscanned_binaries":{call.unseen},'
            f'"executed":{_truth(call.executed)},"error":{error}'
        )
        return OutcomeRow(call, before, after)

    def write_outcome(self, row: OutcomeRow, answer: Callable[[], None] | None = None) -> None:
        """Write the row, then `answer`. Raises Refusal when it cannot be written: the call's result is withheld."""
        call = row.call
        start = f'"timestamp":"{_now()}","event":"outcome","call_id":"{call.call_id}",'
        rest = f"{row.before}{round((time.monotonic() - call.started) * 1000, 3)}{row.after}"
        try:
            self._write(start, rest, executed=call.executed is not False)
            if answer is not None:
                answer()
        finally:
            # Who it was stays in the private file, as a host may keep what stands on stderr.
            self.diagnostics.line(f"[AxonFlow] audit {{{start}{self._who_shown}{rest}}}")

    def _write(self, start: str, rest: str, *, executed: bool = False) -> None:
        if self.file is None:
            return
        try:
            self.file.append_members(f"{start}{self._who}{rest}")
            self.broken = False
        except OSError as error:
            if not self.broken:
                self.diagnostics.say(f"The audit file {self.file.path} cannot be written: {error.strerror}.")
            self.broken = True
            what = "its result is withheld" if executed else "the call was not made"
            raise unavailable(f"The audit trail cannot be written, so {what}.", executed=executed) from None


@functools.lru_cache(maxsize=256)
def _names(tool: str, backend: str) -> str:
    return printable(f'"tool_name":{_encode_text(tool)},"backend":{_encode_text(backend)}')


def _decided(verdict: str, decision: Decision | None) -> str:
    """Give the members of a row that tell what was decided."""
    if decision is None:
        return f'"verdict":"{verdict}","decision_id":null,"trace_id":null,"evaluated_policies":[],"failed_open":false'
    ids = f'"decision_id":{_encode_text(decision.decision_id)},"trace_id":{_encode_text(decision.trace_id)}'
    return (
        f'"verdict":"{verdict}",{printable(ids)},"evaluated_policies":[{_listed(decision.policies)}],'
        f'"failed_open":{_truth(decision.failed_open)}'
    )


@functools.lru_cache(maxsize=256)
def _listed(policies: tuple[str, ...]) -> str:
    return printable(",".join(map(_encode_text, policies)))


def _truth(value: bool | None) -> str:
    return "null" if value is None else "true" if value else "false"


def _now() -> str:
    """Give the moment in UTC, to the millisecond (RFC 3339)."""
    milliseconds = time.time_ns() // 1_000_000
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@functools.lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def parameters_hash(value: Any, raw: str) -> tuple[str, HashForm]:
    """Take the value and the text of a call's arguments, give the SHA-256 of its canonical JSON and how it was made.

    RFC 8785 knows the numbers of IEEE 754 alone: where others stand (integers above 2^53 - 1, say), each is hashed as a
    string of its digits, "rfc8785+text". Text without a UTF-8 form (lone surrogates) is hashed as it came, "raw".
    """
    form: HashForm = "rfc8785"
    if _UNLIKE_PYTHON.search(raw) is None:
        return hashlib.sha256(_encode_sorted(value).encode()).hexdigest(), form
    try:
        canonical = rfc8785.dumps(value)
    except (rfc8785.IntegerDomainError, rfc8785.FloatDomainError):
        form = "rfc8785+text"
        canonical = _canonical_text(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError):
        canonical = b""
    if not canonical:
        form, canonical = "raw", raw.encode("utf-8", "surrogatepass")
    return hashlib.sha256(canonical).hexdigest(), form


def _canonical_text(value: Any) -> bytes:
    try:
        return rfc8785.dumps(_numbers_as_text(value))
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError):
        return b""


def _numbers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers_as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers_as_text(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    beyond = abs(value) > MAX_SAFE_INTEGER if isinstance(value, int) else value in {float("inf"), float("-inf")}
    return str(value) if beyond else value


def record_count(result: Any) -> int:
    """Give how many records a result holds: the length of the longest list in its structuredContent, at any depth.

    Where that has no list it is one record; where there is none, its content blocks count. A list beside the records
    does not hide them from what limits their number (wire 1.6, row_count). Rows in the text of a block are not counted.
    """
    if not isinstance(result, dict):
        return 0
    structured = result.get("structuredContent")
    if isinstance(structured, (dict, list)):
        return _longest_list(structured)
    for name in ("content", "contents", "messages"):
        if isinstance(result.get(name), list):
            return len(result[name])
    return 1 if result else 0


def _longest_list(value: dict[str, Any] | list[Any]) -> int:
    lengths, waiting = [], [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            lengths.append(len(item))
        inside = item if isinstance(item, list) else item.values()
        waiting += [each for each in inside if isinstance(each, (dict, list))]
    return max(lengths, default=1)
