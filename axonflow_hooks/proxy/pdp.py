"""Questions to the policy decision point: `decide`, `check-input`, `check-output` (wire 1.4 to 1.6).

Every method raises AgentUnavailable when there was no answer (RateLimited for 429), AgentRefused when the agent refuses
the proxy itself, and MalformedVerdict for what is no verdict.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from json import JSONDecoder, JSONEncoder
from json.encoder import encode_basestring as _encode_text
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from axonflow_hooks import __version__
from axonflow_hooks.client import one_line, retry_after_s
from axonflow_hooks.errors import AgentRefused, AgentUnavailable, MalformedVerdict, RateLimited
from axonflow_hooks.proxy.nonces import Nonces
from axonflow_hooks.proxy.refusals import refusal_remedy
from axonflow_hooks.proxy.verdicts import (
    CheckInputReply,
    DecideReply,
    Decision,
    OutputReply,
    holds_no_verdict,
    plain_allow,
    plain_clean,
)
from axonflow_hooks.wire.decide import APPROVAL_HEADER, CHECK_INPUT_PATH, CHECK_OUTPUT_PATH, DECIDE_PATH, REDACT_PII

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axonflow_hooks.proxy.agent_link import Answer, Exchange, Link
    from axonflow_hooks.proxy.breaker import Breaker
    from axonflow_hooks.proxy.settings import ProxySettings

CLIENT: Final = f"mcp-proxy/{__version__}"
INPUT_CONNECTOR: Final = "gateway"
DEFAULT_RETRY_AFTER_S: Final = 30.0
MAX_KNOWN: Final = 4_096
_NO_HEADERS: Final[dict[str, str]] = {}
_BLANKS: Final = " \t\r\n"

_nonces: Final = Nonces()
_decoder: Final = JSONDecoder()
_encode: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode

ModelT = TypeVar("ModelT", bound=BaseModel)


class Target(NamedTuple):
    """What a request is for: the id of a backend, and a tool of it (or the method, where it is not a tool call)."""

    server: str
    tool: str


@dataclass(slots=True)
class Pdp:
    """The agent of these settings. `credential` gives the base64 of Basic authentication, "" for none."""

    settings: ProxySettings
    link: Link
    breaker: Breaker
    credential: Callable[[], str]
    _basic: str = field(default="", repr=False)
    _sent: dict[str, str] = field(default_factory=dict, repr=False)
    _beginnings: dict[tuple[str, Target], str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._basic = self.credential()
        self._sent = self._headers()

    async def decide(
        self, query: str, target: Target, *, approval_id: str = "", trace_id: str = "", begun: Exchange | None = None
    ) -> Decision:
        """Ask whether a request with this text may go to its target, or where that has `begun`, wait for the answer."""
        headers, more = _trace(trace_id), ""
        if approval_id:
            more = f',"approval_id":{_encode(approval_id)}'
            headers[APPROVAL_HEADER] = approval_id
        beginning = self._beginning(DECIDE_PATH, target)
        body = f'{beginning},"query":{_encode_text(query)}{more}}}'
        return _decision(await self._post(DECIDE_PATH, body, headers, begun))

    def begin_decide(self, query: str, target: Target, trace_id: str) -> Exchange | None:
        """Ask the same where nothing has to be waited for, else give None. Then `decide` or `settled` must follow."""
        body = f'{self._beginning(DECIDE_PATH, target)},"query":{_encode_text(query)}}}'
        return self._begin(DECIDE_PATH, body, _trace(trace_id))

    async def check_input(self, statement: str) -> CheckInputReply:
        """Ask for one text of a request with what must not leave masked; the answer may be a block."""
        body = {"connector_type": INPUT_CONNECTOR, "statement": statement, "operation": "execute"}
        answer = await self._post(CHECK_INPUT_PATH, _encode({**body, "content_type": "text/plain"}), {})
        return _verdict(CheckInputReply, answer)

    async def check_output(
        self,
        target: Target,
        *,
        rows: list[dict[str, str]] | None = None,
        message: str | None = None,
        row_count: int | None = None,
        begun: Exchange | None = None,
    ) -> OutputReply:
        """Ask what of a result must be masked or withheld, or where that has `begun`, wait for the answer."""
        body = self._output(target, rows, message, row_count)
        verdict = _verdict(OutputReply, await self._post(CHECK_OUTPUT_PATH, body, _NO_HEADERS, begun))
        if verdict.allowed and verdict.redaction_evaluated is not True:
            raise MalformedVerdict("The agent did not evaluate redaction.")
        return verdict

    def begin_check_output(
        self, target: Target, rows: list[dict[str, str]] | None, message: str | None, row_count: int | None
    ) -> Exchange | None:
        """Ask the same where nothing has to be waited for, else give None. `check_output` or `settled` must follow."""
        return self._begin(CHECK_OUTPUT_PATH, self._output(target, rows, message, row_count), _NO_HEADERS)

    def settled(self, exchange: Exchange) -> None:
        """Take it that an exchange that was begun has been answered with 200."""
        self.breaker.succeeded()
        self.link.end(exchange)

    def _output(
        self, target: Target, rows: list[dict[str, str]] | None, message: str | None, row_count: int | None
    ) -> str:
        given = "" if rows is None else f',"response_data":{_encode(rows)}'
        given += "" if message is None else f',"message":{_encode_text(message)}'
        given += "" if row_count is None else f',"row_count":{row_count}'
        return f"{self._beginning(CHECK_OUTPUT_PATH, target)}{given}}}"

    def _begin(self, path: str, body: str, headers: Mapping[str, str]) -> Exchange | None:
        if not self.breaker.at_rest():
            return None
        content = body.encode("utf-8", "replace")
        return self.link.begin(path, self._sent, headers, content, self.settings.decide_timeout_s)

    def _beginning(self, path: str, target: Target) -> str:
        """Give the text with which all bodies for a target begin: written once, as it is the longer part of most."""
        known = self._beginnings.get((path, target))
        if known is None:
            body: dict[str, Any] = {"connector_type": target.server, "tool": target.tool}
            if path == DECIDE_PATH:
                body = _question(self.settings, target)
            if len(self._beginnings) >= MAX_KNOWN:
                self._beginnings.clear()
            known = self._beginnings[path, target] = _encode(body)[:-1]
        return known

    async def _post(self, path: str, body: str, headers: Mapping[str, str], begun: Exchange | None = None) -> Answer:
        content = body.encode("utf-8", "replace")
        answer = await self._exchange(path, content, headers, begun)
        if answer.status == 401 and (renewed := self.credential()) != self._basic:
            self._basic = renewed  # the agent of this machine has been set up since
            self._sent = self._headers()
            answer = await self._exchange(path, content, headers)
        return answer

    async def _exchange(
        self, path: str, content: bytes, headers: Mapping[str, str], begun: Exchange | None = None
    ) -> Answer:
        if begun is None:
            self.breaker.enter()
        try:
            answer = await self.link.post(path, self._sent, headers, content, self.settings.decide_timeout_s, begun)
        except AgentUnavailable:
            self.breaker.failed()
            raise
        except asyncio.CancelledError:
            self.breaker.abandoned()
            raise
        if answer.status == 429:
            self.breaker.limited(_retry_after(answer))
        elif answer.status >= 500 and _is_down(answer, _json(answer)):
            self.breaker.failed()
        else:
            self.breaker.succeeded()
        return answer

    def _headers(self) -> dict[str, str]:
        settings = self.settings
        optional = {
            "Authorization": f"Basic {self._basic}" if self._basic else "",
            "X-User-Token": settings.user_token,
            "X-Tenant-ID": settings.tenant_id,
            "X-Org-ID": settings.org_id,
            "X-Session-Id": settings.session_id,
            "X-User-Email": settings.leader_email,
        }
        sent = {"X-Axonflow-Client": CLIENT, "Content-Type": "application/json", "Accept": "application/json"}
        return {**sent, **{name: value for name, value in optional.items() if value}}


def _trace(trace_id: str) -> dict[str, str]:
    """Give the trace that a decision belongs to (W3C Trace Context, level 1)."""
    nonce = _nonces.take(48)
    return {"traceparent": f"00-{trace_id or nonce[:32]}-{nonce[32:]}-01"}


def _question(settings: ProxySettings, target: Target) -> dict[str, Any]:
    """Give the body of a decide request, but for its query (wire 1.4)."""
    caller = {"gateway_id": settings.gateway_id, "org_id": settings.org_id, "tenant_id": settings.tenant_id}
    context = {"x-ai-agent": settings.ai_agent, "x-session-id": settings.session_id}
    if settings.leader_email:
        context["x-leader-identity"] = settings.leader_email
    body = {
        "stage": "tool",
        "caller_identity": {name: value for name, value in caller.items() if value or name == "gateway_id"},
        "target": {"type": "tool", "server": target.server, "tool": target.tool},
        "context": context,
        "fulfillment_capabilities": ["request_body_redaction"],
    }
    return {**body, "user_token": settings.user_token} if settings.user_token else body


def allowed_at_once(answer: Answer) -> Decision | None:
    """Give the decision of an answer that allows and asks for nothing, None for any other."""
    return plain_allow(_json(answer)) if answer.status == 200 else None


def clean_at_once(answer: Answer) -> bool:
    """Tell whether an answer of check-output lets everything through as it is; there are other ways to say so, too."""
    return answer.status == 200 and plain_clean(_json(answer))


def _decision(answer: Answer) -> Decision:
    """Read a verdict: an explicit deny counts under any status, whatever stands beside it, an allow only under 200.

    Under 5xx a verdict of any other kind is no reason to go on without one.
    """
    allowed = allowed_at_once(answer)
    if allowed is not None:
        return allowed
    body = _json(answer)
    reply: DecideReply | None = None
    if isinstance(body, dict) and body.get("verdict") is not None:
        try:
            reply = DecideReply.model_validate(body)
        except ValidationError:
            reply = None
    if reply is None or (reply.verdict != "deny" and answer.status != 200):
        if answer.status < 500 or _is_down(answer, body):
            _raise_for(answer, body)
        raise MalformedVerdict("The agent's answer is not a decision.")
    pending = reply.pending_approval
    denied = reply.verdict == "deny"
    return Decision(
        verdict=reply.verdict,
        decision_id=reply.decision_id,
        trace_id=reply.trace_id,
        policies=tuple(reply.evaluated_policies),
        reasons=tuple(one_line(reason) for reason in (reply.reasons or ([reply.error] if reply.error else []))),
        obliged=frozenset() if denied else _obliged(reply.obligations),
        approval_id=reply.approval_id or (pending.approval_id if pending else ""),
        status=answer.status,
        retry_after_s=_retry_after(answer) if answer.status == 429 else None,
    )


def _is_down(answer: Answer, body: Any) -> bool:
    """Tell whether an answer (5xx) means no more than that there is no verdict; one that cannot be read is one."""
    return holds_no_verdict(body) and (isinstance(body, dict) or b'"verdict"' not in answer.body)


def _obliged(obligations: list[dict[str, Any]]) -> frozenset[str]:
    """Give the planes on which the proxy has to mask. Raises MalformedVerdict for what it cannot fulfil (wire 1.4)."""
    planes = set()
    for obligation in obligations:
        how = obligation.get("fulfillment")
        how = how if isinstance(how, dict) else {}
        phase = how.get("phase", "request")
        types = how.get("content_types")
        by_text = types is None or (isinstance(types, list) and "text/plain" in types)
        path = urlsplit(str(how.get("endpoint", CHECK_INPUT_PATH))).path
        expected = {"request": CHECK_INPUT_PATH, "response": CHECK_OUTPUT_PATH}.get(phase)
        if obligation.get("type") != REDACT_PII or not by_text or path != expected:
            raise MalformedVerdict(f"The agent asks for what cannot be done here: {one_line(obligation.get('type'))}.")
        planes.add(phase)
    return frozenset(planes)


def _verdict(model: type[ModelT], answer: Answer) -> ModelT:
    body = _json(answer)
    is_verdict = isinstance(body, dict) and isinstance(body.get("allowed"), bool)
    if not is_verdict or (answer.status != 200 and body["allowed"]):
        _raise_for(answer, body)
    try:
        return model.model_validate(body)
    except ValidationError:
        raise MalformedVerdict(f"The agent's answer (HTTP {answer.status}) is not a verdict.") from None


def _raise_for(answer: Answer, body: Any) -> None:
    """Raise what a reply without a verdict means; nothing for 200."""
    if answer.status == 200:
        return
    error = body.get("error") if isinstance(body, dict) else None
    error = error.get("message") if isinstance(error, dict) else error
    reason = one_line(error).rstrip(".") if isinstance(error, str) else ""
    said = f": {reason}" if reason else ""
    if answer.status == 429:
        raise RateLimited(f"The agent limits the rate (HTTP 429){said}.", retry_after=_retry_after(answer))
    if answer.status >= 500:
        raise AgentUnavailable(f"The agent cannot answer (HTTP {answer.status}){said}.")
    raise AgentRefused(
        f"The agent refuses this proxy (HTTP {answer.status}){said}.",
        code=answer.status,
        remedy=refusal_remedy(reason),
    )


def _retry_after(answer: Answer) -> float:
    return retry_after_s(httpx.Response(answer.status, headers=answer.headers), default=DEFAULT_RETRY_AFTER_S)


def _json(answer: Answer) -> Any:
    try:
        text = answer.body.decode("utf-8").strip(_BLANKS)
        value, end = _decoder.scan_once(text, 0)  # type: ignore[attr-defined]
        return value if end == len(text) else None
    except (ValueError, RecursionError, StopIteration):
        return None
