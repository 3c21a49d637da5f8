"""Life events of this hub: taken in whole with their matters, believed only with a right MAC and the latest entry.

They decide which cases are opened and what each waits for. A version's row never changes; families keep the one under
which they were opened.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, insert, select

from catalog.errors import DefinitionError
from catalog.expressions.reading import read_value
from catalog.life_events.guiding import EventGuide, event_guide
from catalog.life_events.joining import check_event, party_of
from catalog.life_events.reading import read_event
from catalog.life_events.values import LifeEvent
from catalog.matters.lines import Setting
from catalog.matters.reading import check_code
from catalog.matters.values import Matter
from catalog.tables import table
from hub.access.actors import Actor
from hub.clock import BEIJING, Clock, new_id
from hub.intake.errors import FactError
from hub.intake.families.casting import checked_facts
from hub.intake.families.tables import LifeEventRow
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.registry.matters.examining import known_to
from hub.registry.matters.guard import MatterBook
from hub.registry.reading import department
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256

_EVENTS: Final = table(LifeEventRow)
_OBJECTS: Final = uuid.UUID("6a2f0f6e-6f53-5b0c-9a3d-9f6a40f3f7c1")
"""Name space of the ids by which ledger entries name events."""
_WHERE: Final = "life_events"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A version as stored."""

    id: str
    code: str
    version: int
    owner_department_id: str
    definition: Mapping[str, Any]
    mac: bytes
    created_at: datetime

    def meaning(self) -> bytes:
        """What the MAC is over."""
        said = {"code": self.code, "definition": self.definition, "id": self.id, "version": self.version}
        return b"life-event\x1f" + canonical(said)


