"""The audit file of a proxy that runs is removed, replaced or cannot be written: nothing goes on without a trace."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.proxy.assembly import assemble
from axonflow_hooks.proxy.audit_file import verify_files
from axonflow_hooks.proxy.diagnostics import Diagnostics
from axonflow_hooks.proxy.settings import load_proxy_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.proxy.conftest import Client, World

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an open file is neither removed nor replaced there")


def _said(client: Client, words: str) -> list[str]:
    return [line for line in client.errors if words in line]


def test_a_file_that_is_removed_comes_back_with_its_rows(world: World) -> None:
    client = world.client()
    client.call("count", {"n": 1})
    path = world.home / "audit" / "audit.jsonl"
    path.unlink()
    client.until(lambda: world.rows("interference"))
    assert len(client.until(lambda: _said(client, "was removed and was put back"))) == 1
    assert "result" in client.call("count", {"n": 2})
    events = [row["event"] for row in world.rows()]
    assert events == ["intent", "outcome", "interference", "intent", "outcome"]
    assert verify_files(path).fault == ""


def test_a_file_that_is_replaced_at_the_end_comes_back_too(world: World) -> None:
    client = world.client()
    client.call("count", {"n": 1})
    path = world.home / "audit" / "audit.jsonl"
    mine = world.home / "mine"
    mine.write_text("mine", encoding="utf-8")
    mine.replace(path)
    assert client.close() == 0
    assert world.rows()[-1]["event"] == "interference"
    (aside,) = path.parent.glob("audit.jsonl.replaced-*")
    assert aside.read_text(encoding="utf-8") == "mine"


def test_the_same_is_said_once(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "AXONFLOW_BACKENDS": "[]", "AXONFLOW_ENDPOINT": "http://127.0.0.1:9"}
    environ["AXONFLOW_AUDIT_LOG"] = str(tmp_path / "audit" / "audit.jsonl")
    said = tmp_path / "stderr.txt"
    descriptor = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    diagnostics = Diagnostics(descriptor)
    assembly = assemble(load_proxy_settings(environ), environ, diagnostics)
    assert assembly.audit is not None
    for _ in range(2):
        (tmp_path / "audit").rename(tmp_path / "elsewhere")
        (tmp_path / "audit").touch()
        for _ in range(3):
            assembly.audit.look_after()
        (tmp_path / "audit").unlink()
        (tmp_path / "elsewhere").rename(tmp_path / "audit")
        assembly.audit.look_after()
    assembly.audit.file.close()
    diagnostics.close()
    os.close(descriptor)
    lines = said.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert all("cannot be put back (" in line for line in lines)


def test_no_call_is_made_while_a_file_cannot_come_back(world: World) -> None:
    folder, blocked = world.home / "audit", world.home / "blocked"
    (world.home / "first").mkdir(mode=0o700)
    folder.symlink_to(world.home / "first")
    blocked.touch()
    client = world.client()
    client.call("count", {"n": 1})
    blocked.replace(folder)  # in one step: the proxy may look at any moment
    client.until(lambda: _said(client, "was removed and cannot be put back ("))
    error = client.call("count", {"n": 2})["error"]
    assert (error["code"], error["data"]["executed"]) == (-32003, False)
    assert "audit trail cannot be written" in error["message"]
    assert world.lines("one", "count.txt") == [json.dumps({"n": 1})]
    folder.unlink()
    client.until(lambda: world.rows("interference"))
    assert "result" in client.call("count", {"n": 3})
    assert len(_said(client, "was removed and cannot be put back (")) == 1
    assert verify_files(folder / "audit.jsonl").fault == ""
