"""Mandates as rows: believed by their MAC and latest ledger entry, written with both, handed on in a succession."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from catalog.tables import table
from hub.access.actors import Actor
from hub.clock import new_id
from hub.intake.handling.tables import MandateRow
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

LIVE: Final = "live"
ENDED: Final = "ended"
_MANDATES: Final = table(MandateRow)


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate as stored."""

    id: str
    from_department_id: str
    to_department_id: str
    matters: tuple[str, ...]
    legal_basis: str
    valid_from: str
    valid_until: str
    state: str
    confirmed_by: dict[str, str]
    row_version: int
    mac: bytes
    created_at: datetime
    ended_at: datetime | None

    def meaning(self) -> bytes:
        """What its MAC is over."""
        names = ("id", "from_department_id", "to_department_id", "legal_basis", "valid_from", "valid_until", "state",
                 "confirmed_by", "row_version")  # fmt: skip
        told: dict[str, Any] = {name: getattr(self, name) for name in names}
        return b"mandate\x1f" + canonical(told | {"matters": list(self.matters)})

    def covers(self, matter: str, on: date) -> bool:
        """Whether it holds for this matter on this day, both ends included."""
        begun = date.fromisoformat(self.valid_from) <= on <= date.fromisoformat(self.valid_until)
        return self.state == LIVE and begun and matter in self.matters


def mandate_of(row: Row[Any]) -> Mandate:
    """A row as a value."""
    values = {name: getattr(row, name) for name in Mandate.__dataclass_fields__}
    return Mandate(**values | {"matters": tuple(row.matters)})


def believe(tx: Connection, vault: Vault, found: Sequence[Mandate]) -> None:
    """Raises IntegrityBrokenError when one was written by anyone but the hub, or an older one was put back."""
    known = latest_changes(tx, [item.id for item in found])
    for item in found:
        vault.check_row_mac(item.meaning(), item.mac, where="mandates")
        if known.get(item.id, ("", 0))[1] != item.row_version:
            raise IntegrityBrokenError("mandates")


def insert_mandate(tx: Connection, vault: Vault, made: Mandate) -> None:
    """Write a new one under its MAC; its entry is the caller's."""
    values = {name: getattr(made, name) for name in Mandate.__dataclass_fields__}
    values |= {"matters": list(made.matters), "mac": vault.row_mac(made.meaning())}
    tx.execute(insert(_MANDATES).values(**values))


def change_mandate(
    tx: Connection,
    vault: Vault,
    key: DataKey,
    before: Mandate,
    by: Actor,
    now: datetime,
    said: tuple[str, Mapping[str, Any]],
    **changes: Any,
) -> None:
    """Write a change under a new MAC, with its entry; `said`: its kind, and what it says besides."""
    changed = replace(before, row_version=before.row_version + 1, **changes)
    values = changes | {"row_version": changed.row_version, "mac": vault.row_mac(changed.meaning())}
    if "matters" in values:
        values["matters"] = list(changed.matters)
    tx.execute(update(_MANDATES).where(_MANDATES.c.id == before.id).values(**values))
    record_mandate(tx, key, said[0], changed, by, said[1], now)


def record_mandate(
    tx: Connection, key: DataKey, kind: str, mandate: Mandate, by: Actor, detail: Mapping[str, Any], now: datetime
) -> None:
    """Put a change of a mandate on the ledger."""
    told = {"actor": by.as_json(), "matters": list(mandate.matters), "valid_until": mandate.valid_until, **detail}
    draft = Draft(kind=kind, detail=told, key=key, object_id=mandate.id, object_version=mandate.row_version)
    append(tx, [seal(draft, now=now)])


def hand_on_mandates(
    tx: Connection,
    vault: Vault,
    key: DataKey,
    by: Actor,
    both: tuple[str, str],
    matters: Collection[str] | None,
    now: datetime,
) -> int:
    """A department takes the place of another in its mandates, `both` by id: for these matters those that it gave, or
    with everything (None) also those that it was given; answers how many. A mandate that a department would then have
    of itself ends. Raises: IntegrityBrokenError.
    """
    giver, taker = both
    mine = _MANDATES.c.from_department_id == giver
    if matters is None:
        mine = or_(mine, _MANDATES.c.to_department_id == giver)
    live = and_(mine, _MANDATES.c.state == LIVE)
    query = select(_MANDATES).where(live).order_by(_MANDATES.c.id).with_for_update()
    found = [mandate_of(row) for row in tx.execute(query)]
    moved = 0
    for mandate in found:
        believe(tx, vault, [mandate])
        theirs = mandate.matters if matters is None else tuple(code for code in mandate.matters if code in matters)
        if not theirs:
            continue
        moved += 1
        if len(theirs) < len(mandate.matters):  # the rest stays with whoever gave it
            rest = tuple(code for code in mandate.matters if code not in theirs)
            change_mandate(tx, vault, key, mandate, by, now, ("mandate.succession", {}), matters=rest)
            part = replace(
                mandate, id=new_id(), from_department_id=taker, matters=theirs, row_version=1, created_at=now
            )
            if part.to_department_id != taker:
                insert_mandate(tx, vault, part)
                record_mandate(tx, key, "mandate.succession", part, by, {"of": mandate.id}, now)
            continue
        ends = {"from_department_id": mandate.from_department_id, "to_department_id": mandate.to_department_id}
        changed: dict[str, Any] = {name: taker if value == giver else value for name, value in ends.items()}
        if changed["from_department_id"] == changed["to_department_id"]:
            changed = {"state": ENDED, "ended_at": now}
        change_mandate(tx, vault, key, mandate, by, now, ("mandate.succession", {}), **changed)
    return moved
