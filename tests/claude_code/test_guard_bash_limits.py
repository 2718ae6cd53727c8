"""Command lines that are made to take long, or to be too long to judge."""

from __future__ import annotations

import time

import pytest

from axonflow_hooks.claude_code.guard_bash import MAX_INNER_LINES
from axonflow_hooks.claude_code.guard_commands import MAX_COMMAND_CHARS
from axonflow_hooks.claude_code.shell_parts import MAX_PARTS
from tests.claude_code.guarded import decision_on_line

HOSTILE = {
    "words": "axonflow ",
    "commands": "rm .claude/settings.json; ",
    "prefixes": "env ",
    "globs": "sett-*",
    "paths": ".claude/",
    "mentions": ".claude ",
    "slashes": ".claude////",
    "heredocs": "cat <<A\n",
    "heredocs in a row": "<<A ",
    "lines": "\n",
    "quotes": "'\"",
    "substitutions": "$(",
    "backticks": "`",
    "variables": "A=$A$A;",
    "expansions": "$HOME ",
    "tildes": "~ ",
    "redirections": ">.claude/x ",
    "folders": "cd .claude/a;",
    "evals": "eval eval ",
    "shells": "sh -c 'sh -c ",
    "names": "rm a b c d ",
    "kills": "kill 1 axonflow|",
    "near misses": "/home/dev/.config/axonflo ",
    "backslashes": "\\",
    "assignments": "A" * 90 + "=x ",
    "wildcards": "rm .c*/s*/*; ",
    "pipes": "cat .claude|",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_command_lines_take_linear_time(unit: str) -> None:
    def cpu_s(length: int) -> float:
        command = "cd .claude; " + unit * (length // len(unit))
        started = time.thread_time()
        decision_on_line(command)
        return time.thread_time() - started

    def is_linear() -> bool:
        small, large = (min(cpu_s(length) for _ in range(3)) for length in (2_700, 27_000))
        return large < max(small, 0.0002) * 40

    # At most MAX_PARTS parts: a line of more is not judged. Ten times the length may take ten times the time, and a
    # busy machine now and then more; what is quadratic takes a hundred times, each time.
    assert any(is_linear() for _ in range(3))


@pytest.mark.parametrize(("before", "decision"), [(MAX_INNER_LINES - 1, "deny"), (MAX_INNER_LINES, "ask")])
def test_of_many_inner_lines_the_first_are_judged(before: int, decision: str) -> None:
    assert decision_on_line("sh -c ls; " * before + "sh -c 'rm .claude/settings.json'") == decision


LONG = {"of too many parts": "echo x; " * (MAX_PARTS + 1), "of too many characters": "echo " + "y" * MAX_COMMAND_CHARS}


@pytest.mark.parametrize("long", LONG.values(), ids=LONG)
@pytest.mark.parametrize(
    ("mention", "decision"),
    [
        ("", ""),
        ("; cat README.md", ""),
        ("; cat .claude/settings.json", "deny"),
        ("; AxonFlow-hooks status", "deny"),
        ("; rm '.cl'aude/settings.json", "deny"),
    ],
)
def test_a_command_too_long_to_judge_is_denied_where_it_mentions_what_governs(
    long: str, mention: str, decision: str
) -> None:
    assert decision_on_line(long + mention) == decision


@pytest.mark.parametrize(
    "uses",
    ["; echo " + "$A" * 900 + " " + "$A" * 900, "; echo" + " $A" * 900 * 2, "; echo $A" * 900],
    ids=["in a word", "in a command", "in all commands"],
)
def test_a_command_that_variables_make_too_long_is_denied(uses: str) -> None:
    assert decision_on_line(f"A={'x' * 1_900}{uses}") == "deny"
    assert decision_on_line(f"A=x{uses}") == ""
