"""A user's guarded places, and what the guard decides on a command line there."""

from __future__ import annotations

from axonflow_hooks.claude_code.guard_bash import bash_objection
from axonflow_hooks.claude_code.guarded_places import guarded_places
from axonflow_hooks.paths import resolve_paths

ENVIRON = {
    "HOME": "/home/dev",
    "CLAUDE_PLUGIN_ROOT": "/opt/plug in/axonflow",
    "CLAUDE_PLUGIN_DATA": "/home/dev/.claude/plugins/data/axonflow-market",
}
CWD = "/work/app"
PLACES = guarded_places(ENVIRON, resolve_paths(ENVIRON), CWD)


def decision_on_line(command: str, cwd: str = CWD, environ: dict[str, str] | None = None) -> str:
    """Give `deny`, `ask` or "" for a command line; `environ` is another user's than the usual one."""
    places = guarded_places(environ, resolve_paths(environ), CWD) if environ else PLACES
    objection = bash_objection(command, cwd, places)
    return objection.decision if objection else ""
