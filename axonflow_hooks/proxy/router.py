"""The client's messages: requests become tasks, answers find who asked, cancellations find what they cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from axonflow_hooks import __version__
from axonflow_hooks.proxy import stateless
from axonflow_hooks.proxy.call_time import waited_s
from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_message, read_text, write_object, write_value
from axonflow_hooks.proxy.governed import BackendError
from axonflow_hooks.proxy.outer_id import outer_of
from axonflow_hooks.proxy.plain_messages import call_of, read_call
from axonflow_hooks.proxy.refusals import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, Refusal
from axonflow_hooks.proxy.start import initialize_result
from axonflow_hooks.proxy.subscriptions import LISTEN, Subscriptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from axonflow_hooks.proxy.client_link import ClientLink
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.exact_json import Member
    from axonflow_hooks.proxy.plain_messages import PlainCall

    Route = Callable[["Member | None"], Awaitable[str]]
    Shortcut = Callable[["PlainCall", Any], "Shortcutting | None"]

MAX_RUNNING: Final = 1_024
ANNOUNCE_S: Final = 0.25
"""A change of a list is announced at once; further ones within this time are announced as one when it is over."""
INTERNAL_ERROR: Final = -32603


class Shortcutting(Protocol):
    """A request that runs without a task, until it is answered or goes on in one."""

    def cancel(self) -> None:
        """Cancel it."""

    def hand_over(self) -> asyncio.Task[None]:
        """Let it go on in a task, and give that."""


@dataclass(slots=True)
class Router:
    """One client. `routes` answer its requests, `notices` take its notifications, `starting` is told of initialize.

    `shortcut` is tried before the route of a `tools/call`: it takes the call, and the key to finish it with.

    `shaken` tells that there was a handshake: others are sent no notification but the progress they ask for.
    """

    diagnostics: Diagnostics
    starting: Callable[[dict[str, Any]], None]
    routes: dict[str, Route] = field(default_factory=dict)
    notices: dict[str, Callable[[Member | None], None]] = field(default_factory=dict)
    shortcut: Shortcut | None = None
    link: ClientLink | None = None
    answered_before: bool = False
    shaken: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[Any, asyncio.Task[None] | Shortcutting] = field(default_factory=dict)
    _asked: dict[str, asyncio.Future[dict[str, Member]]] = field(default_factory=dict)
    _last_asked: int = 0
    _subscriptions: Subscriptions = field(default_factory=Subscriptions)
    _announced: dict[str, bool] = field(default_factory=dict)

    def take(self, line: bytes) -> None:
        """Take one line of the client. Nothing that stands in it ends the proxy, or is left without an answer."""
        try:
            text = read_text(line)
            plain = read_call(text) if self.shaken and self.shortcut is not None else None
            if plain is not None and self._take_plain(plain):
                return
            self._take(read_message(text))
        except UnreadableMessage as error:
            self._refuse_line(line, PARSE_ERROR, f"Parse error: {error}")
        except Exception as error:  # noqa: BLE001 - one message must not end the others
            self.diagnostics.say(f"internal error in a message: {type(error).__name__} at {_where(error)}")
            self._refuse_line(line, INTERNAL_ERROR, "Internal error of the proxy; the message was not taken")

    def _refuse_line(self, line: bytes, code: int, what: str) -> None:
        """Answer a message that could not be taken: by its id where that is beyond doubt, else by none."""
        text = line.decode("utf-8", "replace")
        outer = outer_of(text)
        identifier = outer.identifier
        if code == PARSE_ERROR and outer.deep:
            code, what = INVALID_REQUEST, "Invalid request: it is nested too deeply"
        if text.lstrip()[:1] == "[":
            self.send_error("null", INVALID_REQUEST, "Batches are not supported")
        elif code == PARSE_ERROR or identifier is None:
            self.send_error("null", code, what)
        elif outer.has_method and (type(identifier), identifier) not in self._running:
            self.send_error(outer.raw_id, code, what)
        elif isinstance(identifier, str) and (future := self._asked.get(identifier)) is not None and not future.done():
            future.set_result({})  # an answer without a result, as good as an error

    def _take(self, message: dict[str, Member]) -> None:
        method, identifier = message.get("method"), message.get("id")
        version = message.get("jsonrpc")
        if version is None or version.value != "2.0" or (method is not None and not isinstance(method.value, str)):
            if identifier is not None and _is_id(identifier.value):
                self.send_error(identifier.raw, INVALID_REQUEST, 'Invalid request: jsonrpc must be "2.0"')
        elif method is None:
            self._take_answer(message)
        elif identifier is None:
            self._take_notification(method.value, message.get("params"))
        elif not _is_id(identifier.value):
            self.send_error("null", INVALID_REQUEST, "Invalid request: an id is a string or an integer")
        else:
            self._take_request(identifier, method.value, message.get("params"))

    def _take_plain(self, call: PlainCall) -> bool:
        """Take a call where its shortcut does: False leaves everything as it was."""
        key = (type(call.identifier), call.identifier)
        if key in self._running or stateless.version_in(call.meta) is not None or self.shortcut is None:
            return False
        running = self.shortcut(call, key)
        if running is None:
            return False
        self._entered(key, running)
        return True

    def take_too_long(self, limit: int) -> None:
        """Take it that a line of the client was left out, as it has more bytes than the limit of a message."""
        self.send_error("null", INVALID_REQUEST, f"Invalid request: a message has at most {limit} bytes")

    def take_end(self, reason: str) -> None:
        """Take the end of the client's messages."""
        self.diagnostics.say(f"Leaving, as {reason}.")
        self.ended.set()

    def _take_request(self, identifier: Member, method: str, params: Member | None) -> None:
        version = stateless.requested_version(params)
        if version is not None:
            self._take_stateless(identifier, method, version, params)
            return
        if method == "initialize":
            self._initialize(identifier, params)
            return
        if method == "ping":
            self.send_result(identifier.raw, "{}")
            return
        route = self.routes.get(method)
        if route is None:
            self.send_error(identifier.raw, METHOD_NOT_FOUND, f"Method not found: {method[:100]}")
            return
        if not self.shaken:  # there are no backends yet: what they may ask depends on the client
            self.send_error(identifier.raw, INVALID_REQUEST, "Invalid request: initialize comes first")
            return
        self._start(identifier, route, params, self.shortcut if method == "tools/call" else None)

    def _take_stateless(self, identifier: Member, method: str, version: str, params: Member | None) -> None:
        """Take a request that carries its protocol version itself (MCP 2026-07-28)."""
        try:
            stateless.check_version(version)
        except Refusal as refusal:
            self.send_raw_error(identifier.raw, write_value(refusal.error()))
            return
        route = self.routes.get(method) if method in stateless.METHODS else None
        if method == stateless.DISCOVER:
            self.send_result(identifier.raw, stateless.discovery(__version__))
        elif method == LISTEN and params is not None:
            if not self._subscriptions.open(identifier, params, self.notify):
                self.send_error(identifier.raw, INVALID_PARAMS, "Invalid params: notifications")
        elif route is None or params is None:
            self.send_error(identifier.raw, METHOD_NOT_FOUND, f"Method not found: {method[:100]}")
        else:
            self.starting({})  # such a client cannot be asked anything

            async def answer(given: Member | None) -> str:
                return stateless.completed(method, await route(given))

            self._start(identifier, answer, stateless.without_envelope(params))

    def _start(self, identifier: Member, route: Route, params: Member | None, shortcut: Shortcut | None = None) -> None:
        key = (type(identifier.value), identifier.value)
        if key in self._running:
            self.send_error(identifier.raw, INVALID_REQUEST, "Invalid request: this id is in use")
            return
        call = call_of(identifier, params) if shortcut is not None else None
        running = shortcut(call, key) if shortcut is not None and call is not None else None
        self._entered(key, running or self.go_on(identifier.raw, key, route(params)))

    def _entered(self, key: Any, running: asyncio.Task[None] | Shortcutting) -> None:
        self._running[key] = running
        if len(self._running) == MAX_RUNNING and self.link is not None:
            self.link.pause()

    def go_on(self, raw_id: str, key: Any, answer: Awaitable[str]) -> asyncio.Task[None]:
        """Let a request be answered by what `answer` gives, in a task."""
        task = self._running[key] = asyncio.get_running_loop().create_task(self._serve(raw_id, key, answer))

        def over(_: asyncio.Task[None]) -> None:
            if self._running.get(key) is task:  # it was cancelled before it began
                self._left(key)
                if isinstance(answer, Coroutine):
                    answer.close()

        task.add_done_callback(over)
        return task

    def finish(self, key: Any) -> None:
        """Take it that a request that ran without a task has been answered."""
        self._left(key)

    def refuse(self, raw_id: str, key: Any, refusal: Refusal) -> None:
        """Refuse a request that ran without a task."""
        self.send_raw_error(raw_id, write_value(refusal.error()))
        self._left(key)

    def _left(self, key: Any) -> None:
        del self._running[key]
        if len(self._running) == MAX_RUNNING - 1 and self.link is not None:
            self.link.resume()

    async def _serve(self, raw_id: str, key: Any, answer: Awaitable[str]) -> None:
        waited_s.set(0.0)
        try:
            self.send_result(raw_id, await answer)
        except Refusal as refusal:
            self.send_raw_error(raw_id, write_value(refusal.error()))
        except BackendError as error:
            self.send_raw_error(raw_id, error.raw)
        except asyncio.CancelledError:
            pass  # the client does not want an answer any more
        except Exception as error:  # noqa: BLE001 - one call must not end the others
            self.diagnostics.say(f"internal error in a call: {type(error).__name__} at {_where(error)}")
            self.send_error(raw_id, INTERNAL_ERROR, "Internal error of the proxy; the call was not completed")
        finally:
            self._left(key)

    def _initialize(self, identifier: Member, params: Member | None) -> None:
        given = params.value if params is not None and isinstance(params.value, dict) else {}
        if not self.answered_before:
            requested = given.get("protocolVersion")
            self.send_result(identifier.raw, initialize_result(requested, __version__))
        self.answered_before, self.shaken = False, True
        capabilities = given.get("capabilities")
        self.starting(capabilities if isinstance(capabilities, dict) else {})

    def _take_notification(self, method: str, params: Member | None) -> None:
        if method == "notifications/cancelled":
            wanted = params.value.get("requestId") if params is not None and isinstance(params.value, dict) else None
            task = self._running.get((type(wanted), wanted)) if _is_id(wanted) else None
            if task is not None:
                task.cancel()
            elif _is_id(wanted):
                self._subscriptions.cancel(wanted)
            return
        handler = self.notices.get(method)
        if handler is not None:
            handler(params)

    def _take_answer(self, message: dict[str, Member]) -> None:
        identifier = message.get("id")
        future = self._asked.get(identifier.value) if identifier and isinstance(identifier.value, str) else None
        if future is not None and not future.done():
            future.set_result(message)

    async def ask(self, method: str, params: str | None) -> dict[str, Member]:
        """Send a request to the client and give its answer's members; cancelled, the client is told so."""
        self._last_asked += 1
        name = f"axf-{self._last_asked}"
        future: asyncio.Future[dict[str, Member]] = asyncio.get_running_loop().create_future()
        self._asked[name] = future
        members = {"jsonrpc": '"2.0"', "id": write_value(name), "method": write_value(method)}
        if params is not None:
            members["params"] = params
        self._send(write_object(members))
        try:
            return await future
        except asyncio.CancelledError:
            self.notify("notifications/cancelled", write_value({"requestId": name, "reason": "no longer needed"}))
            raise
        finally:
            del self._asked[name]

    def announce(self, method: str) -> None:
        """Tell the client that a list has changed, in the way of its protocol version; bursts are gathered."""
        if method in self._announced:
            self._announced[method] = True
            return
        self._announced[method] = False
        asyncio.get_running_loop().call_later(ANNOUNCE_S, self._announce_rest, method)
        if self.shaken:
            self.notify(method)
        self._subscriptions.tell(method, self.notify)

    def _announce_rest(self, method: str) -> None:
        if self._announced.pop(method):
            self.announce(method)

    def notify(self, method: str, params: str | None = None) -> None:
        """Send a notification to the client."""
        members = {"jsonrpc": '"2.0"', "method": write_value(method)}
        if params is not None:
            members["params"] = params
        self._send(write_object(members))

    def unread(self) -> int:
        """Give how many bytes wait for the client to read them."""
        return self.link.unread() if self.link is not None else 0

    def send_result(self, raw_id: str, result: str) -> None:
        """Answer a request with the text of a result."""
        self._send(result_message(raw_id, result))

    def send_error(self, raw_id: str, code: int, message: str) -> None:
        """Answer a request with an error."""
        self.send_raw_error(raw_id, write_value({"code": code, "message": message}))

    def send_raw_error(self, raw_id: str, error: str) -> None:
        """Answer a request with the text of an error."""
        self._send(f'{{"jsonrpc":"2.0","id":{raw_id},"error":{error}}}')

    def _send(self, message: str) -> None:
        if self.link is not None:
            self.link.send(message)

    async def settle(self, grace_s: float, hurry: asyncio.Event) -> None:
        """Let what runs come to its end, for at most that long and until `hurry` is set; then cancel it."""
        running = list(self._running.values())
        if running and not hurry.is_set():
            tasks = [item if isinstance(item, asyncio.Task) else item.hand_over() for item in running]
            over = asyncio.ensure_future(asyncio.wait(tasks))
            hurried = asyncio.ensure_future(hurry.wait())
            await asyncio.wait((over, hurried), timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            hurried.cancel()
        self._subscriptions.close(self.send_result)
        for item in list(self._running.values()):
            item.cancel()
        for future in list(self._asked.values()):
            future.cancel()
        left = [item for item in self._running.values() if isinstance(item, asyncio.Task)]  # all are tasks by now
        if left:
            await asyncio.gather(*left, return_exceptions=True)


def result_message(raw_id: str, result: str) -> str:
    """Give the answer to a request, from the text of its id and that of its result."""
    return f'{{"jsonrpc":"2.0","id":{raw_id},"result":{result}}}'


def _is_id(value: object) -> bool:
    return isinstance(value, str) or type(value) is int


def _where(error: BaseException) -> str:
    """Name the last place of ours that an error passed; its text could quote data."""
    trace, place = error.__traceback__, "unknown"
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
