"""Material codes 材料编码 of an approval system: requirements by its own names, in answers and in requests."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from catalog.matters.values import Matter, Requirement
from hub.access.service import Caller
from hub.clock import Clock
from hub.edge.errors import Fault, InvalidBodyError
from hub.intake.errors import UnlistedRequirementError
from hub.intake.materials import store
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.vault import DataKey

MOST_FAULTS: Final = 20


class Materials:
    """A system's own codes."""

    def __init__(self, database: Database, *, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._log_key = log_key
        self._clock = clock

    async def own(self, caller: Caller) -> dict[str, dict[str, str]]:
        """By matter and requirement."""
        return await self._database.read(lambda tx: store.codes_of(tx, caller.system_id))

    async def put(self, caller: Caller, given: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
        """Replace the codes of the matters that are named, all or nothing; others stay. Answers all.

        Raises: InvalidBodyError pointing at matters and requirements that there are not.
        """
        return await self._database.write(lambda tx: self._put(tx, caller, given))

    def _put(self, tx: Connection, caller: Caller, given: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
        now, faults = self._clock(), []
        store.lock_system(tx, caller.system_id)
        for place, (matter, codes) in enumerate(given.items()):
            listed = store.requirements_of(tx, matter)
            if listed is None:
                faults.append(Fault(f"/materials/{place}", "unknown_matter"))
                continue
            at = enumerate(codes)
            faults += [Fault(f"/materials/{place}/{each}", "not_listed") for each, code in at if code not in listed]
        if faults:
            raise InvalidBodyError(*faults[:MOST_FAULTS])
        for matter, codes in given.items():
            store.replace_codes(tx, caller.system_id, matter, codes, now=now)
        detail = {"client_id": caller.client_id, "matters": sorted(given)}
        append(tx, [seal(Draft(kind=caller.marked("system.materials"), detail=detail, key=self._log_key), now=now)])
        return store.codes_of(tx, caller.system_id)


def material(own: Mapping[str, str] | None, requirement: Requirement) -> str | None:
    """Under which code a system knows a requirement: its `own` code, else the matter's."""
    return (own or {}).get(requirement.code) or requirement.material


def requirements_named(own: Mapping[str, str] | None, matter: Matter, materials: Sequence[str]) -> tuple[str, ...]:
    """The requirements of a matter under these material codes; one code may stand for several.

    Raises: UnlistedRequirementError with the places of those that are none.
    """
    named: dict[str, list[str]] = {}
    for requirement in matter.requirements:
        named.setdefault(material(own, requirement) or "", []).append(requirement.code)
    unlisted = tuple(place for place, code in enumerate(materials) if not code or code not in named)
    if unlisted:
        raise UnlistedRequirementError(unlisted, member="materials")
    return tuple(code for item in dict.fromkeys(materials) for code in named[item])
