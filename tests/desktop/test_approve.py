"""A person decides on a hidden tool with the extension's own files: as docs/desktop.md says, passphrase or not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.private_files import make_private_dir
from devtools.live import PROGRAM, ROOT
from devtools.mcpb import stage
from tests.proxy.conftest import agent, world  # noqa: F401 - fixtures
from tests.proxy.test_hostile_backends import hostile
from tests.terminal import at_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.proxy.conftest import World

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")

PASSPHRASE = "correct horse battery"
ACCEPT = ("Type yes to accept", "yes")


@pytest.fixture
def packed(tmp_path: Path) -> list[str]:
    """The files of an extension where a host has them; gives the command of docs/desktop.md, as far as it is ours."""
    folder = tmp_path / "Claude Extensions" / "axonflow-governance"
    folder.mkdir(parents=True)
    stage("uv", folder)
    return [sys.executable, "-I", str(folder / "server" / "main.py"), "approve"]


@pytest.fixture
def poisoned(world: World) -> World:  # noqa: F811
    """A desktop where a tool has been hidden."""
    (world.folder / "one").mkdir()
    (world.folder / "one" / "tools.txt").write_text("poison")
    client = world.client(hostile(world))
    assert client.tools() == ["say"]
    client.close()
    return world


def plain(world: World) -> dict[str, str]:  # noqa: F811
    """Give the environment of a terminal of that person."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "HOME": str(world.home), "TERM": "dumb"}


def test_without_a_passphrase_the_extension_asks_and_accepts(poisoned: World, packed: list[str]) -> None:
    done = at_terminal(packed, plain(poisoned), ACCEPT, streams=True)
    assert done.code == 0, done.screen
    assert "one:poison is hidden" in done.screen
    assert "1 accepted" in done.screen
    assert "poison" in poisoned.client(hostile(poisoned)).tools()


def test_with_a_passphrase_the_remedy_works_as_it_is_written(poisoned: World, packed: list[str]) -> None:
    folder = resolve_paths({"HOME": str(poisoned.home)}).agent_data_dir
    make_private_dir(folder)
    enrol(folder, PASSPHRASE)
    refused = at_terminal(packed, plain(poisoned), streams=True)
    assert refused.code != 0
    assert "Accept this definition" not in refused.screen
    told = re.search(r"`(axonflow-hooks proxy approve)`", " ".join(refused.screen.split()))
    assert told is not None, refused.screen
    program, *words = told[1].split()
    assert program == PROGRAM.name
    done = at_terminal([str(PROGRAM), *words], plain(poisoned), ("Your passphrase", PASSPHRASE), ACCEPT, streams=True)
    assert done.code == 0, done.screen
    assert PASSPHRASE not in done.screen
    assert "poison" in poisoned.client(hostile(poisoned)).tools()


def test_the_documentation_names_these_commands() -> None:
    text = (ROOT / "docs" / "desktop.md").read_text(encoding="utf-8")
    commands = (
        'sh "<folder>/server/launch" approve',
        'py -3 -I "<folder>\\server\\main.py" approve',
        'uv run --directory "<folder>" python -I server/main.py approve',
        "axonflow-hooks proxy approve",
    )
    for command in commands:
        assert f"`{command}`" in text


def test_a_host_does_not_decide(poisoned: World, packed: list[str]) -> None:
    done = subprocess.run(packed, env=plain(poisoned), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "terminal" in done.stderr
    assert "poison" not in poisoned.client(hostile(poisoned)).tools()
