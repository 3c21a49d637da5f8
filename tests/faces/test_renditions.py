"""Renditions of a hub: made once, kept encrypted, given out only as they were made, and only while in force."""

import asyncio
import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from sqlalchemy import Row, select, update

from catalog.tables import table
from certificates.binding import binding
from certificates.errors import TemplateError, TypeHaltedError
from certificates.lifecycle.states import Operation
from certificates.rendering.tables import CertificateBindingRow, CertificateRenditionRow, FaceTemplateRow
from certificates.rendering.templates import shipped
from hub.access.actors import COMMAND, Actor, Role
from hub.issuing.files import identifiers_of, read_document
from hub.issuing.renditions.face_preview import PreviewOrder
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.touched import Touch
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from hub.verification.asking import Question
from signing.canonical import b64u
from signing.jose import verify_jws
from signing.keys import Es256Key, SoftwareSigner
from signing.pades.check import check
from tests.faces.papers import codes_in, picture_of, text_of
from tests.registry.test_types import signed_in
from tests.support import AMR, ENTERPRISE, POLICE, PUBLIC_URL, Place, enterprise_claims, issue, valid_uscc

RENDITIONS, BINDINGS, ENTRIES = (table(row) for row in (CertificateRenditionRow, CertificateBindingRow, LedgerEntryRow))
TEMPLATES = table(FaceTemplateRow)
LICENCE = "11990000MB0000002Q001"

OPERATOR = Actor("staff", "01a20000-0000-7000-8000-000000000001", "甲", None, frozenset({Role.OPERATOR}))


async def licence(hub: Hub) -> str:
    held = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    return str(held[0]["identifier"])


async def renditions(hub: Hub) -> list[Row[Any]]:
    return list(await hub.database.read(lambda tx: tx.execute(select(RENDITIONS)).all()))


async def looks(hub: Hub, kind: str) -> int:
    rows = await hub.database.read(lambda tx: tx.execute(select(ENTRIES.c.id).where(ENTRIES.c.kind == kind)).all())
    return len(rows)


def code_of(pdf: bytes, folder: Path) -> str:
    link = next(text for text in codes_in(picture_of(pdf, folder)) if text.startswith(f"{PUBLIC_URL}/verify#c="))
    return link.partition("#c=")[2]


