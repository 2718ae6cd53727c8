"""Puts the parts of a proxy together, and keeps the small duties that no call waits for."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.errors import CredentialError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.proxy.agent_link import link_to, needs_proxy
from axonflow_hooks.proxy.audit import AuditTrail
from axonflow_hooks.proxy.audit_file import AuditFile
from axonflow_hooks.proxy.backend import BackendHost
from axonflow_hooks.proxy.backend_side import BackendSide
from axonflow_hooks.proxy.breaker import Breaker
from axonflow_hooks.proxy.client_progress import ClientProgress
from axonflow_hooks.proxy.fleet import Fleet
from axonflow_hooks.proxy.governed import Governance
from axonflow_hooks.proxy.guardian import Guardian
from axonflow_hooks.proxy.integrity import Integrity
from axonflow_hooks.proxy.pdp import Pdp
from axonflow_hooks.proxy.pins import pin_store
from axonflow_hooks.proxy.refusals import Refusal
from axonflow_hooks.proxy.request_plane import RequestPlane
from axonflow_hooks.proxy.response_plane import ResponsePlane
from axonflow_hooks.proxy.router import Router
from axonflow_hooks.proxy.routes import Routes
from axonflow_hooks.proxy.straight_call import StraightCalls
from axonflow_hooks.proxy.upkeep import AuditKeeper, ListKeeper, again_and_again
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.proxy.backend_map import Backend
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.settings import ProxySettings


@dataclass(slots=True)
class Assembly:
    """The parts of one proxy."""

    settings: ProxySettings
    diagnostics: Diagnostics
    pdp: Pdp
    governance: Governance
    integrity: Integrity
    fleet: Fleet
    routes: Routes
    router: Router
    audit_file: AuditFile | None
    audit: AuditKeeper | None = field(init=False)
    lists: ListKeeper = field(init=False)
    guardian: Guardian = field(default_factory=Guardian)
    client_progress: ClientProgress = field(default_factory=ClientProgress)
    _sides: list[BackendSide] = field(default_factory=list)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _client_ready: bool = False
    _unannounced: bool = False

    def __post_init__(self) -> None:
        """Give the parts their keepers."""
        self.audit = AuditKeeper(self.audit_file, self.diagnostics) if self.audit_file is not None else None
        self.lists = ListKeeper(self.fleet, self.integrity, self.diagnostics, self._announce)

    def start_backends(
        self, backends: list[Backend], environ: Mapping[str, str], capabilities: Mapping[str, Any]
    ) -> None:
        """Start all backends; `capabilities` are the client's."""
        self.fleet.start([self._host(backend, environ, capabilities) for backend in backends])

    def _host(self, backend: Backend, environ: Mapping[str, str], capabilities: Mapping[str, Any]) -> BackendHost:
        side = BackendSide(
            backend.id,
            backend.binary,
            self.router,
            self.routes,
            self.governance,
            self.diagnostics,
            capabilities,
            lambda: self.fleet.catalogues[backend.id],
            self.client_progress,
        )
        self._sides.append(side)
        return BackendHost(
            backend,
            environ,
            side,
            self.diagnostics,
            self.guardian,
            capabilities,
            self.settings.backend_timeout_s,
            on_up=self._up,
            on_down=lambda _: None,
        )

    def client_ready(self) -> None:
        """The client has finished its side of the handshake: from now on it may be notified."""
        self._client_ready = True
        if self._unannounced:
            self._announce()

    def _up(self, host: BackendHost) -> None:
        self.fleet.catalogues[host.id].renew()
        self._announce()
        self._spawn(self._restore(host))

    async def _restore(self, host: BackendHost) -> None:
        try:
            await self.routes.restore(host)
        except Refusal:
            pass  # it was lost again, or does not take what it offers
        except Exception as error:  # noqa: BLE001 - said here, where a task would end without a word
            self.diagnostics.say(f"backend {host.id}: it was not told all it should know ({type(error).__name__}).")

    def _announce(self) -> None:
        """Tell the client that lists it has seen may have changed."""
        self._unannounced = self.router.shaken and not self._client_ready
        if not self._unannounced:
            for kind in ("tools", "resources", "prompts"):
                if f"{kind}/list" in self.routes.listed:
                    self.router.announce(f"notifications/{kind}/list_changed")

    async def upkeep(self, every_s: float) -> None:
        """Do what no call waits for, until this is cancelled: keep the audit file, see approvals and new verdicts."""
        duties = [self.lists.keep, *([self.audit.keep] if self.audit is not None else [])]
        await asyncio.gather(*(again_and_again(duty, every_s, self.diagnostics) for duty in duties))

    def warnings(self, backends: list[Backend]) -> list[str]:
        """Give what the user should know at start."""
        found = [f"Governing {len(backends)} server(s) through AxonFlow at {self.settings.endpoint}."]
        if self.settings.plain_http_to_remote:
            found.append(f"WARNING {self.settings.endpoint} is not encrypted: credentials and data cross the network.")
        if self.settings.redact_responses == "off":
            found.append("WARNING AXONFLOW_REDACT_RESPONSES=off: results are neither checked nor masked.")
        if self.settings.fail_mode == "open":
            found.append("WARNING AXONFLOW_FAIL_MODE=open: calls run without a decision while the agent is down.")
        found += [
            f"WARNING backend {backend.id}: its headers cross the network unencrypted."
            for backend in backends
            if backend.sends_secrets_in_the_clear
        ]
        return found

    def roots_changed(self) -> None:
        """Tell the backends that the client's roots have changed."""
        for host in self.fleet.hosts():
            if host.session is not None:
                self._spawn(host.session.notify("notifications/roots/list_changed"))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """End the backends and close what is open."""
        for side in self._sides:
            side.stop()
        for task in list(self._tasks):
            task.cancel()
        self.lists.close()
        await self.fleet.stop()
        self.guardian.close()
        await self.governance.schemas.aclose()
        await self.pdp.link.aclose()
        if self.audit is not None:
            self.audit.close()


