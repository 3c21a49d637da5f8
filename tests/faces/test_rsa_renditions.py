"""Pages under RSA, where a type asks for it: made, stamped, judged by others and by us; originals and copies."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.access.actors import COMMAND
from hub.issuing.files import identifiers_of, read_document
from hub.issuing.keys.errors import NoSigningKeyError
from hub.runtime import Hub
from signing.pades.check import Level, check
from signing.port import ES256, RS256
from signing.rsa_keys import RsaSigner
from tests.faces.test_copies import copied
from tests.faces.test_renditions import licence, renditions
from tests.hub.command import yizheng
from tests.keys.department import OwnSigner
from tests.signing.test_pades import pdfsig
from tests.support import AMR, ENTERPRISE, TYPES, Place, enterprise_claims, issue

pytestmark = pytest.mark.embedded


async def read_by_rsa(hub: Hub) -> str:
    """A licence of a version of its type whose pages are for readers that know RSA alone."""
    definition = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    await hub.registry.typing.add(COMMAND, definition + "\nsupports: {suites: [es256, rsa]}\n")
    await issue(hub, enterprise_claims(address="示例市新街2号"))
    held = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    return str(held[0]["identifier"])


def judged(pdf: bytes, hub: Hub) -> Any:
    """What pyHanko says of the page under the hub's own roots."""
    from asn1crypto import x509
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    roots = [x509.Certificate.load(anchor) for anchor in (*hub.desk.anchors(), *hub.stamps.anchors())]
    context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
    return validate_pdf_signature(PdfFileReader(BytesIO(pdf)).embedded_signatures[0], context)


async def test_a_page_under_rsa_from_a_key_of_the_operators_to_every_judge(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    old = await read_document(hub, await licence(hub), "pdf")
    made = await yizheng(place, "key", "add", f"issuer/{AMR}", "--suite", "rsa", "--reason", "old readers", "--json")
    await hub.database.read(hub.desk.load)
    identifier, headers = await read_by_rsa(hub), await place.headers(client)
    pdf = (await client.get(f"/api/v1/certificates/{identifier}/file?format=pdf", headers=headers)).content
    found = check(pdf, anchors=hub.desk.anchors(), stamp_anchors=hub.stamps.anchors(), now=hub.clock())
    assert (found.signer.public.alg, found.signer.public.kid) == (RS256, made.json()["kid"])
    assert (found.signer.organization_id, found.level) == (AMR, Level.STAMPED)
    said = pdfsig(pdf, tmp_path)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    status = await asyncio.to_thread(judged, pdf, hub)
    assert (status.bottom_line, status.docmdp_ok, status.coverage.name) == (True, True, "ENTIRE_FILE")
    answer = await client.post("/api/v1/verify", files={"file": ("licence.pdf", pdf)})
    verdict = answer.json()
    assert (verdict["result"], verdict["suite"], verdict["certificate"]["identifier"]) == ("passed", RS256, identifier)
    forged = pdf.replace(b"/Type/Sig", b"/Type/Sih")
    assert (await client.post("/api/v1/verify", files={"file": ("forged.pdf", forged)})).json()["result"] != "passed"
    assert check(old, anchors=hub.desk.anchors(), now=hub.clock()).signer.public.alg == ES256
    assert [row.suite for row in await renditions(hub)] == ["es256", "rsa"]


async def test_a_department_that_keeps_its_key_gets_no_second_one(hub: Hub, tmp_path: Path) -> None:
    identifier = await read_by_rsa(hub)
    own = OwnSigner(tmp_path)
    with own.serving():
        await own.attach(hub)
    with pytest.raises(NoSigningKeyError):
        await read_document(hub, identifier, "pdf")
    assert await renditions(hub) == []


async def test_a_department_signs_its_pages_with_an_rsa_key_of_its_own(hub: Hub, tmp_path: Path) -> None:
    identifier = await read_by_rsa(hub)
    folders = [tmp_path / name for name in ("es256", "rsa")]
    for folder in folders:
        folder.mkdir()
    tokens = OwnSigner(folders[0])
    pages = OwnSigner(folders[1], kinds=frozenset({"rendition"}), signer=RsaSigner.generate())
    with tokens.serving(), pages.serving():
        await tokens.attach(hub)
        view = await pages.attach(hub)
        pdf = await read_document(hub, identifier, "pdf")
    found = check(pdf, anchors=hub.desk.anchors(), now=hub.clock())
    assert (found.signer.public.kid, view.key.custody) == (pages.signer.kid, "department_held")
    assert [line.kind for line in pages.book.lines(only_waiting=False)] == ["rendition"]


async def test_a_copy_of_it_is_under_rsa_too_by_a_key_made_when_first_needed(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await read_by_rsa(hub)
    path, headers = await copied(place, client)
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    found = check(answer.content, anchors=hub.desk.anchors(), now=hub.clock())
    assert (found.signer.public.alg, found.signer.roles) == (RS256, {"purpose-copy"})
    keys = await hub.database.read(hub.desk.book.all)
    assert [key.slot.store_name for key in keys if key.slot.suite == "rsa"] == ["purpose-copy#rsa"]
