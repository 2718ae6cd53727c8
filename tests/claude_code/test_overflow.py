"""Bash output that the host keeps in a file: masked on disk, or said to be unscanned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.claude_code.conftest import BASH, BLOCKED, MASKED, SSN, updated

if TYPE_CHECKING:
    from tests.claude_code.conftest import Hooks, StubAgent


def overflowing(hooks: Hooks, text: str) -> dict[str, Any]:
    path = hooks.transcript.with_suffix("") / "tool-results" / "b1um3rk1n.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return {"stdout": text[:30_000], **BASH, "persistedOutputPath": str(path), "persistedOutputSize": len(text)}


def test_the_overflow_file_is_masked_on_disk(hooks: Hooks, agent: StubAgent) -> None:
    text = f"line {SSN}\n" * 20_000
    response = overflowing(hooks, text)
    reply = hooks.post("Bash", {"command": "x"}, response)
    assert updated(reply) == response | {"stdout": agent.mask(text)[:0] + agent.mask(text[:30_000])}
    path = hooks.transcript.with_suffix("") / "tool-results" / "b1um3rk1n.txt"
    assert path.read_text(encoding="utf-8") == text.replace(SSN, MASKED)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "20000 x ssn" in reply["hookSpecificOutput"]["additionalContext"]


def test_a_secret_only_in_the_overflow_is_masked_and_told(hooks: Hooks) -> None:
    text = "clean\n" * 10_000 + SSN
    response = overflowing(hooks, text)
    reply = hooks.post("Bash", {"command": "x"}, response)
    assert "updatedToolOutput" not in reply["hookSpecificOutput"]
    assert "1 x ssn" in reply["hookSpecificOutput"]["additionalContext"]
    path = hooks.transcript.with_suffix("") / "tool-results" / "b1um3rk1n.txt"
    assert SSN not in path.read_text(encoding="utf-8")


def test_a_blocked_overflow_withholds_the_beginning_too(hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_output"] = lambda asked: BLOCKED if "FORBIDDEN" in asked["message"] else {"allowed": True}
    response = overflowing(hooks, "clean\n" * 10_000 + "FORBIDDEN")
    reply = hooks.post("Bash", {"command": "x"}, response)
    assert updated(reply)["stdout"].startswith("[AxonFlow: output withheld by policy: exfiltration")
    path = hooks.transcript.with_suffix("") / "tool-results" / "b1um3rk1n.txt"
    assert "clean" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["outside", "dots", "link", "folder", "missing", "nul", "no transcript"])
def test_an_overflow_that_may_not_be_touched_is_never_called_clean(hooks: Hooks, agent: StubAgent, where: str) -> None:
    outside = hooks.project / "notes.txt"
    outside.write_text(f"mine {SSN}", encoding="utf-8")
    inside = hooks.transcript.parent
    inside.mkdir(parents=True)
    link = inside / "link"
    link.symlink_to(outside)
    named = {
        "outside": outside,
        "dots": f"{inside}/../../../../work/notes.txt",
        "link": link,
        "folder": inside,
        "missing": inside / "missing.txt",
        "nul": f"{inside}/a\0b",
        "no transcript": outside,
    }[where]
    response = {"stdout": "clean", **BASH, "persistedOutputPath": str(named)}
    more: dict[str, Any] = {"transcript_path": ""} if where == "no transcript" else {}
    reply = hooks.post("Bash", {"command": "x"}, response, **more)
    assert "could not be scanned" in reply["systemMessage"]
    assert outside.read_text(encoding="utf-8") == f"mine {SSN}"
    (record,) = agent.calls("audit_tool_call")
    assert record.arguments["output"]["scanned"] is False
