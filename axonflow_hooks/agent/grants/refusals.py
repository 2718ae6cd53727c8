"""A grant that is refused: one exception for the REST routes and the MCP tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axonflow_hooks.errors import AxonFlowError

if TYPE_CHECKING:
    from collections.abc import Mapping


class GrantRefused(AxonFlowError):  # noqa: N818
    """`status` is the HTTP status, `code` a word for programs, `extra` what the REST body has besides."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.extra = dict(extra or {})
