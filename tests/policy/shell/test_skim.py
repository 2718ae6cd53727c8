"""The look before parsing: where it says that nothing can happen, a full analysis finds nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axonflow_hooks.policy.matching import Haystack
from axonflow_hooks.policy.shell.bounds import OutOfBoundsError
from axonflow_hooks.policy.shell.effects import EFFECTS, effects_of
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.skim import may_have_effects
from eval.evasions import COMMANDS, EVASIONS

PIECES = [
    *COMMANDS.values(),
    "rm",
    "cat",
    "sh",
    "git",
    "curl",
    "ls",
    "echo",
    "x",
    "a=b",
    "alias z=rm",
    "z",
    "rm -rf",
    "/",
    "~/.ssh/id_rsa",
    "C:\\x\\rm",
    ".",
    "-c",
    "-e",
    "xargs",
    "rev",
    "mr",
    "{",
    "}",
    "()",
    "f() {",
    "function f",
    "f | f &",
    "{rm,-rf,/}",
    "$IFS",
    "$x",
    "${x}",
    "$'\\x72m'",
    "`",
    "$(",
    ")",
    "(",
    "<<A",
    "A",
    "<(",
    ">/dev/sda",
    "> /dev/null",
    "2>&1",
    ";",
    "&&",
    "|",
    "&",
    "\n",
    "\\\n",
    "\\",
    "\\\\\n",
    "'",
    '"',
    " ",
    "#",
    "!",
    "=",
    ",",
    "--exec=/bin/sh",
    "python3.11",
    "mkfs.ext4",
    "\u212a",
    "\u00e9",
    "\0",
    "\r\n",
    "\t",
]


def found(source: str) -> set[str]:
    try:
        return set(effects_of(lower(source)))
    except (OutOfBoundsError, RecursionError):
        return set()


@pytest.mark.parametrize("evasion", EVASIONS)
def test_no_hidden_command_is_skipped(evasion: str) -> None:
    skipped = [text for text in map(EVASIONS[evasion], COMMANDS.values()) if not may_have_effects(Haystack(text))]

    assert skipped == []


@settings(max_examples=600)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["", " "]))
def test_a_line_that_is_skipped_has_no_effects(pieces: list[str], glue: str) -> None:
    source = glue.join(pieces)

    assert may_have_effects(Haystack(source)) or found(source) == set(), source


@pytest.mark.parametrize(
    ("source", "parsed"),
    [
        pytest.param("ls -la", False, id="no-program"),
        pytest.param("make build 2>&1 > /dev/null", False, id="output-discarded"),
        pytest.param("eslint 'a b' && echo \"done\"", False, id="quotes"),
        pytest.param("eslint > report.txt", True, id="output-kept"),
        pytest.param("git status", True, id="program"),
        pytest.param("eslint $FILES", True, id="variable"),
    ],
)
def test_what_is_parsed(source: str, parsed: bool) -> None:
    assert may_have_effects(Haystack(source)) == parsed


def test_every_effect_says_where_it_is_looked_for() -> None:
    assert {
        name: effect
        for name, effect in EFFECTS.items()
        if (effect.each is None) == (effect.together is None)
        or not (effect.programs or effect.redirects or effect.code or effect.functions)
    } == {}
