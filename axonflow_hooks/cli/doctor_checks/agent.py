"""The agent: reached over a trusted connection, healthy, and willing to serve this user."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from axonflow_hooks.cli.doctor_checks.finding import Finding, NotCheckedError, fail, ok, warn
from axonflow_hooks.cli.doctor_checks.machine import AGENT_WAIT_S
from axonflow_hooks.client import one_line
from axonflow_hooks.errors import AgentRefused, AxonFlowError, RateLimited, SettingsError
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    from axonflow_hooks.cli.doctor_checks.machine import Machine

POLICY_STATUS: Final = "/api/v1/static-policies/status"
START: Final = "Start one with `axonflow-hooks agent`, or set AXONFLOW_ENDPOINT to the agent you use."


def endpoint(machine: Machine) -> Finding:
    """Whether something answers at the endpoint, over TLS where the way is not within this machine."""
    settings = machine.settings
    if settings.mode == "unconfigured":
        return fail("endpoint", "No agent is configured and Community SaaS is off.", START)
    if isinstance(machine.health, AxonFlowError):
        text, fix = _diagnose(settings.endpoint)
        return fail("endpoint", f"{machine.health.message} {text}".strip(), fix or machine.health.remedy or START)
    if settings.plain_http_to_remote:
        return warn(
            "endpoint",
            f"{settings.endpoint} is reached over plain http: credentials and statements cross the network in clear.",
            "Use https.",
        )
    return ok("endpoint", f"{settings.endpoint} answers" + (", TLS verified" if _is_tls(settings.endpoint) else ""))


def health(machine: Machine) -> Finding:
    """Whether the agent says that it is well."""
    if isinstance(machine.health, AxonFlowError):
        raise NotCheckedError("the agent does not answer")
    said = one_line(machine.health.status)
    version = f", version {one_line(machine.health.version)}" if machine.health.version else ""
    if said != "healthy":
        return fail("agent", f"The agent says it is {said}{version}.", "See the agent's own log, and restart it.")
    return ok("agent", f"healthy{version}")


def credential(machine: Machine) -> Finding:
    """Whether the agent serves this user; asks with a call that changes nothing."""
    mode = machine.settings.mode
    try:
        found = machine.credential
    except SettingsError as error:
        return fail("credential", error.message, error.remedy)
    if mode == "unconfigured" or isinstance(machine.health, AxonFlowError):
        raise NotCheckedError("the agent does not answer")
    if not machine.is_registered:
        return warn(
            "credential",
            "This machine has no Community SaaS tenant yet; the first governed tool call registers one.",
            "Use Claude Code once with the plugin, or bring an earlier tenant back with `axonflow-hooks recover`.",
        )
    who = f"client {one_line(found.client_id)} ({found.source})" if found else "a caller without a credential"
    try:
        machine.call_tool("search_audit_events", {"limit": 1})
    except RateLimited as error:
        return warn("credential", error.message, f"Try again in {error.retry_after:.0f} s.")
    except AgentRefused as error:
        fix = "Set AXONFLOW_AUTH to the base64 of client-id:client-secret that this agent knows, and AXONFLOW_ENDPOINT"
        return fail(
            "credential", f"The agent refuses {who}: {one_line(error.message)}", f"{fix} to the agent it is for."
        )
    except AxonFlowError as error:
        return fail("credential", one_line(error.message), error.remedy or "See the agent's own log.")
    return ok("credential", f"the agent serves {who}")


def policies(machine: Machine) -> Finding:
    """Whether the agent uses all the policies that it was given, as far as it says so: an embedded one does."""
    if isinstance(machine.health, AxonFlowError):
        raise NotCheckedError("the agent does not answer")
    faults = _policy_faults(machine)
    count = (machine.health.policy_faults or 0) if faults is None else len(faults)
    if not count:
        return ok("policies", "the agent names none that it cannot use")
    text = f"{_counted(count)} not in use"
    if faults is None:
        return warn("policies", f"{text}.", f"See which and why: axonflow-hooks agent status, or GET {POLICY_STATUS}")
    more = f" (and {len(faults) - 1} more: GET {POLICY_STATUS})" if len(faults) > 1 else ""
    return warn(
        "policies",
        f"{text}: {one_line(faults[0])}{more}",
        "Correct or delete the file or policy that is named; `axonflow-hooks policy test FILE` says what is wrong in a "
        "file. Meanwhile the last good set is in use.",
    )


def _policy_faults(machine: Machine) -> list[str] | None:
    """Give what the agent does not use for this user, None where it does not say."""
    if not machine.is_registered:
        return None
    try:
        reply = machine.get(POLICY_STATUS)
    except AxonFlowError:
        return None
    found = reply.body.get("faults") if reply.status == httpx.codes.OK else None
    return [str(fault) for fault in found] if isinstance(found, list) else None


def _counted(count: int) -> str:
    return "1 policy or file of policies is" if count == 1 else f"{count} policies or files of policies are"


def _diagnose(url: str) -> tuple[str, str]:
    """Say why an endpoint is not reached, and the fix, by taking the connection's steps one by one."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if _is_tls(url) else 80)
    if not is_loopback_url(url) and getproxies().get(parts.scheme):
        return "", "Check the proxy (HTTPS_PROXY, NO_PROXY) and that the agent is running."
    try:
        with socket.create_connection((host, port), timeout=AGENT_WAIT_S) as link:
            if _is_tls(url):
                with httpx.create_ssl_context().wrap_socket(link, server_hostname=host):
                    pass
    except socket.gaierror:
        return f"No address is known for {host}.", "Correct AXONFLOW_ENDPOINT, or check the network's name service."
    except ssl.SSLCertVerificationError as error:
        said = one_line(error.verify_message)
        return f"Its certificate is not trusted: {said}.", "Set SSL_CERT_FILE to your organisation's certificates."
    except ssl.SSLError:
        return "It does not speak TLS as expected.", "Check whether AXONFLOW_ENDPOINT should begin with http://."
    except ConnectionRefusedError:
        return f"Nothing listens on port {port}.", START
    except OSError as error:
        return f"({error.strerror or type(error).__name__})", "Check the network, a firewall, and AXONFLOW_ENDPOINT."
    return (
        "It accepts connections but gave no valid answer.",
        f"Check that AXONFLOW_ENDPOINT is an agent's URL. {START}",
    )


def _is_tls(url: str) -> bool:
    return url.startswith("https://")
