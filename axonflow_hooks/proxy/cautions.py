"""What policy lets pass with a warning: the model reads so beside a result, a tool's definition is held for it.

A result is data, so a warning of it goes with it. A definition is read by the model as what it should do: one that
policy takes for an injection is not shown before a person has seen it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from axonflow_hooks.claude_code.cautions import Caution, cautions_of, distinct, told_to_model
from axonflow_hooks.proxy.exact_json import array_elements, read_object, write_object, write_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from axonflow_hooks.proxy.verdicts import OutputReply

INJECTION_CATEGORY: Final = "security-dangerous"
"""The category of the injection policies (wire 2.2); its others look at requests alone, not at what a backend sends."""

NOTE: Final = "Note of the AxonFlow proxy, not of the tool."


class Warned(NamedTuple):
    """One policy that warns of a text, and its category; None where the agent tells no categories."""

    caution: Caution
    category: str | None


def warned_of(reply: OutputReply) -> tuple[Warned, ...]:
    """Give the policies that warn in an answer of check-output (wire 1.6)."""
    told = reply.policy_info
    categories = {policy.policy_id: policy.category for policy in told.matched_policies} if told is not None else {}
    return tuple(
        Warned(caution, None if told is None else categories.get(caution.policy_id, ""))
        for caution in distinct(cautions_of(reply))
    )


def injections(warned: Iterable[Warned]) -> tuple[Caution, ...]:
    """Give those that take a text for an injection, or may do so as far as the agent tells."""
    return distinct(item.caution for item in warned if item.category in {INJECTION_CATEGORY, None})


def with_note(raw: str, result: Any, warned: Iterable[Warned]) -> str:
    """Take the text and the value of a result, give the text, with a note for the model where policies warn.

    The note is a text block of its own after the others (MCP: CallToolResult.content); a result of another kind has no
    place for one. Nothing else changes, so that structuredContent fits its schema as before.
    """
    cautions = distinct(item.caution for item in warned)
    if not cautions or not isinstance(result, dict) or not isinstance(result.get("content"), list):
        return raw
    members = {name: member.raw for name, member in read_object(raw).items()}
    note = write_value({"type": "text", "text": f"{NOTE} {told_to_model(cautions)}"})
    members["content"] = f"[{','.join((*array_elements(members['content']), note))}]"
    return write_object(members)
