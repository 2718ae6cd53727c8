"""What a verification tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal[
    "changed", "moved", "rewritten", "removed", "truncated", "added", "head", "checkpoint", "decision", "rollback",
    "recorded", "damaged", "grant", "access",
]  # fmt: skip

MAX_FINDINGS: Final = 200
"""Findings that are kept; more are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with which entry (or None), and what."""

    kind: Kind
    what: str
    sequence: int | None = None
    id: str = ""

    def value(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"kind": self.kind, "sequence": self.sequence, "id": self.id, "what": self.what}


@dataclass(slots=True)
class Report:
    """The outcome: `intact` when there is no finding. `notes` say what could not be looked at."""

    entries: int = 0
    first_sequence: int = 0
    last_sequence: int = 0
    head_hash: str = ""
    anchor_sequence: int = 0
    checkpoints: int = 0
    decisions: int = 0
    findings: list[Finding] = field(default_factory=list)
    more_findings: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.findings

    def add(self, finding: Finding) -> None:
        """Take a finding down."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
        else:
            self.more_findings += 1

    def value(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "intact": self.intact,
            "entries": self.entries,
            "first_sequence": self.first_sequence,
            "last_sequence": self.last_sequence,
            "head": self.head_hash,
            "anchor_sequence": self.anchor_sequence,
            "checkpoints": self.checkpoints,
            "decisions": self.decisions,
            "findings": [finding.value() for finding in self.findings],
            "more_findings": self.more_findings,
            "notes": list(self.notes),
        }
