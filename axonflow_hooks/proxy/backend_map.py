"""The backend map: which MCP servers stand behind the proxy, as a JSON file or inline in AXONFLOW_BACKENDS.

An array of entries, or {"backends": [entries]}. An entry names a program (`command`, `args`, `env`, `cwd`) or a
Streamable HTTP server (`url`, `headers`). Secrets stand in the map by reference only: {"env": NAME} or {"file": PATH}.
"""

from __future__ import annotations

import json
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.private_files import check_private
from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_value
from axonflow_hooks.proxy.json_lines import line_of
from axonflow_hooks.setting_values import duration
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.proxy.settings import ProxySettings

MAX_MAP_BYTES: Final = 1_000_000
MAX_BACKENDS: Final = 64
MAX_SECRET_BYTES: Final = 64_000
EXAMPLE: Final = '[{"id": "files", "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "DIR"]}]'

# One underscore at a time and none at the ends: `<id>__<tool>` then has one reading.
_ID: Final = r"^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$"
_SECRET_HEADER: Final = re.compile(r"auth|token|key|secret|cookie|password|credential", re.IGNORECASE)
_TRANSPORT_HEADERS: Final = frozenset(
    "accept content-type content-length host connection transfer-encoding mcp-session-id mcp-protocol-version".split()
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class EnvReference(_Strict):
    """A secret in one of the proxy's own environment variables, after `prefix`, such as "Bearer "."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    prefix: str = ""

    @field_validator("env")
    @classmethod
    def _not_the_proxys_own(cls, name: str) -> str:
        if name.upper().startswith("AXONFLOW_"):
            raise ValueError(f"{name} is the proxy's own setting, which no server is given: name another variable")
        return name


class FileReference(_Strict):
    """A secret in a file that only this user can read, after `prefix`; blanks around it do not count."""

    file: Annotated[str, Field(min_length=1)]
    prefix: str = ""


def _kind(value: object) -> str:
    """Tell what a value is meant as, so that an error speaks of that alone."""
    if isinstance(value, dict):
        return "FileReference" if "file" in value else "EnvReference"
    return type(value).__name__ if isinstance(value, (EnvReference, FileReference)) else "str"


Value = Annotated[
    Annotated[str, Tag("str")]
    | Annotated[EnvReference, Tag("EnvReference")]
    | Annotated[FileReference, Tag("FileReference")],
    Discriminator(_kind),
]


class Backend(_Strict):
    """One MCP server of the map; `timeout` is a duration such as "30s"."""

    id: Annotated[str, Field(pattern=_ID, max_length=32)]
    type: Literal["stdio", "http"] | None = None
    command: Annotated[str, Field(min_length=1)] | None = None
    args: list[str] = Field(default_factory=list)
    env: dict[str, Value] = Field(default_factory=dict)
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, Value] = Field(default_factory=dict)
    allow: list[str] | None = None
    deny: list[str] = Field(default_factory=list)
    binary: Literal["forward", "withhold"] = "forward"
    timeout: str | None = None

    @field_validator("url")
    @classmethod
    def _usable_url(cls, value: str | None) -> str | None:
        try:
            parts = urlsplit(value or "http://x")
            port = parts.port
        except ValueError:
            raise ValueError("give an http or https URL with a valid host and port") from None
        if port == 0 or parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("give an http or https URL without credentials")
        return value

    @field_validator("timeout")
    @classmethod
    def _usable_timeout(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                duration(value, "timeout")
            except SettingsError as error:
                raise ValueError(error.remedy) from None
        return value

    @field_validator("headers")
    @classmethod
    def _usable_headers(cls, headers: dict[str, Value]) -> dict[str, Value]:
        for name, value in headers.items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or name.lower() in _TRANSPORT_HEADERS:
                raise ValueError(f"{name!r} cannot be set here")
            if isinstance(value, str) and not (value.isascii() and value.isprintable()):
                raise ValueError(f"{name} must be printable ASCII")
            if isinstance(value, str) and _SECRET_HEADER.search(name):
                raise ValueError(f'{name} is a secret: give {{"env": "NAME"}} or {{"file": "/path"}} instead of it')
        return headers

    @field_validator("command", "args", "env", "cwd")
    @classmethod
    def _startable(cls, value: Any) -> Any:
        given = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and "\0" in text for text in given):
            raise ValueError("no program can be given a NUL character")
        if isinstance(value, dict) and any(not name or "=" in name for name in value):
            raise ValueError("the name of a variable is neither empty nor holds =")
        return value

    @model_validator(mode="after")
    def _one_transport(self) -> Backend:
        if (self.command is None) == (self.url is None):
            raise ValueError("give either command (a program) or url (a Streamable HTTP server)")
        if self.type is not None and (self.type == "http") != (self.url is not None):
            raise ValueError(f"type {self.type} does not fit: stdio needs command, http needs url")
        if self.url is not None and (self.args or self.env or self.cwd):
            raise ValueError("args, env and cwd belong to a command, not to a url")
        if self.command is not None and self.headers:
            raise ValueError("headers belong to a url, not to a command")
        return self

    def timeout_s(self, default: float) -> float:
        """Give the seconds that a call of this backend may take."""
        return duration(self.timeout, "timeout") if self.timeout else default

    def exposes(self, tool: str) -> bool:
        """Tell whether the allow and deny lists (names, or patterns with `*`) let a tool be seen and called."""
        allowed = self.allow is None or any(fnmatchcase(tool, pattern) for pattern in self.allow)
        return allowed and not any(fnmatchcase(tool, pattern) for pattern in self.deny)

    @property
    def sends_secrets_in_the_clear(self) -> bool:
        """True when headers would cross a network unencrypted."""
        url = self.url or ""
        return bool(self.headers) and url.startswith("http://") and not is_loopback_url(url)


_ENTRIES: Final = TypeAdapter(list[Backend])


def load_backends(settings: ProxySettings) -> list[Backend]:
    """Give the backends of the map that the settings name. Raises SettingsError with the line and the remedy."""
    if settings.backends_file is None:
        return parse_backends(settings.backends_inline, "AXONFLOW_BACKENDS")
    name = f"The backend map {settings.backends_file} (AXONFLOW_BACKENDS_FILE)"
    try:
        with settings.backends_file.open("rb") as stream:
            data = stream.read(MAX_MAP_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}.", remedy="Correct the path.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name} is not UTF-8.", remedy="Save it as UTF-8.") from None
    return parse_backends(text, name)


def parse_backends(text: str, name: str) -> list[Backend]:
    """Take the text of a map and what to call it, give its backends. Raises SettingsError."""
    if len(text) > MAX_MAP_BYTES:
        raise SettingsError(f"{name} is larger than {MAX_MAP_BYTES} bytes.", remedy="Split it.")
    loaded = _load(text, name)
    prefix: tuple[str, ...] = ()
    if isinstance(loaded, dict) and set(loaded) == {"backends"}:
        loaded, prefix = loaded["backends"], ("backends",)
    if not isinstance(loaded, list) or not 0 < len(loaded) <= MAX_BACKENDS:
        raise SettingsError(
            f'{name} is neither an array of 1 to {MAX_BACKENDS} backends nor {{"backends": […]}}.',
            remedy=f"Write it like this: {EXAMPLE}",
        )
    try:
        backends = _ENTRIES.validate_python(loaded)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = _value_path(first["loc"])
        where = ".".join(str(step) for step in path[1:]) or "the entry"
        raise SettingsError(
            f"{name}, line {line_of(text, (*prefix, *path))}: backend {path[0] + 1}, {where}: "
            f"{first['msg'].removeprefix('Value error, ').rstrip('.')}.",
            remedy="Correct it; `axonflow-hooks proxy check` shows whether the map is good.",
        ) from None
    _check_unique(backends, text, name, prefix)
    return backends


def _load(text: str, name: str) -> Any:
    try:
        json.loads(text)
        return read_value(text)
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"{name}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}).",
            remedy="Correct it: names and texts in double quotes, no comma after the last entry, no comments.",
        ) from None
    except (UnreadableMessage, ValueError, RecursionError) as error:
        raise SettingsError(f"{name} is not usable: {error}.", remedy="Correct it.") from None


def _value_path(location: tuple[int | str, ...]) -> tuple[Any, ...]:
    # pydantic names the members of a union in the location; none of them is a key of the map.
    kinds = {"str", "EnvReference", "FileReference"}
    return tuple(step for step in location if step not in kinds)


def _check_unique(backends: list[Backend], text: str, name: str, prefix: tuple[str, ...]) -> None:
    seen: dict[str, int] = {}
    for index, backend in enumerate(backends):
        key = backend.id.lower()
        if key in seen:
            line = line_of(text, (*prefix, index, "id"))
            raise SettingsError(
                f"{name}, line {line}: the id {backend.id!r} is taken by backend {seen[key] + 1} already.",
                remedy="Give each backend an id of its own.",
            )
        seen[key] = index


def resolve(value: Value, what: str, environ: Mapping[str, str]) -> str:
    """Give the text that a value of the map stands for. Raises SettingsError, naming `what` and never the secret."""
    if isinstance(value, str):
        return value
    if isinstance(value, EnvReference):
        secret = environ.get(value.env, "")
        source, remedy = f"the environment variable {value.env}", "Set it where the host starts the proxy."
    else:
        source, remedy = f"the file {value.file}", "Write the secret into it, readable by you alone."
        secret = _read_secret(_expanded(value.file, what), what)
    if not secret:
        raise SettingsError(f"{what} needs {source}, which is empty or missing.", remedy=remedy)
    if not (value.prefix + secret).isprintable():
        raise SettingsError(f"{what}: {source} holds a line end or a control character.", remedy="Remove it.")
    return value.prefix + secret


def _expanded(path: str, what: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        user = path.partition("/")[0]
        raise SettingsError(f"{what} needs {path}: there is no {user}.", remedy="Give its whole path.") from None


def _read_secret(path: Path, what: str) -> str:
    try:
        with path.open("rb") as stream:
            check_private(path, os.fstat(stream.fileno()))
            return stream.read(MAX_SECRET_BYTES).decode("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:  # a NUL in the path; no UTF-8
        raise SettingsError(
            f"{what} needs {path}, which cannot be read ({type(error).__name__}).", remedy="Make it readable by you."
        ) from None
