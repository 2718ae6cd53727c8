"""Patterns that are scanned together: one look at a text for all of them, then the places of those that may match."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.matching import compile_set
from axonflow_hooks.policy.nearness import Columns, first_look, in_context, is_near
from axonflow_hooks.policy.prefilter import NUMBERS, TOKENS, Cut
from axonflow_hooks.policy.validators import VALIDATORS, Candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from axonflow_hooks.policy.matching import Haystack, PatternSet
    from axonflow_hooks.policy.model import Matcher, Policy, StatementKind
    from axonflow_hooks.policy.views import Subject, TextViews, View
    from axonflow_hooks.wire.words import Phase

    Possible = tuple[View, list["Rule"]]
    """A view and the rules that may match in it."""

WHOLE: Final = "whole"
"""The name of groups made of those that look at the text as it is."""

_VIEWS: Final = {
    "pii": attrgetter("plain"),
    "secrets": attrgetter("plain"),
    "injection": attrgetter("disguised"),
}
"""The views that a group looks at, where it is not the text as it is; for SQL see `Subject.sql`."""

_AS_IT_IS: Final = attrgetter("whole")
_SQL: Final = "sql"


@dataclass(frozen=True, slots=True)
class Rule:
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


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The patterns that are scanned together.

    `looks_at` gives the views of a text that they are looked for in; None for SQL, which stands elsewhere in each kind
    of text.
    """

    name: str
    rules: tuple[Rule, ...]
    patterns: PatternSet
    contexts: PatternSet
    looks_at: Callable[[TextViews], Sequence[View]] | None

    @property
    def reads_whole(self) -> bool:
        """Whether the group looks at the text as it is."""
        return self.looks_at is _AS_IT_IS

    def possible(self, subject: Subject) -> Sequence[Possible]:
        """Give the views of the subject in which some rules may match, with those rules.

        They are the same for every evaluation of a text and noted with its views, but for SQL.
        """
        if self.looks_at is None:
            return self._possible(subject.sql)
        found = subject.views.possible[self] = self._possible(self.looks_at(subject.views))
        return found

    def _possible(self, views: Sequence[View]) -> Sequence[Possible]:
        found = []
        for view in views:
            hits = self.patterns.hits(view.haystack)
            rules = self._in_context(hits, view.haystack) if hits else None
            if rules:
                found.append((view, rules))
        return found

    def _in_context(self, hits: Sequence[int], haystack: Haystack) -> list[Rule]:
        """Give the rules whose context words, where they have some, occur somewhere too."""
        rules = [self.rules[index] for index in hits]
        if all(rule.context_index < 0 for rule in rules):
            return rules
        near = frozenset(self.contexts.hits(haystack))
        return [rule for rule in rules if rule.context_index < 0 or rule.context_index in near]


def make_group(name: str, matchers: Iterable[tuple[Policy, Matcher]]) -> Group:
    """Compile the patterns of policies into a group; raises PolicyPackError for one that is refused."""
    found = [(policy, matcher) for policy, matcher in matchers if matcher.pattern is not None]
    contexts = list(dict.fromkeys(filter(None, (surroundings(matcher) for _policy, matcher in found))))
    rules = tuple(
        Rule(
            policy=policy,
            matcher=matcher,
            index=index,
            context_index=contexts.index(around) if (around := surroundings(matcher)) else -1,
        )
        for index, (policy, matcher) in enumerate(found)
    )
    return Group(
        name=name,
        rules=rules,
        patterns=compile_set([matcher.pattern or "" for _policy, matcher in found], cut_of(name)),
        contexts=compile_set(contexts),
        looks_at=None if name == _SQL else _VIEWS.get(name, _AS_IT_IS),
    )


def cut_of(group: str) -> Cut:
    """Give where the patterns of a group are cut for the first look."""
    return NUMBERS if group == "pii" else TOKENS


def surroundings(matcher: Matcher) -> str | None:
    """Give a pattern that occurs in every text in which the matcher's context or words do."""
    if matcher.near is not None:
        return first_look(matcher.near)
    if matcher.context is None or matcher.context.startswith("(?i)"):
        return matcher.context
    return f"(?i){matcher.context}"


def places(
    rule: Rule, patterns: PatternSet, view: View, crowded: AbstractSet[str]
) -> Iterator[tuple[Policy, int, int, str]]:
    """Give the places of a rule in a view, as places in the text; one is enough once its policy is `crowded`."""
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
