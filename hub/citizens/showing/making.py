"""A holder shows licences: makes a code that opens what he picked, once, within a minute, and sees who took it.

One showing at a time: a new one ends the one before. Nothing of a licence is copied when it is made; it is opened, and
judged, when it is taken.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row

from catalog.store import find_department
from certificates.stores.holders import Subject
from hub.citizens.acting.values import Principal
from hub.citizens.code_rows import EXPIRED, LIVE, REPLACED
from hub.citizens.codes import new_code
from hub.citizens.once import Once
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.showing import store
from hub.citizens.showing.behalf import Behalf
from hub.citizens.showing.licences import Showable
from hub.citizens.showing.recording import record
from hub.citizens.showing.sealing import Content, code_hash, opened, picks_json, place_of
from hub.citizens.showing.values import (
    MOST_WORDS,
    WITHDRAWN,
    Choice,
    ChoiceError,
    Live,
    Showing,
)
from hub.citizens.values import SHOWS, Holder
from hub.clock import Clock, new_id
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault

PREFIX: Final = "9902"
"""Of the codes of showings; a counter's field for numbers does not take them for somebody who stands there."""
LIFE: Final = timedelta(seconds=60)
SHOWS_PER_MINUTE: Final = 12
"""Of one holder."""
PAGE: Final = 20


