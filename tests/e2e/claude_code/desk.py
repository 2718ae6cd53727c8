"""A desk for one person: a home, a project and one release of Claude Code, run headless in an empty environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devtools.live import ROOT
from tests.e2e.claude_code.scripted_model import ScriptedModel, ToolResult, Turn, scripted_model

DEADLINE_S: Final = 180
TOOLS: Final = "Bash,Read,Write,Edit,NotebookEdit,Agent,mcp__kit,mcp__plugin_axonflow_axonflow"
KIT: Final = Path(__file__).with_name("mcp_kit.py")
SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
NO_MODEL: Final = "http://127.0.0.1:9"
"""Nothing answers there: some subcommands would wait for the vendor's own server."""

BYPASS: Final = "--dangerously-skip-permissions"


@dataclass(frozen=True, slots=True)
class HookRun:
    """One run of one hook as the host reports it. `reply` is the JSON that it wrote, None for silence."""

    event: str
    name: str
    outcome: str
    exit_code: int | None
    stdout: str
    stderr: str

    @property
    def reply(self) -> dict[str, Any] | None:
        """Give what the hook wrote; fails where that is not one JSON object, as a host would ignore it."""
        if not self.stdout.strip():
            return None
        value = json.loads(self.stdout)
        assert isinstance(value, dict), self.stdout
        return value


@dataclass(frozen=True, slots=True)
class Session:
    """A finished session: what the model was shown, what the host reported, and what it has kept."""

    desk: Desk
    model: ScriptedModel
    status: int
    stdout: str
    stderr: str
    events: tuple[dict[str, Any], ...]

    @property
    def init(self) -> dict[str, Any]:
        """The event that says what was loaded."""
        return next(event for event in self.events if event.get("subtype") == "init")

    @property
    def id(self) -> str:
        """The session's id, as the hooks and the audit trail have it."""
        return str(self.init["session_id"])

    @property
    def results(self) -> list[ToolResult]:
        """What the model was shown of its tool calls, in order."""
        return self.model.tool_results

    @property
    def final_text(self) -> str:
        """The text that the person gets at the end."""
        return next((str(event.get("result")) for event in self.events if event.get("type") == "result"), "")

    def hooks(self, event: str, name: str = "") -> list[HookRun]:
        """Give the runs of the hooks of one event, of the tool `name` where it is given."""
        found = [entry for entry in self.events if entry.get("subtype") == "hook_response"]
        return [
            HookRun(
                event, entry["hook_name"], entry["outcome"], entry.get("exit_code"), entry["stdout"], entry["stderr"]
            )
            for entry in found
            if entry["hook_event"] == event and entry["hook_name"].endswith(name)
        ]

    @property
    def told(self) -> list[str]:
        """The messages to the person that hooks asked for, in order.

        They are read from the hooks' own output: releases that show them in the stream wrap them differently.
        """
        runs = [run for event in _EVENTS_OF_THE_PLUGIN for run in self.hooks(event)]
        replies = [run.reply for run in runs if run.stdout.lstrip().startswith("{")]
        return [str(reply["systemMessage"]) for reply in replies if reply and "systemMessage" in reply]

    @property
    def shown_to_person(self) -> list[str]:
        """The messages that the release put into its stream for the person (none on releases without such events)."""
        return [str(event.get("content", "")) for event in self.events if event.get("subtype") == "informational"]

    @property
    def kept(self) -> str:
        """Everything that the host has kept or reported: its whole folder in the home, and its stream of events."""
        files = [path for path in self.desk.claude_folder.rglob("*") if path.is_file()]
        return "\n".join([self.stdout, *(path.read_text(encoding="utf-8", errors="replace") for path in files)])

    @property
    def debug_log(self) -> str:
        """The host's own log of this session."""
        return self.desk.debug_file.read_text(encoding="utf-8", errors="replace")


_EVENTS_OF_THE_PLUGIN: Final = ("SessionStart", "PreToolUse", "PostToolUse", "PostToolUseFailure", "ConfigChange")


