"""A value that a department gave by an interface is objected to from the look in which it was given, and marked for who
is given it next: for nobody else, of nothing else, and no longer than it is disputed.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, update

from catalog.store import find_department
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.citizens.objections.errors import ObjectionError
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import Answer, Kind, Said
from hub.intake.store import find_case
from hub.intake.told.tables import CaseEventRow
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.approve.evidence import Answered, Proof, marked
from tests.citizens.conftest import signed_in
from tests.citizens.test_objections import signed
from tests.exchange.conftest import Town, add_source, grant, publish
from tests.exchange.register import Register, serving
from tests.exchange.subscriber import work
from tests.exchange.test_agreed import PENSION, pension, row
from tests.hub.city import PERSON, STRANGER, identity_claims, ledger
from tests.hub.desk import text_of
from tests.support import AMR, POLICE, Place, issue, pull, requirement

pytestmark = pytest.mark.embedded
TEXT = "余额不对，上月补缴没有记入"
BALANCE = f"{PENSION}/balance"


@pytest.fixture
async def fund(place: Place) -> AsyncIterator[Town]:
    people = Register({each["id_number"]: [row(each)] for each in (PERSON, STRANGER)})
    async with (
        serving(people) as register,
        place.open(egress_networks=("127.0.0.0/8",)) as hub,
        place.client(hub) as client,
    ):
        for person in (PERSON, STRANGER):
            claims = identity_claims(citizen_id=person["id_number"], name=person["name"])
            await issue(hub, claims, slug="identity_card", issuer=POLICE)
        await add_source(hub, register.port)
        await publish(hub, pension())
        granted = await hub.registry.add_grant(grant(interface=PENSION, fields=["name", "balance"]))
        yield Town(place, hub, client, await place.headers(client), register, granted)


async def officer(hub: Hub) -> Actor:
    department = await hub.database.read(lambda tx: find_department(tx, AMR))
    assert department is not None
    return Actor("staff", "officer", "", department.id, frozenset({Role.OWNER_ENGINEER}))


async def asked(fund: Town, person: dict[str, str] = PERSON, **more: Any) -> dict[str, Any]:
    """What is given by a query, as it is signed."""
    case_no = await fund.case(parties=[{"role": "applicant", **person}])
    answer = await fund.query(case_no, code=PENSION, **more)
    assert answer.json()["outcome"] == "satisfied", answer.text
    found: dict[str, Any] = answer.json() | {"case_no": case_no}
    return found


async def pulled(fund: Town) -> dict[str, Any]:
    """What a copy in a pull says of its interface, and of the requirement."""
    case_no = await fund.case(parties=[{"role": "applicant", **PERSON}], matter="FUND")
    found: dict[str, Any] = (await pull(fund.client, fund.headers, case_no)).json()["requirements"][0]
    return found["evidence"]["interface"]


async def test_a_value_is_disputed_for_whoever_is_given_it_until_its_department_answers(fund: Town) -> None:
    hub, client = fund.hub, fund.client
    needs = [requirement("balance", "余额", "applicant", [[{"interface": PENSION, "fields": ["name", "balance"]}]])]
    await hub.registry.add_matter(
        {
            "code_system": "test",
            "code": "FUND",
            "name": {"zh": "提取公积金", "en": "Withdrawing from the fund"},
            "department": AMR,
            "roles": ["applicant"],
            "requirements": needs,
        }
    )
    await hub.registry.add_grant(grant(interface=PENSION, fields=["name", "balance"], matters=["FUND"]))
    first = await asked(fund)
    assert "disputed" not in first
    assert "disputed" not in await pulled(fund)

    token = await signed(client, hub)
    looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
    look = next(item["id"] for item in looks if item["case_no"] == first["case_no"] and item["kind"] == "disclosure")
    assert "给出的数据不对" in text_of(await client.get(f"/me/accesses/{look}"))
    form = text_of(await client.get(f"/me/objections/new?entry={look}&kind=field"))
    assert "公积金账户" in form
    wrong = {"kind": "field", "entry": look, "claim": "number", "text": TEXT}  # it was not given
    assert (await client.post("/api/v1/me/objections", json=wrong, headers=token)).status_code == 422
    made = await client.post("/api/v1/me/objections", json=wrong | {"claim": BALANCE}, headers=token)
    assert (made.status_code, made.json()["department"]["code"]) == (201, AMR), made.text
    again = await client.post("/api/v1/me/objections", json=wrong | {"claim": "balance"}, headers=token)
    assert again.status_code == 409
    nobodys = Said(kind=Kind.FIELD, text=TEXT, entry=look, claim=BALANCE)
    with pytest.raises(MissingError):
        await hub.citizens.objections.raise_(await signed_in(hub, person=STRANGER), nobodys)

    then = await asked(fund)
    assert (then["disputed"], then["disputed_fields"]) == (True, ["balance"])
    assert "disputed" not in await asked(fund, fields=["name"])
    assert "disputed" not in await asked(fund, STRANGER)
    copy = await pulled(fund)
    assert (copy["disputed"], copy["disputed_fields"]) == (True, ["balance"])
    opened = [entry for entry in await ledger(hub) if entry.kind == "objection.raised"]
    assert TEXT not in str([entry.detail for entry in opened])

    boss = await officer(hub)
    assert (await hub.citizens.desk.show(boss, made.json()["id"])).text == TEXT
    await hub.citizens.desk.answer(boss, made.json()["id"], Answer("corrected", "已补记"))
    assert "disputed" not in await asked(fund)
    await work(hub)
    events = table(CaseEventRow)
    told = await hub.database.read(lambda tx: tx.execute(events.select()).all())
    corrected = [row for row in told if row.event == "evidence.corrected"]
    assert len(corrected) == 2  # the query and the pull before he objected, and none after


async def test_a_dispute_that_somebody_ends_by_sql_goes_on_and_a_review_disputes_it_again(fund: Town) -> None:
    hub = fund.hub
    first = await asked(fund)
    holder = await signed_in(hub)
    page, _ = await hub.citizens.accesses.listed(holder)
    look = next(item.id for item in page if item.case_no == first["case_no"] and item.kind == "disclosure")
    said = Said(kind=Kind.FIELD, text=TEXT, entry=look, claim=BALANCE)
    made = await hub.citizens.objections.raise_(holder, said)

    async def put(**values: Any) -> None:
        def unit(tx: Connection) -> None:
            rows = table(ObjectionRow)
            tx.execute(update(rows).where(rows.c.id == made).values(**values))

        await hub.database.write(unit)

    for ended in ({"kind": "access"}, {"kind": "field", "state": "withdrawn", "standing": None}):
        await put(**ended)
        assert (await asked(fund))["disputed"] is True
    await put(state="running")
    case = await hub.database.read(lambda tx: _case_id(tx, first["case_no"]))
    proof = Proof(("", ""), "", "", "", (), interface=PENSION, said={"balance": "1", "name": ""})
    other = Proof(("", ""), "", "", "", (), interface=PENSION, said={"name": ""})
    (side,) = await marked(
        [Answered("", "applicant", "", "satisfied", "", {}, [proof, other])], hub.citizens.desk, case
    )
    assert [one.disputed for one in side.proofs] == [True, False]

    await hub.citizens.desk.answer(await officer(hub), made, Answer("refused", "账目无误", "向公积金中心申诉"))
    assert "disputed" not in await asked(fund)
    await hub.citizens.reviewing.ask(holder, made, "仍然不对")
    assert (await asked(fund))["disputed_fields"] == ["balance"]
    with pytest.raises(ObjectionError, match="unknown_field"):
        await hub.citizens.objections.raise_(holder, Said(kind=Kind.FIELD, text=TEXT, entry=look, claim="shareholder"))


def _case_id(tx: Connection, case_no: str) -> str:
    found = find_case(tx, case_no)
    assert found is not None
    return found.id
