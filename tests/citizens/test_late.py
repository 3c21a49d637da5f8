"""Looks that an order shows late: held back from every list of the person while it is in force, and never after it."""

import importlib
import json
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from catalog.tables import table
from certificates.stores.holders import find_subjects
from hub.access.actors import Actor, Role
from hub.citizens.late.tables import LateOrderRow
from hub.citizens.looks import count_looks
from hub.citizens.notices.tables import HolderNoticeRow
from hub.citizens.objections.values import Answer, Kind, Said
from hub.clock import new_id
from hub.intake.tables import CaseRow
from hub.issuing.plan import lookup_hash
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from signing.canonical import unb64u
from tests.citizens.conftest import Watch, session, signed_in
from tests.citizens.late_orders import department, ordered, somebody, wanted
from tests.hub.city import HOME, IDENTITY, PERSON, STRANGER, City, grow, identity_claims, ledger, statements
from tests.support import POLICE, PUBLIC_URL, PURPOSE, Place, grant_definition, issue, open_case, pull

_ORDERS, _ENTRIES = table(LateOrderRow), table(LedgerEntryRow)
WRITE = "write_offline_code"
NO_OFFICE = "11330000MB0000000X"


async def looked(city: City, kind: str = "ex_officio") -> str:
    """A case in the person's name, and a look in it; answers its number."""
    case_no = await open_case(
        city.client, city.headers, matter=HOME, kind=kind, parties=[{"role": "applicant", **PERSON}]
    )
    answer = await pull(city.client, city.headers, case_no, requirements=["identity"])
    assert answer.json()["requirements"][0]["outcome"] == "satisfied", answer.text
    return case_no


async def listed(client: httpx2.AsyncClient) -> dict[str, dict[str, Any]]:
    """All pages of the list, by entry."""
    found: dict[str, dict[str, Any]] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/api/v1/me/accesses", params={"cursor": cursor} if cursor else {})).json()
        assert len(page["accesses"]) == 30 or page["next"] is None  # no gap where something is held back
        found |= {item["id"]: item for item in page["accesses"]}
        cursor = page["next"]
    return found


def of_cases(found: dict[str, dict[str, Any]], *case_nos: str) -> list[tuple[str, str]]:
    return [(item["kind"], item["case_no"]) for item in found.values() if item["case_no"] in case_nos]


async def filtered_and_taken_along(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, *, hidden: list[str]
) -> None:
    """What is held back is in no file, and no page of a department's goes on from it or is any shorter by it."""
    seen = set(await listed(client))
    for path in ("/me/accesses.csv", "/me/accesses.json", "/api/v1/me/accesses/file"):
        file = (await client.get(path)).text
        assert [entry for entry in hidden if entry in file] == []
        assert all(entry in file for entry in seen)
    with monkeypatch.context() as few:
        few.setattr("hub.citizens.accesses._STEP", 2)
        few.setattr("hub.citizens.accesses._OPENED", 3)
        cursor: str | None = ""
        pages, places = 0, set[str]()
        while cursor is not None:
            asked = {"department": NO_OFFICE} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/api/v1/me/accesses", params=asked)).json()
            assert page["accesses"] == []
            cursor, pages = page["next"], pages + 1
            if cursor:
                places |= set(json.loads(unb64u(cursor)[16:]))
    assert places.isdisjoint(hidden)
    assert pages == len(seen) // 3 + 1, "three that he sees a page, whatever lies between them"


async def investigating(place: Place, hub: Hub, client: httpx2.AsyncClient) -> City:
    city = await grow(place, hub, client)
    definition = grant_definition(
        hub, type=IDENTITY, owner=POLICE, fields=["name"], matters=[HOME], purpose=PURPOSE, kind="ex_officio",
        officers=["op-1"], quota_per_day=99,
    )  # fmt: skip
    await hub.registry.add_grant(definition)
    return city


