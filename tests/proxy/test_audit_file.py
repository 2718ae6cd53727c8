"""The audit file: a chain that shows every change, through rotation, restarts and several proxies."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.proxy import audit_file
from axonflow_hooks.proxy.audit import parameters_hash, record_count
from axonflow_hooks.proxy.audit_file import AuditFile, instances, rotated_files, verify, verify_files
from axonflow_hooks.proxy.exact_json import read_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _write(path: Path, count: int, **options: int) -> Path:
    file = AuditFile(path, **options)
    for number in range(count):
        file.append({"n": number, "text": 'é"\n'})
    file.close()
    return file.path


def _lines(*paths: Path) -> list[bytes]:
    return [line for path in paths for line in path.read_bytes().splitlines(keepends=True)]


def test_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "audit.jsonl"
    _write(path, 3)
    _write(path, 2)
    lines = _lines(path)
    assert verify(lines, whole=True).rows == 5
    assert [json.loads(line)["sequence"] for line in lines] == [1, 2, 3, 4, 5]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda lines: [lines[0].replace(b'"n":0', b'"n":9'), *lines[1:]], id="changed"),
        pytest.param(lambda lines: [lines[0], *lines[2:]], id="left out"),
        pytest.param(lambda lines: [lines[1], lines[0], *lines[2:]], id="moved"),
        pytest.param(lambda lines: lines[1:], id="first one gone"),
        pytest.param(lambda lines: [*lines[:-1], lines[-1][:20]], id="torn"),
        pytest.param(lambda lines: [*lines, b'{"n":5}\n'], id="added"),
    ],
)
def test_tampering_shows(tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = _lines(_write(tmp_path / "a.jsonl", 4))
    assert verify(lines, whole=True).fault == ""
    assert verify(change(lines), whole=True).fault


def test_chain_goes_on_through_rotation(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    _write(path, 10, rotate_bytes=500)
    _write(path, 1, rotate_bytes=500)
    rotated = rotated_files(path)
    assert len(rotated) > 1
    report = verify(_lines(*rotated, path), whole=True)
    assert (report.rows, report.fault) == (11, "")
    assert all(item.stat().st_mode & 0o777 == 0o600 for item in rotated)


def test_a_cut_beginning_shows_unless_rotation_has_cut_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "a.jsonl", 20, rotate_bytes=500)
    report = verify_files(path)
    assert (report.rows, report.fault, report.first, report.last) == (20, "", 1, 20)
    rotated = rotated_files(path)
    rotated[0].unlink()
    report = verify_files(path)
    assert report.fault == f"it begins with row {report.first}, and no rotation has deleted the rows before"
    assert report.first > 1
    monkeypatch.setattr(audit_file, "KEEP_ROTATED", len(rotated) - 1)
    assert verify_files(path).fault == ""


def test_a_latest_file_that_is_gone_shows_and_a_cut_end_does_not(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jsonl", 20, rotate_bytes=500)
    lines = _lines(path)
    path.write_bytes(b"".join(lines[:-1]))
    assert (verify_files(path).last, verify_files(path).fault) == (19, "")
    path.unlink()
    assert "is gone" in verify_files(path).fault


def test_a_line_without_an_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "a.jsonl", 2)
    with path.open("ab") as stream:
        stream.write(b"x" * 100_000)
    monkeypatch.setattr(audit_file, "MAX_LINE_BYTES", 1_000)
    assert verify_files(path).fault == "line 3 was changed or is torn"


def test_every_file_of_a_name_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert instances(path) == []
    assert verify_files(path).rows == 0
    files = [AuditFile(path), AuditFile(path)]
    for file in files:
        file.close()
    assert instances(path) == [path, tmp_path / "a.2.jsonl"]


def test_torn_last_line_stays_and_the_chain_goes_on(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jsonl", 2)
    with path.open("ab") as stream:
        stream.write(b'{"sequence":3,"n":')
    _write(path, 1)
    lines = _lines(path)
    assert len(lines) == 4
    last = json.loads(lines[3])
    assert last["sequence"] == 3
    assert last["prev_hash"] == json.loads(lines[1])["hash"]


def _removed(path: Path) -> None:
    path.unlink()


def _moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def _replaced(path: Path) -> None:
    path.unlink()
    path.write_bytes(b'{"sequence":1}\n')


def _folder_removed(path: Path) -> None:
    path.unlink()
    (path.parent / ".a.jsonl.lock").unlink()
    path.parent.rmdir()


def _folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is neither removed nor replaced there")
@pytest.mark.parametrize(
    ("act", "found"),
    [
        pytest.param(_removed, "was removed and was put back", id="removed"),
        pytest.param(_moved, "was removed and was put back", id="moved"),
        pytest.param(_replaced, "was replaced by another one and was put back", id="replaced"),
        pytest.param(_folder_removed, "was removed and was put back", id="with its folder"),
        pytest.param(_folder_in_its_place, "was replaced by another one and was put back", id="a folder"),
    ],
)
def test_a_file_that_is_gone_is_put_back(tmp_path: Path, act: Callable[[Path], None], found: str) -> None:
    path = tmp_path / "audit" / "a.jsonl"
    file = AuditFile(path)
    for number in range(3):
        file.append({"n": number})
    assert file.look_again() == ""
    act(path)
    assert file.look_again() == found
    assert file.look_again() == ""
    file.append({"n": 3})
    file.close()
    rows = [json.loads(line) for line in _lines(path)]
    assert [row.get("n") for row in rows] == [0, 1, 2, None, 3]
    assert (rows[3]["event"], rows[3]["error"]) == ("interference", f"The file {found}")
    assert (verify_files(path).rows, verify_files(path).fault) == (5, "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(list(path.parent.glob("a.jsonl.replaced-*"))) == (1 if "replaced" in found else 0)


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is not removed there")
@pytest.mark.parametrize("returned", [False, True], ids=["put back", "returned by who took it"])
def test_nothing_is_taken_until_a_file_is_back(tmp_path: Path, returned: bool) -> None:
    path = tmp_path / "audit" / "a.jsonl"
    file = AuditFile(path)
    file.append({"n": 0})
    path.parent.rename(tmp_path / "elsewhere")
    path.parent.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(OSError, match="audit"):
            file.look_again()
        with pytest.raises(OSError, match="cannot be put back"):
            file.append({"n": 1})
    path.parent.unlink()
    if returned:
        (tmp_path / "elsewhere").rename(path.parent)
    assert file.look_again() == ("" if returned else "was removed and was put back")
    file.append({"n": 2})
    file.close()
    assert [json.loads(line).get("n") for line in _lines(path)] == ([0, 2] if returned else [0, None, 2])
    assert verify_files(path).fault == ""


def test_where_files_have_no_lasting_numbers_none_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "samestat", lambda *_: False)
    file = AuditFile(tmp_path / "a.jsonl")
    file.append({"n": 0})
    assert file.look_again() == ""
    file.close()
    assert [path.name for path in tmp_path.glob("a.jsonl*")] == ["a.jsonl"]


def test_a_file_that_was_cut_or_written_to_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    file = AuditFile(path, rotate_bytes=300)
    for number in range(4):
        file.append({"n": number})
        assert file.look_again() == "", "rotation is no interference"
    file.close()
    file = AuditFile(path)
    with path.open("ab") as stream:
        stream.write(b'{"sequence":9}\n')
    assert file.look_again() == "was written to by somebody else"
    os.truncate(path, 0)
    assert file.look_again() == "was cut by somebody else"
    assert file.look_again() == ""
    file.close()
    (row,) = [json.loads(line) for line in _lines(path)]
    assert (row["event"], row["sequence"]) == ("interference", 6)
    assert "something is missing" in verify_files(path).fault


def test_two_proxies_do_not_share_a_file(tmp_path: Path) -> None:
    first, second = AuditFile(tmp_path / "a.jsonl"), AuditFile(tmp_path / "a.jsonl")
    assert (first.path.name, second.path.name) == ("a.jsonl", "a.2.jsonl")
    second.append({"n": 1})
    first.close()
    second.close()
    third = AuditFile(tmp_path / "a.jsonl")
    assert third.path.name == "a.jsonl"
    third.close()


@pytest.mark.skipif(sys.platform == "win32", reason="devices and links")
def test_only_a_file_of_our_own_is_written(tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "target")
    (tmp_path / "folder.jsonl").mkdir()
    for name in ("link.jsonl", "folder.jsonl"):
        with pytest.raises(SettingsError, match="AXONFLOW_AUDIT_LOG"):
            AuditFile(tmp_path / name)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        pytest.param('{"a": 1, "b": 2}', '{"b":2,"a":1}', True, id="order"),
        pytest.param('{"a": 1.0}', '{"a": 1}', True, id="1.0 is 1 (RFC 8785)"),
        pytest.param('{"a": -0}', '{"a": 0}', True, id="-0 is 0"),
        pytest.param('{"a": "\\u00e9/\\n"}', '{"a": "\u00e9\\/\\u000a"}', True, id="escapes"),
        pytest.param("{}", "null", False, id="empty is not null"),
        pytest.param(f'{{"n": {2**60}}}', f'{{"n": {2**60 + 1}}}', False, id="large integers differ"),
        pytest.param('{"n": 1e400}', '{"n": 1}', False, id="beyond the domain"),
    ],
)
def test_parameter_hashes(first: str, second: str, same: bool) -> None:
    hashes = [parameters_hash(read_value(text), text)[0] for text in (first, second)]
    assert (hashes[0] == hashes[1]) is same


def test_parameter_hash_of_the_standard() -> None:
    # sha256 of {"b":"é","a":[1,true,null]} in canonical form: {"a":[1,true,null],"b":"é"}
    expected = hashlib.sha256('{"a":[1,true,null],"b":"é"}'.encode()).hexdigest()
    text = '{"b": "\u00e9", "a": [1, true, null]}'
    assert parameters_hash(read_value(text), text) == (expected, "rfc8785")
    for text, form in ((f'{{"n": {2**53}}}', "rfc8785+text"), ('{"n": "\\ud800"}', "raw")):
        assert parameters_hash(read_value(text), text)[1] == form


_numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_texts = st.text(st.characters(exclude_categories=["Cs"]))
_values = st.recursive(
    st.none() | st.booleans() | _numbers | _texts, lambda inner: st.lists(inner) | st.dictionaries(_texts, inner)
)


@given(_values, st.booleans())
def test_parameter_hash_is_that_of_the_canonical_form(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    canonical = hashlib.sha256(rfc8785.dumps(value)).hexdigest()  # type: ignore[arg-type]
    assert parameters_hash(value, text) == (canonical, "rfc8785")


@pytest.mark.parametrize(
    ("result", "count"),
    [
        ({"content": [1, 2]}, 2),
        ({"content": [], "structuredContent": {"rows": [1, 2, 3], "next": "x"}}, 3),
        ({"structuredContent": {"a": [], "b": []}}, 0),
        ({"structuredContent": {"columns": ["id"], "rows": [[1], [2]]}}, 2),
        ({"structuredContent": {"items": [1, 2, 3], "errors": []}}, 3),
        ({"structuredContent": {"data": {"pages": [{"rows": [1, 2, 3]}]}}}, 3),
        ({"structuredContent": [[], [1, 2], {"a": 1}]}, 3),
        ({"content": [1, 2], "structuredContent": {"id": 1, "of": {"a": "b"}}}, 1),
        ({"contents": [1]}, 1),
        ({}, 0),
        (None, 0),
    ],
)
def test_record_counts(result: object, count: int) -> None:
    assert record_count(result) == count
