"""Objections in the hands of whoever writes the database, or comes at the wrong moment: they end once, by the ledger,
what is moved in a row helps nobody, and none is left with nobody to answer it.
"""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from catalog.tables import table
from certificates.tables import CertificateVersionRow
from hub.access.actors import COMMAND
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import Answer, Kind, Said, State, Target
from hub.citizens.once import Once
from hub.registry.departments.superiors import Naming
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.citizens.conftest import signed_in
from tests.citizens.test_handing import OPERATOR, missing
from tests.citizens.test_objections import PNG, TEXT, officer, signed
from tests.hub.city import CIVIL, ledger
from tests.registry.test_departments import merge
from tests.support import AMR, POLICE, PUBLIC_URL, Place

ROWS = table(ObjectionRow)
REFUSED = Answer("refused", "库中没有", "行政复议")


async def put(hub: Hub, objection_id: str, **values: Any) -> None:
    await hub.database.write(lambda tx: tx.execute(update(ROWS).where(ROWS.c.id == objection_id).values(**values)))


async def row(hub: Hub, objection_id: str) -> dict[str, Any]:
    query = select(ROWS).where(ROWS.c.id == objection_id)
    return await hub.database.read(lambda tx: dict(tx.execute(query).one()._mapping))


@pytest.mark.embedded
async def test_other_times_in_rows_make_an_old_version_no_correction(hub: Hub) -> None:
    holder, police = await signed_in(hub), await officer(hub, POLICE)
    identifier = (await hub.citizens.licences.listed(holder))[0][0].identifier
    made = await hub.citizens.objections.raise_(holder, Said(kind=Kind.LICENCE, text=TEXT, identifier=identifier))
    now, versions = hub.clock(), table(CertificateVersionRow)
    await put(hub, made, raised_at=now - timedelta(days=400))
    for made_at in (None, now + timedelta(days=1)):
        if made_at is not None:
            await hub.database.write(lambda tx, at=made_at: tx.execute(update(versions).values(created_at=at)))
        with pytest.raises(ObjectionError, match="nothing_corrected"):
            await hub.citizens.desk.answer(police, made, Answer("corrected", ""))


@pytest.mark.embedded
async def test_what_was_withdrawn_and_is_put_back_is_answered_by_nobody(hub: Hub) -> None:
    holder, police, made = await signed_in(hub), await officer(hub, POLICE), await missing(hub)
    before = await row(hub, made)
    await hub.citizens.objections.withdraw(holder, made)
    await put(hub, made, **before)
    for again in (hub.citizens.desk.answer(police, made, REFUSED), hub.citizens.objections.withdraw(holder, made)):
        with pytest.raises(ObjectionOverError):
            await again


@pytest.mark.embedded
async def test_no_key_of_another_department_signs_an_answer(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    police, amr, made, desk = await officer(hub, POLICE), await officer(hub, AMR), await missing(hub), hub.citizens.desk
    with monkeypatch.context() as died:  # before it was signed
        died.setattr(desk, "sign", lambda _: asyncio.sleep(0))
        await desk.answer(police, made, REFUSED)
    await put(hub, made, owner_department_id=amr.department_id)
    with pytest.raises(IntegrityBrokenError):
        await desk.sign({"objection": made})
    await put(hub, made, owner_department_id=police.department_id)
    await desk.sign({"objection": made})
    assert (await row(hub, made))["signed_by"] == "department"


@pytest.mark.embedded
async def test_what_the_operator_refused_himself_he_does_not_review(hub: Hub) -> None:
    holder, police, made = await signed_in(hub), await officer(hub, POLICE), await missing(hub)
    await hub.citizens.handing.hand(police, made, department="", reason="请决定")
    await hub.citizens.desk.answer(OPERATOR, made, REFUSED)
    assert await hub.citizens.reviewing.offers([await hub.citizens.objections.one(holder, made)]) == {}
    with pytest.raises(ObjectionOverError):
        await hub.citizens.reviewing.ask(holder, made, "请再看")


@pytest.mark.embedded
async def test_sixty_days_are_counted_from_the_answer_and_not_from_its_row(hub: Hub) -> None:
    holder, police, made = await signed_in(hub), await officer(hub, POLICE), await missing(hub)
    await hub.citizens.desk.answer(police, made, REFUSED)
    await put(hub, made, ended_at=hub.clock() - timedelta(days=61))  # so that he comes too late
    assert await hub.citizens.reviewing.ask(holder, made, "请再看")


@pytest.mark.embedded
async def test_a_scan_that_never_was_is_no_look_and_what_has_ended_is_listed_newest_first(hub: Hub) -> None:
    holder, police, made = await signed_in(hub), await officer(hub, POLICE), await missing(hub)
    with pytest.raises(MissingError):
        await hub.citizens.desk.scan(police, made)
    assert "objection.scan_read" not in [entry.kind for entry in await ledger(hub)]
    await hub.citizens.objections.withdraw(holder, made)
    again = await missing(hub)
    found = await hub.citizens.desk.list(police, everything=True, limit=1)
    assert [(item.id, item.state) for item in found] == [(again, State.RUNNING)]


@pytest.mark.embedded
async def test_it_goes_to_whoever_answers_when_it_is_written(hub: Hub) -> None:
    holder, amr, police = await signed_in(hub), await officer(hub, AMR), await officer(hub, POLICE)
    looked_up = Target(amr.department_id, "x", ("x", "x"))
    await merge(hub, AMR, POLICE)  # a moment later
    said = Said(kind=Kind.MISSING, text=TEXT)
    made = await hub.citizens.objections.raise_(holder, said, target=looked_up)
    assert [item.id for item in await hub.citizens.desk.list(police)] == [made]


@pytest.mark.embedded
async def test_no_name_written_into_a_refusal_lets_him_review_it_by_a_merger(hub: Hub) -> None:
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil Affairs"}})
    await hub.catalogue.superiors.name(COMMAND, Naming(POLICE, AMR, "三定规定"))
    made = await missing(hub)
    await hub.citizens.desk.answer(await officer(hub, POLICE), made, REFUSED)
    await hub.citizens.reviewing.ask(await signed_in(hub), made, "请再看")
    await put(hub, made, owner_department_id=(await officer(hub, CIVIL)).department_id)
    with pytest.raises(IntegrityBrokenError):
        await merge(hub, AMR, POLICE)


@pytest.mark.both
async def test_the_same_request_sent_twice_at_one_moment_is_told_the_same(hub: Hub) -> None:
    holder, kind = await signed_in(hub), hub.types.find("identity_card")
    assert kind is not None
    said = Said(kind=Kind.MISSING, text=TEXT, type_code=kind.type.code, department=POLICE)
    twins = (hub.citizens.objections.raise_(holder, said, once=Once("k", "0" * 64)) for _ in range(4))
    assert len(set(await asyncio.gather(*twins))) == 1


async def test_what_is_no_id_is_nobodys_entry_on_either_database(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await signed(client, hub)
        page = await client.get("/me/objections/new")
        given = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', page.text)[0], "entry": "abc", "text": TEXT}
        assert (await client.get("/me/objections/new?entry=abc")).status_code == 422
        for kind in ("access", "x"):
            sent, headers = given | {"kind": kind}, {"Origin": PUBLIC_URL}
            answer = await client.post("/me/objections/new", data=sent, files={"file": PNG}, headers=headers)
            assert answer.status_code == 404, kind
