"""One JSON-RPC session with a backend, over any transport: who waits for which answer, and until when.

Ids are the proxy's own, so a backend's own request is never taken for an answer; an answer nobody waits for is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_object, write_object, write_value
from axonflow_hooks.proxy.gathered import as_line
from axonflow_hooks.proxy.outer_id import outer_of
from axonflow_hooks.proxy.pending import Pending
from axonflow_hooks.proxy.plain_messages import read_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.proxy.exact_json import Member

MAX_PROLONGED: Final = 20
"""A call that reports progress, or waits for the person, may take this many times its time."""
MAX_ID_DIGITS: Final = 16
LAST_WORD_S: Final = 1.0
"""Who gave no answer may not take this either; the client is not to wait for that too."""


class Lost(Exception):  # noqa: N818 - reads as what happened
    """No answer will come. `sent` is False only where it is certain that the backend has executed nothing of the call.

    `refused` tells that it would be refused again, `expired` that a new session would not; where that is `doubtful`,
    the backend may have executed the call and mean something else.
    """

    def __init__(
        self, reason: str, *, sent: bool, expired: bool = False, refused: bool = False, doubtful: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.expired = expired
        self.refused = refused
        self.doubtful = doubtful


class TimedOut(Exception):  # noqa: N818
    """The time of a call is over; the backend has been told to stop."""


class Reply(NamedTuple):
    """An answer: either the `result` or the `error` member, as value and as text."""

    result: Member | None = None
    error: Member | None = None


class Transport(Protocol):
    """Carries messages to a backend."""

    async def send(self, message: str, request_id: int | None) -> None:
        """Hand over a message; raises Lost. `request_id` is that of a request, so that its failure can be told."""

    def send_now(self, line: bytes) -> bool:
        """Hand over a request, as a line, where that takes no waiting, else give False; raises Lost."""

    def forget(self, request_id: int) -> None:
        """Let go of what is kept for a request: nobody waits for its answer any more."""

    async def aclose(self) -> None:
        """End the connection, and the process where there is one."""


class Listener(Protocol):
    """Takes what a backend sends on its own account."""

    def on_request(self, session: Session, raw_id: str, method: str, params: Member | None) -> None:
        """Take a request; it is to be answered with `Session.answer`."""

    def on_notification(self, session: Session, method: str, params: Member | None) -> None:
        """Take a notification."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A request with its answer to come; `line` is what is to be sent, where it is sent by `Session.begin`."""

    session: Session
    request_id: int
    answer: Pending[Reply]
    timeout_s: float
    deadline: float
    token: str | int | None = None
    prolonged: bool = False
    turns: int = 0
    line: bytes = b""