class EventService:
    """Takes events in, and shows them."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._types = types
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._book = MatterBook(vault)

    async def add(self, actor: Actor, definition: dict[str, Any]) -> str:
        """Take in an event or its next version; answers its code.

        Raises: DefinitionError: what is wrong with it, or does not fit its matters: a ring, a kind that clashes, a
        matter that is not in force. ConflictError when another version came first.
        """
        now = self._clock()
        return await self._database.write(lambda tx: self.put(tx, actor, definition, now))

    async def find(self, code: str) -> LifeEvent:
        """The newest version. Raises: MissingError, IntegrityBrokenError."""
        found = await self._database.read(lambda tx: self.newest(tx, code))
        if found is None:
            raise MissingError("life event")
        return found[1]

    async def guide(
        self, code: str, facts: Mapping[str, Any], parties: frozenset[str] | None, on: date | None, language: str
    ) -> EventGuide:
        """What people need for the whole of it, in a situation. Nobody's data is looked at.

        Raises: MissingError, FactError.
        """
        event = await self.find(code)
        day = on or self._clock().astimezone(BEIJING).date()

        def unit(tx: Connection) -> EventGuide:
            matters = {code: matter for code, (_, matter) in self.matters_of(tx, event, day).items()}
            if parties is not None and not parties <= set(event.parties):
                raise FactError("/parties", "unknown_role")
            asked = {code: fact for matter in matters.values() for code, fact in matter.facts.items()}
            asked |= event.facts
            read = {
                code: known
                for code, value in checked_facts(event, matters, facts).items()
                if (known := read_value(asked[code].kind, value)) is not None
            }
            setting = Setting(read, day, parties)
            return event_guide(event, matters, setting, known_to(tx, self._types), language)

        return await self._database.read(unit)

    async def listed(self) -> list[LifeEvent]:
        """The newest version of each, by code; one that is not the hub's is left out, with an alarm."""
        return await self._database.read(self._listed)

    def newest(self, tx: Connection, code: str) -> tuple[str, LifeEvent] | None:
        """Row id and event. Raises: IntegrityBrokenError: it is not the hub's, or a newer one is gone."""
        stored = self._believed(tx, code)
        return None if stored is None else (stored.id, read_event(stored.definition))

    def version(self, tx: Connection, event_id: str) -> LifeEvent:
        """The version under which a family was opened. Raises: IntegrityBrokenError."""
        row = tx.execute(select(_EVENTS).where(_EVENTS.c.id == event_id)).one_or_none()
        if row is None:
            raise IntegrityBrokenError(_WHERE)
        stored = _stored(row)
        self._vault.check_row_mac(stored.meaning(), stored.mac, where=_WHERE)
        return read_event(stored.definition)

    def matters_of(self, tx: Connection, event: LifeEvent, on: date) -> dict[str, tuple[str, Matter]]:
        """Row id and matter of each matter of the event that is in force on the day and can be opened by it. One that
        its department withdrew is not there, nor one whose later version wants somebody whom the event does not have.
        """
        found = {item.code: (item, self._book.opening(tx, item.code, on)) for item in event.matters}
        return {
            code: known
            for code, (item, known) in found.items()
            if known is not None and party_of(item, event, known[1].roles[0]) is not None
        }

    async def try_out(self, definition: dict[str, Any]) -> None:
        """Refuse what could not be taken in. Raises: DefinitionError."""
        day = self._clock().astimezone(BEIJING).date()
        await self._database.read(lambda tx: self._fitting(tx, definition, day))

    def owner_of(self, tx: Connection, code: str) -> str | None:
        """The id of the department whose event it is, if there is one of this code."""
        stored = self._believed(tx, code)
        return None if stored is None else stored.owner_department_id

    def put(self, tx: Connection, actor: Actor, definition: dict[str, Any], now: datetime) -> str:
        """The unit of `add`, for whoever has a transaction."""
        event = self._fitting(tx, definition, now.astimezone(BEIJING).date())
        owner = department(tx, event.department_code)
        before = self._believed(tx, event.code)
        stored = StoredEvent(
            id=new_id(),
            code=event.code,
            version=before.version + 1 if before else 1,
            owner_department_id=owner.id,
            definition=definition,
            mac=b"",
            created_at=now,
        )
        stored = replace(stored, mac=self._vault.row_mac(stored.meaning()))
        tx.execute(
            insert(_EVENTS).values(
                id=stored.id, code=stored.code, version=stored.version, owner_department_id=owner.id,
                definition=dict(definition), mac=stored.mac, created_at=now,
            )
        )  # fmt: skip
        detail = {
            "code": stored.code,
            "version": stored.version,
            "digest": sha256(canonical(dict(definition))).hex(),
            "actor": actor.as_json(),
        }
        draft = Draft(
            kind="catalog.life_event", detail=detail, key=self._log_key, object_id=event_object(stored.code),
            object_version=stored.version,
        )  # fmt: skip
        append(tx, [seal(draft, now=now)])
        return event.code

    def _fitting(self, tx: Connection, definition: dict[str, Any], day: date) -> LifeEvent:
        event = read_event(definition)
        check_code(event.code, "event: code")
        for party in event.parties:
            check_code(party, "event: a party")
        found = {item.code: self._book.opening(tx, item.code, day) for item in event.matters}
        check_event(event, {code: known[1] for code, known in found.items() if known is not None})
        return event

    def _believed(self, tx: Connection, code: str) -> StoredEvent | None:
        def look() -> StoredEvent | None:
            query = select(_EVENTS).where(_EVENTS.c.code == code).order_by(_EVENTS.c.version.desc()).limit(1)
            row = tx.execute(query).one_or_none()
            latest = latest_changes(tx, [event_object(code)]).get(event_object(code), ("", 0))[1]
            if row is None and latest == 0:
                return None
            if row is None or row.version != latest:
                raise IntegrityBrokenError(_WHERE)
            stored = _stored(row)
            self._vault.check_row_mac(stored.meaning(), stored.mac, where=_WHERE)
            return stored

        return settled(look)

    def _listed(self, tx: Connection) -> list[LifeEvent]:
        codes = tx.execute(select(_EVENTS.c.code).distinct().order_by(_EVENTS.c.code)).scalars().all()
        found = []
        for code in codes:
            try:
                known = self.newest(tx, code)
            except (DefinitionError, IntegrityBrokenError) as error:
                _log.error("life_event_not_believed", alarm=True, life_event=code, error=type(error).__name__)
                continue
            if known is not None:
                found.append(known[1])
        return found


def described(event: LifeEvent) -> dict[str, Any]:
    """As the API tells it, in both languages."""
    return {
        "code": event.code,
        "title": {"zh": event.title_zh, "en": event.title_en},
        "department": event.department_code,
        "parties": list(event.parties),
        "signatures": list(event.signers),
        "matters": [
            {"matter": item.code, "condition": item.when.source if item.when else None, "after": list(item.after)}
            for item in event.matters
        ],
    }


def _stored(row: Row[Any]) -> StoredEvent:
    return StoredEvent(row.id, row.code, row.version, row.owner_department_id, row.definition, row.mac, row.created_at)


def event_object(code: str) -> str:
    """An event, all its versions, in ledger entries and notices."""
    return str(uuid.uuid5(_OBJECTS, code))
