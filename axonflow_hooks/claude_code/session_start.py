"""SessionStart: upkeep that must not cost a tool call any time, and what the user should know of this session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from axonflow_hooks.account.credentials import resolve_connection, self_hosted_credential
from axonflow_hooks.account.presence_news import take_presence_news
from axonflow_hooks.account.warnings import account_warnings
from axonflow_hooks.claude_code import replies
from axonflow_hooks.claude_code.ledger import forget_old_notices
from axonflow_hooks.claude_code.replies import SILENT, Reply, one_line
from axonflow_hooks.client import AgentClient
from axonflow_hooks.errors import AgentUnavailable, AxonFlowError

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.context import HookContext

UPKEEP_SHARE_S: Final = 4.0


async def session_start(context: HookContext) -> Reply:
    """Take a SessionStart event and give the answer: messages for the user, or nothing."""
    await asyncio.to_thread(forget_old_notices, context.paths)
    settings = context.settings
    messages = []
    if settings.mode == "unconfigured":
        messages.append(
            "No AxonFlow agent is configured (AXONFLOW_COMMUNITY_SAAS is off and AXONFLOW_ENDPOINT is not set): "
            f"tool calls are answered by the fail mode ({settings.fail_mode})."
        )
    if settings.plain_http_to_remote:
        messages.append(f"{settings.endpoint} is not encrypted: statements and credentials cross the network in clear.")
    share_s = context.deadline.at_most(UPKEEP_SHARE_S)
    upkeep, account = await asyncio.gather(
        context.upkeep(settings, context.paths, share_s), _account_messages(context, share_s)
    )
    messages += [*upkeep, *account, *account_warnings(settings, context.paths)]
    return replies.notice("[AxonFlow] " + "\n[AxonFlow] ".join(messages)) if messages else SILENT


async def _account_messages(context: HookContext, share_s: float) -> list[str]:
    """Register now, so that no tool call waits for it, and say early what is wrong or new with the account."""
    settings, paths = context.settings, context.paths
    try:
        connection = await resolve_connection(settings, paths, http=context.http, timeout_s=share_s)
    except AgentUnavailable:
        return []  # the first tool call tries again and tells
    except AxonFlowError as error:
        return [one_line(str(error), 600)]
    if not _is_own_agent(context):
        return []
    news = await take_presence_news(AgentClient(connection, context.http), paths, timeout_s=share_s)
    return [news] if news else []


def _is_own_agent(context: HookContext) -> bool:
    """Tell whether the agent is an embedded one of this user's: only those know of a passphrase."""
    if context.settings.mode != "self-hosted":
        return False
    credential = self_hosted_credential(context.settings, context.paths)
    return credential is not None and credential.source == "agent-credentials.json"


def cannot_start(error: AxonFlowError) -> Reply:
    """Tell the user at the start of a session what keeps every tool call from being decided."""
    return replies.notice(f"[AxonFlow] {one_line(error.message, 400)} {one_line(error.remedy, 300)}".rstrip())
