from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axonflow_hooks.claude_code.events import HookEvent
from axonflow_hooks.claude_code.statements import (
    MAX_PIECE_BYTES,
    OVERLAP_CHARS,
    argument_lines,
    pieces_of,
    scalars_of,
    statement_of,
)
from axonflow_hooks.wire.jsonrpc import encoded_text_size

if TYPE_CHECKING:
    from collections.abc import Iterator


def statement(tool: str, given_input: dict[str, Any], cwd: str = "/work") -> str:
    return statement_of(HookEvent("PreToolUse", cwd=cwd, tool_name=tool, tool_input=given_input)).text


@pytest.mark.parametrize(
    ("tool", "given_input", "expected"),
    [
        ("Bash", {"command": "echo 'a\tb' && ls", "description": "x"}, "echo 'a\tb' && ls"),
        ("Bash", {"command": "null"}, "null"),
        ("Bash", {"command": ""}, "claude_code.Bash"),
        ("Bash", {}, "claude_code.Bash"),
        ("Bash", {"command": ["rm", "-rf"]}, "command[0]: rm\ncommand[1]: -rf"),
        ("Bash", {"command": "ls", "content": "rm -rf /"}, "ls\ncontent: rm -rf /"),
        ("Write", {"file_path": "/srv/a", "content": "x\ny\n"}, "/srv/a\nx\ny\n"),
        ("Write", {"file_path": "/srv/a/../b/./c", "content": "x"}, "/srv/b/c\nx"),
        ("Write", {"file_path": "rel/../x.txt", "content": "x"}, "/work/x.txt\nx"),
        ("Write", {"file_path": "/srv/a", "content": ""}, "/srv/a\n"),
        ("Write", {"file_path": "/srv/a", "content": {"a": "secret"}}, "/srv/a\ncontent.a: secret"),
        ("Write", {"content": "x"}, "x"),
        ("Write", {"file_path": 5, "content": "x"}, "file_path: 5\nx"),
        ("Write", {"file_path": "/srv/a\0b", "content": "x"}, "/srv/a\0b\nx"),
        ("NotebookEdit", {"notebook_path": "/n.ipynb", "new_source": "print(2)"}, "/n.ipynb\nprint(2)"),
        (
            "NotebookEdit",
            {"notebook_path": "/n.ipynb", "cell_id": "c1", "edit_mode": "delete", "new_source": ""},
            "/n.ipynb\ndelete cell c1\n",
        ),
        ("mcp__db__query", {}, "mcp__db__query"),
        ("mcp__db__query", {"sql": "SELECT 1", "limit": 10}, "sql: SELECT 1\nlimit: 10"),
        (
            "mcp__db__query",
            {"a": "harmless", "b": {"c": [{"d": "'; DROP TABLE x"}]}, "e": None, "f": True, "g": [], "h": 1.5},
            "a: harmless\nb.c[0].d: '; DROP TABLE x\ne: null\nf: true\ng: []\nh: 1.5",
        ),
        ("mcp__x__y", {"": "hidden under no name"}, ": hidden under no name"),
        ("mcp__x__y", {"": {"": "deeper"}}, ".: deeper"),
        ("mcp__x__y", {"rm -rf /": {}}, "rm -rf /: {}"),
        ("mcp__x__y", {"rm -rf /": {"x": 1}}, "rm -rf /.x: 1"),
        ("mcp__x__y", {"t": '<a href="x">&\u00e9'}, 't: <a href="x">&\u00e9'),
        ("Edit", {"file_path": "/missing", "old_string": "a", "new_string": "b"}, "/missing\nb"),
        ("Edit", {"file_path": "/missing", "old_string": "a", "new_string": ""}, "/missing\n"),
        ("Edit", {"file_path": "/missing", "old_string": "", "new_string": "new file"}, "/missing\nnew file"),
        (
            "Edit",
            {"file_path": "/missing", "old_string": "a", "new_string": "payload", "edits": []},
            "/missing\npayload",
        ),
        (
            "MultiEdit",
            {"file_path": "/missing", "edits": [{"old_string": "a", "new_string": "b"}, {"new_string": "c"}, "x"]},
            "/missing\nb\nc",
        ),
        ("Edit", {}, "\n".join([""])),
    ],
)
def test_statement(tool: str, given_input: dict[str, Any], expected: str) -> None:
    assert statement(tool, given_input) == (expected or "")


def test_paths_are_canonical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    real = tmp_path.resolve() / "real" / "f"
    assert statement("Write", {"file_path": str(tmp_path / "link" / "f"), "content": "x"}) == f"{real}\nx"
    at_home = statement("Write", {"file_path": "~/.ssh/authorized_keys", "content": "x"})
    assert at_home == f"{tmp_path.resolve() / 'home' / '.ssh' / 'authorized_keys'}\nx"


def test_split_edit_shows_the_secret_it_completes(tmp_path: Path) -> None:
    first, second = "AKIA" + "Q7XJ3MZP", "4LWN5RTV"
    path = tmp_path / "f.py"
    path.write_text(f"import os\nkey = '{first}…'\nprint()\n", encoding="utf-8")
    text = statement("Edit", {"file_path": str(path), "old_string": "…", "new_string": second})
    assert f"key = '{first}{second}'" in text
    assert "import os" not in text


