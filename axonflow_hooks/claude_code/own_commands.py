"""What the model may run of this product's own command, decided command by command.

`deny`: only a person says yes there (it takes their passphrase too), or the command ends governance. `ask`: it gives
somebody access, changes a credential, or starts an agent of whose settings nobody has heard. The rest reads, or makes
things stricter.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Decision = Literal["pass", "ask", "deny"]

OWN_COMMANDS: Final[Mapping[str, Decision]] = {
    "status": "pass",
    "doctor": "pass",
    "login": "ask",
    "recover": "pass",
    "recover-verify": "ask",
    "agent": "ask",
    "agent start": "ask",
    "agent stop": "deny",
    "agent status": "pass",
    "agent service": "pass",
    "agent client add": "ask",
    "agent client list": "pass",
    "agent client revoke": "ask",
    "audit search": "pass",
    "audit tail": "pass",
    "audit show": "pass",
    "audit stats": "pass",
    "audit verify": "pass",
    "audit head": "pass",
    "audit export": "pass",
    "policy list": "pass",
    "policy show": "pass",
    "policy explain": "pass",
    "policy test": "pass",
    "policy check": "pass",
    "simulate": "pass",
    "override create": "deny",
    "override confirm": "deny",
    "override list": "pass",
    "override revoke": "pass",
    "approval list": "pass",
    "approval show": "pass",
    "approval approve": "deny",
    "approval reject": "pass",
    "presence set": "deny",
    "presence status": "pass",
    "proxy": "pass",
    "proxy check": "pass",
    "proxy approve": "deny",
}
"""Every command there is; a group's own name stands for the group without a command after it."""

_GROUPS: Final = frozenset(name.partition(" ")[0] for name in OWN_COMMANDS if " " in name)
_PROGRAMS: Final = frozenset({"axonflow-hooks", "axonflow_hooks", "axonflow_hooks.cli"})
_HELP: Final = frozenset({"-h", "--help"})


def _pairs(decision: Decision) -> frozenset[tuple[str, str]]:
    """Give the last two words of the commands that are so decided: what to look for in whatever stands around them."""
    named = (name.split() for name, made in OWN_COMMANDS.items() if made == decision)
    return frozenset((words[-2], words[-1]) for words in named if len(words) > 1)


_DENIED: Final = _pairs("deny")
_ASKED: Final = _pairs("ask")


def names_us(words: Sequence[str]) -> bool:
    """Tell whether one of some words has this product's name in it."""
    return any("axonflow" in word.lower() for word in words)


def decision_on(words: Sequence[str], body: str) -> Decision:
    """Take the words of a command, and its heredoc, and decide on the command of ours that it runs or hands on."""
    # In whatever quotes and brackets another program hands it on.
    plain = re.findall(r"[\w-]+", " ".join((*words, body)).lower())
    pairs = set(pairwise(plain))
    if not names_us(plain) and ("hooks", "run") not in pairs:
        return "pass"
    if not _DENIED.isdisjoint(pairs):
        return "deny"
    return "ask" if not _ASKED.isdisjoint(pairs) or OWN_COMMANDS.get(_direct(words)) == "ask" else "pass"


def _direct(words: Sequence[str]) -> str:
    """Give the command of one word that is run here, a group without a command included; "" for none."""
    for at, (program, first) in enumerate(pairwise(words)):
        # The plugin's own entry takes `cli` and then the command.
        entry = program == "cli" and at > 0 and words[at - 1].endswith("/run")
        if not entry and PurePath(program).name not in _PROGRAMS:
            continue
        after = words[at + 2 :]
        known = {name.split()[1] for name in OWN_COMMANDS if name.startswith(f"{first} ")}
        if _HELP.isdisjoint(after) and (first not in _GROUPS or known.isdisjoint(after)):
            return first
    return ""
