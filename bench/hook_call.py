"""What a hook call costs, as the host waits for it: everything interleaved in one run, written as Markdown tables.

`--write FILE` puts the tables between the marks of docs/performance.md. Milliseconds are of this machine; the ratios
carry over better.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from axonflow_hooks import relay
from axonflow_hooks.account.credentials import resolve_connection
from axonflow_hooks.client import MCP_PATH
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import load_settings
from axonflow_hooks.wire import jsonrpc
from bench.far_agent import far_agent
from bench.load import CALLS, cold_starts, memory_over_calls
from bench.timing import Case, Times, machine, measure, measure_at_once, table
from devtools.live import ROOT, Host, clean_environment, residents_ended, running_agent

SSN = "123-45-" + "6789"
BARE = "bare interpreter (-I -S -c pass)"
AGENT = "the agent alone, on a kept connection"
ALLOW = "PreToolUse allowed"
ROUND_TRIP_S = 0.030
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
PLAIN_HOOK = """
import sys, httpx, pydantic
body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "check_policy",
        "arguments": {"connector_type": "claude_code.Bash", "statement": "git status"}}}
sys.stdin.read()
reply = httpx.post(sys.argv[1], json=body, headers={"Authorization": "Basic " + sys.argv[2]},
                   trust_env=bool(sys.argv[3:]))
print(reply.json()["result"] and "")
"""


@dataclass
class Site:
    """A home with sockets of its own, the host's environment in it, and payloads that are all different calls."""

    home: Path
    host: Host
    serial: itertools.count[int] = field(default_factory=itertools.count)

    def payload(self, event: str, command: str, **more: Any) -> bytes:
        """Give the JSON of a Bash call's event."""
        fields = {"tool_name": "Bash", "tool_use_id": f"toolu_{next(self.serial)}", "tool_input": {"command": command}}
        return self.host.payload(event, **fields, **more).encode()

    def finished(self, output: str) -> bytes:
        """Give the JSON of a finished Bash call."""
        response = {"stdout": output, "stderr": "", "interrupted": False, "isImage": False, "noOutputExpected": False}
        return self.payload("PostToolUse", "cat notes.txt", tool_response=response, duration_ms=5)


def hook_cases(site: Site, environ: dict[str, str], *, all_of_them: bool) -> list[Case]:
    """Give the ways of answering a hook that are compared."""
    script = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "relay.py")]
    direct = [sys.executable, "-I", str(ROOT / "hooks" / "dispatch.py"), "--in-process", "pre-tool-use"]

    def allowed() -> bytes:
        return site.payload("PreToolUse", "git status")

    cases = [Case(f"relay: {ALLOW}", [*script, "pre-tool-use"], allowed, environ)]
    if all_of_them:
        denied = "rm -rf / --no-preserve-root"
        cases += [
            Case(f"hooks/run: {ALLOW}", ["sh", str(ROOT / "hooks" / "run"), "pre-tool-use"], allowed, environ),
            Case(
                "relay: PreToolUse denied",
                [*script, "pre-tool-use"],
                lambda: site.payload("PreToolUse", denied),
                environ,
            ),
            Case("relay: PostToolUse clean", [*script, "post-tool-use"], lambda: site.finished("all is well"), environ),
            Case(
                "relay: PostToolUse with PII", [*script, "post-tool-use"], lambda: site.finished(f"ssn {SSN}"), environ
            ),
        ]
    return [*cases, Case(f"without a resident: {ALLOW}", direct, allowed, environ)]


def agent_case(environ: dict[str, str], certificate: str) -> tuple[Case, Case]:
    """Give the agent's own time for a verdict, and that of a hook that makes a new client for it."""
    paths = resolve_paths(environ)
    settings = load_settings(environ, paths)
    connection = asyncio.run(resolve_connection(settings, paths, timeout_s=5))
    client = httpx.Client(headers=connection.headers("bench"), verify=_trusting(certificate), trust_env=False)
    statement = {"connector_type": "claude_code.Bash", "statement": "git status"}
    body = jsonrpc.tool_call("check_policy", statement)
    url = connection.endpoint + MCP_PATH

    def ask() -> None:
        client.post(url, content=body, headers={"Content-Type": "application/json"}).raise_for_status()

    plain = [sys.executable, "-I", "-c", PLAIN_HOOK, url, connection.basic, *([certificate] if certificate else [])]
    return Case(AGENT, call=ask), Case("plain hook with httpx", plain, bytes, environ)


