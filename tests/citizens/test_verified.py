"""That a licence was verified is told to its holder: on the ledger first, and at most twice a day and verifier."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from catalog.tables import table
from certificates.stores.holders import subject_by_id
from certificates.tables import CertificateRow, CertificateVersionRow
from hub.citizens.looks import count_looks
from hub.clock import BEIJING
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.verification.asking import Question
from hub.verification.tables import VerificationTallyRow
from hub.verification.tally import IN_PUBLIC, Tally
from tests.citizens.conftest import Watch, session
from tests.hub.city import IDENTITY, grow, ledger
from tests.support import Place

_ENTRIES, _TALLIES = table(LedgerEntryRow), table(VerificationTallyRow)


async def tokens(hub: Hub) -> str:
    """The licence as its holder has it in a file."""
    held = table(CertificateVersionRow).join(
        table(CertificateRow), table(CertificateRow).c.id == table(CertificateVersionRow).c.certificate_id
    )
    query = select(table(CertificateVersionRow).c.id).select_from(held)
    query = query.where(table(CertificateRow).c.type_code == IDENTITY).limit(1)
    opened = await hub.database.read(lambda tx: hub.faces.source.open(tx, tx.execute(query).scalar_one()))
    return opened.token.decode()


async def told(hub: Hub) -> list[tuple[str, int]]:
    """What the ledger says of verifications: in which way, how often."""
    return [
        (entry.kind, entry.detail["times"])
        for entry in await ledger(hub)
        if entry.kind.startswith("certificate.verified") and entry.subject_id
    ]


def at_noon(hub: Hub) -> timedelta:
    """From now to the next noon: nothing here depends on when the day ends."""
    now = hub.clock().astimezone(BEIJING)
    return now.replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1) - now


async def test_verifications_are_told_by_day_and_verifier_however_often_they_happen(
    place: Place, hub: Hub, watch: Watch
) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        token = await tokens(hub)
        await client.post("/api/v1/verify", json={"token": token}, headers=city.headers)
        before = await told(hub)
        assert before == [("certificate.verified", 1)]  # by name: nobody else has to say who he is
        watch.ahead += at_noon(hub)
        await hub.tally.sweep()
        forged = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
        await client.post("/api/v1/verify", json={"token": forged})
        assert await told(hub) == before  # it only claims to be of the licence
        asked = [client.post("/api/v1/verify", json={"token": token}) for _ in range(5)]
        for answer in await asyncio.gather(*asked):
            assert answer.json()["result"] == "passed", answer.text
        assert await told(hub) == [*before, ("certificate.verified_public", 1)]
        await client.post("/verify", data={"token": token})
        assert len(await told(hub)) == 2
        await hub.tally.sweep()
        another = Tally(hub.database, vault=hub.vault, clock=hub.clock)  # a second process, or one after a restart
        verdict = await hub.presentation.judge_text(token, Question())
        await another.note(verdict, audience=None, verifier=None)
        await another.sweep()
        assert len(await told(hub)) == 2

        watch.ahead += timedelta(days=1)
        await hub.tally.sweep()
        assert await told(hub) == [*before, ("certificate.verified_public", 1), ("certificate.verified_public", 7)]
        await hub.tally.sweep()
        assert len(await told(hub)) == 3
        assert await hub.database.read(lambda tx: tx.execute(select(func.count()).select_from(_TALLIES)).scalar()) == 0

        client.cookies.set("yz_holder", await session(hub))
        found = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        public = [item for item in found if item["kind"] == "certificate.verified_public"]
        assert [item["times"] for item in public] == [7, 1]
        assert public[0]["licences"] == ["居民身份证"]
        (system,) = [item for item in found if item["kind"] == "certificate.verified"]
        assert system["department"] == "市场监督管理局"
        assert "当天共 7 次" in (await client.get("/me/accesses")).text
        assert await counted(hub) == {
            "（不经部门：代办人、公开核验等）": 7,
            "市场监督管理局": 1,
        }  # and not once more for the day's sum


async def counted(hub: Hub) -> dict[str, int]:
    """Looks by department, as paper has them."""

    def unit(tx: Connection) -> dict[str, int]:
        (holder_id,) = set(tx.execute(select(_ENTRIES.c.subject_id).where(_ENTRIES.c.kind == IN_PUBLIC)).scalars())
        subject, now = subject_by_id(tx, holder_id), hub.clock()
        found = count_looks(tx, hub.vault, subject, since=now - timedelta(days=9), case_id=None, now=now)
        return {item.department[0]: item.looks for item in found.all if item.looks}

    return await hub.database.read(unit)


@pytest.mark.embedded
async def test_a_number_that_is_lowered_by_sql_is_found_and_no_verdict_leaves_before_its_entry(
    place: Place, hub: Hub, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.ahead += at_noon(hub)
    async with place.client(hub) as client:
        token = await tokens(hub)

        def refused(*_: Any) -> None:
            raise RuntimeError("the ledger cannot be written")

        with monkeypatch.context() as broken:
            broken.setattr("hub.verification.tally.append", refused)
            answers = [await client.post("/api/v1/verify", json={"token": token}) for _ in range(2)]
        assert {answer.status_code for answer in answers} == {500}
        for _ in range(3):
            assert (await client.post("/api/v1/verify", json={"token": token})).status_code == 200
        await hub.tally.sweep()
        await hub.database.write(lambda tx: tx.execute(update(_TALLIES).values(times=2)))
        watch.ahead += timedelta(days=1)
        await hub.tally.sweep()
        assert await told(hub) == [("certificate.verified_public", 1)]  # once is sure, and the alarm says the rest
