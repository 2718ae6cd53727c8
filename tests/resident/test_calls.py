"""Hook calls through real relays and residents: the answers, and what becomes of them when something breaks."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.resident.server import MAX_AT_ONCE
from tests.conftest import Received, Reply
from tests.patience import copy_patient, set_wait
from tests.resident.conftest import WAIT_S, Machine, answer_of, decision, wait_until

if TYPE_CHECKING:
    from tests.conftest import StandIn

MCP = "/api/v1/mcp-server"


def verdict(value: dict[str, Any]) -> Reply:
    text = json.dumps(value)
    return Reply(body={"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}]}})


def by_rule(request: Received) -> Reply:
    """Deny every statement that holds `bad`, allow the rest, and record what is to be recorded."""
    params = request.json()["params"]
    if params["name"] == "audit_tool_call":
        return verdict({"recorded": True, "details": {}})
    if params["name"] == "check_output":
        return verdict({"allowed": True, "decision_id": "d-out", "redaction_evaluated": True})
    if "bad" in params["arguments"]["statement"]:
        return verdict({"allowed": False, "decision_id": "d-no", "block_reason": "rule", "policies_evaluated": 1})
    return verdict({"allowed": True, "decision_id": "d-yes", "policies_evaluated": 1})


def audits(stand_in: StandIn) -> list[dict[str, Any]]:
    calls = [request.json()["params"] for request in stand_in.to(MCP)]
    return [call["arguments"] for call in calls if call["name"] == "audit_tool_call"]


@pytest.fixture
def site(machine: Machine, stand_in: StandIn) -> Machine:
    """Give a machine whose agent decides by rule."""
    stand_in.replies[MCP] = by_rule
    machine.environ["AXONFLOW_ENDPOINT"] = stand_in.url
    return machine


@pytest.fixture(params=["unix", "tcp"])
def transport(request: pytest.FixtureRequest, site: Machine) -> str:
    kind: str = request.param
    if kind == "tcp":
        site.environ["AXONFLOW_RESIDENT_TRANSPORT"] = "tcp"
    return kind


@pytest.mark.usefixtures("transport")
def test_one_resident_answers_every_call(site: Machine) -> None:
    assert site.hook() == {}
    first = site.residents()
    assert len(first) == 1
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert site.hook("post-tool-use", site.payload("PostToolUse")) == {}
    assert site.residents() == first


def test_the_canary_reaches_standard_error(site: Machine) -> None:
    _, stderr = site.start().communicate(timeout=WAIT_S)
    assert (
        stderr.decode()
        == f"[AxonFlow] Connected to AxonFlow at {site.environ['AXONFLOW_ENDPOINT']} (mode=self-hosted)\n"
    )


def test_audit_records_arrive_in_order_and_with_distinct_keys(site: Machine, stand_in: StandIn) -> None:
    for _ in range(5):
        site.hook("post-tool-use", site.payload("PostToolUse"))
    wait_until(lambda: len(audits(stand_in)) == 5, "five audit records")
    assert [record["input"]["tool_use_id"] for record in audits(stand_in)] == [f"toolu_{n:06}" for n in range(1, 6)]
    keys = [r.headers["idempotency-key"] for r in stand_in.to(MCP) if "idempotency-key" in r.headers]
    assert len(set(keys)) == 5


def test_settings_of_concurrent_sessions_never_mix(site: Machine, stand_in: StandIn) -> None:
    users = [f"user{n}@example.com" for n in range(12)]
    running = [site.start(payload=site.payload(session_id=user), AXONFLOW_USER_EMAIL=user) for user in users]
    for process in running:
        assert answer_of(process) == {}
    assert len(site.residents()) == 1
    seen = {(request.headers["x-session-id"], request.headers["x-user-email"]) for request in stand_in.to(MCP)}
    assert seen == {(user, user) for user in users}


def test_another_home_has_another_resident(site: Machine, tmp_path: Path) -> None:
    site.hook()
    site.hook(HOME=str(tmp_path / "other"))
    assert len(site.residents()) == 2


def test_fifty_cold_starts_make_one_resident(site: Machine) -> None:
    running = [site.start(payload=site.payload(command=f"bad {n}")) for n in range(50)]
    assert [decision(answer_of(process)) for process in running] == ["deny"] * 50
    assert len(site.residents()) == 1
    assert site.log().count("started") == 1


def test_two_versions_live_side_by_side(site: Machine, tmp_path: Path) -> None:
    old = copy_patient(tmp_path / "old version")
    site.hook()
    newer = site.residents()
    site.root = old
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert len(site.residents()) == 2
    old.rename(tmp_path / "removed")
    wait_until(lambda: site.residents() == newer, "the old version's resident to leave")
    assert "files were removed or replaced" in site.log()


def test_an_idle_resident_leaves_and_the_next_call_has_a_new_one(site: Machine) -> None:
    site.environ["AXONFLOW_RESIDENT_IDLE_S"] = "0.2"
    site.hook()
    wait_until(lambda: not site.residents(), "the idle resident to leave")
    assert not list(site.sockets.glob("*.sock"))
    del site.environ["AXONFLOW_RESIDENT_IDLE_S"]
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert len(site.residents()) == 1


def test_a_resident_whose_socket_is_removed_leaves(site: Machine, tmp_path: Path) -> None:
    site.root = copy_patient(tmp_path / "plugin")
    site.hook()
    first = site.residents()
    set_wait(site.root / "axonflow_hooks" / "relay.py", "START_WAIT_S", 2.0)  # none begins while that one is there
    (site.sockets / next(site.sockets.glob("*.sock")).name).unlink()
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    wait_until(lambda: not set(first) & set(site.residents()), "the resident without a socket to leave")


def test_a_stale_socket_and_a_stale_lock_do_not_matter(site: Machine) -> None:
    site.hook()
    site.kill_residents()
    assert list(site.sockets.glob("*.sock"))
    assert list(site.sockets.glob("*.lock"))
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert len(site.residents()) == 1


def test_a_stopped_resident_is_replaced_and_its_call_answered(site: Machine, tmp_path: Path) -> None:
    site.root = copy_patient(tmp_path / "plugin")
    relay = site.root / "axonflow_hooks" / "relay.py"
    site.hook()
    (hung,) = site.residents()
    os.kill(hung, signal.SIGSTOP)
    set_wait(relay, "STALL_S", 2.0)
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    wait_until(lambda: hung not in site.residents(), "the hung resident to be gone")
    set_wait(relay, "STALL_S", 60.0)
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert len(site.residents()) == 1


def test_a_large_payload_is_answered_without_the_resident(site: Machine) -> None:
    payload = site.payload(command="echo " + "x" * 3_000_000 + " bad")
    assert decision(site.hook(payload=payload)) == "deny"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder: folder.chmod(0o755), id="others-may-enter"),
        pytest.param(lambda folder: (folder.rmdir(), folder.write_text("")), id="a-file-in-its-place"),
        pytest.param(
            lambda folder: (folder.rename(f"{folder}-real"), folder.symlink_to(f"{folder}-real")),
            id="a-link-in-its-place",
        ),
        pytest.param(lambda folder: os.chown(folder, 12345, -1), id="another-owner"),
    ],
)
def test_a_folder_that_cannot_be_trusted_is_not_used(site: Machine, spoil: Any) -> None:
    if os.getuid() and "chown" in repr(spoil):
        pytest.skip("only root can give a folder away")
    spoil(site.sockets)
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert not site.log().count("started")
    shutil.rmtree(f"{site.sockets}-real", ignore_errors=True)
    if not site.sockets.is_dir() or site.sockets.is_symlink():
        site.sockets.unlink()


class Impostor:
    """Something else that listens where the resident should."""

    def __init__(self, machine: Machine, reply: bytes) -> None:
        machine.hook()
        machine.kill_residents()
        address = next(path for path in machine.sockets.iterdir() if path.suffix in {".sock", ".tcp"})
        if address.suffix == ".tcp":
            # As if it had been given the former resident's port; the system keeps that back for a minute.
            self.socket = socket.create_server(("127.0.0.1", 0))
            _, *rest = address.read_text().split()
            address.write_text(" ".join([str(self.socket.getsockname()[1]), *rest]))
        else:
            address.unlink()
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(address))
            self.socket.listen()
        self.address = self.socket.getsockname()
        self.reply = reply
        self.heard: list[bytes] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Answer everybody alike: a relay may ask a second time."""
        while not self.over.is_set():
            link, _ = self.socket.accept()
            with link, contextlib.suppress(OSError):
                if heard := link.recv(65536):
                    self.heard.append(heard)
                    link.sendall(self.reply)

    def close(self) -> None:
        self.over.set()
        with socket.socket(self.socket.family) as last:
            last.connect(self.address)
        self.thread.join(WAIT_S)
        self.socket.close()


