"""What `status` shows of an embedded agent: whether it recognises a person, and what waits for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.account.presence_news import ask_presence, presence_news
from axonflow_hooks.client import one_line
from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.wire.presence import PresenceStatus, normalised_code

if TYPE_CHECKING:
    from axonflow_hooks.client import AgentClient
    from axonflow_hooks.paths import Paths

TIMEOUT_S: Final = 3.0
MAX_CODES: Final = 5

_QUESTIONS: Final = "/api/v1/presence/challenges"
_PENDING: Final = "/api/v1/hitl/queue?status=pending&limit=1"
_TERMINAL: Final = "in a terminal of your own"


@dataclass(frozen=True, slots=True)
class Grants:
    """`codes` are those of the questions that wait for a person, None (as `approvals`) where the agent did not say.

    `news` is what has changed with the passphrase since the user was last told.
    """

    presence: PresenceStatus
    codes: tuple[str, ...] | None = None
    approvals: int | None = None
    news: str = ""


async def gather_grants(client: AgentClient, paths: Paths) -> Grants | None:
    """Ask an agent, in at most 3 s; None where it has nothing of the kind or cannot be asked."""
    try:
        presence = await ask_presence(client, timeout_s=TIMEOUT_S)
        if presence is None:
            return None
        # one that fails must not leave the other under way
        questions, queue = await _asked(client, _QUESTIONS), await _asked(client, _PENDING)
    except AxonFlowError:
        return None
    news = presence_news(paths, client.connection.endpoint, presence, first=False)
    return Grants(presence, _codes(questions), _total(queue), news)


def grant_lines(grants: Grants) -> list[str]:
    """Give the lines for people; they hold no secret: a code alone answers no question."""
    lines = [_presence_line(grants.presence)]
    if grants.codes is not None:
        lines.append(_questions_line(grants.codes))
    if grants.approvals is not None:
        how = f"{_TERMINAL}: axonflow-hooks approval list, then approval approve ID or approval reject ID"
        lines.append(_waiting("waiting_approvals", grants.approvals, how))
    return lines


def grants_value(grants: Grants | None) -> dict[str, Any]:
    """Give the members of the JSON object; null for what is not known."""
    presence = grants.presence if grants else None
    return {
        "presence": presence.model_dump() if presence else None,
        "waiting_questions": list(grants.codes) if grants and grants.codes is not None else None,
        "waiting_approvals": grants.approvals if grants else None,
    }


def _presence_line(presence: PresenceStatus) -> str:
    if presence.enrolled:
        return f"OK presence=set (fingerprint {_short(presence.fingerprint)}, since {_short(presence.enrolled_at)})"
    how = "stop the agent, run axonflow-hooks presence set, start it again"
    return f"WARN presence=unset (nobody can grant overrides or approvals; {how})"


def _questions_line(codes: tuple[str, ...]) -> str:
    command = f"{_TERMINAL}: axonflow-hooks override confirm"
    how = f"{command} {codes[0]}" if len(codes) == 1 else f"{command} CODE; codes: {', '.join(codes[:MAX_CODES])}"
    return _waiting("waiting_questions", len(codes), f"{how}; add --refuse to say no")


def _waiting(name: str, count: int, how: str) -> str:
    return f"WARN {name}={count} ({how})" if count else f"OK {name}=0"


def _short(text: str | None) -> str:
    return one_line(text or "unknown")[:40]


async def _asked(client: AgentClient, path: str) -> Any:
    reply = await client.get_json(path, timeout_s=TIMEOUT_S)
    try:
        return reply.json() if reply.is_success else None
    except ValueError:
        return None


def _codes(body: Any) -> tuple[str, ...] | None:
    listed = body.get("challenges") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        return None
    return tuple(normalised_code(str(item.get("code", ""))) for item in listed if isinstance(item, dict))


def _total(body: Any) -> int | None:
    meta = body.get("meta") if isinstance(body, dict) else None
    total = meta.get("total") if isinstance(meta, dict) else None
    return total if isinstance(total, int) else None
