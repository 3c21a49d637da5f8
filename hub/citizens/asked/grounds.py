"""On what ground an asker may have a claim: the article of a grant in force, or nothing but the holder's yes.

Read from the grants, never from what an asker says of himself.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from catalog.grants import CaseKind, GrantState, ResourceKind
from catalog.store import read_grants
from catalog.tables import GrantRow, SystemRow, table
from hub.ledger.guards import check_guards
from hub.storage.vault import Vault

_GRANTS = table(GrantRow)
_SYSTEMS = table(SystemRow)


def grounds(
    tx: Connection, vault: Vault, row: Row[Any], type_code: str, matter: str, now: datetime
) -> Mapping[str, str]:
    """The article by the name of a claim, as far as there is one: of the system that asks, or at a counter of any of
    its department's. A grant that itself rests on the holder's agreement is no ground beside it.

    Raises: IntegrityBrokenError.
    """
    whose = _SYSTEMS.c.owner_department_id == row.department_id
    if row.system_id is not None:
        whose = _SYSTEMS.c.id == row.system_id
    query = select(_GRANTS.c.id).join(_SYSTEMS, _SYSTEMS.c.id == _GRANTS.c.system_id)
    query = query.where(
        whose,
        _GRANTS.c.type_code == type_code,
        _GRANTS.c.resource_kind == ResourceKind.CERTIFICATE_TYPE.value,
        _GRANTS.c.kind == CaseKind.APPLICATION.value,
        _GRANTS.c.state == GrantState.LIVE.value,
        _GRANTS.c.valid_from <= now,
        _GRANTS.c.valid_until > now,
    )
    found = read_grants(tx, list(tx.execute(query.order_by(_GRANTS.c.id)).scalars()))
    check_guards(tx, vault, grants=found)
    fitting = [grant.terms for grant in found if matter in grant.terms.matters and not grant.terms.consent]
    return {name: terms.legal_basis for terms in reversed(fitting) for name in terms.fields}
