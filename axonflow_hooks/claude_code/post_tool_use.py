"""PostToolUse and PostToolUseFailure: scan what came back, show the model the masked form, record the call.

Never blocks a tool that already ran; what could not be scanned is never called clean.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code import replies
from axonflow_hooks.claude_code.audit import excerpt, executed_call, path_of
from axonflow_hooks.claude_code.cautions import Caution, distinct, told_to_model, told_to_user
from axonflow_hooks.claude_code.context import Deadline
from axonflow_hooks.claude_code.leaves import with_leaves
from axonflow_hooks.claude_code.ledger import first_notice, record_decision, record_ungoverned
from axonflow_hooks.claude_code.local_decision import LocalDecision
from axonflow_hooks.claude_code.outputs import READING_TOOLS, ScannableOutput, call_succeeded, scannable_output
from axonflow_hooks.claude_code.overflow import has_overflow, mask_overflow, overflow_file
from axonflow_hooks.claude_code.own_tools import own_tool_kind
from axonflow_hooks.claude_code.replies import SILENT, Reply, one_line, sentences
from axonflow_hooks.claude_code.scan import Scanned, scan_texts
from axonflow_hooks.claude_code.statements import argument_lines, connector_type
from axonflow_hooks.errors import AgentUnavailable, AxonFlowError, RateLimited

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.context import HookContext
    from axonflow_hooks.claude_code.events import HookEvent
    from axonflow_hooks.claude_code.scan import OutputChecker
    from axonflow_hooks.client import AgentClient
    from axonflow_hooks.wire.mcp_tools import CheckOutputArguments, OutputVerdict


_FILE_KEEPS_VALUES: Final = "The file itself holds the values: never write a placeholder over one."


@dataclass(frozen=True, slots=True)
class OutputScan:
    """What became of one call's texts: `texts` in the order of the output's leaves, then its input and overflow."""

    texts: tuple[Scanned, ...]
    call_input: Scanned | None
    overflow: Scanned | None
    overflow_unscanned: bool

    @property
    def error(self) -> AxonFlowError | None:
        """Why something of the output could not be scanned, None when all of it was."""
        seen = [*self.texts, *([self.overflow] if self.overflow else [])]
        return next((text.error for text in seen if text.error), None)

    @property
    def blocked(self) -> OutputVerdict | None:
        """The verdict that withholds the output, None when it may be shown."""
        # The overflow file holds the whole output: what withholds it withholds the beginning too.
        seen = [*self.texts, *([self.overflow] if self.overflow else [])]
        return next((text.blocked for text in seen if text.blocked), None)

    @property
    def kinds(self) -> Counter[str]:
        """What was masked, by kind."""
        if self.overflow and self.overflow.masked is not None:
            return self.overflow.kinds  # it repeats the beginning that the event holds too
        return sum((text.kinds for text in self.texts), Counter[str]())

    @property
    def decision_id(self) -> str:
        """The decision to name: the one that blocked or masked, else the first."""
        seen = [*self.texts, *([self.overflow] if self.overflow else [])]
        telling = [text for text in seen if text.blocked or text.masked is not None] or seen
        return next((text.decision_id for text in telling if text.decision_id), "")

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """The policies that warn of the output; none of what withholds it, which says more."""
        seen = [*self.texts, *([self.overflow] if self.overflow else [])]
        return () if self.blocked else distinct(caution for text in seen for caution in text.cautions)


async def post_tool_use(context: HookContext) -> Reply:
    """Take a finished call, successful or failed, and give the answer."""
    if own_tool_kind(context.event):
        return SILENT  # the agent audits its own tools, and its answers are governed already
    if context.event.tool_name in READING_TOOLS and not context.settings.scan_reads:
        return SILENT
    output = scannable_output(context.event, context.environ)
    scan = await scan_output(context, output)
    await _audit(context, output, scan)
    return _answer(context, output, scan)


async def scan_output(context: HookContext, output: ScannableOutput) -> OutputScan:
    """Take the texts of a finished call and give what became of them; never raises what agent and account raise."""
    event = context.event
    limited: list[RateLimited] = []

    async def ask(client: AgentClient, share_s: float) -> OutputScan:
        until = Deadline.after(share_s)

        async def check(arguments: CheckOutputArguments) -> OutputVerdict:
            if limited:
                raise limited[0]  # one 429 speaks for all that are still to be asked
            try:
                left_s = round(until.remaining(), 2)
                return await client.check_output(arguments, session_id=event.session_id, timeout_s=left_s)
            except RateLimited as error:
                limited.append(error)
                raise

        return await _scan_with(check, event, output)

    try:
        scan = await context.ask_agent(context.settings.post_tool_use_timeout_s, ask)
    except AxonFlowError as error:
        scan = _unscanned(event, output, error)
    if limited:
        context.leave_alone(limited[0])
    if context.settings.fail_mode == "local" and isinstance(scan.error, AgentUnavailable):
        try:
            return await _scan_with(LocalDecision(context.settings).check_output, event, output)
        except AxonFlowError as missing:
            return _unscanned(event, output, missing)
    return scan


async def _scan_with(check: OutputChecker, event: HookEvent, output: ScannableOutput) -> OutputScan:
    connector = connector_type(event.tool_name)
    texts = [leaf.text for leaf in output.leaves]
    given = "" if event.name == "FailedOutput" else _input_text(event)  # it has been recorded already
    scanned = await scan_texts([*texts, *([given] if given else [])], connector, check)
    file = overflow_file(event)
    beyond = await mask_overflow(file, connector, check) if file else None
    return OutputScan(
        tuple(scanned[: len(texts)]),
        scanned[-1] if given else None,
        beyond,
        overflow_unscanned=has_overflow(event) and beyond is None,
    )


def _unscanned(event: HookEvent, output: ScannableOutput, error: AxonFlowError) -> OutputScan:
    texts = tuple(Scanned(leaf.text, error=error) for leaf in output.leaves)
    return OutputScan(texts, None, None, overflow_unscanned=has_overflow(event))


def _input_text(event: HookEvent) -> str:
    """Give what the audit keeps of the call's input: command, path or arguments, not the content of files."""
    if event.tool_name == "Bash":
        command = event.tool_input.get("command")
        return command if isinstance(command, str) else ""
    told_in_words = event.tool_name.startswith("mcp__") or event.tool_name in {"WebFetch", "WebSearch"}
    return "\n".join(argument_lines(event.tool_input)) if told_in_words else path_of(event)