def _trusting(certificate: str) -> Any:
    import ssl

    return ssl.create_default_context(cafile=certificate) if certificate else True


def run(site: Site, rounds: int) -> str:
    """Measure everything and give the Markdown."""
    parts = [f"{machine()}; {rounds} rounds."]
    bare = Case(BARE, [sys.executable, "-I", "-S", "-c", "pass"])
    with running_agent(site.host.environ) as endpoint:
        site.host.environ["AXONFLOW_ENDPOINT"] = endpoint
        environ = site.host.hook_environment()
        agent, plain = agent_case(environ, "")
        near = measure([bare, agent, *hook_cases(site, environ, all_of_them=True), plain], rounds)
        parts += ["### Over loopback", table("one hook call", near, BARE), verdict_of(near)]
        parts += ["### At once", at_once(hook_cases(site, environ, all_of_them=False)[0], max(20, rounds // 3))]
        auth = next(iter(resolve_auth(environ)))
        with far_agent(urlsplit(endpoint).port or 0, ROUND_TRIP_S, site.home) as (url, certificate):
            remote = {**environ, "AXONFLOW_ENDPOINT": url, "AXONFLOW_AUTH": auth, "SSL_CERT_FILE": str(certificate)}
            agent, plain = agent_case(remote, str(certificate))
            far = measure([bare, agent, *hook_cases(site, remote, all_of_them=False), plain], max(10, rounds // 3))
        parts += ["### Over TLS with a round trip of 30 ms", table("one hook call", far, BARE)]
        parts += ["### The resident", resident_figures(site, environ)]
    return "\n\n".join(parts) + "\n"


def resolve_auth(environ: dict[str, str]) -> list[str]:
    """Give the credential that the agent has made for this user."""
    paths = resolve_paths(environ)
    return [asyncio.run(resolve_connection(load_settings(environ, paths), paths, timeout_s=5)).basic]


def verdict_of(times: dict[str, Times]) -> str:
    """Compare the relay with what it may cost."""
    allowed = times[f"relay: {ALLOW}"].p50
    limit = 1.35 * times[BARE].p50 + times[AGENT].p50
    return f"An allowed call: {allowed:.1f} ms; 1.35 bare interpreters and the agent's own time: {limit:.1f} ms."


def at_once(case: Case, rounds: int) -> str:
    """Measure calls that come together."""
    times = {str(count): measure_at_once(case, count, rounds) for count in (1, 5, 20)}
    worst = times["20"].p95 / times["1"].p50
    return table("calls at once", times, "1") + f"\n\np95 of 20 at once: {worst:.1f} times the p50 of one."


def resident_figures(site: Site, environ: dict[str, str]) -> str:
    """Measure cold start and memory."""
    starts = cold_starts(site.home, environ, lambda: site.payload("PreToolUse", "git status"), 20)
    address = relay.address_of(environ)
    words = itertools.cycle(["pre-tool-use", "pre-tool-use", "post-tool-use"])

    def payload() -> tuple[str, bytes]:
        word = next(words)
        return word, site.payload("PreToolUse", "git status") if word == "pre-tool-use" else site.finished("fine")

    early, late = memory_over_calls(address, environ, payload)
    memory = f"Memory: {early:.1f} MB after {CALLS[0]:,} calls, {late:.1f} MB after {CALLS[1]:,}"
    return f"{table('cold start', starts, next(iter(starts)))}\n\n{memory} ({late / early - 1:+.1%})."


def main() -> int:
    """Print the tables, or write them, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="ax-", dir="/tmp"))
    try:
        host = Host(home, {**clean_environment(home), "AXONFLOW_RESIDENT_IDLE_S": "1800"})
        with residents_ended(host.environ):
            figures = run(Site(home, host), given.rounds)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if given.write:
        text = given.write.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)
        given.write.write_text(f"{head}{BEGIN}\n\n{figures}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
