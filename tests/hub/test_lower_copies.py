"""Sealed copies and promises: given by choice, told as what they are, and never for what a department owes."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from catalog.errors import DefinitionError
from catalog.matters.reading import read_matter
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.intake.calls import EvidenceCall
from hub.intake.lower.copy_store import find_copy
from hub.intake.lower.following import MOST_TRIES, Following
from hub.intake.lower.papers.checking import Paper
from hub.intake.lower.sealing import SEAL_TYPE, object_name
from hub.intake.lower.values import serves
from hub.intake.outcomes import Outcome
from hub.storage.errors import MissingError
from signing.canonical import sha256
from signing.jose import verify_jws
from tests.access.people import add_operator
from tests.catalog.test_matters import declaration
from tests.hub.laddered import COMMITMENT, KIN, Ladder, furnish, kin
from tests.hub.test_lower_papers import SCRIPT, document, packed, png
from tests.serving import problem
from tests.support import AMR, ENTERPRISE, INTAKE, NARROW, PURPOSE, TYPES, Place, enterprise_claims, issue, valid_uscc

OTHER = {"id_type": "001", "id_number": valid_uscc("91990100MA0000009"), "name": "示例市另家有限公司"}
FOOD = "11990000MB0000002Q003"
CLERK = {"clerk": "clerk-7"}


@pytest.fixture
async def ladder(place: Place) -> AsyncIterator[Ladder]:
    async with place.open() as hub, place.client(hub) as client:
        found = Ladder(place, hub, client, await place.headers(client))
        await hub.registry.add_type((TYPES / "food_business_licence.yaml").read_text(encoding="utf-8"))
        both = {"sealed_copy": True, "commitment": COMMITMENT}
        permit: dict[str, Any] = {"alternatives": [[{"type": FOOD, "fields": ["premises"]}]]}
        own = kin(code="statement", alternatives=[], own_paper={"zh": "房东声明", "en": "Landlord's statement"})
        own["title"] = {"zh": "房东声明", "en": "Landlord's statement"}
        sure = kin(code="sure", assurance="high") | {"title": {"zh": "担保函", "en": "Guarantee"}}
        await furnish(found, kin(stand_ins=both, **permit), own | {"stand_ins": both}, sure)
        await hub.registry.add_grant(food_grant("premises"))
        yield found


def food_grant(*fields: str) -> dict[str, Any]:
    return {
        "system": INTAKE, "type": "food_business_licence", "owner": AMR, "fields": list(fields), "matters": [KIN],
        "purpose": PURPOSE, "legal_basis": "政务数据共享条例", "valid_until": "2035-01-01T00:00:00+08:00",
    }  # fmt: skip


def food_licence() -> dict[str, Any]:
    return {
        "licence_no": "JY19901010000001", "name": ENTERPRISE["name"], "uscc": ENTERPRISE["id_number"],
        "legal_representative": "王晨光", "address": "示例市中心路1号", "premises": "示例市中心路1号",
        "business_kind": "食品销售经营者", "items": "预包装食品", "issued_on": "2026-01-05",
        "issued_by": "示例市市场监管局",
    }  # fmt: skip


def refused(answer: httpx2.Response, rule: str, slug: str = "stand-in-refused") -> None:
    (fault,) = problem(answer, status=422, slug=slug)["errors"]
    assert fault["rule"] == rule


async def scan(ladder: Ladder, case_no: str, content: bytes = b"", *, key: str = "", **fields: str) -> httpx2.Response:
    told = {"requirement": "kin", **CLERK, **fields}
    headers = ladder.headers | ({"Idempotency-Key": key} if key else {})
    files = {"file": ("scan.pdf", content or document(), "application/pdf")}
    path = f"/api/v1/cases/{case_no}/sealed-copies"
    return await ladder.client.post(path, headers=headers, data=told, files=files)


async def rewritten(ladder: Ladder, page: str) -> None:
    """As if the copy were of a paper of which no type says what it shows."""
    await ladder.run("UPDATE sealed_copies SET kind = 'KIN/kin'")
    problem(await ladder.client.get(page, headers=ladder.headers), status=502, slug="integrity")
    await ladder.run("UPDATE sealed_copies SET kind = :kind", kind=FOOD)


async def promised(ladder: Ladder, case_no: str, **body: Any) -> httpx2.Response:
    asked = {"requirement": "kin", "chosen_by": "holder", "purpose": PURPOSE} | body
    return await ladder.post(f"/api/v1/cases/{case_no}/commitments", json=asked)


async def confirmed(ladder: Ladder, case_no: str, offer: dict[str, Any], **body: str) -> httpx2.Response:
    told = {"text_sha256": offer["text_sha256"], "method": "on_screen", **CLERK, **body}
    return await ladder.post(f"/api/v1/cases/{case_no}/commitments/{offer['id']}/confirm", json=told)


async def given(ladder: Ladder, case_no: str) -> dict[str, Any]:
    await ladder.pulled(case_no)
    offer = (await promised(ladder, case_no)).json()
    answer = await confirmed(ladder, case_no, offer)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_paper_is_scanned_once_and_serves_again_under_the_same_grant(ladder: Ladder) -> None:
    case_no = await ladder.case()
    assert (await ladder.item(case_no))["outcome"] == "no_source"
    answer = await scan(ladder, case_no, key="one", original_seen="true")
    assert answer.status_code == 201, answer.text
    copy = answer.json()
    assert (await scan(ladder, case_no, key="one", original_seen="true")).json() == copy
    assert (copy["state"], copy["digest"], copy["pages"]) == ("sealed", sha256(document()).hex(), 1)

    def key(tx: Any) -> Any:
        return ladder.hub.desk.issuer(tx, AMR).signer.public

    seal = json.loads(verify_jws(copy["seal"], key=await ladder.hub.database.read(key), typ=SEAL_TYPE).payload)
    said = {"digest": copy["digest"], "case_no": case_no, "clerk": "clerk-7", "office": AMR, "original_seen": True}
    assert {name: seal[name] for name in said} == said
    assert str(ENTERPRISE["name"]) not in json.dumps(seal, ensure_ascii=False)
    (stamp,) = await ladder.rows("SELECT digest FROM stamp_orders WHERE purpose = 'sealed_copy'")
    assert bytes(stamp.digest) == sha256(copy["seal"].encode())
    await ladder.hub.stamp_queue.work()
    (listed,) = (await ladder.client.get(f"/api/v1/cases/{case_no}/sealed-copies", headers=ladder.headers)).json()[
        "sealed_copies"
    ]
    assert listed["seal"] == copy["seal"]
    assert b64decode(listed["time_stamp"])
    assert document() not in ladder.hub.objects.get(object_name(copy["id"]))

    body = await ladder.pulled(case_no)
    item = next(item for item in body["requirements"] if item["code"] == "kin")
    assert (item["outcome"], item["rung"], item["why"]["code"]) == ("satisfied", "sealed_copy", "copy_handed_in")
    assert (item["evidence"]["claims"]["document_digest"], body["saved"]["papers"]) == (copy["digest"], 0)
    again = await ladder.case()
    body = await ladder.pulled(again)
    item = next(item for item in body["requirements"] if item["code"] == "kin")
    assert (item["outcome"], item["why"]["code"], body["saved"]["papers"]) == ("satisfied", "copy_reused", 1)
    # The page shows more than the one field that is granted; the office that scanned it may look.
    path = "/api/v1/cases/{}/sealed-copies/{}"
    page = await ladder.client.get(path.format(again, copy["id"]) + "/content", headers=ladder.headers)
    problem(page, status=404, slug="not-found")
    await rewritten(ladder, path.format(again, copy["id"]) + "/content")
    fields = ["licence_no", "name", "uscc", "legal_representative", "address", "premises", "business_kind", "items"]
    await ladder.hub.registry.add_grant(food_grant(*fields, "supervised_by", "issued_on", "issued_by"))
    page = await ladder.client.get(path.format(again, copy["id"]) + "/content", headers=ladder.headers)
    assert page.content == document()
    page = await ladder.client.get(path.format(case_no, copy["id"]) + "/content", headers=ladder.headers)
    assert (page.content, page.headers["Content-Type"]) == (document(), "application/pdf")

    assert (await ladder.item(await ladder.case(corroboration=[])))["outcome"] == "no_source"
    withdrawal = path.format(case_no, copy["id"]) + "/withdraw"
    assert (await ladder.post(withdrawal, json={"reason": "扫描有误"})).status_code == 200
    problem(await ladder.post(withdrawal, json={"reason": "again"}), status=409, slug="copy-withdrawn")
    await ladder.hub.lower.copies.delete({"copy": copy["id"]})
    with pytest.raises(MissingError):
        ladder.hub.objects.get(object_name(copy["id"]))
    for number in (case_no, again):
        assert (await ladder.item(number))["outcome"] == "no_source"
    await ladder.run("UPDATE sealed_copies SET state = 'sealed'")  # by somebody who wants it back
    assert (await ladder.item(case_no))["outcome"] == "no_source"
    assert await ladder.kinds("copy") == ["copy.sealed", "copy.read", "copy.read", "copy.withdrawn"]
    assert await ladder.of_nobody("copy") == []  # whose paper it is reads them all among who looked


@pytest.mark.embedded
async def test_a_copy_is_of_one_party_and_no_other(ladder: Ladder) -> None:
    case_no = await ladder.case(parties=[{"role": "applicant", **ENTERPRISE}, {"role": "spouse", **OTHER}])
    await issue(ladder.hub, enterprise_claims(uscc=OTHER["id_number"], name=OTHER["name"]))
    copy = (await scan(ladder, case_no)).json()
    other = await ladder.case(parties=[{"role": "applicant", **OTHER}])
    refused(await scan(ladder, other), "copy_of_another_party")
    refused(await scan(ladder, case_no), "already_sealed")
    refused(await scan(ladder, case_no, party="spouse"), "unknown_party")
    assert (await ladder.item(other))["outcome"] == "no_source"
    moved = "UPDATE sealed_copies SET subject_lookup = (SELECT lookup_hash FROM case_parties WHERE role = 'spouse'), name_hash = (SELECT name_hash FROM case_parties WHERE role = 'spouse') WHERE id = :id"  # noqa: E501
    await ladder.run(moved, id=copy["id"])
    assert (await ladder.item(other))["outcome"] == "no_source"
    # Somebody else's case, and a system without the grant.
    headers = await ladder.place.headers(ladder.client, NARROW)
    path = f"/api/v1/cases/{case_no}/sealed-copies"
    problem(await ladder.client.get(path, headers=headers), status=404, slug="case-not-found")
    forms = {"requirement": "kin", **CLERK}
    foreign = await ladder.client.post(path, headers=headers, data=forms, files={"file": ("x", document())})
    problem(foreign, status=404, slug="case-not-found")


@pytest.mark.embedded
async def test_files_that_act_or_are_too_large_are_refused_before_anything_is_kept(ladder: Ladder) -> None:
    case_no = await ladder.case()
    wrong = {
        "active_content": document(packed(b"7 0 " + SCRIPT)),
        "more_than_a_picture": png() + b"\x7fELF",
        "type": b"MZ" + bytes(100),
        "too_large": document() + bytes(10 * 1024 * 1024),
    }
    for rule, content in wrong.items():
        refused(await scan(ladder, case_no, content), rule, "paper-refused")
    problem(await scan(ladder, case_no, bytes(11 * 1024 * 1024)), status=413, slug="body-too-large")
    refused(await scan(ladder, case_no, requirement="sure"), "assurance_high")
    problem(await scan(ladder, case_no, requirement="x"), status=422, slug="requirement-not-listed")
    assert await ladder.rows("SELECT id FROM sealed_copies") == []
    assert await ladder.kinds("copy") == []
    # A process that dies while it files: the row is taken back, and the same request finishes it before.
    await scan(ladder, case_no, key="k")
    await ladder.run("UPDATE sealed_copies SET state = 'filing', token = NULL")
    assert (await ladder.item(case_no))["outcome"] == "no_source"
    assert (await scan(ladder, case_no, key="k")).json()["state"] == "sealed"
    await ladder.run("UPDATE sealed_copies SET state = 'filing', sealed_at = 0")
    (row,) = await ladder.rows("SELECT id FROM sealed_copies")
    copy = await ladder.hub.database.read(lambda tx: find_copy(tx, row.id))
    assert copy is not None
    assert await ladder.hub.lower.copies.sweep() == 1
    await ladder.run("DELETE FROM outbox WHERE kind = 'copy.delete'")  # as if done: then the slow one puts its scan
    await ladder.hub.lower.copies._file(copy, Paper(document(), "application/pdf", 1))
    assert await ladder.rows("SELECT id FROM outbox WHERE kind = 'copy.delete'")
    assert await ladder.kinds("copy") == ["copy.sealed", "copy.withdrawn"]


async def test_a_promise_is_the_persons_choice_of_a_text_that_was_shown(ladder: Ladder) -> None:
    case_no = await ladder.case()
    early = await promised(ladder, case_no)
    refused(early, "not_asked_of_the_person")
    await ladder.pulled(case_no)
    for chosen in ({"chosen_by": "clerk"}, {"chosen_by": None}):
        assert (await promised(ladder, case_no, **chosen)).status_code == 422
    answer = await promised(ladder, case_no)
    assert answer.status_code == 201, answer.text
    offer = answer.json()
    assert "撤销许可" in offer["text"]["zh"]
    assert "20 working days" in offer["text"]["en"]
    assert (await ladder.item(case_no))["outcome"] == "no_source"
    other = await confirmed(ladder, case_no, offer, text_sha256="0" * 64)
    refused(other, "another_text")
    twin = (await promised(ladder, case_no)).json()
    assert twin == offer  # the page sent again
    answers = await asyncio.gather(confirmed(ladder, case_no, offer), confirmed(ladder, case_no, twin))
    (promise,) = [answer.json() for answer in answers if answer.status_code == 200]
    due = datetime.fromisoformat(promise["due_at"])
    assert (promise["state"], timedelta(days=20) < due - datetime.now(UTC) < timedelta(days=60)) == ("given", True)
    body = await ladder.pulled(case_no)
    item = next(item for item in body["requirements"] if item["code"] == "kin")
    assert (item["outcome"], item["rung"], item["why"]["code"]) == ("satisfied", "commitment", "commitment_given")
    assert (body["saved"]["papers"], item["evidence"]["stand_in"]["rung"]) == (0, "commitment")
    # Another case is not promised by it, and one case not twice.
    assert (await ladder.item(await ladder.case()))["outcome"] == "no_source"
    refused(await promised(ladder, case_no), "promised_already")
    copy = await scan(ladder, case_no)
    assert copy.status_code == 201, copy.text
    listed = await ladder.client.get(f"/api/v1/cases/{case_no}/commitments", headers=ladder.headers)
    (kept,) = [item for item in listed.json()["commitments"] if item["id"] == promise["id"]]
    assert (kept["state"], (await ladder.item(case_no))["rung"]) == ("kept", "sealed_copy")
    assert await ladder.kinds("commitment") == ["commitment.given", "commitment.ended"]


@pytest.mark.embedded
async def test_a_promise_is_verified_by_the_hub_or_broken_and_no_second_one_is_taken(ladder: Ladder) -> None:
    case_no, second = await ladder.case(), await ladder.case()
    promise, other = await given(ladder, case_no), await given(ladder, second)
    assert (await ladder.post(f"/api/v1/cases/{second}/close")).status_code == 200
    follow = ladder.hub.lower.following.follow
    await follow({"commitment": promise["id"], "attempt": 0})
    await follow({"commitment": promise["id"], "attempt": 0})  # the same job again
    states = "SELECT state FROM commitments WHERE id = :id"
    assert [row.state for row in await ladder.rows(states, id=promise["id"])] == ["broken"]
    told = await ladder.rows("SELECT role FROM notices WHERE code = 'commitment.broken' ORDER BY role")
    assert [row.role for row in told] == ["consumer_engineer", "owner_approver"]
    item = await ladder.item(case_no)
    assert (item["outcome"], item["rung"], item["why"]["code"]) == ("no_source", "paper", "commitment_broken")
    refused(await promised(ladder, case_no), "promised_already")
    await ladder.run("UPDATE commitments SET state = 'given' WHERE id = :id", id=promise["id"])  # it was broken
    assert (await ladder.item(case_no))["outcome"] == "no_source"

    # What was promised is on record meanwhile: the hub finds it, also when the case has closed, and tells nobody more.
    await issue(ladder.hub, food_licence(), slug="food_business_licence")
    held = len(await ladder.rows("SELECT id FROM evidence_requests"))
    await follow({"commitment": other["id"], "attempt": 0})
    assert len(await ladder.rows("SELECT id FROM evidence_requests")) == held
    assert [row.state for row in await ladder.rows(states, id=other["id"])] == ["verified"]
    assert "disclosure" not in (await ladder.kinds())[-3:]


class Says:
    """Records that give this answer."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    async def check(self, caller: Caller, call: EvidenceCall) -> Outcome:  # noqa: ARG002  # of the port
        return self.outcome


