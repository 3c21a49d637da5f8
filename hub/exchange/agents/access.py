"""Which system is the agent of a source: the one that its department named in the source's connection."""

from dataclasses import dataclass

from sqlalchemy import Connection

from catalog.source_store import find_source
from hub.access.service import Caller
from hub.registry.guarding import check_source
from hub.storage.errors import MissingError
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Agent:
    """An authenticated agent and the source it stands beside."""

    client_id: str
    key_jwk: dict[str, str]
    source: str
    source_id: str
    writes: bool
    """Whether closed cases are written back through it."""


def agent_of(tx: Connection, caller: Caller, code: str, vault: Vault) -> Agent:
    """The caller as agent of this source.

    Raises: MissingError when it is not, whatever else it may be; IntegrityBrokenError when somebody wrote past the hub
        which system that is.
    """
    stored = find_source(tx, code)
    if (
        stored is None
        or stored.definition.kind != "agent"
        or stored.owner_department_id != caller.department_id
        or stored.definition.connection.get("agent") != caller.client_id
    ):
        raise MissingError("source")
    check_source(vault, stored)
    # A disabled source keeps its deliveries in line until it is enabled again.
    writes = stored.state == "active" and bool(stored.definition.connection.get("write_back"))
    return Agent(caller.client_id, caller.key_jwk, code, stored.id, writes)