@dataclass(frozen=True, slots=True)
class Desk:
    """A home and a project for one release; `variables` are added to the otherwise empty environment."""

    version: str
    program: Path
    home: Path
    project: Path
    variables: dict[str, str] = field(default_factory=dict)
    plugins: tuple[Path, ...] = (ROOT,)

    @property
    def claude_folder(self) -> Path:
        """Where the host keeps transcripts, settings and plugins."""
        return self.home / ".claude"

    @property
    def debug_file(self) -> Path:
        """The host's log: beside the home, as it is no part of what a person's machine keeps."""
        return self.home.parent / "debug.log"

    def environment(self, model_url: str = NO_MODEL) -> dict[str, str]:
        """Give the whole environment of a session: nothing of this process."""
        return {
            "PATH": SYSTEM_PATH,
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": model_url,
            "ANTHROPIC_API_KEY": "test-key-for-loopback-fake",
            "AXONFLOW_RESIDENT_IDLE_S": "20",
            "AXONFLOW_TELEMETRY": "off",
            "AXONFLOW_TIMEOUT_SECONDS": "12",  # the most there is: a busy machine takes longer than a user would wait
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_TMPDIR": str(self.home.parent / "tmp"),
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
            "ENABLE_TOOL_SEARCH": "false",  # deferred tools would need a turn of the model to be loaded
            "IS_SANDBOX": "1",  # lets root bypass permissions, as in a container
            **self.variables,
        }

    def plain(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a subcommand such as `plugin install`; it has to succeed."""
        done = subprocess.run(
            [str(self.program), *arguments],
            env=self.environment(),
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def command(self, *options: str) -> list[str]:
        """Give the command line of a headless session that reads prompts from stdin and reports events on stdout."""
        command = [
            str(self.program),
            "-p",
            "--input-format",
            "stream-json",
            "--output-format",
            "stream-json",
            "--verbose",
        ]
        command += ["--include-hook-events", "--debug-file", str(self.debug_file)]
        return [*command, *(option for plugin in self.plugins for option in ("--plugin-dir", str(plugin))), *options]

    def prompt_line(self, prompt: str) -> bytes:
        """Give a prompt as such a session reads it."""
        return json.dumps({"type": "user", "message": {"role": "user", "content": prompt}}).encode() + b"\n"

    def session(
        self,
        *turns: Turn,
        subagent: Sequence[Turn] = (),
        options: Sequence[str] = ("--allowedTools", TOOLS),
        prompts: Sequence[str] = ("Do what has to be done.",),
    ) -> Session:
        """Run one headless session in which the model says `turns`, and give what came of it.

        The prompts are asked one after another; the turns go on counting through all of them.
        """
        self.debug_file.unlink(missing_ok=True)
        with scripted_model(turns, subagent) as model:
            done = subprocess.run(
                self.command(*options),
                env=self.environment(model.url),
                cwd=self.project,
                input=b"".join(self.prompt_line(prompt) for prompt in prompts),
                capture_output=True,
                timeout=DEADLINE_S,
                check=False,
            )
        stdout = done.stdout.decode("utf-8", "replace")
        return Session(self, model, done.returncode, stdout, done.stderr.decode("utf-8", "replace"), _events(stdout))


def _events(stdout: str) -> tuple[dict[str, Any], ...]:
    # The host may end in the middle of its last line.
    lines = [line for line in stdout.split("\n") if line.startswith("{") and line.endswith("}")]
    return tuple(json.loads(line) for line in lines)


def set_desk(
    version: str, program: Path, folder: Path, variables: Mapping[str, str], plugins: Sequence[Path] = (ROOT,)
) -> Desk:
    """Make a home and a project below a folder; their names hold spaces and letters beyond ASCII."""
    home, project = folder / "Zoë's home", folder / "mein Projekt é"
    for path in (home, project, folder / "tmp"):
        path.mkdir(parents=True)
    return Desk(version, program, home, project, dict(variables), tuple(plugins))


def write_json(path: Path, value: Any) -> Path:
    """Write a JSON file with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def mcp_kit_options(desk: Desk) -> tuple[str, ...]:
    """Give the options with which a session has an MCP server `kit`, which logs to the project's `calls.log`."""
    program = {"command": sys.executable, "args": [str(KIT), str(desk.project / "calls.log")]}
    return ("--allowedTools", TOOLS, "--mcp-config", json.dumps({"mcpServers": {"kit": program}}))
