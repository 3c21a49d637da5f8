"""A holder is asked to show: he reads who asks for what, and says yes to some of it, or no.

His yes makes a showing that its asker alone may fetch, opened and judged only then; a licence that is suspended, or a
holder who is erased, in between gives nothing. Of two who answer one request the first one does, and the other is told.

Guessing: the long code has 86 random bits. The short one has eight digits and five minutes; wrong ones are counted per
holder and per address in the database, and slowed from 30 seconds to 15 minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row

from catalog.tables import table
from certificates.definitions.parts import Custody
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.tables import CertificateRow
from hub.access.staff_throttle import Throttle
from hub.citizens.acting.values import Principal
from hub.citizens.asked import store
from hub.citizens.asked.asking import PREFIX, state_of
from hub.citizens.asked.grounds import grounds
from hub.citizens.asked.sealing import Content, code_hash, opened
from hub.citizens.asked.values import (
    ASKED,
    DECLINED,
    GIVEN,
    Asked,
    AskedClaim,
    AskedItem,
    Choosable,
    Item,
    Wanted,
)
from hub.citizens.codes import read_code, read_long
from hub.citizens.errors import PresentationRefusedError, RequestOverError
from hub.citizens.licences import held_by
from hub.citizens.present import lock_holder
from hub.citizens.presentation_store import Department
from hub.citizens.presentations import refuse_other
from hub.citizens.showing.behalf import Behalf
from hub.citizens.showing.licences import Showable, showable_claims
from hub.citizens.showing.making import write_showing
from hub.citizens.showing.recording import record
from hub.citizens.showing.sealing import Content as Shown
from hub.citizens.showing.sealing import picks_json
from hub.citizens.showing.values import Choice, ChoiceError, Pick
from hub.citizens.values import SHOWS, Holder, Whose
from hub.clock import Clock
from hub.issuing.held_then import standing
from hub.issuing.types.registry import TypeRegistry
from hub.registry.matters.guard import MatterBook
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.vault import DataKey, Vault

FETCHED_WITHIN: Final = timedelta(minutes=5)
"""For so long what was given waits for its asker; nothing of it lies ready meanwhile."""
_MOST_TEXT: Final = 200
_CERTIFICATES: Final = table(CertificateRow)


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that was found by its code, `at` this moment, and answered by nobody."""

    row: Row[Any] = field(repr=False)
    content: Content = field(repr=False)
    at: datetime


