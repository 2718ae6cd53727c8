"""What Community SaaS receives, told to the user once, before the first tool call of the first session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings

TEXT: Final = (
    "AxonFlow governs this session through Community SaaS ({endpoint}), because neither AXONFLOW_ENDPOINT nor "
    "AXONFLOW_AUTH is set. The name, the arguments and the output of each governed tool call are sent there to be "
    "checked and recorded. Community SaaS is for trying AxonFlow out: not for production, and not for personal, "
    "regulated or otherwise sensitive data; it comes as is, without any commitment. To keep everything on this "
    "machine, run `axonflow-hooks agent` and set AXONFLOW_ENDPOINT=http://localhost:8080. To send nothing at all, set "
    "AXONFLOW_COMMUNITY_SAAS=0. An anonymous heartbeat (version, system, deployment mode; never tool data) is sent at "
    "most once in 7 days; AXONFLOW_TELEMETRY=off ends that. This notice is shown once."
)


def take_disclosure(settings: Settings, paths: Paths) -> str | None:
    """Give the disclosure the first time it is asked for in the mode community-saas, and None ever after."""
    if settings.mode != "community-saas":
        return None
    stamp = paths.disclosure_stamp
    try:
        make_private_dir(stamp.parent)
        # Exclusive, so that of two sessions that start together one shows it.
        os.close(os.open(stamp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE))
    except FileExistsError:
        return None
    except OSError:
        pass  # better told at every start than never
    return TEXT.format(endpoint=settings.endpoint)
