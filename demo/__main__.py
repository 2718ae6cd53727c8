"""The main job, end to end: a local agent, the commands of hooks.json, and the JSON that Claude Code hands to them.

Everything runs in a temporary home folder on this machine and is gone afterwards. Exits with 1 when anything that it
shows is not as it should be.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from devtools.live import ROOT, Host, clean_environment, residents_ended, running_agent

WIDTH = 116

# Joined from parts so that no scanner takes the demo for a leak.
SSN = "123-45-" + "6789"
AWS_KEY = "AKIA" + "Z7QH4N2KLPX3WVTM"
AWS_SECRET = "q8Zx1LmN" + "4vRt7YbC2dFg5HjK9pQs3WeX6uTa0oIn"


@dataclass
class Demo:
    """The host that fires the events, and what turned out not to be as it should."""

    host: Host
    failures: list[str] = field(default_factory=list)

    def check(self, label: str, holds: bool) -> None:
        """Remember what is not as it should be."""
        if not holds:
            self.failures.append(label)


def main() -> int:
    """Run the demo and give its exit status."""
    with tempfile.TemporaryDirectory(prefix="axonflow-demo-") as folder:
        home = Path(folder)
        demo = Demo(Host(home, clean_environment(home)))
        with residents_ended(demo.host.environ), running_agent(demo.host.environ) as endpoint:
            demo.host.environ["AXONFLOW_ENDPOINT"] = endpoint
            heading(f"A local agent answers at {endpoint}; nothing leaves this machine.")
            dangerous_command(demo)
            ordinary_command(demo)
            personal_data_in_output(demo)
            secret_in_a_file(demo)
            audit_trail(demo)
            status(demo)
    for failure in demo.failures:
        print(f"NOT AS IT SHOULD BE: {failure}")
    print("\nThe demo has stopped its agent and removed its folder." if not demo.failures else "")
    return 1 if demo.failures else 0


def dangerous_command(demo: Demo) -> None:
    reply = demo.host.fire(
        "PreToolUse", tool_name="Bash", tool_input={"command": "rm -rf /"}, tool_use_id="toolu_demo1"
    )
    decision = (reply or {}).get("hookSpecificOutput", {})
    reason = decision.get("permissionDecisionReason", "")
    heading("1. Claude wants to run:  rm -rf /")
    show("answer", f"{decision.get('permissionDecision', 'nothing').upper()}  {reason}")
    demo.check("rm -rf / is denied", decision.get("permissionDecision") == "deny")
    demo.check(
        "the denial carries a decision id", bool(re.search(r"\[decision: [0-9a-f-]{36}, risk: critical", reason))
    )


def ordinary_command(demo: Demo) -> None:
    reply = demo.host.fire(
        "PreToolUse", tool_name="Bash", tool_input={"command": "git status"}, tool_use_id="toolu_demo2"
    )
    heading("2. Claude wants to run:  git status")
    show("answer", "nothing: the command runs, and nobody is disturbed" if reply is None else json.dumps(reply))
    demo.check("git status is silent", reply is None)


def personal_data_in_output(demo: Demo) -> None:
    printed = f"id,name,ssn\n17,Ada Example,{SSN}\n"
    reply = demo.host.fire(
        "PostToolUse",
        tool_name="Bash",
        tool_input={"command": "cat customers.csv"},
        tool_response={
            "stdout": printed,
            "stderr": "",
            "interrupted": False,
            "isImage": False,
            "noOutputExpected": False,
        },
        tool_use_id="toolu_demo3",
        duration_ms=12,
    )
    answer = (reply or {}).get("hookSpecificOutput", {})
    updated = answer.get("updatedToolOutput", {})
    heading(f"3. A command printed a social security number:  {printed.splitlines()[1]}")
    show("Claude gets", json.dumps(updated))
    show("and reads", answer.get("additionalContext", ""))
    demo.check("the SSN is replaced", "[REDACTED:ssn#1]" in updated.get("stdout", "") and SSN not in json.dumps(reply))


def secret_in_a_file(demo: Demo) -> None:
    content = f'AWS_ACCESS_KEY_ID = "{AWS_KEY}"\nAWS_SECRET_ACCESS_KEY = "{AWS_SECRET}"\n'
    reply = demo.host.fire(
        "PreToolUse",
        tool_name="Write",
        tool_input={"file_path": str(demo.host.project / "config.py"), "content": content},
        tool_use_id="toolu_demo4",
    )
    decision = (reply or {}).get("hookSpecificOutput", {})
    heading(f"4. Claude wants to write config.py with an AWS key:  {AWS_KEY[:8]}…")
    show(
        "answer",
        f"{decision.get('permissionDecision', 'nothing').upper()}  {decision.get('permissionDecisionReason', '')}",
    )
    demo.check(
        "the secret is denied or masked", decision.get("permissionDecision") == "deny" or "updatedInput" in decision
    )
    demo.check("the answer does not repeat the secret", AWS_KEY not in json.dumps(reply))


def audit_trail(demo: Demo) -> None:
    found = demo.host.mcp_tool("search_audit_events", limit=50)
    heading("5. The audit trail, as the agent holds it:")
    for entry in reversed(found["entries"]):
        text = " ".join(str(entry.get("query") or "").split())
        line = f"{entry['timestamp'][:19]}  {entry.get('policy_decision') or '-':<9} {entry['request_type']:<17} {text}"
        print("   " + (line if len(line) < WIDTH else line[: WIDTH - 2] + " …"))
    held = json.dumps(found)
    demo.check("the audit trail has the entries", len(found["entries"]) >= 4 and "blocked" in held)
    demo.check("the audit trail holds no raw secret or SSN", not any(raw in held for raw in (SSN, AWS_KEY, AWS_SECRET)))


def status(demo: Demo) -> None:
    done = subprocess.run(
        ["sh", str(ROOT / "hooks" / "run"), "cli", "status"],
        env=demo.host.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    heading("6. axonflow-hooks status:")
    print(textwrap.indent(done.stdout.strip(), "   "))
    demo.check("status is well", done.returncode == 0 and "OK endpoint=http://127.0.0.1" in done.stdout)


def heading(text: str) -> None:
    print(f"\n{text}")


def show(label: str, text: str) -> None:
    print(textwrap.fill(text, WIDTH, initial_indent=f"   {label:<12} ", subsequent_indent=" " * 16))


if __name__ == "__main__":
    sys.exit(main())
