from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.claude_code.edits import (
    CONTEXT_CHARS,
    TextEdit,
    apply_edits,
    edits_of,
    read_text,
    touched_lines,
    unplaced,
)

if TYPE_CHECKING:
    from pathlib import Path

FILE = "one\ntwo alpha\nthree\nfour alpha five alpha\nsix\n"


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (TextEdit("alpha", "beta"), "two beta"),
        (TextEdit("alpha", "beta", replace_all=True), "two beta\nfour beta five beta"),
        (TextEdit("alpha\nthree", "X"), "two X"),
        (TextEdit("ee\nfour", "X\nY"), "thrX\nY alpha five alpha"),
        (TextEdit("one\n", ""), "two alpha"),
        (TextEdit("absent", "inserted"), "inserted"),
        (TextEdit("", "inserted"), "inserted"),
    ],
)
def test_touched_lines(edit: TextEdit, lines: str) -> None:
    assert touched_lines(FILE, [edit]) == lines


def test_later_edits_see_what_earlier_ones_wrote() -> None:
    edits = [TextEdit("three", "key = AAA"), TextEdit("AAA", "AAABBB")]
    assert touched_lines(FILE, edits) == "key = AAA\nkey = AAABBB"
    assert "key = AAABBB\n" in apply_edits(FILE, edits)


def test_replacements_of_one_line_are_shown_as_they_will_stand_together() -> None:
    assert touched_lines("x = '@@' + '@@'\n", [TextEdit("@@", "half", replace_all=True)]) == "x = 'half' + 'half'"


def test_a_file_of_one_line_costs_no_more_than_its_surroundings() -> None:
    text = "var a=1;" * 250_000
    single = touched_lines(text, [TextEdit("a=1;var a=1", "SECRET")])
    assert "SECRET" in single
    assert len(single) <= 2 * CONTEXT_CHARS + 20
    everywhere = touched_lines(text, [TextEdit("var", "let", replace_all=True)])
    assert "var" not in everywhere
    assert len(everywhere) <= len(text)
    sparse = ("x" * 100_000 + "@") * 20
    placed = touched_lines(sparse, [TextEdit("@", "#", replace_all=True)])
    assert len(placed) < 20 * (2 * CONTEXT_CHARS + 2)
    assert "#" in placed
    assert "@" not in placed


def test_an_edit_that_would_make_a_giant_file_ends() -> None:
    after = apply_edits("a" * 1_000_000, [TextEdit("a", "b" * 100_000, replace_all=True)])
    assert after.startswith("b" * 100_000)
    assert len(after) < 2_000_000


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([TextEdit("alpha", "x")], False),
        ([TextEdit("", "x")], False),
        ([TextEdit("ALPHA", "x")], True),
        ([TextEdit("three", "new"), TextEdit("new", "newer")], False),
        ([TextEdit("three", "new"), TextEdit("three", "newer")], True),
    ],
)
def test_unplaced(edits: list[TextEdit], expected: bool) -> None:
    assert unplaced(FILE, edits) is expected


def test_edits_of_both_forms() -> None:
    both = {
        "old_string": "a",
        "new_string": "b",
        "edits": [{"old_string": "c", "new_string": "d", "replace_all": True}],
    }
    assert edits_of(both) == (TextEdit("a", "b"), TextEdit("c", "d", replace_all=True))
    assert edits_of({"edits": [{"old_string": "c"}, 5]}) == (TextEdit("c", ""),)
    assert edits_of({}) == (TextEdit("", ""),)


def test_read_text(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\x00a")
    assert read_text(tmp_path / "binary") == "\ufffd\0a"
    assert read_text(tmp_path) is None
    assert read_text(tmp_path / "missing") is None
    assert read_text(tmp_path / "nul\0") is None
