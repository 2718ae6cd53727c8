"""What can go wrong inside the agent, all below AxonFlowError.

AxonFlowError
├── StartupError        the agent cannot start; the message is for the person who started it
├── StoreUnavailable    a record could not be made durable, or not be read: answered as an internal error
├── InvalidArguments    a call that the contract answers with -32602
├── ToolFailure         a call that the contract answers with isError and this text
└── PolicyRefused       a change of a policy that is refused, with its HTTP status

And RestRefused, which is no fault but an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axonflow_hooks.errors import AxonFlowError

if TYPE_CHECKING:
    from collections.abc import Mapping


class StartupError(AxonFlowError):
    """The port is taken, the data folder cannot be used, the database is damaged, and so on."""


class StoreUnavailable(AxonFlowError):  # noqa: N818 - reads as the state it reports
    """The disk is full, the database is broken, or more records wait than the queue holds."""


class InvalidArguments(AxonFlowError):  # noqa: N818
    """Parameters of the wrong type or range."""


class ToolFailure(AxonFlowError):  # noqa: N818
    """A tool that did not do its work; `message` is the text that the caller reads."""


class PolicyRefused(AxonFlowError):  # noqa: N818
    """A policy that is not there, not the caller's to change, or has an override already; `status` says which."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class RestRefused(Exception):  # noqa: N818
    """A request that the contract answers with an error status: `message` is what the caller reads.

    `code` replaces the code that goes with the status in the coded envelope, `extra` adds fields to the body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