class Showings:
    """Use cases of a holder. Raises LevelError for one who is not signed in surely enough."""

    def __init__(self, database: Database, *, vault: Vault, showable: Showable, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._showable = showable
        self._log_key = log_key
        self._clock = clock

    async def make(self, holder: Holder, choice: Choice, *, once: Once | None = None) -> str:
        """A new showing; answers its id. What came with the same key within a day is the same showing, as it is by now.

        Raises: ChoiceError; MissingError: no such department, or a licence that is not his, which goes on the ledger;
            HolderSignInNeededError, IdempotencyError.
        """
        holder.require(SHOWS)
        now = self._clock()
        made = await write_once(self._database, lambda tx: self.make_in(tx, holder, choice, once, now))
        if made is None:
            await refuse_other(self._database, self._log_key, holder, "certificate", now)
            raise MissingError("certificate")
        return made

    def make_in(
        self,
        tx: Connection,
        holder: Holder,
        choice: Choice,
        once: Once | None,
        now: datetime,
        principal: Principal | None = None,
    ) -> str | None:
        """The unit of `make`; with a principal for him, which the caller has judged in this transaction that he may.
        None: a licence that is not his, or the principal's. Raises: as `make`.
        """
        if len(choice.purpose) > MOST_WORDS:
            raise ChoiceError("purpose")
        behalf = Behalf.of(holder, principal) if principal else None
        known, more = made_before(tx, self._vault, holder, once, now, behalf=behalf)
        if known is not None:
            return known
        department = find_department(tx, choice.department) if choice.department else None
        if choice.department and department is None:
            raise MissingError("department")
        subject = lock_holder(tx, principal.id if principal else holder.id)
        picks = self._showable.chosen(tx, subject.id, choice, now)
        if picks is None:
            return None
        for row in store.live_of(tx, holder.id):
            self._end(tx, row, EXPIRED if row.expires_at <= now else REPLACED, now)
        showing_id = write_showing(
            tx,
            self._vault,
            subject,
            Content(picks, choice.purpose, new_code(PREFIX), behalf=behalf),
            until=now + LIFE,
            now=now,
            department_id=department.id if department else None,
            **more,
        )
        detail: dict[str, Any] = {"showing": showing_id, "picks": picks_json(picks), "purpose": choice.purpose}
        detail |= {"department": choice.department, "level": holder.level.name.lower(), "session": holder.session_id}
        record(tx, self._vault, "showing.made", subject.id, detail, now, behalf=behalf, principal=principal)
        return showing_id

    async def look(self, holder: Holder, showing_id: str) -> Live | Showing:
        """One of his: with its code while it lives, if it is he who shows it. Raises: MissingError."""
        holder.require(SHOWS)
        now = self._clock()
        row = await self._own(holder, showing_id, now)
        content = opened(self._vault, row)
        told = self._read(row, content, holder, now)
        if told.state != LIVE or content is None or not content.code or not told.mine:
            return told
        return Live(told, content.code, max(1, int((told.expires_at - now).total_seconds())))

    async def withdraw(self, holder: Holder, showing_id: str) -> None:
        """It opens nothing from now on. One that has ended stays as it is. Raises: MissingError."""
        holder.require(SHOWS)
        now = self._clock()
        row = await self._own(holder, showing_id, now)
        await self._database.write(lambda tx: self._end(tx, row, WITHDRAWN, now))

    async def listed(self, holder: Holder, after: str | None = None) -> tuple[Sequence[Showing], str | None]:
        """A page of his, the newest first, and from where the next goes on."""
        holder.require(SHOWS)
        now = self._clock()
        rows = await self._database.read(lambda tx: store.of_holder(tx, holder.id, after=after, limit=PAGE + 1))
        items = [self._read(row, opened(self._vault, row), holder, now) for row in rows[:PAGE]]
        return items, items[-1].id if len(rows) > PAGE else None

    async def sweep(self) -> int:
        """Part of the housekeeping: ends those past their time, and forgets old rows; answers how many ended."""
        return await store.CODES.sweep(self._database, self._clock(), self._end)

    def _read(self, row: Row[Any], content: Content | None, holder: Holder, now: datetime) -> Showing:
        told = store.read(row, content, holder.id)
        return told if told.state != LIVE or store.CODES.lives(row, now) else replace(told, state=EXPIRED)

    async def _own(self, holder: Holder, showing_id: str, now: datetime) -> Row[Any]:
        row = await self._database.read(lambda tx: store.CODES.own(tx, showing_id))
        if row is None or not store.concerns(row, holder.id):
            await refuse_other(self._database, self._log_key, holder, "showing", now)
            raise MissingError("showing")
        return row

    def _end(self, tx: Connection, row: Row[Any], state: str, now: datetime) -> bool:
        if not store.CODES.end(tx, row.id, state, now):
            return False
        content = opened(self._vault, row)
        detail = {"showing": row.id, "why": state}
        behalf = content.behalf if content else None
        record(tx, self._vault, "showing.ended", row.subject_id, detail, now, behalf=behalf, ends=row.id)
        return True


def made_before(
    tx: Connection, vault: Vault, holder: Holder, once: Once | None, now: datetime, *, behalf: Behalf | None = None
) -> tuple[str | None, dict[str, Any]]:
    """The showing that came with this key within a day; or what the row of a new one has of it.

    Raises: IdempotencyError: the key came with another request.
    """
    acting = (behalf.key,) if behalf else ()
    return store.CODES.made_before(tx, vault, ("showing-once", holder.id, *acting), once, now)


def write_showing(
    tx: Connection,
    vault: Vault,
    subject: Subject,
    content: Content,
    *,
    until: datetime,
    now: datetime,
    department_id: str | None = None,
    asked_id: str | None = None,
    state: str = LIVE,
    **more: Any,
) -> str:
    """The row of a showing; answers its id. One without a code in `content` is found by none."""
    showing_id, shown_by = new_id(), content.behalf.agent_id if content.behalf else None
    key = vault.data_key(subject.data_key, subject.kek_kid)
    values = {
        "id": showing_id,
        "subject_id": subject.id,
        "code_hash": code_hash(vault, content.code or new_code(PREFIX)),
        "department_id": department_id,
        "asked_id": asked_id,
        "shown_by": shown_by,
        "content": content.sealed(key, place_of(showing_id, department_id, asked_id, until, shown_by)),
        "state": state,
        "made_at": now,
        "expires_at": until,
    }
    store.CODES.add(tx, values | more)
    return showing_id
