"""What a check gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from axonflow_hooks.client import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

Level = Literal["OK", "WARN", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: `fix` is what to do about it ("" for OK), `figures` are numbers for programs."""

    name: str
    level: Level
    text: str
    fix: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


class NotCheckedError(Exception):
    """A check that cannot be made, and why: something else has to be put right first."""


def ok(name: str, text: str, **figures: float) -> Finding:
    """All is well."""
    return Finding(name, "OK", one_line(text), figures=figures)


def warn(name: str, text: str, fix: str) -> Finding:
    """Governance works, but somebody should look at this."""
    return Finding(name, "WARN", one_line(text), one_line(fix))


def fail(name: str, text: str, fix: str) -> Finding:
    """Governance does not work, or not safely, until this is put right."""
    return Finding(name, "FAIL", one_line(text), one_line(fix))
