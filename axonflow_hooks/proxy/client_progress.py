"""The client's progress with what a backend has asked it (sampling, elicitation): told to that backend, as numbers.

Two backends may choose the same token, so the client gets one of the proxy's own. The text of a report is left out: a
backend is told nothing that was not decided, and a report is worth no decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.exact_json import members_of, read_object, write_object, write_value
from axonflow_hooks.proxy.request_params import META, meta_of, progress_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.proxy.exact_json import Member

MAX_COUNT: Final = 10**8
"""A number below is progress; a larger one could be somebody's number."""

TOKEN: Final = "progressToken"  # noqa: S105 - the specification's name
_COUNTS: Final = ("progress", "total")


@dataclass(slots=True)
class ClientProgress:
    """The questions under way whose backends want to hear of progress, by the token that the client has."""

    _reports: dict[str, Callable[[str], None]] = field(default_factory=dict)
    _last: int = 0

    def enter(self, params: str, report: Callable[[str], None]) -> tuple[str, str]:
        """Take the params of a question, give them with a token of the proxy's own, and that token.

        `report` gets the params of each report for the backend. Params that ask for none come back as they are, with
        "" for the token.
        """
        if params.lstrip()[:1] != "{":
            return params, ""
        members = read_object(params)
        token = progress_token(meta_of(members))
        if token is None:
            return params, ""
        self._last += 1
        own = f"axf-p-{self._last}"
        meta = {name: member.raw for name, member in members_of(members[META]).items()}
        asked = {name: member.raw for name, member in members.items()}
        asked[META] = write_object({**meta, TOKEN: write_value(own)})
        self._reports[own] = lambda counts: report(f'{{"{TOKEN}":{meta[TOKEN]},{counts[1:]}')
        return write_object(asked), own

    def leave(self, own: str) -> None:
        """Take it that a question is answered, or not asked any more."""
        self._reports.pop(own, None)

    def take(self, params: Member | None) -> None:
        """Take a report of the client; one that belongs to no question, or tells no numbers, is dropped."""
        if params is None or not isinstance(params.value, dict):
            return
        token = params.value.get(TOKEN)
        report = self._reports.get(token) if isinstance(token, str) else None
        if report is None or "progress" not in params.value or not counts_in(params.value, MAX_COUNT):
            return
        members = members_of(params)
        report(write_object({name: members[name].raw for name in _COUNTS if name in members}))


def counts_in(report: dict[str, Any], limit: float = float("inf")) -> bool:
    """Tell whether a report of progress has numbers where they belong, all of them below a limit."""
    given = [report.get(name, 0) for name in _COUNTS]
    return all(type(count) in (int, float) and abs(count) < limit for count in given)
