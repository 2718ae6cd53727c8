"""Every error this product raises on purpose, as one small tree.

AxonFlowError                 carries a message and, where there is one, a remedy
├── SettingsError             a setting or settings file that cannot be used
│   └── CredentialError       a credential or licence file that cannot be trusted or read
├── HookInputError            the host sent something that is not a hook event
├── AgentError                a call to the agent that gave no verdict
│   ├── AgentUnavailable      no answer, or one that says "not now": the fail mode decides
│   │   └── RateLimited       429: as above, and not again before `retry_after` seconds
│   ├── AgentRefused          the agent refuses the caller or the call: always a deny
│   └── MalformedVerdict      a result that is no verdict: always a deny
├── AccountError              registration, recovery or licence handling failed
└── PolicyPackError           a policy pack that is not valid
"""

from __future__ import annotations


class AxonFlowError(Exception):
    """Base of the tree. `message` names the thing, `remedy` says what to do; neither ever holds a secret."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class SettingsError(AxonFlowError):
    """A setting (environment variable or `config.toml` key) whose value cannot be used."""


class CredentialError(SettingsError):
    """A credential or licence file with the wrong owner, mode or content."""


class HookInputError(AxonFlowError):
    """Standard input of a hook that is not one JSON object of a known event."""


class AgentError(AxonFlowError):
    """A call to the agent that ended without a verdict."""


class AgentUnavailable(AgentError):  # noqa: N818 - reads as the state it reports
    """Refused, DNS, timeout, reset, 5xx, -32603, -32700 or an unknown code: the fail mode decides."""


class RateLimited(AgentUnavailable):
    """HTTP 429. `retry_after` is the number of seconds to stay away, at least 1."""

    def __init__(self, message: str, *, retry_after: float, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class AgentRefused(AgentError):  # noqa: N818
    """4xx but 408, 425 and 429, or -32001, -32600, -32601, -32602: `code` is the HTTP status or the JSON-RPC code."""

    def __init__(self, message: str, *, code: int, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


class MalformedVerdict(AgentError):  # noqa: N818
    """A tool result that is an error, or lacks a boolean `allowed`: not a verdict, so never an allow."""


class AccountError(AxonFlowError):
    """Registration, recovery or licence handling that failed."""


class PolicyPackError(AxonFlowError):
    """A policy pack that cannot be loaded; the message names the file, the policy and the fault."""
