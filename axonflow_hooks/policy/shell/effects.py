"""What commands do, under the names that policies use.

An effect is a pure function from the commands of one command line to those of them that have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import access, control, destruction, infrastructure, network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from axonflow_hooks.policy.shell.commands import Command

    Effect = Callable[[Sequence[Command]], Iterator[Command]]
    Predicate = Callable[[Command], bool]


def _each(predicate: Predicate) -> Effect:
    def effect(commands: Sequence[Command]) -> Iterator[Command]:
        return (command for command in commands if predicate(command))

    return effect


EFFECTS: Final[dict[str, Effect]] = {
    "destroys_filesystem_root": _each(destruction.destroys_filesystem_root),
    "writes_block_device": _each(destruction.writes_block_device),
    "formats_filesystem": _each(destruction.formats_filesystem),
    "makes_world_writable_root": _each(destruction.makes_world_writable_root),
    "overwrites_system_file": _each(destruction.overwrites_system_file),
    "fork_bomb": destruction.fork_bomb,
    "downloads_into_interpreter": _each(network.downloads_into_interpreter),
    "downloads_then_runs": network.downloads_then_runs,
    "runs_decoded_text": _each(network.runs_decoded_text),
    "opens_remote_shell": network.opens_remote_shell,
    "contacts_metadata_service": _each(network.contacts_metadata_service),
    "installs_from_url": _each(network.installs_from_url),
    "reads_credential_file": _each(access.reads_credential_file),
    "sends_credential_file": _each(access.sends_credential_file),
    "prints_secret_variable": _each(access.prints_secret_variable),
    **{
        name: _each(getattr(control, name))
        for name in (
            "raises_privileges",
            "persists",
            "changes_login_script",
            "disables_protection",
            "disables_governance",
            "hides_traces",
        )
    },
    **{
        name: _each(getattr(infrastructure, name))
        for name in (
            "destroys_infrastructure",
            "destroys_database",
            "rewrites_history",
            "discards_work",
            "unpublishes",
        )
    },
    "writes_agent_settings": _each(access.writes_agent_settings),
    "writes_agent_hooks": _each(access.writes_agent_hooks),
}
