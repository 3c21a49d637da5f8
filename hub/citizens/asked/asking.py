"""A counter or an approval system asks a holder to show: a code that lives five minutes, and is answered once.

Nobody is known when it is asked; what a holder gives is opened and judged when its asker fetches it, and by him alone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from certificates.definitions.parts import Custody
from certificates.profile import CIVIL_ZONE
from hub.citizens.asked import store
from hub.citizens.asked.sealing import Content, code_hash, opened, place_of
from hub.citizens.asked.values import (
    ASKED,
    CANCELLED,
    GIVEN,
    MOST_CLAIMS,
    MOST_WORDS,
    OVER,
    Asker,
    Item,
    Question,
    Wanted,
    WantedError,
)
from hub.citizens.code_rows import LIVE, TAKEN
from hub.citizens.codes import new_code, new_typed_code
from hub.citizens.showing.licences import showable_claims
from hub.citizens.showing.receiving import Receiving
from hub.citizens.showing.values import (
    MOST_LICENCES,
    Taken,
)
from hub.clock import Clock, new_id
from hub.intake.errors import IdempotencyError
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.vault import DataKey, Vault

PREFIX: Final = "9903"
"""Of the codes of requests."""
LIFE: Final = timedelta(minutes=5)
KEPT: Final = timedelta(days=1)
"""For so long an asker may look at what became of it."""


class Asking:
    """Use cases of whoever asks. What is not his is MissingError, and on the ledger."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        receiving: Receiving,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._receiving = receiving
        self._log_key = log_key
        self._clock = clock
        self._matters = MatterBook(vault)

    async def ask(self, asker: Asker, wanted: Wanted, *, request: RequestKey | None = None) -> str:
        """A new request; answers its id. On the ledger before anybody sees its code.

        Raises: WantedError, IdempotencyError, IntegrityBrokenError.
        """
        fit = Wanted(self._items(wanted.items), wanted.matter, _words(wanted.purpose))
        now = self._clock()
        return await write_once(self._database, lambda tx: self._ask(tx, asker, fit, request, now))

    async def look(self, asker: Asker, request_id: str) -> Question:
        """What became of it so far. Raises: MissingError: not his, or forgotten."""
        now = self._clock()
        row = await self._database.read(lambda tx: _own(tx, asker, request_id))
        if row is None:
            detail = {"by": dict(asker.by), "department_id": asker.department_id, "reason": "request_not_own"}
            entry = seal(Draft(kind="refusal", detail=detail | {"request": request_id}, key=self._log_key), now=now)
            await self._database.write(lambda tx: append(tx, [entry]))
            raise MissingError("showing request")
        content, state = opened(self._vault, row), state_of(row, now)
        if state != ASKED:
            return Question(row.id, state, row.expires_at, content.wanted)
        left = max(1, int((row.expires_at - now).total_seconds()))
        return Question(row.id, state, row.expires_at, content.wanted, content.code, content.typed, left)

    async def cancel(self, asker: Asker, request_id: str) -> Question:
        """Take it back while nobody has answered: whoever opens it from now on hears so. One that was answered, or is
        over, stays as it is, and is told. Raises: MissingError.
        """
        await self.look(asker, request_id)
        await self._database.write(lambda tx: self._cancel(tx, asker, request_id))
        return await self.look(asker, request_id)

    async def collect(self, asker: Asker, request_id: str) -> Taken:
        """What the holder gave, once: judged now. Raises: MissingError, PresentationRefusedError."""
        await self.look(asker, request_id)
        return await self._receiving.collect(asker.receiver(), request_id)

    async def sweep(self) -> None:
        """Part of the housekeeping: requests are forgotten after a day."""
        late = self._clock() - KEPT
        if await self._database.read(lambda tx: store.any_before(tx, late)):
            await self._database.write(lambda tx: store.forget(tx, late))

    def _items(self, items: Sequence[Item]) -> list[Item]:
        """As they are stored: claims in the order of their type."""
        if not items:
            raise WantedError("none")
        if len(items) > MOST_LICENCES:
            raise WantedError("too_many")
        fit = [self._item(item, place) for place, item in enumerate(items)]
        if len({item.type_code for item in fit}) < len(fit):
            raise WantedError("twice")
        return fit

    def _item(self, item: Item, place: int) -> Item:
        kind = self._types.newest(item.type_code)
        if kind is None or kind.custody is not Custody.LIBRARY:
            raise WantedError("type", place)
        if len(item.claims) > MOST_CLAIMS:
            raise WantedError("too_many", place)
        may = showable_claims(kind)
        for at, name in enumerate(item.claims):
            if name not in may:
                raise WantedError("claim", place, at)
        if not set(item.needed) <= set(item.claims):
            raise WantedError("claim", place)
        claims = tuple(name for name in may if name in item.claims)
        return Item(kind.code, claims, tuple(name for name in claims if name in item.needed))

    def _ask(self, tx: Connection, asker: Asker, wanted: Wanted, request: RequestKey | None, now: datetime) -> str:
        effect = find_effect(tx, request, now=now) if request else None
        if effect is not None:
            if not effect[1]:
                raise IdempotencyError
            return effect[0]
        if self._matters.opening(tx, wanted.matter, now.astimezone(CIVIL_ZONE).date()) is None:
            raise WantedError("matter")
        store.release_typed(tx, now)
        request_id, code, key = new_id(), new_code(PREFIX), self._vault.new_data_key()
        typed, typed_hash = self._typed(tx)
        content, until = Content(wanted, code, typed), now + LIFE
        system_id = asker.system.system_id if asker.system else None
        place = place_of(request_id, asker.department_id, system_id, asker.staff_id, until)
        store.add(
            tx,
            {
                "id": request_id,
                "department_id": asker.department_id,
                "system_id": system_id,
                "staff_id": asker.staff_id,
                "code_hash": code_hash(self._vault, code),
                "typed_hash": typed_hash,
                "content": content.sealed(key, place),
                "data_key": key.wrapped,
                "kek_kid": key.kek_kid,
                "state": ASKED,
                "made_at": now,
                "expires_at": until,
            },
        )
        detail: dict[str, Any] = {"by": dict(asker.by), "department_id": asker.department_id, "request": request_id}
        detail |= {"items": [item.as_json() for item in wanted.items], "matter": wanted.matter}
        draft = Draft(kind="showing.asked", detail=detail | {"purpose": wanted.purpose}, key=self._log_key)
        append(tx, [seal(draft, now=now)])
        if request is not None:
            record_effect(tx, request, request_id, now=now)
        return request_id

    def _cancel(self, tx: Connection, asker: Asker, request_id: str) -> None:
        now = self._clock()
        if not store.end(tx, request_id, CANCELLED, now):
            return
        detail = {"by": dict(asker.by), "department_id": asker.department_id, "request": request_id}
        draft = Draft(
            kind="showing.cancelled", detail=detail, key=self._log_key, object_id=request_id, object_version=END
        )
        append(tx, [seal(draft, now=now)])

    def _typed(self, tx: Connection) -> tuple[str, bytes]:
        while True:
            digits = new_typed_code()
            digest = code_hash(self._vault, digits)
            if store.typed_is_free(tx, digest):
                return digits, digest


def state_of(row: Any, now: datetime) -> str:
    """What became of a request, by its row and the showing that answers it, and by the ledger: put back, it is over."""
    if row.state == ASKED:
        return ASKED if row.expires_at > now and not row.spent else OVER
    if row.state != GIVEN:
        return str(row.state)
    if row.showing_state == LIVE and row.showing_until > now and not row.showing_spent:
        return GIVEN
    return TAKEN if row.showing_state == TAKEN else OVER


def _own(tx: Connection, asker: Asker, request_id: str) -> Any:
    system_id = asker.system.system_id if asker.system else None
    return store.own(tx, request_id, system_id=system_id, staff_id=asker.staff_id)


def _words(purpose: str) -> str:
    text = " ".join(purpose.split())
    if not 0 < len(text) <= MOST_WORDS:
        raise WantedError("purpose")
    return text
