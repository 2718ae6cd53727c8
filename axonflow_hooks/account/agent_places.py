"""Where this user's embedded agents keep their data and keys: noted by each agent as it starts, read by the hooks.

A hook cannot know what `--data-dir` another process was started with, and must still keep the model out of there. A
folder stays noted after its agent has ended, for its audit trail is worth as much then. The file is a list of folders,
{"folders": ["/srv/axonflow"]}, in the state folder, and holds no secret.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir, write_private_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from axonflow_hooks.paths import Paths

AGENT_FILES: Final = (
    "agent.db",
    "agent.db-wal",
    "agent.db-shm",
    "agent.json",
    "agent.lock",
    "audit-head",
    "audit-signing.key",
    "audit-signing.pub",
    "keys.lock",
    "presence.json",
    "statement-hash.key",
)
"""What an agent keeps in its data folder and in the folder of its keys."""

MAX_FOLDERS: Final = 64
MAX_FILE_BYTES: Final = 100_000
LOCK_TIMEOUT_S: Final = 10.0


def agent_folders(paths: Paths) -> tuple[Path, ...]:
    """Give the folders that agents of this user have noted, the newest first; () for none or a damaged file."""
    try:
        with paths.agent_places_file.open("rb") as stream:
            value: Any = json.loads(stream.read(MAX_FILE_BYTES))
        listed = value["folders"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    named = listed if isinstance(listed, list) else []
    return tuple(Path(item) for item in named[:MAX_FOLDERS] if isinstance(item, str) and item.startswith("/"))


def note_agent_folders(paths: Paths, folders: Iterable[Path]) -> None:
    """Note the folders of an agent that starts; those that do not exist any more are forgotten.

    Raises CredentialError when the file cannot be written or is locked for more than 10 s.
    """
    from filelock import FileLock, Timeout  # only an agent that starts needs it: no hook waits for its import

    wanted = [folder.resolve() for folder in folders]
    path = paths.agent_places_file
    try:
        make_private_dir(path.parent)
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_TIMEOUT_S, mode=PRIVATE_FILE_MODE):
            known = agent_folders(paths)
            kept = [folder for folder in dict.fromkeys([*wanted, *known]) if folder.is_dir()][:MAX_FOLDERS]
            if tuple(kept) != known:
                write_private_json(path, {"folders": [str(folder) for folder in kept]})
    except Timeout:
        raise CredentialError(f"{path} is locked by another process.", remedy="Try again.") from None
    except OSError as error:
        raise CredentialError(
            f"{path} cannot be written: {error.strerror}.", remedy="Free space, or make its folder writable."
        ) from None
