"""The engine's words: policies as data, what an evaluation found, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from axonflow_hooks.wire.words import ACTIONS_BY_STRENGTH, RISK_LEVELS_BY_WEIGHT, highest_risk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.wire.words import Action, Phase, RiskLevel

StatementKind = Literal["shell", "file", "mcp", "output", "text"]
"""What a text is: a command line, an edited file, MCP arguments, a tool's output, or not known."""

STATEMENT_KINDS: tuple[StatementKind, ...] = ("shell", "file", "mcp", "output", "text")


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` of the evaluated text (str offsets), found by `policy_id`; `kind` names the placeholder."""

    start: int
    end: int
    policy_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class PolicyMatch:
    """One policy that matched, with the action it asks for on this plane and the places it matched at.

    `note` says what was not known when the match was made (a variable's value, a line too large to be analysed) and is
    part of `description` too; empty for a match that is certain.
    """

    policy_id: str
    policy_name: str
    category: str
    severity: RiskLevel
    action: Action
    allow_override: bool
    description: str
    spans: tuple[Span, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The engine's answer to one text.

    `action` is the strongest of all matches, `matches` has the blocker first, then by action strength and severity;
    `redacted` is the text with the spans of redact-policies replaced, None when nothing is to be redacted.
    """

    action: Action
    matches: tuple[PolicyMatch, ...]
    policies_evaluated: int
    redacted: str | None

    @property
    def spans(self) -> tuple[Span, ...]:
        """Every place of every match, in the order of the text."""
        found = (span for match in self.matches for span in match.spans)
        return tuple(sorted(found, key=lambda span: (span.start, span.end)))

    @property
    def risk_level(self) -> RiskLevel | None:
        """The highest severity among the matches, None when nothing matched."""
        return highest_risk([match.severity for match in self.matches])


@dataclass(frozen=True, slots=True)
class Matcher:
    """One way for a policy to match: a pattern on the text, or an effect of the commands in it.

    Exactly one of `pattern` and `effect` is set. `validator` names a check of the matched text
    (`policy.validators`), `context` is a pattern that must occur near the match, `near` lists words of which one must
    (`policy.nearness`), `standalone` says that the shape is
    unmistakable even inside an argument of a command that has nothing to do with it; `letters` that it is looked for in
    the bare letters of what is spelled out or run together, and nowhere else. `scope` and `phases` narrow
    those of the policy.
    """

    pattern: str | None = None
    effect: str | None = None
    validator: str | None = None
    context: str | None = None
    near: str | None = None
    standalone: bool = False
    letters: bool = False
    scope: frozenset[StatementKind] | None = None
    phases: frozenset[Phase] | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A text that must flag (or stay clean) as `connector_type` sees it on the plane `phase`."""

    text: str
    connector_type: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy as data (wire part 2 for the ids, names, categories and severities)."""

    id: str
    name: str
    description: str
    category: str
    severity: RiskLevel
    phases: frozenset[Phase]
    scope: frozenset[StatementKind]
    action_request: Action
    action_response: Action
    allow_override: bool
    group: str
    kind: str
    matchers: tuple[Matcher, ...]
    flag: tuple[Example, ...]
    clean: tuple[Example, ...]
    action_by_kind: Mapping[StatementKind, Action] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    integration: str | None = None
    enabled: bool = True

    @property
    def pattern_text(self) -> str:
        """The patterns and effects as one text, for listings (`pattern` of wire 1.11)."""
        return "\n".join(matcher.pattern or f"effect:{matcher.effect}" for matcher in self.matchers)

    def action_for(self, phase: Phase, kind: StatementKind) -> Action:
        """Give what the policy asks for on this plane and this kind of text."""
        if kind in self.action_by_kind:
            return self.action_by_kind[kind]
        return self.action_request if phase == "request" else self.action_response

    def applies_to(self, phase: Phase, kind: StatementKind) -> bool:
        """Tell whether the policy is looked at on this plane and for this kind of text."""
        return self.enabled and phase in self.phases and kind in self.scope


@dataclass(frozen=True, slots=True)
class PolicyPack:
    """The policies of one TOML file, in the order of the file."""

    name: str
    policies: tuple[Policy, ...]


def match_rank(match: PolicyMatch) -> tuple[int, int, str]:
    """Sort key of matches: action strength, then severity, then id."""
    strength = ACTIONS_BY_STRENGTH.index(match.action)
    return strength, RISK_LEVELS_BY_WEIGHT.index(match.severity), match.policy_id
