"""Orders to show late, as those sign them who may."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.citizens.late.ordering import Wanted
from hub.clock import BEIJING, new_id
from hub.runtime import Hub
from tests.hub.city import HOME, PERSON
from tests.support import AMR

STRUCK: Final = f"{PERSON['id_number'][:3]}{'*' * 11}{PERSON['id_number'][-4:]}"
"""The person's number, as those who sign see it."""


def somebody(department_id: str | None, *roles: Role) -> Actor:
    return Actor("staff", new_id(), "", department_id, frozenset(roles))


async def department(hub: Hub, code: str = AMR) -> str:
    found = await hub.database.read(lambda tx: find_department(tx, code))
    assert found is not None
    return found.id


def wanted(hub: Hub, days: int = 30, **changes: Any) -> Wanted:
    until = hub.clock().astimezone(BEIJING).date() + timedelta(days=days)
    order = Wanted("crime", "刑事诉讼法", until, matter=HOME, id_type=PERSON["id_type"], id_number=PERSON["id_number"])
    return replace(order, **changes)


async def ordered(hub: Hub, order: Wanted) -> str:
    """By all three."""
    here, ordering = await department(hub), hub.late.ordering
    made = await ordering.propose(somebody(here, Role.DECIDER), order)
    await ordering.second(somebody(here, Role.OWNER_APPROVER), made.id)
    return (await ordering.sign(somebody(None, Role.AUDITOR), made.id)).id
