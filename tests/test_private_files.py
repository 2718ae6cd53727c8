from __future__ import annotations

import errno
import itertools
import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import (
    MAX_PRIVATE_FILE_BYTES,
    make_private_dir,
    read_private_json,
    write_private,
    write_private_json,
)

if TYPE_CHECKING:
    from pathlib import Path

CHANGES_TO_SEE = 50
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_written_files_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "a" / "b" / "secret.json"
    before = os.umask(umask)
    try:
        write_private_json(path, {"secret": "ü"})
    finally:
        os.umask(before)
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700
    assert read_private_json(path) == {"secret": "ü"}
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.json"]


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o755)
    make_private_dir(folder)
    assert mode_of(folder) == 0o755


def test_a_file_in_the_folders_place_is_no_file_that_exists(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        make_private_dir(tmp_path / "file")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.json"
    write_private(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_never_see_a_part(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    values = [{"value": letter * 50_000} for letter in "ab"]
    write_private_json(path, values[0])
    enough = threading.Event()

    def write() -> None:
        for value in itertools.cycle(values):
            if enough.is_set():
                return
            write_private_json(path, value)

    writer = threading.Thread(target=write)
    writer.start()
    seen = [values[0]]
    try:
        while len(seen) <= CHANGES_TO_SEE and writer.is_alive():
            value = read_private_json(path)
            assert value in values
            if value != seen[-1]:
                seen.append(value)
    finally:
        enough.set()
        writer.join()
    assert len(seen) > CHANGES_TO_SEE, "the writer ended before its time"


def test_no_file_is_none(tmp_path: Path) -> None:
    assert read_private_json(tmp_path / "none.json") is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601], ids=oct)
def test_a_file_others_can_touch_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "it's a secret.json"
    write_private_json(path, {"secret": "s3cr3t-value"})
    path.chmod(mode)
    with pytest.raises(CredentialError) as caught:
        read_private_json(path)
    assert "chmod 600" in caught.value.remedy
    assert f"{mode:04o}" in caught.value.message
    assert "s3cr3t-value" not in str(caught.value)


@needs_root
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    write_private_json(path, {})
    os.chown(path, 12345, -1)
    with pytest.raises(CredentialError, match="another user"):
        read_private_json(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b'["s3cr3t-value"]', id="list"),
        pytest.param(b'"s3cr3t-value"', id="text"),
        pytest.param(b"\xff\xfe\xfd", id="binary"),
        pytest.param(b"[" * 100_000, id="nests-without-end"),
        pytest.param(b'{"a": "' + b"x" * MAX_PRIVATE_FILE_BYTES + b'"}', id="too-large"),
    ],
)
def test_what_is_no_json_object_is_refused_without_its_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.json"
    write_private(path, content)
    with pytest.raises(CredentialError) as caught:
        read_private_json(path)
    assert "not a JSON object" in str(caught.value)
    assert "s3cr3t-value" not in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "secret.json"
    if kind == "folder":
        path.mkdir(mode=0o700)
    else:
        os.mkfifo(path, 0o600)
    with pytest.raises(CredentialError):
        read_private_json(path)


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "axonflow").write_text("")
    with pytest.raises(CredentialError, match="cannot be read"):
        read_private_json(tmp_path / "axonflow" / "secret.json")
