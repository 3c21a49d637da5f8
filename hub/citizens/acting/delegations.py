"""Delegations as they are stored: sealed, under a MAC that the ledger knows. They take the caller's connection, never
commit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.citizens.acting.tables import DelegationRow, DelegationUseRow
from hub.citizens.acting.values import Scope
from hub.citizens.values import Identity
from hub.ledger.guards import latest_changes, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256, strict_loads

LIVE: Final = "live"
WITHDRAWN: Final = "withdrawn"
ERASED: Final = "erased"
USES_TOLD: Final = 100
_TABLE: Final = "delegations"
_ROWS: Final = table(DelegationRow)
_USES: Final = table(DelegationUseRow)
_SUBJECTS: Final = table(SubjectRow)
_GUARDED: Final = ("id", "subject_id", "given_by", "to_id", "valid_until", "state", "row_version", "ledger_entry_id")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a delegation says. `matters` None: all."""

    principal: Identity
    giver: Identity
    to: Identity
    scope: frozenset[Scope]
    matters: frozenset[str] | None
    reason: str = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """As it is sealed."""
        people = {"principal": self.principal, "giver": self.giver, "to": self.to}
        return {
            name: {"id_type": who.id_type, "id_number": who.id_number, "name": who.name} for name, who in people.items()
        } | {
            "scope": sorted(self.scope),
            "matters": None if self.matters is None else sorted(self.matters),
            "reason": self.reason,
        }

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> "Terms":
        """Read what `as_json` wrote, here or in a later release: a scope that is not known here lets nobody act."""
        principal, giver, to = (Identity(**said[name]) for name in ("principal", "giver", "to"))
        matters = None if said["matters"] is None else frozenset(said["matters"])
        scope = frozenset(each for each in Scope if each.value in said["scope"])
        return cls(principal, giver, to, scope, matters, said["reason"])


@dataclass(frozen=True, slots=True)
class Delegation:
    """One that is believed, opened."""

    id: str
    subject_id: str
    given_by: str
    to_id: str
    terms: Terms
    valid_until: date
    state: str
    made_at: datetime
    ended_at: datetime | None
    row_version: int

    def runs(self, today: date) -> bool:
        """Whether it was neither withdrawn nor is past its last day. Not checked: that who gave it still may."""
        return self.state == LIVE and today <= self.valid_until


def add(tx: Connection, vault: Vault, key: DataKey, terms: Terms, values: Mapping[str, Any]) -> None:
    """Write a new one; its ledger entry has been written."""
    content = key.encrypt(_place(values["id"]), canonical(terms.as_json()))
    row = {**values, "content": content}
    tx.execute(insert(_ROWS).values(**row, mac=vault.row_mac(_meaning(row))))


def end(tx: Connection, vault: Vault, found: Delegation, now: datetime, *, ledger_entry_id: str) -> None:
    """Withdraw it; its ledger entry, of the next version, has been written."""
    row = tx.execute(select(_ROWS).where(_ROWS.c.id == found.id)).one()
    changed = {"state": WITHDRAWN, "ended_at": now, "row_version": found.row_version + 1}
    changed |= {"ledger_entry_id": ledger_entry_id}
    mac = vault.row_mac(_meaning({**_members(row), **changed}))
    tx.execute(update(_ROWS).where(_ROWS.c.id == found.id).values(**changed, mac=mac))


def forget(tx: Connection, subject_id: str) -> None:
    """In the transaction that erases somebody: nothing that he gave or was given says anything of him any more."""
    his = (_ROWS.c.subject_id == subject_id) | (_ROWS.c.given_by == subject_id) | (_ROWS.c.to_id == subject_id)
    # The hash of the request, too: a number is quickly guessed from it.
    tx.execute(update(_ROWS).where(his).values(state=ERASED, content=b"", once=None, once_hash=None))


def find(tx: Connection, vault: Vault, delegation_id: str, *, lock: bool = False) -> Delegation | None:
    """The one of this id; whose it is, the caller compares. None also for one that is not believed, with an alarm."""
    found = _read(tx, vault, _ROWS.c.id == delegation_id, lock=lock)
    return found[0] if found else None


