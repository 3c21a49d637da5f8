"""One person at one terminal: begun by his own card, ended by himself, by a minute without a touch, or by the next one.

The card shows that it was there; nobody is asked for a secret. So a visit opens less than a sign-in does: what is on
his licences and who looked, to be printed under a purpose, and nothing that could be taken along in a browser. What
is sealed in its row opens for this terminal, this cookie, this beginning and this last touch alone, whoever writes the
database; what was ended, and a card that was read, are on the ledger and open nothing when a row is put back.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.access.sessions import csrf_of, hashed
from hub.citizens.confirming import Confirming
from hub.citizens.kiosk.devices import Kiosk
from hub.citizens.kiosk.errors import KioskOverError, KioskRefusedError
from hub.citizens.kiosk.one_read import OneRead
from hub.citizens.kiosk.reading import KioskReads
from hub.citizens.kiosk.standing import Visit
from hub.citizens.kiosk.tables import KioskReadRow, KioskVisitRow
from hub.citizens.values import SEES_OWN, Holder, Identity
from hub.clock import Clock, new_id, rfc3339
from hub.intake.counter.card_reads import LASTS
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END, spent
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, strict_loads

IDLE: Final = timedelta(seconds=60)
LONGEST: Final = timedelta(minutes=10)
"""Of one visit, whatever is touched: others wait."""
HOW: Final = "kiosk"
_VISITS: Final = table(KioskVisitRow)
_READS: Final = table(KioskReadRow)
_SUBJECTS: Final = table(SubjectRow)
_KEYED: Final = select(_VISITS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid, spent(_VISITS.c.id).label("ended")).join(
    _SUBJECTS, _SUBJECTS.c.id == _VISITS.c.subject_id
)


class KioskVisits:
    """Begins, finds and ends visits."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        confirming: Confirming,
        reads: KioskReads,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._confirming = confirming
        self._reads = reads
        self._clock = clock

    async def begin(self, kiosk: Kiosk, token: str) -> str:
        """The secret of a new visit of whoever the terminal's own reader has just read; whoever was there is gone.

        Raises: KioskRefusedError, alike for a card that was not read here and now, and for somebody whom no record
            confirms; a refusal is on the ledger.
        """
        now, (given, read) = self._clock(), await self._reads.one(kiosk, token)
        secret = secrets.token_urlsafe(32)
        try:
            begun = await self._database.write(lambda tx: self._begin(tx, kiosk, given, read, secret, now))
        except ConflictError:  # the same read, sent twice at once; or two at once
            await self._reads.refused(kiosk, "at_once")
            begun = False
        if not begun:
            raise KioskRefusedError
        return secret

    async def find(self, kiosk: Kiosk, secret: str) -> Visit:
        """Whose visit it is, and it goes on for another minute. Raises: KioskOverError."""
        now = self._clock()
        found = await self._database.write(lambda tx: self._find(tx, kiosk, secret, now))
        if found is None:
            raise KioskOverError
        return found

    async def end(self, kiosk: Kiosk) -> None:
        """Nobody stands there. Ending what has ended is nothing."""
        where = _VISITS.c.kiosk_id == kiosk.id
        if await self._database.read(lambda tx: tx.execute(select(_VISITS.c.id).where(where)).first()):
            await self._database.write(lambda tx: self._end(tx, kiosk, self._clock()))

    async def sweep(self) -> None:
        """Part of the housekeeping: visits that nobody ended, and cards that could not be shown again anyway."""
        now = self._clock()
        idle, old = _VISITS.c.seen_at < now - IDLE, _READS.c.read_at < now - 2 * LASTS

        def any_left(tx: Connection) -> bool:
            return any(
                tx.execute(query.limit(1)).first()
                for query in (select(_VISITS.c.id).where(idle), select(_READS.c.digest).where(old))
            )

        def unit(tx: Connection) -> None:
            tx.execute(delete(_VISITS).where(idle))
            tx.execute(delete(_READS).where(old))

        if await self._database.read(any_left):
            await self._database.write(unit)

    def _begin(self, tx: Connection, kiosk: Kiosk, given: Identity, read: OneRead, secret: str, now: datetime) -> bool:
        self._end(tx, kiosk, now)
        subject, why = self._confirming.find(tx, given, now), "unconfirmed"
        try:
            read.use_up(tx, now)
        except KioskRefusedError:
            subject, why = None, "read_twice"
        if subject is None:
            self._reads.refuse(tx, kiosk, why, now)
            return False
        visit_id = new_id()
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        row: dict[str, Any] = {
            "kiosk_id": kiosk.id, "id": visit_id, "secret_hash": hashed(secret), "subject_id": subject.id,
            "begun_at": now, "seen_at": now,
        }  # fmt: skip
        tx.execute(insert(_VISITS).values(**row, content=_sealed(key, row, given)))
        detail = {"by": kiosk.as_json(), "department_id": kiosk.department_id, "session": visit_id}
        draft = Draft(kind="kiosk.visit", detail=detail, key=key, subject_id=subject.id, **read.ends)
        append(tx, [seal(draft, now=now)])
        return True

    def _end(self, tx: Connection, kiosk: Kiosk, now: datetime) -> None:
        row = tx.execute(_KEYED.where(_VISITS.c.kiosk_id == kiosk.id).with_for_update(of=_VISITS)).one_or_none()
        tx.execute(delete(_VISITS).where(_VISITS.c.kiosk_id == kiosk.id))
        if row is None or not self._lives(row, now) or self._opened(row) is None:
            return
        draft = Draft(
            kind="kiosk.left",
            detail={"by": kiosk.as_json(), "department_id": kiosk.department_id, "session": row.id},
            key=self._vault.data_key(row.data_key, row.kek_kid),
            subject_id=row.subject_id,
            object_id=row.id,
            object_version=END,
        )
        append(tx, [seal(draft, now=now)])

    @staticmethod
    def _lives(row: Row[Any], now: datetime) -> bool:
        return not row.ended and now - row.seen_at <= IDLE and now - row.begun_at <= LONGEST

    def _opened(self, row: Row[Any]) -> Identity | None:
        """None: he was erased since, for his key is another one; or a row that is not ours."""
        try:
            plain = self._vault.data_key(row.data_key, row.kek_kid).decrypt(_place(row._asdict()), row.content)
        except IntegrityBrokenError:
            return None
        return Identity(**strict_loads(plain, max_bytes=len(plain)))

    def _find(self, tx: Connection, kiosk: Kiosk, secret: str, now: datetime) -> Visit | None:
        where = (_VISITS.c.kiosk_id == kiosk.id) & (_VISITS.c.secret_hash == hashed(secret))
        row = tx.execute(_KEYED.where(where)).one_or_none()
        given = self._opened(row) if row is not None and self._lives(row, now) else None
        subject = self._confirming.find(tx, given, now) if given is not None else None
        if row is None or given is None or subject is None or subject.id != row.subject_id:
            return None
        key = self._vault.data_key(row.data_key, row.kek_kid)
        touched = _sealed(key, row._asdict() | {"seen_at": now}, given)
        tx.execute(update(_VISITS).where(_VISITS.c.id == row.id).values(seen_at=now, content=touched))
        return Visit(kiosk, Holder(subject.id, row.id, given, SEES_OWN, HOW, csrf_of(secret)), row.id)


def _sealed(key: DataKey, row: Mapping[str, Any], given: Identity) -> bytes:
    content = {"id_number": given.id_number, "id_type": given.id_type, "name": given.name}
    return key.encrypt(_place(row), canonical(content))


def _place(row: Mapping[str, Any]) -> str:
    """Where it is sealed for: this terminal, this cookie, this beginning, this last touch."""
    begun, seen = int(row["begun_at"].timestamp()), rfc3339(row["seen_at"])
    return f"kiosk_visits:{row['id']}:content:{row['kiosk_id']}:{row['secret_hash']}:{begun}:{seen}"
