"""An entry as the formats see it: the row, with its JSON columns read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.tables.records import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_COLUMNS: Final = ("policy_details", "request_body", "response_body", "redacted_fields")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the audit trail; `values` has every column, those of `JSON_COLUMNS` as JSON values."""

    values: Mapping[str, Any]

    def text(self, column: str) -> str:
        """Give a column's text, "" for NULL."""
        value = self.values.get(column)
        return "" if value is None else str(value)

    @property
    def sequence(self) -> int:
        """Its place in the trail."""
        return int(self.values["sequence"])

    @property
    def details(self) -> Mapping[str, Any]:
        """What `policy_details` holds, where it is an object."""
        found = self.values.get("policy_details")
        return found if isinstance(found, dict) else {}

    @property
    def risk_level(self) -> str:
        """The risk of what decided: low, medium, high, critical, or "" where there is none."""
        found = self.details.get("risk_level")
        return found if isinstance(found, str) else ""

    @property
    def reason(self) -> str:
        """Why it was decided so."""
        found = self.details.get("reason")
        return found if isinstance(found, str) else ""

    @property
    def matches(self) -> tuple[Mapping[str, Any], ...]:
        """The policies that matched."""
        found = self.details.get("policy_matches")
        return tuple(match for match in found if isinstance(match, dict)) if isinstance(found, list) else ()

    @property
    def policy_ids(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(str(match["policy_id"]) for match in self.matches if "policy_id" in match)

    @property
    def epoch_microseconds(self) -> int:
        """When it happened, in microseconds since 1970 in UTC; 0 for a time that cannot be read."""
        moment = parse_time(self.text("timestamp"))
        if moment is None:
            return 0
        return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def read_entry(row: Mapping[str, Any]) -> Entry:
    """Give the entry of a row; a JSON column that holds no JSON stays text."""
    values = dict(row)
    for column in JSON_COLUMNS:
        text = values.get(column)
        if isinstance(text, str):
            try:
                values[column] = json.loads(text)
            except ValueError:
                continue
    return Entry(values)