def assemble(settings: ProxySettings, environ: Mapping[str, str], diagnostics: Diagnostics) -> Assembly:
    """Put a proxy together. Raises SettingsError for an audit file or a credential that cannot be used."""
    paths = resolve_paths(environ)
    link = link_to(settings.endpoint, behind_proxy=needs_proxy(settings.endpoint))

    def credential() -> str:
        return settings.basic or _local_credential(settings, environ, diagnostics)

    pdp = Pdp(settings, link, Breaker(time.monotonic), credential)
    responses = ResponsePlane(pdp)
    file = AuditFile(settings.audit_log) if settings.audit_log is not None else None
    trail = AuditTrail(settings, diagnostics, file)
    requests = RequestPlane(pdp, fail_open=settings.fail_mode == "open")
    governance = Governance(requests, responses, trail, settings.redact_responses)
    integrity = Integrity(pin_store(paths), responses, diagnostics)
    router = Router(diagnostics, starting=lambda _: None)
    fleet = Fleet(integrity, diagnostics, lambda kind: router.announce(f"notifications/{kind.capability}/list_changed"))
    routes = Routes(fleet, governance)
    router.routes, router.shortcut = routes.table(), StraightCalls(router, routes).start
    assembly = Assembly(settings, diagnostics, pdp, governance, integrity, fleet, routes, router, file)
    router.notices["notifications/initialized"] = lambda _: assembly.client_ready()
    router.notices["notifications/roots/list_changed"] = lambda _: assembly.roots_changed()
    router.notices["notifications/progress"] = assembly.client_progress.take
    return assembly


def _local_credential(settings: ProxySettings, environ: Mapping[str, str], diagnostics: Diagnostics) -> str:
    """Give the credential that the embedded agent of this machine has created for its user, "" for none."""
    if not is_loopback_url(settings.endpoint):
        return ""
    try:
        pair = credential_for(resolve_paths(environ), settings.endpoint)
    except CredentialError as error:
        diagnostics.say(f"The credential of the local agent cannot be used: {error}")
        return ""
    return base64.b64encode(":".join(pair).encode()).decode("ascii") if pair else ""
