from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from axonflow_hooks.claude_code import ledger
from axonflow_hooks.claude_code.ledger import (
    MAX_LEDGER_BYTES,
    NOTICE_LIFETIME_S,
    first_notice,
    forget_old_notices,
    last_decision,
    record_decision,
    record_ungoverned,
    ungoverned_since,
)

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths


def count(paths: Paths, plane: ledger.Plane = "request") -> None:
    record_ungoverned(paths, plane=plane, session_id="s", tool_name="Bash", cause="AgentUnavailable")


def test_last_decision(paths: Paths) -> None:
    assert last_decision(paths) is None
    for number in range(3):
        record_decision(paths, decision_id=f"d{number}", verdict="allow", tool_name="Bash")
    found = last_decision(paths)
    assert found is not None
    assert (found.decision_id, found.verdict, found.tool_name) == ("d2", "allow", "Bash")
    assert abs(found.at - time.time()) < 3600
    (file,) = paths.state_dir.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("{", encoding="utf-8")
    assert last_decision(paths) is None


def test_counts_by_plane_and_time(paths: Paths) -> None:
    assert ungoverned_since(paths, 0.0) == 0
    count(paths)
    count(paths, "response")
    count(paths, "response")
    assert ungoverned_since(paths, 0.0) == 1
    assert ungoverned_since(paths, 0.0, "response") == 2
    assert ungoverned_since(paths, time.time() + 3600) == 0


def test_counts_of_many_processes_at_once(paths: Paths) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(400):
            pool.submit(count, paths)
    assert ungoverned_since(paths, 0.0) == 400


def test_a_damaged_line_costs_only_itself(paths: Paths) -> None:
    count(paths)
    with (paths.state_dir / "ungoverned.jsonl").open("ab") as stream:
        stream.write(b'{"plane": "requ\n[]\n{"plane": "request", "at": "x"}\n')
    count(paths)
    assert ungoverned_since(paths, 1.0) == 2


def test_the_ledger_does_not_grow_without_end(paths: Paths) -> None:
    file = paths.state_dir / "ungoverned.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * MAX_LEDGER_BYTES + b"\n")
    count(paths)
    count(paths)
    assert file.stat().st_size < 1_000
    assert ungoverned_since(paths, 0.0) == 2


def test_a_notice_is_first_once_a_session_and_topic(paths: Paths) -> None:
    assert first_notice(paths, "s1", "topic")
    assert not first_notice(paths, "s1", "topic")
    assert first_notice(paths, "s2", "topic")
    assert first_notice(paths, "s1", "other")
    assert first_notice(paths, "\ud800", "topic")


def test_old_notices_are_forgotten(paths: Paths) -> None:
    forget_old_notices(paths)
    first_notice(paths, "s1", "topic")
    (mark,) = (paths.state_dir / "notices").iterdir()
    forget_old_notices(paths)
    assert mark.exists()
    old = time.time() - NOTICE_LIFETIME_S - 60
    os.utime(mark, (old, old))
    forget_old_notices(paths)
    assert not mark.exists()


def test_a_folder_that_cannot_be_written_stops_nothing(paths: Paths) -> None:
    paths.state_dir.parent.mkdir(parents=True)
    paths.state_dir.write_text("in the way", encoding="utf-8")
    count(paths)
    record_decision(paths, decision_id="d", verdict="allow", tool_name="Bash")
    assert ungoverned_since(paths, 0.0) == 0
    assert last_decision(paths) is None
    assert first_notice(paths, "s", "t")
    assert first_notice(paths, "s", "t"), "better shown twice than never"
