"""Queries over accounts. Each takes the caller's connection and never commits; none answers with a row that is not
believed (`hub.access.staff_guard`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, insert, or_, select, update

from catalog.tables import DepartmentRow, table
from hub.access.actors import Actor, Role
from hub.access.staff_guard import account_mac, is_believed, written_by_us
from hub.access.tables import StaffLinkRow, StaffRow, StaffSessionRow
from hub.ledger.guards import latest_number
from hub.ledger.spent import spent
from hub.storage.vault import Vault

_STAFF: Final = table(StaffRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_LINKS: Final = table(StaffLinkRow)
_SESSIONS: Final = table(StaffSessionRow)
ACCOUNTS_OBJECT: Final = "00000000-0000-7000-8000-000000000066"
"""Of which the ledger speaks once: since then there are accounts, and one without a MAC is nobody's."""
ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNOPENED: Final = {"opened_at": None, "opened_by": None, "link_by": None, "link_until": None}
_SELECT: Final = select(
    _STAFF,
    latest_number(_STAFF.c.id).label("said"),
    _DEPARTMENTS.c.code.label("department_code"),
    _DEPARTMENTS.c.name_zh.label("department_zh"),
    _DEPARTMENTS.c.name_en.label("department_en"),
).join(_DEPARTMENTS, _DEPARTMENTS.c.id == _STAFF.c.owner_department_id, isouter=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """An account. The department is None for people of the hub itself."""

    id: str
    user_name: str
    display_name: str = field(repr=False)
    department_id: str | None
    department_code: str | None
    department_zh: str
    department_en: str
    roles: frozenset[Role]
    password_hash: str | None = field(repr=False)
    external_id: str | None = field(repr=False)
    break_glass: bool
    active: bool
    version: int
    created_at: datetime
    notices_seen_at: datetime
    opened_at: datetime | None
    opened_by: str | None
    link_by: str | None
    link_until: datetime | None

    @property
    def opened(self) -> bool:
        """Whether somebody has ever been let in by this account."""
        return self.opened_at is not None or self.password_hash is not None

    def actor(self) -> Actor:
        """He as an actor."""
        return Actor("staff", self.id, self.display_name, self.department_id, self.roles)


def find_staff(tx: Connection, vault: Vault, staff_id: str) -> Staff | None:
    """The account of this id; what is none is nobody's."""
    if not ID.fullmatch(staff_id):
        return None
    return _found(vault, tx.execute(_SELECT.where(_STAFF.c.id == staff_id)).one_or_none())


def find_user(tx: Connection, vault: Vault, user_name: str) -> Staff | None:
    """The account of this user name, which is in lower case."""
    return _found(vault, tx.execute(_SELECT.where(_STAFF.c.user_name == user_name)).one_or_none())


def find_external(tx: Connection, vault: Vault, external_id: str) -> Staff | None:
    """The account that the operator tied to this value of the provider's claim."""
    return _found(vault, tx.execute(_SELECT.where(_STAFF.c.external_id == external_id)).one_or_none())


def list_staff(tx: Connection, vault: Vault, department_id: str | None = None) -> list[Staff]:
    """Accounts by user name; of one department, or all."""
    query = _SELECT.order_by(_STAFF.c.user_name)
    if department_id is not None:
        query = query.where(_STAFF.c.owner_department_id == department_id)
    return [_staff(row) for row in tx.execute(query) if is_believed(vault, row)]


def list_doubted(tx: Connection, vault: Vault) -> dict[str, str]:
    """User names and ids of the rows that are not believed."""
    rows = tx.execute(_SELECT.order_by(_STAFF.c.user_name))
    return {row.user_name: row.id for row in rows if not is_believed(vault, row)}


def row_id(tx: Connection, user_name: str) -> str | None:
    """The id of the row of this user name, believed or not."""
    return tx.execute(select(_STAFF.c.id).where(_STAFF.c.user_name == user_name)).scalar_one_or_none()


def has_staff(tx: Connection) -> bool:
    """Whether anybody has an account, or ever had: rows that were deleted make nobody the first operator."""
    query = select(or_(exists(select(_STAFF.c.id)), spent(ACCOUNTS_OBJECT)))
    return bool(tx.execute(query).scalar_one())


def is_guarded(tx: Connection) -> bool:
    """Whether the ledger says that accounts are under a MAC."""
    return bool(tx.execute(select(spent(ACCOUNTS_OBJECT))).scalar_one())


def next_number(tx: Connection, staff_id: str) -> int:
    """The number that the ledger's next entry of this account has."""
    said = tx.execute(select(latest_number(staff_id))).scalar_one()
    return (said or 0) + 1


def is_known(tx: Connection, staff_id: str) -> bool:
    """Whether there is a row of this id, believed or not, or the ledger knows of one."""
    if not ID.fullmatch(staff_id):
        return False
    there = exists(select(_STAFF.c.id).where(_STAFF.c.id == staff_id))
    return bool(tx.execute(select(or_(there, latest_number(staff_id).is_not(None)))).scalar_one())


def hold_accounts(tx: Connection) -> None:
    """Nobody else changes any account until the end of the transaction; sessions begin and end all the same."""
    tx.execute(select(_STAFF.c.id).order_by(_STAFF.c.id).with_for_update(key_share=True)).all()


def add_staff(tx: Connection, vault: Vault, **values: Any) -> None:
    """Write an account row, which nobody has opened."""
    row = _UNOPENED | values
    tx.execute(insert(_STAFF).values(**row, mac=account_mac(vault, row)))


def say_again(tx: Connection, vault: Vault, **values: Any) -> None:
    """Write a row that is not believed anew, all of it; what was begun by it ends."""
    row = _UNOPENED | values
    tx.execute(update(_STAFF).where(_STAFF.c.id == row["id"]).values(**row, mac=account_mac(vault, row)))
    _end_all(tx, row["id"])


def change_staff(tx: Connection, vault: Vault, staff: Staff, **values: Any) -> bool:
    """Change the account as it was read; False when somebody changed it since. Its sessions and links end. The caller
    writes the entry of its next number.
    """
    if not _write(tx, vault, staff, {**values, "version": staff.version + 1}):
        return False
    _end_all(tx, staff.id)
    return True


def replace_hash(tx: Connection, vault: Vault, staff: Staff, new: str) -> None:
    """Store the same password at a new cost; the account does not change by it."""
    _write(tx, vault, staff, {"password_hash": new}, only_if=("password_hash", staff.password_hash))


def see_notices(tx: Connection, staff_id: str, now: datetime) -> None:
    """Everything up to now has been read."""
    tx.execute(update(_STAFF).where(_STAFF.c.id == staff_id).values(notices_seen_at=now))


def mark_opened(tx: Connection, vault: Vault, staff: Staff, now: datetime) -> None:
    """He came in; only the first time counts."""
    if staff.opened_at is None:
        _write(tx, vault, staff, {"opened_at": now}, only_if=("opened_at", None))


def lend_link(tx: Connection, vault: Vault, staff: Staff, *, link_by: str | None, link_until: datetime) -> bool:
    """Let an operator draw links for this account until then; False when somebody changed it since."""
    return _write(tx, vault, staff, {"link_by": link_by, "link_until": link_until})


def _write(
    tx: Connection, vault: Vault, staff: Staff, values: Mapping[str, Any], *, only_if: tuple[str, Any] | None = None
) -> bool:
    """Change the row under its MAC while it is the hub's and of the version that was read: two changes at one moment
    must not each leave a MAC over what the other did not see.
    """
    query = select(_STAFF).where(_STAFF.c.id == staff.id)
    row = tx.execute(query.with_for_update(key_share=True)).one_or_none()  # whoever begins a session does not wait
    if row is None or row.version != staff.version or not written_by_us(vault, row):
        return False
    before = row._asdict()
    if only_if is not None and before[only_if[0]] != only_if[1]:
        return False
    mac = account_mac(vault, before | dict(values))
    tx.execute(update(_STAFF).where(_STAFF.c.id == staff.id).values(**values, mac=mac))
    return True


def _end_all(tx: Connection, staff_id: str) -> None:
    tx.execute(delete(_SESSIONS).where(_SESSIONS.c.staff_id == staff_id))
    tx.execute(delete(_LINKS).where(_LINKS.c.staff_id == staff_id))


def _found(vault: Vault, row: Row[Any] | None) -> Staff | None:
    return None if row is None or not is_believed(vault, row) else _staff(row)


def _staff(row: Row[Any]) -> Staff:
    return Staff(
        id=row.id,
        user_name=row.user_name,
        display_name=row.display_name,
        department_id=row.owner_department_id,
        department_code=row.department_code,
        department_zh=row.department_zh or "",
        department_en=row.department_en or "",
        roles=frozenset(Role(name) for name in row.roles),
        password_hash=row.password_hash,
        external_id=row.external_id,
        break_glass=row.break_glass,
        active=row.active,
        version=row.version,
        created_at=row.created_at,
        notices_seen_at=row.notices_seen_at,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        link_by=row.link_by,
        link_until=row.link_until,
    )
