"""Evaluates a text against policies: prefilter sets, then places, validators, context; effects of commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal

from axonflow_hooks.policy.groups import WHOLE, make_group, places
from axonflow_hooks.policy.kinds import statement_kind
from axonflow_hooks.policy.model import Evaluation, Policy, PolicyMatch, Span, match_rank
from axonflow_hooks.policy.pack import builtin_packs, check_unique
from axonflow_hooks.policy.placeholders import Placeholders
from axonflow_hooks.policy.redaction import redact
from axonflow_hooks.policy.views import Subject
from axonflow_hooks.wire.words import strongest_action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from axonflow_hooks.policy.groups import Group, Possible, Rule
    from axonflow_hooks.policy.model import PolicyPack, StatementKind
    from axonflow_hooks.policy.views import TextViews
    from axonflow_hooks.wire.words import Action, Phase

PiiAction = Literal["block", "redact", "warn", "log"]

MAX_PLACES: Final = 20_000
"""Places that are told apart in one text. With more of them, the policies that go on matching have found the whole
text: a pattern that matches nearly everything must not take minutes, and nothing that is to be masked may be left."""


@dataclass(frozen=True, slots=True)
class _Plane:
    """What is looked at on one plane, kind of text and set of active integrations."""

    active: Mapping[str, Policy]
    groups: tuple[tuple[Group, frozenset[int]], ...]
    effects: Mapping[str, tuple[Policy, ...]]
    nothing: Evaluation
    """The evaluation of a text in which nothing is found."""


class Engine:
    """A set of policies, compiled. Immutable; safe for use from several threads."""

    __slots__ = ("_groups", "_integrations", "_narrowed", "_planes", "_spelled", "ids", "policies")

    def __init__(self, policies: Sequence[Policy]) -> None:
        """Compile `policies`; raises PolicyPackError for ids used twice and patterns that are refused."""
        check_unique(policies, "engine")
        self.policies = tuple(policies)
        self._groups = tuple(
            make_group(name, ((p, matcher) for p in self.policies if p.group == name for matcher in p.matchers))
            for name in dict.fromkeys(p.group for p in self.policies)
        )
        self._integrations = frozenset(p.integration for p in self.policies if p.integration is not None)
        self._begin()

    def _begin(self) -> None:
        self.ids = frozenset(policy.id for policy in self.policies)
        self._spelled = all(matcher.effect is None for policy in self.policies for matcher in policy.matchers)
        # filled on demand; two threads that meet put the same value there
        self._planes: dict[tuple[Phase, StatementKind, frozenset[str]], _Plane] = {}
        self._narrowed: dict[Callable[[Policy], bool], Engine] = {}

    def evaluate(
        self,
        text: str,
        *,
        phase: Phase,
        connector_type: str,
        placeholders: Placeholders | None = None,
        integrations: frozenset[str] = frozenset(),
        views: TextViews | None = None,
    ) -> Evaluation:
        """Take a statement (request) or an output (response) and give what the policies make of it.

        `connector_type` is the contract's (`claude_code.Bash`, wire 1.3.1); `integrations` are the active ones (wire
        2.3), without which their policies are not evaluated. `placeholders` makes the placeholders of several texts
        agree. `views` are those of this very text, which several evaluations of it share. Never raises for any text.
        """
        kind = statement_kind(connector_type, phase)
        plane = self._plane(phase, kind, integrations)
        active = plane.active
        spans, notes = _found(Subject(text, kind, views), plane)
        if not spans:
            return plane.nothing
        matches = sorted(
            (_match(active[policy_id], phase, kind, found, notes[policy_id]) for policy_id, found in spans.items()),
            key=match_rank,
        )
        redacting = [
            (rank, span)
            for rank, match in enumerate(_by_severity(matches))
            if match.action == "redact"
            for span in match.spans
        ]
        session = Placeholders() if placeholders is None else placeholders
        return Evaluation(
            action=strongest_action([match.action for match in matches]),
            matches=tuple(matches),
            policies_evaluated=len(active),
            redacted=redact(text, redacting, session) if redacting else None,
        )

    def narrowed(self, wanted: Callable[[Policy], bool]) -> Engine:
        """Give an engine of some of the policies that shares what is compiled, and so what is noted in views.

        It is kept, one for each function `wanted`.
        """
        known = self._narrowed.get(wanted)
        if known is not None:
            return known
        engine = object.__new__(Engine)
        engine.policies = tuple(filter(wanted, self.policies))
        engine._groups = tuple(g for g in self._groups if any(wanted(rule.policy) for rule in g.rules))
        engine._integrations = self._integrations
        engine._begin()
        self._narrowed[wanted] = engine
        return engine

    def finds_nothing(self, views: TextViews) -> bool:
        """Tell whether an evaluation with these views has shown already that no policy matches in any kind of text.

        Policies that look for effects or for SQL are never known not to match.
        """
        known = views.possible
        return self._spelled and all(known.get(group, True) == [] for group in self._groups)

    def _plane(self, phase: Phase, kind: StatementKind, integrations: frozenset[str]) -> _Plane:
        key = (phase, kind, integrations & self._integrations)
        plane = self._planes.get(key)
        if plane is None:
            plane = self._planes[key] = _plane(self.policies, self._groups, *key)
        return plane


def _plane(
    policies: Sequence[Policy],
    groups: Sequence[Group],
    phase: Phase,
    kind: StatementKind,
    integrations: frozenset[str],
) -> _Plane:
    active = {
        policy.id: policy
        for policy in policies
        if policy.applies_to(phase, kind) and (policy.integration is None or policy.integration in integrations)
    }
    counting = [
        (group, [rule for rule in group.rules if rule.policy.id in active and rule.counts(phase, kind)])
        for group in groups
    ]
    effects: dict[str, tuple[Policy, ...]] = {}
    for policy in active.values():
        for matcher in policy.matchers:
            if matcher.effect is not None and (matcher.scope is None or kind in matcher.scope):
                effects[matcher.effect] = (*effects.get(matcher.effect, ()), policy)
    nothing = Evaluation(action="none", matches=(), policies_evaluated=len(active), redacted=None)
    return _Plane(active, tuple(_joined(counting)), effects, nothing)


def _joined(counting: Sequence[tuple[Group, Sequence[Rule]]]) -> Iterator[tuple[Group, frozenset[int]]]:
    """Give the groups of a plane with the rules that count on it; what looks at the text as it is, as one group."""
    whole = [rules for group, rules in counting if group.reads_whole and rules]
    if len(whole) > 1:
        joined = make_group(WHOLE, ((rule.policy, rule.matcher) for rule in chain(*whole)))
        yield joined, frozenset(range(len(joined.rules)))
    for group, rules in counting:
        if rules and not (group.reads_whole and len(whole) > 1):
            yield group, frozenset(rule.index for rule in rules)


def _found(subject: Subject, plane: _Plane) -> tuple[dict[str, set[Span]], dict[str, str]]:
    """Give the places of each policy that matches, and what is not sure about it."""
    spans: dict[str, set[Span]] = {}
    notes: dict[str, str] = {}
    possible, effects = _possible(subject, plane), _effects(subject, plane)
    if not possible and not effects:
        return spans, notes
    left, crowded = MAX_PLACES, set[str]()
    for policy, start, end, note in chain(_patterns(possible, crowded), effects):
        found = spans.setdefault(policy.id, set())
        found.add(Span(start, end, policy.id, policy.kind))
        left -= 1
        if left < 0:
            # what matches nearly everywhere is found in the text as a whole
            spans[policy.id] = {Span(0, len(subject.views.text), policy.id, policy.kind)}
            crowded.add(policy.id)
        # one place that is certain is enough for the whole match to be
        notes[policy.id] = note and notes.get(policy.id, note)
    return spans, notes


def _possible(subject: Subject, plane: _Plane) -> list[tuple[Group, frozenset[int], Sequence[Possible]]]:
    """Give the groups of which something may match, with the rules that count and the views where they may match."""
    known = subject.views.possible
    found = []
    for group, counting in plane.groups:
        possible = known.get(group)
        if possible is None:
            possible = group.possible(subject)
        if possible:
            found.append((group, counting, possible))
    return found


def _patterns(
    found: Sequence[tuple[Group, frozenset[int], Sequence[Possible]]], crowded: AbstractSet[str]
) -> Iterator[tuple[Policy, int, int, str]]:
    for group, counting, possible in found:
        for view, rules in possible:
            for rule in rules:
                if rule.index in counting and rule.policy.id not in crowded:
                    yield from places(rule, group.patterns, view, crowded)


def _effects(subject: Subject, plane: _Plane) -> list[tuple[Policy, int, int, str]]:
    found: list[tuple[Policy, int, int, str]] = []
    if not plane.effects:
        return found
    for offset, line in subject.command_lines:
        for effect, standing in line.effects.items():
            for policy in plane.effects.get(effect, ()):
                found += [(policy, offset + place.start, offset + place.end, place.note) for place in standing]
    return found


def _match(policy: Policy, phase: Phase, kind: StatementKind, spans: set[Span], note: str) -> PolicyMatch:
    return PolicyMatch(
        policy_id=policy.id,
        policy_name=policy.name,
        category=policy.category,
        severity=policy.severity,
        action=policy.action_for(phase, kind),
        allow_override=policy.allow_override,
        description=f"{policy.description} {note}" if note else policy.description,
        spans=tuple(sorted(spans, key=lambda span: (span.start, span.end))),
        note=note,
    )


def _by_severity(matches: Sequence[PolicyMatch]) -> list[PolicyMatch]:
    return sorted(matches, key=lambda match: match_rank(replace(match, action="redact")))


def load_engine(*, pii_action: PiiAction | None = None, packs: Sequence[PolicyPack] | None = None) -> Engine:
    """Give the engine of the built-in packs, or of `packs` instead.

    `pii_action` is the deployment's PII posture: it replaces both actions of every `pii-*` policy. Under `block` it is
    the critical and high ones that block; the others (e-mail, phone) are masked. Raises PolicyPackError.
    """
    chosen = builtin_packs() if packs is None else packs
    policies = [policy for pack in chosen for policy in pack.policies]
    if pii_action is not None:
        policies = [_with_pii_action(policy, pii_action) for policy in policies]
    return Engine(policies)


def _with_pii_action(policy: Policy, pii_action: PiiAction) -> Policy:
    if not policy.category.startswith("pii-"):
        return policy
    action: Action = pii_action
    if pii_action == "block" and policy.severity not in ("critical", "high"):
        action = "redact"
    return replace(policy, action_request=action, action_response=action, action_by_kind={})
