"""Reminders before a licence ends: once each, and what was left out is made up for."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from catalog.tables import table
from certificates.profile import CIVIL_ZONE
from hub.citizens.notices.tables import HolderNoticeRow
from hub.runtime import Hub
from tests.citizens.conftest import Watch, erased
from tests.citizens.dossiers import arrive
from tests.citizens.others import DEATH, NEIGHBOUR, death_claims, furnish, resident, tie
from tests.hub.city import (
    PERMITS,
    PERSON,
    STRANGER,
    grow,
    identity_claims,
    permit_claims,
)
from tests.hub.desk import text_of
from tests.support import POLICE, Place, issue


async def reminders(hub: Hub) -> Sequence[Any]:
    notices = table(HolderNoticeRow)
    found = notices.select().where(notices.c.kind == "licence_expiring")
    return await hub.database.read(lambda tx: tx.execute(found).all())


async def test_reminders_are_told_once_each_and_what_was_left_out_is_made_up_for(
    place: Place, hub: Hub, watch: Watch
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        today = hub.clock().astimezone(CIVIL_ZONE).date()
        until = (today + timedelta(days=60)).isoformat()
        await issue(hub, permit_claims(valid_until=until), slug="residence_permit", issuer=PERMITS)

        async def told() -> list[str]:
            return sorted(row.about.partition(":")[2] for row in await reminders(hub))

        assert await hub.dossier.reminding.sweep() == 1
        assert await hub.dossier.reminding.sweep() == 0
        assert await told() == ["90"]
        watch.ahead += timedelta(days=31)
        assert await hub.dossier.reminding.sweep() == 1
        watch.ahead += timedelta(days=40)  # out of order for more than a month: it has ended meanwhile
        assert await hub.dossier.reminding.sweep() == 0
        assert await told() == ["30", "90"]

        soon = (hub.clock().astimezone(CIVIL_ZONE).date() + timedelta(days=23)).isoformat()
        other = identity_claims(citizen_id=STRANGER["id_number"], valid_until=soon)
        await issue(hub, other, slug="identity_card", issuer=POLICE, as_of=datetime.now(CIVIL_ZONE))
        await arrive(client, hub, STRANGER)
        shown = text_of(await client.get("/me/licences"))
        assert re.search("还有 2[23] 天到期", shown), "22 where it became midnight meanwhile"


async def test_neither_the_erased_nor_the_dead_are_reminded(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        await furnish(hub, DEATH)
        until = (hub.clock().astimezone(CIVIL_ZONE).date() + timedelta(days=60)).isoformat()
        people = (PERSON, NEIGHBOUR, STRANGER)
        living = (await resident(hub, STRANGER)).id
        await resident(hub, NEIGHBOUR)
        permits = [permit_claims(citizen_id=each["id_number"], name=each["name"], valid_until=until) for each in people]
        await issue(hub, *permits, slug="residence_permit", issuer=PERMITS)
        await tie(hub, DEATH, death_claims(NEIGHBOUR))
        await erased(hub)
        assert await hub.dossier.reminding.sweep() == 3
        assert [row.subject_id for row in await reminders(hub)] == [living]