@dataclass(slots=True)
class Session:
    """The calls of one connection. `busy_with_client` counts the backend's own requests that wait for the person.

    Once it is `gone`, nothing new is asked in it; once it is `lost`, no answer will come.
    """

    listener: Listener
    note: Callable[[str], None]
    transport: Transport | None = None
    busy_with_client: int = 0
    served: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""
    _waiting: dict[int, Waiting] = field(default_factory=dict)
    _by_token: dict[str | int, Waiting] = field(default_factory=dict)
    _last_id: int = 0
    _timer: asyncio.TimerHandle | None = None
    _timer_at: float = 0.0
    _loop: asyncio.AbstractEventLoop | None = None
    _idle: asyncio.Event | None = None

    def prepare(self, method: str, params: str, *, timeout_s: float, token: str | int | None = None) -> Waiting:
        """Give a request to be sent with `begin`, once."""
        waiting = self._new(timeout_s, token)
        waiting.line = as_line(_request(waiting.request_id, method, params))
        return waiting

    def begin(self, waiting: Waiting) -> bool:
        """Send a prepared request where that takes no waiting, else give False. `request` or `settled` must follow.

        Raises Lost, with nothing sent.
        """
        if self.transport is None or self.gone.is_set() or not self.transport.send_now(waiting.line):
            return False
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        waiting.deadline = self._loop.time() + waiting.timeout_s
        self._enter(waiting)  # its answer is read in a later turn
        self._watch(self._loop, waiting.deadline)
        return True

    def _new(self, timeout_s: float, token: str | int | None) -> Waiting:
        self._last_id += 1
        return Waiting(self, self._last_id, Pending(), timeout_s, 0.0, token)

    def _enter(self, waiting: Waiting) -> None:
        self._waiting[waiting.request_id] = waiting
        if waiting.token is not None:
            self._by_token[waiting.token] = waiting

    def settled(self, waiting: Waiting) -> None:
        """Take it that nobody waits for a request any more."""
        self._waiting.pop(waiting.request_id, None)
        if waiting.token is not None and self._by_token.get(waiting.token) is waiting:
            del self._by_token[waiting.token]
        if self._idle is not None and not self._waiting:
            self._idle.set()

    async def request(
        self,
        method: str,
        params: str | None,
        *,
        timeout_s: float,
        token: str | int | None = None,
        begun: Waiting | None = None,
    ) -> Reply:
        """Send a request and give its answer. `token` is the progress token in it: progress prolongs the time.

        `begun` is what `begin` has given for this request: then it waits for the answer only. Raises Lost or TimedOut.
        When it is cancelled or its time is over, the backend is told so.
        """
        if self.transport is None or (begun is None and self.gone.is_set()):
            raise Lost(self.reason or "it is not running", sent=False)
        if begun is None:
            waiting = self._new(timeout_s, token)
            waiting.deadline = asyncio.get_running_loop().time() + timeout_s
            self._enter(waiting)
        else:
            waiting = begun
        request_id = waiting.request_id
        try:
            if begun is None:
                await self.transport.send(_request(request_id, method, params), request_id)
            self._watch(asyncio.get_running_loop(), waiting.deadline)
            return await waiting.answer
        except (asyncio.CancelledError, TimedOut) as error:
            # The specification forbids to cancel `initialize`.
            if method != "initialize":
                reason = "timeout" if isinstance(error, TimedOut) else "the client cancelled the call"
                told = write_value({"requestId": request_id, "reason": reason})
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.notify("notifications/cancelled", told), LAST_WORD_S)
            self.transport.forget(request_id)
            raise
        finally:
            self.settled(waiting)

    def _watch(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """See to it that time is looked at by then (loop time). One timer serves all calls: most need none."""
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = loop.call_at(deadline, self._look_at_time, loop)

    def _look_at_time(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for waiting in list(self._waiting.values()):
            if not waiting.answer.done():
                if waiting.deadline <= now:
                    self._expire(waiting, now)
                if not waiting.answer.done():
                    self._watch(loop, waiting.deadline)

    def _expire(self, waiting: Waiting, now: float) -> None:
        """End the time of a request, or give it as much again where something tells that it is being worked on."""
        waiting.turns += 1
        if (waiting.prolonged or self.busy_with_client) and waiting.turns < MAX_PROLONGED:
            waiting.prolonged, waiting.deadline = False, now + waiting.timeout_s
            return
        waiting.answer.set_exception(TimedOut())

    async def notify(self, method: str, params: str | None = None) -> None:
        """Send a notification; what cannot be sent is dropped."""
        members = {"jsonrpc": '"2.0"', "method": write_value(method)}
        if params is not None:
            members["params"] = params
        await self._send_quietly(write_object(members))

    async def answer(self, raw_id: str, *, result: str | None = None, error: dict[str, Any] | None = None) -> None:
        """Answer a request of the backend with the text of a result, or with an error."""
        members = {"jsonrpc": '"2.0"', "id": raw_id}
        members |= {"error": write_value(error)} if error is not None else {"result": result or "{}"}
        await self._send_quietly(write_object(members))

    async def _send_quietly(self, message: str) -> None:
        if self.transport is None or self.lost.is_set():
            return
        try:
            await self.transport.send(message, None)
        except Lost as lost:
            self.note(f"A message could not be sent: {lost.reason}.")

    def receive(self, text: str) -> None:
        """Take a message of the backend."""
        plain = read_reply(text)
        if plain is not None:
            self._answered(plain.identifier, Reply(plain.result))
            return
        try:
            self._take(text)
        except Exception as error:  # noqa: BLE001 - one message must not end the others
            self.note(f"A message was dropped, as it could not be taken ({type(error).__name__}).")

    def _take(self, text: str) -> None:
        try:
            message = read_object(text)
        except UnreadableMessage as error:
            self.note(f"A message was dropped, as {error}.")
            self._fail_unreadable(text, str(error))
            return
        identifier, method = message.get("id"), message.get("method")
        params = message.get("params")
        if method is not None and isinstance(method.value, str):
            if identifier is None:
                self._prolong(method.value, params)
                self.listener.on_notification(self, method.value, params)
            elif isinstance(identifier.value, (str, int)):
                self.listener.on_request(self, identifier.raw, method.value, params)
            return
        if identifier is None or type(identifier.value) is not int:
            self.note("A message that is neither request, notification nor answer was dropped.")
            return
        self._answered(identifier.value, Reply(message.get("result"), message.get("error")))

    def _answered(self, request_id: int, reply: Reply) -> None:
        waiting = self._waiting.get(request_id)
        if waiting is not None:
            waiting.answer.set_result(reply)

    def _fail_unreadable(self, text: str, fault: str) -> None:
        """Tell the request that an unreadable message answers, where that can be made out: it would wait in vain."""
        try:
            message = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < MAX_ID_DIGITS else None)
        except RecursionError:
            self._fail_nested(text)
            return
        except ValueError:
            return
        identifier = message.get("id") if isinstance(message, dict) else None
        if type(identifier) is int and "method" not in message:
            self.fail(identifier, Lost(f"its answer is not readable ({fault})", sent=True))

    def _fail_nested(self, text: str) -> None:
        outer = outer_of(text)
        identifier = outer.identifier
        if outer.has_method and identifier is not None:
            self.listener.on_request(self, outer.raw_id, "requests that are nested so deeply", None)
        elif type(identifier) is int:
            self.fail(identifier, Lost("its answer is not readable (it is nested too deeply)", sent=True))

    def _prolong(self, method: str, params: Member | None) -> None:
        if method == "notifications/progress" and params is not None and isinstance(params.value, dict):
            token = params.value.get("progressToken")
            waiting = self._by_token.get(token) if isinstance(token, (str, int)) else None
            if waiting is not None:
                waiting.prolonged = True

    def waits_for(self, request_id: int) -> bool:
        """Tell whether a request has no answer yet."""
        waiting = self._waiting.get(request_id)
        return waiting is not None and not waiting.answer.done()

    def fail(self, request_id: int, lost: Lost) -> None:
        """Tell one request that no answer will come."""
        waiting = self._waiting.get(request_id)
        if waiting is not None:
            waiting.answer.set_exception(lost)

    def retire(self, reason: str) -> None:
        """Ask nothing new in this session; who waits in it for an answer goes on to wait."""
        if not self.gone.is_set():
            self.reason = reason
            self.gone.set()

    async def idle(self) -> None:
        """Wait until nobody waits for an answer."""
        self._idle = asyncio.Event()
        if self._waiting:
            await self._idle.wait()

    def lose(self, reason: str) -> None:
        """Tell every request that no answer will come: the connection is gone."""
        if self.lost.is_set():
            return
        self.retire(reason)
        self.lost.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for waiting in list(self._waiting.values()):
            waiting.answer.set_exception(Lost(reason, sent=True))


def _request(request_id: int, method: str, params: str | None) -> str:
    given = "" if params is None else f',"params":{params}'
    return f'{{"jsonrpc":"2.0","id":{request_id},"method":"{method}"{given}}}'  # the names are the specification's
