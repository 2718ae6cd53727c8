"""Command lines that would end this product, and those that only look like it."""

from __future__ import annotations

import pytest

from axonflow_hooks.claude_code.guard_bash import bash_objection
from axonflow_hooks.claude_code.guard_commands import simple_command
from axonflow_hooks.claude_code.guard_stops import objection_to_stopping
from axonflow_hooks.claude_code.guarded_places import GuardedPlaces
from axonflow_hooks.claude_code.own_commands import names_us
from axonflow_hooks.claude_code.shell_parts import shell_parts

NO_PLACES = GuardedPlaces((), frozenset(), frozenset(), {"HOME": "/home/dev"})
STOPS = ("deny", "would stop AxonFlow's own processes or plugin")
CONTAINER = ("ask", "may stop an AxonFlow agent")
REMOVES = ("ask", "would remove AxonFlow")
PASSES = ("", "")

LINES = {
    "pkill -f axonflow": STOPS,
    "pkill -9 -f axonflow_hooks": STOPS,
    "sudo pkill -f AxonFlow": STOPS,
    "killall axonflow-hooks": STOPS,
    "kill $(pgrep -f axonflow)": STOPS,
    "kill -9 `pidof axonflow-hooks`": STOPS,
    "pgrep -f axonflow | xargs kill": STOPS,
    "ps aux | grep axonflow | awk '{print $2}' | xargs kill -9": STOPS,
    "ps aux | grep node; kill 12345": PASSES,
    "pgrep -f axonflow; kill 12345": PASSES,
    "pgrep -f axonflow | xargs echo": PASSES,
    "kill 12345": PASSES,
    'pkill -f "vite dev"': PASSES,
    "killall node": PASSES,
    "grep -rn kill axonflow_hooks/": PASSES,
    "systemctl --user stop axonflow-agent": STOPS,
    "systemctl --user status axonflow-agent": PASSES,
    "systemctl --user stop postgresql": PASSES,
    "service axonflow-agent stop": STOPS,
    "launchctl bootout gui/501 com.axonflow.agent": STOPS,
    "axonflow-hooks agent stop": STOPS,
    "uv run axonflow-hooks agent stop": STOPS,
    "python -m axonflow_hooks agent stop": STOPS,
    "rg 'axonflow-hooks agent stop' docs/": PASSES,
    "git log --grep axonflow agent stop": PASSES,
    "claude plugin disable axonflow": STOPS,
    "claude plugin uninstall axonflow@market": STOPS,
    "claude plugins disable --all": STOPS,
    "claude plugin rm -a": STOPS,
    "claude plugin disable other": PASSES,
    "claude plugin list --all": PASSES,
    "claude mcp remove axonflow": PASSES,
    "gh plugin remove axonflow": PASSES,
    "claude": PASSES,
    "docker stop axonflow-agent": CONTAINER,
    "podman rm -f axonflow-agent": CONTAINER,
    "docker logs axonflow-agent": PASSES,
    "docker compose down": PASSES,
    "pip3 uninstall -y axonflow-hooks": REMOVES,
    "pip3.11 uninstall axonflow-hooks": REMOVES,
    "python3 -m pip uninstall axonflow-hooks": REMOVES,
    "uv tool uninstall axonflow-hooks": REMOVES,
    "uv remove requests": PASSES,
    "pip install axonflow-hooks": PASSES,
    "pip install 'axonflow-hooks[agent]'": PASSES,
}
WORDS = {
    "systemctl {} axonflow-agent": ("bootout disable kill mask remove stop unload", STOPS),
    "claude plugin {} axonflow": ("disable remove rm uninstall", STOPS),
    "docker compose -p axonflow {}": ("down kill pause rm stop", CONTAINER),
    "pip {} axonflow-hooks": ("remove uninstall", REMOVES),
    "{} remove axonflow-hooks": ("conda pdm pip pipx poetry uv", REMOVES),
}
LINES |= {line.format(word): expected for line, (words, expected) in WORDS.items() for word in words.split()}


@pytest.mark.parametrize(("line", "expected"), LINES.items(), ids=LINES)
def test_a_line_is_held_up_for_what_it_ends(line: str, expected: tuple[str, str]) -> None:
    objection = bash_objection(line, "/work/app", NO_PLACES)
    decision, reason = expected
    assert (objection.decision if objection else "") == decision
    assert reason in (objection.reason if objection else "")


@pytest.mark.parametrize(
    ("line", "fed_ours", "decision"),
    [
        ("kill 1", False, ""),
        ("kill 1", True, "deny"),
        ("xargs kill", True, "deny"),
        ("xargs -n1 kill -9", True, "deny"),
        ("xargs wc", True, ""),
        ("pkill node", True, ""),
        ("kill axonflow", False, "deny"),
    ],
)
def test_what_is_fed_counts_for_what_kills_what_it_is_fed(line: str, fed_ours: bool, decision: str) -> None:
    parts = shell_parts(line)
    assert parts is not None
    command = simple_command(parts[0], {})
    objection = objection_to_stopping(command, ours=names_us(command.words), fed_ours=fed_ours)
    assert (objection.decision if objection else "") == decision
