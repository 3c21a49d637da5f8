"""A grant of an interface that rests on agreement: without the party's word its source is not even asked."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.util import await_only

from hub.citizens.authorising.decisions import Decisions, decisions_of
from hub.citizens.authorising.values import Decision
from hub.citizens.values import Holder
from hub.clock import BEIJING, new_id
from hub.issuing.plan import lookup_hash
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.citizens.conftest import signed_in
from tests.exchange.conftest import Town, add_source, definition, grant, publish
from tests.exchange.declared import TITLE, field
from tests.exchange.register import Register, serving
from tests.exchange.subscriber import work
from tests.hub.city import PERSON, STRANGER, identity_claims
from tests.support import AMR, POLICE, Place, issue, pull, requirement

PENSION = "pension_by_id"


def row(person: dict[str, str]) -> dict[str, Any]:
    return {"身份证号": person["id_number"], "姓名": person["name"], "余额": "31415.90"}


def pension() -> dict[str, Any]:
    """An interface that is asked about persons."""
    return definition(
        code=PENSION,
        title={"zh": "公积金账户", "en": "Housing fund"},
        params={"number": {"title": TITLE, "from": "party.id_number", "id_type": "111"}},
        fields={"number": field(required=True), "name": field(required=True), "balance": field()},
        echoes={"number": "number"},
        operation={"method": "GET", "path": "/accounts/{number}", "rows": "/data"},
        mapping={"version": 1, "absent": [""], "fields": {"number": "身份证号", "name": "姓名", "balance": "余额"}},
    )


@pytest.fixture
async def register() -> AsyncIterator[Register]:
    async with serving(Register({each["id_number"]: [row(each)] for each in (PERSON, STRANGER)})) as served:
        yield served


@pytest.fixture
async def fund(place: Place, register: Register) -> AsyncIterator[Town]:
    async with place.open(egress_networks=("127.0.0.0/8",)) as hub, place.client(hub) as client:
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        await add_source(hub, register.port)
        await publish(hub, pension())
        declared = grant(interface=PENSION, fields=["name", "balance"], consent=True, legal_basis="本人同意")
        granted = await hub.registry.add_grant(declared)
        yield Town(place, hub, client, await place.headers(client), register, granted)


async def ask(town: Town, person: dict[str, str] = PERSON, *, case_no: str | None = None) -> tuple[str, str]:
    found = await answered(town, person, case_no=case_no)
    return found["outcome"], found["why"]["code"]


async def answered(town: Town, person: dict[str, str] = PERSON, *, case_no: str | None = None) -> dict[str, Any]:
    number = case_no or await town.case(parties=[{"role": "applicant", **person}])
    answer = await town.query(number, code=PENSION)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert bool(found["records"]) is (found["outcome"] == "satisfied")
    return found


async def decide(hub: Hub, holder: Holder, decision: Decision) -> None:
    [standing] = [item for item in await hub.citizens.authorisations.listed(holder) if item.interface]
    await hub.citizens.authorisations.decide(holder, standing.grant_id, decision)


async def test_a_query_goes_by_his_word_and_only_with_a_yes_is_the_source_asked(fund: Town) -> None:
    holder, hub = await signed_in(fund.hub), fund.hub
    listed = [item for item in await hub.citizens.authorisations.listed(holder) if item.interface]
    assert [(item.state, item.resource, item.legal_basis) for item in listed] == [
        ("undecided", ("公积金账户", "Housing fund"), "本人同意")
    ]
    assert len(listed[0].fields) == 2
    assert await ask(fund) == ("holder_decision_needed", "holder_decision_needed")
    assert await ask(fund, PERSON | {"name": "别名"}) == ("identity_unconfirmed", "identity_unconfirmed")
    assert await ask(fund, STRANGER) == ("identity_unconfirmed", "identity_unconfirmed")
    await decide(hub, holder, Decision.REFUSE)
    assert await ask(fund) == ("refused", "holder_refused")
    assert fund.register.asked == []

    await decide(hub, holder, Decision.GIVE)
    case_no = await fund.case(parties=[{"role": "applicant", **PERSON}])
    first = await fund.query(case_no, code=PENSION, key="again")
    assert first.json()["records"] == [{"balance": "31415.90", "name": PERSON["name"]}]
    assert (await fund.query(case_no, code=PENSION, key="again")).content == first.content
    await decide(hub, holder, Decision.REFUSE)
    repeated = await fund.query(case_no, code=PENSION, key="again")
    assert (repeated.status_code, repeated.json()["type"].rpartition("/")[2]) == (403, "grant-ended")


async def test_a_yes_taken_back_while_the_source_is_slow_gives_nothing(fund: Town) -> None:
    holder, hub = await signed_in(fund.hub), fund.hub
    await decide(hub, holder, Decision.GIVE)
    fund.register.mood = "gated"
    asking = asyncio.create_task(ask(fund))
    await fund.register.arrived.wait()
    await decide(hub, holder, Decision.REFUSE)
    fund.register.gate.set()
    assert await asking == ("refused", "holder_refused")


@pytest.mark.embedded
async def test_a_pull_asks_him_for_its_case_and_a_query_of_that_case_goes_by_it(fund: Town) -> None:
    hub = fund.hub
    await hub.registry.add_matter(
        {
            "code_system": "test",
            "code": "FUND",
            "name": {"zh": "提取", "en": "Withdrawing"},
            "department": AMR,
            "roles": ["applicant"],
            "requirements": [
                requirement("balance", "余额", "applicant", [[{"interface": PENSION, "fields": ["name", "balance"]}]])
            ],
        }
    )
    declared = grant(interface=PENSION, fields=["name", "balance"], consent=True, matters=["FUND"])
    granted = await hub.registry.add_grant(declared)
    case_no = await fund.case(matter="FUND", parties=[{"role": "applicant", **PERSON}])
    item = (await pull(fund.client, fund.headers, case_no)).json()["requirements"][0]
    assert (item["outcome"], "holder_asked" in item) == ("holder_decision_needed", True)
    assert await ask(fund, case_no=case_no) == ("holder_decision_needed", "holder_decision_needed")
    assert fund.register.asked == []
    holder = await signed_in(hub)
    [question] = await hub.citizens.asked_of.listed(holder)
    await hub.citizens.asked_of.decide(holder, question.id, Decision.GIVE)
    await work(hub)
    events = (await fund.client.get(f"/api/v1/cases/{case_no}/events", headers=fund.headers)).json()["events"]
    [agreed] = [event for event in events if event["event"] == "holder.agreed"]
    answer = (await fund.client.get(agreed["evidence"], headers=fund.headers)).json()
    assert answer["requirements"][0]["evidence"]["claims"]["balance"] == "31415.90"
    assert await ask(fund, case_no=case_no) == ("satisfied", "satisfied")
    states = {item.grant_id: item.state for item in await hub.citizens.authorisations.listed(holder) if item.interface}
    assert states[granted] == "undecided"  # for that case, and no other
    with pytest.raises(MissingError):
        await hub.citizens.asked_of.decide(await stranger(hub), question.id, Decision.REFUSE)


async def stranger(hub: Hub) -> Holder:
    """Somebody else, signed in."""
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    return await signed_in(hub, person=STRANGER)


@pytest.mark.both
async def test_a_first_no_waits_for_the_disclosure_that_has_read_that_there_is_none(fund: Town) -> None:
    holder, hub = await signed_in(fund.hub), fund.hub
    read, go_on = asyncio.Event(), asyncio.Event()
    number = lookup_hash(hub.vault, PERSON["id_type"], PERSON["id_number"])

    def disclose(tx: Connection) -> Decisions:
        found = decisions_of(tx, hub.vault, [number], [fund.grant_id], now=hub.clock(), case_id=new_id(), lock=True)
        read.set()
        if tx.dialect.name == "postgresql":  # the other has one writer: nobody comes between
            await_only(go_on.wait())
        return found

    disclosing = asyncio.create_task(hub.database.write(disclose))
    await asyncio.wait_for(read.wait(), 30)
    saying = asyncio.create_task(decide(hub, holder, Decision.REFUSE))
    await asyncio.wait([saying], timeout=0.2)
    waits = not saying.done()
    go_on.set()
    assert await disclosing == {}
    await saying
    assert waits or not hub.settings.database_url, "he said no before a disclosure that did not hear it"


async def events(town: Town, case_no: str) -> list[dict[str, Any]]:
    answer = await town.client.get(f"/api/v1/cases/{case_no}/events", headers=town.headers)
    found: list[dict[str, Any]] = answer.json()["events"]
    return found


def at_noon(hub: Hub, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """Queries are put at noon in Beijing, so many days ahead: whenever the test runs, one day ends where it says."""
    noon = (hub.clock().astimezone(BEIJING) + timedelta(days=days)).replace(hour=12)
    monkeypatch.setattr(hub.exchange.queries, "_clock", lambda: noon.astimezone(UTC))


async def test_a_query_asks_him_once_a_day_and_after_his_yes_it_is_put_again(
    fund: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, mine = fund.hub, fund.hub.citizens.asked_of
    at_noon(hub, monkeypatch, 1)
    case_no, other_no = [await fund.case(parties=[{"role": "applicant", **PERSON}]) for _ in range(2)]
    for wrong in (STRANGER, PERSON | {"name": "别名"}):
        assert "holder_asked" not in await answered(fund, wrong)
    first = await answered(fund, case_no=case_no)
    assert (first["why"]["code"], first["holder_asked"]["answer_by"] > "2") == ("holder_decision_needed", True)
    assert (await answered(fund, case_no=case_no))["holder_asked"] == first["holder_asked"]
    assert "holder_asked" not in await answered(fund, case_no=other_no), "asked twice on one day"
    holder = await signed_in(hub)
    [question] = await mine.listed(holder)
    assert (question.case_no, question.wanted) == (case_no, ("公积金账户", "Housing fund"))
    assert fund.register.asked == []

    await mine.decide(holder, question.id, Decision.GIVE)
    [agreed] = await events(fund, case_no)
    told = {name: agreed[name] for name in ("event", "code", "party", "interface", "evidence")}
    assert told == {
        "event": "holder.agreed", "code": None, "party": "applicant", "interface": PENSION, "evidence": None,
    }  # fmt: skip
    assert await ask(fund, case_no=case_no) == ("satisfied", "satisfied")
    assert await ask(fund, case_no=other_no) == ("holder_decision_needed", "holder_decision_needed")
    await mine.decide(holder, question.id, Decision.REFUSE)
    assert [event["event"] for event in await events(fund, case_no)] == ["holder.agreed", "holder.refused"]
    assert await ask(fund, case_no=case_no) == ("refused", "holder_refused")

    at_noon(hub, monkeypatch, 2)
    later = await answered(fund, case_no=other_no)
    assert "holder_asked" in later
    [second] = [item for item in await mine.listed(await signed_in(hub)) if item.state == "asked"]
    assert second.case_no == other_no
    await mine.end({"question": second.id})
    assert [event["event"] for event in await events(fund, other_no)] == ["holder.silent"]
    assert await ask(fund, case_no=other_no) == ("holder_decision_needed", "holder_silent")
    earlier = text("UPDATE holder_case_questions SET asked_on = '2020-01-01' WHERE asked_on IS NOT NULL AND id = :id")
    await hub.database.write(lambda tx: tx.execute(earlier, {"id": second.id}))
    with pytest.raises(IntegrityBrokenError):
        await mine.listed(await signed_in(hub))


@pytest.mark.both
async def test_cases_that_ask_at_once_make_one_question(fund: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    at_noon(fund.hub, monkeypatch, 1)
    cases = [await fund.case(parties=[{"role": "applicant", **PERSON}]) for _ in range(4)]
    found = await asyncio.gather(*(answered(fund, case_no=case_no) for case_no in cases))
    assert sum("holder_asked" in one for one in found) == 1
    assert len(await fund.hub.citizens.asked_of.listed(await signed_in(fund.hub))) == 1
