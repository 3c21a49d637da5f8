"""Notices to staff: one of a name is written once, and two whose names differ at their end are two."""

import pytest
from sqlalchemy import Connection, func, select

from catalog.store import find_department
from catalog.tables import table
from hub.access.actors import Role
from hub.clock import new_id
from hub.registry.notices import notify
from hub.registry.tables import NoticeRow
from tests.support import POLICE, Place

pytestmark = pytest.mark.embedded


async def test_long_names_that_differ_at_their_end_are_two(place: Place) -> None:
    about, rows = ("family", new_id()), table(NoticeRow)

    def unit(tx: Connection) -> int:
        department = find_department(tx, POLICE)
        assert department is not None
        for once in ("YZ20261123000000000001:title", "YZ20261123000000000001:permit") * 2:
            notify(
                tx, "family.given_up", department_id=department.id, role=Role.CONSUMER_ENGINEER, about=about,
                now=hub.clock(), once=once,
            )  # fmt: skip
        return int(tx.execute(select(func.count()).select_from(rows).where(rows.c.object_id == about[1])).scalar_one())

    async with place.open() as hub:
        assert await hub.database.write(unit) == 2
