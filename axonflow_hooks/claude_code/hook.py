"""One hook call from standard input to standard output: always an answer, always exit 0, inside the deadline."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code import failures, replies
from axonflow_hooks.claude_code.config_change import config_change
from axonflow_hooks.claude_code.context import DEADLINE_S, Deadline, HookContext, Services
from axonflow_hooks.claude_code.events import EVENT_NAMES, EventName, HookEvent, parse_event
from axonflow_hooks.claude_code.failed_output import failed_output
from axonflow_hooks.claude_code.ledger import first_notice
from axonflow_hooks.claude_code.own_tools import is_status_command
from axonflow_hooks.claude_code.post_tool_use import post_tool_use, unscanned_notice
from axonflow_hooks.claude_code.pre_tool_use import pre_tool_use, without_agent
from axonflow_hooks.claude_code.replies import SILENT, Reply
from axonflow_hooks.claude_code.session_start import cannot_start, session_start
from axonflow_hooks.errors import AgentUnavailable, AxonFlowError, HookInputError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import Settings, load_settings
from axonflow_hooks.upkeep.disclosure import take_disclosure

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_INPUT_BYTES: Final = 64_000_000
IN_PROCESS: Final = Services()
"""A process that lives for one hook call."""


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What a hook writes: `stdout` is one JSON object or nothing, `stderr` one line for the log."""

    stdout: bytes
    stderr: str


async def answer(
    event_word: str,
    payload: bytes,
    environ: Mapping[str, str],
    deadline_s: float,
    services: Services = IN_PROCESS,
) -> HookAnswer:
    """Take an event's word, its payload and the environment it came with; answer within `deadline_s` seconds.

    Never raises: whatever goes wrong is an answer of the failure table.
    """
    name = EVENT_NAMES.get(event_word)
    if name is None:
        return HookAnswer(b"", f"[AxonFlow] hooks.json names an event that does not exist: {event_word!r}")
    log: list[str] = []
    try:
        reply = await _answer(name, payload, environ, Deadline.after(deadline_s), services, log)
        return HookAnswer(reply.to_bytes(), "\n".join(log))
    except AxonFlowError as error:
        reply = failures.blocked(error) if name == "PreToolUse" else cannot_start(error)
    except Exception as error:  # noqa: BLE001 - the hook must answer; a fault of ours is never an allow
        log.append(f"[AxonFlow] internal error: {type(error).__name__}")
        reply = failures.blocked(error) if name == "PreToolUse" else failures.not_done(name, error)
    return HookAnswer(reply.to_bytes(), "\n".join(log))


async def _answer(
    name: EventName,
    payload: bytes,
    environ: Mapping[str, str],
    deadline: Deadline,
    services: Services,
    log: list[str],
) -> Reply:
    if len(payload) > MAX_INPUT_BYTES:
        raise HookInputError("The hook input is larger than 64 MB.")
    event = parse_event(payload, name)
    if name == "ConfigChange":
        return config_change(event, environ)
    if name == "PreToolUse" and is_status_command(event, environ):
        return SILENT
    paths = resolve_paths(environ)
    settings = load_settings(environ, paths)
    log.append(canary(settings))
    async with services.http_for(settings) as http:
        context = HookContext(event, environ, settings, paths, http, deadline, services.audit, services.upkeep)
        reply = await _handle(context)
    # A session that has begun without this plugin, before its installation, has had no SessionStart to tell it.
    disclosure = take_disclosure(settings, paths) if name == "PreToolUse" else None
    if disclosure and first_notice(paths, event.session_id, "disclosure"):
        return replies.telling(reply, f"[AxonFlow] {disclosure}")
    return reply


async def _handle(context: HookContext) -> Reply:
    event: HookEvent = context.event
    handler = {
        "PreToolUse": pre_tool_use,
        "PostToolUse": post_tool_use,
        "PostToolUseFailure": post_tool_use,
        "FailedOutput": failed_output,
        "SessionStart": session_start,
    }[event.name]
    try:
        return await asyncio.wait_for(handler(context), context.deadline.remaining())
    except asyncio.TimeoutError:
        late = AgentUnavailable(f"AxonFlow could not decide within {DEADLINE_S:g} s.")
        if event.name == "PreToolUse":
            return without_agent(context, late)
        return SILENT if event.name in {"SessionStart", "FailedOutput"} else unscanned_notice(context, late)


def canary(settings: Settings) -> str:
    """Give the line that tells on standard error which agent governs."""
    return f"[AxonFlow] Connected to AxonFlow at {settings.endpoint or 'no agent'} (mode={settings.mode})"
