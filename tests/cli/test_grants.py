"""override, approval and presence as a person uses them: real processes, a real agent, a real terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.cli import main
from tests.agent.conftest import AgentStarter
from tests.agent.grants.conftest import PASSPHRASE, Governed, home_with_policies, override_of
from tests.terminal import Finished, at_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).with_name("axonflow-hooks"))
YES = ("Your passphrase says yes", PASSPHRASE)
NEW = (("New passphrase", PASSPHRASE), ("Once more", PASSPHRASE))


@dataclass(frozen=True)
class Person:
    """Somebody with a home, a terminal, and an agent that runs (or has run) for them."""

    home: Path
    endpoint: str = ""

    def environ(self, **more: str) -> dict[str, str]:
        settings = {"AXONFLOW_ENDPOINT": self.endpoint} if self.endpoint else {}
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **settings, **more}

    def types(self, *words: str, dialogue: tuple[tuple[str, str], ...] = (), **more: str) -> Finished:
        return at_terminal([PROGRAM, *words], self.environ(**more), *dialogue)

    def runs(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command without any terminal, as a script would."""
        return subprocess.run(
            [PROGRAM, *words],
            env=self.environ(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            start_new_session=True,
        )


@pytest.fixture
def person(governed: Governed) -> Iterator[Person]:
    yield Person(governed.process.home, governed.process.endpoint)
    for row in governed.send("GET", "/api/v1/overrides").json()["overrides"]:
        governed.send("DELETE", f"/api/v1/overrides/{row['id']}")
    for question in governed.questions():
        governed.send("DELETE", f"/api/v1/presence/challenges/{question['code']}")
    governed.sql("UPDATE presence_attempts SET failures = 0, locked_until = ''")


def live(governed: Governed) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = governed.send("GET", "/api/v1/overrides").json()["overrides"]
    return rows


def test_a_person_makes_an_override(person: Person, governed: Governed) -> None:
    done = person.types(
        "override", "create", "halt", "--reason", "a migration", "--ttl", "30", "--tool", "claude_code.Bash",
        dialogue=(YES,),
    )  # fmt: skip
    assert done.code == 0, done.err
    (row,) = live(governed)
    assert "halt is lifted for 60 s (asked for 30 s), until" in done.out
    assert f"axonflow-hooks override revoke {row['id']}" in done.out
    assert "Lift the policy halt (halt name, high) for claude_code.Bash" in done.err
    assert PASSPHRASE not in done.screen + done.out + done.err
    assert governed.check("halt")["allowed"] is True


def test_an_override_as_json(person: Person, governed: Governed) -> None:
    done = person.types("override", "create", "halt", "--reason", "r", "--json", dialogue=(YES,))
    assert json.loads(done.out)["id"] == live(governed)[0]["id"]
    listed = json.loads(person.runs("override", "list", "--json").stdout)
    assert listed["count"] == 1
    told = person.runs("override", "list").stdout
    assert told.startswith(f"{live(governed)[0]['id']}  halt  every tool  until ")
    revoked = json.loads(person.runs("override", "revoke", live(governed)[0]["id"], "--json").stdout)
    assert set(revoked) == {"id", "revoked_at"}
    assert live(governed) == []
    assert "revoked" in person.runs("override", "list", "--all").stdout


@pytest.mark.parametrize(
    ("reply", "said"),
    [("wrong horse battery staple", "ERROR The passphrase is wrong."), ("", "ERROR Nothing was granted.")],
    ids=["a wrong passphrase", "none"],
)
def test_without_the_passphrase_nothing_is_granted(person: Person, governed: Governed, reply: str, said: str) -> None:
    dialogue = (("Your passphrase says yes", reply),)
    done = person.types("override", "create", "halt", "--reason", "r", dialogue=dialogue)
    assert (done.code, said in done.err) == (1, True)
    assert live(governed) == []


def test_a_question_is_confirmed(person: Person, governed: Governed) -> None:
    governed.send("POST", "/api/v1/overrides", override_of("halt", override_reason="asked by the model"))
    done = person.types("override", "confirm", dialogue=(YES,))
    assert done.code == 0, done.err
    assert "Reason stated: asked by the model" in done.err
    assert governed.check("halt")["allowed"] is True


def test_of_several_questions_one_has_to_be_named(person: Person, governed: Governed) -> None:
    for reason in ("first", "second"):
        governed.send("POST", "/api/v1/overrides", override_of("halt", override_reason=reason))
    unclear = person.types("override", "confirm")
    assert (unclear.code, "Which one?" in unclear.err) == (1, True)
    assert "Reason stated: first" in unclear.err
    code = next(q["code"] for q in governed.questions() if q["request"]["override_reason"] == "second")
    assert person.types("override", "confirm", code.lower(), dialogue=(YES,)).code == 0
    assert [row["override_reason"] for row in live(governed)] == ["second"]
    waiting = person.runs("override", "list").stderr
    assert waiting.count("axonflow-hooks override confirm") == 1


def test_a_question_is_refused(person: Person, governed: Governed) -> None:
    governed.send("POST", "/api/v1/overrides", override_of("halt"))
    assert person.runs("override", "confirm", "--refuse").returncode == 0
    assert governed.questions() == []
    nothing = person.types("override", "confirm")
    assert "ERROR No question waits for you." in nothing.err


@pytest.mark.parametrize(
    "words",
    [("override", "confirm"), ("override", "create", "halt", "--reason", "r"), ("approval", "approve", "apr_1")],
    ids=lambda words: " ".join(words[:2]),
)
def test_nobody_is_asked_inside_claude_code(person: Person, governed: Governed, words: tuple[str, ...]) -> None:
    governed.send("POST", "/api/v1/overrides", override_of("halt"))
    done = person.types(*words, CLAUDECODE="1")
    assert (done.code, "Claude Code runs the command" in done.err) == (1, True)
    assert live(governed) == []


def test_nobody_is_asked_without_a_terminal(person: Person, governed: Governed) -> None:
    governed.send("POST", "/api/v1/overrides", override_of("halt"))
    done = person.runs("override", "confirm")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "ERROR There is no terminal to ask on. Run it in a terminal of your own.",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("override", "create", "never", "--reason", "r"), "ERROR never is of critical risk: no override lifts it"),
        (("override", "create", "nothing", "--reason", "r"), "ERROR Policy not found"),
        (("override", "create", "halt", "--reason", ""), "ERROR override_reason must have 1 to 500 characters"),
        (("override", "revoke", "ovr_none"), "ERROR Override not found or already revoked"),
        (("approval", "show", "apr_none"), "ERROR Approval request not found"),
        (("approval", "approve", "apr_none"), "ERROR Approval request not found"),
        (("approval", "list", "--status", "maybe"), "ERROR status: Input should be"),
    ],
)
def test_what_is_refused(
    person: Person,
    words: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in os.environ if name.startswith(("AXONFLOW_", "CLAUDE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(person.home))
    monkeypatch.setenv("AXONFLOW_ENDPOINT", person.endpoint)
    assert main(list(words)) == 1
    assert capsys.readouterr().err.startswith(said)


def test_a_person_decides_on_calls(person: Person, governed: Governed) -> None:
    first, second = (governed.check(f"permit {n}")["pending_approval"]["approval_id"] for n in "12")
    listed = person.runs("approval", "list")
    assert listed.stdout.splitlines()[0].startswith(f"{second}  pending  claude_code.Bash  until ")
    assert listed.stderr == "2 pending approvals\n"
    shown = json.loads(person.runs("approval", "show", first).stdout)
    assert (shown["request_id"], shown["original_query"]) == (first, "permit 1")
    done = person.types("approval", "approve", first, "--comment", "fine", dialogue=(YES,))
    assert done.code == 0, done.err
    assert "Approved: the same call may run once" in done.out
    assert "permit 1" in done.err
    assert person.runs("approval", "reject", second, "--comment", "no").stdout == "Rejected.\n"
    assert [governed.check(f"permit {n}")["allowed"] for n in "12"] == [True, False]
    data = json.loads(person.runs("approval", "list", "--status", "all", "--json").stdout)["data"]
    assert [(row["request_id"], row["status"]) for row in data[:2]] == [(second, "rejected"), (first, "approved")]


@pytest.mark.parametrize("words", [("list",), ("list", "--json")], ids=["lines", "json"])
def test_what_a_call_says_does_not_act_on_the_terminal(
    person: Person, governed: Governed, words: tuple[str, ...]
) -> None:
    hostile = "permit \x1b]0;owned\x07 \x9b2J \u202eevil \x7f"
    governed.check(hostile)
    shown = person.runs("approval", *words).stdout
    assert "permit" in shown
    assert not {char for char in shown if not char.isprintable() and char != "\n"}


def test_asking_registers_nobody(tmp_path: Path) -> None:
    done = Person(tmp_path).runs("override", "list")
    assert (done.returncode, done.stderr) == (
        1,
        "ERROR No AxonFlow agent is configured. Set AXONFLOW_ENDPOINT to yours.\n",
    )
    assert not list(tmp_path.rglob("try-registration.json"))


def test_an_agent_that_is_not_there(tmp_path: Path, dead_url: str) -> None:
    done = Person(tmp_path, dead_url).runs("override", "list")
    assert (done.returncode, "cannot be reached" in done.stderr) == (1, True)


def test_the_passphrase_is_set_while_the_agent_is_down(start_agent: AgentStarter, tmp_path: Path) -> None:
    home = home_with_policies(tmp_path / "home", passphrase=None)
    data = ("--data-dir", str(home / "data"))
    process = start_agent(home=home)
    person = Person(home, process.endpoint)
    assert person.runs("presence", "status").stdout.startswith("WARN presence=not set")
    refused = person.types("presence", "set", *data)
    assert (refused.code, "is running" in refused.err) == (1, True)
    assert process.stop() == 0
    done = person.types("presence", "set", *data, dialogue=NEW)
    assert done.code == 0, done.err
    assert PASSPHRASE not in done.screen
    assert (home / "data" / "presence.json").stat().st_mode & 0o777 == 0o600
    again = Person(home, start_agent(home=home).endpoint)
    assert again.runs("presence", "status").stdout.startswith("OK presence=set ")
    assert json.loads(again.runs("presence", "status", "--json").stdout)["enrolled"] is True
    assert again.types("override", "create", "halt", "--reason", "r", dialogue=(YES,)).code == 0


@pytest.mark.parametrize(
    ("dialogue", "said"),
    [
        ((("as it is now", "wrong horse battery staple"),), "The passphrase is wrong."),
        ((("as it is now", PASSPHRASE), ("New passphrase", "short")), "fewer than 12 characters"),
        (
            (
                ("as it is now", PASSPHRASE),
                ("New passphrase", "four new long words"),
                ("Once more", "four other words"),
            ),
            "The two passphrases differ.",
        ),
    ],
    ids=["not the old one", "a weak one", "mistyped"],
)
def test_the_passphrase_is_changed_by_who_knows_it(
    tmp_path: Path, dialogue: tuple[tuple[str, str], ...], said: str
) -> None:
    home = home_with_policies(tmp_path / "home")
    before = (home / "data" / "presence.json").read_bytes()
    done = Person(home).types("presence", "set", "--data-dir", str(home / "data"), dialogue=dialogue)
    assert (done.code, said in done.err) == (1, True), done.err
    assert (home / "data" / "presence.json").read_bytes() == before


def test_the_passphrase_is_not_set_inside_claude_code(tmp_path: Path) -> None:
    done = Person(tmp_path).types("presence", "set", CLAUDECODE="1")
    assert (done.code, "Claude Code runs the command" in done.err) == (1, True)
    assert not list(tmp_path.rglob("presence.json"))