async def test_a_system_of_the_issuer_gets_a_signed_page_with_a_code_that_verifies(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    identifier = await licence(hub)
    path, headers = f"/api/v1/certificates/{identifier}/file?format=pdf", await place.headers(client)
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="{identifier}.pdf"'
    words = text_of(answer.content, tmp_path).replace(" ", "")
    for value in ("营业执照", identifier, ENTERPRISE["name"], "2019年3月1日", "王晨光", "试用"):
        assert value in words
    verdict = await client.post("/api/v1/verify", json={"control_code": code_of(answer.content, tmp_path)})
    assert (verdict.json()["result"], verdict.json()["certificate"]["identifier"]) == ("passed", identifier)
    assert "王晨光" not in verdict.text
    again = await client.get(path, headers=headers)
    assert again.content == answer.content
    assert (await looks(hub, "certificate.render"), await looks(hub, "certificate.export")) == (1, 2)


async def test_of_two_who_ask_one_makes_it_and_nothing_personal_is_readable_in_the_store(hub: Hub) -> None:
    identifier = await licence(hub)
    files = await asyncio.gather(*(read_document(hub, identifier, "pdf") for _ in range(4)))
    assert len(set(files)) == 1
    [row] = await renditions(hub)
    assert (row.state, row.content) == ("filed", b"")
    stored = await asyncio.to_thread(hub.objects.get, f"renditions/{row.id}")
    assert b"%PDF-" not in stored
    assert row.digest not in stored


@pytest.mark.embedded
async def test_the_page_is_signed_over_all_of_it_by_the_issuer(hub: Hub) -> None:
    pdf = await read_document(hub, await licence(hub), "pdf")
    checked = check(pdf, anchors=hub.desk.anchors(), now=hub.clock())
    assert checked.signer.organization_id == "11990000MB0000002Q"
    assert checked.level == "B-T"


@pytest.mark.embedded
async def test_a_swapped_file_is_never_served(hub: Hub) -> None:
    identifier = await licence(hub)
    await issue(hub, enterprise_claims(uscc="91990100MA0000002E", name="另一家公司"))
    held = await identifiers_of(hub, "001", "91990100MA0000002E")
    await read_document(hub, identifier, "pdf")
    await read_document(hub, held[0]["identifier"], "pdf")
    first, second = await renditions(hub)
    swapped = hub.objects.get(f"renditions/{second.id}")
    hub.objects.put(f"renditions/{first.id}", swapped)
    served = await looks(hub, "certificate.export")
    with pytest.raises(IntegrityBrokenError):
        await read_document(hub, identifier, "pdf")
    hub.objects.delete(f"renditions/{first.id}")
    with pytest.raises(IntegrityBrokenError):
        await read_document(hub, identifier, "pdf")
    assert await looks(hub, "certificate.export") == served


@pytest.mark.embedded
async def test_a_row_that_somebody_wrote_is_noticed_and_a_code_cannot_be_moved(hub: Hub, tmp_path: Path) -> None:
    identifier = await licence(hub)
    code = code_of(await read_document(hub, identifier, "pdf"), tmp_path)
    await issue(hub, enterprise_claims(uscc="91990100MA0000002E", name="另一家公司"))
    other = (await identifiers_of(hub, "001", "91990100MA0000002E"))[0]["identifier"]
    await read_document(hub, other, "pdf")
    first, second = await renditions(hub)
    moved = update(RENDITIONS).where(RENDITIONS.c.id == first.id).values(version_id=second.version_id, language="en")
    await hub.database.write(lambda tx: tx.execute(moved))
    verdict = await hub.presentation.judge_code(None, code, Question())
    assert (verdict.result, verdict.reason) == ("failed", "control_code")


@pytest.mark.embedded
async def test_no_page_is_given_out_of_what_is_not_in_force_but_its_data_say_so(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    identifier = await licence(hub)
    code = code_of(await read_document(hub, identifier, "pdf"), tmp_path)
    await hub.status.change(identifier, Operation.REVOKE, reason="材料虚假", legal_basis="行政许可法第六十九条")
    path, headers = f"/api/v1/certificates/{identifier}/file", await place.headers(client)
    refused = await client.get(f"{path}?format=pdf", headers=headers)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/certificate-not-in-force")
    assert refused.json()["state"] == "revoked"
    told = await client.get(f"{path}?format=json", headers=headers)
    assert told.json()["metadata"]["status"] == {"code": "revoked", "name": "撤销"}
    verdict = await hub.presentation.judge_code(identifier, code, Question())
    assert (verdict.result, verdict.reason) == ("failed", "certificate_revoked")


@pytest.mark.embedded
async def test_a_stopped_type_has_no_pages_and_nobody_vouches_for_its_codes(hub: Hub, tmp_path: Path) -> None:
    identifier = await licence(hub)
    code = code_of(await read_document(hub, identifier, "pdf"), tmp_path)
    await hub.halts.halt(COMMAND, "business_licence", reason="模板有误", legal_basis="示例办法")
    with pytest.raises(TypeHaltedError):
        await read_document(hub, identifier, "pdf")
    verdict = await hub.presentation.judge_code(None, code, Question())
    assert (verdict.result, verdict.reason) == ("indeterminate", "type_halted")


@pytest.mark.embedded
async def test_another_departments_licence_does_not_exist_and_no_look_is_written(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    signer = SoftwareSigner.generate()
    (place.home / "police.pem").write_bytes(signer.to_pem())
    system = {"department": POLICE, "client_id": "police", "name": {"zh": "警", "en": "p"}, "keys": [signer.public.jwk]}
    await hub.registry.add_system(system)
    identifier = await licence(hub)
    headers = await place.headers(client, "police")
    for form in ("sd-jwt", "json", "pdf"):
        answer = await client.get(f"/api/v1/certificates/{identifier}/file?format={form}", headers=headers)
        assert answer.status_code == 404
    assert await looks(hub, "certificate.export") == 0
    assert await renditions(hub) == []
    with pytest.raises(UnknownCertificateError):
        await read_document(hub, "1.2.156.3005.2.X", "pdf")


@pytest.mark.embedded
async def test_renditions_of_a_version_are_provably_of_the_same_data(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    identifier, headers = await licence(hub), await place.headers(client)
    path = f"/api/v1/certificates/{identifier}/file"
    told = (await client.get(f"{path}?format=json", headers=headers)).json()
    pdf = (await client.get(f"{path}?format=pdf", headers=headers)).content
    english = (await client.get(f"{path}?format=pdf", headers={**headers, "Accept-Language": "en"})).content
    assert pdf != english
    assert "Valid" in text_of(english, tmp_path)
    keyword = f"binding:sha-256:{told['binding']}".encode()
    assert keyword in pdf
    assert keyword in english
    header = json.loads(b64decode(told["jws"].split(".")[0] + "=="))
    leaf = x509.load_der_x509_certificate(b64decode(header["x5c"][0]))
    signed = json.loads(verify_jws(told["jws"], key=_key(leaf, header["kid"]), typ="certificate-metadata+jwt").payload)
    assert (signed["metadata"], signed["binding"]) == (told["metadata"], told["binding"])
    # At the hub, and only there: the salt opens the binding.
    [row] = await hub.database.read(lambda tx: tx.execute(select(BINDINGS)).all())
    opened = await hub.database.read(lambda tx: hub.faces.source.open(tx, row.version_id))
    salt = opened.key.decrypt(f"certificate_bindings:{row.version_id}:salt", row.salt)
    assert binding(salt, opened.payload).hex() == told["binding"]


def _key(leaf: Any, kid: str) -> Es256Key:
    numbers = leaf.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256"} | {
        name: b64u(value.to_bytes(32, "big")) for name, value in (("x", numbers.x), ("y", numbers.y))
    }
    return replace(Es256Key.from_jwk(jwk), kid=kid)


@pytest.mark.embedded
async def test_a_template_of_two_persons_dresses_what_is_issued_from_then_on(hub: Hub, tmp_path: Path) -> None:
    before = await licence(hub)
    payload = {"type": "business_licence", "source": '#set page(paper: "a5")\n新版式 #face.title.zh #seal()'}
    proposed = await hub.sharing.proposals.propose(OPERATOR, "face.template", payload, "新版营业执照")
    await hub.sharing.proposals.confirm(COMMAND, proposed.id)
    await issue(hub, enterprise_claims(uscc="91990100MA0000002E", name="另一家公司"))
    after = (await identifiers_of(hub, "001", "91990100MA0000002E"))[0]["identifier"]
    assert "新版式" in text_of(await read_document(hub, after, "pdf"), tmp_path)
    assert "新版式" not in text_of(await read_document(hub, before, "pdf"), tmp_path)
    order = PreviewOrder(None, "zh-CN", "pdf", long_values=False)
    shown = await hub.faces.preview.show(COMMAND, "business_licence", order)
    assert "新版式" in text_of(shown.files[0], tmp_path)


@pytest.mark.embedded
async def test_templates_are_read_back_with_who_and_when_and_a_type_goes_back_to_the_face_that_ships(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    designer = await signed_in(hub, "designer", AMR, Role.OWNER_ENGINEER)
    checker = await signed_in(hub, "checker", AMR, Role.OWNER_APPROVER)
    path, own = "/api/v1/certificate-types/business_licence/face", '#set page(paper: "a5")\n新版式 #seal()'
    none = (await client.get(f"{path}/templates", headers=designer)).json()
    assert none == {"type": LICENCE, "shipped": "certificate", "in_force": 0, "versions": []}
    assert (await client.get(f"{path}/template", headers=designer)).text == shipped("certificate")
    people = []
    for source, reason in ((own, "新版式"), (None, "启用国家样式")):
        body = {"action": "face.template", "payload": {"type": LICENCE, "source": source}, "reason": reason}
        made = await client.post("/api/v1/proposals", json=body, headers=designer)
        assert made.status_code == 201, made.text
        confirm = f"/api/v1/proposals/{made.json()['id']}/confirm"
        done = await client.post(confirm, headers=checker)
        assert done.status_code == 200
        people.append((made.json()["proposed_by"], done.json()["decided_by"]))
        uscc = valid_uscc(f"91990100MA000000{4 if source else 5}")
        await issue(hub, enterprise_claims(uscc=uscc, name="另一家公司"))
        held = await identifiers_of(hub, "001", uscc)
        page = text_of(await read_document(hub, held[0]["identifier"], "pdf"), tmp_path)
        assert ("新版式" in page, "另一家公司" in page.replace(" ", "")) == (source is not None, source is None)
        set_from = Touch(type="business_licence", template=1)
        lines = [item async for item in await hub.touched.stream(COMMAND, set_from)]
        assert [held[0]["identifier"]] == [item["identifier"] for item in lines] or source is None
        assert [(item["what"], item["format"]) for item in lines] == [("page", "pdf")]
    back, first = (await client.get(f"{path}/templates", headers=checker)).json()["versions"]
    assert (back["version"], back["in_force"], back["shipped"], back["digest"]) == (2, True, True, None)
    assert (first["version"], first["in_force"], first["shipped"], first["reason"]) == (1, False, False, "新版式")
    assert [(item["proposed_by"], item["confirmed_by"]) for item in (first, back)] == people
    assert people[0][0] != people[0][1]
    texts = [(await client.get(f"{path}/template?version={number}", headers=checker)).text for number in (0, 1, 2)]
    assert texts == [shipped("certificate"), own, shipped("certificate")]
    assert (await client.get(f"{path}/template", headers=checker)).text == shipped("certificate")
    assert (await client.get(f"{path}/template?version=3", headers=checker)).status_code == 404
    refused = await client.post(
        "/api/v1/proposals",
        json={"action": "face.template", "payload": {"type": LICENCE}, "reason": "忘了正文"},
        headers=designer,
    )
    assert refused.status_code == 422
    assert (await client.get(f"{path}/templates", headers=await place.headers(client))).status_code == 401
    await hub.database.write(lambda tx: tx.execute(update(TEMPLATES).values(confirmed_by={"kind": "staff", "id": "?"})))
    assert (await client.get(f"{path}/templates", headers=checker)).status_code == 502


@pytest.mark.embedded
async def test_a_faulty_template_is_refused_when_it_is_proposed_and_when_it_is_confirmed(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals, payload = (
        hub.sharing.proposals,
        {"type": "business_licence", "source": "#let a = 1\n#nothing(a) #seal()"},
    )
    with pytest.raises(TemplateError) as refused:
        await proposals.propose(OPERATOR, "face.template", payload, "新版营业执照")
    assert refused.value.problems[0].as_json()["params"]["line"] == 2
    with monkeypatch.context() as older:
        older.setattr(hub.faces.preview, "try_out", _anything)
        proposed = await proposals.propose(OPERATOR, "face.template", payload, "新版营业执照")
    with pytest.raises(TemplateError):
        await proposals.confirm(COMMAND, proposed.id)
    assert [item.id for item in await proposals.list(OPERATOR, only_open=True)] == [proposed.id]


async def _anything(_code: str, _template: str) -> None:
    """As a release before this one took templates in."""


@pytest.mark.embedded
async def test_a_preview_is_a_picture_and_a_faulty_template_comes_back_with_its_place(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    made = await hub.faces.preview.show(COMMAND, "identity_card", PreviewOrder(None, "zh-CN", "png", long_values=True))
    assert made.files[0].startswith(b"\x89PNG")
    order = PreviewOrder("#let a = 1\n#nothing(a)", "zh-CN", "pdf", long_values=False)
    with pytest.raises(TemplateError) as refused:
        await hub.faces.preview.show(COMMAND, "identity_card", order)
    assert refused.value.problems[0].as_json()["params"]["line"] == 2
    assert (await client.post("/api/v1/certificate-types/identity_card/face/preview", json={})).status_code == 401