async def _audit(context: HookContext, output: ScannableOutput, scan: OutputScan) -> None:
    event = context.event
    shown = [text.text if text.masked is None else text.masked for text in scan.texts if not text.error]
    summary: dict[str, Any] = {
        "chars": sum(len(leaf.text) for leaf in output.leaves),
        "redactions": sum(scan.kinds.values()),
        "scanned": scan.error is None and not scan.overflow_unscanned,
    }
    if scan.decision_id:
        summary["decision_id"] = scan.decision_id
    if shown and not scan.blocked and event.name == "PostToolUse":
        summary["excerpt"] = excerpt("\n".join(shown))
    error_text = shown[0] if shown and event.name == "PostToolUseFailure" and not scan.blocked else ""
    given = scan.call_input
    masked_input = (
        ""
        if given is None or given.error or given.blocked
        else (given.masked if given.masked is not None else given.text)
    )
    await context.audit(
        executed_call(event, masked_input=masked_input, output=summary, success=call_succeeded(event), error=error_text)
    )


def _answer(context: HookContext, output: ScannableOutput, scan: OutputScan) -> Reply:
    event = context.event
    cautions = scan.cautions if output.from_outside else ()
    warning = told_to_user(context, cautions, f"the output of this {one_line(event.tool_name, 80)} call")
    message = sentences(_unscanned_message(context, scan), warning)
    touched = scan.blocked is not None or any(text.masked is not None for text in scan.texts)
    overflow_touched = bool(scan.overflow and (scan.overflow.masked is not None or scan.overflow.blocked))
    if not touched and not overflow_touched:
        return replies.after_tool(event.name, context=told_to_model(cautions), message=message)
    verdict = "deny" if scan.blocked else "redact"
    record_decision(context.paths, decision_id=scan.decision_id, verdict=verdict, tool_name=event.tool_name)
    if not output.replaceable:
        exposed = sentences(_exposed_context(output, scan), told_to_model(cautions))
        return replies.after_tool(event.name, context=exposed, message=message)
    updated = with_leaves(event.tool_response, _replacements(output, scan)) if touched else None
    kept = _FILE_KEEPS_VALUES if event.tool_name == "Read" else ""
    return replies.after_tool(
        event.name,
        context=sentences(redacted_context(scan), kept, told_to_model(cautions)),
        message=message,
        updated_output=updated,
        is_mcp=event.tool_name.startswith("mcp__"),
    )