@pytest.mark.parametrize("reply", [b"garbage, and more of it", b"R", b"", b"A\xff\xff\xff\xff\xff\xff\xff\xff", b"..."])
def test_a_wrong_answer_leads_to_the_fallback(site: Machine, reply: bytes) -> None:
    with closing(Impostor(site, reply)) as impostor:
        assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert impostor.heard


def test_over_tcp_an_impostor_learns_nothing(site: Machine) -> None:
    site.environ["AXONFLOW_RESIDENT_TRANSPORT"] = "tcp"
    with closing(Impostor(site, b"0" * 32)) as impostor:
        assert decision(site.hook(payload=site.payload(command="bad secret-word"))) == "deny"
    assert {len(heard) for heard in impostor.heard} == {32}
    assert b"secret-word" not in b"".join(impostor.heard)


def test_over_tcp_the_resident_hears_only_who_knows_its_file(site: Machine) -> None:
    site.environ["AXONFLOW_RESIDENT_TRANSPORT"] = "tcp"
    site.hook()
    (address,) = site.sockets.glob("*.tcp")
    assert address.stat().st_mode & 0o777 == 0o600
    port = int(address.read_text().split()[0])
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as link:
        link.sendall(b"0" * 32)
        assert link.recv(100) == b""


def test_an_answer_comes_while_the_agent_hangs(site: Machine, stand_in: StandIn) -> None:
    stand_in.replies[MCP] = Reply(act="hang")
    answer = site.hook(AXONFLOW_FAIL_MODE="closed", AXONFLOW_TIMEOUT_SECONDS="1")
    assert decision(answer) == "deny"
    assert "AXONFLOW_FAIL_MODE is closed" in answer["hookSpecificOutput"]["permissionDecisionReason"]


