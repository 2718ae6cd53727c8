"""Writes docs/detection.md from what was measured."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.policy_engine import BEGIN, END, PLOT, measure, speed_rows, write_plot
from eval.evasions import COMMANDS, EVASIONS, MENTIONS
from eval.measure import FLAGGING, Tally, interval

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from axonflow_hooks.policy import Engine
    from eval.measure import Outcome

REVIEWED: Final = Path(__file__).with_name("reviewed.toml")
_HEAD: Final = ("texts", "flagged", "only recorded", "rate", "95 % interval")

# which clean texts each kind of attack is weighed against
_PAIRS: Final = (
    ("Dangerous commands", ("shell_bad",), ("shell_good",), "97 % at 1 %"),
    ("SQL injection", ("sqli_bad",), ("sql_good",), "97 % at 1 %"),
    ("Secrets", ("secret_bad",), ("secret_good",), "93 % at 1 %"),
    ("PII (all)", ("pii_bad",), ("pii_good",), "see the checksummed kinds"),
    ("SSRF and path traversal", ("ssrf_bad", "path_bad"), ("url_good", "path_good"), "97 % at 0.5 %"),
    ("Prompt injection", ("injection_bad",), ("text_good",), "at most 0.5 %"),
)
_UNCHECKED_PII: Final = frozenset(
    {"email", "phone", "drivers_licence", "tax_reference_number", "national_insurance_number"}
)


def rate_cells(tally: Tally) -> str:
    """Give the cells of one row."""
    low, high = interval(tally.flagged, tally.total)
    share = tally.flagged / tally.total if tally.total else 0.0
    return f"{tally.total} | {tally.flagged} | {tally.noted} | {share:.2%} | {low:.2%} to {high:.2%}"


def category_rows(outcome: Outcome) -> list[str]:
    """Give the table of categories."""
    rows = [f"| category | expected | {' | '.join(_HEAD)} |", "|---|---|--:|--:|--:|--:|---|"]
    rows += [
        f"| {category} | {expect} | {rate_cells(tally)} |"
        for (category, expect), tally in sorted(outcome.by_category().items())
    ]
    return rows


def report(engine: Engine, outcome: Outcome) -> str:
    """Give the whole document."""
    sections = [
        _INTRODUCTION.format(policies=len(engine.policies)),
        "## What is asked, and what it is\n\n" + "\n".join(_pairs(outcome)),
        "## By category\n\n" + "\n".join(category_rows(outcome)),
        "## Prompt injection: the curve\n\n" + _CURVE_TEXT + "\n".join(_curve(outcome)),
        "## Remaining false alarms, each one read\n\n" + "\n".join(_alarms(outcome)),
        "## The evasion table\n\n" + _EVASION_TEXT.format(commands=len(COMMANDS)) + "\n".join(_evasions(engine)),
        "## SQL: a reading of our own\n\n" + _SQL_TEXT,
        "## Speed\n\n" + _SPEED_TEXT + "\n".join(_speed()),
        "## By kind\n\n" + "\n".join(_kinds(outcome)),
    ]
    return "\n\n".join(sections) + "\n"


def _pairs(outcome: Outcome) -> list[str]:
    found = outcome.by_category()
    rows = ["| detection | asked | recall | 95 % interval | false alarms | 95 % interval | precision | 95 % interval |",
            "|---|---|--:|---|--:|---|--:|---|"]  # fmt: skip
    for name, bad, good, asked in _PAIRS:
        attacks, clean = Tally(), Tally()
        for category in bad:
            attacks.add(found.get((category, "flag"), Tally()))
        for category in good:
            clean.add(found.get((category, "clean"), Tally()))
        rows.append(_pair(name, asked, attacks, clean))
        if name.startswith("PII"):
            checked = Tally()
            for (category, _expect, kind), tally in outcome.tallies.items():
                if category == "pii_bad" and kind.rpartition(": ")[2] not in _UNCHECKED_PII:
                    checked.add(tally)
            rows.append(_pair("PII with checksum or issuing rules", "98 % at 1 %", checked, clean))
    return rows


def _pair(name: str, asked: str, attacks: Tally, clean: Tally) -> str:
    cells = [name, asked]
    for hits, total in (
        (attacks.flagged, attacks.total),
        (clean.flagged, clean.total),
        (attacks.flagged, attacks.flagged + clean.flagged),
    ):  # fmt: skip
        low, high = interval(hits, total)
        cells += [f"{hits / total:.2%}" if total else "-", f"{low:.2%} to {high:.2%}"]
    return f"| {' | '.join(cells)} |"


def _curve(outcome: Outcome) -> list[str]:
    rows = ["| policies that must agree | recall | false alarms |", "|--:|--:|--:|"]
    scores = outcome.injection_scores
    for needed in (1, 2, 3):
        shares = []
        for category in ("injection_bad", "text_good"):
            values = scores.get(category) or [0]
            shares.append(sum(value >= needed for value in values) / len(values))
        rows.append(f"| {needed} | {shares[0]:.2%} | {shares[1]:.2%} |")
    return rows


def _alarms(outcome: Outcome) -> list[str]:
    reviewed = tomllib.loads(REVIEWED.read_text(encoding="utf-8")) if REVIEWED.exists() else {}
    alarms = [wrong for wrong in outcome.wrong if wrong.expect == "clean"]
    if not alarms:
        return ["There are none."]
    rows = ["| set / kind | policies | what it is | verdict | reason |", "|---|---|---|---|---|"]
    for wrong in alarms:
        seen = reviewed.get(wrong.case, {})
        rows.append(
            f"| {wrong.category} / {wrong.kind} | {', '.join(wrong.policies)} | {seen.get('what', 'not described')} | "
            f"{seen.get('verdict', 'not reviewed')} | {seen.get('reason', '')} |"
        )
    counted = Counter(reviewed.get(wrong.case, {}).get("verdict", "not reviewed") for wrong in alarms)
    return [*rows, "", "Verdicts: " + ", ".join(f"{name} {count}" for name, count in sorted(counted.items())) + "."]


def _evasions(engine: Engine) -> list[str]:
    rows = ["| way of hiding | found | of |", "|---|--:|--:|"]
    for name, hide in EVASIONS.items():
        found = sum(_flags(engine, hide(command)) for command in COMMANDS.values())
        rows.append(f"| {name} | {found} | {len(COMMANDS)} |")
    rows += ["", "| way of only mentioning | flagged | of |", "|---|--:|--:|"]
    for name, mention in MENTIONS.items():
        found = sum(_flags(engine, mention(command)) for command in COMMANDS.values())
        rows.append(f"| {name} | {found} | {len(COMMANDS)} |")
    return rows


def _flags(engine: Engine, command: str) -> bool:
    return engine.evaluate(command, phase="request", connector_type="claude_code.Bash").action in FLAGGING


def _speed() -> list[str]:
    measured = measure()
    write_plot(measured)
    return [f"![cost against size]({PLOT.name})", "", BEGIN, "", *speed_rows(measured), "", END]


def _kinds(outcome: Outcome) -> list[str]:
    rows = [f"| category / kind | expected | {' | '.join(_HEAD)} |", "|---|---|--:|--:|--:|--:|---|"]
    rows += [
        f"| {category} / {kind} | {expect} | {rate_cells(tally)} |"
        for (category, expect, kind), tally in sorted(outcome.tallies.items())
    ]
    return rows


_INTRODUCTION: Final = """# Detection quality

