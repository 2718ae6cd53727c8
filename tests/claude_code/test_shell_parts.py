from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.claude_code.shell_parts import MAX_DEPTH, MAX_PARTS, shell_parts


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", []),
        ("git status", [("git", "status")]),
        ("a; b && c || d & e", [("a",), ("b",), ("c",), ("d",), ("e",)]),
        ("a 'b; c' \"d && e\" f\\;g", [("a", "b; c", "d && e", "f;g")]),
        ("a'b'\"c\"d", [("abcd",)]),
        ("a $'b\\'c' d", [("a", "b\\'c", "d")]),
        ("a\\\nb c", [("ab", "c")]),
        ("rm $(echo x y)", [("echo", "x", "y"), ("rm", "echo x y")]),
        ('rm "a `b c` d"', [("b", "c"), ("rm", "a b c d")]),
        ('e "a $(b "c d") e"', [("b", "c d"), ("e", 'a b "c d" e')]),
        ("diff <(a 1) <(b 2)", [("a", "1"), ("b", "2"), ("diff", "a 1", "b 2")]),
        ("(cd a && ls) | wc", [("cd", "a"), ("ls",), ("wc",)]),
        ("x() { ls; }", [("x",), ("{", "ls"), ("}",)]),
        ("ls # rm x\nmake", [("ls",), ("make",)]),
        ("echo a#b $#", [("echo", "a#b", "$#")]),
        ("echo ${x#y} '#z'", [("echo", "${x#y}", "#z")]),
        ("a 'unterminated", [("a", "unterminated")]),
        ('a "unterminated $(b', [("b",), ("a", "unterminated b")]),
        ("cat <<A; ls\nrm x\nA\nmake", [("cat",), ("ls",), ("make",)]),
        ("cat <<'A'\n$(rm x)\nA\nmake", [("cat",), ("make",)]),
        ("cat <<A\n$(rm x)\nA", [("cat",), ("$(rm", "x)")]),
        ("cat <<A\nprice \\$(5) \\`x\\`\nA", [("cat",)]),
        ("cat <<-A\n\tbody\n\tA\nls", [("cat",), ("ls",)]),
        ("cat <<A <<B\n1\nA\n2\nB\nls", [("cat",), ("ls",)]),
        ("cat <<A\nno end", [("cat",)]),
        ("wc <<< 'a b'", [("wc", "a b")]),
        ("))) a", [("a",)]),
    ],
)
def test_words(command: str, words: list[tuple[str, ...]]) -> None:
    parts = shell_parts(command)
    assert parts is not None
    assert [part.words for part in parts] == words


@pytest.mark.parametrize(
    ("command", "targets", "sources"),
    [
        ("a > x", ["x"], []),
        ("a>x 2>>y &>z >|w", ["x", "y", "z", "w"], []),
        ("a 2>&1", ["1"], []),
        ("> 'a b'", ["a b"], []),
        ("a < x 3<y", [], ["x", "y"]),
        ("a '>' x '2'>y", ["y"], []),
        ("a <> x", ["x"], []),
        ("a >$(echo x)", ["echo x"], []),
    ],
)
def test_redirections(command: str, targets: list[str], sources: list[str]) -> None:
    parts = shell_parts(command)
    assert parts is not None
    assert list(parts[-1].targets) == targets
    assert list(parts[-1].sources) == sources


def test_bodies_belong_to_their_command_and_pipes_are_known() -> None:
    parts = shell_parts("cat <<'A' | sh\nrm x\nA\n")
    assert parts is not None
    assert [(part.words, part.body, part.piped) for part in parts] == [(("cat",), "rm x", True), (("sh",), "", False)]
    grouped = shell_parts("(a; b) |& c")
    assert grouped is not None
    assert [part.piped for part in grouped] == [False, True, False]


def test_too_deep_or_too_long_is_said() -> None:
    assert shell_parts("$(" * (MAX_DEPTH + 1)) is None
    assert shell_parts("a;" * (MAX_PARTS + 1)) is None
    assert shell_parts("a;" * (MAX_PARTS - 1)) is not None


@given(st.text(alphabet="ab '\"\\$`();|&<>\n#{}-=", max_size=60))
def test_any_text_ends(command: str) -> None:
    shell_parts(command)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="'\0", exclude_categories=["Cs"])), min_size=1))
def test_quoted_words_come_out_as_they_went_in(words: list[str]) -> None:
    parts = shell_parts("x " + " ".join(f"'{word}'" for word in words))
    assert parts is not None
    assert [part.words for part in parts] == [("x", *words)]