@pytest.mark.parametrize("content", [b"\xff\xfe\x00key = @@\x00\n", b"a\r\nkey = @@\r\n", "kéy = @@".encode("utf-16")])
def test_edit_of_a_file_of_any_bytes_shows_what_is_inserted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.bin"
    path.write_bytes(content)
    assert "payload" in statement("Edit", {"file_path": str(path), "old_string": "@@", "new_string": "payload"})


def test_replace_all_shows_every_line_it_touches(tmp_path: Path) -> None:
    path = tmp_path / "f.py"
    path.write_text("a = @@\nb = 1\nc = @@ + @@\n", encoding="utf-8")
    given_input = {"file_path": str(path), "old_string": "@@", "new_string": "X", "replace_all": True}
    assert statement("Edit", given_input) == f"{path.resolve()}\na = X\nc = X + X"


def test_a_field_that_can_be_masked_is_named() -> None:
    event = HookEvent("PreToolUse", cwd="/work", tool_name="Write", tool_input={"file_path": "/a", "content": "body"})
    found = statement_of(event)
    assert (found.connector_type, found.field, found.text[found.field_start :]) == (
        "claude_code.Write",
        "content",
        "body",
    )


def test_long_keys_are_said_once() -> None:
    lines = list(argument_lines({"k" * 50_000: [1] * 10_000}))
    assert lines[0] == "k" * 50_000
    assert len(lines) == 10_001
    assert sum(map(len, lines)) < 1_000_000


def test_arguments_nested_as_deep_as_json_allows() -> None:
    value: Any = "payload"
    for _ in range(50_000):
        value = [value]
    text = "\n".join(argument_lines({"a": value}))
    assert text.endswith(": payload")
    assert len(text) < 500_000 * 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=25,
)


def keys_and_scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_and_scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_and_scalars(item)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_every_key_and_scalar_is_in_the_lines(value: dict[str, Any]) -> None:
    text = "\n".join(argument_lines(value))
    for said in keys_and_scalars(value):
        assert said in text


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_scalars_are_all_leaves(value: dict[str, Any]) -> None:
    def leaves(item: Any) -> Iterator[Any]:
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        if children is None:
            yield item
        else:
            for child in children:
                yield from leaves(child)

    assert list(scalars_of(value)) == list(leaves(value))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["a", "ä", "\u4e2d", "\x01", '"', "\U0001f600", "ab\n"]),
    st.integers(0, 1_500_000),
    st.integers(0, 2_000_000),
)
def test_pieces_cover_every_substring_up_to_the_overlap(char: str, length: int, at: int) -> None:
    text = (char * length)[:length]
    # Numbered marks make every stretch of the text its own.
    text = "".join(f"{index:07d}" + text[index : index + 493] for index in range(0, len(text), 500)) or text
    pieces = pieces_of(text)
    assert all(encoded_text_size(piece) <= MAX_PIECE_BYTES for piece in pieces)
    start = min(at, max(0, len(text) - OVERLAP_CHARS))
    assert any(text[start : start + OVERLAP_CHARS] in piece for piece in pieces)
    assert pieces[0] == text[: len(pieces[0])]
    assert text.endswith(pieces[-1])


def test_most_texts_are_one_piece() -> None:
    assert pieces_of("") == [""]
    assert pieces_of("x" * 900_000) == ["x" * 900_000]


@pytest.mark.parametrize(
    ("command", "cwd", "head"),
    [
        ("rm -rf *", "HOME", "cd ~\n"),
        ("find . -delete", "HOME/", "cd ~\n"),
        ("rm -rf *", "/", "cd /\n"),
        ("sudo chown -R me .", "/usr/../etc/", "cd /etc\n"),
        ("rm -rf *", "HOME/project", ""),
        ("rm -rf *", "/work", ""),
        ("rm -rf *", "", ""),
        ("git status", "HOME", ""),
        ("rm -rf ..", "HOME/project", "cd HOME/project\n"),
        ("rm -rf ./../../*", "HOME/a/b", "cd HOME/a/b\n"),
        ("sudo rm -rf '../../..'", "HOME/a b", "cd 'HOME/a b'\n"),
        ("rm -rf ../../usr", "/srv/app", "cd /srv/app\n"),
        ("cat ../../etc/shadow", "/srv/app", "cd /srv/app\n"),
        ("cp ../x/y/../../../etc/passwd .", "/srv/it's", "cd '/srv/it'\"'\"'s'\n"),
        ("rm -rf " + "../x " * 2_000, "/srv/app", "cd /srv/app\n"),
        ("rm -rf ../build ../../x/dist", "HOME/a/b", ""),
        ("ls .. && cat ../README.md", "HOME/project", ""),
        ("git diff main..dev && rm a..b x/../y", "HOME/project", ""),
        ("cat ../../etc/shadow", "", ""),
    ],
)
def test_where_a_command_runs_is_told_where_it_could_clear_it(
    command: str, cwd: str, head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = cwd.replace("HOME", str(tmp_path))
    event = HookEvent("PreToolUse", cwd=folder, tool_name="Bash", tool_input={"command": command})
    seen = statement_of(event)
    assert seen.text == head.replace("HOME", str(tmp_path)) + command
    assert (seen.field, seen.text[seen.field_start :]) == ("command", command)
