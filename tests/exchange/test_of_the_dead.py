"""Of the dead no source says that they live: in pulls, in direct queries and in bulk runs; and what is written back."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.store import find_department
from catalog.tables import table
from hub.exchange.agents.store import sealed_place
from hub.exchange.agents.writing import WriteBack
from hub.exchange.tables import AgentDeliveryRow
from hub.intake.store import find_case
from hub.sample.numbers import citizen_id
from signing.canonical import strict_loads
from tests.exchange.bulking import OFFICER, see, work
from tests.exchange.conftest import Town, add_source, definition, publish
from tests.exchange.declared import TITLE, field
from tests.exchange.register import Register, serving
from tests.hub.city import identity_claims
from tests.support import AMR, INTAKE, POLICE, PURPOSE, Place, issue, pull, requirement

pytestmark = pytest.mark.embedded
HEALTH = "11990000MB0000012R"
TYPES = Path(__file__).parents[2] / "certificates" / "types"
DEAD = {"id_type": "111", "id_number": citizen_id("990102", date(1948, 3, 5), 21), "name": "陈晓示"}
ALIVE = {"id_type": "111", "id_number": citizen_id("990104", date(1990, 1, 2), 43), "name": "林小鸣"}
MATTER = "ESTATE"
PEOPLE = "people"


def row(person: dict[str, str], **changes: str) -> dict[str, Any]:
    return {"number": person["id_number"], "name": person["name"], "city": "示例市"} | changes


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    """A register that knows people by number and name, and has not heard that one of them died."""
    rows = {person["id_number"]: [row(person)] for person in (DEAD, ALIVE)}
    names = ("number", "name", "city")
    declared = definition(
        code=PEOPLE, params={"number": {"title": TITLE, "from": "party.id_number", "id_type": "111"}},
        fields={name: field() for name in names}, echoes={"number": "number"}, complete=True,
        operation={"method": "GET", "path": "/people/{number}", "rows": "/data"},
        mapping={"version": 1, "fields": {name: name for name in names}},
    )  # fmt: skip
    async with (
        serving(Register(rows)) as register,
        place.open(egress_networks=("127.0.0.0/8",)) as hub,
        place.client(hub) as client,
    ):
        await add_source(hub, register.port)
        await publish(hub, declared)
        need = {"interface": PEOPLE, "fields": ["city"]}
        roles = [
            "applicant",
            {"role": "ancestor", "deceased": True},
            {"role": "heir", "many": True, "without_id": True},
        ]
        await hub.registry.add_matter(
            {
                "code_system": "test", "code": MATTER, "name": {"zh": "继承", "en": "Estate"}, "department": AMR,
                "roles": roles, "requirements": [requirement("home", "户籍", "applicant", [[need]])],
            }
        )  # fmt: skip
        terms = {
            "system": INTAKE, "interface": PEOPLE, "owner": AMR, "matters": [MATTER], "purpose": PURPOSE,
            "fields": ["city"], "legal_basis": "条例", "valid_until": "2035-01-01T00:00:00+08:00",
        }  # fmt: skip
        await hub.registry.add_grant(terms)
        bulk = {"kind": "ex_officio", "officers": [OFFICER], "quota_per_day": 100, "bulk": True, "bulk_subjects": 100}
        await hub.registry.add_grant(terms | bulk)
        await hub.registry.add_type((TYPES / "death_certificate.yaml").read_text(encoding="utf-8"))
        issued = hub.types.find("death_certificate")
        assert issued is not None
        if await hub.database.read(lambda tx: find_department(tx, HEALTH)) is None:
            name = {"zh": "卫健委（示例）", "en": "Health (sample)"}
            await hub.registry.add_department({"code": HEALTH, "name": name, "issues": [issued.type.code]})
        claims = identity_claims(name=DEAD["name"], citizen_id=DEAD["id_number"])
        await issue(hub, claims, slug="identity_card", issuer=POLICE)
        died = {
            "certificate_no": "990102-2026-0001", "name": DEAD["name"], "citizen_id": DEAD["id_number"], "sex": "男",
            "died_on": "2026-10-01", "place": "示例市", "institution": "示例医院", "issued_on": "2026-10-02",
        }  # fmt: skip
        await issue(hub, died, slug="death_certificate", issuer=HEALTH)
        yield Town(place, hub, client, await place.headers(client), register, "")


async def case_of(town: Town, *parties: dict[str, Any], number: str, **more: Any) -> str:
    named = [{"role": "applicant"} | party for party in parties]
    return await town.case(matter=MATTER, parties=named, external_no=number, **more)


async def test_a_naming_register_confirms_no_dead_but_in_the_role_of_the_dead(town: Town) -> None:
    found = {}
    renamed = DEAD | {"name": "陈改名"}
    town.register.rows[DEAD["id_number"]] = [row(DEAD)]
    for name, party in (("alive", ALIVE), ("dead", DEAD), ("renamed", renamed)):
        if name == "renamed":  # the register has him under another name, as the case does
            town.register.rows[DEAD["id_number"]] = [row(renamed)]
        case_no = await case_of(town, party, number=name)
        asked = await town.ask(case_no, code=PEOPLE)
        pulled = (await pull(town.client, town.headers, case_no)).json()["requirements"][0]
        found[name] = (asked["outcome"], asked["why"]["code"]), (pulled["outcome"], pulled["why"]["code"])
        assert bool(asked["records"]) is ("evidence" in pulled) is (name == "alive")
    assert found["alive"] == (("satisfied", "satisfied"),) * 2
    assert found["dead"] == (("identity_unconfirmed", "holder_dead"),) * 2
    # Told to whoever names him as the records do, and to nobody else: the source is asked as of anybody.
    assert found["renamed"] == (("identity_unconfirmed", "identity_unconfirmed"),) * 2
    assert town.register.asked.count(DEAD["id_number"]) == 2
    town.register.rows[DEAD["id_number"]] = [row(DEAD)]
    case_no = await case_of(town, ALIVE, {"role": "ancestor", **DEAD}, number="heirs")
    assert (await town.ask(case_no, code=PEOPLE, party="ancestor"))["outcome"] == "satisfied"


async def test_a_bulk_run_tells_nothing_of_the_dead(town: Town) -> None:
    case_no = await case_of(town, ALIVE, number="campaign", kind="ex_officio")
    body = {"case_no": case_no, "purpose": PURPOSE, "officer": OFFICER, "parties": [ALIVE, DEAD]}
    answer = await town.client.post(f"/api/v1/interfaces/{PEOPLE}/bulk", json=body, headers=town.headers)
    assert answer.status_code == 202, answer.text
    await work(town)
    told = await see(town, str(answer.json()["run"]))
    assert told["progress"]["outcomes"] == {"satisfied": 1, "identity_unconfirmed": 1}
    assert town.register.asked == [ALIVE["id_number"]]


async def test_all_who_have_a_role_are_written_back(town: Town) -> None:
    heirs = [{"role": "heir", **ALIVE}, {"role": "heir", "name": "陈小示"}]
    case_no = await case_of(town, ALIVE, *heirs, number="heirs")
    places = {"holder": "party.applicant.name", "names": "party.heir.name", "numbers": "party.heir.id_number"}
    places |= {"nobody": "party.ancestor.name", "kinds": "party.heir.id_type"}
    declared = [{"matter": MATTER, "operation": "done", "fields": places}]
    connection = {"agent": INTAKE, "write_back": declared}
    await add_source(town.hub, 0, code="beside", kind="agent", connection=connection, targets=[])
    deliveries = table(AgentDeliveryRow)

    def unit(tx: Any) -> Any:
        case = find_case(tx, case_no)
        assert case is not None
        WriteBack(town.hub.vault).enqueue(tx, case, datetime.now(UTC))
        return tx.execute(select(deliveries)).one()

    stored = await town.hub.database.write(unit)
    plain = town.hub.vault.data_key(stored.data_key, stored.kek_kid).decrypt(sealed_place(stored.id), stored.sealed)
    assert strict_loads(plain, max_bytes=len(plain)) == {
        "holder": ALIVE["name"], "names": f"{ALIVE['name']}、陈小示", "numbers": f"{ALIVE['id_number']}、",
        "nobody": None, "kinds": "111、",
    }  # fmt: skip
