"""The built-in policies as an agent of both planes: what becomes of a result, as values or as text, or of a call."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axonflow_hooks.agent.scanning import Scan
from axonflow_hooks.policy import Placeholders, load_engine
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.request_plane import RequestPlane
from axonflow_hooks.proxy.response_plane import ResponsePlane
from axonflow_hooks.proxy.verdicts import CheckInputReply, Decision, OutputReply

if TYPE_CHECKING:
    from axonflow_hooks.proxy.request_plane import Passed
    from axonflow_hooks.proxy.response_plane import Checked

TARGET = Target("one", "tool")
ENGINE = load_engine(pii_action="redact")


@dataclass
class EngineAgent:
    """Answers `check_output` and `check_input` as the embedded agent does; a session has one count of placeholders.

    It allows all calls, and obliges to mask their arguments.
    """

    placeholders: Placeholders = field(default_factory=Placeholders)
    questions: list[list[dict[str, str]]] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    async def decide(self, _query: str, _target: Target, **_more: Any) -> Decision:
        """Take a call."""
        return Decision("allow", "d", obliged=frozenset({"request"}))

    async def check_input(self, statement: str) -> CheckInputReply:
        """Take a text of a call."""
        self.statements.append(statement)
        masked = Scan(ENGINE, "request", "gateway", frozenset(), self.placeholders).redact(statement, "statement")
        return CheckInputReply(
            allowed=True, redaction_evaluated=True, redacted=masked != statement, redacted_statement=masked
        )

    async def check_output(self, target: Target, *, rows: Any = None, message: Any = None, **_more: Any) -> OutputReply:
        """Take a question."""
        self.questions.append(rows)
        scan = Scan(ENGINE, "response", target.server, frozenset(), self.placeholders)
        given = message if rows is None else rows
        masked = scan.redact(given, "response_data")
        verdict = {"allowed": True, "redaction_evaluated": True, "decision_id": "d"}
        return OutputReply.model_validate({**verdict, **({"redacted_data": masked} if masked != given else {})})


def checked(value: Any, agent: EngineAgent | None = None) -> Checked:
    """Check a value, and give what may be forwarded. Raises Refusal."""
    plane = ResponsePlane(agent or EngineAgent())  # type: ignore[arg-type]
    return asyncio.run(plane.check(TARGET, value, json.dumps(value, ensure_ascii=False)))


def admitted(arguments: Any, agent: EngineAgent | None = None) -> Passed:
    """Have the arguments of a call masked, and give what may be executed. Raises Refusal."""
    plane = RequestPlane(agent or EngineAgent(), fail_open=False)  # type: ignore[arg-type]
    return asyncio.run(plane.admit(TARGET, "tool", arguments, json.dumps(arguments, ensure_ascii=False)))


def masks_as_values(value: Any) -> int:
    """Give how much is masked in a structured result."""
    return checked({"content": [], "structuredContent": value}).redactions


def masks_as_text(value: Any) -> int:
    """Give how much is masked in the same result as JSON text."""
    return checked({"content": [{"type": "text", "text": json.dumps(value, ensure_ascii=False)}]}).redactions
