"""Plain lines are read as the parser reads them, and whatever is not plain is left to it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axonflow_hooks.policy.shell.bounds import MAX_TREE_DEPTH, OutOfBoundsError
from axonflow_hooks.policy.shell.commands import Command, Word
from axonflow_hooks.policy.shell.plain import MAX_JOINED, pipelines
from eval.evasions import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

LOWER: Any = importlib.import_module("axonflow_hooks.policy.shell.lower")


def texts(source: str) -> list[list[list[str]]] | None:
    read = pipelines(source.encode(), None)
    return None if read is None else [[[word.text for word in words] for words in pipeline] for pipeline in read]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("ls -la src/1 ", [[["ls", "-la", "src/1"]]], id="words"),
        pytest.param("a|b  |\tc", [[["a"], ["b"], ["c"]]], id="pipeline"),
        pytest.param("a && b|c || d; e\n\nf;\n", [[["a"]], [["b"], ["c"]], [["d"]], [["e"]], [["f"]]], id="lists"),
        pytest.param("a 'b c' \"d; e | f\" ''", [[["a", "b c", "d; e | f", ""]]], id="quoted-words"),
        pytest.param("a 'b\nc' d", [[["a", "b\nc", "d"]]], id="a-line-break-in-quotes"),
        pytest.param("make A=b --x=y ~/z *.c HEAD~2 ^ :!", None, id="history"),
        pytest.param("make A=b --x=y ~/z *.c HEAD~2 ^ :", [
            [["make", "A=b", "--x=y", "~/z", "*.c", "HEAD~2", "^", ":"]]
        ], id="what-else-is-literal"),
    ],
)  # fmt: skip
def test_plain_lines(source: str, expected: list[list[list[str]]] | None) -> None:
    assert texts(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "", " \n", "a &&", "a |", "a | | b", "; a", "a ;; b", "a &", "a |& b", "A=b c", "'a' b", "a'b' c", "a b'c'",
        "a $b", "a `b`", "a \"$b\"", "a \"b\\n\"", "a \\b", "a > b", "a 2>&1", "(a)", "{ a; }", "a # b", "a {b,c}",
        "a [b]", "[ a ]", "if a", "export A=b", "time a", "for a", "a == b", "é", "a 'é'", "a 'b", "a \"b", "a\r\nb",
        "a | b | c && d", "a | b | c\nd && e", "@a b", "5% a", "-a b", "a!b", "a\x0bb", "a\0b",
    ],
)  # fmt: skip
def test_what_is_left_to_the_parser(source: str) -> None:
    assert texts(source) is None


def test_words_stand_where_they_are_or_at_a_place() -> None:
    source = b"  ls 'a b'  c c"

    assert pipelines(source, None) == [[[Word("ls", 2, 4), Word("a b", 5, 10), Word("c", 12, 13), Word("c", 14, 15)]]]
    assert pipelines(b"a b", (7, 9)) == [[[Word("a", 7, 9), Word("b", 7, 9)]]]


def test_the_depth_of_the_tree_is_left_to_the_parser() -> None:
    assert pipelines(b"&&".join([b"a"] * (MAX_JOINED + 1)), None) is not None
    assert pipelines(b"&&".join([b"a"] * (MAX_JOINED + 2)), None) is None
    with pytest.raises(OutOfBoundsError):
        LOWER.lower("&&".join(["a"] * (2 * MAX_TREE_DEPTH)))


def lowered(source: str, read: Callable[[bytes, tuple[int, int] | None], object]) -> list[Command]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LOWER, "pipelines", read)
        found: list[Command] = LOWER.lower(source)
        return found


WORDS = (
    "ls", "rm", "-rf", "/", "a=b", "2", "./a.sh", "~", "~/x", "*.py", "-", "--", "=", "==", "a^", "u@h:x", "'q w'",
    "\"d q\"", "''", "'a\nb'", "if", "do", "in", "time", "[", "export", "bash", "-c", "'ls | rm x'", "sudo", "env",
    "A=1", "xargs", "echo", "cd", "..", "eval", "sh", "\"echo 'x'\"", "!", ".", "source", "tee", "alias",
    "'l=rm -rf /'", "l", "find", "-exec", "{}", "set", "read", "v", "printf", "$x", "watch", "ssh", "h", "docker",
    "exec", *COMMANDS.values(),
)  # fmt: skip
GAPS = (" ", "  ", "\t", "|", " | ", " && ", "&&", " || ", "; ", ";", "\n", "\n\n", ";\n", " & ", " 2>&1 ", "\\\n", "")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from((" ",) * 12 + GAPS)), min_size=1, max_size=9))
def test_it_gives_the_commands_that_the_parser_gives(parts: list[tuple[str, str]]) -> None:
    source = "".join(word + gap for word, gap in parts)

    assert lowered(source, pipelines) == lowered(source, lambda _source, _place: None)
