"""Programs are spoken with over pipes of ours, or over the subprocess' own where an event loop cannot wait for ours."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.proxy import stdio_transport
from axonflow_hooks.proxy.backend_map import parse_backends
from axonflow_hooks.proxy.diagnostics import Diagnostics
from axonflow_hooks.proxy.guardian import Guardian
from axonflow_hooks.proxy.rpc import Lost, Session
from tests.proxy.conftest import DEADLINE_S
from tests.proxy.test_rpc import Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from axonflow_hooks.proxy.backend_map import Backend

ECHO = """
import sys, json
for line in sys.stdin:
    call = json.loads(line)
    if call["method"] == "die":
        sys.exit(3)
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": call["params"]}), flush=True)
"""
OWN = [
    pytest.param(True, id="our pipes", marks=pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")),
    pytest.param(False, id="the subprocess' pipes"),
]
LONG_S = DEADLINE_S
DESCRIPTORS = Path("/proc/self/fd")


def _backend(command: str = sys.executable) -> Backend:
    text = json.dumps([{"id": "echo", "command": command, "args": ["-c", ECHO]}])
    (backend,) = parse_backends(text, "a test")
    return backend


def _with_session(test: Callable[[Session, Diagnostics, Guardian], Awaitable[None]]) -> None:
    async def run() -> None:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        diagnostics, guardian = Diagnostics(descriptor), Guardian()
        session = Session(Wire(), lambda _: None)
        try:
            await asyncio.wait_for(test(session, diagnostics, guardian), LONG_S)
        finally:
            if session.transport is not None:
                await session.transport.aclose()
            guardian.close()
            diagnostics.close()
            os.close(descriptor)

    asyncio.run(run())


@pytest.mark.parametrize("own", OWN)
def test_messages_of_any_size_and_the_end(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdio_transport, "OWN_PIPES", own)

    async def test(session: Session, diagnostics: Diagnostics, guardian: Guardian) -> None:
        await stdio_transport.start_program(_backend(), session, diagnostics, os.environ, guardian)
        for size in (1, 3_000_000):
            params = json.dumps({"text": "x" * size})
            reply = await session.request("echo", params, timeout_s=LONG_S)
            assert reply.result is not None
            assert reply.result.value == {"text": "x" * size}
        with pytest.raises(Lost) as lost:
            await session.request("die", "{}", timeout_s=LONG_S)
        assert lost.value.sent
        assert session.gone.is_set()

    _with_session(test)


@pytest.mark.parametrize("own", OWN)
def test_program_ends_with_its_input(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdio_transport, "OWN_PIPES", own)
    monkeypatch.setattr(stdio_transport, "LEAVE_S", LONG_S)  # with less, a busy machine may have it killed

    async def test(session: Session, diagnostics: Diagnostics, guardian: Guardian) -> None:
        transport = await stdio_transport.start_program(_backend(), session, diagnostics, os.environ, guardian)
        await session.request("echo", "{}", timeout_s=LONG_S)
        await transport.aclose()
        assert transport._process is not None
        assert transport._process.get_returncode() == 0
        with pytest.raises(Lost) as lost:
            await transport.send("{}", None)
        assert not lost.value.sent

    _with_session(test)


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="counts descriptors in /proc")
def test_failed_start_leaves_no_pipe_open(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/nowhere/interpreter\n", encoding="ascii")
    program.chmod(0o700)

    async def test(session: Session, diagnostics: Diagnostics, guardian: Guardian) -> None:
        before = len(list(DESCRIPTORS.iterdir()))
        with pytest.raises(Lost):
            await stdio_transport.start_program(_backend(str(program)), session, diagnostics, os.environ, guardian)
        assert len(list(DESCRIPTORS.iterdir())) <= before

    _with_session(test)
