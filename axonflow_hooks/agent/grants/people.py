"""For whom a grant holds: the developer where the client names one, else the client itself (wire 1.8).

A client asserts who its developer is; the credential is what it proves. So a name counts for the clients that share a
credential (the hooks, the proxy and the commands of the local user, or those of one registered tenant), and what was
granted to a developer there is nothing that a client which the operator has added can use by naming them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axonflow_hooks.account.local_agent import CLIENT_ID as LOCAL_CLIENT
from axonflow_hooks.agent.tables.records import LOCAL_TENANT

if TYPE_CHECKING:
    from axonflow_hooks.agent.tables.records import Caller

_CLIENT: Final = "client:"


def user_key(caller: Caller) -> str:
    """Give the name under which grants of this caller are kept and looked up."""
    name = caller.user_email.lower() if caller.user_email else ""
    # A header may hold anything: what is no address must not be taken for a client's own name.
    named = bool(name) and not name.startswith(_CLIENT)
    if caller.tenant_id == LOCAL_TENANT and caller.client_id != LOCAL_CLIENT:
        return f"{_CLIENT}{caller.client_id} {name}" if named else f"{_CLIENT}{caller.client_id}"
    return name if named else f"{_CLIENT}{caller.client_id}"
