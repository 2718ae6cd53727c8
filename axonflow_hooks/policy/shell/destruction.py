"""Effects that destroy: deleting what cannot be replaced, raw writes to disks, formatting, fork bombs."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import code
from axonflow_hooks.policy.shell.commands import UNKNOWN
from axonflow_hooks.policy.shell.constants import input_of
from axonflow_hooks.policy.shell.finders import find_starts, find_writes
from axonflow_hooks.policy.shell.places import (
    is_block_device,
    is_credential_file,
    is_irreplaceable,
    is_system_root,
    is_vital,
    normalise,
)
from axonflow_hooks.policy.shell.traits import has_trait, without_printed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axonflow_hooks.policy.shell.commands import Command

_OPEN_MODE: Final = re.compile(r"^(?:[0-7]?[0-7][0-7][2367]|(?:[ugoa]*[oa][ugoa]*)?[+=][rxXst]*w[rwxXst]*)$")
_SYSTEM_FILES: Final = frozenset({
    "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/sudoers", "/etc/fstab", "/etc/hosts.allow", "/etc/ld.so.preload",
    "/etc/pam.conf", "/boot/grub/grub.cfg", "/proc/sysrq-trigger",
})  # fmt: skip
_SED_WRITES: Final = re.compile(r"(?:^|[;\s}\d$/])w\s+(/[^\s;}]+)")
_FILE_WRITERS: Final = frozenset({"tee", "cp", "mv", "install", "dd", "truncate", "shred", "ln", "rm"})
WRITERS: Final = _FILE_WRITERS | {"find", "sed", "gsed"}
_FORMATTING: Final = {
    "cryptsetup": frozenset({"luksFormat", "luksErase", "erase"}),
    "parted": frozenset({"mklabel", "mktable", "rm"}),
    "mdadm": frozenset({"--zero-superblock"}),
    "nvme": frozenset({"format", "sanitize"}),
    "hdparm": frozenset({"--security-erase", "--security-erase-enhanced", "--trim-sector-ranges"}),
    "pvremove": frozenset({"-f", "-ff", "-y"}),
    "vgremove": frozenset({"-f", "-y"}),
    "lvremove": frozenset({"-f", "-y"}),
}
_OWNED_BY_ROOT: Final = frozenset({
    "/", "/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/usr/bin", "/usr/lib",
})  # fmt: skip
_WINDOWS_FORMATTERS: Final = frozenset({"format-volume", "clear-disk", "initialize-disk", "remove-partition"})
_TABLE_WRITERS: Final = frozenset({"mkswap", "wipefs", "blkdiscard", "sgdisk", "sfdisk"})
_TABLE_EDITORS: Final = frozenset({"fdisk", "gdisk"})

_UNLINKERS: Final = frozenset({"rm", "shred", "unlink", "srm", "truncate"})
_FORCED: Final = frozenset({"-rf", "-fr", "-Rf", "-fR", "-rfv", "--no-preserve-root"})
_TREE_DELETERS: Final = frozenset({"rimraf", "del-cli", "trash", "trash-put"})
DELETERS: Final = frozenset({
    "rm", "find", "gfind", "mv", "srm", "wipe", "rsync", "tar", "gtar", "shred", *_TREE_DELETERS,
})  # fmt: skip
RAW_WRITERS: Final = frozenset({"dd", "dcfldd", "gdd", "cp", "mv", "tee", "shred", "badblocks", "truncate"})
FORMATTERS: Final = frozenset({
    "mkfs", "mke2fs", "newfs", "zpool", "diskutil", *_WINDOWS_FORMATTERS, *_FORMATTING, *_TABLE_WRITERS,
    *_TABLE_EDITORS,
})  # fmt: skip


def destroys_filesystem_root(command: Command) -> bool:
    """Recursive deletion of /, a system directory or a home, by rm, find, shred, mv or inline code."""
    name = command.name
    if name == "rm":
        return _rm_destroys(command)
    if name in ("find", "gfind") and ("-delete" in command.arguments or _executes_deletion(command)):
        return any(is_irreplaceable(word.text, command.cwd) for word in find_starts(command))
    if name == "mv":
        operands = command.operands()
        if any(is_vital(path, command.cwd) for path in operands[:-1]):
            return True
        return operands[-1:] == ["/dev/null"] and any(is_irreplaceable(path, command.cwd) for path in operands[:-1])
    if name == "shred":
        return any(is_irreplaceable(path, command.cwd) or is_credential_file(path, command.cwd)
                   for path in command.operands())  # fmt: skip
    if name == "rsync" and "--remove-source-files" in command.arguments:
        return any(is_irreplaceable(path, command.cwd) for path in command.operands()[:-1])
    if name == "rsync" and any(argument.startswith("--del") for argument in command.arguments):
        return is_irreplaceable((command.operands() or [""])[-1], command.cwd)
    if name == UNKNOWN:
        # which program it is is not known, but no other takes these words
        options = {argument for argument in command.arguments if argument.startswith("-")}
        return bool(options & _FORCED) and any(is_irreplaceable(path, command.cwd) for path in command.operands())
    if name in ("tar", "gtar") and "--remove-files" in command.arguments:
        return any(is_irreplaceable(path, command.cwd) for path in command.operands())
    if name in _TREE_DELETERS or (name in ("srm", "wipe") and command.has_option("rR")):
        return any(is_irreplaceable(path, command.cwd) for path in command.operands())
    text = code.inline_code(command)
    if text is None:
        return False
    shown = without_printed(text) if has_trait(text, "names deletion") else ""
    named = has_trait(shown, "names deletion") and (has_trait(shown, "starts") or shown.startswith("rm "))
    return named or has_trait(text, "deletes root")


def _rm_destroys(command: Command) -> bool:
    targets = command.operands()
    listed = [path for feed in command.feeds if feed.name == "ls" for path in feed.operands()]
    found = [word.text for feed in command.feeds if feed.name in ("find", "gfind") for word in find_starts(feed)]
    if UNKNOWN in targets:
        if any(is_irreplaceable(path, command.cwd) for path in found):
            return True  # every file below, one by one: that needs no -r
        targets += listed
    recursive = command.has_option("rR", "recursive", "no-preserve-root")
    return recursive and any(is_irreplaceable(path, command.cwd) for path in targets)


def _executes_deletion(command: Command) -> bool:
    pairs = pairwise(command.arguments)
    return any(word in ("-exec", "-execdir") and name.rsplit("/", 1)[-1] in _UNLINKERS for word, name in pairs)


def writes_block_device(command: Command) -> bool:
    """Raw bytes onto a disk or partition: dd, cp, tee, shred, a redirect."""
    if any(redirect.writes and is_block_device(redirect.target.text) for redirect in command.redirects):
        return True
    if command.name in ("dd", "dcfldd", "gdd"):
        return any(argument.startswith("of=") and is_block_device(argument[3:]) for argument in command.arguments)
    if command.name in ("cp", "mv"):
        return is_block_device((command.operands() or [""])[-1])
    return command.name in ("tee", "shred", "badblocks", "truncate") and any(map(is_block_device, command.operands()))


def formats_filesystem(command: Command) -> bool:
    """A new file system or partition table on a device."""
    if command.name in _WINDOWS_FORMATTERS:
        return bool(command.arguments) and "-whatif" not in " ".join(command.arguments).lower()
    formats = command.name.startswith(("mkfs", "mke2fs", "newfs")) or command.name in _TABLE_WRITERS
    arguments = set(command.arguments)
    formats = formats or bool(_FORMATTING.get(command.name, frozenset()) & arguments)
    if command.name in _TABLE_EDITORS:
        formats = "w" in (input_of(command) or "").split()
    if command.name == "zpool" and "destroy" in arguments:
        return True
    if command.name == "diskutil":
        return any(
            argument.lower().startswith(("erase", "secureerase", "zerodisk")) for argument in command.arguments[:1]
        )
    if command.name in ("lvremove", "vgremove", "pvremove"):
        return formats
    return formats and any(map(is_block_device, command.operands()))


def makes_world_writable_root(command: Command) -> bool:
    """A chmod or setfacl that opens /, a system directory or all below it to everyone, chown -R of the same."""
    operands = command.operands()
    if len(operands) < 2:
        return False
    recursive = command.has_option("R", "recursive")
    targets = [path for path in operands[1:] if is_system_root(path, command.cwd)]
    if command.name == "setfacl":
        return recursive and bool(targets) and command.has_option("mM", "modify", "set")
    if command.name == "chmod":
        if recursive and "/" in map(normalise, targets):
            return True  # whichever mode: setuid bits and the modes of keys are gone
        targets += [path for path in operands[1:] if normalise(path, command.cwd) in _SYSTEM_FILES]
        return _OPEN_MODE.match(operands[0]) is not None and bool(targets)
    owns = command.name in ("chown", "chgrp") and recursive
    return owns and any(normalise(path, command.cwd) in _OWNED_BY_ROOT for path in targets)


def overwrites_system_file(command: Command) -> bool:
    """Accounts, sudo rules or the boot set-up replaced or deleted."""
    targets = [redirect.target.text for redirect in command.redirects if redirect.writes]
    if command.name in _FILE_WRITERS:
        operands = command.operands()
        targets += operands[-1:] if command.name in ("cp", "mv", "install", "ln") else operands
        targets += [argument[3:] for argument in command.arguments if argument.startswith("of=")]
    if command.name == "sed" and command.has_option("i", "in-place"):
        targets += command.operands()[1:]
    if command.name in ("sed", "gsed"):
        targets += [path for argument in command.arguments for path in _SED_WRITES.findall(argument)]
    targets += find_writes(command)
    places = [normalise(target, command.cwd) for target in targets]
    return any(
        place in _SYSTEM_FILES or place.startswith(("/etc/sudoers.d/", "/etc/pam.d/", "/boot/vmlinuz", "/boot/initr"))
        for place in places
    )


def fork_bomb(commands: Sequence[Command]) -> Iterator[Command]:
    """Functions that call themselves twice, one of the calls piped or in the background; endless fork in code."""
    calls: dict[str, list[Command]] = {}
    for command in commands:
        if command.in_function and command.name == command.in_function:
            calls.setdefault(command.name, []).append(command)
        text = code.inline_code(command)
        if text is not None and has_trait(text, "forks"):
            yield command
    for own in calls.values():
        if len(own) > 1 and any(command.background or command.feeds for command in own):
            yield own[0]
