"""What the dynamic policies do to a verdict: matches among those of the static ones, and more that is masked."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from axonflow_hooks.agent.leaves import Leaf, map_leaves
from axonflow_hooks.agent.policies.evaluation import evaluate
from axonflow_hooks.agent.policies.facts import facts_of_check
from axonflow_hooks.agent.policies.risk import risk_score
from axonflow_hooks.agent.policies.rules import DYNAMIC_PREFIX, category_matches
from axonflow_hooks.agent.scanning import Finding, Hit, rank, strongest
from axonflow_hooks.agent.tables.records import milliseconds
from axonflow_hooks.policy import PolicyMatch, Span, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from axonflow_hooks.agent.check import Check
    from axonflow_hooks.agent.policies.evaluation import DynamicHit, Outcome
    from axonflow_hooks.agent.policies.rules import Rule
    from axonflow_hooks.agent.scanning import Scan
    from axonflow_hooks.agent.tables.records import Caller

MAX_OUTCOMES: Final = 256
"""Outcomes of a set of policies that are kept: callers ask with the same facts again and again."""

MAX_FACT_CHARS: Final = 200
"""A check with a longer fact is evaluated each time."""

_WEAKER_THAN_REDACT: Final = frozenset({"warn", "log", "none"})


class DynamicInfo(NamedTuple):
    """`dynamic_policy_info` of a check (wire 1.6)."""

    policies_evaluated: int
    matches: tuple[tuple[Rule, PolicyMatch], ...]
    risk_score: float
    processing_time_ms: float

    def body(self) -> dict[str, Any]:
        """Give it as it stands in `policy_info`; this agent is its own orchestrator."""
        return {
            "policies_evaluated": self.policies_evaluated,
            "matched_policies": [
                {
                    "policy_id": match.policy_id,
                    "policy_name": match.policy_name,
                    "policy_type": rule.policy.says.type,
                    "action": match.action,
                    "message": match.description,
                }
                for rule, match in self.matches
            ],
            "orchestrator_reachable": True,
            "risk_score": self.risk_score,
            "processing_time_ms": self.processing_time_ms,
        }


def provenance(category: str) -> str:
    """Take the category of a match and tell whether a static or a dynamic policy matched."""
    return "dynamic" if category.startswith(DYNAMIC_PREFIX) else "static"


def apply_dynamic(
    rules: Sequence[Rule],
    scan: Scan,
    check: Check,
    caller: Caller,
    masked: Mapping[str, Any],
    outcomes: dict[Hashable, Outcome] | None = None,
) -> tuple[Mapping[str, Any], DynamicInfo]:
    """Evaluate `rules` on a check that was scanned: give its fields masked, and what was found.

    The matches become findings of the scan. A `redact` masks the places that conditions found in the text and what
    static policies of its categories found there; one that has nothing to mask is only noted. `outcomes` are those
    that these rules have had, where they are kept.
    """
    started = time.perf_counter()
    score = risk_score(match for match, _places in strongest(scan.findings)) if scan.findings else 0.0
    outcome = _outcome(rules, check, caller, score, {} if outcomes is None else outcomes)
    matches: list[tuple[Rule, PolicyMatch]] = []
    if outcome.hits:
        masked, matches = _applied(outcome, scan, check)
    spent = milliseconds(time.perf_counter() - started)
    return masked, DynamicInfo(outcome.evaluated, tuple(matches), outcome.risk_score, spent)


def _outcome(
    rules: Sequence[Rule], check: Check, caller: Caller, score: float, outcomes: dict[Hashable, Outcome]
) -> Outcome:
    phase = check.phase
    for rule in rules:
        if rule.reads_text and phase in rule.planes:
            texts = [leaf.text for leaf in _leaves(check)]
            return evaluate(rules, facts_of_check(check, caller, texts), score)
    if check.context or check.target or len(check.tool_signature) > MAX_FACT_CHARS:
        return evaluate(rules, facts_of_check(check, caller, ()), score)
    # All that the rules can ask about then: the same few facts with nearly every check of a client.
    key = (
        phase, check.request_type, check.tool_signature, score,
        caller.tenant_id, caller.client_id, caller.user_email, caller.client_software,
    )  # fmt: skip
    known = outcomes.get(key)
    if known is None:
        known = evaluate(rules, facts_of_check(check, caller, ()), score)
        if len(outcomes) >= MAX_OUTCOMES:
            outcomes.clear()
        outcomes[key] = known
    return known


def _applied(outcome: Outcome, scan: Scan, check: Check) -> tuple[Mapping[str, Any], list[tuple[Rule, PolicyMatch]]]:
    wanted = tuple({c for hit in outcome.hits if hit.action == "redact" for c in hit.rule.categories})
    private = {
        hit.match.policy_id
        for finding in scan.findings
        for hit in finding.hits
        if category_matches(hit.match.category, wanted)
    }
    matches = [(hit, _match(hit, something_to_mask=bool(private) or any(hit.places.values()))) for hit in outcome.hits]

    def change(index: int, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        kept = tuple(_masking(hit) if hit.match.policy_id in private else hit for hit in hits)
        return kept + tuple(
            Hit(match, tuple(_span(match, *place) for place in dynamic.places[index]))
            for dynamic, match in matches
            if dynamic.places.get(index)
        )

    masked = _masked_anew(scan, check, change)
    bare = tuple(Hit(match, ()) for dynamic, match in matches if not any(dynamic.places.values()))
    if bare:
        scan.findings.append(Finding(Leaf(next(iter(check.fields), ""), "", ""), bare, None))
    return masked, [(dynamic.rule, match) for dynamic, match in matches]


def _masked_anew(scan: Scan, check: Check, change: Callable[[int, tuple[Hit, ...]], tuple[Hit, ...]]) -> dict[str, Any]:
    """Mask the fields of a check once more, after `change` has had the hits of each leaf, by the leaf's number."""
    before = {finding.leaf: finding.hits for finding in scan.findings}
    scan.findings.clear()
    number = itertools.count()

    def look(leaf: Leaf) -> str | None:
        hits = change(next(number), before.get(leaf, ()))
        regions = [(rank(hit.match), span) for hit in hits if hit.match.action == "redact" for span in hit.spans]
        masked = redact(leaf.text, regions, scan.placeholders) if regions else None
        if hits:
            scan.findings.append(Finding(leaf, hits, masked))
        return masked

    return {name: map_leaves(value, name, look) for name, value in check.fields.items()}


def _masking(hit: Hit) -> Hit:
    return Hit(replace(hit.match, action="redact"), hit.spans) if hit.match.action in _WEAKER_THAN_REDACT else hit


def _match(hit: DynamicHit, *, something_to_mask: bool) -> PolicyMatch:
    policy = hit.rule.policy
    action = "log" if hit.action == "redact" and not something_to_mask else hit.action
    severity = hit.rule.severity(action)
    return PolicyMatch(
        policy_id=policy.policy_id,
        policy_name=policy.says.name,
        category=policy.says.category,
        severity=severity,
        action=action,
        allow_override=severity != "critical",
        description=hit.rule.message,
        spans=(),
    )


def _span(match: PolicyMatch, start: int, end: int) -> Span:
    return Span(start, end, match.policy_id, match.policy_id)


def _leaves(check: Check) -> list[Leaf]:
    found: list[Leaf] = []

    def note(leaf: Leaf) -> None:
        found.append(leaf)

    for name, value in check.fields.items():
        map_leaves(value, name, note)
    return found
