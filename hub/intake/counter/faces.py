"""Faces compared at the counter 人脸比对: the hub gets a signed result and never a face.

One that differs is an outcome, too: it is on the ledger before the clerk hears of it, and for a day this counter opens
nothing for that card without a comparison that agrees, or a second document that the clerk says he saw. It never
stands alone between a person and his case.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.errors import IdentifierError
from catalog.identifiers import normalise_id
from hub.access.actors import Actor
from hub.access.service import Caller
from hub.clock import Clock, rfc3339
from hub.intake.counter.face_results import FIELD, PICTURE, REFUSED, FaceResult, check_result, read_result
from hub.intake.counter.readers import FACE, CardReaders
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.issuing.plan import lookup_hash
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import id_of
from hub.storage.database import Database
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.vault import DataKey, Vault

COMPARED: Final = "face_compared"
SECOND_DOCUMENT: Final = "second_document"
DIFFERED: Final = "face_differed"
NEEDED: Final = "face_needed"
_MARKED: Final = "face-differed"
Also = Callable[[Connection, str | None, str], None]
_log = structlog.get_logger(__name__)


class Faces:
    """Takes results for the counters of a department."""

    def __init__(
        self, database: Database, *, readers: CardReaders, vault: Vault, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._readers = readers
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def compared(
        self, actor: Actor, caller: Caller, token: str, party: PartyInput
    ) -> tuple[dict[str, str], Also]:
        """The corroboration that a device's result is for this party, and what uses it up in the transaction that opens
        the case or the life event.

        Raises: PartyError: `face_differed` (the clerk goes on with a second document, or his supervisor);
            `face_refused`: of no device of the department, old, about another card, used; `face_picture`.
        """
        now = self._clock()
        try:
            said = read_result(token)
        except PartyError as error:
            if error.rule == PICTURE:  # nothing of it is kept, nor who it was
                _log.warning("face_message_refused", reason=PICTURE, system=caller.client_id)
            raise
        key = await self._readers.key(caller.department_id, said.device, FACE)
        if key is None or (self._readers.production and said.trial):
            raise PartyError(FIELD, REFUSED)
        check_result(said, key, party.id_type or "", _number(party), now)
        once = id_of(self._vault, "face-result", said.device, said.jti)
        if not said.same:
            await self._differed(actor, caller, said, party, once, now)
            raise PartyError(FIELD, DIFFERED)

        def use_up(tx: Connection, _case_id: str | None, _number: str) -> None:
            self._use_up(tx, caller, said, once, now)

        reference = f"face:{said.device}:{said.transaction}"[:200]
        return {"kind": COMPARED, "at": rfc3339(said.at), "reference": reference}, use_up

    async def needed(self, caller: Caller, party: PartyInput) -> None:
        """Without a comparison: none for this card failed here within a day. Raises: PartyError (`face_needed`)."""
        now, mark = self._clock(), self._mark(caller, party)
        if mark is not None and await self._database.read(lambda tx: find_effect(tx, mark, now=now)) is not None:
            raise PartyError(FIELD, NEEDED)

    async def _differed(
        self, actor: Actor, caller: Caller, said: FaceResult, party: PartyInput, once: str, now: datetime
    ) -> None:
        mark = self._mark(caller, party)
        detail: dict[str, Any] = {
            "band": said.band, "by": actor.as_json(), "department_id": caller.department_id, "device": said.device,
            "transaction": said.transaction,
        }  # fmt: skip

        def unit(tx: Connection) -> None:
            entry = Draft(kind="face.differed", detail=detail, key=self._log_key)
            self._use_up(tx, caller, said, once, now)
            append(tx, [seal(entry, now=now)])
            if mark is not None and find_effect(tx, mark, now=now) is None:
                record_effect(tx, mark, entry.id, now=now)

        await write_once(self._database, unit)

    def _use_up(self, tx: Connection, caller: Caller, said: FaceResult, once: str, now: datetime) -> None:
        """Raises: PartyError (`face_refused`): it was used."""
        if not self._readers.use_up(tx, once, said.device, caller.department_id, now):
            raise PartyError(FIELD, REFUSED)

    def _mark(self, caller: Caller, party: PartyInput) -> RequestKey | None:
        """What remembers a card for a day, by its keyed hash."""
        if party.id_type is None or party.id_number is None:
            return None
        digest = lookup_hash(self._vault, party.id_type, _number(party)).hex()
        return RequestKey(caller.system_id, _MARKED, digest, digest)


def _number(party: PartyInput) -> str:
    """As it is compared, however it was typed; one that cannot be is refused when the case is opened."""
    try:
        return normalise_id(party.id_type or "", party.id_number or "").value
    except IdentifierError:
        return party.id_number or ""
