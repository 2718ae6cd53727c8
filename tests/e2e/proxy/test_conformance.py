"""The conformance suite, on a server directly and through the proxy: what passes directly passes through it."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devtools.live import clean_environment
from tests.e2e.agent_clients.programs import environment
from tests.e2e.proxy.bridge import bridged
from tests.e2e.proxy.peers import conformance_suite, over_http, patient_command, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.proxy.peers import Desktop

FIXTURE: dict[str, Any] = {
    "id": "fixture",
    "command": sys.executable,
    "args": [str(Path(__file__).with_name("fixture_server.py"))],
}
CLIENT = Path(__file__).with_name("conformance_client.py")
LEAST = {"fixture": 40, "everything": 13}
"""How many checks have to pass directly: with fewer, the suite has not looked at much."""

CLIENT_SCENARIOS = ("initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry")


def checks(suite: list[str], url: str, folder: Path) -> dict[str, str]:
    """Run the server suite on a URL and give the outcome of each check."""
    subprocess.run(
        [*suite, "server", "--url", url, "--suite", "all", "--output-dir", str(folder)],
        capture_output=True, timeout=600, check=False, env=environment(),
    )  # fmt: skip
    found: dict[str, str] = {}
    for file in sorted(folder.rglob("checks.json")):
        scenario = file.parent.name.partition("-20")[0]
        for check in json.loads(file.read_text(encoding="utf-8")):
            name = f"{scenario}/{check['id']}"
            found[name] = "FAILURE" if "FAILURE" in (found.get(name), check["status"]) else check["status"]
    return found


@contextlib.contextmanager
def served(name: str, desktop: Desktop, available: Callable[..., Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run a server to be looked at; gives its URL, and its entry in the backend map."""
    environ = clean_environment(desktop.home)
    if name == "fixture":
        with bridged([FIXTURE["command"], *FIXTURE["args"]], environ) as url:
            yield url, FIXTURE
    else:
        with over_http(available(server, name), environ) as url:
            yield url, {"id": name, "url": url}


@pytest.mark.parametrize("name", ["fixture", "everything"])
def test_what_passes_directly_passes_through_the_proxy(
    desktop: Desktop, available: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    suite = available(conformance_suite)
    with served(name, desktop, available) as (url, entry):
        direct = checks(suite, url, tmp_path / "direct")
        alone = replace(desktop, backends=[entry])
        with bridged(patient_command(sys.executable), alone.environ()) as through_url:
            through = checks(suite, through_url, tmp_path / "through")
    passed = {check for check, status in direct.items() if status == "SUCCESS"}
    assert len(passed) >= LEAST[name], direct
    assert {check: through.get(check) for check in passed if through.get(check) != "SUCCESS"} == {}


@pytest.mark.parametrize("scenario", CLIENT_SCENARIOS)
def test_the_proxy_is_a_conformant_client_of_http_servers(
    desktop: Desktop, available: Callable[..., Any], tmp_path: Path, scenario: str
) -> None:
    suite = available(conformance_suite)
    settings = tmp_path / "environ.json"
    settings.write_text(json.dumps(replace(desktop, backends=[]).environ()), encoding="utf-8")
    words = shlex.join([sys.executable, str(CLIENT), str(settings)])
    script = tmp_path / "client.sh"
    script.write_text(f'exec {words} "$@"\n', encoding="utf-8")
    command = f"sh {script}"  # the suite splits it at each blank
    done = subprocess.run(
        [*suite, "client", "--command", command, "--scenario", scenario, "--output-dir", str(tmp_path / "out")],
        capture_output=True, text=True, timeout=300, check=False, env=environment(), cwd=Path(__file__).parents[3],
    )  # fmt: skip
    (file,) = (tmp_path / "out").rglob("checks.json")
    found = json.loads(file.read_text(encoding="utf-8"))
    failed = [check for check in found if check["status"] == "FAILURE"]
    assert not failed, (failed, done.stdout[-2000:], done.stderr[-2000:])
    assert any(check["status"] == "SUCCESS" for check in found)
