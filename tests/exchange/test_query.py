"""The query: only granted fields leave, only for a case, only about its parties, and never before the ledger row."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from catalog.grants import GrantState
from catalog.tables import table
from hub.access.actors import COMMAND
from hub.clock import utc_now
from hub.ledger.entries import open_detail
from hub.ledger.receipts import read_receipt
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import open_hub
from signing.canonical import strict_loads
from signing.jose import read_header, verify_jws
from tests.exchange.conftest import INTERFACE, SECRET_SHARE, Town, add_source, definition, grant, publish, row
from tests.exchange.register import Register, serving
from tests.hub.test_pitfalls_f import fail_at_commit
from tests.support import AMR, ENTERPRISE, INTAKE, MATTER, NARROW, PURPOSE, Place, valid_uscc

ENTRIES = table(LedgerEntryRow)
on_sqlite = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
UNKNOWN = {"id_type": "001", "id_number": valid_uscc("91990100MA7654321"), "name": "示例市查无此企业有限公司"}
RENAMED = ENTERPRISE | {"name": "示例市另一家有限公司"}


def applicant(party: dict[str, str]) -> dict[str, Any]:
    return {"parties": [{"role": "applicant", **party}]}


async def entries(town: Town, kind: str) -> list[Any]:
    return list(
        await town.hub.database.read(lambda tx: tx.execute(select(ENTRIES).where(ENTRIES.c.kind == kind)).all())
    )


async def test_only_granted_fields_leave_mapped_and_with_predicates(town: Town) -> None:
    found = await town.ask()
    assert found["outcome"] == "satisfied"
    assert found["records"] == [
        {
            "uscc": ENTERPRISE["id_number"],
            "name": ENTERPRISE["name"],
            "established_on": "2019-03-01",
            "is_active": True,
        }
    ]
    assert SECRET_SHARE not in json.dumps(found, ensure_ascii=False)
    assert found["source"]["department"] == AMR
    assert (found["cached"], found["stale"], found["age_seconds"]) == (False, False, 0)


async def test_fewer_fields_can_be_asked_for(town: Town) -> None:
    found = await town.ask(fields=["is_active"])
    assert found["records"] == [{"is_active": True}]


async def test_the_answer_is_signed_over_request_source_time_grant_and_entry(town: Town) -> None:
    case_no = await town.case()
    answer = await town.query(case_no)
    found = answer.json()
    kid = read_header(found["answer"], max_bytes=65_536)["kid"]
    key = town.hub.desk.public_keys()[kid]
    claims = strict_loads(verify_jws(found["answer"], key=key, typ="query-answer+jwt").payload, max_bytes=65_536)
    sent = answer.request.content
    path = f"/api/v1/interfaces/{INTERFACE}/query"
    assert claims["request_hash"] == hashlib.sha256(f"POST\n{path}\n".encode() + sent + b"\n").hexdigest()
    assert claims["records"] == found["records"]
    assert (claims["grant"], claims["case_no"], claims["interface"]) == (town.grant_id, case_no, INTERFACE)
    told = read_receipt(found["receipt"], key=key)
    assert told["entry"] == claims["entry"]


async def test_the_ledger_has_the_disclosure_before_the_answer_and_no_value(town: Town) -> None:
    found = await town.ask()
    (entry,) = await entries(town, "disclosure")
    case = await town.hub.database.read(lambda tx: _case(tx, found["case_no"]))
    subject_or_case = town.hub.vault.data_key(case.data_key, case.kek_kid)
    try:
        detail = open_detail(entry.id, entry.detail, entry.commitment, key=subject_or_case)["detail"]
    except Exception:  # noqa: BLE001  # the subject is known to the library: its key seals the entry
        detail = None
    if detail is not None:
        assert detail["interface"] == INTERFACE
        assert ENTERPRISE["name"] not in json.dumps(detail, ensure_ascii=False)
    assert entry.case_id == case.id


def _case(tx: Any, case_no: str) -> Any:
    from hub.intake.store import find_case

    return find_case(tx, case_no)


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"fields": ["shareholder"]}, 403, "field-not-granted"),
        ({"fields": ["no_such_field"]}, 403, "field-not-granted"),
        ({"purpose": "别的用途"}, 403, "not-granted"),
        ({"party": "agent"}, 422, "invalid-question"),
        ({"params": {"uscc": "91990100MA7654321X"}}, 422, "invalid-question"),
        ({"code": "no_such_interface"}, 404, "interface-not-found"),
    ],
)
@pytest.mark.sampled
async def test_what_may_not_be_asked_is_refused_on_the_ledger_and_the_source_hears_nothing(
    town: Town, body: dict[str, Any], status: int, slug: str
) -> None:
    answer = await town.query(**body)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"].endswith(f"/problems/{slug}")
    assert town.register.asked == []
    assert len(await entries(town, "refusal")) == 1


async def test_of_several_grants_the_one_that_covers_the_fields_is_used(town: Town) -> None:
    wider = await town.hub.registry.add_grant(grant(fields=["name", "shareholder"]))
    found = await town.ask(fields=["name", "shareholder"])
    assert (found["grant"], found["records"][0]["shareholder"]) == (wider, SECRET_SHARE)
    assert (await town.query(fields=["uscc", "shareholder"])).status_code == 403


async def test_another_system_has_nothing_of_this_grant(town: Town) -> None:
    town.headers = await town.place.headers(town.client, NARROW)
    answer = await town.query()
    assert (answer.status_code, answer.json()["why"]) == (403, "no_grant")


async def test_a_case_of_another_matter_is_not_covered(town: Town) -> None:
    granted = await town.hub.registry.add_grant(grant(system=NARROW, matters=["OTHER"]))
    assert granted
    town.headers = await town.place.headers(town.client, NARROW)
    answer = await town.query()
    assert (answer.status_code, answer.json()["why"]) == (403, "matter_not_granted")
    assert MATTER != "OTHER"


async def test_a_closed_case_and_somebody_elses_case_answer_nothing(town: Town) -> None:
    case_no = await town.case()
    await town.client.post(f"/api/v1/cases/{case_no}/close", headers=town.headers)
    assert (await town.query(case_no)).status_code == 409
    other = await town.place.headers(town.client, NARROW)
    from tests.support import open_case

    theirs = await open_case(town.client, other)
    assert (await town.query(theirs)).status_code == 404
    assert town.register.asked == []


async def test_unknown_and_mismatched_look_alike(town: Town) -> None:
    unknown = await town.ask(await town.case(**applicant(UNKNOWN)))
    mismatched = await town.ask(await town.case(**applicant(RENAMED)))
    own = {"query_id", "case_no", "receipt", "answer", "obtained_at"}
    assert {name: value for name, value in unknown.items() if name not in own} == {
        name: value for name, value in mismatched.items() if name not in own
    }
    assert unknown["outcome"] == "identity_unconfirmed"
    assert unknown["records"] == []


@pytest.mark.parametrize(
    ("mood", "outcome", "why"),
    [
        ("html", "source_unavailable", "source_faulty"),
        ("drifted", "source_unavailable", "source_faulty"),
        ("another", "source_unavailable", "other_record"),
        ("two", "ambiguous", "several_records"),
        ("hang", "source_unavailable", "source_timeout"),
    ],
)
@pytest.mark.sampled
async def test_each_way_a_source_fails_has_its_own_outcome(town: Town, mood: str, outcome: str, why: str) -> None:
    town.register.rows[valid_uscc("91990100MA1111111")] = [row(统一社会信用代码=valid_uscc("91990100MA1111111"))]
    town.register.mood = mood
    found = await town.ask()
    assert (found["outcome"], found["why"]["code"]) == (outcome, why)
    assert found["records"] == []
    assert found["next_step"]


async def test_a_source_that_is_gone_is_unavailable_and_not_none(town: Town) -> None:
    await publish(
        town.hub, definition(operation={"method": "GET", "path": "/enterprises/{uscc}", "rows": "/data"}), version=2
    )
    await add_source(town.hub, 1, code="gone", connection={"url": "http://127.0.0.1:1"}, targets=["127.0.0.1:1"])
    await publish(town.hub, definition(code="from_gone", source="gone"))
    await town.hub.registry.add_grant(grant(interface="from_gone"))
    found = await town.ask(code="from_gone")
    assert (found["outcome"], found["why"]["code"]) == ("source_unavailable", "source_unreachable")


async def test_an_address_outside_the_egress_rule_is_never_reached(town: Town) -> None:
    await add_source(town.hub, town.register.port, code="elsewhere", targets=["127.0.0.1:9"])
    await publish(town.hub, definition(code="from_elsewhere", source="elsewhere"))
    await town.hub.registry.add_grant(grant(interface="from_elsewhere"))
    found = await town.ask(code="from_elsewhere")
    assert found["outcome"] == "source_unavailable"
    assert town.register.asked == []


async def test_the_same_key_gives_the_same_bytes_and_asks_once(town: Town) -> None:
    case_no = await town.case()
    first = await town.query(case_no, key="k-1")
    again = await town.query(case_no, key="k-1")
    assert first.content == again.content
    assert len(town.register.asked) == 1
    assert len(await entries(town, "disclosure")) == 1
    other = await town.query(case_no, key="k-1", fields=["name"])
    assert other.status_code == 409


async def test_a_key_of_a_query_is_not_one_of_a_pull(town: Town) -> None:
    case_no = await town.case()
    await town.query(case_no, key="k-2")
    headers = town.headers | {"Idempotency-Key": "k-2"}
    pulled = await town.client.post(f"/api/v1/cases/{case_no}/evidence", json={"purpose": PURPOSE}, headers=headers)
    assert pulled.status_code == 200


async def test_a_grant_withdrawn_while_the_source_is_slow_discloses_nothing(town: Town) -> None:
    town.register.mood = "gated"
    case_no = await town.case()
    asking = asyncio.create_task(town.query(case_no))
    await town.register.arrived.wait()
    await town.hub.registry.change_grant(town.grant_id, GrantState.WITHDRAWN)
    town.register.gate.set()
    found = (await asking).json()
    assert (found["outcome"], found["why"]["code"], found["records"]) == ("not_granted", "grant_withdrawn", [])
    assert SECRET_SHARE not in json.dumps(found, ensure_ascii=False)
    assert await entries(town, "disclosure") == []


async def test_a_case_closed_while_the_source_is_slow_discloses_nothing(town: Town) -> None:
    town.register.mood = "gated"
    case_no = await town.case()
    asking = asyncio.create_task(town.query(case_no))
    await town.register.arrived.wait()
    await town.client.post(f"/api/v1/cases/{case_no}/close", headers=town.headers)
    town.register.gate.set()
    assert (await asking).status_code == 409
    assert await entries(town, "disclosure") == []


@pytest.mark.parametrize("what", ["system", "key"])
async def test_a_system_or_key_out_of_use_while_the_source_is_slow_is_given_nothing(town: Town, what: str) -> None:
    town.register.mood = "gated"
    asking = asyncio.create_task(town.query(await town.case()))
    await town.register.arrived.wait()
    if what == "system":
        await town.hub.systems.set_active(COMMAND, INTAKE, active=False)
    else:
        (key,) = (await town.hub.systems.get(COMMAND, INTAKE)).keys
        await town.hub.systems.end_key(COMMAND, INTAKE, key.kid)
    town.register.gate.set()
    assert (await asking).status_code == 401
    assert await entries(town, "disclosure") == []
    assert len(await entries(town, "refusal")) == 1


async def test_a_source_disabled_while_it_is_slow_discloses_nothing(town: Town) -> None:
    town.register.mood = "gated"
    asking = asyncio.create_task(town.query(await town.case()))
    await town.register.arrived.wait()
    await town.hub.sources.disable(COMMAND, "register", reason="leak")
    town.register.gate.set()
    found = (await asking).json()
    assert (found["outcome"], found["why"]["code"]) == ("source_unavailable", "source_quarantined")
    assert found["records"] == []
    assert await entries(town, "disclosure") == []


async def test_a_kept_answer_spares_the_source_and_tells_its_age(town: Town) -> None:
    await publish(town.hub, definition(code="kept", cache_seconds=60, stale_seconds=60))
    await town.hub.registry.add_grant(grant(interface="kept"))
    first = await town.ask(code="kept")
    second = await town.ask(code="kept")
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["records"] == first["records"]
    assert len(town.register.asked) == 1
    assert len(await entries(town, "disclosure")) == 2
    refused = await town.query(await town.case(**applicant(RENAMED)), code="kept")
    assert refused.json()["outcome"] == "identity_unconfirmed"


@on_sqlite
async def test_an_answer_of_a_source_as_it_was_is_not_given_when_it_has_changed(town: Town) -> None:
    await publish(town.hub, definition(code="kept", cache_seconds=60))
    await town.hub.registry.add_grant(grant(interface="kept"))
    assert (await town.ask(code="kept"))["records"][0]["is_active"] is True
    async with serving(Register({ENTERPRISE["id_number"]: [row(ZT="2")]})) as moved:
        declared = (await town.hub.sources.show(COMMAND, "register")).declared
        there = {"connection": {"url": f"http://127.0.0.1:{moved.port}"}, "targets": [f"127.0.0.1:{moved.port}"]}
        await town.hub.sources.change(COMMAND, {**declared, **there})
        found = await town.ask(code="kept")
    assert (found["cached"], found["records"][0]["is_active"]) == (False, False)


@on_sqlite
@pytest.mark.parametrize("age", ["fresh", "stale"])
@pytest.mark.parametrize("mood", ["well", "html"])
async def test_a_kept_answer_does_not_tell_a_mismatch_from_an_unknown_person(
    place: Place, register: Register, age: str, mood: str
) -> None:
    ahead = [timedelta()]
    settings = place.settings(egress_networks=("127.0.0.0/8",))
    async with open_hub(settings, clock=lambda: utc_now() + ahead[0]) as hub, place.client(hub) as client:
        await add_source(hub, register.port)
        await publish(hub, definition(cache_seconds=60, stale_seconds=60))
        granted = await hub.registry.add_grant(grant())
        town = Town(place, hub, client, await place.headers(client), register, granted)
        assert (await town.ask())["outcome"] == "satisfied"
        ahead[0] = timedelta(seconds=90 if age == "stale" else 0)
        register.mood = mood
        own = {"query_id", "case_no", "receipt", "answer", "obtained_at"}
        told = []
        for party in (UNKNOWN, RENAMED):
            asked = len(register.asked)
            found = await town.ask(await town.case(**applicant(party)))
            told.append({name: value for name, value in found.items() if name not in own})
            assert len(register.asked) == asked + 1
        assert told[0] == told[1]
        assert (await town.ask())["cached"] == (age == "fresh" or mood == "html")


@pytest.mark.both
async def test_the_first_users_of_a_day_share_its_quota_and_are_all_answered(town: Town) -> None:
    await publish(town.hub, definition(code="rationed"))
    await town.hub.registry.add_grant(grant(interface="rationed", quota_per_day=8))
    cases = [await town.case() for _ in range(8)]
    answers = await asyncio.gather(*(town.query(case_no, code="rationed") for case_no in cases))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert (await town.query(code="rationed")).json()["why"] == "quota_exhausted"


async def test_another_conflict_is_not_taken_for_a_repeated_key(town: Town) -> None:
    case_no = await town.case()
    fail_at_commit(town.place, "evidence_requests", "INSERT")
    answer = await town.query(case_no, key="k-3")
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "conflict")


async def test_a_quota_ends_the_day(town: Town) -> None:
    await publish(town.hub, definition(code="rationed"))
    await town.hub.registry.add_grant(grant(interface="rationed", quota_per_day=1))
    assert (await town.ask(code="rationed"))["outcome"] == "satisfied"
    answer = await town.query(code="rationed")
    assert (answer.status_code, answer.json()["why"]) == (403, "quota_exhausted")
