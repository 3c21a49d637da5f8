"""What people are told of a matter, in a situation: applicants, clerks, approvers; and what is wrong with a draft."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection

from catalog.expressions.reading import read_value
from catalog.grants import CaseKind
from catalog.matters.asking import Known
from catalog.matters.findings import Finding
from catalog.matters.guiding import Checklist, Guide, Script, checklist, guide, script
from catalog.matters.lines import Setting
from catalog.matters.values import Matter
from catalog.store import find_matter
from catalog.vocabulary import Vocabulary, load_vocabulary
from hub.access.actors import Actor, Role
from hub.clock import BEIJING, Clock
from hub.intake.errors import FactError
from hub.intake.facts import checked_facts
from hub.issuing.types.registry import TypeRegistry
from hub.registry.matters.drafts import checked, drafted
from hub.registry.matters.examining import examined, known_to, refuse_faults
from hub.registry.matters.guard import adopt, begins, look_through, turn_over
from hub.registry.matters.listing import Draft, listed, looked_at, shown, text_of
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault


class Product(StrEnum):
    """For whom a matter is explained."""

    GUIDE = "guide"
    SCRIPT = "script"
    CHECKLIST = "checklist"


@dataclass(frozen=True, slots=True)
class Asked:
    """A situation as it is sent. `facts` as a case takes them, before what the named `situation` sets; `parties` None:
    nobody has said who takes part.
    """

    product: Product = Product.GUIDE
    facts: Mapping[str, Any] = field(default_factory=dict)
    parties: frozenset[str] | None = None
    kind: CaseKind = CaseKind.APPLICATION
    on: date | None = None
    situation: str | None = None


_STAFF: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
_MAKE: Final[dict[Product, Callable[[Matter, Setting, Known, str], Guide | Script | Checklist]]] = {
    Product.GUIDE: guide,
    Product.SCRIPT: script,
    Product.CHECKLIST: checklist,
}


class MatterService:
    """Explains matters, and checks drafts of them."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock
        self._day: date | None = None

    async def adopt(self) -> int:
        """When a hub is opened: matters of a release that did not guard them are put under a MAC, once in a hub's life,
        and versions whose day has come are in force. Answers how many were adopted.
        """
        now, today = self._clock(), self._today()
        if not await self._database.read(lambda tx: begins(tx, today)):
            return 0
        return await self._database.write(lambda tx: self._adopt(tx, now, today))

    async def sweep(self) -> int:
        """On each new day: versions whose day has come are in force, and an alarm for each row that is not the hub's.
        Answers how many rows changed.
        """
        today = self._today()
        if self._day == today:
            return 0
        changed = await self._database.write(lambda tx: look_through(tx, self._vault, today))
        self._day = today
        return changed

    async def explain(self, code: str, asked: Asked, language: str) -> Guide | Script | Checklist:
        """The guide, script or checklist of the matter in force on the day. Nobody's data is looked at.

        Raises: MissingError; FactError, as a case refuses facts, and for a role or situation that the matter lacks.
        """
        return await self._database.read(lambda tx: self._explained(tx, code, asked, language))

    async def find(self, code: str) -> Matter:
        """The matter in force. Raises: MissingError."""
        return await self._database.read(lambda tx: _found(tx, code))

    async def lint(self, definitions: Sequence[Mapping[str, Any]]) -> list[tuple[Finding, ...]]:
        """What is found in each draft, in their order; one that cannot be read is a finding too."""
        vocabulary = await asyncio.to_thread(load_vocabulary)
        return await self._database.read(lambda tx: self._linted(tx, definitions, vocabulary))

    async def try_out(self, definition: Mapping[str, Any]) -> None:
        """Refuse at once what could not be published; the registry looks again when it is.

        Raises: DefinitionError, MatterFaultsError.
        """
        matter = checked(definition)
        await self._database.read(lambda tx: refuse_faults(tx, self._types, matter))

    async def listed(self, actor: Actor) -> list[dict[str, Any]]:
        """Every matter with its versions, for staff of departments and of the city. Raises: ForbiddenError."""
        actor.require(*_STAFF)
        return await self._database.read(lambda tx: listed(tx, self._today()))

    async def public(self) -> list[dict[str, Any]]:
        """Every matter as anybody may know it: its name, whose it is, and whether a version is in force."""
        return await self._database.read(lambda tx: listed(tx, self._today()))

    async def shown(self, actor: Actor, code: str) -> dict[str, Any]:
        """A matter, each version with what it changed. Raises: ForbiddenError, MissingError, IntegrityBrokenError."""
        actor.require(*_STAFF)
        return await self._database.read(lambda tx: shown(tx, self._vault, code, self._today()))

    async def text_of(self, actor: Actor, code: str, version: int | None = None) -> str:
        """A version as YAML, the newest by default. Raises: ForbiddenError, MissingError, IntegrityBrokenError."""
        actor.require(*_STAFF)
        return await self._database.read(lambda tx: text_of(tx, self._vault, code, version))

    async def look_at(self, actor: Actor, text: str) -> Draft:
        """What is wrong with a text of YAML, what it changes, and what people would be told. Raises: ForbiddenError."""
        actor.require(*_STAFF)
        vocabulary = await asyncio.to_thread(load_vocabulary)
        return await self._database.read(lambda tx: looked_at(tx, self._types, text, self._today(), vocabulary))

    def _explained(self, tx: Connection, code: str, asked: Asked, language: str) -> Guide | Script | Checklist:
        matter = _found(tx, code, asked.on)
        if asked.parties is not None and not asked.parties <= set(matter.roles):
            raise FactError("/parties", "unknown_role")
        given = {**_set_by(matter, asked.situation), **asked.facts}
        facts = {
            name: read
            for name, value in checked_facts(matter, given).items()
            if (read := read_value(matter.facts[name].kind, value)) is not None
        }
        day = asked.on or self._today()
        setting = Setting(facts, day, asked.parties, asked.kind.value)
        return _MAKE[asked.product](matter, setting, known_to(tx, self._types, asked=matter.requirements), language)

    def _adopt(self, tx: Connection, now: datetime, today: date) -> int:
        adopted = adopt(tx, self._vault, self._log_key, now)
        turn_over(tx, today)
        return adopted

    def _today(self) -> date:
        return self._clock().astimezone(BEIJING).date()

    def _linted(
        self, tx: Connection, definitions: Sequence[Mapping[str, Any]], vocabulary: Vocabulary
    ) -> list[tuple[Finding, ...]]:
        drafts = [drafted(item) for item in definitions]
        beside = [item for item in drafts if isinstance(item, Matter)]
        return [
            examined(tx, self._types, item, beside=beside, vocabulary=vocabulary) if isinstance(item, Matter) else item
            for item in drafts
        ]


def _set_by(matter: Matter, situation: str | None) -> Mapping[str, Any]:
    if situation is None:
        return {}
    chosen = next((item for item in matter.situations if item.code == situation), None)
    if chosen is None:
        raise FactError("/situation", "unknown_situation")
    return chosen.sets


def _found(tx: Connection, code: str, on: date | None = None) -> Matter:
    found = find_matter(tx, code, on=on)
    if found is None:
        raise MissingError("matter")
    return found[1]
