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

from sqlalchemy import Connection

from certificates.offline_code import fits, showing_content, write_offline_code
from certificates.verifying.papers import SdJwtPaper
from certificates.verifying.verdict import Result
from hub.citizens.once import Once
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.showing import store
from hub.citizens.showing.licences import Showable
from hub.citizens.showing.making import made_before, write_showing
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
from hub.citizens.values import SHOWS, Holder
from hub.clock import Clock
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.renditions.source import Opened
from hub.ledger.entries import Draft, append, seal
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
        verification: VerificationService,
        desk: SigningDesk,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._showable = showable
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
        if len(purpose) > MOST_WORDS:
            raise ChoiceError("purpose")
        if life not in LIVES:
            raise ChoiceError("life")
        choice, now = Choice([pick], None, purpose), self._clock()
        licence = await self._database.read(lambda tx: self._opened(tx, holder, choice, now))
        if licence is None:
            await refuse_other(self._database, self._log_key, holder, "certificate", now)
            raise MissingError("certificate")
        verdict = await self._verification.judge(SdJwtPaper(licence.token), licence.token, audience=None)
        if verdict.result is not Result.PASSED:
            raise ChoiceError("state", 0)
        return await write_once(self._database, lambda tx: self._make(tx, holder, choice, licence, LIVES[life], once))

    async def look(self, holder: Holder, showing_id: str) -> OfflineLive | Showing:
        """One of his: with its code until it ends. Raises: MissingError; what the signer raises."""
        holder.require(SHOWS)
        now = self._clock()
        row = await self._database.read(lambda tx: store.CODES.own(tx, showing_id))
        if row is None or row.subject_id != holder.id:
            await refuse_other(self._database, self._log_key, holder, "showing", now)
            raise MissingError("showing")
        content = opened(self._vault, row)
        told = store.read(row, content)
        if told.state != OFFLINE or told.expires_at <= now or content is None or content.signed is None:
            return told
        signer = self._desk.hub("purpose-copy").signer
        code = await asyncio.to_thread(write_offline_code, content.signed, signer=signer)
        if code is None:
            raise MissingError("showing")
        return OfflineLive(told, code)

    def _opened(self, tx: Connection, holder: Holder, choice: Choice, now: datetime) -> Opened | None:
        kept = self._showable.chosen(tx, holder.id, choice, now)
        return None if kept is None else self._showable.open(tx, holder.id, kept[0])

    def _make(
        self, tx: Connection, holder: Holder, choice: Choice, licence: Opened, life: timedelta, once: Once | None
    ) -> str:
        known, more = made_before(tx, self._vault, holder, once, self._clock())
        if known is not None:
            return known
        subject = lock_holder(tx, holder.id)
        now = self._clock().replace(microsecond=0)
        kept = self._showable.chosen(tx, holder.id, choice, now)
        if kept is None or not self._showable.as_opened(tx, licence):
            raise ChoiceError("state", 0)  # changed since it was judged, a moment ago
        signed = _content(licence, kept[0], choice.purpose, now, now + life)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        showing_id = write_showing(
            tx,
            self._vault,
            subject,
            Content(kept, choice.purpose, signed=signed),
            until=now + life,
            now=now,
            state=OFFLINE,
            **more,
        )
        detail: dict[str, Any] = {
            "certificates": [kept[0].identifier],
            "expires_at": int((now + life).timestamp()),
            "fields": sorted(kept[0].claims),
            "level": holder.level.name.lower(),
            "payload_hash": sha256(canonical(signed)).hex(),
            "picks": picks_json(kept),
            "purpose": choice.purpose,
            "session": holder.session_id,
            "showing": showing_id,
        }
        append(tx, [seal(Draft(kind="showing.offline", detail=detail, key=key, subject_id=subject.id), now=now)])
        return showing_id


def _content(licence: Opened, pick: Pick, purpose: str, at: datetime, until: datetime) -> dict[str, Any]:
    """What is signed. Raises: ChoiceError."""
    content = showing_content(
        licence.payload,
        shown=pick.claims,
        type_name=licence.type.name.zh,
        at=int(at.timestamp()),
        until=int(until.timestamp()),
        purpose=purpose,
    )
    if not fits(content):
        raise ChoiceError("room", 0)
    return content
