"""What a hook works with: its event, the user's settings and paths, the agent, and the time that is left."""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from axonflow_hooks.account.credentials import resolve_connection
from axonflow_hooks.claude_code.throttle import check_not_throttled, leave_alone
from axonflow_hooks.client import AgentClient, new_http_client
from axonflow_hooks.errors import AgentUnavailable, AxonFlowError, RateLimited
from axonflow_hooks.upkeep.run import run_upkeep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from typing import TypeVar

    import httpx

    from axonflow_hooks.claude_code.events import HookEvent
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings
    from axonflow_hooks.wire.mcp_tools import AuditReceipt, AuditToolCallArguments

    T = TypeVar("T")

AUDIT_SHARE_S: Final = 3.0
DEADLINE_S: Final = 13.0
"""From the start of the hook to its answer; the host ends a hook after 15 s and then runs the tool."""

ANSWER_RESERVE_S: Final = 0.3
"""Kept back from every wait: a verdict that came late must not be lost to the deadline."""

_GRACE_S: Final = 0.1
"""A question keeps its own time; this ends one that does not."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Give the moment `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Give the seconds that are left, never below 0."""
        return max(0.0, self.at - time.monotonic())

    def at_most(self, seconds: float) -> float:
        """Give a waiting time of at most `seconds` that ends before the deadline, with time left to answer."""
        return max(0.0, min(seconds, self.remaining() - ANSWER_RESERVE_S))


class AuditSink(Protocol):
    """Takes the audit records of hooks: what it does with one must not change the hook's answer, so it never raises."""

    async def __call__(self, context: HookContext, record: AuditToolCallArguments) -> None:
        """Take one record."""


async def send_at_once(context: HookContext, record: AuditToolCallArguments) -> None:
    """Send a record to the agent now, as far as it can be reached in what time is left."""

    async def send(client: AgentClient, share_s: float) -> AuditReceipt:
        return await client.audit_tool_call(record, session_id=context.event.session_id, timeout_s=share_s)

    with contextlib.suppress(AxonFlowError):
        await context.ask_agent(AUDIT_SHARE_S, send)


class Upkeep(Protocol):
    """Does what is due beside the tool calls, and gives what the user should know of it; never raises."""

    async def __call__(self, settings: Settings, paths: Paths, timeout_s: float) -> list[str]:
        """Take the settings in force and the seconds that a session's start can spare."""


async def upkeep_now(settings: Settings, paths: Paths, timeout_s: float) -> list[str]:
    """Do the upkeep before the session starts, within `timeout_s` seconds."""
    return await run_upkeep(settings, paths, timeout_s=timeout_s)


@asynccontextmanager
async def own_http_client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Give an HTTP client for one hook call alone."""
    async with new_http_client(settings.endpoint) as http:
        yield http


@dataclass(frozen=True, slots=True)
class Services:
    """What a hook call gets from the process it runs in: connections to the agent, and where audit records go."""

    http_for: Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]] = own_http_client
    audit: AuditSink = send_at_once
    upkeep: Upkeep = upkeep_now


@dataclass(frozen=True, slots=True)
class HookContext:
    """One hook call. `environ` is the host's environment for it, which may differ from this process's."""

    event: HookEvent
    environ: Mapping[str, str]
    settings: Settings
    paths: Paths
    http: httpx.AsyncClient
    deadline: Deadline
    audit_sink: AuditSink = send_at_once
    upkeep: Upkeep = upkeep_now

    async def audit(self, record: AuditToolCallArguments) -> None:
        """Hand a record over for the agent's audit trail."""
        await self.audit_sink(self, record)

    async def ask_agent(self, share_s: float, question: Callable[[AgentClient, float], Awaitable[T]]) -> T:
        """Put a question to the agent; `question` gets a client and the seconds the agent may take, at most `share_s`.

        Raises what the client and the account raise, and RateLimited without a call while the endpoint has asked to be
        left alone.
        """
        endpoint = self.settings.endpoint
        check_not_throttled(self.paths, endpoint)
        until = Deadline.after(self.deadline.at_most(share_s))

        async def ask() -> T:
            connection = await resolve_connection(
                self.settings, self.paths, http=self.http, timeout_s=until.remaining()
            )
            return await question(AgentClient(connection, self.http), round(until.remaining(), 2))

        asking = asyncio.ensure_future(ask())
        try:
            # Twice, so that the grace begins when this process runs: a busy machine may be late for both at once.
            for wait_s in (until.remaining(), _GRACE_S):
                await asyncio.wait([asking], timeout=wait_s)
            if not asking.done():
                raise AgentUnavailable(f"{endpoint or 'AxonFlow'} gave no answer within {share_s:g} s.")
            return asking.result()
        except RateLimited as error:
            self.leave_alone(error)
            raise
        finally:
            asking.cancel()

    def leave_alone(self, limited: RateLimited) -> None:
        """Remember, for all hooks of this user, that the endpoint asked for a pause."""
        leave_alone(self.paths, self.settings.endpoint, limited.retry_after)