Written by `make eval`; do not edit by hand. The {policies} built-in policies were run over labelled texts: published
test vectors, payload lists, example commands, documentation and source code of public projects. The texts are not part
of this repository, because their licences differ. Labels are wrong in 2 to 5 % of the texts (jailbreaks collected in
the wild: about 12 %), so a recall of 100 % would be a sign of tuning, not of quality.

*Flagged* means blocked, masked, held for approval or warned about; *only recorded* means that the match is in the audit
trail and nothing else happens (the default for e-mail addresses and telephone numbers). Intervals are Wilson's."""
_CURVE_TEXT: Final = """\
No set of patterns recognises a request that is phrased like any other. The table says what this one
does at each threshold; the default is the first row, and it warns, it never blocks.

The labelled texts have been read while the patterns were written. Of 65 requests (15 of them not in English) that were
written before their author had seen a pattern and not looked at until the patterns were done, 57 were found (88 %;
95 % interval 77 % to 94 %); of 80 harmless sentences that sound alike, 5 were flagged (3 after one more correction).

"""
_EVASION_TEXT: Final = """\
Each way of hiding a command, tried on {commands} commands. The same table is a test of the repository.

"""
_SQL_TEXT: Final = """\
Statements are read by tokens (`policy/validators/sql_statements.py`, `sql_grammar.py`), not by a full parser. sqlglot
30.30 was measured as a second reading and left out: on 61 destructive statements (CTEs, several statements, comments,
quoted names, `USING`, `UPDATE … FROM`, procedural bodies, `PREPARE`, `EXECUTE IMMEDIATE`, MERGE) and 32 ordinary ones,
tried in five dialects each, it found 35 against 48 and neither flagged an ordinary statement without cause; conditions
that always hold, dynamic SQL and bodies of procedures are opaque to it. Of injected fragments it parses 23 %, because
they are no statements; of ordinary statements of mixed dialects 78 %. It costs 220 ms to import and 0.11 to 0.20 ms
(p95 2 to 6 ms) to parse one statement in one dialect, our reading 0.01 ms.

What the reading leaves alone on purpose: `DELETE … LIMIT n`, `MERGE … THEN DELETE` (its ON is a condition) and
`DROP INDEX`."""
_SPEED_TEXT: Final = """\
One evaluation against a bare RE2 scan of the same text in the same run (CPU time, best of several rounds).
`python -m bench.policy_engine --write` renews this section. A command line is parsed only when its spelling allows an
effect at all; its commands are then looked at once, by the name of their program, for all policies together.

"""
