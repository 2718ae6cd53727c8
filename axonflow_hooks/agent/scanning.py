"""Runs the policy engine over every leaf of a statement or an output, and masks what it says must be masked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.leaves import Leaf, map_leaves
from axonflow_hooks.policy import Span, redact
from axonflow_hooks.policy.model import match_rank
from axonflow_hooks.policy.views import TextViews
from axonflow_hooks.wire.words import RISK_LEVELS_BY_WEIGHT

if TYPE_CHECKING:
    from axonflow_hooks.policy import Engine, Placeholders, PolicyMatch
    from axonflow_hooks.wire.words import Action, Phase

MAX_LABEL_CHARS: Final = 60
"""A longer key is no label of its value."""

MAX_SHARED: Final = 64
"""Texts of one call whose views are kept for the look at what may be stored."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One policy that matched in one leaf, with the places in the leaf's text."""

    match: PolicyMatch
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in one leaf; `masked` is its text after redaction, None where nothing was redacted."""

    leaf: Leaf
    hits: tuple[Hit, ...]
    masked: str | None


@dataclass(slots=True)
class Scan:
    """One pass over one call: what was found, and how many policies were looked at.

    `views` are those of the first texts, for whoever looks at them again (see `examine`).
    """

    engine: Engine
    phase: Phase
    connector_type: str
    integrations: frozenset[str]
    placeholders: Placeholders
    findings: list[Finding] = field(default_factory=list)
    policies_evaluated: int = 0
    views: dict[str, TextViews] = field(default_factory=dict)
    _known: dict[tuple[str, str, str], tuple[tuple[Hit, ...], str | None]] = field(default_factory=dict)

    def redact(self, value: Any, path: str, connector_type: str | None = None) -> Any:
        """Give a JSON value with what must be masked masked; `value` itself is left as it is.

        With a `connector_type` it is read as one of that connector, else as one of the scan's.
        """
        connector = connector_type or self.connector_type
        if isinstance(value, str):
            masked = self._look(Leaf(path, "", value), connector)
            return value if masked is None else masked
        return map_leaves(value, path, lambda leaf: self._look(leaf, connector))

    def has_masked(self, path: str) -> bool:
        """Tell whether something at `path` or below was masked."""
        below = (f"{path}.", f"{path}[")
        return any(
            finding.masked is not None and (finding.leaf.path == path or finding.leaf.path.startswith(below))
            for finding in self.findings
        )

    def _look(self, leaf: Leaf, connector: str) -> str | None:
        key = (leaf.label, leaf.text, connector)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._evaluate(*key)
        hits, masked = known
        if hits:
            self.findings.append(Finding(leaf, hits, masked))
        return masked

    def _evaluate(self, label: str, text: str, connector: str) -> tuple[tuple[Hit, ...], str | None]:
        read = as_read(label, text)
        views = TextViews(read)
        if len(self.views) < MAX_SHARED:
            self.views[read] = views
        hits, evaluated = examine(
            self.engine, label, views, self.phase, connector, self.placeholders, self.integrations
        )
        if evaluated > self.policies_evaluated:
            self.policies_evaluated = evaluated
        if not hits:
            return hits, None
        ranked = [(rank(hit.match), span) for hit in hits if hit.match.action == "redact" for span in hit.spans]
        return hits, redact(text, ranked, self.placeholders) if ranked else None


def as_read(label: str, text: str) -> str:
    """Give a value as it is read: its label tells what a bare one is, {"ssn": 123456789} reads as "ssn: 123456789"."""
    return f"{label}: {text}" if label and len(label) <= MAX_LABEL_CHARS else text


def examine(
    engine: Engine,
    label: str,
    views: TextViews,
    phase: Phase,
    connector_type: str,
    placeholders: Placeholders,
    integrations: frozenset[str] = frozenset(),
) -> tuple[tuple[Hit, ...], int]:
    """Give what policies find in one text, with the places in it, and how many policies were looked at.

    `views` are those of the text as it is read with its label (`as_read`).
    """
    found = engine.evaluate(
        views.text,
        phase=phase,
        connector_type=connector_type,
        placeholders=placeholders,
        integrations=integrations,
        views=views,
    )
    if not found.matches:
        return (), found.policies_evaluated
    lead = len(as_read(label, ""))
    shifted = (Hit(match, _shift(match.spans, lead)) for match in found.matches)
    return tuple(hit for hit in shifted if hit.spans), found.policies_evaluated


def strongest(findings: list[Finding]) -> list[tuple[PolicyMatch, list[tuple[str, Span]]]]:
    """Give every policy that matched, once, the blocker first, with all the places (path, span) it matched at."""
    places: dict[str, list[tuple[str, Span]]] = {}
    matches: dict[str, PolicyMatch] = {}
    for finding in findings:
        for hit in finding.hits:
            matches.setdefault(hit.match.policy_id, hit.match)
            places.setdefault(hit.match.policy_id, []).extend((finding.leaf.path, span) for span in hit.spans)
    ordered = sorted(matches.values(), key=match_rank)
    return [(match, places[match.policy_id]) for match in ordered]


def first_place(findings: list[Finding], action: Action) -> tuple[Finding, int] | None:
    """Give the first leaf in which a policy of this action matched, and where in it."""
    for finding in findings:
        starts = [span.start for hit in finding.hits if hit.match.action == action for span in hit.spans]
        if starts:
            return finding, min(starts)
    return None


def _shift(spans: tuple[Span, ...], by: int) -> tuple[Span, ...]:
    if not by:
        return spans
    return tuple(
        Span(max(0, span.start - by), span.end - by, span.policy_id, span.kind) for span in spans if span.end > by
    )


def rank(match: PolicyMatch) -> int:
    """Give the weight by which overlapping regions are named, 0 for the most severe."""
    return RISK_LEVELS_BY_WEIGHT.index(match.severity)
