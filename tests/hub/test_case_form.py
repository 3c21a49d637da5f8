"""The form of a case: filled from what was disclosed to it, with who says so; asked once; signed as a whole."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.grants import GrantState
from hub.intake.forms.signing import FORM_SIGNATURE_TYPE, signature_holds
from hub.runtime import Hub
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.serving import problem
from tests.support import AMR, ENTERPRISE, NARROW, Place, matter_definition, open_case, pull

pytestmark = pytest.mark.embedded
FORM = [
    {"field": "name", "term": "company_name"},
    {"field": "address", "term": "company_address"},
    {"field": "phone", "term": "phone"},
    {"field": "sign", "title": {"zh": "招牌名称", "en": "Name on the sign"}, "required": False},
    {"field": "helper", "term": "person_name", "party": "agent"},
]
CONFIRMED = {"kind": "holder_confirmation", "at": "2026-11-22T09:30:00+08:00", "reference": "pad-1"}


@pytest.fixture
async def case(place: Place, hub: Hub, client: httpx2.AsyncClient) -> tuple[str, dict[str, str]]:
    await hub.registry.add_matter(matter_definition() | {"form": FORM})
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    assert (await pull(client, headers, case_no)).status_code == 200
    return f"/api/v1/cases/{case_no}/form", headers


def fields(answer: httpx2.Response) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {item["key"].removeprefix("applicant."): item for item in answer.json()["fields"]}


def signed(answer: httpx2.Response, **changes: Any) -> dict[str, Any]:
    return {"party": "applicant", "digest": answer.json()["digest"], "confirmation": CONFIRMED} | changes


async def test_a_form_is_filled_with_who_says_so_and_the_rest_is_asked_once(
    hub: Hub, client: httpx2.AsyncClient, case: tuple[str, dict[str, str]]
) -> None:
    path, headers = case
    answer = await client.get(path, headers=headers)
    found = fields(answer)
    # Nobody acts for the applicant, so nothing is asked about him.
    assert set(found) == {"company_name", "company_address", "phone", "FOOD.sign"}
    assert answer.json()["asked"] == ["applicant.phone"]
    address = found["company_address"]
    (record,) = address["records"]
    assert (address["state"], address["value"]) == ("filled", "示例市中心路1号")
    (origin,) = record["from"]
    assert (origin["department"]["uscc"], origin["requirement"], len(origin["on"])) == (AMR, "licence", 10)
    # The case itself says the name too, and the records agree.
    assert {item["kind"] for item in found["company_name"]["records"][0]["from"]} == {"certificate_library", "case"}
    entries = text("SELECT count(*) FROM ledger_entries WHERE kind = 'disclosure'")
    assert await hub.database.read(lambda tx: tx.execute(entries).scalar()) == 1

    said = {"applicant.phone": "0570-0000000", "applicant.company_address": "示例市中心路9号"}
    changed = await client.put(path, json={"answers": said}, headers=headers)
    address = fields(changed)["company_address"]
    assert (address["state"], address["value"]) == ("changed", "示例市中心路9号")
    assert address["records"][0]["value"] == "示例市中心路1号"
    assert (changed.json()["asked"], changed.json()["change_no"]) == ([], 1)
    stale = await client.put(path, json={"answers": said, "change_no": 0}, headers=headers)
    problem(stale, status=409, slug="form-changed")
    stored = text("SELECT answers FROM case_forms")
    assert b"0570" not in await hub.database.read(lambda tx: bytes(tx.execute(stored).scalar_one()))


async def test_a_form_is_signed_once_as_a_whole_and_stays_as_it_was_signed(
    hub: Hub, client: httpx2.AsyncClient, case: tuple[str, dict[str, str]]
) -> None:
    path, headers = case
    shown = await client.get(path, headers=headers)
    early = await client.post(f"{path}/sign", json=signed(shown), headers=headers)
    assert problem(early, status=409, slug="form-incomplete")["fields"] == ["applicant.phone"]
    complete = await client.put(path, json={"answers": {"applicant.phone": "0570-1"}}, headers=headers)
    problem(await client.post(f"{path}/sign", json=signed(shown), headers=headers), status=409, slug="form-changed")
    other = await client.post(f"{path}/sign", json=signed(complete, party="agent"), headers=headers)
    problem(other, status=422, slug="invalid-party")
    for _ in range(2):
        done = await client.post(f"{path}/sign", json=signed(complete), headers=headers)
        assert done.status_code == 200, done.text
        assert [item["kind"] for item in done.json()["signatures"]] == ["holder_confirmation"]
    problem(await client.put(path, json={"answers": {}}, headers=headers), status=409, slug="form-signed")
    (grant,) = [item for item in (await hub.database.read(_grants)) if item.state is GrantState.LIVE]
    await hub.registry.change_grant(grant.id, GrantState.WITHDRAWN)
    later = await client.get(path, headers=headers)
    # What was signed is the case's own; what fills a form anew, no grant covers any more.
    assert fields(later)["company_address"]["value"] == "示例市中心路1号"
    assert (later.json()["withheld"], later.json()["digest"]) == (1, complete.json()["digest"])
    kinds = text("SELECT count(*) FROM ledger_entries WHERE kind = 'form.signed'")
    assert await hub.database.read(lambda tx: tx.execute(kinds).scalar()) == 1


async def test_a_signer_that_somebody_wrote_into_the_database_has_not_signed(
    hub: Hub, client: httpx2.AsyncClient, case: tuple[str, dict[str, str]]
) -> None:
    path, headers = case
    complete = await client.put(path, json={"answers": {"applicant.phone": "0570-1"}}, headers=headers)
    assert (await client.post(f"{path}/sign", json=signed(complete), headers=headers)).status_code == 200
    attacks = {
        "UPDATE form_signatures SET party = 'spouse'": "UPDATE form_signatures SET party = 'applicant'",
        "UPDATE case_forms SET digest = '00'": "",
    }
    for attack, undone in attacks.items():
        await hub.database.write(lambda tx, attack=attack: tx.execute(text(attack)) and None)  # type: ignore[misc]
        for look in (path, path.replace("/form", "/file")):
            problem(await client.get(look, headers=headers), status=502, slug="integrity")
        if undone:
            await hub.database.write(lambda tx, undone=undone: tx.execute(text(undone)) and None)  # type: ignore[misc]


async def test_what_no_grant_covers_any_more_fills_nothing(
    hub: Hub, client: httpx2.AsyncClient, case: tuple[str, dict[str, str]]
) -> None:
    path, headers = case
    (grant,) = [item for item in (await hub.database.read(_grants)) if item.state is GrantState.LIVE]
    await hub.registry.change_grant(grant.id, GrantState.WITHDRAWN)
    found = fields(await client.get(path, headers=headers))
    assert found["company_address"]["state"] == "asked"
    assert found["company_name"]["value"] == ENTERPRISE["name"]  # the case said so itself


async def test_a_signature_is_checked_against_the_form_and_its_digest(
    client: httpx2.AsyncClient, case: tuple[str, dict[str, str]]
) -> None:
    path, headers = case
    shown = await client.put(path, json={"answers": {"applicant.phone": "0570-1"}}, headers=headers)
    signer, stranger = SoftwareSigner.generate(), SoftwareSigner.generate()
    unnamed = {"form": shown.json()["number"], "digest": shown.json()["digest"]}
    payload = unnamed | {"party": "applicant"}

    def jws(payload: dict[str, Any], key: SoftwareSigner = signer, typ: str = FORM_SIGNATURE_TYPE) -> dict[str, Any]:
        return {"token": sign_jws(payload, signer=key, typ=typ), "jwk": signer.public.jwk}

    wrong = {
        "not_verified": [jws(payload, stranger), jws(payload, typ="JWT"), {"token": "x", "jwk": {"kty": "EC"}}],
        "of_something_else": [jws(payload | it) for it in ({"form": "YZ"}, {"digest": "0" * 64}, {"party": "agent"})],
        "names_no_party": [jws(unnamed)],
    }
    for rule, tried in wrong.items():
        for item in tried:
            refused = await client.post(
                f"{path}/sign", json=signed(shown, confirmation=None, jws=item), headers=headers
            )
            told = problem(refused, status=422, slug="invalid-form-signature")
            assert told["errors"] == [{"pointer": "/jws", "rule": rule}]
    done = await client.post(f"{path}/sign", json=signed(shown, confirmation=None, jws=jws(payload)), headers=headers)
    assert [item["kind"] for item in done.json()["signatures"]] == ["jws"]
    kept = {"kind": "jws", **jws(payload)}
    number, digest = payload["form"], payload["digest"]
    assert signature_holds(kept, number, digest, "applicant")
    assert signature_holds(kept | jws(unnamed), number, digest, "agent"), "of before signatures named their party"
    assert not signature_holds(kept, number, digest, "agent")
    assert not signature_holds(kept, number, "0" * 64, "applicant")
    assert not signature_holds(kept | jws(payload, stranger), number, digest, "applicant")


async def test_wrong_answers_and_other_peoples_forms_are_refused(
    place: Place, client: httpx2.AsyncClient, case: tuple[str, dict[str, str]]
) -> None:
    path, headers = case
    unknown = await client.put(path, json={"answers": {"applicant.secret": "x"}}, headers=headers)
    told = problem(unknown, status=422, slug="invalid-answer")
    assert told["errors"] == [{"pointer": "/answers", "rule": "unknown_field"}]
    assert "secret" not in unknown.text
    long = await client.put(path, json={"answers": {"applicant.phone": "9" * 2001}}, headers=headers)
    assert problem(long, status=422, slug="invalid-answer")["errors"][0]["rule"] == "kind:text"
    both = signed(await client.get(path, headers=headers), jws={"token": "x", "jwk": {}})
    problem(await client.post(f"{path}/sign", json=both, headers=headers), status=422, slug="invalid-request")
    narrow = await place.headers(client, NARROW)
    problem(await client.get(path, headers=narrow), status=404, slug="case-not-found")
    closed = await client.post(path.removesuffix("form") + "close", headers=headers)
    assert closed.status_code == 200
    for answer in (
        await client.get(path, headers=headers),
        await client.put(path, json={"answers": {}}, headers=headers),
    ):
        problem(answer, status=409, slug="case-closed")


def _grants(tx: Any) -> list[Any]:
    from catalog.store import list_grants

    return list(list_grants(tx))
