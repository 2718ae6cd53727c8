"""What people read, and what is read line by line: no text of somebody else's ends a line in it, or hides."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.audit_file import verify
from axonflow_hooks.proxy.diagnostics import MAX_LINE_CHARS, Diagnostics
from axonflow_hooks.proxy.printable import printable
from tests.conftest import Reply
from tests.proxy.test_hostile_backends import hostile

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, Client, World

HIDDEN = "\x00\t\n\x1b[2J\x7f\x85\x9b\xad\u200b\u2028\u2029\u202e\u2066\ufeff\ue000\U000e0041"
FORGED = f'x\u2028[AxonFlow] audit {{"verdict":"allow"}}\x85{HIDDEN}"\\'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param('plain "text" \\ <b>', 'plain "text" \\ <b>', id="plain"),
        pytest.param("\u00e9\u6f22 \U0001f600", "\u00e9\u6f22 \U0001f600", id="letters of any script"),
        pytest.param("a\nb\x1b\x7f\x9b", "a\\nb\\u001b\\u007f\\u009b", id="controls"),
        pytest.param("\u2028\u2029\x85", "\\u2028\\u2029\\u0085", id="line separators"),
        pytest.param("\u202e\u2066\u200b\xa0", "\\u202e\\u2066\\u200b\\u00a0", id="bidi marks and blanks"),
        pytest.param("\U000e0041", "\\udb40\\udc41", id="tags"),
        pytest.param("\ud800", "\\ud800", id="half a character"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_does_not_print_becomes_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert shown.isprintable()


@pytest.mark.parametrize("text", [HIDDEN, FORGED, "\ud800 alone"], ids=["hidden", "forged", "half"])
def test_escapes_in_json_are_the_same_value(text: str) -> None:
    written = printable(json.dumps({"name": text}, ensure_ascii=False))
    assert json.loads(written) == {"name": text}
    assert len(written.splitlines()) == 1


def _rows(world: World) -> list[dict[str, Any]]:
    """Give the audit rows as somebody reads them who takes every line separator for one."""
    path = world.home / "audit" / "audit.jsonl"
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) == text.count("\n")
    assert all(line.isprintable() for line in lines)
    assert verify(path.read_bytes().splitlines(keepends=True), whole=True).fault == ""
    return [json.loads(line) for line in lines]


def _shown(client: Client, count: int) -> list[dict[str, Any]]:
    """Give the rows that stand on stderr, read in the same way, once there are that many."""
    client.until(lambda: len([line for line in client.errors if "audit {" in line]) >= count)
    client.close()
    said = "".join(client.errors)
    lines = said.splitlines()
    assert len(lines) == said.count("\n")
    assert all(line.isprintable() for line in lines)
    rows = [json.loads(line.removeprefix("[AxonFlow] audit ")) for line in lines if "audit {" in line]
    assert len(rows) == count
    return rows


def test_name_of_an_unknown_tool_forges_no_line(world: World) -> None:
    client = world.client()
    assert "error" in client.call(FORGED)
    intent, row = _rows(world)
    assert (intent["tool_name"], row["tool_name"], row["error"]) == (FORGED, FORGED, f"Unknown tool: {FORGED}")
    (shown,) = _shown(client, 1)
    assert shown.items() <= row.items()


@pytest.mark.parametrize("times", [1, 3], ids=["in a task", "straight"])
def test_names_of_backends_and_words_of_the_agent_forge_no_line(world: World, agent: Agent, times: int) -> None:
    (world.folder / "one").mkdir()
    name = "a\x1b[2J\x9b\u202eb\u200b"
    (world.folder / "one" / "tools.txt").write_text(name, encoding="utf-8")
    told = {"decision_id": f"d{HIDDEN}", "trace_id": f"t{HIDDEN}", "evaluated_policies": [f"p{HIDDEN}", FORGED]}
    client = world.client(hostile(world))
    assert client.tools() == ["say", name]
    decided = Reply(200, {"verdict": "allow", "obligations": [], **told})
    agent.before = lambda request: decided if request.path.endswith("decide") else None
    for _ in range(times):
        assert "result" in client.call(name)
    rows = _rows(world)
    assert [row["event"] for row in rows] == ["intent", "outcome"] * times
    for row in rows:
        assert {key: row[key] for key in ("tool_name", *told)} == {"tool_name": name, **told}
    assert [row["decision_id"] for row in _shown(client, times)] == [told["decision_id"]] * times


def test_every_line_on_stderr_is_one_line() -> None:
    reader, writer = os.pipe()
    diagnostics = Diagnostics(writer)
    texts = [FORGED, HIDDEN * 200, "x" * (2 * MAX_LINE_CHARS), "plain"]
    for text in texts:
        diagnostics.line(text)
        diagnostics.say(text)
    diagnostics.close(60.0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        lines = stream.read().decode().splitlines()
    assert len(lines) == 2 * len(texts)
    assert all(line.isprintable() and 0 < len(line) <= MAX_LINE_CHARS for line in lines)
    assert lines[-2:] == ["plain", "[AxonFlow] plain"]
