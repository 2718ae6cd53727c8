"""The straight way of a tool call: allowed, executed and clean, each answer leading at once to the next step.

It keeps the order that `governed` guarantees (decided, intent written, executed, checked, outcome written) and needs no
task for it: a third of the time. It knows the plain answers only. Whatever else happens, the call goes on as any other
does, from where it is, with what has `begun`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.audit import Call, parameters_hash, record_count
from axonflow_hooks.proxy.governed import Begun, answered
from axonflow_hooks.proxy.pdp import allowed_at_once, clean_at_once
from axonflow_hooks.proxy.refusals import Refusal
from axonflow_hooks.proxy.routes import Progress, ToolCall, progress_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.proxy.agent_link import Answer
    from axonflow_hooks.proxy.exact_json import Member
    from axonflow_hooks.proxy.router import Router
    from axonflow_hooks.proxy.routes import Routes
    from axonflow_hooks.proxy.rpc import Reply

MAX_CHARS: Final = 20_000
"""Longer arguments take time of their own: with them a call is better off in a task."""


@dataclass(slots=True)
class StraightCalls:
    """Starts calls on the straight way, for one client."""

    router: Router
    routes: Routes

    def start(self, raw_id: str, key: Any, params: Member | None) -> StraightCall | None:
        """Take a `tools/call`; give it under way, or None when it is not one for the straight way."""
        try:
            return self._start(raw_id, key, params)
        except Exception:  # noqa: BLE001 - the task meets the same, and tells
            return None

    def _start(self, raw_id: str, key: Any, params: Member | None) -> StraightCall | None:
        governance = self.routes.governance
        if params is None or len(params.raw) > MAX_CHARS or governance.redact != "always":
            return None
        call = self.routes.known_call(params)
        if call is None or call.host.session is None:
            return None
        started, request = time.monotonic(), call.request()
        asked = governance.requests.begin(request.target, request.name, request.arguments, trace_id=request.trace_id)
        if asked is None:
            return None
        # The agent has the question by now; what follows is done while it thinks.
        try:
            digest, form = parameters_hash(request.arguments, request.raw_arguments)
        except Exception:
            link = governance.requests.pdp.link
            asked.answer.add_done_callback(lambda _: link.end(asked))
            raise
        entered = Call(request.name, request.target, digest, form, started)
        straight = StraightCall(self.router, self.routes, raw_id, key, call, Begun(entered, asked))
        asked.answer.add_done_callback(straight.decided)
        return straight


@dataclass(slots=True, eq=False)
class StraightCall:
    """One call on its way. It is over when the client has its answer, or when it was handed over to a task."""

    router: Router
    routes: Routes
    raw_id: str
    key: Any
    call: ToolCall
    begun: Begun
    over: bool = field(default=False, init=False)

    def cancel(self) -> None:
        """Cancel the call, as a task would be."""
        task = self.hand_over()
        asyncio.get_running_loop().call_soon(task.cancel)  # when it has begun to wait for what is under way

    def hand_over(self) -> asyncio.Task[None]:
        """Let the call go on in a task of its own, and give that."""
        self.over = True
        return self.router.go_on(self.raw_id, self.key, self.routes.go_on(self.call, self.begun))

    def _step(self, step: Callable[[], bool]) -> None:
        """Do a step, and hand over where it says that this is not the straight way, or fails."""
        if self.over:
            return
        try:
            straight = step()
        except Exception:  # noqa: BLE001 - the task meets the same, and tells
            straight = False
        if not straight and not self.over:
            self.hand_over()

    def decided(self, answer: asyncio.Future[Answer]) -> None:
        """Take the agent's decision: write the intent and execute."""
        self._step(lambda: self._execute(answer))

    def _execute(self, answer: asyncio.Future[Answer]) -> bool:
        begun, governance, session = self.begun, self.routes.governance, self.call.host.session
        decision = allowed_at_once(answer.result())
        if decision is None or begun.asked is None:
            return False
        governance.requests.pdp.settled(begun.asked)
        begun.decision = begun.call.decision = decision
        if session is None:
            return False
        governance.trail.intent(begun.call)
        begun.intended = begun.call.executed = True
        token = progress_token(self.call.given)
        if token is not None:
            self.routes.tokens[token] = Progress(self.call.host.id)
        begun.sent = session.begin("tools/call", self.call.params(), timeout_s=self.call.host.timeout_s, token=token)
        if begun.sent is None:
            return False
        begun.sent.future.add_done_callback(self.replied)
        return True

    def replied(self, reply: asyncio.Future[Reply]) -> None:
        """Take the backend's answer: have it checked."""
        self._step(lambda: self._check(reply))

    def _check(self, future: asyncio.Future[Reply]) -> bool:
        begun, tokens, reply = self.begun, self.routes.tokens, future.result()
        token = progress_token(self.call.given)
        if begun.sent is None or (token is not None and (token not in tokens or tokens[token].unchecked)):
            return False  # no report of progress may come after the result
        begun.sent.session.settled(begun.sent)
        begun.sent.session.served = True
        begun.reply, begun.sent = reply, None
        if token is not None:
            del tokens[token]
        if reply.result is None:
            return False
        records, responses = record_count(reply.result.value), self.routes.governance.responses
        target = begun.call.target
        begun.checking = responses.begin(target, reply.result.value, reply.result.raw, row_count=records)
        if begun.checking is None:
            return False
        begun.checking.answer.add_done_callback(self.checked)
        return True

    def checked(self, answer: asyncio.Future[Answer]) -> None:
        """Take the agent's word on the result: write the outcome and answer the client."""
        self._step(lambda: self._finish(answer))

    def _finish(self, answer: asyncio.Future[Answer]) -> bool:
        begun, governance = self.begun, self.routes.governance
        result = begun.reply.result if begun.reply is not None else None
        if result is None or begun.checking is None or not clean_at_once(answer.result()):
            return False
        governance.responses.pdp.settled(begun.checking)
        begun.checking = None
        try:
            governance.trail.outcome(begun.call, answered(result.value, record_count(result.value)))
        except Refusal as refusal:
            self.over = True
            self.router.refuse(self.raw_id, self.key, refusal)
        else:
            self.over = True
            self.router.finish(self.raw_id, self.key, result.raw)
        return True
