"""Faces compared at the counter: a device's signed result is taken, a picture never; a failure has a next step."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.intake.counter.face_results import COMPARED_TYPE, MOST_BYTES, read_result
from hub.intake.counter.readers import FACE
from hub.intake.counter.values import CounterOpening
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.intake.tables import CaseRow
from hub.runtime import Hub
from hub.scenarios.real.counter_devices import FaceStandIn, ReaderStandIn
from hub.scenarios.real.standing import WebServer
from hub.scenarios.real.trial_device import TrialDevice, trial_signer
from hub.storage.tables import IdempotencyRow
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.hub.city import ledger
from tests.hub.command import yizheng
from tests.hub.desk import Desk, text_of
from tests.hub.test_counter import CARD, desk, opened
from tests.registry.asking import staff
from tests.support import AMR, ENTERPRISE, INTAKE, MATTER, POLICE, Place, valid_uscc

pytestmark = pytest.mark.embedded
__all__ = ["desk"]
PARTY = PartyInput("applicant", ENTERPRISE["name"], ENTERPRISE["id_type"], ENTERPRISE["id_number"])
WHOSE = {"id_type": ENTERPRISE["id_type"], "id_number": ENTERPRISE["id_number"]}


@pytest.fixture
def device() -> Iterator[FaceStandIn]:
    web = WebServer()
    yield FaceStandIn(TrialDevice(web, trial_signer()))
    web.close()


@pytest.fixture
async def clerk(hub: Hub) -> Actor:
    await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
    return await staff(hub, AMR, "clerk", Role.CLERK)


async def register(hub: Hub, device: FaceStandIn, department: str = AMR, kind: str = FACE) -> None:
    await hub.counter.readers.register(COMMAND, department, device.device.jwk, "人脸比对", kind=kind)


async def open_with(hub: Hub, clerk: Actor, face: str, **changes: Any) -> str:
    given = {"parties": [PARTY], "once": uuid.uuid4().hex} | changes
    return await hub.counter.open(clerk, CounterOpening(MATTER, face=face, card_read=True, **given))


async def refused(hub: Hub, clerk: Actor, face: str, **changes: Any) -> str:
    with pytest.raises(PartyError) as error:
        await open_with(hub, clerk, face, **changes)
    assert error.value.pointer == "/parties/0/face"
    return error.value.rule


async def corroborated(hub: Hub) -> list[list[str]]:
    cases = table(CaseRow)
    query = select(cases.c.corroboration).order_by(cases.c.id)
    found = await hub.database.read(lambda tx: tx.execute(query).scalars().all())
    return [[item["kind"] for item in each] for each in found]


async def test_a_result_that_agrees_corroborates_one_opening_and_one_that_differs_asks_for_more(
    hub: Hub, clerk: Actor, device: FaceStandIn
) -> None:
    await register(hub, device)
    async with httpx2.AsyncClient() as outside:
        answer = (await outside.post(f"http://{device.device.web.target}/compare", json=WHOSE)).json()
    assert answer["trial"] is True
    once = uuid.uuid4().hex
    case_no = await open_with(hub, clerk, answer["token"], once=once)
    assert await refused(hub, clerk, answer["token"]) == "face_refused"
    assert await corroborated(hub) == [["face_compared", "clerk_attested"]]
    different = device.compares(**WHOSE, result="different")
    assert await refused(hub, clerk, different) == "face_differed"
    await hub.database.write(lambda tx: tx.execute(table(IdempotencyRow).delete()) and None)
    for used in (different, answer["token"]):
        assert await refused(hub, clerk, used) == "face_refused", "used up, on the ledger, also by its refusal"
    assert await refused(hub, clerk, device.compares(**WHOSE, band="low")) == "face_differed"
    assert await refused(hub, clerk, "") == "face_needed", "a new form does not make it forgotten"
    entries = [entry for entry in await ledger(hub) if entry.kind == "face.differed"]
    assert [entry.detail["band"] for entry in entries] == ["high", "low"]
    assert ENTERPRISE["id_number"] not in repr(entries)
    other = PartyInput("applicant", "示例市另一家公司", "001", valid_uscc("91990100MA0000010"))
    await open_with(hub, clerk, "", parties=[other])
    await open_with(hub, clerk, "", second_document=True)
    await open_with(hub, clerk, device.compares(**WHOSE))
    kinds = [["clerk_attested"], ["clerk_attested", "second_document"], ["face_compared", "clerk_attested"]]
    assert (await corroborated(hub))[1:] == kinds
    assert case_no


async def test_a_result_of_nobody_old_altered_about_another_or_with_a_picture_is_not_taken(
    hub: Hub, clerk: Actor, device: FaceStandIn
) -> None:
    await register(hub, device)
    theirs = FaceStandIn(TrialDevice(device.device.web, trial_signer()))
    reader = FaceStandIn(TrialDevice(device.device.web, trial_signer()))
    stranger = FaceStandIn(TrialDevice(device.device.web, trial_signer()))
    await register(hub, theirs, POLICE)
    await register(hub, reader, kind="card")
    named = FaceStandIn(
        TrialDevice(device.device.web, SoftwareSigner.from_pem(trial_signer().to_pem(), device.device.signer.kid))
    )
    old = (datetime.now(UTC) - timedelta(minutes=6)).isoformat()
    ahead = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    wrong = [
        *(each.compares(**WHOSE) for each in (theirs, reader, stranger, named)),
        device.compares(**WHOSE, at=old), device.compares(**WHOSE, at=ahead), device.compares(**WHOSE, at="2026"),
        device.compares(**WHOSE, at="2026-01-01T00:00:00"), device.compares(**WHOSE, result="maybe"),
        device.compares(**WHOSE, band="sure"), device.compares(**WHOSE, jti=7), device.compares(**WHOSE, card="A" * 43),
        device.compares(id_type="001", id_number=valid_uscc("91990100MA0000010")),
        device.compares(**WHOSE)[:-8] + "AAAAAAAA",
        device.device.sign({"jti": "12345678"}, typ=COMPARED_TYPE), "x", "e30.e30.e30", "eyJ.a.b",
        sign_jws(b"[]", signer=device.device.signer, typ=COMPARED_TYPE),
        ReaderStandIn(device.device).reads(id_number=ENTERPRISE["id_number"], name="x", id_type="001")[:MOST_BYTES],
    ]  # fmt: skip
    for token in wrong[:-1]:
        assert await refused(hub, clerk, token) == "face_refused"
    pictures = [
        device.compares(**WHOSE, photo="/9j/4AAQSkZJRg"), device.compares(**WHOSE, template=[1, 2]),
        device.compares(**WHOSE, trial="QUJD" * 100),
        device.compares(**WHOSE, transaction="iVBORw0KGgo" * 300), wrong[-1],
        sign_jws({"jti": "12345678"}, signer=device.device.signer, typ=COMPARED_TYPE, header={"x5c": ["/9j/"]}),
    ]  # fmt: skip
    for token in pictures:
        assert await refused(hub, clerk, token) == "face_picture"
    assert await refused(hub, clerk, device.compares(**WHOSE, transaction="/9j/4AAQ")) == "face_refused"
    assert await corroborated(hub) == []
    assert [entry for entry in await ledger(hub) if entry.kind == "face.differed"] == []
    assert read_result(device.compares(**WHOSE)).card not in repr(read_result(device.compares(**WHOSE)))


async def test_the_clerk_reads_what_comes_next_and_goes_on(desk: Desk, hub: Hub, device: FaceStandIn) -> None:
    await register(hub, device)
    page = await opened(desk, CARD, face=device.compares(**WHOSE, result="different"))
    assert (page.status_code, "第二份证件" in text_of(page), "主管" in text_of(page)) == (422, True, True)
    page = await opened(desk, CARD)
    assert (page.status_code, "比对未通过" in text_of(page)) == (422, True)
    page = await opened(desk, CARD, face="x" * 9000)
    assert (page.status_code, "不收人脸图像" in text_of(page)) == (422, True)
    assert "xxxxxxxx" not in page.text
    page = await opened(desk, CARD, second_document="1")
    assert page.status_code == 200
    page = await opened(desk, CARD, face=f" {device.compares(**WHOSE)} ")
    assert page.status_code == 200
    kinds = [["clerk_attested", "second_document"], ["face_compared", "clerk_attested"]]
    assert await corroborated(hub) == kinds
    assert not [url for url in desk.sent if "eyJ" in url]


async def test_a_hub_in_production_believes_no_stand_in_of_a_device(
    place: Place, hub: Hub, clerk: Actor, device: FaceStandIn, tmp_path: Path
) -> None:
    await register(hub, device)
    card = ReaderStandIn(TrialDevice(device.device.web, trial_signer()))
    await hub.counter.readers.register(COMMAND, AMR, card.device.jwk, "读卡器")
    hub.counter.readers.production = True
    told = {"id_number": ENTERPRISE["id_number"], "name": ENTERPRISE["name"], "id_type": ENTERPRISE["id_type"]}
    assert await refused(hub, clerk, device.compares(**WHOSE)) == "face_refused"
    with pytest.raises(PartyError) as read:
        await open_with(hub, clerk, "", reader=card.reads(**told))
    assert read.value.rule == "reader_refused"
    with pytest.raises(DefinitionError):
        await hub.counter.readers.register(COMMAND, AMR, trial_signer().public.jwk, "x")
    plain = SoftwareSigner.generate()  # a name that does not say it: the mark in what it signs does
    renamed = FaceStandIn(TrialDevice(device.device.web, plain))
    await register(hub, renamed)
    assert await refused(hub, clerk, renamed.compares(**WHOSE)) == "face_refused"
    await open_with(hub, clerk, renamed.compares(**WHOSE, trial=False))
    (tmp_path / "key.json").write_text(json.dumps(dict(SoftwareSigner.generate().public.jwk)), "utf-8")
    made = await yizheng(place, "system", "reader", str(tmp_path / "key.json"), "--department", AMR, "--face")
    assert (made.code, "compares faces" in made.out) == (0, True)
