"""From a hook to the disk, and what becomes of a record when the disk does not take it."""

from __future__ import annotations

import asyncio
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.claude_code.context import Deadline, HookContext, own_http_client
from axonflow_hooks.claude_code.events import parse_event
from axonflow_hooks.resident import audit_queue, spool
from axonflow_hooks.resident.audit_queue import AuditQueue, SpoolThread
from axonflow_hooks.resident.spool import backlog
from axonflow_hooks.settings import Settings
from axonflow_hooks.wire.mcp_tools import AuditToolCallArguments
from tests.conftest import Reply

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from tests.conftest import StandIn

MCP = "/api/v1/mcp-server"
RECORDED = Reply(
    body={"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": '{"recorded": true}'}]}}
)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no disk that does not answer, and no agent either."""
    for name in ("AUDIT_SHARE_S", "WRITE_WAIT_S"):
        monkeypatch.setattr(audit_queue, name, 60.0)
    monkeypatch.setattr(spool, "BUSY_WAIT_S", 60.0)


class Hook:
    """Records of one hook after the other, into one spool."""

    def __init__(self, paths: Paths, endpoint: str) -> None:
        self.paths = paths
        self.settings = Settings(mode="self-hosted", endpoint=endpoint)
        self.thread = SpoolThread(paths.spool_dir)
        self.failures: list[str] = []
        self.written = 0
        self.calls = 0

    async def record(self) -> None:
        """Hand one record over, as a hook does."""
        self.calls += 1
        queue = AuditQueue(
            thread=self.thread,
            folder=self.paths.spool_dir,
            call_id=f"{self.calls:032}",
            on_written=self.count_written,
            on_failed=lambda error: self.failures.append(type(error).__name__),
        )
        event = parse_event(b'{"session_id": "s", "tool_name": "Bash", "tool_input": {}}', "PostToolUse")
        async with own_http_client(self.settings) as http:
            context = HookContext(event, {}, self.settings, self.paths, http, Deadline.after(60))
            await queue(context, AuditToolCallArguments(tool_name="Bash"))

    def count_written(self, _recipient: object) -> None:
        self.written += 1


def break_disk(paths: Paths) -> None:
    paths.spool_dir.parent.mkdir(parents=True, exist_ok=True)
    if paths.spool_dir.exists():
        shutil.rmtree(paths.spool_dir)
    paths.spool_dir.write_text("a file where the folder should be", encoding="utf-8")


def mend_disk(paths: Paths) -> None:
    paths.spool_dir.unlink()


def test_a_record_on_disk_is_not_sent(paths: Paths, stand_in: StandIn) -> None:
    async def scenario() -> Hook:
        hook = Hook(paths, stand_in.url)
        await hook.record()
        await hook.thread.close()
        return hook

    hook = asyncio.run(scenario())
    assert (hook.written, hook.failures) == (1, [])
    assert backlog(paths).records == 1
    assert stand_in.requests == []


def test_what_the_disk_does_not_take_is_sent_and_not_lost(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[MCP] = RECORDED

    async def scenario() -> Hook:
        hook = Hook(paths, stand_in.url)
        break_disk(paths)
        await hook.record()
        mend_disk(paths)
        await hook.record()
        await hook.thread.close()
        return hook

    hook = asyncio.run(scenario())
    assert (hook.written, len(hook.failures)) == (1, 1)
    assert [r.headers["idempotency-key"] for r in stand_in.to(MCP)] == ["axonflow-hooks:" + f"{1:032}" + ":1"]
    assert (backlog(paths).records, backlog(paths).dropped) == (1, 0)


def test_what_nothing_takes_is_counted_when_the_disk_works_again(paths: Paths, dead_url: str) -> None:
    async def scenario() -> tuple[Hook, int]:
        hook = Hook(paths, dead_url)
        break_disk(paths)
        for _ in range(3):
            await hook.record()
        mend_disk(paths)
        await hook.record()
        dropped = backlog(paths).dropped
        await hook.record()  # counted once
        await hook.thread.close()
        return hook, dropped

    hook, dropped = asyncio.run(scenario())
    assert len(hook.failures) == 3
    assert dropped == 3
    assert (backlog(paths).records, backlog(paths).dropped) == (2, 3)


def test_the_count_is_saved_when_the_process_leaves(paths: Paths, dead_url: str) -> None:
    async def scenario() -> None:
        hook = Hook(paths, dead_url)
        break_disk(paths)
        await hook.record()
        mend_disk(paths)
        await hook.thread.close()

    asyncio.run(scenario())
    assert backlog(paths).dropped == 1


def test_a_disk_that_is_only_slow_loses_nothing(paths: Paths, dead_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_queue, "WRITE_WAIT_S", 0.01)

    async def scenario() -> Hook:
        hook = Hook(paths, dead_url)
        held = threading.Event()
        busy = asyncio.create_task(hook.thread.run(lambda _: held.wait(60)))
        await asyncio.sleep(0)
        await hook.record()
        assert hook.failures == ["TimeoutError"]
        held.set()
        await busy
        await hook.thread.close()
        return hook

    asyncio.run(scenario())
    assert (backlog(paths).records, backlog(paths).dropped) == (1, 0)


def test_records_of_other_paths_never_reach_this_spool(paths: Paths, stand_in: StandIn, tmp_path: Any) -> None:
    stand_in.replies[MCP] = RECORDED

    async def scenario() -> Hook:
        hook = Hook(paths, stand_in.url)
        hook.thread = SpoolThread(tmp_path / "elsewhere")
        queue = AuditQueue(hook.thread, tmp_path / "elsewhere", "a" * 32, hook.count_written, lambda _: None)
        event = parse_event(b'{"session_id": "s", "tool_name": "Bash", "tool_input": {}}', "PostToolUse")
        async with own_http_client(hook.settings) as http:
            context = HookContext(event, {}, hook.settings, paths, http, Deadline.after(60))
            await queue(context, AuditToolCallArguments(tool_name="Bash"))
        await hook.thread.close()
        return hook

    assert asyncio.run(scenario()).written == 0
    assert len(stand_in.to(MCP)) == 1
    assert not (tmp_path / "elsewhere").exists()
