"""Acting for somebody else: on which grounds, judged at every request, and all of it told to the principal."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.util import await_only

from hub.citizens.acting.errors import NoLongerActsError, ScopeError
from hub.citizens.acting.ties import is_minor
from hub.citizens.acting.values import Principal, Scope
from hub.citizens.errors import LevelError
from hub.citizens.presentations import Shown
from hub.citizens.showing.values import Pick
from hub.citizens.values import Holder, Level
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.citizens.conftest import Watch, signed_in
from tests.citizens.others import (
    BIRTH,
    CHILD,
    DEATH,
    KINSHIP,
    NEIGHBOUR,
    REGISTRATION,
    asked,
    begun,
    birth_claims,
    death_claims,
    furnish,
    grounds,
    in_office,
    kinship_claims,
    registration_claims,
    resident,
    tie,
    written,
)
from tests.hub.city import PERSON, ledger
from tests.hub.desk import text_of
from tests.hub.test_counter import clerk_of, opened
from tests.support import AMR, ENTERPRISE, MATTER, Place, enterprise_claims, issue, pull


def test_a_minor_is_of_age_on_the_eighteenth_birthday() -> None:
    number = CHILD["id_number"]
    assert is_minor(number, date(2028, 5, 31))
    assert not is_minor(number, date(2028, 6, 1))
    leap = citizen_id("990102", date(2012, 2, 29), 11)
    assert is_minor(leap, date(2030, 2, 28))
    assert not is_minor(leap, date(2030, 3, 1))
    assert not is_minor("990102201013011234", date(2020, 1, 1)), "no number is nobody's child"


@pytest.mark.embedded
async def test_a_legal_representative_acts_for_his_company_and_a_former_one_does_not(hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    holder, other = await signed_in(hub), await resident(hub, NEIGHBOUR)
    await tie(hub, REGISTRATION, registration_claims())
    assert await grounds(hub, holder) == [], "the licence names another"
    await in_office(hub)
    acting = hub.citizens.others.acting
    (found,) = [item.principal for item in await acting.listed(holder)]
    assert (found.identity.id_number, found.identity.name) == (ENTERPRISE["id_number"], ENTERPRISE["name"])
    assert await grounds(hub, other) == []
    for key in (found.key, "0" * 32):
        with pytest.raises(MissingError):  # another's key is nobody's
            await acting.begin(other, key)
    with pytest.raises(MissingError):
        await acting.act(holder, found.key, Scope.LICENCES, "licences")  # he has not begun
    with pytest.raises(LevelError):
        await acting.begin(await signed_in(hub, Level.BASIC), found.key)
    await acting.begin(holder, found.key)
    await acting.begin(holder, found.key)
    whose = await acting.act(holder, found.key, Scope.LICENCES, "licences")
    listed, _ = await hub.citizens.licences.listed(whose)
    assert sorted(item.type_zh for item in listed) == ["法定代表人登记信息", "营业执照"]
    with pytest.raises(MissingError):
        await acting.act(replace(holder, session_id=other.session_id), found.key, Scope.LICENCES, "licences")

    await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-01"))
    with pytest.raises(NoLongerActsError):
        await acting.act(holder, found.key, Scope.LICENCES, "licences")
    assert await grounds(hub, holder) == []
    await issue(hub, enterprise_claims(legal_representative=NEIGHBOUR["name"]))
    assert await grounds(hub, other) == ["legal_representative"]

    entries = [entry for entry in await ledger(hub) if entry.kind.startswith("acting.")]
    assert [entry.kind for entry in entries] == ["acting.begun", "acting.saw_licences", "acting.refused"]
    assert {entry.subject_id for entry in entries} == {found.id}
    assert entries[1].detail["agent"]["name"] == PERSON["name"]
    assert entries[1].detail["ground"] == "legal_representative"
    refused = [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "refusal"]
    assert refused == ["acting_not_own"] * 4


@pytest.mark.embedded
async def test_rows_that_somebody_wrote_carry_no_office(hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    holder, other = await signed_in(hub), await resident(hub, NEIGHBOUR)
    await in_office(hub)
    assert await grounds(hub, holder) == ["legal_representative"]
    kept = await hub.database.read(
        lambda tx: tx.execute(text("SELECT name_hash FROM certificate_holders")).scalar_one()
    )
    mine = "SELECT v.name_hash FROM certificate_versions v JOIN certificates c ON c.id = v.certificate_id"
    await written(hub, f"UPDATE certificate_holders SET subject_id = '{other.id}'")
    assert await grounds(hub, other) == [], "it names somebody else"
    await written(hub, f"UPDATE certificate_holders SET name_hash = ({mine} WHERE c.subject_id = '{other.id}')")
    with pytest.raises(IntegrityBrokenError):
        await grounds(hub, other)
    await written(hub, f"UPDATE certificate_holders SET subject_id = '{holder.id}', name_hash = x'{kept.hex()}'")
    assert await grounds(hub, holder) == ["legal_representative"]
    await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-01"))
    assert await grounds(hub, holder) == []
    await written(hub, "UPDATE certificates SET current_version = 1")
    assert await grounds(hub, holder) == [], "it was superseded"
    await written(hub, "UPDATE certificate_versions SET status = 'valid' WHERE status = 'superseded'")
    with pytest.raises(IntegrityBrokenError):
        await grounds(hub, holder)


@pytest.mark.embedded
async def test_a_parent_acts_until_the_day_the_child_is_of_age(hub: Hub, watch: Watch) -> None:
    await furnish(hub, BIRTH, KINSHIP)
    holder = await signed_in(hub)
    await tie(hub, BIRTH, birth_claims())
    await tie(hub, KINSHIP, kinship_claims(CHILD, PERSON, "父子"))
    child = await resident(hub, CHILD)
    assert await grounds(hub, child) == []
    found = await begun(hub, holder, "parent")
    assert len(found.sources) == 2
    acting = hub.citizens.others.acting
    await acting.act(holder, found.key, Scope.ACCESSES, "accesses")
    birthday = date(2028, 6, 1)
    watch.ahead = timedelta(days=(birthday - hub.clock().date()).days - 2)
    assert "parent" in await grounds(hub, holder)
    watch.ahead += timedelta(days=3)
    with pytest.raises(NoLongerActsError):
        await acting.act(holder, found.key, Scope.ACCESSES, "accesses")


@pytest.mark.embedded
async def test_an_heir_sees_a_list_and_shows_nothing(hub: Hub) -> None:
    await furnish(hub, KINSHIP, DEATH)
    holder = await signed_in(hub)
    await resident(hub, NEIGHBOUR)
    await tie(hub, KINSHIP, kinship_claims(NEIGHBOUR, PERSON, "父子"))
    assert await grounds(hub, holder) == [], "he lives"
    await tie(hub, DEATH, death_claims(NEIGHBOUR))
    found = await begun(hub, holder, "heir")
    acting = hub.citizens.others.acting
    whose = await acting.act(holder, found.key, Scope.LICENCES, "licences")
    listed, _ = await hub.citizens.licences.listed(whose)
    assert {item.type_zh for item in listed} >= {"居民身份证", "居民死亡医学证明（推断）书"}
    for refused in (
        acting.act(holder, found.key, Scope.ACCESSES, "accesses"),
        acting.present(holder, found.key, None),
        acting.look(holder, found.key, Scope.SHOW),
        acting.in_office(holder, found.key),
        hub.showing.for_others.make_offline(holder, found.key, Pick("x", ()), life="day"),
    ):
        before = len(await ledger(hub))
        with pytest.raises(ScopeError):
            await refused
        assert [one.kind for one in (await ledger(hub))[before:]] == ["acting.refused"]


@pytest.mark.embedded
async def test_a_code_opens_the_companys_case_and_names_who_acted(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    holder = await signed_in(hub)
    found = await begun(hub, holder, "legal_representative")
    acting, presentations = hub.citizens.others.acting, hub.citizens.presentations
    shown = await presentations.look(holder, await acting.present(holder, found.key, AMR))
    assert isinstance(shown, Shown)
    assert shown.behalf is not None
    assert shown.behalf.name == ENTERPRISE["name"]
    late = await presentations.look(holder, await acting.present(holder, found.key, AMR))
    assert isinstance(late, Shown)
    async with place.client(hub) as client:
        headers = await place.headers(client)
        body = {
            "matter": MATTER,
            "operator": {"id": "e-1", "name": "示例受理员"},
            "channel": "window",
            "external_no": "W-1",
            "presented": [{"role": "applicant", "code": late.code}],
        }
        old = await client.post(
            "/api/v1/cases", headers=headers, json=body | {"presented": [{"role": "applicant", "code": shown.code}]}
        )
        assert old.status_code == 422, "the newer code ended it"
        case = await client.post("/api/v1/cases", headers=headers, json=body)
        assert case.status_code == 201, case.text
        parties = {item["party"]: item for item in case.json()["parties"]}
        assert parties["applicant"]["id_type"] == "001"
        agent = parties["acting_agent"]
        assert (agent["id_type"], agent["acts_for"], agent["mandate"]) == ("111", "applicant", "e_mandate")
        assert not [text for text in (PERSON["id_number"], PERSON["name"]) if text in case.text]
        pulled = await pull(client, headers, case.json()["case_no"], requirements=["licence"])
        assert pulled.json()["requirements"][0]["outcome"] == "satisfied"

        code = await presentations.look(holder, await acting.present(holder, found.key, None))
        assert isinstance(code, Shown)
        await issue(hub, enterprise_claims(legal_representative=NEIGHBOUR["name"]))
        body |= {"external_no": "W-2", "presented": [{"role": "applicant", "code": code.code}]}
        refused = await client.post("/api/v1/cases", headers=headers, json=body)
        assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (422, "presentation-refused")
        await issue(hub, enterprise_claims(legal_representative=PERSON["name"]))
        code = await presentations.look(holder, await acting.present(holder, found.key, AMR))
        assert isinstance(code, Shown)
        async with clerk_of(place, hub) as desk:
            page = text_of(await opened(desk, code.code))
            assert "代办人 陈**" in page
            assert ENTERPRISE["name"] in page
            assert not [text for text in desk.seen if PERSON["id_number"] in text or PERSON["name"] in text]
    told = [entry for entry in await ledger(hub) if entry.kind in {"acting.presented", "acting.filed"}]
    assert [entry.kind for entry in told][:4] == [
        "acting.presented",
        "acting.presented",
        "acting.filed",
        "acting.presented",
    ]
    assert told[2].detail["case_no"] == case.json()["case_no"]
    assert told[2].detail["agent"]["name"] == PERSON["name"]


@pytest.mark.both
async def test_what_the_judgement_rests_on_is_held_until_the_act_is_written(hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    await hub.citizens.others.delegating.give(holder, asked(hub))
    await held_while(hub, holder, await begun(hub, holder, "legal_representative"))
    await held_while(hub, neighbour, await begun(hub, neighbour, "delegate"))  # that who let him is still himself


async def held_while(hub: Hub, holder: Holder, found: Principal) -> None:
    judged, go_on = asyncio.Event(), asyncio.Event()

    def act(tx: Connection) -> str | None:
        principal = hub.citizens.taking._standing.one(tx, holder.id, holder.identity, found.key, hub.clock())
        judged.set()
        if tx.dialect.name == "postgresql":  # the other has one writer: nobody comes between
            await_only(go_on.wait())
        return principal.key if principal else None

    acting = asyncio.create_task(hub.database.write(act))
    await asyncio.wait_for(judged.wait(), 30)
    statement = "UPDATE certificate_versions SET status = status"
    changing = asyncio.create_task(written(hub, statement))
    await asyncio.wait([changing], timeout=0.2)
    waits = not changing.done()
    go_on.set()
    assert await acting == found.key
    await changing
    assert waits or not hub.settings.database_url, "the licences were not held"
