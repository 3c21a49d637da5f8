"""Accounts of a release that did not guard them: put under a MAC once, as far as the ledger says the same of them.

The ledger has known since the first release who was added, with which roles, and who was disabled; its entries are
sealed, and by SQL nobody writes one. So an account that nobody added, that has other roles than it was given last, or
that works although it was disabled, is not adopted: it is nobody's until the command line says anew who that is. What
an early ledger does not tell (department, name at the provider, password) is taken as it stands: whoever wrote the
database before this start could have changed it, as he could before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, select, update

from catalog.tables import table
from hub.access.staff_guard import account_mac
from hub.access.staff_store import ACCOUNTS_OBJECT
from hub.access.tables import StaffRow
from hub.ledger.entries import Draft, append, open_detail, seal
from hub.ledger.guards import latest_number
from hub.ledger.spent import END
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault

_STAFF: Final = table(StaffRow)
_ENTRIES: Final = table(LedgerEntryRow)
_KINDS: Final = ("staff.add", "staff.roles", "staff.disable", "staff.enable")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Adopted:
    """Ids of the accounts that are believed from now on, and of those that are not."""

    accounts: Sequence[str]
    left_out: Sequence[str]


def adopt(tx: Connection, vault: Vault, key: DataKey, now: datetime) -> Adopted:
    """Put them under a MAC, each with the entry of its number, and say so of all; the caller has seen that there are
    accounts, and no such entry. Reads every entry about accounts.
    """
    said, accounts, left_out, drafts = _history(tx, key), [], [], []
    numbered = latest_number(_STAFF.c.id).label("said")
    for row in tx.execute(select(_STAFF, numbered).order_by(_STAFF.c.id)).all():
        if row.said is not None or said.get(row.id) != _standing(row):
            left_out.append(row.id)
            _log.error("guarded_row_broken", alarm=True, where="staff", account=row.id)
            continue
        accounts.append(row.id)
        tx.execute(update(_STAFF).where(_STAFF.c.id == row.id).values(mac=account_mac(vault, row._asdict())))
        drafts.append(
            Draft(
                kind="staff.guarded", detail={"staff": row.id, "roles": sorted(row.roles)}, key=key, object_id=row.id,
                object_version=row.version,
            )
        )  # fmt: skip
    drafts.append(draft_of_guard(accounts, left_out, key))
    append(tx, [seal(draft, now=now) for draft in drafts])
    _log.warning("staff_adopted", accounts=len(accounts), left_out=len(left_out))
    return Adopted(accounts, left_out)


def draft_of_guard(accounts: Sequence[str], left_out: Sequence[str], key: DataKey) -> Draft:
    """The entry since which no account is believed without a MAC: with the first account of a hub, or an upgrade."""
    detail = {"accounts": len(accounts), "left_out": list(left_out)}
    return Draft(kind="staff.all_guarded", detail=detail, key=key, object_id=ACCOUNTS_OBJECT, object_version=END)


def _standing(row: Row[Any]) -> tuple[list[str], bool]:
    return sorted(row.roles), row.active


def _history(tx: Connection, key: DataKey) -> dict[str, tuple[list[str], bool]]:
    """Roles of each account that was ever added, and whether it is active, by what the entries say inside."""
    found: dict[str, tuple[list[str], bool]] = {}
    columns = (_ENTRIES.c.id, _ENTRIES.c.detail, _ENTRIES.c.commitment)
    for row in tx.execute(select(*columns).where(_ENTRIES.c.kind.in_(_KINDS)).order_by(_ENTRIES.c.id)):
        try:
            entry = open_detail(row.id, row.detail, row.commitment, key=key)
        except (IntegrityBrokenError, ValueError):  # `ledger verify` finds it
            continue
        detail = entry["detail"]
        roles, active = found.get(detail["staff"], ([], True))
        match entry["kind"]:
            case "staff.add":
                found[detail["staff"]] = (sorted(detail["roles"]), True)
            case "staff.roles":
                found[detail["staff"]] = (sorted(detail["to"]), active)
            case "staff.disable" | "staff.enable" as kind:
                found[detail["staff"]] = (roles, kind == "staff.enable")
            case _:
                continue
    return found
