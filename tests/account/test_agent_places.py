"""The folders that agents note at their start, so that hooks can keep the model out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.account.agent_places import AGENT_FILES, agent_folders, note_agent_folders
from axonflow_hooks.agent.audit_trail.mark import MARK_NAME
from axonflow_hooks.agent.grants.presence_key import PRESENCE_NAME
from axonflow_hooks.agent.store.database import DATABASE_NAME
from axonflow_hooks.agent.store.keys import HASH_KEY_NAME, PUBLIC_KEY_NAME, SIGNING_KEY_NAME
from axonflow_hooks.errors import CredentialError
from axonflow_hooks.paths import Paths, resolve_paths
from tests.agent.conftest import AgentStarter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return resolve_paths({"HOME": str(tmp_path)})


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[AgentStarter]:
    made = AgentStarter(tmp_path)
    yield made
    made.stop_all()


def folder(tmp_path: Path, name: str) -> Path:
    made = tmp_path / name
    made.mkdir()
    return made


def test_the_newest_comes_first_and_each_once(paths: Paths, tmp_path: Path) -> None:
    assert agent_folders(paths) == ()
    one, two = folder(tmp_path, "one"), folder(tmp_path, "two")
    note_agent_folders(paths, (one, one))
    note_agent_folders(paths, (two,))
    note_agent_folders(paths, (one,))
    assert agent_folders(paths) == (one, two)
    assert paths.agent_places_file.stat().st_mode & 0o777 == 0o600


def test_what_does_not_exist_any_more_is_forgotten(paths: Paths, tmp_path: Path) -> None:
    one, two = folder(tmp_path, "one"), folder(tmp_path, "two")
    note_agent_folders(paths, (one,))
    one.rmdir()
    note_agent_folders(paths, (two,))
    assert agent_folders(paths) == (two,)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"folders": 1}', '{"folders": [1, "relative"]}', "\xff"], ids=repr
)
def test_a_damaged_file_names_nothing_and_is_replaced(paths: Paths, tmp_path: Path, content: str) -> None:
    paths.agent_places_file.parent.mkdir(parents=True, mode=0o700)
    paths.agent_places_file.write_text(content, encoding="latin-1")
    assert agent_folders(paths) == ()
    note_agent_folders(paths, (folder(tmp_path, "one"),))
    assert agent_folders(paths) == (tmp_path / "one",)


def test_a_state_folder_that_cannot_be_written_is_told(paths: Paths, tmp_path: Path) -> None:
    paths.state_dir.parent.mkdir(parents=True)
    paths.state_dir.write_text("a file")
    with pytest.raises(CredentialError, match=r"agent-places\.json cannot be written"):
        note_agent_folders(paths, (folder(tmp_path, "one"),))


def test_the_names_are_those_that_agents_use() -> None:
    used = {DATABASE_NAME, MARK_NAME, HASH_KEY_NAME, SIGNING_KEY_NAME, PUBLIC_KEY_NAME, PRESENCE_NAME}
    assert used <= set(AGENT_FILES)


def test_an_agent_notes_where_its_data_and_keys_lie(starter: AgentStarter, tmp_path: Path) -> None:
    home, keys = folder(tmp_path, "home"), tmp_path / "keys"
    agent = starter(home=home, data_dir=tmp_path / "elsewhere", environ={"AXONFLOW_AGENT_KEY_DIR": str(keys)})
    assert agent.endpoint, agent.stderr
    assert agent_folders(resolve_paths({"HOME": str(home)})) == (tmp_path / "elsewhere", keys)
    assert agent.stop() == 0
    present = {path.name for place in (tmp_path / "elsewhere", keys) for path in place.iterdir()}
    assert present <= set(AGENT_FILES)
