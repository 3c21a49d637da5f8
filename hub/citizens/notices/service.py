"""A holder's notices as he reads them, and of which kinds he wants a message besides."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from hub.citizens.notices import store
from hub.citizens.notices.kinds import KINDS, NoticeKind, page_of
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, Holder
from hub.clock import Clock
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey

PAGE: Final = 20
MOST_COUNTED: Final = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. `about`: ids of ours; `page`: the page of ours that says more."""

    id: str
    kind: NoticeKind
    words: Words
    about: str
    page: str
    legal: bool
    made_at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind, and whether he gets a message of it. What is `legal` always comes."""

    kind: NoticeKind
    words: Words
    legal: bool
    message: bool


class Notices:
    """Use cases of a holder. Each raises LevelError for one who is not signed in surely enough."""

    def __init__(self, database: Database, *, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._log_key = log_key
        self._clock = clock

    async def listed(self, holder: Holder, after: str | None) -> tuple[list[Notice], str | None]:
        """A page, the newest first, and the id behind which the next begins."""
        holder.require(SEES_OWN)
        rows = await self._database.read(lambda tx: store.of_holder(tx, holder.id, after=after, limit=PAGE + 1))
        found = [_notice(row) for row in rows[:PAGE]]
        return found, found[-1].id if len(rows) > PAGE else None

    async def unread(self, holder: Holder) -> int:
        """How many he has not read; 100 stands for more. 0 for one who may not see them."""
        if holder.level < SEES_OWN:
            return 0
        return await self._database.read(lambda tx: store.unread_of(tx, holder.id, most=MOST_COUNTED))

    async def read(self, holder: Holder, notice_id: str) -> Notice:
        """He has read it. Raises: MissingError: there is none, or it is another's, which goes on the ledger."""
        holder.require(SEES_OWN)
        now = self._clock()

        def unit(tx: Connection) -> Notice | None:
            store.read(tx, holder.id, now, only=notice_id)
            row = store.own(tx, notice_id)
            return _notice(row) if row is not None and row.subject_id == holder.id else None

        found = await self._database.write(unit)
        if found is None:
            await refuse_other(self._database, self._log_key, holder, "notice", now)
            raise MissingError("notice")
        return found

    async def read_all(self, holder: Holder) -> None:
        """He has read whatever there is."""
        holder.require(SEES_OWN)
        await self._database.write(lambda tx: store.read(tx, holder.id, self._clock()))

    async def choices(self, holder: Holder) -> list[Choice]:
        """Every kind, those that can be chosen first."""
        holder.require(SEES_OWN)
        quiet = await self._database.read(lambda tx: store.without_message(tx, holder.id))
        found = [Choice(kind, told.words, told.legal, told.legal or kind not in quiet) for kind, told in KINDS.items()]
        return sorted(found, key=lambda item: item.legal)

    async def choose(self, holder: Holder, wanted: Collection[str]) -> None:
        """He wants a message of these kinds, and of no others but those that always come."""
        holder.require(SEES_OWN)
        quiet = [kind.value for kind, told in KINDS.items() if not told.legal and kind.value not in wanted]

        def unit(tx: Connection) -> None:
            lock_holder(tx, holder.id)
            store.choose(tx, holder.id, quiet)

        await self._database.write(unit)


def _notice(row: Row[Any]) -> Notice:
    kind = NoticeKind(row.kind)
    told = KINDS[kind]
    return Notice(row.id, kind, told.words, row.about, page_of(kind, row.about), told.legal, row.made_at, row.read_at)
