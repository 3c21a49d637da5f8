"""Queries over accounts and their links. Each takes the caller's connection and never commits."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from catalog.tables import DepartmentRow, table
from hub.access.actors import Actor, Role
from hub.access.tables import StaffLinkRow, StaffRow, StaffSessionRow

_STAFF: Final = table(StaffRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_LINKS: Final = table(StaffLinkRow)
_SESSIONS: Final = table(StaffSessionRow)
_SELECT: Final = select(
    _STAFF,
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


def find_staff(tx: Connection, staff_id: str) -> Staff | None:
    """The account of this id."""
    return _found(tx.execute(_SELECT.where(_STAFF.c.id == staff_id)).one_or_none())


def find_user(tx: Connection, user_name: str) -> Staff | None:
    """The account of this user name, which is in lower case."""
    return _found(tx.execute(_SELECT.where(_STAFF.c.user_name == user_name)).one_or_none())


def find_external(tx: Connection, external_id: str) -> Staff | None:
    """The account that the operator tied to this value of the provider's claim."""
    return _found(tx.execute(_SELECT.where(_STAFF.c.external_id == external_id)).one_or_none())


def list_staff(tx: Connection, department_id: str | None = None) -> list[Staff]:
    """Accounts by user name; of one department, or all."""
    query = _SELECT.order_by(_STAFF.c.user_name)
    if department_id is not None:
        query = query.where(_STAFF.c.owner_department_id == department_id)
    return [_staff(row) for row in tx.execute(query)]


def has_staff(tx: Connection) -> bool:
    """Whether anybody has an account."""
    return bool(tx.execute(select(func.count()).select_from(_STAFF)).scalar_one())


def add_staff(tx: Connection, **values: Any) -> None:
    """Write an account row."""
    tx.execute(insert(_STAFF).values(**values))


def change_staff(tx: Connection, staff: Staff, **values: Any) -> bool:
    """Change the account as it was read; False when somebody changed it since. Its sessions and links end."""
    changed = tx.execute(
        update(_STAFF)
        .where(_STAFF.c.id == staff.id, _STAFF.c.version == staff.version)
        .values(version=staff.version + 1, **values)
    )
    if changed.rowcount != 1:
        return False
    tx.execute(delete(_SESSIONS).where(_SESSIONS.c.staff_id == staff.id))
    tx.execute(delete(_LINKS).where(_LINKS.c.staff_id == staff.id))
    return True


def replace_hash(tx: Connection, staff_id: str, *, old: str, new: str) -> None:
    """Store the same password at a new cost; the account does not change by it."""
    tx.execute(update(_STAFF).where(_STAFF.c.id == staff_id, _STAFF.c.password_hash == old).values(password_hash=new))


def see_notices(tx: Connection, staff_id: str, now: datetime) -> None:
    """Everything up to now has been read."""
    tx.execute(update(_STAFF).where(_STAFF.c.id == staff_id).values(notices_seen_at=now))


def mark_opened(tx: Connection, staff_id: str, now: datetime) -> None:
    """He came in; only the first time counts."""
    tx.execute(update(_STAFF).where(_STAFF.c.id == staff_id, _STAFF.c.opened_at.is_(None)).values(opened_at=now))


def lend_link(tx: Connection, staff_id: str, *, link_by: str | None, link_until: datetime) -> None:
    """Let an operator draw links for this account until then."""
    tx.execute(update(_STAFF).where(_STAFF.c.id == staff_id).values(link_by=link_by, link_until=link_until))


def openers(tx: Connection) -> dict[str, str]:
    """Account → the operator whose link opened it, where one did."""
    query = select(_STAFF.c.id, _STAFF.c.opened_by).where(_STAFF.c.opened_by.is_not(None))
    return {row.id: row.opened_by for row in tx.execute(query)}


def add_link(
    tx: Connection,
    *,
    secret_hash: str,
    staff_id: str | None,
    expires_at: datetime,
    now: datetime,
    made_by: str | None = None,
) -> None:
    """Write a link; earlier ones for the same account stop working."""
    tx.execute(delete(_LINKS).where((_LINKS.c.staff_id == staff_id) | (_LINKS.c.expires_at < now)))
    tx.execute(
        insert(_LINKS).values(secret_hash=secret_hash, staff_id=staff_id, expires_at=expires_at, made_by=made_by)
    )


def find_link(tx: Connection, secret_hash: str, now: datetime) -> tuple[bool, str | None]:
    """Whether the link is good now, and whose it is."""
    row = tx.execute(
        select(_LINKS.c.staff_id).where(_LINKS.c.secret_hash == secret_hash, _LINKS.c.expires_at > now)
    ).one_or_none()
    return (False, None) if row is None else (True, row.staff_id)


def link_maker(tx: Connection, secret_hash: str) -> str | None:
    """The operator who was shown the link."""
    return tx.execute(select(_LINKS.c.made_by).where(_LINKS.c.secret_hash == secret_hash)).scalar_one_or_none()


def take_link(tx: Connection, secret_hash: str) -> bool:
    """Use the link up; False when somebody else did."""
    return tx.execute(delete(_LINKS).where(_LINKS.c.secret_hash == secret_hash)).rowcount == 1


def _found(row: Row[Any] | None) -> Staff | None:
    return None if row is None else _staff(row)


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
