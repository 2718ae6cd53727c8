"""Command lines that may switch governance off: judged by words, on the safe side of unknown programs.

A command line that mentions a guarded file passes where each part that mentions it is known to read only, or to take
it as prose. A part that writes for certain is denied; one that might is put to the person at the keyboard.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal

from axonflow_hooks.claude_code.guarded_places import (
    CLAUDE_SETTINGS,
    MCP_SERVERS,
    OWN_DATA,
    WAY_OUT,
    GuardedPlaces,
    Objection,
)
from axonflow_hooks.claude_code.own_commands import decision_on, names_us
from axonflow_hooks.claude_code.shell_parts import ShellPart, shell_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.claude_code.own_commands import Decision

Effect = Literal["reads", "writes", "unknown"]

MAX_SHELLS: Final = 4
MAX_VARIABLE_CHARS: Final = 2_000
MAX_PATH_CHARS: Final = 1_024
MAX_COMMAND_CHARS: Final = 300_000
"""More than a system passes to a shell in one argument; it need not be understood."""

# What these take is prose or names: they open no file that they are told of.
_TALKERS: Final = frozenset(
    "basename cd dirname echo false file gh glab ls mkdir popd printf pushd pwd readlink realpath stat test touch "
    "tree true type which [ [[ :".split()
)
_READERS: Final = _TALKERS | frozenset(
    "ack ag bat cat cmp column cut diff du egrep exit export fgrep grep head jq less local md5sum more nl od read rg "
    "set sha256sum shellcheck shopt strings tail uniq unset wc xxd yamllint yq".split()
)
_WRITERS: Final = frozenset(
    "chattr chmod chown dd ed ex install ln mv patch perl rm rmdir sed shred sponge tar tee truncate unlink unzip vi "
    "vim".split()
)
_COPIERS: Final = frozenset({"cp", "rsync", "scp"})
_GIT_READERS: Final = frozenset(
    "add blame check-ignore commit diff fetch grep log ls-files ls-tree notes push rev-parse shortlog show status "
    "tag".split()
)
_SHELLS: Final = frozenset({"bash", "dash", "fish", "ksh", "sh", "zsh"})
_RUNNERS: Final = _SHELLS | frozenset({".", "eval", "parallel", "source", "xargs"})
_INTERPRETER: Final = re.compile(r"(?:bun|deno|node|perl|php|python|ruby)[\d.]*")
_KEYWORDS: Final = frozenset({"!", "do", "elif", "else", "fi", "if", "then", "until", "while", "{", "}"})
_PREFIXES: Final = _KEYWORDS | {"builtin", "command", "env", "exec", "nice", "nohup", "sudo", "time"}
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_]\w*)(?:\[[^\]]{0,9}\])?\}?")
_WILDCARD: Final = re.compile(r"[*?\[]")
_HOME_TILDE: Final = re.compile(r"(?<![\w/.])~(?=/|\s|$)")

_CREDENTIALS: Final = re.compile(
    r"\b(?:(?:agent-credentials|try-registration|license-token|self-hosted-auth|presence)\.json"
    r"|(?:audit-signing|statement-hash)\.key)"
)
_SETTINGS: Final = re.compile(
    r"\.claude(?:/+(?:settings(?:\.local)?\.json(?![\w.-])|managed|hooks(?![\w.-])|plugins(?![\w.-])"
    r"|[^\s/]*[*?\[{])|/*(?![\w./*-]))|\.claude\.json(?![\w.-])"
)
_MCP_CONFIG: Final = re.compile(r"(?:^|[\s=/])\.mcp\.json(?![\w.-])")
_DATA_BY_RELATIVE_PATH: Final = re.compile(r"\.(?:config|cache|local/share|local/state)/axonflow(?![\w-])")
_PLUGIN_ENDS: Final = frozenset({"disable", "remove", "rm", "uninstall"})
_SERVICE_ENDS: Final = frozenset({"bootout", "disable", "kill", "mask", "remove", "stop", "unload"})
_CONTAINER_ENDS: Final = frozenset({"down", "kill", "pause", "rm", "stop"})
_PACKAGE_MANAGERS: Final = frozenset({"conda", "pdm", "pip", "pipx", "poetry", "uv"})
_PACKAGE_ENDS: Final = frozenset({"remove", "uninstall"})
_ASKS_FOR_OURS: Final = "This command would start an AxonFlow agent, or change who has access. Allow it?"


def bash_objection(command: str, cwd: str, places: GuardedPlaces) -> Objection | None:
    """Take a command line, its working folder and what is guarded; give what stands against it, None for nothing."""
    judge = _Judge(places, cwd or "/", dict(places.variables))
    return judge.of_line(command) or judge.asked or judge.doubt()


@dataclass(slots=True)
class _Judge:
    """Goes through the parts of a command line, keeping the working folder and the variables that they set."""

    places: GuardedPlaces
    cwd: str
    variables: dict[str, str]
    doubtful: str = ""
    asked: Objection | None = None
    fed_owner: str = ""
    fed_ours: bool = False
    fed_command: Decision = "pass"
    shells: int = 0

    def doubt(self) -> Objection | None:
        if not self.doubtful:
            return None
        return Objection("ask", f"This command may change {self.doubtful}, which decides what is governed. Allow it?")

    def of_line(self, command: str) -> Objection | None:
        parts = shell_parts(command) if len(command) <= MAX_COMMAND_CHARS else None
        if parts is None:
            plain = re.sub(r"[\"'\\]", "", command)
            mentioned = self._owner_in_text(plain) or "axonflow" in plain.lower()
            too_long = f"This command mentions what governs it and is too long to judge. {WAY_OUT}"
            return Objection("deny", too_long) if mentioned else None
        return next((objection for part in parts if (objection := self._of_part(part))), None)

    def _of_part(self, part: ShellPart) -> Objection | None:
        """Give what a part is denied for; what it is asked for is kept, as something after it may be denied."""
        words = _without_prefixes([self._expanded(word) for word in part.words])
        self._remember_variables(part.words)
        program = PurePath(words[0]).name.lower() if words else ""
        stops = self._stops(program, words)
        if stops and stops.decision == "deny":
            return stops
        self.asked = self.asked or stops
        decision = self._on_own_command(program, words, part)
        if decision == "deny":
            return Objection("deny", "Only a person grants exceptions or runs this, in a terminal of their own.")
        if decision == "ask":
            self.asked = self.asked or Objection("ask", _ASKS_FOR_OURS)
        if self._shows_credentials(program, words[1:], part):
            return Objection("deny", "This command touches AxonFlow's own credentials, which are not for the model.")
        written = self._owner(*map(self._expanded, part.targets)) if part.targets else ""
        if written:
            return self._denied(written)
        owner = self._owner_of_part(program, words[1:], part)
        effect = self._effect(program, words[1:]) if owner else "reads"
        if effect == "writes":
            return self._denied(owner)
        if not owner and program in {"rm", "rmdir", "mv"}:
            self.doubtful = self.doubtful or self._owner_below(words[1:] if program != "mv" else words[1:-1])
        if effect == "unknown" or (self.fed_owner and _runs_its_input(program, words[1:], part.words)):
            self.doubtful = self.doubtful or owner or self.fed_owner
        self._feed(part, owner, words)
        self._enter(program, words[1:])
        return self._of_inner_line(program, words[1:])

    def _on_own_command(self, program: str, words: Sequence[str], part: ShellPart) -> Decision:
        named, fed = decision_on(words, part.body), self.fed_command
        tells = program in _READERS or program in {"git", "tee"}
        made = {"pass" if tells else named, fed if _runs_its_input(program, words[1:], part.words) else "pass"}
        self.fed_command = (named if named != "pass" else fed) if part.piped else "pass"
        return "deny" if "deny" in made else "ask" if "ask" in made else "pass"

    def _of_inner_line(self, program: str, arguments: Sequence[str]) -> Objection | None:
        """Judge what `eval` and `sh -c` are told to run, too."""
        line = ""
        if program == "eval":
            line = " ".join(arguments)
        elif program in _SHELLS:
            flag = next((at for at, word in enumerate(arguments) if re.fullmatch(r"-[a-z]*c", word)), None)
            line = " ".join(arguments[flag + 1 :]) if flag is not None else ""
        if not line or self.shells >= MAX_SHELLS:
            return None
        self.shells += 1
        return self.of_line(line)

    def _denied(self, owner: str) -> Objection:
        return Objection("deny", f"This command would change {owner}, which decides what is governed. {WAY_OUT}")

    # What a part mentions

    def _expanded(self, word: str) -> str:
        if "$" in word and len(word) <= MAX_VARIABLE_CHARS:
            word = _VARIABLE.sub(lambda match: self.variables.get(match.group(1), match.group()), word)
        return _HOME_TILDE.sub(lambda _: self.variables["HOME"], word) if "~" in word else word

    def _remember_variables(self, words: Sequence[str]) -> None:
        found = [match for word in words[:20] if (match := _ASSIGNMENT.match(word))]
        for match in found:
            self.variables[match.group(1)] = self._expanded(match.group(2))[:MAX_VARIABLE_CHARS]
        if words[:1] == ("for",) and len(words) > 2:
            self.variables[words[1]] = " ".join(words[3:])[:MAX_VARIABLE_CHARS]

    def _absolute(self, word: str) -> str:
        # `--target=PATH` and `of=PATH` name a file as well.
        named = word.rpartition("=")[2] if "=" in word else word
        if "/" not in named and "." not in named:
            return f"{self.cwd}/{named}".lower()
        return posixpath.normpath(posixpath.join(self.cwd, named)).lower()

    def _owner(self, *words: str) -> str:
        """Say what one of some words names or mentions, "" for nothing guarded."""
        paths = [self._absolute(word) for word in words if word and word[0] != "-" and len(word) <= MAX_VARIABLE_CHARS]
        if not self.places.settings_files.isdisjoint(paths) or self._matches_settings(paths):
            return CLAUDE_SETTINGS
        return self._owner_in_text("\n".join([*paths, *words]))

    def _matches_settings(self, paths: Sequence[str]) -> bool:
        """Tell whether a path with wildcards may stand for a settings file of the host."""
        patterns = [path.split("/") for path in paths if _WILDCARD.search(path) and len(path) <= MAX_PATH_CHARS]
        return any(
            _stands_for(pattern, place.split("/")) for pattern in patterns for place in self.places.settings_files
        )

    def _owner_below(self, words: Sequence[str]) -> str:
        """Say what lies in the folders that words name."""
        folders = tuple(f"{self._absolute(word).rstrip('/')}/" for word in words if not word.startswith("-"))
        return next((owner for place, owner in self.places.owners if place.startswith(folders)), "")

    def _owner_in_text(self, text: str) -> str:
        folded = text.lower()
        if owner := self.places.owner_mentioned_in(folded):
            return owner
        if _DATA_BY_RELATIVE_PATH.search(folded):
            return OWN_DATA
        if _SETTINGS.search(folded) or "managed-settings" in folded:
            return CLAUDE_SETTINGS
        return MCP_SERVERS if _MCP_CONFIG.search(folded) else ""

    def _owner_of_part(self, program: str, arguments: Sequence[str], part: ShellPart) -> str:
        owner = self._owner(*arguments)
        # A heredoc is data to what copies or reads it, and code to anything else.
        if not owner and part.body and program not in _READERS and program not in {"git", "tee"}:
            owner = self._owner_in_text(part.body)
        return owner

    def _feed(self, part: ShellPart, owner: str, words: Sequence[str]) -> None:
        if not part.piped:
            self.fed_owner, self.fed_ours = "", False
            return
        body_owner = self._owner_in_text(part.body) if part.body else ""
        self.fed_owner = owner or body_owner or self.fed_owner
        self.fed_ours = self.fed_ours or names_us(words)

    def _enter(self, program: str, arguments: Sequence[str]) -> None:
        if program not in {"cd", "pushd"}:
            return
        folder = next((word for word in arguments if not word.startswith("-")), "")
        entered = posixpath.normpath(posixpath.join(self.cwd, folder))
        if folder and "$" not in folder and len(entered) <= MAX_PATH_CHARS:
            self.cwd = entered

    # What a part does

    def _effect(self, program: str, arguments: Sequence[str]) -> Effect:
        if program == "yq" and any(re.match(r"-[a-zA-Z]*i|--in-?place", word) for word in arguments):
            return "writes"
        if not program or program in _READERS or program == "for":
            return "reads"
        if program in _COPIERS:
            return self._effect_of_copy(arguments)
        if _only_reads(program, arguments):
            return "reads"
        return "writes" if program in _WRITERS else "unknown"

    def _effect_of_copy(self, arguments: Sequence[str]) -> Effect:
        named = [word for word in arguments if word.startswith(("-t", "--target-directory", "--remove", "--del"))]
        return "writes" if named or self._owner(*arguments[-1:]) else "reads"

    def _shows_credentials(self, program: str, arguments: Sequence[str], part: ShellPart) -> bool:
        if program in _TALKERS or (program == "git" and _only_reads(program, arguments)):
            return False
        words = [*arguments, *map(self._expanded, part.sources)]
        if self._owner(*words) != OWN_DATA:
            return False
        for word in words:
            if len(word) > MAX_VARIABLE_CHARS or self._owner(word) != OWN_DATA:
                continue
            path = self._absolute(word)
            folder, _, name = path.rpartition("/")
            whole = path in self.places.key_folders
            matches_many = folder in self.places.key_folders and re.search(r"[*?\[{]", name) is not None
            if whole or matches_many or _CREDENTIALS.search(word.lower()):
                return True
        return False

    def _stops(self, program: str, words: Sequence[str]) -> Objection | None:
        ours = names_us(words)
        kills = program == "kill" or (program == "xargs" and "kill" in words)
        stops = (
            (program in {"pkill", "killall"} and ours),
            (kills and (ours or self.fed_ours)),
            (program in {"systemctl", "launchctl", "service"} and ours and _SERVICE_ENDS.intersection(words)),
            (program == "claude" and _ends_plugin(words, ours=ours)),
            (ours and program not in _READERS and program != "git" and ("agent", "stop") in pairwise(words)),
        )
        if any(stops):
            return Objection("deny", f"This command would stop AxonFlow's own processes or plugin. {WAY_OUT}")
        if program in {"docker", "podman"} and ours and _CONTAINER_ENDS.intersection(words):
            return Objection("ask", "This command may stop an AxonFlow agent. Allow it?")
        manager = program.rstrip("0123456789.") in _PACKAGE_MANAGERS or "pip" in words
        if manager and ours and _PACKAGE_ENDS.intersection(words):
            return Objection("ask", "This command would remove AxonFlow. Allow it?")
        return None


def _stands_for(pattern: Sequence[str], place: Sequence[str]) -> bool:
    # As in a shell: a wildcard stands for no `/`, and for no dot at the beginning of a name.
    return len(pattern) == len(place) and all(
        fnmatchcase(name, wanted) and wanted.startswith(".") >= name.startswith(".")
        for wanted, name in zip(pattern, place, strict=True)
    )


def _without_prefixes(words: list[str]) -> list[str]:
    start = 0
    while start < len(words) and (not words[start] or words[start] in _PREFIXES or _ASSIGNMENT.match(words[start])):
        start += 1
    return words[start:]


def _runs_its_input(program: str, arguments: Sequence[str], words: Sequence[str]) -> bool:
    if program in _RUNNERS or "while" in words[:2]:
        return True
    return _INTERPRETER.fullmatch(program) is not None and (not arguments or arguments[0] == "-")


def _ends_plugin(words: Sequence[str], *, ours: bool) -> bool:
    plugin = words[1:2] and words[1] in {"plugin", "plugins"}
    return bool(plugin and _PLUGIN_ENDS.intersection(words) and (ours or {"--all", "-a"}.intersection(words)))


def _only_reads(program: str, arguments: Sequence[str]) -> bool:
    if program == "git":
        return next((word for word in arguments if not word.startswith("-")), "") in _GIT_READERS
    if program == "find":
        return not any(word.startswith(("-delete", "-exec", "-ok", "-fprint", "-fls")) for word in arguments)
    if program == "sed":
        in_place = any(re.match(r"-[a-zA-Z]*i|--in-place", word) for word in arguments)
        return not in_place and not any(re.search(r"\bw\s*\S", word) for word in arguments[:-1])
    if program == "tar":
        mode = arguments[0].lstrip("-") if arguments else ""
        return mode[:1] in {"c", "t"}
    return False
