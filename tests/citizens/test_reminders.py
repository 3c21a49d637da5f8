"""Reminders before a licence ends: once each, and what was left out is made up for."""

import re
from datetime import datetime, timedelta

from catalog.tables import table
from certificates.profile import CIVIL_ZONE
from hub.citizens.notices.tables import HolderNoticeRow
from hub.runtime import Hub
from tests.citizens.conftest import Watch
from tests.citizens.dossiers import arrive
from tests.hub.city import (
    PERMITS,
    STRANGER,
    grow,
    identity_claims,
    permit_claims,
)
from tests.hub.desk import text_of
from tests.support import POLICE, Place, issue


async def test_reminders_are_told_once_each_and_what_was_left_out_is_made_up_for(
    place: Place, hub: Hub, watch: Watch
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        today = hub.clock().astimezone(CIVIL_ZONE).date()
        until = (today + timedelta(days=60)).isoformat()
        await issue(hub, permit_claims(valid_until=until), slug="residence_permit", issuer=PERMITS)

        async def told() -> list[str]:
            notices = table(HolderNoticeRow)
            rows = await hub.database.read(lambda tx: tx.execute(notices.select()).all())
            return sorted(row.about.partition(":")[2] for row in rows if row.kind == "licence_expiring")

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
