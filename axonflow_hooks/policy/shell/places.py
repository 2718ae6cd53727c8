"""Paths as commands name them: normalised without touching the file system, and what stands there."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from axonflow_hooks.policy.shell.commands import HOME, UNKNOWN

_SYSTEM: Final = (
    "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "mnt", "media", "opt", "proc", "root", "sbin", "srv",
    "sys", "usr", "var", "Users", "System", "Library", "Applications", "Volumes", "private", "run",
    "Windows", "Program Files", "ProgramData",
    "usr/bin", "usr/lib", "usr/lib64", "usr/local", "usr/sbin", "usr/share", "var/lib", "var/log", "private/etc",
    "private/var", "System/Library",
)  # fmt: skip
SYSTEM_DIRECTORIES: Final = frozenset(f"/{name}" for name in _SYSTEM)
_VITAL: Final = frozenset({
    "/", "/bin", "/boot", "/etc", "/home", "/lib", "/lib64", "/root", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/var",
})  # fmt: skip
_SCRATCH: Final = frozenset({
    "/tmp",  # noqa: S108 - names of directories, nothing is written
    "/app", "/build", "/builds", "/cache", "/code", "/data", "/dist", "/output", "/out", "/project", "/repo",
    "/scratch", "/src", "/target", "/test", "/tests", "/workdir", "/workspace", "/workspaces", "/path",
})  # fmt: skip
_HOME_VALUABLES: Final = frozenset({
    "Desktop", "Documents", "Downloads", "Library", "Movies", "Music", "Pictures", ".ssh", ".gnupg", ".aws", ".config",
    ".kube",
})  # fmt: skip
_CROOKED: Final = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|//|./$")
_GLOB_OF_TOP: Final = re.compile(r"^/[^/]*[*?\[][^/]*$")
_GLOBS: Final = re.compile(r"\[[^\]]*\]|[*?]")
_LITERALS: Final = 2
"""Letters that a pattern must name to be taken for a file's name in disguise."""
_HOMES: Final = (HOME, "/root", "/home/*", ".")
_KEYS: Final = (".ssh/id_rsa", ".ssh/id_ed25519", ".aws/credentials", ".git-credentials", ".kube/config")
_FAR_UP: Final = 5
"""Levels above the working directory at which a path is taken for the file system's root."""
_HOME_DIRECTORY: Final = re.compile(r"^/(?:home|Users)/[^/]+$|^~[\w.-]+$")
_ROOT_OF_PROCESS: Final = re.compile(r"^/proc/(?:self|thread-self|\d+)/(?:task/\d+/)?root(?=/|$)")
_BLOCK_DEVICE: Final = re.compile(
    r"^/dev/(?:[shv]d[a-z]|xvd[a-z]|nvme\d|mmcblk\d|r?disk\d|mapper/|md\d|dm-\d|loop\d+p|mem$|kmem$|sr\d)"
)
_CREDENTIALS: Final = re.compile(
    r"""(?x)
    (?:^|/)\.ssh/(?:id_[\w@*?-]+|identity|.*_(?:rsa|ed25519|ecdsa|dsa)|[\w.-]+\.pem|\*)$
    | (?:^|/)\.ssh/?$
    | (?:^|/)\.aws(?:/(?:credentials|\*|cli/cache.*|sso/cache.*))?$
    | (?:^|/)\.(?:netrc|pgpass|my\.cnf|git-credentials|pypirc|vault-token|s3cfg|boto|npmrc)$
    | (?:^|/)_netrc$
    | (?:^|/)\.kube/config$ | (?:^|/)\.docker/config\.json$
    | (?:^|/)\.config/gcloud/(?:credentials\.db|access_tokens\.db|application_default_credentials\.json)$
    | (?:^|/)\.config/gcloud/(?:legacy_credentials.*|\*)$
    | (?:^|/)\.config/gh(?:/hosts\.yml|/?)$ | (?:^|/)\.config/hub$
    | (?:^|/)\.config/axonflow/[\w.*-]+$
    | (?:^|/)\.azure/(?:accessTokens\.json|msal_token_cache\.\w+|\*)$
    | (?:^|/)\.gnupg/(?:private-keys-v1\.d.*|secring\.gpg)$
    | (?:^|/)\.terraform\.d/credentials\.tfrc\.json$
    | (?:^|/)\.claude/\.credentials\.json$
    | ^(?:/private)?/etc/(?:shadow|gshadow|master\.passwd|krb5\.keytab)-?$ | ^/etc/ssh/ssh_host_\w+_key$
    | ^/proc/(?:\d+|self|\*)/environ$
    | ^/(?:var/)?run/secrets/(?:kubernetes\.io/serviceaccount/token|[\w.-]+)$
    | ^/etc/ssl/private/. | ^/etc/security/opasswd$
    | /Library/Keychains/ | (?:^|/)(?:Login\ Data|logins\.json|key4\.db|wallet\.dat)$
    | (?i:chrom|brave|edge|firefox|mozilla).*/(?:Cookies|cookies\.sqlite)$
    """
)


