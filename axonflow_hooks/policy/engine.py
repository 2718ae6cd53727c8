"""Evaluates a text against policies: prefilter sets, then places, validators, context; effects of commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal

from axonflow_hooks.policy.kinds import statement_kind
from axonflow_hooks.policy.matching import compile_set
from axonflow_hooks.policy.model import Evaluation, Policy, PolicyMatch, Span, match_rank
from axonflow_hooks.policy.nearness import Columns, first_look, in_context, is_near
from axonflow_hooks.policy.pack import builtin_packs, check_unique
from axonflow_hooks.policy.placeholders import Placeholders
from axonflow_hooks.policy.prefilter import NUMBERS, TOKENS
from axonflow_hooks.policy.redaction import redact
from axonflow_hooks.policy.validators import VALIDATORS, Candidate
from axonflow_hooks.policy.views import Subject
from axonflow_hooks.wire.words import strongest_action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from axonflow_hooks.policy.matching import Haystack, PatternSet
    from axonflow_hooks.policy.model import Matcher, PolicyPack, StatementKind
    from axonflow_hooks.policy.views import View
    from axonflow_hooks.wire.words import Action, Phase

PiiAction = Literal["block", "redact", "warn", "log"]

MAX_PLACES: Final = 20_000
"""Places that are told apart in one text. With more of them, the policies that go on matching have found the whole
text: a pattern that matches nearly everything must not take minutes, and nothing that is to be masked may be left."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern matcher of a policy, ready to run: `index` is its place in the group's set."""

    policy: Policy
    matcher: Matcher
    index: int
    context_index: int

    def counts(self, phase: Phase, kind: StatementKind) -> bool:
        """Whether the rule is looked at on this plane and kind of text."""
        matcher = self.matcher
        return (
            self.policy.applies_to(phase, kind)
            and (matcher.scope is None or kind in matcher.scope)
            and (matcher.phases is None or phase in matcher.phases)
        )


@dataclass(frozen=True, slots=True)
class _Group:
    """The patterns that are scanned together."""

    name: str
    rules: tuple[_Rule, ...]
    patterns: PatternSet
    contexts: PatternSet

    def candidates(self, haystack: Haystack) -> Iterator[_Rule]:
        """Give the rules that may match: pattern and context words both occur somewhere."""
        near: frozenset[int] | None = None
        for index in self.patterns.hits(haystack):
            rule = self.rules[index]
            if rule.context_index >= 0:
                if near is None:
                    near = frozenset(self.contexts.hits(haystack))
                if rule.context_index not in near:
                    continue
            yield rule


@dataclass(frozen=True, slots=True)
class _Plane:
    """What is looked at on one plane, kind of text and set of active integrations."""

    active: Mapping[str, Policy]
    groups: tuple[tuple[_Group, frozenset[int]], ...]
    effects: Mapping[str, tuple[Policy, ...]]


class Engine:
    """A set of policies, compiled. Immutable; safe for use from several threads."""

    __slots__ = ("_groups", "_integrations", "_planes", "policies")

    def __init__(self, policies: Sequence[Policy]) -> None:
        """Compile `policies`; raises PolicyPackError for ids used twice and patterns that are refused."""
        check_unique(policies, "engine")
        self.policies = tuple(policies)
        self._groups = tuple(_group(name, self.policies) for name in dict.fromkeys(p.group for p in self.policies))
        self._integrations = frozenset(p.integration for p in self.policies if p.integration is not None)
        # filled on demand; two threads that meet put the same value there
        self._planes: dict[tuple[Phase, StatementKind, frozenset[str]], _Plane] = {}

    def evaluate(
        self,
        text: str,
        *,
        phase: Phase,
        connector_type: str,
        placeholders: Placeholders | None = None,
        integrations: frozenset[str] = frozenset(),
    ) -> Evaluation:
        """Take a statement (request) or an output (response) and give what the policies make of it.

        `connector_type` is the contract's (`claude_code.Bash`, wire 1.3.1); `integrations` are the active ones (wire
        2.3), without which their policies are not evaluated. `placeholders` makes the placeholders of several texts
        agree. Never raises for any text.
        """
        kind = statement_kind(connector_type, phase)
        plane = self._plane(phase, kind, integrations)
        active = plane.active
        subject = Subject(text, kind)
        spans: dict[str, set[Span]] = {}
        notes: dict[str, str] = {}
        left, crowded = MAX_PLACES, set[str]()
        for policy, start, end, note in chain(_patterns(subject, plane, crowded), _effects(subject, plane)):
            found = spans.setdefault(policy.id, set())
            found.add(Span(start, end, policy.id, policy.kind))
            left -= 1
            if left < 0:
                # what matches nearly everywhere is found in the text as a whole
                spans[policy.id] = {Span(0, len(text), policy.id, policy.kind)}
                crowded.add(policy.id)
            # one place that is certain is enough for the whole match to be
            notes[policy.id] = note and notes.get(policy.id, note)
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

    def _plane(self, phase: Phase, kind: StatementKind, integrations: frozenset[str]) -> _Plane:
        key = (phase, kind, integrations & self._integrations)
        plane = self._planes.get(key)
        if plane is None:
            plane = self._planes[key] = _plane(self.policies, self._groups, *key)
        return plane


