"""What backends send on their own account: requests to the client (sampling, elicitation, roots) and notifications.

The client is shown nothing that was not checked, and a backend is told nothing that was not decided: a backend's
question goes through the response plane, the client's answer to it through the request plane, with its audit row.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.catalogue import PROMPTS, RESOURCES, TEMPLATES, TOOLS
from axonflow_hooks.proxy.client_progress import MAX_COUNT, counts_in
from axonflow_hooks.proxy.exact_json import Member, read_value
from axonflow_hooks.proxy.governed import BackendError, Request
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.refusals import INVALID_REQUEST, METHOD_NOT_FOUND, Refusal
from axonflow_hooks.proxy.rpc import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from axonflow_hooks.proxy.catalogue import Catalogue
    from axonflow_hooks.proxy.client_progress import ClientProgress
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.governed import Governance
    from axonflow_hooks.proxy.router import Router
    from axonflow_hooks.proxy.routes import Progress, Routes
    from axonflow_hooks.proxy.rpc import Session

MAX_NOTICES: Final = 256
"""Log lines and progress texts of one backend that may wait to be checked; more are dropped."""

MAX_NOTICES_CHARS: Final = 32_000_000
"""So long may they be together."""

MAX_REQUESTS: Final = 64

MAX_ANSWERS: Final = 4_096
"""Answers that may be on their way to a backend; what it asks then is not answered."""

MAX_UNREAD_BYTES: Final = 16_000_000
"""So much may wait for a client that does not read; then it is told nothing that is no answer. Answers wait longer."""

_NEEDS: Final = {"sampling/createMessage": "sampling", "elicitation/create": "elicitation", "roots/list": "roots"}
_LISTS: Final = {
    "notifications/tools/list_changed": (TOOLS,),
    "notifications/prompts/list_changed": (PROMPTS,),
    "notifications/resources/list_changed": (RESOURCES, TEMPLATES),
}


@dataclass(slots=True)
class BackendSide:
    """Listens to one backend. `capabilities` are what the client has declared."""

    backend: str
    binary: str
    router: Router
    routes: Routes
    governance: Governance
    diagnostics: Diagnostics
    capabilities: Mapping[str, Any]
    catalogue: Callable[[], Catalogue]
    client_progress: ClientProgress
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _asking: dict[Any, asyncio.Task[None]] = field(default_factory=dict)
    _notices: asyncio.Queue[tuple[str, Member, Progress | None]] | None = None
    _notices_chars: int = 0
    _dropped: tuple[str, str] = ("", "")

    def on_request(self, session: Session, raw_id: str, method: str, params: Member | None) -> None:
        """Take a request of the backend."""
        if method == "ping":
            self._answer(session, raw_id)
            return
        needed = _NEEDS.get(method)
        if needed is None or not isinstance(self.capabilities.get(needed), dict) or len(self._asking) >= MAX_REQUESTS:
            error = {"code": METHOD_NOT_FOUND, "message": f"The client does not offer {method[:60]}"}
            self._answer(session, raw_id, error)
            return
        key = _key(json.loads(raw_id))
        if key in self._asking:
            error = {"code": INVALID_REQUEST, "message": "Invalid request: this id is in use"}
            self._answer(session, raw_id, error)
            return
        self._asking[key] = task = self._spawn(self._ask(session, raw_id, method, params))
        task.add_done_callback(lambda _: self._asking.pop(key, None))

    def _answer(self, session: Session, raw_id: str, error: dict[str, Any] | None = None) -> None:
        if len(self._tasks) < MAX_ANSWERS:
            self._spawn(session.answer(raw_id, error=error))
        else:
            self._say_dropped("An answer to it", "too many are on their way")

    def _say_dropped(self, what: str, why: str) -> None:
        """Tell that something was dropped: once for what comes in a row."""
        if (what, why) != self._dropped:
            self.diagnostics.say(f"backend {self.backend}: {what} was dropped, as {why}; so are the next ones.")
        self._dropped = what, why

    def _show(self, method: str, params: str) -> None:
        """Send the client a notification, unless it does not read."""
        if self.router.unread() > MAX_UNREAD_BYTES:
            self._say_dropped(f"A {method} of it", "the client does not read")
            return
        self._dropped = "", ""
        self.router.notify(method, params)

    async def _ask(self, session: Session, raw_id: str, method: str, params: Member | None) -> None:
        session.busy_with_client += 1
        asking = asyncio.ensure_future(self._asked(session, method, params))
        gone = asyncio.ensure_future(session.lost.wait())
        try:
            await asyncio.wait((asking, gone), return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                await session.answer(raw_id, result=asking.result())
        except Refusal as refusal:
            await session.answer(raw_id, error=refusal.error())
        except BackendError:
            await session.answer(raw_id, error={"code": -32603, "message": "The client answered with an error"})
        finally:
            asking.cancel()
            gone.cancel()
            await asyncio.gather(asking, gone, return_exceptions=True)
            session.busy_with_client -= 1

    async def _asked(self, session: Session, method: str, params: Member | None) -> str:
        """Ask the client, with the question checked, and give its answer, as far as it may leave."""
        target = Target(self.backend, method)
        raw, token = None, ""
        if params is not None:
            try:
                raw = (await self.governance.responses.check(target, params.value, params.raw, binary=self.binary)).raw
            except Refusal as refusal:
                self.governance.note_refusal(target, params, refusal)
                raise
            raw, token = self.client_progress.enter(raw, lambda told: self._report(session, told))
        try:
            answer = await self.router.ask(method, raw)
        finally:
            self.client_progress.leave(token)
        result = answer.get("result")
        if result is None:
            error = answer.get("error")
            raise BackendError(error.raw if error is not None else "{}")
        return await self.governance.run(Request(target, method, result.value, result.raw), _nothing_comes_back)

    def _report(self, session: Session, progress: str) -> None:
        """Tell the backend of the client's progress with its question."""
        self._spawn(session.notify("notifications/progress", progress))

    def on_notification(self, session: Session, method: str, params: Member | None) -> None:
        """Take a notification of the backend."""
        del session
        if method in _LISTS:
            self.catalogue().forget(*_LISTS[method])
            self.router.announce(method)
        elif params is None or not isinstance(params.value, dict):
            return
        elif method == "notifications/progress":
            self._progress(params)
        elif method == "notifications/cancelled":
            self._cancel(params.value.get("requestId"))
        elif not self.router.shaken:
            return
        elif method == "notifications/message":
            self._enqueue(method, params)
        elif method == "notifications/resources/updated":
            self._updated(method, params)
        elif method == "notifications/elicitation/complete":
            self._enqueue(method, params)

    def _updated(self, method: str, params: Member) -> None:
        uri = params.value.get("uri")
        if not isinstance(uri, str) or self.routes.subscribed.get(uri) != self.backend:
            return
        if len(params.value) == 1:
            self._show(method, params.raw)  # the client's own text
        else:
            self._enqueue(method, params)

    def _progress(self, params: Member) -> None:
        token = params.value.get("progressToken")
        progress = self.routes.tokens.get(token) if isinstance(token, (str, int)) else None
        if progress is None or progress.backend != self.backend:
            return  # nothing of the client's that is under way here
        alone = set(params.value) <= {"progressToken", "progress", "total"} and counts_in(params.value, MAX_COUNT)
        if alone and not progress.unchecked:
            self._show("notifications/progress", params.raw)
        elif self._enqueue("notifications/progress", params, progress):
            progress.unchecked += 1
            progress.settled.clear()

    def _cancel(self, identifier: object) -> None:
        task = self._asking.get(_key(identifier)) if isinstance(identifier, (str, int)) else None
        if task is not None:
            task.cancel()

    def _enqueue(self, method: str, params: Member, progress: Progress | None = None) -> bool:
        if self._notices is None:
            self._notices = asyncio.Queue(MAX_NOTICES)
            self._spawn(self._check_notices(self._notices))
        length = len(params.raw)
        if self._notices.full() or (self._notices_chars and self._notices_chars + length > MAX_NOTICES_CHARS):
            self.diagnostics.say(f"backend {self.backend}: a {method} was dropped, as too many wait to be checked.")
            return False
        self._notices_chars += length
        self._notices.put_nowait((method, params, progress))
        return True

    async def _check_notices(self, waiting: asyncio.Queue[tuple[str, Member, Progress | None]]) -> None:
        target = Target(self.backend, "notifications")
        while True:
            method, params, progress = await waiting.get()
            try:
                checked = await self.governance.responses.check(target, params.value, params.raw, binary=self.binary)
                if progress is not None and not counts_in(read_value(checked.raw)):
                    self.diagnostics.say(f"backend {self.backend}: a {method} was dropped, as it tells no numbers.")
                elif progress is None or self.routes.tokens.get(params.value["progressToken"]) is progress:
                    self._show(method, checked.raw)
            except Refusal:
                self.diagnostics.say(f"backend {self.backend}: a {method} was dropped, as it could not pass the check.")
            except Exception as error:  # noqa: BLE001 - the next ones are to be shown all the same
                what = f"as its check failed ({type(error).__name__})"
                self.diagnostics.say(f"backend {self.backend}: a {method} was dropped, {what}.")
            finally:
                self._notices_chars -= len(params.raw)
                if progress is not None:
                    progress.checked()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.diagnostics.say(f"backend {self.backend}: a message of it failed ({type(error).__name__}).")

    def stop(self) -> None:
        """End what is under way."""
        for task in list(self._tasks):
            task.cancel()


def _key(identifier: str | int) -> tuple[type, str | int]:
    """Give what tells ids apart: 1 and true are equal in Python."""
    return type(identifier), identifier


async def _nothing_comes_back(raw: str) -> Reply:
    """Stand for the execution of an answer: what goes to the backend is what was admitted."""
    return Reply(result=Member(None, raw))
