"""Governance in action: events handed to the very commands of hooks.json, as Claude Code does. Nothing is executed."""

from __future__ import annotations

import json
import re
import secrets
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.cli.doctor_checks.finding import Finding, NotCheckedError, fail, ok, warn
from axonflow_hooks.cli.doctor_checks.machine import REINSTALL, SESSION_ID
from axonflow_hooks.cli.doctor_checks.wiring import hook_command
from axonflow_hooks.client import one_line
from axonflow_hooks.errors import AxonFlowError

if TYPE_CHECKING:
    from axonflow_hooks.cli.doctor_checks.machine import Machine

HOOK_WAIT_S: Final = 16.0
AUDIT_WAIT_S: Final = 12.0
TIMED_CALLS: Final = 9
TIMED_S: Final = 8.0
DANGEROUS: Final = "rm -rf /"
HARMLESS: Final = "echo axonflow-doctor"
EXAMPLE_SSN: Final = "536-90-4399"


def deny(machine: Machine) -> Finding:
    """Whether a destructive command is stopped by a policy before it runs."""
    reply = _fire(machine, "PreToolUse", command=DANGEROUS)
    if isinstance(reply, Finding):
        return reply
    answer = reply.get("hookSpecificOutput", {})
    decision, reason = answer.get("permissionDecision"), one_line(answer.get("permissionDecisionReason", ""))
    governed = re.search(r"decision: ([^,\]\s]+)", reason)
    if decision in {"deny", "ask"} and governed:
        return ok("live deny", f"`{DANGEROUS}` is stopped before it runs [decision: {governed.group(1)}]")
    if decision == "deny":
        return fail("live deny", f"Calls are denied, but not by a policy: {reason}", "Do what the reason says.")
    said = one_line(reply.get("systemMessage", "the hook was silent"))
    return fail(
        "live deny",
        f"`{DANGEROUS}` would run: {said}",
        "Look at the agent's policies (`list_policies`): the one against destructive commands must block.",
    )


def redaction(machine: Machine) -> Finding:
    """Whether sensitive data in an output is masked before the model reads it."""
    raw = f"name: Jane Roe\nSSN: {EXAMPLE_SSN}\n"
    reply = _fire(machine, "PostToolUse", "live redaction", command=HARMLESS, tool_response=_output(raw))
    if isinstance(reply, Finding):
        return reply
    shown = reply.get("hookSpecificOutput", {}).get("updatedToolOutput")
    if shown is not None and EXAMPLE_SSN not in json.dumps(shown):
        return ok("live redaction", "a social security number in an output is masked")
    said = one_line(reply.get("systemMessage", "the output went through as it was"))
    if machine.settings.pii_action in {"warn", "log"}:
        fix = "Set PII_ACTION=redact for the agent, or unset it."
        return warn("live redaction", f"Outputs are not masked, as PII_ACTION is {machine.settings.pii_action}.", fix)
    return fail("live redaction", f"An SSN was not masked: {said}", "Look at the agent's PII policies (PII_ACTION).")


def audit(machine: Machine) -> Finding:
    """Whether a finished call is found in the agent's audit trail."""
    mark = f"doctor-{secrets.token_hex(4)}"
    started = time.monotonic()
    reply = _fire(
        machine, "PostToolUse", "live audit", command=f"echo {mark}", tool_use_id=mark, tool_response=_output(mark)
    )
    if isinstance(reply, Finding):
        return reply
    pause_s = 0.05
    while time.monotonic() < started + AUDIT_WAIT_S:
        try:
            page = machine.call_tool("search_audit_events", {"request_type": "tool_call_audit", "limit": 50})
        except AxonFlowError as error:
            return fail("live audit", f"The audit trail cannot be searched: {one_line(error.message)}", error.remedy)
        if mark in json.dumps(page):
            return ok("live audit", f"a call was in the audit trail after {time.monotonic() - started:.1f} s")
        time.sleep(pause_s)
        pause_s = min(1.0, pause_s * 2)
    return fail(
        "live audit",
        f"A call was not in the audit trail within {AUDIT_WAIT_S:g} s.",
        f"See what keeps the audit spool: {machine.paths.resident_log}",
    )


