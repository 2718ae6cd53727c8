"""FailedOutput: what the model is to read instead of the text of a failed call (asked for by hooks/failed_output.js).

The host lets no hook command replace that text, but newer releases let a hooks module do so. PostToolUseFailure has
been handled before: the call is recorded, and what could not be scanned is counted and told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axonflow_hooks.claude_code.cautions import told_to_model
from axonflow_hooks.claude_code.outputs import scannable_output
from axonflow_hooks.claude_code.own_tools import own_tool_kind
from axonflow_hooks.claude_code.post_tool_use import redacted_context, scan_output, withheld_text
from axonflow_hooks.claude_code.replies import SILENT, Reply, sentences

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.context import HookContext


async def failed_output(context: HookContext) -> Reply:
    """Take a failed call with the text that the model is about to read; give `{"maskedError": text}` or nothing.

    The host drops what hook commands have said of a call whose text is replaced, so the text says what was done to it.
    """
    if own_tool_kind(context.event):
        return SILENT
    scan = await scan_output(context, scannable_output(context.event, context.environ))
    shown = next((text.masked for text in scan.texts if text.masked is not None), None)
    if scan.blocked:
        shown = withheld_text(scan.blocked)
    if shown is None:
        return SILENT
    said = sentences(redacted_context(scan), told_to_model(scan.cautions))
    return Reply({"maskedError": f"{shown}\n\n{said}"})
