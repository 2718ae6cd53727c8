"""The command line of the evaluation: what it reads, and when it writes."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from eval import detection

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one text that is flagged and one that is missed."""
    folder = tmp_path / "data"
    folder.mkdir()
    texts = ("rm -rf /", "ls")
    rows = [
        {"id": f"case-{number}", "category": "shell", "kind": "plain", "text": text, "expect": "flag"}
        for number, text in enumerate(texts)
    ]
    with gzip.open(folder / "shell.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


@pytest.fixture(autouse=True)
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The report, elsewhere than in the repository; it is written only where the test says so."""
    monkeypatch.setattr(detection, "ROOT", tmp_path)
    monkeypatch.setattr(detection, "REPORT", tmp_path / "docs" / "detection.md")
    monkeypatch.delenv("AXONFLOW_CORPORA", raising=False)
    return tmp_path / "docs" / "detection.md"


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["--help"], 0, "--misses"),
        (["-h"], 0, "Recall, false alarms and precision"),
        (["--miss"], 2, "unrecognized arguments: --miss"),
        (["texts.gz"], 2, "unrecognized arguments: texts.gz"),
        (["--data"], 2, "expected one argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_help_and_wrong_usage_measure_nothing(
    argv: list[str],
    status: int,
    said: str,
    written: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(detection, "run", lambda *_: pytest.fail("it was run"))
    with pytest.raises(SystemExit) as left:
        detection.main(argv)
    printed = capsys.readouterr()
    assert (left.value.code, said in printed.out + printed.err, written.exists()) == (status, True, False)


def test_misses_are_printed_and_nothing_is_written(
    data: Path, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detection.main(["--misses", "--data", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "missed: shell / plain () 'ls'" in printed
    assert "rm -rf" not in printed
    assert not written.exists()


def test_the_report_is_written(data: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AXONFLOW_CORPORA", str(data))
    monkeypatch.setattr(detection, "report", lambda _engine, outcome: f"{len(outcome.wrong)} wrong")
    assert detection.main([]) == 0
    assert written.read_text() == "1 wrong"


def test_without_data_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AXONFLOW_CORPORA", str(tmp_path / "none"))
    assert detection.main([]) == 0
    assert "no labelled data" in capsys.readouterr().out
    assert detection.main(["--data", str(tmp_path / "none")]) == 2
    assert "there is no folder" in capsys.readouterr().err
