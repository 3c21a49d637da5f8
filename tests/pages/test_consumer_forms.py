"""The consumer's forms without a browser: what is refused, what is shown once, what another department never sees."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from catalog.store import find_department
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.clock import utc_now
from hub.exchange.sandbox.people import sample_people
from hub.ledger.tables import LedgerEntryRow
from signing.keys import SoftwareSigner
from tests.access.people import Visitor, add, add_operator, errors_of, visitor
from tests.exchange.conftest import INTERFACE, Town, add_source, definition, grant, publish, row
from tests.exchange.register import Register, serving
from tests.support import AMR, ENTERPRISE, MATTER, POLICE, Place, assertion, token_form

pytestmark = pytest.mark.embedded

BASE = "/console/consumer"


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    """The exchange's town: an interface over a register behind HTTP, and a live system with a grant."""
    async with (
        serving(Register({ENTERPRISE["id_number"]: [row()]})) as register,
        place.open(egress_networks=("127.0.0.0/8",)) as hub,
        place.client(hub) as client,
    ):
        await add_source(hub, register.port)
        await publish(hub, definition())
        granted = await hub.registry.add_grant(grant())
        yield Town(place, hub, client, await place.headers(client), register, granted)


@pytest.fixture
async def consumer(town: Town) -> AsyncIterator[Visitor]:
    await add(town.hub, "consumer", Role.CONSUMER_ENGINEER, department=AMR)
    async with visitor(town.place, town.hub) as opened:
        await opened.sign_in("consumer")
        yield opened


async def owner(town: Town) -> Actor:
    department = await town.hub.database.read(lambda tx: find_department(tx, AMR))
    assert department is not None
    return Actor("staff", "approver", "approver", department.id, frozenset({Role.OWNER_APPROVER}))


async def enrol(visitor: Visitor, code: str, **fields: str) -> Any:
    return await visitor.client.post(
        f"{BASE}/systems/new",
        data={"csrf": await visitor.csrf(), "code": code, "name_zh": "受理系统", "key": "made", **fields},
        files={"public_key": ("key.pem", fields.get("file", "").encode())},
        headers={"Origin": "http://127.0.0.1:8700", "Sec-Fetch-Site": "same-origin"},
    )


async def draft(visitor: Visitor) -> str:
    begun = await visitor.post(f"{BASE}/ask", {"kind": "interface", "code": INTERFACE})
    return str(begun.headers["location"]).rpartition("/")[0]


COMPLETE: dict[str, dict[str, Any]] = {
    "system": {"system": "yz_live_desk"},
    "fields": {"fields": ["name", "is_active"]},
    "use": {"kind": "application", "matters": [MATTER]},
    "reason": {"purpose": "核验食品经营者登记状态", "legal_basis": "食品安全法第三十五条", "scene": "窗口受理"},
    "limits": {"quota_per_day": "50", "valid_until": "2028-01-31", "contact": "注册处 0990-0100100"},
}


async def filed(visitor: Visitor, **changes: dict[str, Any]) -> str:
    """A whole request; answers its path."""
    await enrol(visitor, "desk")
    place = await draft(visitor)
    for step, fields in (COMPLETE | changes).items():
        await visitor.post(f"{place}/{step}", fields)
    done = await visitor.post(f"{place}/check")
    return str(done.headers["location"])


async def test_an_empty_request_names_every_fault_at_once_on_the_last_page(consumer: Visitor) -> None:
    await enrol(consumer, "desk")
    place = await draft(consumer)
    await consumer.post(f"{place}/system", COMPLETE["system"])
    page = await consumer.get(f"{place}/check")
    assert len(errors_of(page)) == 8, errors_of(page)
    again = await consumer.post(f"{place}/check")
    assert again.status_code == 422
    assert errors_of(again) == errors_of(page)


async def test_nothing_typed_is_lost_when_a_page_is_refused(consumer: Visitor) -> None:
    await enrol(consumer, "desk")
    place = await draft(consumer)
    given = {"purpose": "工作需要", "legal_basis": "某条例第一条", "scene": "受理"}
    refused = await consumer.post(f"{place}/reason", given)
    assert refused.status_code == 422
    assert len(errors_of(refused)) == 1
    page = await consumer.get(f"{place}/reason")
    assert "某条例第一条" in page.text