async def test_what_an_order_holds_back_is_nowhere_until_it_ends_and_then_it_says_so(
    place: Place, hub: Hub, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.client(hub) as client:
        city = await investigating(place, hub, client)
        early, anothers = await looked(city), await of_another(hub, city)
        order = await ordered(hub, wanted(hub))
        held, other = await looked(city), await looked(city, "application")
        for _ in range(31):  # a page's worth of his own on top of it
            cookie = await session(hub)
        client.cookies.set("yz_holder", cookie)
        found = await listed(client)
        both = ["case.open", "disclosure"]
        assert sorted(kind for kind, _ in of_cases(found, early)) == both  # written before it: shown as ever
        assert sorted(kind for kind, _ in of_cases(found, other)) == both
        assert of_cases(found, held) == []
        hidden = [item.id for item in await ledger(hub) if item.detail.get("case_no") == held]
        assert len(hidden) >= 2
        kinds = {"case.open", "disclosure"}
        mine = {item.kind: item.id for item in await ledger(hub) if item.id in hidden and item.kind in kinds}
        assert mine.keys() == kinds
        asked = {kind: len(await questions(hub, client, entry)) for kind, entry in mine.items()}
        assert asked == {kind: len(await questions(hub, client, anothers[kind])) for kind in mine}
        assert set(asked.values()) == {len(await questions(hub, client, new_id()))}  # nor is one that nobody wrote
        for entry in hidden:  # on the ledger like all others, and as good as another's
            assert (await client.get(f"/api/v1/me/accesses/{entry}")).status_code == 404
            assert (await client.get(f"/me/accesses/{entry}")).status_code == 404
            assert (await client.get("/me/objections/new", params={"entry": entry})).status_code == 404
        await filtered_and_taken_along(client, monkeypatch, hidden=hidden)
        with monkeypatch.context() as few:  # nor is the list of closed cases any shorter by it
            few.setattr("hub.citizens.ratings.rating.LISTED", 2)
            for case_no in (early, held, other):
                closed = await client.post(f"/api/v1/cases/{case_no}/close", headers=city.headers)
                assert closed.status_code == 200, closed.text
            cases = (await client.get("/api/v1/me/ratings")).json()["cases"]
            assert [item["case_no"] for item in cases] == [other, early]
        looks = await counted(hub)
        figures = (await client.get("/api/v1/ledger/late-orders")).json()
        assert (figures["in_force"], figures["signed"], figures["ended"]) == (1, 1, 0)

        watch.ahead += timedelta(days=31)
        client.cookies.set("yz_holder", await session(hub))
        shown = await listed(client)  # at its end, whether or not anybody has swept
        late = [item["late"] for item in shown.values() if item["case_no"] == held]
        assert len(late) >= 2
        assert {(item["reason"], item["ground"]) for item in late} == {("查办案件", "刑事诉讼法")}
        assert {item["late"] for item in shown.values() if item["case_no"] in {early, other}} == {None}
        assert await counted(hub) > looks
        await hub.late.ending.sweep()
        await hub.late.ending.sweep()
        (told,) = [item for item in (await listed(client)).values() if item["kind"] == "late.shown"]
        assert told["ground"] == ["刑事诉讼法"]
        assert (await client.get(f"/me/accesses/{told['id']}")).status_code == 200
        notices = select(table(HolderNoticeRow).c.about).where(table(HolderNoticeRow).c.kind == "shown_late")
        assert await hub.database.read(lambda tx: tx.execute(notices).scalars().all()) == [told["id"]]
        assert (await client.get("/api/v1/ledger/late-orders")).json()["in_force"] == 0
        assert order not in str(found)


@pytest.mark.embedded
async def test_nothing_tells_of_a_held_back_look_in_a_case_that_the_person_knows_of(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = written_on_pages(monkeypatch)
    async with place.client(hub) as client:
        city = await investigating(place, hub, client)
        party = {"role": "applicant", **PERSON}
        case_no = await open_case(client, city.headers, matter=HOME, kind="ex_officio", parties=[party])
        order = await ordered(hub, wanted(hub))
        answer = (await pull(client, city.headers, case_no, requirements=["identity"])).json()
        copies = f"/api/v1/evidence-requests/{answer['evidence_request_id']}/copies/1"
        files = {}
        for form in ("json", "pdf"):  # what is made of the copy, and whether it is good, is of its case too
            copy = await client.get(copies, params={"format": form}, headers=city.headers)
            assert copy.status_code == 200, copy.text
            files[form] = copy.content
        token = answer["requirements"][0]["evidence"]["token"]
        verified = [await client.post("/api/v1/verify", json={"token": token}, headers=city.headers)]
        verified += [await client.post("/api/v1/verify", files={"file": content}) for content in files.values()]
        control, offline = codes
        verified += [await client.post("/api/v1/verify", json={"control_code": control})]
        verified += [await client.post("/api/v1/verify", json={"token": offline})]
        assert {item.json()["kind"] for item in verified} == {"purpose_copy"}, [item.text for item in verified]
        assert {item.json()["format"] for item in verified} == {"sd-jwt", "json", "pdf", "control_code", "offline_code"}
        page = await client.post("/verify", data={"control_code": control}, headers={"Origin": PUBLIC_URL})
        assert page.status_code == 200
        written = {"disclosure", "certificate.export", "certificate.render", "certificate.verified"}
        written |= {"certificate.verified_public"}
        client.cookies.set("yz_holder", await session(hub))
        assert written.isdisjoint(item["kind"] for item in (await listed(client)).values())
        assert await noticed(hub) == []
        # Nor is he told that the licence, put right on his word, was used in a case.
        identifier = (await client.get("/api/v1/me/certificates")).json()["certificates"][0]["identifier"]
        said = Said(kind=Kind.LICENCE, text="地址有误", identifier=identifier)
        raised = await hub.citizens.objections.raise_(await signed_in(hub), said)
        await issue(hub, identity_claims(address="示例路九号"), slug="identity_card", issuer=POLICE)
        police = Actor("staff", new_id(), "", await department(hub, POLICE), frozenset({Role.OWNER_APPROVER}))
        await hub.citizens.desk.answer(police, raised, Answer("corrected", "已更正"))
        await hub.jobs.sweep()
        assert await noticed(hub) == ["objection_answered"]

        await hub.late.ordering.lift(somebody(None, Role.OPERATOR), order)
        found = [item for item in (await listed(client)).values() if item["late"]]
        assert {item["kind"] for item in found} >= written
        assert {item["case_no"] for item in found if item["kind"].startswith("certificate.verified")} == {case_no}
        assert await noticed(hub) == ["objection_answered", "shown_late"]


@pytest.mark.embedded
async def test_a_look_moved_by_sql_into_a_held_case_is_shown_and_what_is_missing_ends_no_list(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.citizens.accesses.PAGE", 1)
    async with place.client(hub) as client:
        city = await investigating(place, hub, client)
        party = {"role": "applicant", **PERSON}
        for _ in range(3):
            await open_case(client, city.headers, matter=HOME, parties=[party])
        early = await looked(city)
        before = [item.id for item in await ledger(hub) if item.detail.get("case_no") == early]
        await ordered(hub, wanted(hub))
        since = update(_ENTRIES).where(_ENTRIES.c.id.in_(before)).values(recorded_at=hub.clock())
        await hub.database.write(lambda tx: tx.execute(since))
        known, held = await looked(city, "application"), await looked(city)
        ids = select(table(CaseRow).c.id).where(table(CaseRow).c.case_no == held)
        entries = [item for item in await ledger(hub) if item.detail.get("case_no") == known]
        (look,) = [item for item in entries if item.kind == "disclosure"]
        openings = [item for item in await ledger(hub) if item.kind == "case.open"][1:3]
        moved = update(_ENTRIES).where(_ENTRIES.c.id == look.id).values(case_id=ids.scalar_subquery())
        await hub.database.write(lambda tx: tx.execute(moved))
        gone = update(_ENTRIES).where(_ENTRIES.c.id.in_([item.id for item in openings])).values(kind="gone")
        await hub.database.write(lambda tx: tx.execute(gone))
        client.cookies.set("yz_holder", await session(hub))
        found: dict[str, dict[str, Any]] = {}
        cursor: str | None = ""
        while cursor is not None:
            page = (await client.get("/api/v1/me/accesses", params={"cursor": cursor} if cursor else {})).json()
            found |= {item["id"]: item for item in page["accesses"]}
            cursor = page["next"]
        assert not found[look.id]["whole"]
        moved_in_time = [found[one] for one in before if one in found]
        assert {item["kind"]: item["whole"] for item in moved_in_time} == {"case.open": False, "disclosure": False}
        assert sum(item["kind"] == "case.open" for item in found.values()) == 3


def written_on_pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codes on the pages that are made from now on: control code, offline code, one after the other."""
    found: list[str] = []
    for place, name in (("hub.intake.copy_pages", "new_control_code"), ("hub.issuing.renditions.offline_codes", WRITE)):
        real = getattr(importlib.import_module(place), name)

        def noted(*given: Any, real: Any = real, **named: Any) -> str:
            found.append(real(*given, **named))
            return found[-1]

        monkeypatch.setattr(f"{place}.{name}", noted)
    return found


async def of_another(hub: Hub, city: City) -> dict[str, str]:
    """Entries about somebody else, by kind."""
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    party = {"role": "applicant", **PERSON, **STRANGER}
    case_no = await open_case(city.client, city.headers, matter=HOME, parties=[party])
    await pull(city.client, city.headers, case_no, requirements=["identity"])
    return {item.kind: item.id for item in await ledger(hub) if item.detail.get("case_no") == case_no}


async def questions(hub: Hub, client: httpx2.AsyncClient, entry: str) -> list[str]:
    """What the database is asked of entries and orders for this entry, which is not there for the person."""
    async with statements(hub) as asked:
        assert (await client.get(f"/api/v1/me/accesses/{entry}")).status_code == 404
    return [
        sql for sql in asked if sql.startswith("SELECT") and re.search("ledger_entries|late_orders|case_parties", sql)
    ]


async def noticed(hub: Hub) -> list[str]:
    """Kinds of what the person was told, but for his signing in and his licences."""
    kinds = select(table(HolderNoticeRow).c.kind).where(
        table(HolderNoticeRow).c.kind.not_in(["signed_in", "licence_issued"])
    )
    return sorted(await hub.database.read(lambda tx: tx.execute(kinds).scalars().all()))


async def counted(hub: Hub) -> int:
    """Looks as the slip of a counter counts them."""
    digest = lookup_hash(hub.vault, PERSON["id_type"], PERSON["id_number"])
    now = hub.clock()

    def unit(tx: Any) -> int:
        subject = find_subjects(tx, [digest])[digest]
        found = count_looks(tx, hub.vault, subject, since=now - timedelta(days=90), case_id=None, now=now)
        return sum(item.looks for item in found.all)

    return await hub.database.read(unit)


@pytest.mark.parametrize("forged", ["until", "person", "again", "case"])
@pytest.mark.sampled
async def test_what_somebody_writes_by_sql_hides_nothing(place: Place, hub: Hub, watch: Watch, forged: str) -> None:
    async with place.client(hub) as client:
        city = await investigating(place, hub, client)
        whom = {"id_number": "11010519491231002X"} if forged == "person" else {}
        order = await ordered(hub, wanted(hub, **whom))
        row = await hub.database.read(lambda tx: tx.execute(select(_ORDERS)).one())
        case_no = await looked(city, "application" if forged == "case" else "ex_officio")
        cases, values = table(CaseRow), {"until": row.until + timedelta(days=300)}
        if forged == "person":
            values = {"lookup_hash": lookup_hash(hub.vault, PERSON["id_type"], PERSON["id_number"])}
        if forged == "again":
            await hub.late.ordering.lift(somebody(None, Role.OPERATOR), order)
            values = dict(zip(row._fields, row, strict=True))
        written = update(_ORDERS).where(_ORDERS.c.id == order).values(**values)
        if forged == "case":
            written = update(cases).where(cases.c.case_no == case_no).values(kind="ex_officio")
        await hub.database.write(lambda tx: tx.execute(written))
        client.cookies.set("yz_holder", await session(hub))
        assert len(of_cases(await listed(client), case_no)) == 2
        if forged != "case":
            with pytest.raises(IntegrityBrokenError):
                await hub.late.ordering.lift(somebody(None, Role.OPERATOR), order)