@pytest.mark.embedded
async def test_nobody_breaks_a_promise_by_a_record_that_clears_or_by_what_nobody_could_look_up(ladder: Ladder) -> None:
    hub, states = ladder.hub, "SELECT state, attempts FROM commitments WHERE id = :id"
    ends = [(Outcome.DECLARED_NONE, 0, ("verified", 1)), (Outcome.NOT_GRANTED, MOST_TRIES, ("given", MOST_TRIES + 1))]
    for outcome, attempt, end in ends:
        promise = await given(ladder, await ladder.case())
        await ladder.run("UPDATE commitments SET attempts = :n WHERE id = :id", n=attempt, id=promise["id"])
        follow = Following(hub.database, vault=hub.vault, checks=Says(outcome), clock=hub.clock).follow
        await follow({"commitment": promise["id"], "attempt": attempt})
        await follow({"commitment": promise["id"], "attempt": attempt + 1})
        assert [tuple(row) for row in await ladder.rows(states, id=promise["id"])] == [end]
    told = await ladder.rows("SELECT role FROM notices WHERE code = 'commitment.unchecked' ORDER BY role")
    assert [row.role for row in told] == ["consumer_engineer", "owner_approver"]


@pytest.mark.embedded
async def test_a_promise_that_nobody_gave_serves_nobody(ladder: Ladder) -> None:
    case_no, second = await ladder.case(), await ladder.case()
    await ladder.pulled(case_no)
    offer = (await promised(ladder, case_no)).json()
    row = f"standing = case_id || ':' || code || ':' || party WHERE id = '{offer['id']}'"
    await ladder.run(f"UPDATE commitments SET state = 'given', given_at = offered_at, due_at = offered_at, {row}")
    assert (await ladder.item(case_no))["outcome"] == "no_source"
    promise = await given(ladder, second)
    moved = "UPDATE commitments SET code = 'statement', standing = replace(standing, 'kin', 'statement') WHERE id = :id"
    await ladder.run(moved, id=promise["id"])
    assert (await ladder.item(second, "statement"))["outcome"] == "no_source"


