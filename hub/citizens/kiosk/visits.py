"""One person at one terminal: begun by his own card, ended by himself, by a minute without a touch, or by the next one.

The card shows that it was there; nobody is asked for a secret. So a visit opens less than a sign-in does: what is on
his licences and who looked, to be printed under a purpose, and nothing that could be taken along in a browser. What
is sealed in its row opens for this terminal, this cookie, this beginning and this last touch alone, whoever writes the
database; what was ended, and a card that was read, are on the ledger and open nothing when a row is put back.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, insert, or_, select, update

from catalog.identifiers import normalise_name
from catalog.tables import table
from certificates.tables import SubjectRow
from hub.access.sessions import csrf_of, hashed
from hub.citizens.confirming import Confirming
from hub.citizens.kiosk.card_again import CardAgain
from hub.citizens.kiosk.devices import Kiosk
from hub.citizens.kiosk.errors import KioskOverError, KioskRefusedError
from hub.citizens.kiosk.tables import KioskReadRow, KioskVisitRow
from hub.citizens.values import SEES_OWN, Holder, Identity
from hub.clock import Clock, new_id, rfc3339
from hub.intake.counter.card_reads import LASTS, CardRead, check_read, read_token
from hub.intake.counter.readers import CARD, CardReaders
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END, id_of, spent
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


@dataclass(frozen=True, slots=True)
class Visit:
    """Who stands at which terminal."""

    kiosk: Kiosk
    holder: Holder
    id: str = field(default="")


class KioskVisits:
    """Begins, finds and ends visits."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        confirming: Confirming,
        readers: CardReaders,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._confirming = confirming
        self._readers = readers
        self._log_key = log_key
        self._clock = clock

    async def begin(self, kiosk: Kiosk, token: str) -> str:
        """The secret of a new visit of whoever the terminal's own reader has just read; whoever was there is gone.

        Raises: KioskRefusedError, alike for a card that was not read here and now, and for somebody whom no record
            confirms; a refusal is on the ledger.
        """
        now, said = self._clock(), await self._read(kiosk, token)
        given = Identity(said.id_type, said.id_number, said.name)
        digest = _digest(said)
        secret = secrets.token_urlsafe(32)
        try:
            begun = await self._database.write(lambda tx: self._begin(tx, kiosk, given, digest, secret, now))
        except ConflictError:  # the same read, sent twice at once; or two at once
            await self._refused(kiosk, "at_once")
            begun = False
        if not begun:
            raise KioskRefusedError
        return secret

    async def again(self, visit: Visit, token: str) -> CardAgain:
        """What the terminal's reader has read just now, of the very person who stands there; not used yet.

        Raises: KioskRefusedError: another's card, or no read of this reader; on the ledger.
        """
        said, who = await self._read(visit.kiosk, token), visit.holder.identity
        if (said.id_type, said.id_number, normalise_name(said.name)) != (
            who.id_type, who.id_number, normalise_name(who.name),
        ):  # fmt: skip
            await self._refused(visit.kiosk, "other_card")
            raise KioskRefusedError
        digest = _digest(said)
        return CardAgain(said.device, said.at, digest, id_of(self._vault, "card-read", digest))

    async def refuse_used(self, kiosk: Kiosk) -> None:
        """The entry of a read that was used before."""
        await self._refused(kiosk, "read_twice")

    async def find(self, kiosk: Kiosk, secret: str) -> Visit:
        """Whose visit it is, and it goes on for another minute. Raises: KioskOverError."""
        now = self._clock()
        found = await self._database.write(lambda tx: self._find(tx, kiosk, secret, now))
        if found is None:
            raise KioskOverError
        return found

    @staticmethod
    def must_stand(tx: Connection, visit: Visit) -> None:
        """In the transaction by which something leaves the terminal: nobody has ended it, nor taken the terminal out of
        use, since it was found. Raises: KioskOverError.
        """
        here = select(_VISITS.c.id).where(_VISITS.c.id == visit.id, ~spent(_VISITS.c.id))
        if tx.execute(here).first() is None:
            raise KioskOverError

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

    async def _read(self, kiosk: Kiosk, token: str) -> CardRead:
        try:
            said = read_token(token.strip())
            await self._check(kiosk, said)
        except PartyError:
            await self._refused(kiosk, "not_read_here")
            raise KioskRefusedError from None
        return said

    async def _check(self, kiosk: Kiosk, said: CardRead) -> None:
        """Raises: PartyError: another device signed it, or none, or not just now."""
        key = await self._readers.key(kiosk.department_id, said.device, CARD)
        if key is None or said.device != kiosk.reader_kid or (self._readers.production and said.trial):
            raise PartyError("/card", "reader_refused")
        check_read(said, key, PartyInput("applicant", said.name, said.id_type, said.id_number), self._clock())

    async def _refused(self, kiosk: Kiosk, why: str) -> None:
        now = self._clock()
        await self._database.write(lambda tx: self._refuse(tx, kiosk, why, now))

    def _refuse(self, tx: Connection, kiosk: Kiosk, why: str, now: datetime) -> None:
        detail = {"by": kiosk.as_json(), "department_id": kiosk.department_id, "reason": f"kiosk_{why}"}
        append(tx, [seal(Draft(kind="refusal", detail=detail, key=self._log_key), now=now)])

    def _begin(self, tx: Connection, kiosk: Kiosk, given: Identity, digest: str, secret: str, now: datetime) -> bool:
        self._end(tx, kiosk, now)
        read, once = exists().where(_READS.c.digest == digest), id_of(self._vault, "card-read", digest)
        used = tx.execute(select(or_(read, spent(once)))).scalar_one()
        subject = self._confirming.find(tx, given, now)
        if not used:
            tx.execute(insert(_READS).values(digest=digest, read_at=now))
        if used or subject is None:
            self._refuse(tx, kiosk, "read_twice" if used else "unconfirmed", now)
            return False
        visit_id = new_id()
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        row: dict[str, Any] = {
            "kiosk_id": kiosk.id, "id": visit_id, "secret_hash": hashed(secret), "subject_id": subject.id,
            "begun_at": now, "seen_at": now,
        }  # fmt: skip
        tx.execute(insert(_VISITS).values(**row, content=_sealed(key, row, given)))
        detail = {"by": kiosk.as_json(), "department_id": kiosk.department_id, "session": visit_id}
        draft = Draft(
            kind="kiosk.visit", detail=detail, key=key, subject_id=subject.id, object_id=once, object_version=END
        )
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


def _digest(said: CardRead) -> str:
    """By its own number, which the reader signed: a text can be changed and still be the same read."""
    return hashlib.sha256(f"{said.device}\n{said.jti}".encode()).hexdigest()


def _sealed(key: DataKey, row: Mapping[str, Any], given: Identity) -> bytes:
    content = {"id_number": given.id_number, "id_type": given.id_type, "name": given.name}
    return key.encrypt(_place(row), canonical(content))


def _place(row: Mapping[str, Any]) -> str:
    """Where it is sealed for: this terminal, this cookie, this beginning, this last touch."""
    begun, seen = int(row["begun_at"].timestamp()), rfc3339(row["seen_at"])
    return f"kiosk_visits:{row['id']}:content:{row['kiosk_id']}:{row['secret_hash']}:{begun}:{seen}"
