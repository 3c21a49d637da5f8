"""A holder shows that he is here (出示码): makes a code that lives a minute and is taken once, and sees who took it.

One code at a time: a new one ends those before it. What the code stands for is sealed, and deleted when it ends; the
ledger keeps that it was made, and who took it, when, in which case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row

from catalog.store import find_department
from hub.citizens import presentation_store as store
from hub.citizens.acting.values import Principal
from hub.citizens.code_rows import EXPIRED, LIVE, REPLACED
from hub.citizens.codes import new_code, new_typed_code
from hub.citizens.once import Once
from hub.citizens.present import lock_holder
from hub.citizens.presentation_store import CODES, Presentation
from hub.citizens.values import SHOWS, Holder, Identity, Whose
from hub.clock import Clock, new_id
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, strict_loads

LIFE: Final = timedelta(seconds=60)
CODES_PER_MINUTE: Final = 12
"""Of one holder."""
PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A live code as its holder shows it. `typed` only where it is for one department's counters."""

    presentation: Presentation
    code: str = field(repr=False)
    typed: str | None = field(repr=False)
    seconds_left: int
    behalf: Identity | None = None
    """For whom it opens a case, where that is not the holder himself."""


class Presentations:
    """Use cases of a holder. What is not his is MissingError, and on the ledger."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def make(self, holder: Holder, department: str | None, *, once: Once | None = None) -> str:
        """A new code, for the counters of one department (its code) or for any; answers its id. What came with the same
        key within a day is the same code, as it is by now: one that has ended shows nothing any more.

        Raises: LevelError, HolderSignInNeededError, IdempotencyError; MissingError: no such department.
        """
        holder.require(SHOWS)
        now = self._clock()
        made, _ = await write_once(self._database, lambda tx: self.make_in(tx, holder, department, now, once=once))
        return made

    def make_in(
        self,
        tx: Connection,
        holder: Holder,
        department: str | None,
        now: datetime,
        *,
        principal: Principal | None = None,
        once: Once | None = None,
    ) -> tuple[str, bool]:
        """The unit of `make`: the code's id, and whether it is a new one. With a principal for one who acts for him: a
        case that it opens has the principal for a party and the holder as who acts for him. The caller has judged that
        he may. Raises: as `make`, without LevelError.
        """
        acting = (principal.key,) if principal else ()
        known, more = CODES.made_before(tx, self._vault, ("presentation-once", holder.id, *acting), once, now)
        if known is not None:
            return known, False
        return self._make(tx, holder, department, now, principal, more), True

    async def look(self, holder: Holder, presentation_id: str) -> Shown | Presentation:
        """One of his codes: with its digits while it lives, and for a session that might have made it: another of his,
        begun less surely, must not find it. Raises: LevelError, MissingError.
        """
        holder.require(SHOWS)
        now = self._clock()
        row, told = await self._database.read(
            lambda tx: (CODES.own(tx, presentation_id), store.find(tx, presentation_id))
        )
        if row is None or told is None or told.subject_id != holder.id:
            await refuse_other(self._database, self._log_key, holder, "presentation", now)
            raise MissingError("presentation")
        lives = CODES.lives(row, now)
        if told.state != LIVE:
            return told
        if not lives:
            return replace(told, state=EXPIRED)
        content = opened(self._vault, row)
        seconds = max(1, int((told.expires_at - now).total_seconds()))
        behalf = Identity(content["id_type"], content["id_number"], content["name"]) if content.get("agent") else None
        return Shown(told, content["code"], content["typed"], seconds, behalf)

    async def listed(self, holder: Holder, after: str | None = None) -> tuple[Sequence[Presentation], str | None]:
        """A page of his codes, the newest first, and from where the next goes on. Raises: LevelError."""
        holder.require(SHOWS)
        now = self._clock()
        found = await self._database.read(lambda tx: store.of_holder(tx, holder.id, after=after, limit=PAGE + 1))
        items = [
            replace(item, state=EXPIRED) if item.state == LIVE and item.expires_at <= now else item
            for item in found[:PAGE]
        ]
        return items, items[-1].id if len(found) > PAGE else None

    async def sweep(self) -> int:
        """Part of the housekeeping: ends codes past their time, and forgets old rows; answers how many ended."""
        return await CODES.sweep(self._database, self._clock(), self._end)

    def _make(
        self,
        tx: Connection,
        holder: Holder,
        code: str | None,
        now: datetime,
        principal: Principal | None,
        more: Mapping[str, Any],
    ) -> str:
        department = find_department(tx, code) if code else None
        if code and department is None:
            raise MissingError("department")
        subject = lock_holder(tx, holder.id)
        for row in CODES.live_of(tx, holder.id):
            self._end(tx, row, EXPIRED if row.expires_at <= now else REPLACED, now)
        key, presentation_id = self._vault.data_key(subject.data_key, subject.kek_kid), new_id()
        long = new_code()
        typed, typed_hash = self._typed(tx, department.id) if department else (None, None)
        content = {"code": long, "typed": typed, **_named(principal.identity if principal else holder.identity)}
        department_id, until = department.id if department else None, now + LIFE
        if principal is not None:
            content["agent"] = {"key": principal.key, "principal": principal.id, **_named(holder.identity)}
        CODES.add(
            tx,
            {
                "id": presentation_id,
                "subject_id": subject.id,
                "code_hash": code_hash(self._vault, long),
                "typed_hash": typed_hash,
                "department_id": department_id,
                "content": key.encrypt(_place(presentation_id, department_id, until), canonical(content)),
                "state": LIVE,
                "made_at": now,
                "expires_at": until,
                **more,
            },
        )
        detail: dict[str, Any] = {"presentation": presentation_id, "department": code}
        detail |= {"level": holder.level.name.lower()} | (principal.as_told() if principal else {})
        append(tx, [seal(Draft(kind="presentation.made", detail=detail, key=key, subject_id=subject.id), now=now)])
        return presentation_id

    def _typed(self, tx: Connection, department_id: str) -> tuple[str, bytes]:
        while True:
            digits = new_typed_code()
            digest = code_hash(self._vault, digits, department_id)
            if store.typed_is_free(tx, digest):
                return digits, digest

    def _end(self, tx: Connection, row: Row[Any], state: str, now: datetime) -> bool:
        if not CODES.end(tx, row.id, state, now):
            return False
        key = self._vault.data_key(row.data_key, row.kek_kid)
        draft = Draft(
            kind="presentation.expired",
            detail={"presentation": row.id, "why": state},
            key=key,
            subject_id=row.subject_id,
            object_id=row.id,
            object_version=END,
        )
        append(tx, [seal(draft, now=now)])
        return True


def _named(who: Identity) -> dict[str, Any]:
    return {"id_number": who.id_number, "id_type": who.id_type, "name": who.name}


def code_hash(vault: Vault, digits: str, department_id: str = "") -> bytes:
    """By what a code is found; a short one only at the counters of its department."""
    return vault.lookup_hash("presentation", department_id, digits)


def opened(vault: Vault, row: Row[Any]) -> dict[str, Any]:
    """What a live code stands for. Raises: IntegrityBrokenError: its holder was erased, or somebody changed where it
    opens, or until when.
    """
    place = _place(row.id, row.department_id, row.expires_at)
    plain = vault.data_key(row.data_key, row.kek_kid).decrypt(place, row.content)
    content: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return content


async def refuse_other(database: Database, log_key: DataKey, holder: Whose, what: str, now: datetime) -> None:
    """Somebody asked for what is not his, or not there: on the ledger before he hears of it."""
    detail = {"reason": f"{what}_not_own", "subject": holder.asker_id, "session": holder.session_id}
    detail |= {} if holder.id == holder.asker_id else {"principal": holder.id}
    await database.write(lambda tx: append(tx, [seal(Draft(kind="refusal", detail=detail, key=log_key), now=now)]))


def _place(presentation_id: str, department_id: str | None, until: datetime) -> str:
    return f"presentations:{presentation_id}:{department_id or ''}:{int(until.timestamp())}:content"