@pytest.mark.embedded
async def test_what_a_department_owes_becomes_nobodys_promise(ladder: Ladder) -> None:
    case_no = await ladder.case()
    await ladder.pulled(case_no)
    offer = (await promised(ladder, case_no)).json()
    assert (await scan(ladder, case_no)).status_code == 201
    await issue(ladder.hub, food_licence(), slug="food_business_licence")
    await add_operator(ladder.hub)
    operator = Actor("staff", "op", "op", None, frozenset({Role.OPERATOR}))
    await ladder.hub.halts.halt(operator, "food_business_licence", reason="x", legal_basis="y")
    body = await ladder.pulled(case_no)
    item = next(item for item in body["requirements"] if item["code"] == "kin")
    assert (item["outcome"], item["rung"], len(body["owed"])) == ("source_unavailable", None, 1)
    refused(await confirmed(ladder, case_no, offer), "owed_by_a_department")
    refused(await promised(ladder, case_no), "owed_by_a_department")


def test_nothing_stands_in_but_where_nobody_has_it() -> None:
    given = {"stand_ins": {"sealed_copy": True}}
    matter = read_matter(
        declaration(requirements=[kin(**given), kin(code="all", none_clears=True, **given), kin(code="no")])
    )
    wanted, clears, bare = matter.requirements
    assert {outcome for outcome in Outcome if serves(wanted, outcome)} == {Outcome.NO_SOURCE, Outcome.DECLARED_NONE}
    assert {outcome for outcome in Outcome if serves(clears, outcome)} == {Outcome.NO_SOURCE}
    assert not any(serves(bare, outcome) for outcome in Outcome)


