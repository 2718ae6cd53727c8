"""What commands do, under the names that policies use.

An effect is a predicate on a command, or on all the commands of a line together, and the programs whose commands can
have it. The declaration is what the search goes by, here and before parsing (`shell.skim`): an effect is never looked
for in commands of other programs, so a program that is forgotten shows in the examples of the policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import (
    access,
    code,
    control,
    destruction,
    disruption,
    downloads,
    hooked,
    infrastructure,
    network,
)
from axonflow_hooks.policy.shell.commands import UNKNOWN, stem
from axonflow_hooks.policy.shell.names import SHELLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from axonflow_hooks.policy.shell.commands import Command


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect and the commands that can have it: those of `programs`, and as the flags say any other.

    `redirects`: commands with a redirect; `assignments`: those with variables of their own; `code`: commands that run a
    program text; `functions`: calls of a function from its own body. Exactly one of `each` (one command) and `together`
    (all of a line) is set.
    """

    programs: frozenset[str]
    each: Callable[[Command], bool] | None = None
    together: Callable[[Sequence[Command]], Iterator[Command]] | None = None
    redirects: bool = False
    assignments: bool = False
    code: bool = False
    functions: bool = False


def _each(
    predicate: Callable[[Command], bool],
    programs: Iterable[str],
    *,
    redirects: bool = False,
    assignments: bool = False,
    code: bool = False,
) -> Effect:
    named = frozenset(map(stem, programs))
    return Effect(named, each=predicate, redirects=redirects, assignments=assignments, code=code)


def _together(
    search: Callable[[Sequence[Command]], Iterator[Command]],
    programs: Iterable[str],
    *,
    code: bool = False,
    functions: bool = False,
) -> Effect:
    return Effect(frozenset(map(stem, programs)), together=search, code=code, functions=functions)


EFFECTS: Final[dict[str, Effect]] = {
    "destroys_filesystem_root": _each(
        destruction.destroys_filesystem_root, (*destruction.DELETERS, UNKNOWN), code=True
    ),
    "writes_block_device": _each(destruction.writes_block_device, destruction.RAW_WRITERS, redirects=True),
    "formats_filesystem": _each(destruction.formats_filesystem, destruction.FORMATTERS),
    "makes_world_writable_root": _each(destruction.makes_world_writable_root, ("chmod", "chown", "chgrp", "setfacl")),
    "overwrites_system_file": _each(destruction.overwrites_system_file, destruction.WRITERS, redirects=True),
    "fork_bomb": _together(destruction.fork_bomb, (), code=True, functions=True),
    "downloads_into_interpreter": _each(network.downloads_into_interpreter, network.RUNNERS),
    "downloads_then_runs": _together(downloads.downloads_then_runs, downloads.FETCHERS, code=True),
    "runs_decoded_text": _each(network.runs_decoded_text, network.RUNNERS),
    "opens_remote_shell": _together(
        network.opens_remote_shell, (*SHELLS, *network.SOCKETS, "openssl", "ztcp", "exec"), code=True
    ),
    "contacts_metadata_service": _each(network.contacts_metadata_service, network.CLIENTS, redirects=True, code=True),
    "installs_from_url": _each(
        network.installs_from_url, ("npm", "pnpm", "yarn", "npx", "bunx", "pip", "uv", "gem", "easy_install")
    ),
    "reads_credential_file": _each(access.reads_credential_file, access.READERS, redirects=True, code=True),
    "sends_credential_file": _each(access.sends_credential_file, access.SENDERS),
    "prints_secret_variable": _each(access.prints_secret_variable, ("printenv",)),
    "raises_privileges": _each(control.raises_privileges, control.PRIVILEGES),
    "persists": _each(control.persists, (*control.WRITERS, "schtasks", "reg"), redirects=True),
    "changes_login_script": _each(control.changes_login_script, control.WRITERS, redirects=True),
    "disables_protection": _each(control.disables_protection, control.PROTECTORS),
    "disables_governance": _each(control.disables_governance, control.GOVERNORS),
    "hides_traces": _each(control.hides_traces, control.TRACERS, redirects=True, assignments=True),
    "preloads_code": _each(hooked.preloads_code, hooked.LOADERS, assignments=True),
    "kills_everything": _each(disruption.kills_everything, disruption.KILLERS),
    "stops_machine": _each(disruption.stops_machine, disruption.STOPPERS),
    "destroys_infrastructure": _each(infrastructure.destroys_infrastructure, infrastructure.PLATFORMS),
    "destroys_database": _each(infrastructure.destroys_database, infrastructure.DATABASES),
    "rewrites_history": _each(infrastructure.rewrites_history, ("git",)),
    "discards_work": _each(infrastructure.discards_work, ("git",)),
    "unpublishes": _each(infrastructure.unpublishes, infrastructure.REGISTRIES),
    "writes_agent_settings": _each(access.writes_agent_settings, access.EDITORS, redirects=True),
    "writes_agent_hooks": _each(access.writes_agent_hooks, access.EDITORS, redirects=True),
}
PROGRAMS: Final = frozenset().union(*(effect.programs for effect in EFFECTS.values())) | code.INTERPRETERS
"""The stems of all programs that an effect is looked for in."""


def _by_program() -> dict[str, frozenset[str]]:
    return {
        program: frozenset(
            name
            for name, effect in EFFECTS.items()
            if program in effect.programs or (effect.code and program in code.INTERPRETERS)
        )
        for program in PROGRAMS
    }


_BY_PROGRAM: Final = _by_program()
_NONE: Final[frozenset[str]] = frozenset()
_OF_REDIRECTS: Final = frozenset(name for name, effect in EFFECTS.items() if effect.redirects)
_OF_ASSIGNMENTS: Final = frozenset(name for name, effect in EFFECTS.items() if effect.assignments)
_OF_CODE: Final = frozenset(name for name, effect in EFFECTS.items() if effect.code)
_OF_FUNCTIONS: Final = frozenset(name for name, effect in EFFECTS.items() if effect.functions)


def effects_of(commands: Sequence[Command]) -> dict[str, list[Command]]:
    """Take the commands of one line and give, for each effect that they have, the commands that have it."""
    found: dict[str, list[Command]] = {}
    together: set[str] = set()
    for command in commands:
        for name in _possible(command):
            effect = EFFECTS[name]
            if effect.each is None:
                together.add(name)
            elif effect.each(command):
                found.setdefault(name, []).append(command)
    for name in together:
        search = EFFECTS[name].together
        having = [] if search is None else list(search(commands))
        if having:
            found[name] = having
    return found


def _possible(command: Command) -> frozenset[str]:
    names = _BY_PROGRAM.get(stem(command.name), _NONE)
    if command.redirects:
        names |= _OF_REDIRECTS
    if command.assignments:
        names |= _OF_ASSIGNMENTS
    if command.program is not None:
        names |= _OF_CODE
    if command.in_function and command.name == command.in_function:
        names |= _OF_FUNCTIONS
    return names
