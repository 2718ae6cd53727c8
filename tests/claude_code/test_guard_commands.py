"""Parts of command lines read as the shell would: what is run, on which words, with which variables."""

from __future__ import annotations

import pytest

from axonflow_hooks.claude_code.guard_commands import (
    MAX_ASSIGNING_WORDS,
    MAX_WORD_CHARS,
    SimpleCommand,
    assigned,
    expanded,
    simple_command,
)
from axonflow_hooks.claude_code.shell_parts import ShellPart, shell_parts

KNOWN = {"HOME": "/home/dev", "D": ".claude", "EMPTY": ""}


def read(line: str) -> tuple[list[SimpleCommand], dict[str, str]]:
    """Give the simple commands of a line, and the variables after it."""
    variables = dict(KNOWN)
    return [simple_command(part, variables) for part in shell_parts(line) or []], variables


@pytest.mark.parametrize(
    ("line", "program", "words"),
    [
        ("rm a b", "rm", ("rm", "a", "b")),
        ("/usr/bin/RM a", "rm", ("/usr/bin/RM", "a")),
        ("sudo nice rm a", "rm", ("rm", "a")),
        ("env A=1 B=2 rm a", "rm", ("rm", "a")),
        ("if ! rm a", "rm", ("rm", "a")),
        ("$EMPTY rm a", "rm", ("rm", "a")),
        ("$UNKNOWN rm", "$unknown", ("$UNKNOWN", "rm")),
        ("A=1", "", ()),
        ("> x", "", ()),
        ("rm sudo", "rm", ("rm", "sudo")),
    ],
)
def test_the_program_is_found_behind_what_stands_before_it(line: str, program: str, words: tuple[str, ...]) -> None:
    (command,), _ = read(line)
    assert (command.program, command.words, command.arguments) == (program, words, words[1:])


@pytest.mark.parametrize("word", "! builtin command do elif else env exec fi if nice nohup sudo then time { }".split())
def test_words_before_the_program(word: str) -> None:
    assert simple_command(ShellPart((word, "rm", "a")), {}) == SimpleCommand("rm", ("rm", "a"))


@pytest.mark.parametrize("word", ["while", "until"])
def test_loops_run_a_program_too(word: str) -> None:
    assert simple_command(ShellPart((word, "rm")), {}) == SimpleCommand("rm", ("rm",), is_loop=word == "while")


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("$D/x", ".claude/x"),
        ("${D}x", ".claudex"),
        ("${D[0]}", ".claude"),
        ("$Dx", "$Dx"),
        ("$1", "$1"),
        ("~", "/home/dev"),
        ("~/x", "/home/dev/x"),
        ("--file=~/x", "--file=/home/dev/x"),
        ("~root/x", "~root/x"),
        ("a~", "a~"),
        ("/~", "/~"),
        ("$HOME/" + "x" * MAX_WORD_CHARS, "$HOME/" + "x" * MAX_WORD_CHARS),
    ],
    ids=lambda text: text[:20],
)
def test_variables_and_the_home_folder_are_put_in_place(word: str, text: str) -> None:
    assert expanded(word, KNOWN) == text


@pytest.mark.parametrize(
    ("words", "made"),
    [
        (("A=1",), {"A": "1"}),
        (("A+=1", "rm", "B=2"), {"A": "1", "B": "2"}),
        (("A=$D", "B=$A/x"), {"A": ".claude", "B": ".claude/x"}),
        (("A=$B", "B=1"), {"A": "$B", "B": "1"}),
        (("A=b=c\nd",), {"A": "b=c\nd"}),
        (("export", "A=~/x"), {"A": "/home/dev/x"}),
        (("1A=1", "-a=1", "=1", "A-B=1"), {}),
        (("A=" + "x" * (MAX_WORD_CHARS + 1),), {"A": "x" * MAX_WORD_CHARS}),
        (("for", "f", "in", "a", "$D"), {"f": "a $D"}),
        (("for", "f"), {}),
        (("for", "f", "in", "x" * (MAX_WORD_CHARS + 1)), {"f": "x" * MAX_WORD_CHARS}),
        ((), {}),
        (tuple(f"A{index}=1" for index in range(30)), {f"A{index}": "1" for index in range(MAX_ASSIGNING_WORDS)}),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_a_part_sets(words: tuple[str, ...], made: dict[str, str]) -> None:
    assert assigned(words, KNOWN) == made


def test_a_variable_counts_from_the_next_part_on_and_for_redirections_at_once() -> None:
    (first, second), variables = read("D=new echo $D > $D/x < $D/y; echo $D")
    assert first.words == ("echo", ".claude")
    assert (first.targets, first.sources) == (("new/x",), ("new/y",))
    assert second.words == ("echo", "new")
    assert variables == {**KNOWN, "D": "new"}


def test_the_rest_of_a_part_is_kept() -> None:
    (reads, loops, ends), _ = read("cat <<'EOF' | while read f; do rm\n$D ~\nEOF\n")
    assert reads == SimpleCommand("cat", ("cat",), body="$D ~", is_piped=True)
    assert loops == SimpleCommand("read", ("read", "f"), is_loop=True)
    assert ends == SimpleCommand("rm", ("rm",))
