"""Versions of matters as rows, and which one is in force on a day. Queries take the caller's connection."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Text, bindparam, cast, insert, select, update

from catalog.errors import DefinitionError
from catalog.matters.reading import check_members, read_matter
from catalog.matters.values import Matter
from catalog.tables import MatterRow, table

_MATTERS: Final = table(MatterRow)


@dataclass(frozen=True, slots=True)
class StoredMatter:
    """One version of a matter as it is stored. Believed only with a right MAC over `meaning`.

    `current`: the version of a case that is filed today, kept so that the previous release finds it too.
    """

    id: str
    code_system: str
    code: str
    version: int
    current: bool
    owner_department_id: str
    text: str
    """The definition as JSON text, as the database keeps it."""
    in_force_from: str | None
    in_force_until: str | None
    created_at: datetime
    mac: bytes | None
    owner_version: int = 0
    owner_mac: bytes | None = None
    """Over whose it is, which a succession moves."""

    @property
    def definition(self) -> dict[str, Any]:
        """The declaration."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    def matter(self) -> Matter:
        """Read. Raises: DefinitionError: written by another release, or by nobody of ours."""
        return read_matter(self.definition)

    def digest(self) -> str:
        """SHA-256 of the declaration, whatever its white space and order of names, hexadecimal."""
        return definition_digest(self.definition)

    def meaning(self) -> dict[str, Any]:
        """Everything by which a case is judged. Not covered: whose it is, which a succession moves, and `current`."""
        return {
            "id": self.id,
            "code_system": self.code_system,
            "code": self.code,
            "version": self.version,
            "definition": self.digest(),
            "in_force_from": self.in_force_from,
            "in_force_until": self.in_force_until,
            "created_at": round(self.created_at.timestamp() * 1_000_000),
        }

    @property
    def withdrawn(self) -> bool:
        """Whether it says that there is no such matter from its first day on."""
        return '"withdrawn"' in self.text and self.definition.get("withdrawn") is True

    def holds(self, on: date) -> bool:
        """Whether the day is among its own."""
        begun = self.in_force_from is None or self.in_force_from <= on.isoformat()
        return begun and (self.in_force_until is None or on.isoformat() <= self.in_force_until)


def definition_digest(definition: dict[str, Any]) -> str:
    """As `StoredMatter.digest`. Not canonical JSON: earlier releases took numbers that it refuses."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


_COLUMNS: Final = tuple(
    cast(_MATTERS.c.definition, Text) if name == "text" else _MATTERS.c[name]
    for name in StoredMatter.__dataclass_fields__
)
_ONE: Final = select(*_COLUMNS)
_BY_ID: Final = _ONE.where(_MATTERS.c.id == bindparam("matter_id"))
_BY_CODE: Final = _ONE.where(_MATTERS.c.code == bindparam("code")).order_by(_MATTERS.c.version)
_CURRENT: Final = _ONE.where(_MATTERS.c.current.is_(True)).order_by(_MATTERS.c.code)
_DATED: Final = (
    select(_MATTERS.c.code)
    .where(_MATTERS.c.in_force_from.is_not(None) | _MATTERS.c.in_force_until.is_not(None))
    .distinct()
)


def in_force(versions: Iterable[StoredMatter], on: date) -> StoredMatter | None:
    """Of the versions of one matter the one of a case filed on this day: the latest to begin, of equals the newest.
    None where that one withdraws the matter.
    """
    found = [item for item in versions if item.holds(on)]
    chosen = max(found, key=lambda item: (item.in_force_from or "", item.version), default=None)
    return None if chosen is None or chosen.withdrawn else chosen


def matter_versions(tx: Connection, code: str | None = None) -> list[StoredMatter]:
    """Every version of every matter, or of one, oldest first."""
    every = _ONE.order_by(_MATTERS.c.code, _MATTERS.c.version)
    rows = tx.execute(every) if code is None else tx.execute(_BY_CODE, {"code": code})
    return [StoredMatter(*row) for row in rows]


def current_matters(tx: Connection) -> list[StoredMatter]:
    """The versions of today, by code."""
    return [StoredMatter(*row) for row in tx.execute(_CURRENT)]


def dated_versions(tx: Connection) -> list[StoredMatter]:
    """Every version of the matters of which some version begins, or ends, on a day."""
    return [item for code in tx.execute(_DATED).scalars().all() for item in matter_versions(tx, code)]


def stored_matter(tx: Connection, matter_id: str) -> StoredMatter | None:
    """The version of a row."""
    row = tx.execute(_BY_ID, {"matter_id": matter_id}).one_or_none()
    return None if row is None else StoredMatter(*row)


def next_version(
    known: Sequence[StoredMatter],
    *,
    matter_id: str,
    definition: dict[str, Any],
    owner_department_id: str,
    now: datetime,
    today: date,
) -> StoredMatter:
    """The version after those that are `known` of its code, without its MAC.

    Raises: DefinitionError: it cannot be read, another list of matters has its code, or it could never be in force.
    """
    matter = read_matter(definition)
    check_members(definition)
    if any(item.code_system != matter.code_system for item in known):
        raise DefinitionError(f"matter: another list of matters has the code {matter.code}")
    begin, end = matter.in_force_from, matter.in_force_until
    begun = [item for item in known if item.in_force_from is not None and item.holds(today)]
    if begin is None and begun:
        raise DefinitionError(
            f"matter: in_force_from is missing: version {begun[-1].version} is in force since"
            f" {begun[-1].in_force_from}, and goes before a version without a day"
        )
    return StoredMatter(
        id=matter_id,
        code_system=matter.code_system,
        code=matter.code,
        version=max((item.version for item in known), default=0) + 1,
        current=False,
        owner_department_id=owner_department_id,
        text=json.dumps(definition),
        in_force_from=begin.isoformat() if begin else None,
        in_force_until=end.isoformat() if end else None,
        created_at=now,
        mac=None,
    )


def write_matter(tx: Connection, stored: StoredMatter) -> None:
    """Write a new version."""
    values = {name: getattr(stored, name) for name in StoredMatter.__dataclass_fields__ if name != "text"}
    tx.execute(insert(_MATTERS).values(**values, definition=stored.definition))


def write_guard(tx: Connection, stored: StoredMatter) -> None:
    """Write the MACs of a version that an earlier release wrote."""
    values = {"mac": stored.mac, "owner_mac": stored.owner_mac}
    tx.execute(update(_MATTERS).where(_MATTERS.c.id == stored.id).values(**values))


def write_owner(tx: Connection, stored: StoredMatter) -> None:
    """Write whose a version is, with its MAC."""
    names = ("owner_department_id", "owner_version", "owner_mac")
    values = {name: getattr(stored, name) for name in names}
    tx.execute(update(_MATTERS).where(_MATTERS.c.id == stored.id).values(**values))


def set_current(tx: Connection, versions: Sequence[StoredMatter], on: date) -> int:
    """Mark of each of these matters the version of this day; answers how many rows changed."""
    by_code: dict[tuple[str, str], list[StoredMatter]] = {}
    for item in versions:
        by_code.setdefault((item.code_system, item.code), []).append(item)
    changed = 0
    for known in by_code.values():
        chosen = in_force(known, on)
        for item in known:
            wanted = chosen is not None and item.id == chosen.id
            if item.current is not wanted:
                tx.execute(update(_MATTERS).where(_MATTERS.c.id == item.id).values(current=wanted))
                changed += 1
    return changed
