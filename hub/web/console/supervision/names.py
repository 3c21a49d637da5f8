"""What things are called: departments and matters by code, people by account."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.matters.values import Matter
from catalog.store import Department, find_matter, list_departments, list_matters
from hub.access.actors import Actor
from hub.registry.meanings import Words
from hub.runtime import Hub


@dataclass(frozen=True, slots=True)
class Names:
    """By code, in Chinese and English; `people` by id, those whose accounts the actor sees."""

    departments: Mapping[str, Department]
    matters: Mapping[str, Matter]
    people: Mapping[str, str]

    def department(self, code: str | None) -> Words:
        """What a department is called; its code, where nobody knows it."""
        found = self.departments.get(code or "")
        return (found.name_zh, found.name_en) if found else (code or "—", code or "—")

    def of(self, actor: Actor) -> str | None:
        """The code of the actor's own department."""
        return next((item.code for item in self.departments.values() if item.id == actor.department_id), None)

    def matter(self, code: str) -> Words:
        """What a matter is called today."""
        found = self.matters.get(code)
        return (found.name_zh, found.name_en) if found else (code, code)

    def requirement(self, matter: str, code: str | None) -> Words:
        """What a paper is called today."""
        known = self.matters.get(matter)
        found = known.requirement(code) if known and code else None
        return (found.title_zh, found.title_en) if found else (code or "—", code or "—")


async def names_for(hub: Hub, actor: Actor, matters: Collection[str] | None = None) -> Names:
    """As things are called now. `matters`: codes of those that are wanted; None: all, which are many in a city."""

    def unit(tx: Connection) -> tuple[list[Department], list[Matter]]:
        wanted = list_matters(tx) if matters is None else [_matter(tx, code) for code in sorted(set(matters))]
        return list_departments(tx), [item for item in wanted if item is not None]

    departments, found = await hub.database.read(unit)
    return Names(
        {item.code: item for item in departments},
        {item.code: item for item in found},
        {item.id: item.display_name for item in await hub.staff.seen_by(actor)},
    )


def _matter(tx: Connection, code: str) -> Matter | None:
    with suppress(DefinitionError, ValueError):  # one that cannot be read stands under its code
        found = find_matter(tx, code)
        return found[1] if found else None
    return None
