"""What a command in a container does outside of it: to the directories of the host that are mounted in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.commands import UNKNOWN, Word
from axonflow_hooks.policy.shell.places import is_credential_file, is_irreplaceable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.policy.shell.commands import Command

_SWITCHES: Final = frozenset({
    "-d", "--detach", "-i", "--interactive", "-t", "--tty", "-P", "--publish-all", "--rm", "--privileged", "--init",
    "--read-only", "--no-healthcheck", "--oom-kill-disable", "--sig-proxy", "-q", "--quiet", "--no-deps", "--build",
    "--service-ports", "-T", "--use-aliases", "--replace", "--remove-orphans",
})  # fmt: skip
_MOUNTS: Final = frozenset({"-v", "--volume", "--mount"})
_SOURCE: Final = re.compile(r"(?:^|,)(?:source|src)=([^,]*)")
_TARGET: Final = re.compile(r"(?:^|,)(?:target|destination|dst)=([^,]*)")


def run_on_host(command: Command) -> tuple[Word, ...]:
    """Take `docker run …` and give the command in it with the names that mounted directories have on the host.

    Nothing where no directory is mounted that must not be lost or read: what else it does stays in the container.
    """
    words = command.argv[1:]
    at = next((index for index, word in enumerate(words) if word.text in ("run", "create")), None)
    if at is None:
        return ()
    mounts, entrypoint, rest = _options(words[at + 1 :])
    valuable = {
        target.rstrip("/") or "/": source.rstrip("/") or "/"
        for source, target in mounts
        if is_irreplaceable(source) or is_credential_file(source)
    }
    if not valuable or not (rest[1:] or entrypoint):
        return ()
    return tuple(_on_host(word, valuable) for word in (*entrypoint, *rest[1:]))


def _options(words: Sequence[Word]) -> tuple[list[tuple[str, str]], tuple[Word, ...], Sequence[Word]]:
    """Give the mounts (host directory, place in the container), the entry point and the words from the image on."""
    mounts: list[tuple[str, str]] = []
    entrypoint: tuple[Word, ...] = ()
    index = 0
    while index < len(words) and words[index].text.startswith("-"):
        text = words[index].text
        option, equals, value = text.partition("=")
        if not equals and _takes_value(option):
            index += 1
            value = words[index].text if index < len(words) else ""
        if option in _MOUNTS:
            mounts.append(_mount(value))
        elif option == "--entrypoint" and value:
            entrypoint = (Word(value, words[0].start, words[0].end),)
        elif option.startswith("-v") and len(option) > 2:
            mounts.append(_mount(text[2:]))
        index += 1
    return mounts, entrypoint, words[index:]


def _takes_value(option: str) -> bool:
    if option in _SWITCHES:
        return False
    return option.startswith("--") or len(option) == 2 or option[-1] in "vpewulhm"


def _mount(value: str) -> tuple[str, str]:
    source, target = _SOURCE.search(value), _TARGET.search(value)
    if source is not None and target is not None:
        return source[1], target[1]
    host, _colon, rest = value.partition(":")
    return host, rest.partition(":")[0]


def _on_host(word: Word, mounts: dict[str, str]) -> Word:
    text = word.text
    for target, source in mounts.items():
        if target in text and target != "/" and UNKNOWN not in target:
            form = rf"(?<![\w./-]){re.escape(target)}(/|(?=$|[\s'\";&|)]))"
            text = re.sub(form, source.rstrip("/").replace("\\", "\\\\") + (r"\1" if source != "/" else "/"), text)
    return word if text == word.text else word._replace(text=text)
