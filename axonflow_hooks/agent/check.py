"""What the agent is asked about: a statement before its execution, or an output after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.tables.records import MatchRecord
    from axonflow_hooks.wire.words import Phase


class Check(NamedTuple):
    """A statement before its execution (`request`) or an output after it (`response`).

    `fields` are the JSON values to look at, by the name under which spans are reported. `tool_signature` is the
    connector, and the tool where it is told apart from its server (wire 1.3.1). The rest comes with a decision
    (wire 1.4): `target` is {type, model, provider, server, tool}, `context` what passed the allow-list. `approval_id`
    is the approval with which a held call is tried again. `readings` names fields that are read as another
    connector's, `found` is what was found by other means than the policies (an output that is too large).
    """

    phase: Phase
    request_type: str
    tool_signature: str
    fields: Mapping[str, Any]
    size: int
    integrations: frozenset[str]
    stage: str | None = None
    trace_id: str | None = None
    context: Mapping[str, str] = {}
    context_truncated: bool = False
    approval_id: str | None = None
    target: Mapping[str, str] = {}
    readings: Mapping[str, str] = {}
    found: tuple[MatchRecord, ...] = ()


def tool_signature(connector_type: str, tool: str | None) -> str:
    """Give the connector as policies name it: `claude_code.Bash`, `postgres.query` (wire 1.3.1).

    It is whole: what is cut before it was looked at may end in half a secret that nothing recognises.
    """
    return f"{connector_type}.{tool}" if tool else connector_type
