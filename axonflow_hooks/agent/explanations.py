"""Says in sentences why a decision fell as it did, and what would be allowed (wire 1.7).

Read from the stored decision alone: nothing is evaluated again, and nothing stands in it that may not be stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.conclusion import BLOCKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_TOLD: Final = 3
"""Policies that are told one by one; the others are counted."""

_GUIDANCE: Final = (
    (
        "security-sqli",
        (
            "Statements whose values are bound as parameters are allowed, and so are reads and writes that name the "
            "rows they mean (a WHERE with a real condition)."
        ),
    ),
    (
        "security-admin",
        "Queries of the application's own tables are allowed; those of users, audit and configuration tables are not.",
    ),
    (
        "code-secrets",
        (
            "The same text with the secret left out is allowed: read it from the environment or a secret store, and "
            "write a placeholder in its place."
        ),
    ),
    (
        "sensitive-data",
        "The same text without the value is allowed: name where it is kept instead of writing it out.",
    ),
    (
        "code-unsafe",
        "The same code without the unsafe call is allowed: use an API that takes data and not code.",
    ),
    ("pii-", "The same text with the personal data left out, or replaced by made-up values, is allowed."),
    (
        "integration",
        "Reading these files is allowed; changing them is for the user, in an editor or the program's own menus.",
    ),
    (
        "security-dangerous",
        (
            "The same work in narrower steps is allowed: name the exact files of the project instead of roots, homes "
            "or wildcards, download to a file and read it before it is run, and call public addresses by name."
        ),
    ),
    ("dynamic-", "What the policy's condition does not cover is allowed; list_policies shows it."),
)
_OTHERWISE: Final = "What the policy does not match is allowed; list_policies shows what it looks for."


def explanation(row: Mapping[str, Any], matches: Sequence[Mapping[str, Any]]) -> str:
    """Take a decision's row and its matches, and say which part of the call did it."""
    lifted = [match for match in matches if match.get("lifted_by")]
    stopping = [match for match in matches if match["action"] in BLOCKING and not match.get("lifted_by")]
    what = "The output" if row["plane"] == "response" else "The call"
    if stopping:
        verb = "needs a person's approval" if row["decision"] == "needs_approval" else "was blocked"
        told = "; ".join(_told(match) for match in stopping[:MAX_TOLD])
        more = f" {len(stopping) - MAX_TOLD} more policies agree." if len(stopping) > MAX_TOLD else ""
        return f"{what} {verb}: {told}.{more}"
    if lifted:
        told = "; ".join(f"{_told(match)} (lifted by {match['lifted_by']})" for match in lifted[:MAX_TOLD])
        return f"{what} was allowed because people granted it: {told}."
    if row["decision"] == "redacted":
        names = ", ".join(dict.fromkeys(match["policy_name"] for match in matches if match["action"] == "redact"))
        return f"{what} was allowed with parts masked: {names}."
    if matches:
        return f"{what} was allowed and noted: {', '.join(match['policy_name'] for match in matches[:MAX_TOLD])}."
    return f"{what} was allowed: none of {row['policies_evaluated']} policies matched."


def what_would_be_allowed(
    row: Mapping[str, Any], matches: Sequence[Mapping[str, Any]], *, override_available: bool
) -> str | None:
    """Say what to do instead and which ways out there are; None for a call that was not stopped."""
    stopping = [match for match in matches if match["action"] in BLOCKING and not match.get("lifted_by")]
    if not stopping:
        return None
    advice = list(dict.fromkeys(_guidance(match["category"], match["policy_id"]) for match in stopping))[:MAX_TOLD]
    return " ".join((*advice, _way_out(row, stopping, override_available=override_available)))


def matched_rules(matches: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Give the rules that matched and on what (wire 1.7); the pattern itself is for the policy's owner."""
    return [
        {
            "policy_id": match["policy_id"],
            "rule_id": match["policy_id"],
            "rule_text": match["policy_name"],
            "matched_on": _where(match),
        }
        for match in matches
    ]


def _told(match: Mapping[str, Any]) -> str:
    named = f"{match['policy_name']} ({match['policy_id']}, {match['risk_level']})"
    quote = match.get("quote")
    if not quote:
        return f"{_where(match)} matches {named}: {match['policy_description'].rstrip('.')}"
    return f"`{' '.join(quote.split())}` in {_where(match)} matches {named}: {match['policy_description'].rstrip('.')}"


def _where(match: Mapping[str, Any]) -> str:
    spans = match.get("spans") or ()
    return str(spans[0]["field"]) if spans else "the call as a whole"


def _guidance(category: str, policy_id: str) -> str:
    group = "integration" if policy_id.startswith("int_") else category
    return next((text for prefix, text in _GUIDANCE if group.startswith(prefix)), _OTHERWISE)


def _way_out(row: Mapping[str, Any], stopping: Sequence[Mapping[str, Any]], *, override_available: bool) -> str:
    if row["decision"] == "needs_approval" and row["approval_id"]:
        return f"To run it as it is, a person approves it once: axonflow-hooks approval approve {row['approval_id']}."
    if override_available:
        policy = stopping[0]["policy_id"]
        return (
            f"To run it as it is, a person lifts the policy for a while: the tool create_override for {policy}, or "
            f"axonflow-hooks override create {policy}."
        )
    critical = next((match for match in stopping if match["risk_level"] == "critical"), None)
    if critical is not None:
        return f"No override lifts {critical['policy_id']}: its risk is critical."
    return "There is no override for it."
