"""What a client is told when a call is not made or its result not shown: JSON-RPC errors with all that helps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.errors import MalformedVerdict
from axonflow_hooks.wire.decide import APPROVAL_HEADER

if TYPE_CHECKING:
    from axonflow_hooks.errors import AgentError
    from axonflow_hooks.proxy.verdicts import Decision

DENIED: Final = -32001
NEEDS_APPROVAL: Final = -32002
UNAVAILABLE: Final = -32003
BACKEND_FAILED: Final = -32004
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
PARSE_ERROR: Final = -32700

WAITS: Final = "This call waits for a person's approval"

_USER_TOKEN: Final = re.compile(r"user[-_ ]?token", re.IGNORECASE)


class MaskedName(MalformedVerdict):
    """The name of a field would have to be masked: what is wrong is the value, not the agent."""


class Refusal(Exception):  # noqa: N818 - reads as what it is
    """A JSON-RPC error for the client. `verdict` is the word for the audit row, `cause` why the agent gave none."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        verdict: str,
        data: dict[str, Any] | None = None,
        decision: Decision | None = None,
        cause: AgentError | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.verdict = verdict
        self.decision = decision
        self.cause = cause
        self.data = data or {}

    def error(self) -> dict[str, Any]:
        """Give the `error` member of the answer."""
        return {"code": self.code, "message": self.message, **({"data": self.data} if self.data else {})}


def denied(decision: Decision, *, of_response: bool = False) -> Refusal:
    """A policy says no: the call was not made, or (`of_response`) its result is withheld."""
    reason = "; ".join(filter(None, decision.reasons)).rstrip(".") or "a policy of your organisation forbids it"
    what = "The result was withheld by policy" if of_response else "Blocked by policy"
    named = f" Policies: {', '.join(decision.policies)}." if decision.policies else ""
    if decision.status == 401 or (decision.status == 403 and not decision.policies):
        what, named = f"The agent refuses this proxy (HTTP {decision.status})", f" {refusal_remedy(reason)}"
    known = (("decision", decision.decision_id), ("trace", decision.trace_id))
    ids = ", ".join(f"{name} {value}" for name, value in known if value)
    trace = f" {ids[0].upper()}{ids[1:]}." if ids else ""
    data = _facts(decision)
    if of_response:
        data["executed"] = True
    if decision.status != 200:
        data["http_status"] = decision.status
    if decision.retry_after_s is not None:
        data["retry_after_seconds"] = round(decision.retry_after_s)
    return Refusal(DENIED, f"{what}: {reason}.{named}{trace}", verdict="deny", data=data, decision=decision)


def refusal_remedy(reason: str) -> str:
    """Give what to do where the agent refuses the proxy itself, for the reason that it gives."""
    if _USER_TOKEN.search(reason):
        return "Unset AXONFLOW_USER_TOKEN, or correct it: an agent that knows no users cannot verify one."
    return "Check AXONFLOW_ENDPOINT, AXONFLOW_CLIENT_ID and AXONFLOW_CLIENT_SECRET."


def held(decision: Decision) -> Refusal:
    """A person has to agree before the call is made."""
    data = _facts(decision)
    if decision.approval_id:
        ids = (decision.approval_id, *decision.more_approvals)
        all_of = f"all of {', '.join(ids)}" if len(ids) > 1 else ids[0]
        how = f"Ask an approver to decide on {all_of} in AxonFlow, then make the same call again."
        data |= {
            "approval_id": decision.approval_id,
            **({"approval_ids": list(ids)} if len(ids) > 1 else {}),
            "how_to_approve": how,
            "retry": {"header": APPROVAL_HEADER, "body_field": "approval_id", "same_arguments": True},
        }
    else:
        how = "Ask an approver to allow it in AxonFlow, then make the same call again."
        data["how_to_approve"] = how
    reason = "; ".join(filter(None, decision.reasons)).rstrip(".")
    message = f"{WAITS}{f' ({reason})' if reason else ''}; it was not made. {how}"
    return Refusal(NEEDS_APPROVAL, message, verdict="needs_approval", data=data, decision=decision)


def unavailable(
    message: str,
    *,
    retry_after_s: float | None = None,
    retryable: bool = True,
    executed: bool = False,
    decision: Decision | None = None,
    cause: AgentError | None = None,
) -> Refusal:
    """There is no verdict, so nothing passes. `executed` tells that the backend has done its work already."""
    data: dict[str, Any] = {"retryable": retryable and not executed, "executed": executed}
    if retry_after_s is not None:
        data["retry_after_seconds"] = round(retry_after_s)
    if decision is not None:
        data |= _facts(decision)
    return Refusal(UNAVAILABLE, message, verdict="error", data=data, decision=decision, cause=cause)


def backend_failed(message: str, backend: str, *, executed: bool | None, retry_after_s: float | None = None) -> Refusal:
    """A backend is down, or was lost during a call; `executed` is None where nobody can know."""
    data: dict[str, Any] = {
        "backend": backend,
        "retryable": executed is False,
        "executed": "unknown" if executed is None else executed,
    }
    if retry_after_s is not None:
        data["retry_after_seconds"] = max(1, round(retry_after_s))
    return Refusal(BACKEND_FAILED, message, verdict="error", data=data)


def _facts(decision: Decision) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "decision_id": decision.decision_id,
        "trace_id": decision.trace_id,
        "evaluated_policies": list(decision.policies),
    }
    if decision.reasons:
        facts["reasons"] = [reason for reason in decision.reasons if reason]
    return facts