class Answering:
    """Use cases of a holder. Raises LevelError for one who is not signed in surely enough."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        showable: Showable,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._showable = showable
        self._log_key = log_key
        self._clock = clock
        self._matters = MatterBook(vault)
        self._throttle = Throttle(vault)

    async def look(self, holder: Holder, text: str, *, peer: str) -> Asked:
        """What is asked behind this code, scanned or typed. Answers nothing yet.

        Raises: PresentationRefusedError: there is none; RequestOverError; LockedOutError: too many short ones that were
            wrong.
        """
        holder.require(SHOWS)
        return await self.told(holder, await self.found(holder, text, peer=peer))

    async def told(self, whose: Whose, asked: Pending) -> Asked:
        """The same of one that was found: what is asked, and which licences of his would do."""
        return await self._database.read(lambda tx: self._told(tx, whose.id, asked))

    async def give(self, holder: Holder, text: str, picks: Sequence[Pick], *, peer: str) -> str:
        """He shows this, to whoever asked; answers the showing's id. On the ledger with the same commit.

        Raises: as `look`; ChoiceError: "needed" where something is missing without which the asker has no use for it,
            "not_asked" where something was not asked for, and those of a showing; MissingError: a licence that is not
            his, which goes on the ledger; HolderSignInNeededError.
        """
        holder.require(SHOWS)
        asked = await self.found(holder, text, peer=peer)
        made = await self._database.write(lambda tx: self.give_in(tx, holder, asked, picks))
        if made is None:
            await refuse_other(self._database, self._log_key, holder, "certificate", asked.at)
            raise MissingError("certificate")
        return made

    async def decline(self, holder: Holder, text: str, *, peer: str) -> None:
        """He shows nothing; the asker learns that, and not who it was. Raises: as `look`."""
        holder.require(SHOWS)
        asked = await self.found(holder, text, peer=peer)
        await self._database.write(lambda tx: self.decline_in(tx, holder, asked))

    async def found(self, holder: Holder, text: str, *, peer: str) -> Pending:
        """The request behind this code, which nobody has answered. Raises: as `look`."""
        now, given = self._clock(), text.strip()[:_MOST_TEXT].rpartition("=")[2]
        long, short = read_long(given, PREFIX), read_code(given)
        typed = long is None and short is not None and short.typed
        digits = short.digits if typed and short else long
        if digits is None:
            raise PresentationRefusedError
        digest = code_hash(self._vault, digits)
        name, address = f"asked {holder.id}", f"asked:{peer}"
        if typed:  # counted first: a wrong guess stays counted though what follows should fail
            await self._database.write(lambda tx: self._throttle.claim(tx, user_name=name, peer=address, now=now))
        row = await self._database.read(lambda tx: store.by_code(tx, digest, typed=typed))
        if row is None:
            await refuse_other(self._database, self._log_key, holder, "showing_request", now)
            raise PresentationRefusedError
        if typed:
            await self._database.write(lambda tx: self._throttle.succeeded(tx, user_name=name, peer=address, now=now))
        state = state_of(row, now)
        if state != ASKED:
            raise RequestOverError(state)
        content = opened(self._vault, row)
        # A code opens the request that it was made for, whichever row its hash was moved to by SQL.
        if digits != (content.typed if typed else content.code):
            raise IntegrityBrokenError("showing_requests")
        return Pending(row, content, now)

    def _told(self, tx: Connection, subject_id: str, asked: Pending) -> Asked:
        row, content, now = asked.row, asked.content, asked.at
        wanted = content.wanted
        return Asked(
            code=content.code,
            department=Department(row.department_code, row.department_zh, row.department_en),
            system=(row.system_zh, row.system_en) if row.system_id else None,
            matter=self._matter(tx, wanted.matter, now),
            purpose=wanted.purpose,
            items=[self._item(tx, subject_id, row, item, wanted.matter, now) for item in wanted.items],
            expires_at=row.expires_at,
            seconds_left=max(1, int((row.expires_at - now).total_seconds())),
        )

    def _matter(self, tx: Connection, code: str, now: datetime) -> Words:
        found = self._matters.opening(tx, code, now.astimezone(CIVIL_ZONE).date())
        return (code, code) if found is None else (found[1].name_zh, found[1].name_en)

    def _item(
        self, tx: Connection, subject_id: str, row: Row[Any], item: Item, matter: str, now: datetime
    ) -> AskedItem:
        kind = self._types.newest(item.type_code)
        titles = showable_claims(kind) if kind else {}
        ground = grounds(tx, self._vault, row, item.type_code, matter, now)
        return AskedItem(
            type_code=item.type_code,
            name=(kind.name.zh, kind.name.en) if kind else (item.type_code, item.type_code),
            wanted=item.wanted,
            claims=[
                AskedClaim(name, titles.get(name, (name, name)), name in item.needed, ground.get(name, ""))
                for name in item.claims
            ],
            licences=self._licences(tx, subject_id, item.type_code, now)
            if kind and kind.custody is Custody.LIBRARY
            else (),
        )

    def _licences(self, tx: Connection, subject_id: str, type_code: str, now: datetime) -> list[Choosable]:
        today = now.astimezone(CIVIL_ZONE).date()
        mine, _ = held_by(subject_id)
        rows = tx.execute(mine.where(_CERTIFICATES.c.type_code == type_code).order_by(_CERTIFICATES.c.id.desc()))
        return [
            Choosable(
                row.identifier, (row.issuer_zh or row.issuer_code, row.issuer_en or row.issuer_code), row.valid_until
            )
            for row in rows
            if standing(row.status, row.valid_until, today) == Status.VALID
        ]

    def give_in(
        self,
        tx: Connection,
        holder: Holder,
        asked: Pending,
        picks: Sequence[Pick],
        principal: Principal | None = None,
    ) -> str | None:
        """The unit of `give`; with a principal for him, which the caller has judged in this transaction that he may.
        None: a licence that is not his, or the principal's. Raises: as `give`.
        """
        row, wanted = asked.row, asked.content.wanted
        behalf = Behalf.of(holder, principal) if principal else None
        subject = lock_holder(tx, principal.id if principal else holder.id)
        now = self._clock()  # behind the lock: it may have waited
        kept = self._showable.chosen(tx, subject.id, Choice(picks), now)
        if kept is None:
            return None
        _fit(self._showable, tx, wanted, picks, kept)
        self._end(tx, row, GIVEN, now)
        showing_id = write_showing(
            tx,
            self._vault,
            subject,
            Shown(kept, wanted.purpose, matter=wanted.matter, behalf=behalf),
            until=now + FETCHED_WITHIN,
            now=now,
            department_id=row.department_id,
            asked_id=row.id,
        )
        detail: dict[str, Any] = {"department_id": row.department_id, "matter": wanted.matter, "request": row.id}
        detail |= {"picks": picks_json(kept), "purpose": wanted.purpose, "showing": showing_id}
        detail |= {"certificates": [pick.identifier for pick in kept]}
        detail |= {"fields": sorted({name for pick in kept for name in pick.claims})}
        detail |= {"level": holder.level.name.lower(), "session": holder.session_id}
        kind = "showing.given"
        record(tx, self._vault, kind, subject.id, detail, now, behalf=behalf, principal=principal, ends=row.id)
        return showing_id

    def decline_in(self, tx: Connection, holder: Holder, asked: Pending, principal: Principal | None = None) -> None:
        """The unit of `decline`, as that of `give`."""
        row, wanted = asked.row, asked.content.wanted
        behalf = Behalf.of(holder, principal) if principal else None
        subject = lock_holder(tx, principal.id if principal else holder.id)
        now = self._clock()
        self._end(tx, row, DECLINED, now)
        detail = {"department_id": row.department_id, "matter": wanted.matter, "purpose": wanted.purpose}
        detail |= {"request": row.id, "session": holder.session_id}
        kind = "showing.declined"
        record(tx, self._vault, kind, subject.id, detail, now, behalf=behalf, principal=principal, ends=row.id)

    def _end(self, tx: Connection, row: Row[Any], state: str, now: datetime) -> None:
        if not store.end(tx, row.id, state, now):
            found = store.by_code(tx, row.code_hash, typed=False)
            raise RequestOverError("over" if found is None else state_of(found, now))


def _fit(showable: Showable, tx: Connection, wanted: Wanted, picks: Sequence[Pick], kept: Sequence[Pick]) -> None:
    """Nothing that was not asked for, and nothing missing that is needed: of what is ticked, a licence may lack some,
    and `kept` is what will be shown. Raises: ChoiceError.
    """
    asked = {item.type_code: item for item in wanted.items}
    for place, (pick, shown) in enumerate(zip(picks, kept, strict=True)):
        item = asked.pop(showable.type_of(tx, pick) or "", None)
        if item is None:
            raise ChoiceError("not_asked", place)
        for at, name in enumerate(pick.claims):
            if name not in item.claims:
                raise ChoiceError("not_asked", place, at)
        if not set(item.needed) <= set(shown.claims):
            raise ChoiceError("needed", place)
    if any(item.wanted for item in asked.values()):
        raise ChoiceError("needed")
