"""Evaluates dynamic policies: facts in, hits out. Pure; verdicts and trials go through the same function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from axonflow_hooks.agent.policies.facts import TEXT_FIELDS
from axonflow_hooks.agent.policies.risk import shifted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.agent.policies.facts import Facts
    from axonflow_hooks.agent.policies.operators import Places, Test
    from axonflow_hooks.agent.policies.rules import Rule
    from axonflow_hooks.wire.words import Action


@dataclass(frozen=True, slots=True)
class DynamicHit:
    """A rule whose conditions all held; `places` are those in the texts, by the index of the text."""

    rule: Rule
    action: Action
    places: Mapping[int, Sequence[tuple[int, int]]]


class Outcome(NamedTuple):
    """What the dynamic policies make of a check; `risk_score` is the score after every `modify_risk`."""

    hits: tuple[DynamicHit, ...]
    risk_score: float
    evaluated: int


def evaluate(rules: Sequence[Rule], facts: Facts, risk_score: float) -> Outcome:
    """Evaluate rules in their order; a `modify_risk` counts for the rules after it."""
    hits = []
    phase, there = facts.phase, facts.values.keys()
    evaluated = 0
    for rule in rules:
        if phase not in rule.planes:
            continue
        evaluated += 1
        hit = evaluate_rule(rule, facts, risk_score) if rule.needs <= there else None
        if hit is not None:
            hits.append(hit)
            risk_score = shifted(risk_score, rule.adjustment)
    return Outcome(tuple(hits), risk_score, evaluated)


def evaluate_rule(rule: Rule, facts: Facts, risk_score: float) -> DynamicHit | None:
    """Give the hit of one rule, None where a condition does not hold."""
    places: dict[int, list[tuple[int, int]]] = {}
    for name, test in rule.tests:
        held, found = _ask(name, test, facts, risk_score)
        if not held:
            return None
        if name in TEXT_FIELDS:
            for index, where in found:
                places.setdefault(index, []).extend(where)
    return DynamicHit(rule, rule.action(facts.values.get("provider")), places)


def condition_results(rule: Rule, facts: Facts, risk_score: float) -> list[tuple[str, str, bool]]:
    """Give each condition's field and operator and whether it holds, in the order in which conditions are asked."""
    return [(name, test.operator, _ask(name, test, facts, risk_score)[0]) for name, test in rule.tests]


def _ask(name: str, test: Test, facts: Facts, risk_score: float) -> tuple[bool, tuple[tuple[int, Places], ...]]:
    if TEXT_FIELDS.get(name, facts.phase) != facts.phase:
        return False, ()  # there is no such text on this plane, so nothing can be said of it
    return test.ask(facts.of(name, risk_score))
