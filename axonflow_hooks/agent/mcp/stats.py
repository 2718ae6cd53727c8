"""The tool `get_policy_stats` (wire 1.3.1): the summary of the audit trail."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field

from axonflow_hooks.agent.mcp.audit import moment
from axonflow_hooks.agent.mcp.calls import ToolReply, read_arguments
from axonflow_hooks.agent.moments import DAY_END, DAY_START
from axonflow_hooks.agent.summaries import summarise
from axonflow_hooks.agent.tables.records import format_time

if TYPE_CHECKING:
    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent

DEFAULT_HOURS: Final = 24


class _Arguments(BaseModel):
    start: str | None = Field(default=None, alias="from")
    end: str | None = Field(default=None, alias="to")
    connector_type: str | None = None


async def get_policy_stats(agent: Agent, call: ToolCall) -> ToolReply:
    """Give what was decided in a range, in numbers; without times, in the last 24 hours."""
    given = read_arguments(_Arguments, call.arguments, missing="")
    present = datetime.now(timezone.utc)
    start = moment(given.start, "from", DAY_START) or format_time(present - timedelta(hours=DEFAULT_HOURS))
    end = moment(given.end, "to", DAY_END) or format_time(present)
    return ToolReply(await summarise(agent, call.caller.tenant_id, start, end, given.connector_type))