async def test_a_request_is_filed_answered_and_supplied_with_what_was_asked(town: Town, consumer: Visitor) -> None:
    path = await filed(consumer)
    request_id = path.rpartition("/")[2]
    await town.hub.sharing.requests.ask_more(await owner(town), request_id, "请写明核验的环节")
    page = await consumer.get(path)
    assert "请写明核验的环节" in page.text
    assert f'href="{path}"' in (await consumer.get("/console/notices")).text
    form = await consumer.post(f"{path}/supply")
    place = form.headers["location"].rpartition("/")[0]
    assert 'value="2028-01-31"' in (await consumer.get(f"{place}/limits")).text
    await consumer.post(f"{place}/reason", COMPLETE["reason"] | {"scene": "受理时核验登记状态"})
    done = await consumer.post(f"{place}/check")
    assert done.headers["location"] == path
    found = await town.hub.sharing.requests.get(await owner(town), request_id)
    assert (found.request.state.value, found.request.filing.scene) == ("submitted", "受理时核验登记状态")


async def test_a_refusal_can_be_disputed_and_only_with_a_reason(town: Town, consumer: Visitor) -> None:
    path = await filed(consumer)
    await town.hub.sharing.requests.refuse(await owner(town), path.rpartition("/")[2], "与职责无关", "条例第十条")
    assert "与职责无关" in (await consumer.get(path)).text
    assert (await consumer.post(f"{path}/dispute", {"move": "open", "reason": ""})).status_code == 422
    await consumer.post(f"{path}/dispute", {"move": "open", "reason": "职责见三定规定"})
    assert "协商中" in (await consumer.get(path)).text


async def test_a_grant_shows_what_it_covers_and_is_renewed_with_it_filled_in(town: Town, consumer: Visitor) -> None:
    path = await filed(consumer)
    view = await town.hub.sharing.requests.approve(await owner(town), path.rpartition("/")[2])
    page = await consumer.get(f"{BASE}/grants/{view.request.grant_id}")
    assert "yz_live_desk" in page.text
    assert "2028-01-31" in page.text
    assert "核验食品经营者登记状态" in page.text
    renewed = await consumer.post(f"{BASE}/grants/{view.request.grant_id}/renew")
    form = await consumer.get(renewed.headers["location"])
    assert "核验食品经营者登记状态" in form.text
    assert set(errors_of(form)) == {"未写明使用期限", "未写明使用场景", "未写明联系人或联系电话"}


async def test_a_private_key_is_shown_once_works_and_is_stored_nowhere(town: Town, consumer: Visitor) -> None:
    page = await enrol(consumer, "desk")
    pem = re.search(r"-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----", page.text, re.DOTALL)
    assert pem is not None
    signer = SoftwareSigner.from_pem(pem.group().encode())
    answer = await town.client.post("/oauth/token", data=token_form(assertion(signer, "yz_live_desk")))
    assert answer.status_code == 200
    assert "PRIVATE" not in (await consumer.get(f"{BASE}/systems/yz_live_desk")).text


async def test_keys_are_rotated_with_overlap(town: Town, consumer: Visitor) -> None:
    old, new = SoftwareSigner.generate(), SoftwareSigner.generate()
    await enrol(consumer, "desk", key="upload", public_key_text=old.public.to_pem().decode())
    await consumer.client.post(
        f"{BASE}/systems/yz_live_desk/keys",
        data={"csrf": await consumer.csrf(), "key": "upload"},
        files={"public_key": ("key.json", json.dumps(new.public.jwk).encode())},
        headers={"Origin": "http://127.0.0.1:8700", "Sec-Fetch-Site": "same-origin"},
    )

    async def works(signer: SoftwareSigner) -> bool:
        form = token_form(assertion(signer, "yz_live_desk"))
        return (await town.client.post("/oauth/token", data=form)).status_code == 200

    assert (await works(old), await works(new)) == (True, True)
    await consumer.post(f"{BASE}/systems/yz_live_desk/keys/end", {"kid": old.kid})
    assert (await works(old), await works(new)) == (False, True)
    await consumer.post(f"{BASE}/systems/yz_live_desk/state", {"to": "disabled"})
    assert not await works(new)


@pytest.mark.parametrize("text", ["not a key", "{}", '{"kty":"RSA"}', "[1]"])
async def test_what_is_no_public_key_is_refused(consumer: Visitor, text: str) -> None:
    page = await enrol(consumer, "desk", key="upload", public_key_text=text)
    assert (page.status_code, len(errors_of(page))) == (422, 1)


