"""A licence shown without a network 离线出示: a signed code with the claims that its holder picked, and nothing else.

Whoever has the trust pack checks it. It says of when the status is, ends within a day, and cannot be called back or
shown once only: a photograph of it shows the same until then, and the hub never learns who saw it. So its holder is
told beforehand, and its making is on the ledger before anything is signed. What is signed is stored without the
signature: a page that is loaded again is signed again, and says the same.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row

from certificates.offline_code import fits, showing_content, write_offline_code
from certificates.verifying.papers import SdJwtPaper
from certificates.verifying.verdict import Result
from hub.citizens.acting.values import Principal
from hub.citizens.once import Once
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.showing import store
from hub.citizens.showing.behalf import Behalf
from hub.citizens.showing.behalves import Behalves
from hub.citizens.showing.licences import Showable
from hub.citizens.showing.making import made_before, write_showing
from hub.citizens.showing.recording import record
from hub.citizens.showing.sealing import Content, opened, picks_json
from hub.citizens.showing.values import (
    MOST_WORDS,
    OFFLINE,
    Choice,
    ChoiceError,
    OfflineLive,
    Pick,
    Showing,
)
from hub.citizens.values import SHOWS, Holder, Whose
from hub.clock import Clock
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.renditions.source import Opened
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault
from hub.verification.service import VerificationService
from signing.canonical import canonical, sha256

LIVES: Final[Mapping[str, timedelta]] = MappingProxyType({"screen": timedelta(minutes=10), "day": timedelta(hours=24)})
"""On a screen, or printed for the day."""


class OfflineShowings:
    """Use cases of a holder. Raises LevelError for one who is not signed in surely enough."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        showable: Showable,
        behalves: Behalves,
        verification: VerificationService,
        desk: SigningDesk,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._showable = showable
        self._behalves = behalves
        self._verification = verification
        self._desk = desk
        self._log_key = log_key
        self._clock = clock

    async def make(self, holder: Holder, pick: Pick, *, life: str, purpose: str = "", once: Once | None = None) -> str:
        """A code for one licence; answers the showing's id. What came with the same key within a day is the same one.

        Raises: ChoiceError: "room" where what was picked is too much for a code that people can scan, "life", and
            those of a showing; MissingError: a licence that is not his, which goes on the ledger;
            HolderSignInNeededError, IdempotencyError.
        """
        holder.require(SHOWS)
        licence = await self.judged(holder, pick, life=life, purpose=purpose)
        return await write_once(
            self._database, lambda tx: self.make_in(tx, holder, pick, licence, life, purpose, once, self._clock())
        )

    async def judged(self, whose: Whose, pick: Pick, *, life: str, purpose: str) -> Opened:
        """The licence that is to be shown, in force by the hub's own procedure. Raises: as `make`."""
        if len(purpose) > MOST_WORDS:
            raise ChoiceError("purpose")
        if life not in LIVES:
            raise ChoiceError("life")
        choice, now = Choice([pick], None, purpose), self._clock()
        licence = await self._database.read(lambda tx: self._opened(tx, whose.id, choice, now))
        if licence is None:
            await refuse_other(self._database, self._log_key, whose, "certificate", now)
            raise MissingError("certificate")
        verdict = await self._verification.judge(SdJwtPaper(licence.token), licence.token, audience=None)
        if verdict.result is not Result.PASSED:
            raise ChoiceError("state", 0)
        return licence

    async def look(self, holder: Holder, showing_id: str) -> OfflineLive | Showing:
        """One of his: with its code until it ends, if it is he who shows it. What he shows for somebody else is signed
        while he still may. Raises: MissingError; what the signer raises.
        """
        holder.require(SHOWS)
        now = self._clock()
        row = await self._database.read(lambda tx: store.CODES.own(tx, showing_id))
        if row is None or not store.concerns(row, holder.id):
            await refuse_other(self._database, self._log_key, holder, "showing", now)
            raise MissingError("showing")
        content = opened(self._vault, row)
        told = store.read(row, content, holder.id)
        if told.state != OFFLINE or told.expires_at <= now or content is None or content.signed is None:
            return told
        if not told.mine or not await self._database.write(lambda tx: self._still(tx, row, content, now)):
            return told
        signer = self._desk.hub("purpose-copy").signer
        code = await asyncio.to_thread(write_offline_code, content.signed, signer=signer)
        if code is None:
            raise MissingError("showing")
        return OfflineLive(told, code)

    def make_in(
        self,
        tx: Connection,
        holder: Holder,
        pick: Pick,
        licence: Opened,
        life: str,
        purpose: str,
        once: Once | None,
        now: datetime,
        principal: Principal | None = None,
    ) -> str:
        """The unit of `make`; with a principal for him, which the caller has judged in this transaction that he may.
        Raises: as `make`.
        """
        behalf = Behalf.of(holder, principal) if principal else None
        known, more = made_before(tx, self._vault, holder, once, now, behalf=behalf)
        if known is not None:
            return known
        subject = lock_holder(tx, principal.id if principal else holder.id)
        now, choice = self._clock().replace(microsecond=0), Choice([pick], None, purpose)
        until = now + LIVES[life]
        kept = self._showable.chosen(tx, subject.id, choice, now)
        if kept is None or not self._showable.as_opened(tx, licence):
            raise ChoiceError("state", 0)  # changed since it was judged, a moment ago
        signed = _content(licence, kept[0], purpose, now, until, behalf)
        showing_id = write_showing(
            tx,
            self._vault,
            subject,
            Content(kept, purpose, signed=signed, behalf=behalf),
            until=until,
            now=now,
            state=OFFLINE,
            **more,
        )
        detail: dict[str, Any] = {
            "certificates": [kept[0].identifier],
            "expires_at": int(until.timestamp()),
            "fields": sorted(kept[0].claims),
            "level": holder.level.name.lower(),
            "payload_hash": sha256(canonical(signed)).hex(),
            "picks": picks_json(kept),
            "purpose": purpose,
            "session": holder.session_id,
            "showing": showing_id,
        }
        record(tx, self._vault, "showing.offline", subject.id, detail, now, behalf=behalf, principal=principal)
        return showing_id

    def _opened(self, tx: Connection, subject_id: str, choice: Choice, now: datetime) -> Opened | None:
        kept = self._showable.chosen(tx, subject_id, choice, now)
        return None if kept is None else self._showable.open(tx, subject_id, kept[0])

    def _still(self, tx: Connection, row: Row[Any], content: Content, now: datetime) -> bool:
        if content.behalf is None:
            return True
        return self._behalves.judge(tx, content.behalf, row.subject_id, None, now) is not None


def _content(
    licence: Opened, pick: Pick, purpose: str, at: datetime, until: datetime, behalf: Behalf | None
) -> dict[str, Any]:
    """What is signed. Raises: ChoiceError."""
    content = showing_content(
        licence.payload,
        shown=pick.claims,
        type_name=licence.type.name.zh,
        at=int(at.timestamp()),
        until=int(until.timestamp()),
        purpose=purpose,
        behalf=behalf.signed() if behalf else None,
    )
    if not fits(content):
        raise ChoiceError("room", 0)
    return content
