from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.claude_code.context import own_http_client
from axonflow_hooks.resident import delivery as delivery_module
from axonflow_hooks.resident.audit_queue import SpoolThread
from axonflow_hooks.resident.delivery import Delivery
from axonflow_hooks.resident.instance import take_lock
from axonflow_hooks.resident.spool import Backlog, Recipient, Record, backlog
from axonflow_hooks.settings import Settings
from tests.conftest import Received, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from axonflow_hooks.paths import Paths
    from tests.conftest import StandIn

MCP = "/api/v1/mcp-server"
TENANT_A = "dGVuYW50LWE6c2VjcmV0"  # tenant-a:secret
TENANT_B = "dGVuYW50LWI6c2VjcmV0"


def receipt(value: Any = None) -> Reply:
    text = json.dumps({"recorded": True, "details": {}} if value is None else value)
    return Reply(body={"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}]}})


def failure(code: int, status: int = 200) -> Reply:
    return Reply(status, {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}})


def settings_for(stand_in: StandIn, auth: str = TENANT_A) -> Settings:
    return Settings(mode="self-hosted", endpoint=stand_in.url, auth=auth)


def record(key: str, stand_in: StandIn, tenant: str = "tenant-a", **changes: Any) -> Record:
    body = json.dumps({"tool_name": "Bash", "input": {"n": key}})
    values = {
        "key": key,
        "recipient": Recipient(stand_in.url, tenant),
        "user_email": "a@example.com",
        "session_id": f"session of {key}",
        "body": body,
        "at": time.time(),
    }
    return Record(**{**values, **changes})


@contextlib.asynccontextmanager
async def delivering(paths: Paths, *settings: Settings) -> AsyncIterator[tuple[Delivery, SpoolThread, list[str]]]:
    reports: list[str] = []
    thread = SpoolThread(paths.spool_dir)
    made = Delivery(thread, paths, own_http_client, reports.append)
    for one in settings:
        made.learn(one)
    try:
        yield made, thread, reports
    finally:
        made.release()
        await thread.close()


def sent(stand_in: StandIn) -> list[str]:
    return [request.headers["idempotency-key"] for request in stand_in.to(MCP)]


async def deliver_all(made: Delivery, paths: Paths) -> None:
    """Deliver, with the pauses it wants, until nothing waits."""
    while True:
        pause = await made.deliver()
        if not backlog(paths).records:
            return
        await asyncio.sleep(pause)


def test_records_arrive_in_order_with_key_session_and_user(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[MCP] = receipt()

    async def scenario() -> None:
        async with delivering(paths, settings_for(stand_in)) as (made, thread, _):
            for n in range(5):
                await thread.begin(record(f"k{n}", stand_in))
            await made.deliver()

    asyncio.run(scenario())
    assert sent(stand_in) == [f"k{n}" for n in range(5)]
    first = stand_in.to(MCP)[0]
    assert first.headers["x-session-id"] == "session of k0"
    assert first.headers["x-user-email"] == "a@example.com"
    assert first.headers["authorization"] == f"Basic {TENANT_A}"
    assert first.json()["params"]["arguments"]["input"] == {"n": "k0"}
    assert backlog(paths) == Backlog()


@pytest.mark.parametrize(
    "trouble", [Reply(503, {}), failure(-32603), failure(-32001, 401), Reply(act="reset"), Reply(act="cut")]
)
def test_an_outage_delays_and_loses_nothing(
    paths: Paths, stand_in: StandIn, trouble: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "FIRST_PAUSE_S", 0.02)
    stand_in.replies[MCP] = [receipt(), trouble, trouble, trouble, trouble, receipt()]

    async def scenario() -> None:
        async with delivering(paths, settings_for(stand_in)) as (made, thread, _):
            for n in range(3):
                await thread.begin(record(f"k{n}", stand_in))
            await deliver_all(made, paths)

    asyncio.run(scenario())
    assert sent(stand_in) == ["k0", *["k1"] * 5, "k2"]
    assert backlog(paths).dropped == 0


def test_pauses_grow_to_their_bound(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[MCP] = Reply(503, {})

    async def scenario() -> list[float]:
        async with delivering(paths, settings_for(stand_in)) as (made, thread, _):
            await thread.begin(record("k", stand_in))
            state = delivery_module._State()
            pauses = []
            for _ in range(10):
                await made._deliver_one(record("k", stand_in), settings_for(stand_in), state)
                pauses.append(state.pause_s)
            return pauses

    pauses = asyncio.run(scenario())
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == delivery_module.LONGEST_PAUSE_S


def test_a_pause_that_was_asked_for_is_kept(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[MCP] = Reply(429, {}, {"Retry-After": "240"})

    async def scenario() -> float:
        async with delivering(paths, settings_for(stand_in)) as (made, thread, _):
            await thread.begin(record("k", stand_in))
            await made.deliver()
            made.wake(Recipient(stand_in.url, "tenant-a"))
            await made.deliver()
            return made._states[Recipient(stand_in.url, "tenant-a")].not_before - time.monotonic()

    assert 120 < asyncio.run(scenario()) <= 240
    assert sent(stand_in) == ["k"]


@pytest.mark.parametrize("refusal", [failure(-32602), receipt({"nothing": "recorded"})])
def test_a_record_that_its_agent_will_never_take_is_dropped_and_counted(
    paths: Paths, stand_in: StandIn, refusal: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "FIRST_PAUSE_S", 0.02)

    def reply(request: Received) -> Reply:
        return refusal if request.headers["idempotency-key"] == "bad" else receipt()

    stand_in.replies[MCP] = reply

    async def scenario() -> list[str]:
        async with delivering(paths, settings_for(stand_in)) as (made, thread, reports):
            await thread.begin(record("bad", stand_in))
            await thread.begin(record("good", stand_in))
            await deliver_all(made, paths)
            return reports

    reports = asyncio.run(scenario())
    assert sent(stand_in) == ["bad"] * delivery_module.REFUSALS_TO_DROP + ["good"]
    assert backlog(paths).dropped == 1
    assert any("dropped" in line for line in reports)


def test_a_record_that_cannot_be_read_is_dropped_and_counted(
    paths: Paths, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "FIRST_PAUSE_S", 0.02)
    stand_in.replies[MCP] = receipt()

    async def scenario() -> None:
        async with delivering(paths, settings_for(stand_in)) as (made, thread, _):
            await thread.begin(record("bad", stand_in, body="{not JSON"))
            await deliver_all(made, paths)

    asyncio.run(scenario())
    assert backlog(paths).dropped == 1


def test_nothing_goes_to_another_endpoint_or_tenant(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[MCP] = receipt()
    elsewhere = Settings(mode="self-hosted", endpoint="http://127.0.0.1:9", auth=TENANT_A)

    async def scenario() -> None:
        async with delivering(paths, elsewhere, settings_for(stand_in, TENANT_B)) as (made, thread, _):
            await thread.begin(record("for a", stand_in))
            await thread.begin(record("for b", stand_in, "tenant-b"))
            await made.deliver()
            assert sent(stand_in) == ["for b"]
            made.learn(settings_for(stand_in))
            await made.deliver()

    asyncio.run(scenario())
    assert sent(stand_in) == ["for b", "for a"]
    assert [request.headers["authorization"] for request in stand_in.to(MCP)] == [
        f"Basic {TENANT_B}",
        f"Basic {TENANT_A}",
    ]


def test_one_process_delivers_at_a_time(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[MCP] = receipt()

    async def scenario() -> None:
        async with delivering(paths, settings_for(stand_in)) as (made, thread, _):
            await thread.begin(record("k", stand_in))
            other = take_lock(str(paths.spool_dir / "deliver.lock"))
            assert other is not None
            await made.deliver_once(30)
            assert sent(stand_in) == []
            os.close(other)
            await made.deliver_once(30)

    asyncio.run(scenario())
    assert sent(stand_in) == ["k"]


def test_in_the_background_a_new_record_is_delivered_at_once(paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies[MCP] = receipt()

    async def scenario() -> None:
        async with delivering(paths, settings_for(stand_in)) as (made, thread, _):
            running = asyncio.create_task(made.run())
            for n in range(3):
                await thread.begin(record(f"k{n}", stand_in))
                made.wake(Recipient(stand_in.url, "tenant-a"))
                await asyncio.to_thread(stand_in.wait_for, MCP, n + 1)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())
    assert sent(stand_in) == ["k0", "k1", "k2"]


def test_who_cannot_deliver_lets_another_process_do_it(
    paths: Paths, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.replies[MCP] = receipt()
    monkeypatch.setattr(delivery_module, "LOOK_EVERY_S", 0.1)
    elsewhere = Settings(mode="self-hosted", endpoint="http://127.0.0.1:9", auth=TENANT_A)

    async def scenario() -> None:
        async with (
            delivering(paths, elsewhere) as (first, _, _),
            delivering(paths, settings_for(stand_in)) as (second, thread, _),
        ):
            await thread.begin(record("k0", stand_in))
            await first.deliver_once(30)
            running = [asyncio.create_task(first.run())]
            await asyncio.sleep(0)
            running.append(asyncio.create_task(second.run()))
            await asyncio.to_thread(stand_in.wait_for, MCP, 1)
            await thread.begin(record("k1", stand_in))
            second.wake(Recipient(stand_in.url, "tenant-a"))
            await asyncio.to_thread(stand_in.wait_for, MCP, 2)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(scenario())
    assert sent(stand_in) == ["k0", "k1"]
