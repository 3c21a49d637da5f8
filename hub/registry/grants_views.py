"""What people and programs see of a grant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.grants import Grant, GrantState
from catalog.tables import DepartmentRow, SystemRow, table
from hub.clock import rfc3339

_SYSTEMS: Final = table(SystemRow)
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant with the names of both sides, read at one instant."""

    grant: Grant
    system: str
    owner: str
    in_force: bool

    @property
    def id(self) -> str:
        """The grant's id."""
        return self.grant.id

    @property
    def state(self) -> GrantState:
        """The grant's state, whatever its dates."""
        return self.grant.state

    def as_json(self) -> dict[str, Any]:
        """Additive only: a contract of API and `--json`."""
        grant = self.grant
        return {
            "id": grant.id,
            "system": self.system,
            "owner": self.owner,
            "resource_kind": grant.resource_kind.value,
            "resource": grant.resource,
            "kind": grant.kind.value,
            "purpose": grant.purpose,
            **grant.terms.as_json(),
            "state": grant.state.value,
            "in_force": self.in_force,
            "valid_from": rfc3339(grant.valid_from),
            "valid_until": rfc3339(grant.valid_until),
        }


def shown(tx: Connection, grants: Sequence[Grant], now: datetime) -> list[GrantView]:
    """Grants with the names of both sides."""
    systems = _codes(tx, _SYSTEMS.c.id, _SYSTEMS.c.client_id, {grant.system_id for grant in grants})
    owners = _codes(tx, _DEPARTMENTS.c.id, _DEPARTMENTS.c.code, {grant.owner_department_id for grant in grants})
    return [
        GrantView(
            grant=grant,
            system=systems[grant.system_id],
            owner=owners[grant.owner_department_id],
            in_force=grant.state is GrantState.LIVE and grant.valid_from <= now < grant.valid_until,
        )
        for grant in grants
    ]


def holding_department(tx: Connection, system_id: str) -> str:
    """The department whose system holds a grant."""
    query = select(_SYSTEMS.c.owner_department_id).where(_SYSTEMS.c.id == system_id)
    return str(tx.execute(query).scalar_one())


def _codes(tx: Connection, key: Any, code: Any, ids: set[str]) -> dict[str, str]:
    return dict(tx.execute(select(key, code).where(key.in_(sorted(ids)))).tuples().all())