def test_a_call_outlives_its_resident(site: Machine, stand_in: StandIn) -> None:
    held = threading.Event()

    def hold_first(request: Received) -> Reply:
        if len(stand_in.requests) == 1:
            held.wait(WAIT_S)
        return by_rule(request)

    stand_in.replies[MCP] = hold_first
    running = site.start(payload=site.payload(command="bad"))
    stand_in.wait_for(MCP)
    site.kill_residents()
    held.set()
    assert decision(answer_of(running)) == "deny"


def test_a_read_only_state_folder_changes_no_answer(site: Machine, stand_in: StandIn) -> None:
    state = site.paths.state_dir
    state.parent.mkdir(parents=True)
    state.write_text("a file where the folder should be")
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert site.hook("post-tool-use", site.payload("PostToolUse")) == {}
    wait_until(lambda: len(audits(stand_in)) == 2, "the records, sent at once")


@pytest.mark.skipif(not shutil.which("sh"), reason="needs a shell")
def test_a_full_disk_changes_no_answer(site: Machine, stand_in: StandIn) -> None:
    site.prefix = ("sh", "-c", 'ulimit -f 8 && exec "$@"', "sh")  # no file may grow beyond 4 kB
    assert decision(site.hook(payload=site.payload(command="bad"))) == "deny"
    assert site.hook("post-tool-use", site.payload("PostToolUse")) == {}
    wait_until(lambda: len(audits(stand_in)) == 2, "the records, sent at once")
    assert "could not be written" in site.log()


@pytest.mark.skipif(not shutil.which("sh"), reason="needs a shell")
@pytest.mark.parametrize("chosen", [True, False], ids=["a-python-of-the-users-choice", "the-one-that-is-found"])
def test_a_session_finds_its_resident_warm(site: Machine, chosen: bool) -> None:
    environ = {**site.environ, "CLAUDE_PLUGIN_ROOT": str(site.root)}
    if chosen:
        environ["AXONFLOW_PYTHON"] = sys.executable
    done = subprocess.run(
        ["sh", str(site.root / "hooks" / "run"), "session-start"],
        input=site.payload("SessionStart"),
        env=environ,
        capture_output=True,
        check=True,
        timeout=WAIT_S,
    )
    assert b"not working" not in done.stdout
    assert len(site.residents()) == 1


def test_more_calls_at_once_than_are_handled_queue(site: Machine) -> None:
    site.hook()
    pairs = MAX_AT_ONCE + 4
    running = [site.start(payload=site.payload(command="bad" if n % 2 else "good")) for n in range(2 * pairs)]
    answers = [answer_of(process) for process in running]
    undecided = [answer for answer in answers if "systemMessage" in answer]
    assert [decision(answer) for answer in answers] == ["", "deny"] * pairs, undecided
    assert len(site.residents()) == 1
