"""Command lines that may switch governance off: judged by words, on the safe side of unknown programs.

A command line that mentions a guarded file passes where each part that mentions it is known to be harmless: to read
only, or to take it as prose. A part that changes it for certain is denied; one that might is put to the person at the
keyboard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.guard_commands import MAX_COMMAND_CHARS, TooLongToJudge, simple_command
from axonflow_hooks.claude_code.guard_mentions import (
    Scene,
    names_credentials,
    owner_below,
    owner_in_text,
    owner_named,
    scene_after,
)
from axonflow_hooks.claude_code.guard_programs import (
    effect_of,
    inner_line,
    keeps_as_text,
    runs_its_input,
    shows_nothing,
    taken_away,
)
from axonflow_hooks.claude_code.guard_stops import objection_to_stopping
from axonflow_hooks.claude_code.guarded_places import WAY_OUT, GuardedPlaces, Objection
from axonflow_hooks.claude_code.own_commands import decision_on, names_us
from axonflow_hooks.claude_code.shell_parts import shell_parts

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.guard_commands import SimpleCommand
    from axonflow_hooks.claude_code.guard_programs import Effect
    from axonflow_hooks.claude_code.own_commands import Decision
    from axonflow_hooks.claude_code.shell_parts import ShellPart

MAX_INNER_LINES: Final = 4
MAX_LINE_CHARS: Final = (MAX_INNER_LINES + 1) * MAX_COMMAND_CHARS
"""Of all parts, variables in place: as it is written a line is shorter, and its inner lines are counted again."""

_ONLY_A_PERSON: Final = Objection("deny", "Only a person grants exceptions or runs this, in a terminal of their own.")
_FOR_NO_MODEL: Final = Objection(
    "deny", "This command touches AxonFlow's own credentials, which are not for the model."
)
_TOO_LONG: Final = Objection("deny", f"This command mentions what governs it and is too long to judge. {WAY_OUT}")
_GROWS: Final = Objection("deny", "With its variables in place this command is too long to judge. Write it shorter.")
_GIVES_ACCESS: Final = Objection(
    "ask", "This command would start an AxonFlow agent, or change who has access. Allow it?"
)


@dataclass(frozen=True, slots=True)
class _Mentions:
    """What a part mentions, or together the parts that a pipe leads from: a guarded thing, us, a command of ours."""

    owner: str = ""
    ours: bool = False
    own_command: Decision = "pass"


@dataclass(frozen=True, slots=True)
class _Finding:
    """What stands against a part. What it may change, `doubtful`, counts where nothing else is asked."""

    objection: Objection | None = None
    doubtful: str = ""


_NOTHING: Final = _Mentions()


def bash_objection(command: str, cwd: str, places: GuardedPlaces) -> Objection | None:
    """Take a command line, its working folder and what is guarded; give what stands against it, None for nothing."""
    try:
        return _objection(command, cwd, places)
    except TooLongToJudge:
        return _GROWS


def _objection(command: str, cwd: str, places: GuardedPlaces) -> Objection | None:
    scene, variables, fed = Scene(places, cwd or "/"), dict(places.variables), _NOTHING
    asked: Objection | None = None
    line, inner_lines, doubtful, length = command, 0, "", 0
    waiting: list[ShellPart] = []  # the next one last
    while True:
        parts = _parts_of(line)
        if parts is None and _mentions_governance(line, places):
            return _TOO_LONG
        waiting.extend(reversed(parts or ()))
        if not waiting:
            break
        simple = simple_command(waiting.pop(), variables)
        length += simple.length
        if length > MAX_LINE_CHARS:
            raise TooLongToJudge
        mentions = _mentions_of(simple, scene)
        found = _finding(simple, mentions, scene, fed)
        if found.objection and found.objection.decision == "deny":
            return found.objection  # what is asked has to wait: something after it may be denied
        asked, doubtful = asked or found.objection, doubtful or found.doubtful
        fed, scene = _fed_by(simple, mentions, fed, places), scene_after(scene, simple)
        line = inner_line(simple.program, simple.arguments) if inner_lines < MAX_INNER_LINES else ""
        inner_lines += bool(line)
    return asked or (_may_change(doubtful) if doubtful else None)


def _parts_of(line: str) -> list[ShellPart] | None:
    if not line:
        return []
    return shell_parts(line) if len(line) <= MAX_COMMAND_CHARS else None


def _mentions_governance(line: str, places: GuardedPlaces) -> bool:
    plain = re.sub(r"[\"'\\]", "", line)
    return bool(owner_in_text(plain, places)) or "axonflow" in plain.lower()


def _mentions_of(command: SimpleCommand, scene: Scene) -> _Mentions:
    owner = owner_named(command.arguments, scene)
    # A heredoc is data to what copies or shows it, and code to anything else.
    if not owner and command.body and not keeps_as_text(command.program):
        owner = owner_in_text(command.body, scene.places)
    return _Mentions(owner, names_us(command.words), decision_on(command.words, command.body))


def _fed_by(command: SimpleCommand, mentions: _Mentions, fed: _Mentions, places: GuardedPlaces) -> _Mentions:
    """Give what the part after a command is fed, from the command itself and from what that was fed."""
    if not command.is_piped:
        return _NOTHING
    in_body = owner_in_text(command.body, places) if command.body else ""
    return _Mentions(
        owner=mentions.owner or in_body or fed.owner,
        ours=mentions.ours or fed.ours,
        own_command=mentions.own_command if mentions.own_command != "pass" else fed.own_command,
    )


def _finding(command: SimpleCommand, mentions: _Mentions, scene: Scene, fed: _Mentions) -> _Finding:
    stops = objection_to_stopping(command, ours=mentions.ours, fed_ours=fed.ours)
    if stops and stops.decision == "deny":
        return _Finding(stops)
    own = _own_command_run(command, mentions, fed)
    if own == "deny":
        return _Finding(_ONLY_A_PERSON)
    told_of = (*command.arguments, *command.sources)
    if not shows_nothing(command.program, command.arguments) and names_credentials(told_of, scene):
        return _Finding(_FOR_NO_MODEL)
    effect = _effect(command, mentions, scene)
    changed = owner_named(command.targets, scene) or (mentions.owner if effect == "changes" else "")
    if changed:
        return _Finding(_changes(changed))
    below = owner_below(taken_away(command.program, command.arguments), scene)
    unsure = effect == "unknown" or (fed.owner and runs_its_input(command))
    doubtful = below or (mentions.owner or fed.owner if unsure else "")
    return _Finding(stops or (_GIVES_ACCESS if own == "ask" else None), doubtful)


def _own_command_run(command: SimpleCommand, mentions: _Mentions, fed: _Mentions) -> Decision:
    """Give the strictest decision on the commands of ours that a command runs."""
    named = "pass" if keeps_as_text(command.program) else mentions.own_command
    made = {named, fed.own_command if runs_its_input(command) else "pass"}
    return "deny" if "deny" in made else "ask" if "ask" in made else "pass"


def _effect(command: SimpleCommand, mentions: _Mentions, scene: Scene) -> Effect:
    """Give what a command does to the guarded thing that it mentions."""
    if not mentions.owner:
        return "harmless"
    effect = effect_of(command.program, command.arguments)
    if effect != "changes last":
        return effect
    return "changes" if owner_named(command.arguments[-1:], scene) else "harmless"


def _changes(owner: str) -> Objection:
    return Objection("deny", f"This command would change {owner}, which decides what is governed. {WAY_OUT}")


def _may_change(owner: str) -> Objection:
    return Objection("ask", f"This command may change {owner}, which decides what is governed. Allow it?")
