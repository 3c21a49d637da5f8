"""One-time links by which passwords are set. Each takes the caller's connection and never commits.

A link by SQL would be a password of anybody's account: each is under a MAC with the version of its account, so that one
that was used, or is older than a change, opens nothing when its row is put back.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, delete, insert, select

from catalog.tables import table
from hub.access.staff_guard import link_mac
from hub.access.staff_store import Staff, find_staff
from hub.access.tables import StaffLinkRow
from hub.storage.vault import Vault

_LINKS: Final = table(StaffLinkRow)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is good now. `staff` None: it makes the first operator. `made_by`: the operator who was shown it."""

    staff: Staff | None
    made_by: str | None


def add_link(
    tx: Connection,
    vault: Vault,
    *,
    secret_hash: str,
    staff: Staff | None,
    expires_at: datetime,
    now: datetime,
    made_by: str | None = None,
) -> None:
    """Write a link; earlier ones for the same account stop working."""
    staff_id = staff.id if staff else None
    row: dict[str, Any] = {
        "secret_hash": secret_hash, "staff_id": staff_id, "expires_at": expires_at, "made_by": made_by,
    }  # fmt: skip
    tx.execute(delete(_LINKS).where((_LINKS.c.staff_id == staff_id) | (_LINKS.c.expires_at < now)))
    tx.execute(insert(_LINKS).values(**row, mac=link_mac(vault, row, _version(staff))))


def find_link(tx: Connection, vault: Vault, secret_hash: str, now: datetime) -> Link | None:
    """The link, if it is good now: its account is there, active, and as it was when the link was made."""
    where = (_LINKS.c.secret_hash == secret_hash) & (_LINKS.c.expires_at > now)
    row = tx.execute(select(_LINKS).where(where)).one_or_none()
    if row is None:
        return None
    staff = find_staff(tx, vault, row.staff_id) if row.staff_id is not None else None
    if row.staff_id is not None and (staff is None or not staff.active):
        return None
    if row.mac is None or not hmac.compare_digest(link_mac(vault, row._asdict(), _version(staff)), row.mac):
        _log.error("guarded_row_broken", alarm=True, where="staff_links", account=row.staff_id)
        return None
    return Link(staff, row.made_by)


def take_link(tx: Connection, secret_hash: str) -> bool:
    """Use the link up; False when somebody else did."""
    return tx.execute(delete(_LINKS).where(_LINKS.c.secret_hash == secret_hash)).rowcount == 1


def _version(staff: Staff | None) -> int:
    return staff.version if staff else 0
