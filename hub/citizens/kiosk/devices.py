"""Terminals: registered by an operator for a department, set up once with a code, taken out of use at once.

The code that registering gives is typed into the terminal by whoever stands it up, works once and for a day; what the
browser keeps from then on is another secret. A terminal has one card reader, of its own department: what a reader at a
counter signed opens no terminal.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.errors import DefinitionError
from catalog.store import find_department
from catalog.tables import DepartmentRow, table
from hub.access.actors import Actor, Role
from hub.access.sessions import hashed
from hub.citizens.kiosk.errors import KioskUnknownError
from hub.citizens.kiosk.tables import KioskRow, KioskVisitRow
from hub.clock import Clock, new_id
from hub.intake.counter.readers import CARD, CardReaders, in_terminal
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

NEW: Final = "new"
LIVE: Final = "live"
ENDED: Final = "ended"
CODE_LASTS: Final = timedelta(days=1)
_NAME_MOST: Final = 60
_KIOSKS: Final = table(KioskRow)
_VISITS: Final = table(KioskVisitRow)
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class Kiosk:
    """A terminal that is in use."""

    id: str
    name: str
    department_id: str
    department: Words
    reader_kid: str

    def as_json(self) -> dict[str, str]:
        """As a ledger entry names it."""
        return {"kind": "kiosk", "id": self.id}


class Kiosks:
    """Use cases of operators, and which terminal a browser is."""

    def __init__(
        self, database: Database, *, vault: Vault, readers: CardReaders, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._readers = readers
        self._log_key = log_key
        self._clock = clock

    async def register(self, actor: Actor, department: str, reader_kid: str, name: str) -> tuple[str, str]:
        """Register a terminal of a department, by USCC, with a card reader of the same; answers its id, and the code
        that sets it up.

        Raises: ForbiddenError, MissingError; DefinitionError: no such reader there, it is in another terminal, or no
            name.
        """
        actor.require(Role.OPERATOR)
        if not 0 < len(name.strip()) <= _NAME_MOST:
            raise DefinitionError(f"kiosk: a name of at most {_NAME_MOST} characters")
        owner = await self._database.read(lambda tx: find_department(tx, department))
        if owner is None or owner.closed:
            raise MissingError("department")
        if await self._readers.key(owner.id, reader_kid, CARD) is None:
            raise DefinitionError("kiosk: its card reader is registered first, for the same department")
        now, code = self._clock(), secrets.token_hex(10)
        row: dict[str, Any] = {
            "id": new_id(), "owner_department_id": owner.id, "name": name.strip(), "reader_kid": reader_kid,
            "state": NEW, "code_hash": hashed(code), "secret_hash": None, "row_version": 1, "created_at": now,
            "ended_at": None,
        }  # fmt: skip

        def unit(tx: Connection) -> None:
            if in_terminal(tx, reader_kid):
                raise DefinitionError("kiosk: its card reader is in another terminal, which is ended first")
            tx.execute(insert(_KIOSKS).values(**row, mac=self._mac(row)))
            self._record(tx, "kiosk.registered", row, actor.as_json(), now)

        await self._database.write(unit)
        return row["id"], code

    async def end(self, actor: Actor, kiosk_id: str) -> None:
        """Take it out of use: its browser is nobody from now on, and whoever stands there is signed out.

        Raises: ForbiddenError, MissingError.
        """
        actor.require(Role.OPERATOR)
        now = self._clock()

        def unit(tx: Connection) -> None:
            row = self._found(tx, _KIOSKS.c.id == kiosk_id, lock=True)
            if row is None or row.state == ENDED:
                raise MissingError("kiosk")
            ended = {"state": ENDED, "code_hash": None, "secret_hash": None, "ended_at": now}
            self._change(tx, row, ended, "kiosk.ended", actor.as_json(), now)
            tx.execute(_VISITS.delete().where(_VISITS.c.kiosk_id == kiosk_id))

        await self._database.write(unit)

    async def set_up(self, code: str) -> str:
        """The secret of the browser that has this code; it sets up no other.

        Raises: KioskUnknownError: no such code, used, or older than a day.
        """
        now, secret = self._clock(), secrets.token_urlsafe(32)

        def unit(tx: Connection) -> bool:
            row = self._found(tx, _KIOSKS.c.code_hash == hashed(code.strip().lower()), lock=True)
            if row is None or row.state != NEW or now - row.created_at > CODE_LASTS:
                return False
            values = {"state": LIVE, "code_hash": None, "secret_hash": hashed(secret)}
            self._change(tx, row, values, "kiosk.set_up", {"kind": "kiosk", "id": row.id}, now)
            return True

        if not 10 <= len(code.strip()) <= 40 or not await self._database.write(unit):
            raise KioskUnknownError
        return secret

    async def find(self, secret: str) -> Kiosk:
        """Which terminal this is. Raises: KioskUnknownError, IntegrityBrokenError."""
        if not 20 <= len(secret) <= 100:
            raise KioskUnknownError
        found = await self._database.read(lambda tx: settled(lambda: self._kiosk(tx, hashed(secret))))
        if found is None:
            raise KioskUnknownError
        return found

    async def listed(self, actor: Actor) -> Sequence[Mapping[str, Any]]:
        """All of them, newest first, as the operator lists them. Raises: ForbiddenError."""
        actor.require(Role.OPERATOR)
        query = select(_KIOSKS.c.id, _KIOSKS.c.name, _KIOSKS.c.state, _DEPARTMENTS.c.code.label("department"))
        query = query.join(_DEPARTMENTS, _DEPARTMENTS.c.id == _KIOSKS.c.owner_department_id)
        rows = await self._database.read(lambda tx: tx.execute(query.order_by(_KIOSKS.c.id.desc())).all())
        return [dict(row._mapping) for row in rows]  # noqa: SLF001  # its public name

    def _kiosk(self, tx: Connection, digest: str) -> Kiosk | None:
        row = self._found(tx, _KIOSKS.c.secret_hash == digest)
        if row is None or row.state != LIVE:
            return None
        names = select(_DEPARTMENTS.c.name_zh, _DEPARTMENTS.c.name_en)
        owner = tx.execute(names.where(_DEPARTMENTS.c.id == row.owner_department_id)).one()
        return Kiosk(row.id, row.name, row.owner_department_id, (owner.name_zh, owner.name_en), row.reader_kid)

    def _found(self, tx: Connection, where: Any, *, lock: bool = False) -> Row[Any] | None:
        query = select(_KIOSKS).where(where)
        row = tx.execute(query.with_for_update() if lock else query).one_or_none()
        if row is not None:
            self._vault.check_row_mac(_meaning(row._mapping), row.mac, where="kiosks")  # noqa: SLF001  # its public name
            if latest_changes(tx, [row.id]).get(row.id, ("", 0))[1] != row.row_version:
                raise IntegrityBrokenError("kiosks")
        return row

    def _change(
        self, tx: Connection, row: Row[Any], values: Mapping[str, Any], kind: str, by: Mapping[str, Any], now: datetime
    ) -> None:
        changed = {**row._mapping, **values, "row_version": row.row_version + 1}  # noqa: SLF001  # its public name
        written = {**values, "row_version": changed["row_version"], "mac": self._mac(changed)}
        tx.execute(update(_KIOSKS).where(_KIOSKS.c.id == row.id).values(**written))
        self._record(tx, kind, changed, by, now)

    def _mac(self, row: Mapping[str, Any]) -> bytes:
        return self._vault.row_mac(_meaning(row))

    def _record(self, tx: Connection, kind: str, row: Mapping[str, Any], by: Mapping[str, Any], now: datetime) -> None:
        detail = {"name": row["name"], "department_id": row["owner_department_id"], "reader": row["reader_kid"]}
        draft = Draft(
            kind=kind, detail=detail | {"by": dict(by)}, key=self._log_key, object_id=row["id"],
            object_version=row["row_version"],
        )  # fmt: skip
        append(tx, [seal(draft, now=now)])


def _meaning(row: Mapping[Any, Any]) -> bytes:
    names = ("id", "owner_department_id", "name", "reader_kid", "state", "code_hash", "secret_hash", "row_version")
    told = {name: row[name] for name in names} | {"created_at": int(row["created_at"].timestamp())}
    return b"kiosk\x1f" + canonical(told)