def hook_time(machine: Machine) -> Finding:
    """How long this machine's PreToolUse takes, as Claude Code sees it; for information."""
    times_ms: list[float] = []
    until = time.monotonic() + TIMED_S
    while len(times_ms) < TIMED_CALLS and (len(times_ms) < 2 or time.monotonic() < until):
        started = time.perf_counter()
        reply = _fire(machine, "PreToolUse", "hook time", command=HARMLESS)
        if isinstance(reply, Finding):
            return reply
        times_ms.append((time.perf_counter() - started) * 1000)
    p50 = statistics.median(times_ms)
    p95 = statistics.quantiles(times_ms, n=20, method="inclusive")[-1]
    text = f"PreToolUse takes p50 {p50:.0f} ms, p95 {p95:.0f} ms ({len(times_ms)} calls)"
    return ok("hook time", text, p50_ms=round(p50, 1), p95_ms=round(p95, 1), calls=len(times_ms))


_ASK_ADDRESS: Final = """
import sys
sys.path.insert(0, sys.argv[1])
from axonflow_hooks import relay
try:
    address = relay.address_of(relay.text_environ())
except OSError as error:
    print("none")
    raise SystemExit
try:
    relay.connect(address).close()
except (OSError, ValueError):
    print("silent", address)
else:
    print("listening", address)
"""


def resident(machine: Machine) -> Finding:
    """Whether the resident, which the calls before this one have started, is there."""
    if not (machine.plugin / "hooks" / "relay.py").is_file():
        raise NotCheckedError("this plugin works without a resident")
    if machine.probe.problem:
        raise NotCheckedError("the interpreter of the hooks does not work")
    # In the hooks' own interpreter: the address depends on it. relay.py is nobody's module but its own process's.
    done = machine.run([machine.probe.python, "-I", "-S", "-c", _ASK_ADDRESS, str(machine.plugin)], HOOK_WAIT_S)
    state, _, address = done.out.strip().partition(" ")
    slower = "hooks answer in a process of their own, slower"
    if state == "listening":
        return ok("resident", f"it listens at {address}")
    if state == "silent":
        return warn("resident", f"No resident listens at {address}: {slower}.", f"See {machine.paths.resident_log}")
    if state == "none":
        fix = "Set AXONFLOW_RESIDENT_DIR to a short folder of yours with mode 0700."
        return warn("resident", f"There is no private folder for the resident's socket: {slower}.", fix)
    return warn(
        "resident", f"It cannot be told whether a resident is there: {done.problem or one_line(done.err)}", REINSTALL
    )


def _fire(machine: Machine, event: str, name: str = "live deny", **fields: Any) -> dict[str, Any] | Finding:
    """Hand a Bash event to the command of hooks.json and give its answer ({} for silence), or what went wrong."""
    command = hook_command(machine.plugin, event, "Bash")
    given = {
        "session_id": SESSION_ID,
        "transcript_path": "",
        "cwd": str(machine.cwd),
        "permission_mode": "default",
        "hook_event_name": event,
        "tool_name": "Bash",
        "tool_use_id": SESSION_ID,
        "tool_input": {"command": fields.pop("command")},
        **fields,
    }
    done = machine.run(command, HOOK_WAIT_S, stdin=json.dumps(given))
    if done.problem or done.status:
        what = done.problem or f"it exited with {done.status}: {one_line(done.err)}"
        return fail(name, f"The {event} hook does not work: {what}", REINSTALL)
    try:
        reply = json.loads(done.out) if done.out.strip() else {}
    except ValueError:
        reply = None
    if not isinstance(reply, dict):
        return fail(name, f"The {event} hook wrote something else than one JSON object.", REINSTALL)
    return reply


def _output(stdout: str) -> dict[str, Any]:
    return {"stdout": stdout, "stderr": "", "interrupted": False, "isImage": False}