def _replacements(output: ScannableOutput, scan: OutputScan) -> dict[tuple[str | int, ...], str]:
    if scan.blocked:
        return dict.fromkeys((leaf.path for leaf in output.leaves), withheld_text(scan.blocked))
    return {
        leaf.path: text.masked for leaf, text in zip(output.leaves, scan.texts, strict=True) if text.masked is not None
    }


def withheld_text(verdict: OutputVerdict) -> str:
    """Give what stands in the place of a text that policy withholds."""
    reason = one_line(verdict.block_reason, 300) or "denied by policy"
    return f"[AxonFlow: output withheld by policy: {reason} [decision: {one_line(verdict.decision_id, 80)}]]"


def redacted_context(scan: OutputScan) -> str:
    """Tell the model what was masked or withheld, and what the placeholders mean."""
    decision = f"[decision: {one_line(scan.decision_id, 80) or 'none'}]"
    if scan.blocked:
        return f"AxonFlow governance: this output was withheld by policy {decision}. explain_decision tells why."
    return (
        f"AxonFlow governance: {_counted(scan.kinds)} masked in this output {decision}. A placeholder such as "
        "[REDACTED:kind#1] always stands for the same value; work with the placeholders."
    )


def _exposed_context(output: ScannableOutput, scan: OutputScan) -> str:
    found = "content that policy withholds" if scan.blocked else f"sensitive data ({_counted(scan.kinds)})"
    return (
        f"AxonFlow governance: {found} is in {one_line(output.exposed_where, 300)} "
        f"[decision: {one_line(scan.decision_id, 80) or 'none'}]. Do not repeat or send it; tell the user."
    )


def _counted(kinds: Counter[str]) -> str:
    total = sum(kinds.values())
    listed = ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items()))
    return f"{total} sensitive value{'s' if total != 1 else ''} ({listed})" if listed else "sensitive values"


def unscanned_notice(context: HookContext, error: AxonFlowError) -> Reply:
    """Count an output that was not scanned, and tell the user of it once a session."""
    message = _count_unscanned(context, error)
    return replies.notice(message) if message else SILENT


def _unscanned_message(context: HookContext, scan: OutputScan) -> str:
    return _count_unscanned(context, scan.error) if scan.error or scan.overflow_unscanned else ""


def _count_unscanned(context: HookContext, error: AxonFlowError | None) -> str:
    record_ungoverned(
        context.paths,
        plane="response",
        session_id=context.event.session_id,
        tool_name=context.event.tool_name,
        cause=type(error).__name__ if error else "overflow",
    )
    if not first_notice(context.paths, context.event.session_id, "unscanned-output"):
        return ""
    why = f"{error.message} {error.remedy}" if error else "the file with its full length could not be scanned"
    return f"[AxonFlow] An output was not scanned for PII and secrets: {one_line(why, 400)}"
