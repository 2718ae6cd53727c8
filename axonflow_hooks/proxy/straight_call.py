"""The straight way of a tool call: allowed, executed and clean, each answer leading at once to the next step.

It keeps the order that `governed` guarantees (decided, intent written, executed, checked, outcome written) and needs no
task for it, nor a turn of the event loop: each step is taken when the bytes that it waits for are read. First comes
what somebody waits for; what can be done while the agent or the backend is at work is done then. It knows the plain
answers only. Whatever else happens, the call goes on as any other does, from where it is, with what has `begun`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from axonflow_hooks.proxy.audit import Call, parameters_hash, record_count
from axonflow_hooks.proxy.busy_polling import BusyPolling, busy_polling
from axonflow_hooks.proxy.catalogue import TOOLS
from axonflow_hooks.proxy.exact_json import read_object
from axonflow_hooks.proxy.gathered import as_line
from axonflow_hooks.proxy.governed import TAKEN_AT_ONCE_CHARS, Begun, answered
from axonflow_hooks.proxy.pdp import Target, allowed_at_once, clean_at_once
from axonflow_hooks.proxy.refusals import Refusal
from axonflow_hooks.proxy.request_params import is_own_meta, progress_token, trace_id_in
from axonflow_hooks.proxy.router import result_message
from axonflow_hooks.proxy.routes import Progress, ToolCall
from axonflow_hooks.wire.decide import CHECK_OUTPUT_PATH, DECIDE_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from axonflow_hooks.proxy.agent_link import Answer
    from axonflow_hooks.proxy.audit import OutcomeRow
    from axonflow_hooks.proxy.backend import BackendHost
    from axonflow_hooks.proxy.catalogue import Catalogue, Item
    from axonflow_hooks.proxy.pending import Pending
    from axonflow_hooks.proxy.plain_messages import PlainCall
    from axonflow_hooks.proxy.router import Router
    from axonflow_hooks.proxy.routes import Routes
    from axonflow_hooks.proxy.rpc import Reply, Session, Waiting

MAX_CHARS: Final = 20_000
"""Longer arguments take time of their own: with them a call is better off in a task."""
MAX_WAYS: Final = 1_000

AnswerT = TypeVar("AnswerT")


@dataclass(slots=True)
class StraightCalls:
    """Starts calls on the straight way, for one client."""

    router: Router
    routes: Routes
    polling: BusyPolling = field(default_factory=busy_polling)
    _ways: dict[str, _Way] = field(default_factory=dict)
    _under_way: int = 0

    def start(self, plain: PlainCall, key: Any) -> StraightCall | None:
        """Take a `tools/call`; give it under way, or None when it is not one for the straight way."""
        try:
            return self._start(plain, key)
        except Exception:  # noqa: BLE001 - the task meets the same, and tells
            return None

    def _start(self, plain: PlainCall, key: Any) -> StraightCall | None:
        started, governance, way = time.monotonic(), self.routes.governance, self._way(plain.name)
        if way is None or len(plain.raw_params) > MAX_CHARS or governance.redact != "always":
            return None
        tool, target, session = way.tool, way.target, way.host.session
        if session is None:
            return None
        if plain.meta and not is_own_meta(plain.meta):
            return None  # more than the arguments is to be decided on
        trace_id = trace_id_in(plain.meta) if plain.meta else ""
        asked = governance.requests.begin(target, tool.name, plain.arguments, trace_id=trace_id)
        if asked is None:
            return None
        # The agent has the question by now; what follows is done while it thinks.
        try:
            digest, form = parameters_hash(plain.arguments, plain.raw_arguments)
            begun = Begun(Call(tool.name, target, digest, form, started), asked)
            straight = StraightCall(self, plain, key, way, begun)
            straight.prepare(session)
        except Exception:
            link = governance.requests.pdp.link
            asked.answer.then(lambda _: link.end(asked))
            raise
        asked.answer.then(straight.decided)
        self._under_way += 1
        self.wait_for(DECIDE_PATH)
        return straight

    def wait_for(self, peer: Hashable) -> None:
        """Take it that a call waits for an answer of `peer` now."""
        if self._under_way == 1:
            self.polling.begin(peer)
        else:
            self.polling.stop()

    def left(self) -> None:
        """Take it that a call is over."""
        self._under_way -= 1

    def _way(self, name: str) -> _Way | None:
        """Give the way of a tool by the name that the client uses, as long as what is known of its backend holds."""
        way = self._ways.get(name)
        if way is not None and way.catalogue.known(TOOLS) is way.items:
            return way
        fleet = self.routes.fleet
        found = fleet.known(TOOLS, name)
        if found is None:
            return None
        host, tool = found
        catalogue = fleet.catalogues[host.id]
        if len(self._ways) >= MAX_WAYS:
            self._ways.clear()
        target = Target(host.id, tool.name)
        way = self._ways[name] = _Way(catalogue, catalogue.known(TOOLS), host, tool, target, host.timeout_s)
        return way


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """What is the same for all calls of a tool, as long as the catalogue has these items."""

    catalogue: Catalogue
    items: dict[str, Item]
    host: BackendHost
    tool: Item
    target: Target
    timeout_s: float


@dataclass(slots=True, eq=False)
class StraightCall:
    """One call on its way. It is over when the client has its answer, or when it was handed over to a task."""

    calls: StraightCalls
    plain: PlainCall
    key: Any
    way: _Way
    begun: Begun
    over: bool = field(default=False, init=False)
    _token: str | int | None = field(default=None, init=False)
    _request: Waiting | None = field(default=None, init=False)
    _outcome: OutcomeRow | None = field(default=None, init=False)
    _line: bytes = field(default=b"", init=False)

    def prepare(self, session: Session) -> None:
        """Make ready what the backend is to be sent."""
        plain = self.plain
        self._token = progress_token(plain.meta) if plain.meta else None
        params = plain.raw_params if plain.name == self.way.tool.name else self._tool_call().params()
        self._request = session.prepare("tools/call", params, timeout_s=self.way.timeout_s, token=self._token)

    def _tool_call(self) -> ToolCall:
        return ToolCall(self.way.host, self.way.tool, read_object(self.plain.raw_params), self.plain.raw_params)

    def cancel(self) -> None:
        """Cancel the call, as a task would be."""
        task = self.hand_over()
        asyncio.get_running_loop().call_soon(task.cancel)  # when it has begun to wait for what is under way

    def hand_over(self) -> asyncio.Task[None]:
        """Let the call go on in a task of its own, and give that."""
        self._leave()
        calls = self.calls
        task = calls.router.go_on(self.plain.raw_id, self.key, calls.routes.go_on(self._tool_call(), self.begun))
        task.add_done_callback(self._drop)
        return task

    def _drop(self, _: asyncio.Task[None]) -> None:
        """Give up what of the call was asked and never waited for, as it was cancelled before."""
        link = self.calls.routes.governance.requests.pdp.link
        for exchange in (self.begun.asked, self.begun.checking):
            if exchange is not None:
                link.drop(exchange)

    def _leave(self) -> None:
        self.over = True
        self.calls.left()

    def _step(self, step: Callable[[Pending[AnswerT]], bool], answer: Pending[AnswerT]) -> None:
        """Do a step, and hand over where it says that this is not the straight way, or fails."""
        if self.over:
            return
        self.calls.polling.end()
        try:
            straight = step(answer)
        except Exception:  # noqa: BLE001 - the task meets the same, and tells
            straight = False
        if not straight and not self.over:
            self.hand_over()

    def decided(self, answer: Pending[Answer]) -> None:
        """Take the agent's decision: write the intent and execute."""
        self._step(self._execute, answer)

    def _execute(self, answer: Pending[Answer]) -> bool:
        begun, routes, request = self.begun, self.calls.routes, self._request
        governance = routes.governance
        decision = allowed_at_once(answer.result())
        if decision is None or begun.asked is None or request is None:
            return False
        call = begun.call
        call.decision = decision
        governance.trail.intent(call)
        begun.decision, begun.intended, call.executed = decision, True, True
        if self._token is not None:
            routes.tokens[self._token] = Progress(self.way.host.id)
        try:
            sent = request.session.begin(request)
        finally:
            governance.requests.pdp.settled(begun.asked)
        if sent:
            begun.sent = request
            request.answer.then(self.replied)
            self.calls.wait_for(self.way.target)
        return sent

    def replied(self, reply: Pending[Reply]) -> None:
        """Take the backend's answer: have it checked."""
        self._step(self._check, reply)

    def _check(self, answer: Pending[Reply]) -> bool:
        begun, reply, token, routes = self.begun, answer.result(), self._token, self.calls.routes
        governance, tokens = routes.governance, routes.tokens
        if begun.sent is None or (token is not None and (token not in tokens or tokens[token].unchecked)):
            return False  # no report of progress may come after the result
        session = begun.sent.session
        result, checking, records = reply.result, None, 0
        if result is not None and len(result.raw) < TAKEN_AT_ONCE_CHARS:
            records = record_count(result.value)
            checking = governance.responses.begin(begun.call.target, result.value, result.raw, row_count=records)
        session.settled(begun.sent)
        session.served = True
        begun.reply, begun.sent, begun.checking = reply, None, checking
        if token is not None:
            del tokens[token]
        if checking is None or result is None:
            return False
        # While the agent looks at it.
        self._outcome = governance.trail.outcome_row(begun.call, answered(result.value, records))
        self._line = as_line(result_message(self.plain.raw_id, result.raw))
        checking.answer.then(self.checked)
        self.calls.wait_for(CHECK_OUTPUT_PATH)
        return True

    def checked(self, answer: Pending[Answer]) -> None:
        """Take the agent's word on the result: write the outcome and answer the client."""
        self._step(self._finish, answer)

    def _finish(self, answer: Pending[Answer]) -> bool:
        router, governance = self.calls.router, self.calls.routes.governance
        checking, row, link = self.begun.checking, self._outcome, router.link
        if checking is None or row is None or link is None or not clean_at_once(answer.result()):
            return False
        try:
            governance.trail.write_outcome(row, lambda: link.send_line(self._line))
        except Refusal as refusal:
            self._leave()
            router.refuse(self.plain.raw_id, self.key, refusal)
        else:
            self._leave()
            router.finish(self.key)
        governance.responses.pdp.settled(checking)
        return True