def _plane(
    policies: Sequence[Policy],
    groups: Sequence[_Group],
    phase: Phase,
    kind: StatementKind,
    integrations: frozenset[str],
) -> _Plane:
    active = {
        policy.id: policy
        for policy in policies
        if policy.applies_to(phase, kind) and (policy.integration is None or policy.integration in integrations)
    }
    counting = {
        group.name: frozenset(r.index for r in group.rules if r.policy.id in active and r.counts(phase, kind))
        for group in groups
    }
    effects: dict[str, tuple[Policy, ...]] = {}
    for policy in active.values():
        for matcher in policy.matchers:
            if matcher.effect is not None and (matcher.scope is None or kind in matcher.scope):
                effects[matcher.effect] = (*effects.get(matcher.effect, ()), policy)
    return _Plane(active, tuple((group, counting[group.name]) for group in groups if counting[group.name]), effects)


def _patterns(subject: Subject, plane: _Plane, crowded: AbstractSet[str]) -> Iterator[tuple[Policy, int, int, str]]:
    for group, counting in plane.groups:
        for view in _views(group.name, subject):
            for rule in group.candidates(view.haystack):
                if rule.index in counting and rule.policy.id not in crowded:
                    yield from _places(rule, group.patterns, view, crowded)


def _views(group: str, subject: Subject) -> tuple[View, ...]:
    if group == "sql":
        return subject.sql
    if group in ("pii", "secrets"):
        return subject.plain
    return subject.disguised if group == "injection" else subject.whole


def _group(name: str, policies: Sequence[Policy]) -> _Group:
    found = [(p, matcher) for p in policies if p.group == name for matcher in p.matchers if matcher.pattern is not None]
    contexts = list(dict.fromkeys(filter(None, (_surroundings(matcher) for _policy, matcher in found))))
    rules = tuple(
        _Rule(
            policy=policy,
            matcher=matcher,
            index=index,
            context_index=contexts.index(around) if (around := _surroundings(matcher)) else -1,
        )
        for index, (policy, matcher) in enumerate(found)
    )
    return _Group(
        name=name,
        rules=rules,
        patterns=compile_set(
            [matcher.pattern or "" for _policy, matcher in found], NUMBERS if name == "pii" else TOKENS
        ),
        contexts=compile_set(contexts),
    )


def _surroundings(matcher: Matcher) -> str | None:
    """Give a pattern that occurs in every text in which the matcher's context or words do."""
    if matcher.near is not None:
        return first_look(matcher.near)
    if matcher.context is None or matcher.context.startswith("(?i)"):
        return matcher.context
    return f"(?i){matcher.context}"


def _places(
    rule: _Rule, patterns: PatternSet, view: View, crowded: AbstractSet[str]
) -> Iterator[tuple[Policy, int, int, str]]:
    if (view.loose and not rule.matcher.standalone) or view.letters != rule.matcher.letters:
        return
    matcher = rule.matcher
    validator = VALIDATORS[matcher.validator] if matcher.validator else None
    text = view.haystack.text
    columns = Columns(text)
    for start, end in patterns.find(rule.index, view.haystack):
        # the surroundings cost less than most checksums, and most numbers have none
        if matcher.context is not None and not in_context(matcher.context, text, start, end):
            continue
        if matcher.near is not None and not is_near(matcher.near, text, start, end, columns):
            continue
        if validator is not None and not validator(Candidate(text, start, end)):
            continue
        yield (rule.policy, *view.locate(start, end), "")
        if rule.policy.id in crowded:
            return


def _effects(subject: Subject, plane: _Plane) -> Iterator[tuple[Policy, int, int, str]]:
    if not plane.effects:
        return
    for offset, line in subject.command_lines:
        for effect, places in line.effects.items():
            for policy in plane.effects.get(effect, ()):
                for place in places:
                    yield policy, offset + place.start, offset + place.end, place.note


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