_CREDENTIAL_SIGNS: Final = re.compile(
    r"^\.|/\.|etc/|/proc/|secrets/|_netrc|/Library/|Login Data|logins\.json|key4\.db|wallet\.dat|ookies"
)
"""What is in every path that `_CREDENTIALS` matches: a cheap first look."""


def normalise(path: str, cwd: str | None = None) -> str:
    """Take a path as written and give it without `.`, `..`, doubled slashes, made absolute by `cwd` where known."""
    if cwd is not None and not path.startswith(("/", HOME, UNKNOWN)):
        path = f"{cwd}/{path}"
    if not path or not _CROOKED.search(path):
        return path
    absolute = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if parts and parts[-1] != "..":
                parts.pop()
            elif not absolute:
                parts.append(part)
            continue
        parts.append(part)
    joined = "/".join(parts)
    return f"/{joined}" if absolute else joined or "."


def is_system_root(path: str, cwd: str | None = None) -> bool:
    """Whether the path is the file system's root, a system directory, or all that stands directly in one."""
    place = _without_glob(normalise(path, cwd))
    return place == "/" or place in SYSTEM_DIRECTORIES


def is_vital(path: str, cwd: str | None = None) -> bool:
    """Whether the system does not start, or nobody can log in, once the directory is somewhere else."""
    return _without_glob(normalise(path, cwd)) in _VITAL


def is_irreplaceable(path: str, cwd: str | None = None) -> bool:
    """Whether deleting the directory recursively loses a system, a home or what people keep in it."""
    place = normalise(path, cwd)
    if place.startswith("/proc/"):
        path = place = _ROOT_OF_PROCESS.sub("", place) or "/"
    if is_system_root(path, cwd):
        return place not in _SCRATCH and _without_glob(place) not in _SCRATCH
    bare = _without_glob(place)
    if bare == HOME or _HOME_DIRECTORY.match(bare):
        return True
    if bare and not bare.strip("./") and bare.count("..") >= _FAR_UP:
        return True
    head, _slash, rest = bare.partition("/")
    if head == HOME:
        return rest in _HOME_VALUABLES
    if _climbs_into_another_tree(path, place, cwd):
        return True
    if _GLOB_OF_TOP.match(place) and any(fnmatchcase(known, place) for known in _VITAL):
        return True
    return re.fullmatch(r"/[\w.-]+", bare) is not None and bare not in _SCRATCH and (".." in path or "*" in place)


def _climbs_into_another_tree(path: str, place: str, cwd: str | None) -> bool:
    """Whether `..` leads to somebody's home, or below a folder of the system; not from one project to its sibling."""
    if ".." not in path.split("/") or not re.match(r"^/(?:home|Users|etc|usr|var|root|opt)/", place):
        return False
    beside = cwd is not None and not path.startswith("/") and _tree(place) == _tree(normalise(cwd))
    return not beside


def _tree(place: str) -> list[str]:
    """Give the folder that a path lies in, two names long: `/home/ada`, `/opt/shop`."""
    return place.split("/")[:3]


def is_block_device(path: str) -> bool:
    """Whether the path is a disk, a partition or memory as a device."""
    return _BLOCK_DEVICE.match(normalise(path)) is not None


def is_credential_file(path: str, cwd: str | None = None) -> bool:
    """Whether a file of this name keeps keys, tokens or password hashes."""
    # a part that is not known may be any name: it is read as a letter
    place = normalise(path, cwd).replace(UNKNOWN, "x")
    if ("*" in place or "?" in place or "[" in place) and _may_name_key(place):
        return True
    if _CREDENTIAL_SIGNS.search(place) is None:
        return False
    return _CREDENTIALS.search(place) is not None and not path.endswith(".pub")


def _may_name_key(pattern: str) -> bool:
    """Whether a file name pattern spells a key file so that no word of its name is left (`~/.s*h/i*a`)."""
    parts = pattern.split("/")
    keys = _key_files().get(len(parts), ())
    if not any(all(map(fnmatchcase, key, parts)) for key in keys):
        return False
    # a pattern of everything is meant for everything
    return all(len(_GLOBS.sub("", part)) >= _LITERALS for part in parts if _GLOBS.search(part))


@lru_cache(maxsize=1)
def _key_files() -> dict[int, list[list[str]]]:
    """Give the parts of the paths of key files, by their number."""
    found: dict[int, list[list[str]]] = {}
    for path in ("/etc/shadow", *(f"{home}/{key}" for home in _HOMES for key in _KEYS)):
        parts = path.split("/")
        found.setdefault(len(parts), []).append(parts)
    return found


def _without_glob(place: str) -> str:
    for ending in ("/*", "/.*", "/**", "/{*,.*}"):
        if place.endswith(ending):
            return place[: -len(ending)] or "/"
    return place