@pytest.mark.embedded
async def test_what_needs_no_provider_may_be_promised_or_scanned_and_ex_officio_nobody_promises(ladder: Ladder) -> None:
    case_no = await ladder.case()
    plan = (await ladder.post(f"/api/v1/cases/{case_no}/plan", json={"purpose": PURPOSE})).json()
    listed = {item["code"]: item for item in plan["requirements"]}
    assert (listed["statement"]["why"]["code"], listed["statement"]["ways"]) == ("no_provider", [])
    item = await ladder.item(case_no, "statement")
    assert (item["outcome"], item["why"]["code"]) == ("no_source", "no_provider")
    offer = (await promised(ladder, case_no, requirement="statement")).json()
    assert (await confirmed(ladder, case_no, offer)).status_code == 200
    assert (await ladder.item(case_no, "statement"))["rung"] == "commitment"
    back = await ladder.post(f"/api/v1/cases/{case_no}/commitments/{offer['id']}/withdraw", json=CLERK)
    assert back.json()["state"] == "withdrawn"
    assert (await ladder.item(case_no, "statement"))["outcome"] == "no_source"
    refused(await promised(ladder, case_no, requirement="sure"), "assurance_high")
    with pytest.raises(DefinitionError, match="assurance is high"):
        await ladder.hub.registry.add_matter(
            {
                "code_system": "test", "code": "SURE", "name": {"zh": "某", "en": "x"}, "department": AMR,
                "roles": ["applicant"],
                "requirements": [kin(assurance="high", stand_ins={"commitment": COMMITMENT})],
            }
        )  # fmt: skip
    ex_officio = await ladder.case(kind="ex_officio")
    await ladder.pulled(ex_officio)
    answer = await promised(ladder, ex_officio, requirement="statement")
    refused(answer, "nobody_applied")


@pytest.mark.embedded
async def test_what_was_handed_in_for_somebody_serves_nobody_who_is_put_in_his_place(ladder: Ladder) -> None:
    scanned, promising = await ladder.case(), await ladder.case()
    await given(ladder, promising)
    assert (await scan(ladder, scanned)).status_code == 201
    operator = {"id": "op-1", "name": "李办事"}
    for case_no in (scanned, promising):
        change = {"change_no": 1, "operator": operator, "parties": {"correct": {"applicant": OTHER}}}
        answer = await ladder.post(f"/api/v1/cases/{case_no}/amend", json=change)
        (fault,) = problem(answer, status=422, slug="invalid-party")["errors"]
        assert fault["rule"] == "handed_in"
