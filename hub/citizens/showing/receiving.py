"""Somebody takes a showing: the verdict on each licence, and exactly the claims that its holder picked, once.

Looked up and judged first, which changes nothing; then one transaction holds the licences as they were judged, uses the
showing up and commits the ledger row, which says what was shown to whom; only then is anything signed, or a byte sent.
Of two who scan at once one has it. What a crash loses after the commit, the holder shows again.

Unknown, used, over, another department's: all look alike to whoever tries. A code has 86 random bits, and a minute.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row

from certificates.numbering import parse
from certificates.purpose_copy import copy_claims
from certificates.verifying.papers import SdJwtPaper
from certificates.verifying.verdict import Result, Verdict
from hub.citizens.code_rows import LIVE, TAKEN
from hub.citizens.codes import read_long
from hub.citizens.errors import HolderSignInNeededError, PresentationRefusedError
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.present import lock_holder
from hub.citizens.showing import store
from hub.citizens.showing.licences import Showable, showable_claims, values_of
from hub.citizens.showing.making import PREFIX
from hub.citizens.showing.sealing import Content, code_hash, key_of, opened, place_of
from hub.citizens.showing.values import (
    Pick,
    Received,
    Receiver,
    Taken,
)
from hub.clock import Clock, new_id
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.renditions.source import Opened
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from hub.verification.service import VerificationService
from signing import sd_jwt
from signing.canonical import canonical, sha256
from signing.errors import SigningError

_LOOKS: Final = 3
_TOLD: Final = ("result", "reason", "kind", "status", "status_at", "signed_by", "custody", "trial", "checked_at")
_log = structlog.get_logger(__name__)
_Find = Callable[[Connection], Row[Any] | None]


@dataclass(frozen=True, slots=True)
class _Ready:
    """One licence, judged, and its copy without a signature."""

    received: Received
    opened: Opened = field(repr=False)
    prepared: sd_jwt.Prepared | None = field(repr=False)

    def meaning(self) -> dict[str, Any]:
        """What the ledger commits to."""
        item = self.received
        copy = self.prepared.payload if self.prepared else None
        return {"licence": dict(item.licence), "verdict": dict(item.verdict), "claims": dict(item.claims), "copy": copy}


class Receiving:
    """Takes showings."""

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
        public_url: str,
        lifetime: timedelta,
    ) -> None:
        self._database = database
        self._vault = vault
        self._showable = showable
        self._verification = verification
        self._desk = desk
        self._log_key = log_key
        self._clock = clock
        self._public_url = public_url
        self._lifetime = lifetime

    async def take(self, receiver: Receiver, text: str) -> Taken:
        """What the code opens for this receiver. A refusal goes on the ledger, and where there is a holder he is told;
        of a code that was never one at a public page there is nobody to tell.

        Raises: PresentationRefusedError.
        """
        code = read_long(text, PREFIX)
        if code is None:
            raise PresentationRefusedError
        digest = code_hash(self._vault, code)
        return await self._take(receiver, lambda tx: store.by_code(tx, digest))

    async def collect(self, receiver: Receiver, request_id: str) -> Taken:
        """What a holder gave to this request, which is this receiver's: the caller has seen to that. As `take`."""
        return await self._take(receiver, lambda tx: store.by_request(tx, request_id))

    async def _take(self, receiver: Receiver, find: _Find) -> Taken:
        for _ in range(_LOOKS):  # a licence that changes between verdict and commit is judged again
            now = self._clock()
            row, content = await self._looked(receiver, find, now)
            ready = await self._judged(receiver, row, content, now)
            try:
                taken = await self._database.write(partial(self._commit, receiver, row, content, ready, now))
            except (PresentationRefusedError, HolderSignInNeededError):  # the next look says why, and tells the holder
                continue
            if taken is not None:
                return await asyncio.to_thread(self._signed, taken, ready)
        await self._refuse(receiver, row, "changing", now)
        raise PresentationRefusedError

    async def _looked(self, receiver: Receiver, find: _Find, now: datetime) -> tuple[Row[Any], Content]:
        row = await self._database.read(find)
        content = opened(self._vault, row) if row is not None else None
        why = _objection(row, receiver, now)
        if row is None or content is None or why is not None:
            await self._refuse(receiver, row, why or "erased", now)
            raise PresentationRefusedError
        return row, content

    async def _refuse(self, receiver: Receiver, row: Row[Any] | None, why: str, now: datetime) -> None:
        if row is None and receiver.kind == "public":
            _log.warning("showing_unknown")
            return

        def unit(tx: Connection) -> None:
            detail: dict[str, Any] = {"by": dict(receiver.by), "department_id": receiver.department_id, "reason": why}
            if row is None:
                unknown = detail | {"reason": "showing_unknown"}
                append(tx, [seal(Draft(kind="refusal", detail=unknown, key=self._log_key), now=now)])
                return
            store.CODES.refused(tx, row.id, receiver.department_id, now)
            key, told = key_of(self._vault, row), detail | {"showing": row.id}
            append(tx, [seal(Draft(kind="showing.refused", detail=told, key=key, subject_id=row.subject_id), now=now)])

        await self._database.write(unit)

    async def _judged(self, receiver: Receiver, row: Row[Any], content: Content, now: datetime) -> list[_Ready]:
        def unit(tx: Connection) -> list[tuple[Pick, Opened | None]]:
            return [(pick, self._showable.open(tx, row.subject_id, pick)) for pick in content.picks]

        try:
            found = await self._database.read(unit)
        except (IntegrityBrokenError, SigningError) as error:
            _log.error("stored_licence_broken", alarm=True, error=type(error).__name__)
            await self._refuse(receiver, row, "broken", now)
            raise PresentationRefusedError from None
        ready = []
        for pick, licence in found:
            if licence is None:  # it went to somebody else within this minute
                await self._refuse(receiver, row, "gone", now)
                raise PresentationRefusedError
            paper = SdJwtPaper(licence.token)
            verdict = await self._verification.judge(paper, licence.token, audience=None)
            ready.append(self._ready(receiver, content, pick, licence, verdict, now))
        return ready

    def _ready(
        self, receiver: Receiver, content: Content, pick: Pick, licence: Opened, verdict: Verdict, now: datetime
    ) -> _Ready:
        passed = verdict.result is Result.PASSED
        claims = values_of(licence, pick) if passed else {}
        said, described = verdict.to_json(), licence.payload["certificate"]
        received = Received(
            licence={
                "identifier": licence.version.identifier,
                "type": licence.type.code,
                "type_name": {"zh": licence.type.name.zh, "en": licence.type.name.en},
                **{name: described[name] for name in ("issuer", "issued_on", "valid_from", "valid_until")},
            },
            verdict={name: said[name] for name in _TOLD},
            claims=claims,
            titles={name: title for name, title in showable_claims(licence.type).items() if name in claims},
        )
        prepared = self._copy(receiver, content, claims, licence, now) if receiver.system and passed else None
        return _Ready(received, licence, prepared)

    def _copy(
        self, receiver: Receiver, content: Content, claims: Mapping[str, Any], licence: Opened, now: datetime
    ) -> sd_jwt.Prepared | None:
        if receiver.system is None:
            return None
        payload, disclosable = copy_claims(
            source=licence.payload,
            granted=claims,
            identifier=parse(licence.version.identifier),
            type=licence.type,
            audience=receiver.system.client_id,
            receiver_jwk=receiver.system.key_jwk,
            case_no="",
            matter=content.matter,
            purpose=content.purpose,
            hub_uri=self._public_url,
            issued_at=now,
            expires_at=(now + self._lifetime).replace(microsecond=0),
            jti=new_id(),
        )
        return sd_jwt.prepare(payload, disclosable)

    def _commit(
        self,
        receiver: Receiver,
        row: Row[Any],
        content: Content,
        ready: Sequence[_Ready],
        now: datetime,
        tx: Connection,
    ) -> Taken | None:
        """None: a licence has changed since it was judged. Raises: PresentationRefusedError: somebody was first, or the
        minute is over. HolderSignInNeededError: he was erased.
        """
        lock_holder(tx, row.subject_id)  # what is said of him under a destroyed key nobody would ever read
        # In one order, whatever the holder's was.
        for item in sorted(ready, key=lambda item: item.opened.version.id):
            if item.received.verdict["result"] == Result.PASSED.value and not self._showable.as_opened(tx, item.opened):
                return None
        key = key_of(self._vault, row)
        place = place_of(row.id, row.department_id, row.asked_id)
        kept = replace(content, code="", called=receiver.called).sealed(key, place)
        ended = store.CODES.end(
            tx, row.id, TAKEN, now, content=kept, taken_as=receiver.kind, taken_by=receiver.department_id
        )
        if not ended:
            raise PresentationRefusedError
        detail = {
            "by": dict(receiver.by),
            "called": receiver.called,
            "certificates": [item.opened.version.identifier for item in ready],
            "department_id": receiver.department_id,
            "fields": sorted({name for item in ready for name in item.received.claims}),
            "payload_hash": sha256(
                canonical({"audience": receiver.audience, "items": [item.meaning() for item in ready]})
            ).hex(),
            "purpose": content.purpose,
            "showing": row.id,
            **({"matter": content.matter} if content.matter else {}),
        }
        entry = seal(Draft(kind="showing.taken", detail=detail, key=key, subject_id=row.subject_id), now=now)
        append(tx, [entry])
        notify(tx, row.subject_id, NoticeKind.SHOWING_TAKEN, about=row.id, now=now)
        return Taken(row.id, now, content.purpose, [item.received for item in ready], entry.id)

    def _signed(self, taken: Taken, ready: Sequence[_Ready]) -> Taken:
        if all(item.prepared is None for item in ready):
            return taken
        copier = self._desk.hub("purpose-copy")
        items = [
            replace(item.received, copy=sd_jwt.sign(item.prepared, signer=copier.signer, header=copier.header))
            if item.prepared
            else item.received
            for item in ready
        ]
        return replace(taken, items=items)


def _objection(row: Row[Any] | None, receiver: Receiver, now: datetime) -> str | None:
    """Why a showing is not for this receiver now, as its holder is told."""
    if row is None:
        return "unknown"
    if row.department_id is not None and row.department_id != receiver.department_id:
        return "elsewhere"
    if row.state == LIVE and row.expires_at > now:
        return None
    return "twice" if row.state == TAKEN else "late"
