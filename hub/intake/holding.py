"""A case held still: what is decided for it holds as long as case, system and key do."""

from typing import Final

from sqlalchemy import Connection, and_, bindparam, select

from catalog.grants import CaseKind
from catalog.tables import SystemKeyRow, SystemRow, table
from hub.access.errors import InvalidTokenError
from hub.intake import store
from hub.intake.errors import CaseClosedError
from hub.intake.tables import CaseRow
from hub.storage.vault import Vault
from signing.canonical import strict_loads

_CASES: Final = table(CaseRow)
_SYSTEMS: Final = table(SystemRow)
_KEYS: Final = table(SystemKeyRow)
_OF_SYSTEM: Final = _CASES.join(_SYSTEMS, _SYSTEMS.c.id == _CASES.c.system_id)
_CASE_STANDING: Final = (
    select(_CASES.c.state, _SYSTEMS.c.active.label("system_active"))
    .select_from(_OF_SYSTEM)
    .where(_CASES.c.id == bindparam("case_id"))
    .with_for_update(read=True, of=[_CASES, _SYSTEMS])
)
_CASE_STANDING_BY_KEY: Final = (
    select(_CASES.c.state, _SYSTEMS.c.active.label("system_active"), _KEYS.c.active.label("key_active"))
    .select_from(_OF_SYSTEM.join(_KEYS, _KEYS.c.system_id == _SYSTEMS.c.id))
    .where(and_(_CASES.c.id == bindparam("case_id"), _KEYS.c.kid == bindparam("kid")))
    .with_for_update(read=True, of=[_CASES, _SYSTEMS, _KEYS])
)


def lock_case(tx: Connection, case_id: str, *, kid: str | None) -> tuple[str, bool]:
    """The state of a case, and whether its system may act, by its key `kid` if it came with one.

    Case, system and key are share-locked until the transaction ends (seam D6).
    """
    if kid is None:
        row = tx.execute(_CASE_STANDING, {"case_id": case_id}).one()
        return row.state, bool(row.system_active)
    found = tx.execute(_CASE_STANDING_BY_KEY, {"case_id": case_id, "kid": kid}).one_or_none()
    return ("", False) if found is None else (found.state, bool(found.system_active and found.key_active))


def hold_case(tx: Connection, case_id: str, *, kid: str | None, change: bool = False, paying: bool = False) -> str:
    """Nothing ends the case, its system or the system's key until this transaction ends; answers the case's state.

    `kid` None is for work that goes on by itself: no key asked for it. With `change` nobody else holds it meanwhile.
    A case that waits for what it is owed is held for `paying` it and for nothing else.

    Raises: InvalidTokenError when system or key is out of use, CaseClosedError.
    """
    if change:
        store.lock_alone(tx, case_id)
    state, active = lock_case(tx, case_id, kid=kid)
    if not active:
        raise InvalidTokenError("client_disabled")
    if state != store.OPEN and not (paying and state == store.CLOSING):
        raise CaseClosedError
    return state


def officer_of(vault: Vault, case: store.Case) -> str | None:
    """The id of the operator of an ex officio case, whom its grants must name; None for any other case."""
    if case.kind != CaseKind.EX_OFFICIO.value:
        return None
    plain = vault.data_key(case.data_key, case.kek_kid).decrypt(store.operator_place(case.id), case.operator)
    return str(strict_loads(plain, max_bytes=len(plain))["id"])
