"""AXONFLOW_FAIL_MODE=local: the built-in policies decide while the agent cannot be reached.

The one place where an enforcement point evaluates policy; the engine is imported only when it is needed.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from axonflow_hooks.errors import AgentRefused
from axonflow_hooks.wire.mcp_tools import CheckOutputArguments, OutputVerdict, PolicyVerdict

if TYPE_CHECKING:
    from axonflow_hooks.policy import Engine, Evaluation, Placeholders, PolicyMatch
    from axonflow_hooks.settings import Settings

_REFUSING = ("block", "require_approval")


class LocalDecision:
    """The built-in policies behind the words of the wire; one for each hook, its placeholders too.

    Raises AgentRefused when the engine is not installed: then nothing can decide, and nothing runs.
    """

    def __init__(self, settings: Settings) -> None:
        self._engine: Engine
        self._placeholders: Placeholders
        self._integrations = settings.integrations | {"claude-code"}
        try:
            from axonflow_hooks.policy import Placeholders, load_engine
        except ImportError as error:
            raise AgentRefused(
                f"AXONFLOW_FAIL_MODE=local needs the built-in policies, which are not installed ({error.name}).",
                code=0,
                remedy="Install axonflow-hooks[agent], or choose another fail mode.",
            ) from None
        self._engine = load_engine(pii_action=settings.pii_action)
        self._placeholders = Placeholders()

    def check_policy(self, connector_type: str, statement: str) -> PolicyVerdict:
        """Decide on a statement."""
        evaluation = self._engine.evaluate(
            statement,
            phase="request",
            connector_type=connector_type,
            placeholders=self._placeholders,
            integrations=self._integrations,
        )
        return PolicyVerdict.model_validate(
            {
                **_verdict(evaluation),
                "requires_redaction": evaluation.redacted is not None,
                "redacted_statement": evaluation.redacted,
            }
        )

    async def check_output(self, arguments: CheckOutputArguments) -> OutputVerdict:
        """Decide on an output; rows are answered as rows."""
        texts = [str(row.get("text", "")) for row in arguments.response_data or []]
        single = arguments.message is not None
        evaluations = [
            self._engine.evaluate(
                text,
                phase="response",
                connector_type=arguments.connector_type,
                placeholders=self._placeholders,
                integrations=self._integrations,
            )
            for text in ([arguments.message or ""] if single else texts)
        ]
        worst = min(evaluations, key=lambda item: item.action not in _REFUSING)
        masked = [
            text if item.redacted is None else item.redacted for text, item in zip(texts, evaluations, strict=False)
        ]
        return OutputVerdict.model_validate(
            {
                **_verdict(worst),
                "policy_matches": [_told(match) for item in evaluations for match in item.matches],
                "redacted_message": evaluations[0].redacted if single else None,
                "redacted_data": None if single else [{"text": text} for text in masked],
                "redaction_evaluated": True,
            }
        )


def _verdict(evaluation: Evaluation) -> dict[str, Any]:
    blocker = evaluation.matches[0] if evaluation.matches else None
    return {
        "allowed": evaluation.action not in _REFUSING,
        "decision_id": f"local-{uuid.uuid4()}",
        "policies_evaluated": evaluation.policies_evaluated,
        "block_reason": blocker.description if blocker else "",
        "blocked_by": blocker.policy_id if blocker else "",
        "risk_level": blocker.severity if blocker else None,
        "policy_matches": [_told(match) for match in evaluation.matches],
    }


def _told(match: PolicyMatch) -> dict[str, Any]:
    return {
        "policy_id": match.policy_id,
        "policy_name": match.policy_name,
        "risk_level": match.severity,
        "allow_override": match.allow_override,
        "action": match.action,
    }
