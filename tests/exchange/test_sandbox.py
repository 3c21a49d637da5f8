"""The sandbox: every outcome on the real paths, marked everywhere, and never a word of real data."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.errors import DefinitionError
from catalog.identifiers import check
from catalog.tables import GrantRow, table
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import SandboxError
from hub.deps import SANDBOX_ROUTES
from hub.exchange.question import QueryCall
from hub.exchange.sandbox.people import SamplePerson, sample_people
from hub.exchange.sandbox.steps import SANDBOX_ANSWER_TYPE
from hub.intake.resolver import Outcome
from hub.ledger.receipts import read_receipt
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import MissingError
from signing.canonical import strict_loads
from signing.errors import SigningError
from signing.jose import read_header, verify_jws
from signing.keys import SoftwareSigner
from tests.exchange.conftest import INTERFACE, Town, definition, grant, publish
from tests.support import ENTERPRISE, INTAKE, PURPOSE, assertion, case_body, token_form

ENTRIES = table(LedgerEntryRow)
COMPANIES = [person for person in sample_people() if person.id_type == "001"]
SATISFIED = COMPANIES[0]


class Sandboxed:
    """A sandbox credential at the town."""

    def __init__(self, town: Town, client_id: str, headers: dict[str, str]) -> None:
        self.town, self.client_id, self.headers = town, client_id, headers

    async def open(self, person: SamplePerson | dict[str, str], **changes: Any) -> Any:
        party = person if isinstance(person, dict) else _party(person)
        body = case_body(parties=[{"role": "applicant", **party}], **changes)
        return await self.town.client.post("/api/v1/cases", json=body, headers=self.headers)

    async def query(self, case_no: str, code: str = INTERFACE, **body: Any) -> Any:
        asked = {"case_no": case_no, "purpose": PURPOSE} | body
        return await self.town.client.post(f"/api/v1/interfaces/{code}/query", json=asked, headers=self.headers)

    async def ask(self, person: SamplePerson, code: str = INTERFACE, **body: Any) -> Any:
        return await self.query((await self.open(person)).json()["case_no"], code, **body)


def _party(person: SamplePerson) -> dict[str, str]:
    return {"id_type": person.id_type, "id_number": person.id_number, "name": person.name}


async def consumer(town: Town) -> Actor:
    systems = await town.hub.systems.list(COMMAND)
    department = next(item.department_id for item in systems if item.client_id == INTAKE)
    return Actor("staff", "engineer", "engineer", department, frozenset({Role.CONSUMER_ENGINEER}))


@pytest.fixture
async def sandbox(town: Town) -> Sandboxed:
    signer = SoftwareSigner.generate()
    made = await town.hub.systems.register(await consumer(town), {"name_zh": "沙箱"}, signer.public.jwk, sandbox=True)
    form = token_form(assertion(signer, made.client_id))
    token = (await town.client.post("/oauth/token", data=form)).json()["access_token"]
    return Sandboxed(town, made.client_id, {"Authorization": f"Bearer {token}"})


async def kinds(town: Town) -> list[str]:
    return list(await town.hub.database.read(lambda tx: tx.execute(select(ENTRIES.c.kind)).scalars().all()))


def test_sample_numbers_are_right_in_form_unique_and_of_no_real_division() -> None:
    numbers = [person.id_number for person in sample_people()]
    assert len(set(numbers)) == len(numbers)
    for person in sample_people():
        check(person.id_type, person.id_number)
        assert "990190" in person.id_number[:8]


def test_there_is_somebody_for_every_outcome() -> None:
    missing = set(Outcome) - {person.outcome for person in sample_people()}
    assert missing == {Outcome.NOT_APPLICABLE}  # a rule of a matter says so, no interface


@pytest.mark.parametrize("person", COMPANIES, ids=lambda person: person.key)
@pytest.mark.sampled
async def test_every_sample_company_gives_its_outcome(sandbox: Sandboxed, person: SamplePerson) -> None:
    answer = await sandbox.ask(person)
    if person.refused:
        assert (answer.status_code, answer.json()["why"]) == (403, person.why.code)
        return
    found = answer.json()
    assert (answer.status_code, found["outcome"], found["why"]["code"]) == (200, person.outcome.value, person.why.code)
    assert bool(found["records"]) is (person.outcome is Outcome.SATISFIED)
    assert sandbox.town.register.asked == []


async def test_an_answer_is_filtered_checked_and_about_whom_was_asked(sandbox: Sandboxed) -> None:
    (record,) = (await sandbox.ask(SATISFIED)).json()["records"]
    assert (record["uscc"], record["name"]) == (SATISFIED.id_number, SATISFIED.name)
    assert record["is_active"] is True
    (less,) = (await sandbox.ask(SATISFIED, fields=["is_active"])).json()["records"]
    assert less == {"is_active": True}


async def test_a_published_sample_is_what_the_sandbox_answers(sandbox: Sandboxed) -> None:
    sample = {"uscc": ENTERPRISE["id_number"], "name": "样本", "status": "注销", "established_on": "2001-02-03"}
    samples = [{"params": {"uscc": ENTERPRISE["id_number"]}, "answer": sample}]
    await publish(sandbox.town.hub, definition(code="sampled", samples=samples))
    (record,) = (await sandbox.ask(SATISFIED, "sampled")).json()["records"]
    assert record["established_on"] == "2001-02-03"
    assert record["is_active"] is False
    assert record["uscc"] == SATISFIED.id_number


async def test_answer_and_receipt_say_sandbox_and_no_live_check_takes_them(sandbox: Sandboxed) -> None:
    found = (await sandbox.ask(SATISFIED)).json()
    assert found["sandbox"] is True
    key = sandbox.town.hub.desk.public_keys()[read_header(found["answer"], max_bytes=65_536)["kid"]]
    claims = strict_loads(verify_jws(found["answer"], key=key, typ=SANDBOX_ANSWER_TYPE).payload, max_bytes=65_536)
    assert claims["sandbox"] is True
    assert claims["grant"] == "sandbox"
    assert read_receipt(found["receipt"], key=key)["sandbox"] is True
    with pytest.raises(SigningError):
        verify_jws(found["answer"], key=key, typ="query-answer+jwt")
    live = await sandbox.town.ask()
    assert "sandbox" not in live
    assert "sandbox" not in read_receipt(live["receipt"], key=key)


async def test_its_ledger_entries_are_counted_apart(sandbox: Sandboxed) -> None:
    before = Counter(await kinds(sandbox.town))
    await sandbox.ask(SATISFIED)
    await sandbox.ask(next(person for person in COMPANIES if person.key == "not_granted"))
    case = (await sandbox.open(SATISFIED)).json()["case_no"]
    await sandbox.town.client.post(f"/api/v1/cases/{case}/close", headers=sandbox.headers)
    added = Counter(await kinds(sandbox.town)) - before
    assert added == {"sandbox.case.open": 3, "sandbox.disclosure": 1, "sandbox.refusal": 1, "sandbox.case.close": 1}


async def test_the_same_key_gives_the_same_bytes(sandbox: Sandboxed) -> None:
    case = (await sandbox.open(SATISFIED)).json()["case_no"]
    headers = sandbox.headers | {"Idempotency-Key": "once"}
    asked = {"case_no": case, "purpose": PURPOSE}
    path = f"/api/v1/interfaces/{INTERFACE}/query"
    first, second = [await sandbox.town.client.post(path, json=asked, headers=headers) for _ in range(2)]
    assert first.content == second.content


async def test_real_persons_never_enter_the_sandbox(sandbox: Sandboxed) -> None:
    answer = await sandbox.open(dict(ENTERPRISE))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/parties/0/id_number", "rule": "sample_persons_only"}]


async def test_a_sample_number_under_another_name_is_not_confirmed(sandbox: Sandboxed) -> None:
    case = (await sandbox.open(_party(SATISFIED) | {"name": "别的名称"})).json()["case_no"]
    assert (await sandbox.query(case)).json()["outcome"] == "identity_unconfirmed"


async def test_a_live_credential_never_has_sandbox_data(town: Town, sandbox: Sandboxed) -> None:
    found = await town.ask(await town.case(parties=[{"role": "applicant", **_party(SATISFIED)}]))
    assert found["outcome"] == "identity_unconfirmed"
    theirs = (await sandbox.open(SATISFIED)).json()["case_no"]
    assert (await town.query(theirs)).status_code == 404
    live = await town.hub.access.caller(town.headers["Authorization"].removeprefix("Bearer "))
    with pytest.raises(SandboxError):
        await town.hub.exchange.sandbox.query(live, _call(await town.case()))


async def test_a_sandbox_credential_never_has_real_data(town: Town, sandbox: Sandboxed) -> None:
    assert (await sandbox.query(await town.case())).status_code == 404
    caller = await town.hub.access.caller(sandbox.headers["Authorization"].removeprefix("Bearer "))
    with pytest.raises(SandboxError):
        await town.hub.exchange.queries.query(caller, _call((await sandbox.open(SATISFIED)).json()["case_no"]))
    with pytest.raises(DefinitionError):
        await town.hub.registry.add_grant(grant(system=sandbox.client_id))
    with pytest.raises(MissingError):
        await town.hub.exchange.gateway.enable(COMMAND, sandbox.client_id)
    with pytest.raises(DefinitionError):
        await town.hub.registry.add_system(
            {"department": "11990000MB0000002Q", "client_id": "yz_test_smuggled", "name": {"zh": "甲", "en": "a"},
             "keys": [SoftwareSigner.generate().public.jwk]}
        )  # fmt: skip
    grants = table(GrantRow)
    assert "sandbox" not in await town.hub.database.read(lambda tx: tx.execute(select(grants.c.id)).scalars().all())


async def test_every_route_but_the_named_ones_is_closed_to_it(town: Town, sandbox: Sandboxed) -> None:
    schema = (await town.client.get("/openapi.json")).json()["paths"]
    seen = set()
    for path, operations in schema.items():
        for method, operation in operations.items():
            if {"HTTPBearer": []} not in operation.get("security", ()) or path in SANDBOX_ROUTES:
                continue
            place = path.replace("{request_id}", "0" * 8).format_map(_Any())
            answer = await town.client.request(method, place, headers=sandbox.headers)
            # Routes of staff know no system at all.
            slug = answer.json()["type"].rpartition("/")[2]
            assert slug in {"sandbox-only", "sign-in-needed"}, (method, path, answer.text)
            seen.add(path)
    assert {"/api/v1/cases/{case_no}/evidence", "/api/v1/demands"} <= seen
    assert schema.keys() >= SANDBOX_ROUTES


class _Any(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "00000000-0000-4000-8000-000000000000" if key.endswith("_id") else "1"


async def test_a_disabled_sandbox_key_ends_at_once(town: Town, sandbox: Sandboxed) -> None:
    case = (await sandbox.open(SATISFIED)).json()["case_no"]
    await town.hub.systems.set_active(await consumer(town), sandbox.client_id, active=False)
    assert (await sandbox.query(case)).status_code == 401


def _call(case_no: str) -> QueryCall:
    return QueryCall(INTERFACE, case_no, PURPOSE, None, None, {}, None, "", "zh-CN", "0" * 64)


def test_the_documented_table_is_the_sample() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "console-consumer.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| .+? \| (\S+) `(\w+)` \| (\S+) `(\w+)` \|$", page, re.MULTILINE)
    pairs = [sample_people()[place : place + 2] for place in range(0, len(sample_people()), 2)]
    wanted = [
        (person.outcome.value, person.why.code, person.name, person.id_number, firm.name, firm.id_number)
        for person, firm in pairs
    ]
    assert rows == wanted * 2  # in Chinese and in English
