"""How a command lets the person at the terminal answer: what is shown, and a passphrase that goes nowhere else.

The terminal is opened by its own name, so that neither a pipe nor a file can answer. That alone keeps no program out
that has a terminal of its own: what does is the passphrase.
"""

from __future__ import annotations

import getpass
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from axonflow_hooks.account.agent_places import agent_folders
from axonflow_hooks.cli.agent_routes import RouteReply, call_route
from axonflow_hooks.cli.run_async import run_async
from axonflow_hooks.errors import AccountError, AgentError
from axonflow_hooks.wire.presence import (
    PRESENCE_HEADER,
    PRESENCE_REQUIRED,
    Challenge,
    client_key,
    passphrase_fault,
    proof_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.paths import Paths

_TERMINAL: Final = "/dev/tty"
_PRESENCE_FILE: Final = "presence.json"
_HOST_MARKS: Final = ("CLAUDECODE", "CLAUDE_CODE_SESSION_ID")


def send_as_person(method: str, path: str, body: Mapping[str, Any]) -> RouteReply:
    """Send a request that only a person can grant; where the agent asks for proof, let the person give it.

    Raises AccountError where nobody can be asked, and AgentError for a challenge that cannot be trusted.
    """
    refuse_inside_host()
    reply = run_async(call_route(method, path, json=body))
    if reply.status != 403 or reply.body.get("code") != PRESENCE_REQUIRED:
        return reply
    challenge = read_challenge(reply.body.get("challenge"))
    header = {PRESENCE_HEADER: prove(challenge)}
    return run_async(call_route(method, path, json=body, headers=header))


def prove(challenge: Challenge) -> str:
    """Show a question, ask for the passphrase, and give the proof. Raises AccountError when there is none."""
    tell(f"{one_line(challenge.question)}\nThe question is open until {one_line(challenge.expires_at)}.")
    passphrase = ask("Your passphrase says yes (nothing: leave it open): ")
    if not passphrase.strip():
        raise AccountError("Nothing was granted.")
    try:
        return proof_of(client_key(passphrase, challenge.cost), challenge)
    except ValueError:
        raise AgentError("The agent's question cannot be trusted: its salt is no salt.") from None


def prove_to_local_agents(paths: Paths) -> None:
    """Ask for the passphrase that an embedded agent of this user knows; where none is set, nothing is asked.

    For decisions that no agent takes part in. Raises AccountError for a wrong passphrase, or where it cannot be
    checked, and CredentialError for a damaged file.
    """
    folders = dict.fromkeys((paths.agent_data_dir, *agent_folders(paths)))
    enrolled = [folder for folder in folders if os.path.lexists(folder / _PRESENCE_FILE)]
    if not enrolled:
        return
    try:
        from axonflow_hooks.agent.grants.presence_key import load_verifier
    except ModuleNotFoundError:  # the desktop extension is packed without the agent
        raise AccountError(
            "Your passphrase has to be checked, and this installation cannot do it.",
            remedy="Run `axonflow-hooks proxy approve` with the installation that has your agent. To get one: "
            "pip install 'axonflow-hooks[agent]'",
        ) from None
    known = [verifier for verifier in map(load_verifier, enrolled) if verifier is not None]
    passphrase = ask("Your passphrase: ")
    if not any(verifier.matches(passphrase) for verifier in known):
        raise AccountError("The passphrase is wrong; nothing was changed.")


def new_passphrase() -> str:
    """Let the person choose a passphrase, typed twice. Raises AccountError for one that is too weak or differs."""
    passphrase = ask("New passphrase (12 characters or more; several words are best): ")
    fault = passphrase_fault(passphrase)
    if fault:
        raise AccountError(fault, remedy="Choose another one.")
    if ask("Once more: ") != passphrase:
        raise AccountError("The two passphrases differ.", remedy="Try again.")
    return passphrase


def read_challenge(value: Any) -> Challenge:
    """Give a challenge from what the agent sent. Raises AgentError for one that would give the passphrase away."""
    try:
        return Challenge.model_validate(value)
    except ValidationError:
        raise AgentError(
            "The agent's question cannot be trusted.", remedy="Check AXONFLOW_ENDPOINT: axonflow-hooks status"
        ) from None


def refuse_inside_host() -> None:
    """Raise AccountError where a coding agent runs the command: the answer has to be a person's."""
    if any(os.environ.get(name) for name in _HOST_MARKS):
        raise AccountError(
            "This is for a person to answer, and Claude Code runs the command.",
            remedy="Run it in a terminal of your own.",
        )


def ask(prompt: str) -> str:
    """Ask on the terminal, without echo. Raises AccountError where there is no terminal."""
    if sys.platform != "win32":
        try:
            os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
        except OSError:
            raise AccountError("There is no terminal to ask on.", remedy="Run it in a terminal of your own.") from None
    try:
        return getpass.getpass(prompt)
    except EOFError:
        return ""


def tell(text: str) -> None:
    """Say something to the person, apart from the command's own output."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def one_line(text: object, limit: int = 2_600) -> str:
    """Give untrusted text as one printable line: data, not layout."""
    line = "".join(char for char in " ".join(str(text).split()) if char.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def columns(*texts: object) -> str:
    """Give untrusted texts as one line of a list."""
    return "  ".join(one_line(text, 200) for text in texts)
