"""Under which system a department's clerks take cases: its counter, as declared in `hub.registry.desks`; and for
what.
"""

from typing import Final

from sqlalchemy import Connection, and_, select

from catalog.grants import CaseKind, ResourceKind
from catalog.store import grants_of
from catalog.tables import SystemKeyRow, SystemRow, table
from hub.access.service import Caller
from hub.intake.errors import NoCounterError
from hub.intake.store import Case
from hub.registry.desks import COUNTER

_SYSTEMS: Final = table(SystemRow)
_KEYS: Final = table(SystemKeyRow)
_GATEWAY: Final = "gateway:%"


def counter_caller(tx: Connection, department_id: str | None) -> Caller:
    """The counter of a department as a caller, by its oldest key in use: copies are bound to that.

    No token was shown: only for staff of this department, who signed in as such.

    Raises: NoCounterError.
    """
    row = tx.execute(
        select(_SYSTEMS.c.id, _SYSTEMS.c.client_id, _SYSTEMS.c.owner_department_id, _KEYS.c.kid, _KEYS.c.jwk)
        .join(_KEYS, _KEYS.c.system_id == _SYSTEMS.c.id)
        .where(
            and_(
                _SYSTEMS.c.owner_department_id == department_id,
                _SYSTEMS.c.desk == COUNTER,
                _SYSTEMS.c.active.is_(True),
                _KEYS.c.active.is_(True),
                _KEYS.c.kid.not_like(_GATEWAY),
            )
        )
        .order_by(_KEYS.c.created_at, _KEYS.c.id)
    ).first()
    if row is None:
        raise NoCounterError
    return Caller(row.id, row.client_id, row.owner_department_id, row.kid, row.jwk, float("inf"))


def purposes_of(tx: Connection, caller: Caller, case: Case) -> tuple[str, ...]:
    """For what the counter's grants let it ask in this matter, each once; a clerk names none."""
    kind = CaseKind(case.kind)
    given = [grant for resource in ResourceKind for grant in grants_of(tx, caller.system_id, kind, resource)]
    return tuple(dict.fromkeys(grant.purpose for grant in given if case.matter_code in grant.terms.matters))