def given_by(tx: Connection, vault: Vault, subject_id: str) -> list[Delegation]:
    """What a principal has given, the newest first."""
    return _read(tx, vault, _ROWS.c.subject_id == subject_id)


def received_by(tx: Connection, vault: Vault, subject_id: str, *, live: bool = False) -> list[Delegation]:
    """What a person was given, the newest first."""
    mine = _ROWS.c.to_id == subject_id
    return _read(tx, vault, mine & (_ROWS.c.state == LIVE) if live else mine)


def received_ids(tx: Connection, subject_id: str) -> list[str]:
    """Of what was given to a person and was not withdrawn: not checked, and none of it opened."""
    mine = (_ROWS.c.to_id == subject_id) & (_ROWS.c.state == LIVE)
    return list(tx.execute(select(_ROWS.c.id).where(mine)).scalars())


def by_once(tx: Connection, once: str) -> tuple[str, str] | None:
    """The id of the one that this key made, and the hash of its request."""
    row = tx.execute(select(_ROWS.c.id, _ROWS.c.once_hash).where(_ROWS.c.once == once)).one_or_none()
    return None if row is None else (row.id, row.once_hash)


def add_use(tx: Connection, delegation_id: str, entry_id: str) -> None:
    """Remember where the ledger tells of a use."""
    tx.execute(insert(_USES).values(entry_id=entry_id, delegation_id=delegation_id))


def uses_of(tx: Connection, delegation_id: str) -> list[str]:
    """The entries of the newest uses, at most a hundred."""
    query = select(_USES.c.entry_id).where(_USES.c.delegation_id == delegation_id)
    return list(tx.execute(query.order_by(_USES.c.entry_id.desc()).limit(USES_TOLD)).scalars())


def _read(tx: Connection, vault: Vault, where: ColumnElement[bool], *, lock: bool = False) -> list[Delegation]:
    query = select(_ROWS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid).join(
        _SUBJECTS, _SUBJECTS.c.id == _ROWS.c.subject_id
    )
    query = query.where(where, _ROWS.c.state != ERASED).order_by(_ROWS.c.id.desc())
    if lock:
        query = query.with_for_update(of=_ROWS)

    def look() -> Sequence[Row[Any]]:
        rows = tx.execute(query).all()
        _check(tx, vault, rows)
        return rows

    try:
        rows = settled(look)
    except IntegrityBrokenError:  # one that somebody wrote does not keep the others away
        rows = [row for row in tx.execute(query) if _is_whole(tx, vault, row)]
    return [_opened(vault, row) for row in rows]


def _is_whole(tx: Connection, vault: Vault, row: Row[Any]) -> bool:
    try:
        _check(tx, vault, [row])
    except IntegrityBrokenError:
        _log.error("guarded_row_broken", alarm=True, where=_TABLE)
        return False
    return True


def _check(tx: Connection, vault: Vault, rows: Collection[Row[Any]]) -> None:
    for row in rows:
        vault.check_row_mac(_meaning(_members(row)), row.mac, where=_TABLE)
    latest = latest_changes(tx, [row.id for row in rows])
    if any(latest.get(row.id) != (row.ledger_entry_id, row.row_version) for row in rows):
        raise IntegrityBrokenError(_TABLE)


def _members(row: Row[Any]) -> dict[str, Any]:
    return dict(zip(row._fields, row, strict=True))


def _meaning(row: Mapping[Any, Any]) -> bytes:
    """Everything the MAC covers."""
    said = {name: row[name] for name in _GUARDED} | {"content": sha256(row["content"]).hex()}
    return b"delegation\x1f" + canonical(said)


def _opened(vault: Vault, row: Row[Any]) -> Delegation:
    plain = vault.data_key(row.data_key, row.kek_kid).decrypt(_place(row.id), row.content)
    return Delegation(
        id=row.id,
        subject_id=row.subject_id,
        given_by=row.given_by,
        to_id=row.to_id,
        terms=Terms.of_json(strict_loads(plain, max_bytes=len(plain))),
        valid_until=date.fromisoformat(row.valid_until),
        state=row.state,
        made_at=row.made_at,
        ended_at=row.ended_at,
        row_version=row.row_version,
    )


def _place(delegation_id: str) -> str:
    return f"delegations:{delegation_id}:content"
