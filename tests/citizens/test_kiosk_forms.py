"""The one form at a terminal: read whole by who signs it and by nobody else, decided where records differ, signed by a
card that is read once more.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from hub.citizens.kiosk.errors import KioskOverError, KioskRefusedError
from hub.citizens.notices.kinds import NoticeKind
from hub.intake.errors import CaseClosedError
from hub.runtime import Hub
from tests.citizens.conftest import signed_in
from tests.citizens.others import REGISTRATION, furnish, in_office
from tests.citizens.test_kiosk import Terminal, standing
from tests.hub.city import (
    IDENTITY,
    PERMIT,
    PERMITS,
    PERSON,
    STRANGER,
    City,
    grow,
    identity_claims,
    ledger,
    permit_claims,
)
from tests.hub.desk import text_of
from tests.support import (
    AMR,
    ENTERPRISE,
    POLICE,
    Place,
    enterprise_claims,
    grant_definition,
    issue,
    matter_definition,
    open_case,
    pull,
    requirement,
)

LOAN = "LOAN"
OTHER = {"id_type": "111", "id_number": STRANGER["id_number"], "name": "周另一"}
FORM = [
    {"field": "name", "term": "person_name"},
    {"field": "number", "term": "citizen_id"},
    {
        "field": "day",
        "title": {"zh": "到期日", "en": "Ends on"},
        "kind": "date",
        "given": [
            {"requirement": "identity", "claim": "valid_until"},
            {"requirement": "permit", "claim": "valid_until"},
        ],
    },
    {"field": "first", "title": {"zh": "首次申请", "en": "First time"}, "kind": "boolean"},
    {"field": "phone", "term": "phone"},
    {"field": "other", "term": "registered_address", "party": "spouse"},
]


@dataclass
class Hall:
    """A terminal in a city with a case whose form two persons sign."""

    city: City
    terminal: Terminal
    case_no: str

    async def read(self, **fields: str) -> str:
        return (await self.terminal.sent("/form", number=self.case_no, **fields)).text

    async def sign(self, digest: str, **card: str) -> tuple[int, str]:
        token = self.terminal.reader.reads(**{**PERSON, **card})
        answer = await self.terminal.sent("/form/sign", number=self.case_no, digest=digest, card=token)
        return answer.status_code, answer.headers.get("location") or text_of(answer)


@pytest.fixture
async def hall(place: Place, hub: Hub) -> AsyncIterator[Hall]:
    async with place.client(hub) as client, standing(place, hub) as terminal:
        city = await grow(place, hub, client)
        identity = [[{"type": IDENTITY, "fields": ["name", "valid_until", "address"]}]]
        await hub.registry.add_matter(
            {
                "code_system": "test",
                "code": LOAN,
                "name": {"zh": "贷款", "en": "Loan"},
                "department": AMR,
                "roles": ["applicant", "spouse"],
                "requirements": [
                    requirement("identity", "身份证", "applicant", identity),
                    requirement("permit", "居住证", "applicant", [[{"type": PERMIT, "fields": ["valid_until"]}]]),
                    requirement("other", "配偶身份证", "spouse", identity),
                ],
                "form": FORM,
                "signatures": ["applicant", "spouse"],
            }
        )
        for code, owner, names in (
            (IDENTITY, POLICE, ["name", "valid_until", "address"]),
            (PERMIT, PERMITS, ["valid_until"]),
        ):
            given = {"type": code, "owner": owner, "fields": names, "matters": [LOAN]}
            await hub.registry.add_grant(grant_definition(hub, **given))
        await issue(hub, permit_claims(), slug="residence_permit", issuer=PERMITS)
        other = identity_claims(name=OTHER["name"], citizen_id=OTHER["id_number"], address="另一路三号")
        await issue(hub, other, slug="identity_card", issuer=POLICE)
        parties = [{"role": "applicant", **PERSON}, {"role": "spouse", **OTHER}]
        case_no = await open_case(client, city.headers, matter=LOAN, parties=parties)
        assert (await pull(client, city.headers, case_no)).status_code == 200
        yield Hall(city, terminal, case_no)


def digest_of(page: str) -> str:
    (digest,) = re.findall(r'name="digest" value="([0-9a-f]{64})"', page)
    return str(digest)


@pytest.mark.embedded
async def test_he_reads_the_whole_says_which_record_is_right_and_signs_by_his_card(hub: Hub, hall: Hall) -> None:
    await hall.terminal.card()
    assert "等您核对、签署" in text_of(await hall.terminal.get("/forms"))
    page = await hall.read()
    for words in (
        "陈晓示",
        "由对方本人核对",
        "记录不一致，请您选定",
        "2035-06-30",
        "2036-01-01",
        "公安局",
        "还要说明的",
    ):
        assert words in page, words
    assert PERSON["id_number"] not in page, "struck out"
    assert "另一路三号" not in page, "the other's own, who has not signed"
    assert 'name="digest"' not in page, "not while something is open"
    me, other = await signed_in(hub), await signed_in(hub, person=OTHER)
    assert await looked(hub) == [("form.read_at_kiosk", me.id)]

    path = f"/api/v1/cases/{hall.case_no}/form"
    said = {"answers": {"applicant.phone": "0570-1"}}
    (await hall.city.client.put(path, json=said, headers=hall.city.headers)).raise_for_status()
    page = await hall.read()
    fields = dict(re.findall(r'name="(change_no)" value="(\d+)"', page))
    (right,) = re.findall(r'value="([0-9a-f]{16})"[^>]*><label[^>]*>2035-06-30', page)
    (day,) = set(re.findall(r'type="radio"[^>]* name="([^"]*day)"', page))
    (first,) = set(re.findall(r'type="radio"[^>]* name="([^"]*first)"', page))
    assert "刚才变了" in await hall.read(change_no="0", **{day: right, first: "yes"})
    page = await hall.read(**fields, **{day: "0" * 16, first: "yes"})
    assert 'name="digest"' not in page, "what no record says is not chosen"
    fields = dict(re.findall(r'name="(change_no)" value="(\d+)"', page))
    page = await hall.read(**fields, **{day: right})
    assert ("本人选定" in page, "0570-1" in page) == (True, True)

    digest = digest_of(page)
    ready = await hall.terminal.sent("/form/sign", number=hall.case_no, digest=digest)
    assert (ready.status_code, "请把身份证再放一次" in text_of(ready)) == (200, True)
    assert (await hall.sign(digest, id_number=OTHER["id_number"], name=OTHER["name"]))[0] == 422, "another's card"
    assert "刚才变了" in (await hall.sign("0" * 64))[1]
    token = hall.terminal.reader.reads(**PERSON)
    done = await hall.terminal.sent("/form/sign", number=hall.case_no, digest=digest, card=token)
    assert (done.status_code, done.headers["location"]) == (303, "/kiosk/forms")
    again = await hall.terminal.sent("/form/sign", number=hall.case_no, digest=digest, card=token)
    assert again.status_code == 422, "a read is worth one signature"
    assert (await hall.sign(digest))[1] == "/kiosk/forms", "signed before, and no word of another signature"
    assert [one.kind for one in await ledger(hub)].count("form.signed_at_kiosk") == 1
    assert "已签署" in text_of(await hall.terminal.get("/forms"))

    told = (await hall.city.client.get(path, headers=hall.city.headers)).json()
    assert [(one["party"], one["kind"]) for one in told["signatures"]] == [("applicant", "card_read")]
    written = {one.kind: one for one in await ledger(hub) if one.kind.startswith("form.")}
    assert written["form.signed"].detail["terminal"] == hall.terminal.id
    assert written["form.signed_at_kiosk"].subject_id == me.id
    reasons = [one.detail["reason"] for one in await ledger(hub) if one.kind == "refusal"]
    assert {"kiosk_other_card", "kiosk_read_twice"} <= set(reasons)
    notices, _ = await hub.citizens.notices.listed(me, None)
    assert [one.kind for one in notices].count(NoticeKind.FORM_SIGNED) == 1

    # The other signer reads all of the same form, which is as it was signed, and signs it.
    await hall.terminal.card(id_number=OTHER["id_number"], name=OTHER["name"])
    page = await hall.read()
    assert ("另一路三号" in page, "2035-06-30" in page, digest_of(page)) == (True, True, digest)
    assert (await looked(hub))[-2:] == [("form.read_at_kiosk", other.id), ("form.read_by_signer", me.id)]
    assert (await hall.sign(digest, id_number=OTHER["id_number"], name=OTHER["name"]))[1] == "/kiosk/forms"


async def looked(hub: Hub) -> list[tuple[str, str | None]]:
    kinds = {"form.read_at_kiosk", "form.read_by_signer"}
    return [(one.kind, one.subject_id) for one in await ledger(hub) if one.kind in kinds]


@pytest.mark.embedded
async def test_a_form_of_somebody_else_is_not_found_and_one_that_is_over_is_gone(hub: Hub, hall: Hall) -> None:
    await hall.terminal.card()
    misnamed = [{"role": "applicant", **OTHER, "name": "周别名"}, {"role": "spouse", **PERSON, "name": "陈别名"}]
    theirs = await open_case(hall.city.client, hall.city.headers, matter=LOAN, parties=misnamed)
    listed = text_of(await hall.terminal.get("/forms"))
    assert (hall.case_no in listed, theirs in listed) == (True, False), "his number beside another's name"
    for path in ("/form", "/form/sign"):
        fields = {"card": hall.terminal.reader.reads(**PERSON), "digest": "0" * 64}
        assert (await hall.terminal.sent(path, number=theirs, **fields)).status_code == 404
    assert (await ledger(hub))[-1].detail["reason"] == "form_not_own"
    assert (await hall.terminal.post("/form", number=hall.case_no)).status_code == 403, "no form of our own"

    kiosk = await hub.kiosk.devices.find(hall.terminal.cookie("yz_kiosk"))
    gone = await hub.kiosk.visits.find(kiosk, hall.terminal.cookie("yz_kiosk_visit"))
    token = hall.terminal.reader.reads(**PERSON)
    before = await ledger(hub)
    await hub.kiosk.visits.end(kiosk)
    for late in (
        hub.kiosk.forms.read(gone, hall.case_no, "en"),
        hub.kiosk.forms.answer(gone, hall.case_no, lambda _: None, 0, "en"),
        hub.kiosk.forms.sign(gone, hall.case_no, "0" * 64, token),
    ):
        with pytest.raises(KioskOverError):
            await late
    assert not [one for one in await ledger(hub, since=before) if one.kind.startswith("form.")]

    await hall.terminal.card()
    closed = await hall.city.client.post(f"/api/v1/cases/{hall.case_no}/close", headers=hall.city.headers)
    assert closed.status_code == 200
    assert "没有要您签署的申请表" in text_of(await hall.terminal.get("/forms"))


@pytest.mark.both
async def test_one_read_of_a_card_signs_once_also_when_it_is_sent_twice_at_once(hub: Hub, hall: Hall) -> None:
    forms = hub.kiosk.forms
    await hall.terminal.card()
    kiosk = await hub.kiosk.devices.find(hall.terminal.cookie("yz_kiosk"))
    visit = await hub.kiosk.visits.find(kiosk, hall.terminal.cookie("yz_kiosk_visit"))
    said = {"answers": {"applicant.phone": "1", "applicant.LOAN.first": True, "applicant.LOAN.day": "2035-06-30"}}
    path = f"/api/v1/cases/{hall.case_no}/form"
    told = (await hall.city.client.put(path, json=said, headers=hall.city.headers)).json()
    assert told["asked"] == []
    token, read = hall.terminal.reader.reads(**PERSON), "form.signed_at_kiosk"
    done = await asyncio.gather(
        *(forms.sign(visit, hall.case_no, told["digest"], token) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["KioskRefusedError", "NoneType"]
    assert [one.kind for one in await ledger(hub)].count(read) == 1

    # A row that is put back, or taken out, opens nothing: the ledger knows the read.
    await hub.database.write(lambda tx: tx.execute(text("DELETE FROM kiosk_reads")) and None)
    with pytest.raises(KioskRefusedError):
        await forms.sign(visit, hall.case_no, told["digest"], token)
    assert [one.kind for one in await ledger(hub)].count(read) == 1


@pytest.mark.embedded
async def test_for_a_company_signs_who_stands_for_it_while_he_does(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    await hub.registry.add_matter(matter_definition() | {"form": [{"field": "address", "term": "company_address"}]})
    async with place.client(hub) as client, standing(place, hub) as terminal:
        headers = await place.headers(client)
        case_no = await open_case(client, headers)
        assert (await pull(client, headers, case_no)).status_code == 200
        me = await signed_in(hub)
        await terminal.card()
        assert ENTERPRISE["name"] in text_of(await terminal.get("/forms"))
        page = (await terminal.sent("/form", number=case_no)).text
        assert ("示例市中心路1号" in page, f"代表 {ENTERPRISE['name']}" in page) == (True, True)
        digest = digest_of(page)
        kiosk = await hub.kiosk.devices.find(terminal.cookie("yz_kiosk"))
        visit = await hub.kiosk.visits.find(kiosk, terminal.cookie("yz_kiosk_visit"))

        # Out of office between the page and the word: nothing is signed.
        named = await hub.kiosk.forms._sheet(visit, case_no)
        await issue(hub, enterprise_claims(legal_representative="他人"))
        with pytest.raises(CaseClosedError):
            await hub.database.write(hub.kiosk.forms._within(visit, named[0], "signed", {}))
        again = await terminal.sent("/form/sign", number=case_no, digest=digest, card=terminal.reader.reads(**PERSON))
        assert again.status_code == 404
        assert case_no not in text_of(await terminal.get("/forms"))
        await issue(hub, enterprise_claims(legal_representative=PERSON["name"]))

        done = await terminal.sent("/form/sign", number=case_no, digest=digest, card=terminal.reader.reads(**PERSON))
        assert done.headers["location"] == "/kiosk/forms", text_of(done)
        told = (await client.get(f"/api/v1/cases/{case_no}/form", headers=headers)).json()
        assert [(one["party"], one["kind"]) for one in told["signatures"]] == [("applicant", "card_read")]
        written = {one.kind: one for one in await ledger(hub) if one.kind.startswith("form.")}
        assert written["form.signed"].detail["agent"]["name"] == PERSON["name"]
        assert written["form.signed_by_agent"].detail["agent"]["id"] == me.id
        assert written["form.signed_at_kiosk"].subject_id == me.id
        assert written["form.signed_by_agent"].subject_id == written["form.read_by_agent"].subject_id != me.id