async def test_an_uploaded_private_key_is_refused_and_not_repeated(consumer: Visitor) -> None:
    pem = SoftwareSigner.generate().to_pem().decode()
    page = await enrol(consumer, "desk", key="upload", public_key_text=pem)
    assert page.status_code == 422
    assert pem.splitlines()[1] not in page.text


async def test_another_departments_systems_requests_and_drafts_do_not_exist(town: Town, consumer: Visitor) -> None:
    path = await filed(consumer)
    place = await draft(consumer)
    await add(town.hub, "stranger", Role.CONSUMER_ENGINEER, department=POLICE)
    async with visitor(town.place, town.hub) as other:
        await other.sign_in("stranger")
        for hidden in (f"{BASE}/systems/yz_live_desk", path.replace(AMR, ""), f"{place}/check"):
            found = await other.get(hidden)
            # The police are not the owner here either: the request is between two others.
            assert found.status_code == 404, hidden
        assert "yz_live_desk" not in (await other.get(f"{BASE}/calls")).text


async def test_the_operator_gives_the_gateway_key_and_nobody_else(town: Town, consumer: Visitor) -> None:
    await enrol(consumer, "desk")
    assert (await consumer.post(f"{BASE}/systems/yz_live_desk/gateway", {"to": "on"})).status_code == 403
    await add_operator(town.hub)
    async with visitor(town.place, town.hub) as operator:
        await operator.sign_in("operator")
        shown = await operator.post(f"{BASE}/systems/yz_live_desk/gateway", {"to": "on"})
        assert "appSecret" in shown.text
        assert "已开通" in (await operator.get(f"{BASE}/systems/yz_live_desk")).text
        await operator.post(f"{BASE}/systems/yz_live_desk/gateway", {"to": "off"})
        assert "未开通" in (await operator.get(f"{BASE}/systems/yz_live_desk")).text


async def test_calls_are_listed_without_persons_and_the_csv_has_the_same_rows(town: Town, consumer: Visitor) -> None:
    found = await town.ask()
    await town.query(fields=["shareholder"])
    page = await consumer.get(f"{BASE}/calls")
    assert found["case_no"] in page.text
    assert "field-not-granted" in page.text
    answer = await consumer.get(f"{BASE}/calls.csv?only=errors")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["reason"], row["problem"]) for row in rows] == [("field_not_granted", "field-not-granted")]
    for text in (page.text, answer.text):
        assert "晨光" not in text


async def test_a_call_older_than_seven_days_is_not_shown(town: Town, consumer: Visitor) -> None:
    found = await town.ask()
    assert found["case_no"] in (await consumer.get(f"{BASE}/calls")).text
    entries = table(LedgerEntryRow)
    old = utc_now() - timedelta(days=8)
    await town.hub.database.write(lambda tx: tx.execute(update(entries).values(recorded_at=old)))
    assert found["case_no"] not in (await consumer.get(f"{BASE}/calls")).text


async def test_a_demand_reaches_the_owner_and_names_its_faults_at_once(town: Town, consumer: Visitor) -> None:
    refused = await consumer.post(f"{BASE}/demands/new", {"what": "残疾人证等级"})
    assert (refused.status_code, len(errors_of(refused))) == (422, 2)
    given = {"what": "残疾人证等级", "legal_basis": "残疾人保障法第四十六条", "contact": "社会事务科"}
    await consumer.post(f"{BASE}/demands/new", given)
    assert "残疾人证等级" in (await consumer.get(f"{BASE}/demands")).text
    assert town is not None


async def test_every_sample_company_can_be_tried_in_the_page(town: Town, consumer: Visitor) -> None:
    await consumer.post(f"{BASE}/systems/sandbox")
    for person in sample_people()[1::2]:
        if person.delay_seconds:
            continue
        page = await consumer.post(f"{BASE}/try/{INTERFACE}", {"person": person.id_number, "matter": MATTER})
        assert page.status_code == 200
        assert person.why.code in page.text, person.key
    assert town.register.asked == []


async def test_no_live_system_can_be_called_for_in_the_try_page(town: Town, consumer: Visitor) -> None:
    page = await consumer.post(f"{BASE}/try/{INTERFACE}", {"system": "intake", "person": "x", "matter": MATTER})
    assert "先创建一个沙箱凭据" in page.text
    assert town.register.asked == []
