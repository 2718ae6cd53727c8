"""What may stand in a policy: it is kept, shown and exported as it was written, so nothing that must not be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.leaves import Leaf, map_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.policy import Engine

USER_FIELD = "user.email"
"""The field of conditions that names developers, as the contract does: by their address."""


async def refuse_private(agent: Agent, call: RestCall, given: BaseModel) -> None:
    """Look at the texts of a policy that somebody writes.

    Raises RestRefused 400 for one in which a secret or personal data stands; it names the part, never the text.
    """
    value = given.model_dump(mode="json", exclude_none=True)
    storage = (await agent.policies_of(call.caller.tenant_id)).storage  # its own: those of others are no oracle
    part = await agent.compute(call.size, lambda: _private_part(agent, storage, value))
    if part is not None:
        message = f"{part}: holds a secret or personal data, and a policy is kept as it is written"
        raise RestRefused(400, message, code="VALIDATION_ERROR")


def _private_part(agent: Agent, storage: Engine, value: Any) -> str | None:
    for part, texts in _parts(value):
        if not all(agent.names.is_plain(storage, text) for text in texts):
            return part
    return None


def _parts(value: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, inner in value.items():
        if name == "policies":
            for policy in inner:
                yield from _parts(policy)
        elif name == "conditions":
            yield name, [text for condition in inner for text in _texts(condition)]
        else:
            yield name, _leaves(inner)


def _texts(condition: dict[str, Any]) -> list[str]:
    found = _leaves(condition)
    if condition.get("field") != USER_FIELD:
        return found
    return [part for text in found for part in _address_parts(text)]


def _address_parts(text: str) -> list[str]:
    return text.split("@") if text.count("@") == 1 else [text]


def _leaves(value: Any) -> list[str]:
    found: list[str] = []

    def note(leaf: Leaf) -> None:
        found.append(leaf.text)

    map_leaves(value, "", note)
    return found
