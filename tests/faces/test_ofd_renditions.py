"""OFD of a hub: sealed with keys that are made when first needed, of the same data as the PDF, and SM2 or nothing."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from catalog.tables import table
from certificates.rendering.ofd.check import CheckedOfd, check
from hub.access.actors import COMMAND
from hub.issuing.files import identifiers_of, read_document
from hub.issuing.keys.errors import BuiltInAuthorityError, KeyStoppedError, NoSigningKeyError
from hub.issuing.renditions.errors import FormatError
from hub.issuing.tables import IssuerSealRow
from hub.issuing.touched import Touch
from hub.runtime import Hub
from hub.storage.suites import Suite
from signing import libcrypto
from signing.sm2 import SM2SM3
from signing.tsp.tokens import Stamp, verify_token
from tests.faces.papers import words_of_ofd
from tests.faces.test_copies import CANARIES, copied
from tests.faces.test_renditions import licence, looks, renditions
from tests.hub.command import yizheng
from tests.keys.department import OwnSigner
from tests.keys.test_compromise import declared
from tests.support import AMR, ENTERPRISE, PURPOSE, TYPES, Place, enterprise_claims, issue

SEALS = table(IssuerSealRow)


def checked(hub: Hub, package: bytes) -> CheckedOfd[Stamp]:
    anchors, now = hub.desk.anchors(), hub.clock()

    def stamped(token: bytes, digest: bytes) -> Stamp:
        return verify_token(token, digest=digest, anchors=hub.stamps.anchors(), now=now)

    return check(package, anchors=anchors, now=now, verify_stamp=stamped)


async def test_a_system_of_the_issuer_gets_a_sealed_ofd_of_the_same_data_as_the_pdf(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    identifier, headers = await licence(hub), await place.headers(client)
    path = f"/api/v1/certificates/{identifier}/file"
    answer = await client.get(f"{path}?format=ofd", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/ofd"
    assert answer.headers["content-disposition"] == f'attachment; filename="{identifier}.ofd"'
    found = checked(hub, answer.content)
    assert (found.identifier, found.issuer_code) == (identifier, AMR)
    assert (found.sealed.leaf.organization_id, found.sealed.leaf.public.alg) == (AMR, SM2SM3)
    assert found.sealed.maker.roles == {"seal"}
    assert found.sealed.seal_name == "市场监督管理局"
    assert found.sealed.stamp is not None
    assert ENTERPRISE["name"] in words_of_ofd(answer.content)
    told = (await client.get(f"{path}?format=json", headers=headers)).json()
    pdf = (await client.get(f"{path}?format=pdf", headers=headers)).content
    assert found.binding == told["binding"]
    assert f"binding:sha-256:{told['binding']}".encode() in pdf
    verdict = (await client.post("/api/v1/verify", files={"file": ("licence.ofd", answer.content)})).json()
    assert (verdict["result"], verdict["certificate"]["identifier"]) == ("passed", identifier), verdict
    assert (await client.get(f"{path}?format=ofd", headers=headers)).content == answer.content
    assert {(row.format, row.suite) for row in await renditions(hub)} == {("ofd", "sm2"), ("pdf", "es256")}


@pytest.mark.embedded
async def test_of_all_who_need_a_key_first_one_makes_it_and_a_seal_is_made_once(hub: Hub) -> None:
    identifier = await licence(hub)
    first, again = await asyncio.gather(*(read_document(hub, identifier, "ofd") for _ in range(2)))
    assert first == again
    seal = checked(hub, first).sealed.seal_id
    [row] = await hub.database.read(lambda tx: tx.execute(select(SEALS)).all())
    assert (row.number, row.organization_id) == (seal, AMR)
    assert await looks(hub, "seal.made") == 1
    keys = await hub.database.read(hub.desk.book.all)
    assert sorted(key.slot.store_name for key in keys if key.slot.suite == "sm2") == [
        f"issuer/{AMR}#sm2",
        f"seal/{AMR}#sm2",
    ]


@pytest.mark.embedded
async def test_an_ofd_is_exported_by_command(place: Place, hub: Hub, tmp_path: Path) -> None:
    identifier, out = await licence(hub), tmp_path / "licence.ofd"
    done = await yizheng(place, "certificate", "export", identifier, str(out), "--format", "ofd")
    assert done.code == 0, done
    await hub.database.read(hub.desk.load)
    assert checked(hub, out.read_bytes()).identifier == identifier


@pytest.mark.embedded
async def test_where_the_built_in_authority_is_refused_nothing_is_made(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.open(built_in_ca="refuse") as hub:
        with pytest.raises(BuiltInAuthorityError):
            await read_document(hub, await licence(hub), "ofd")
        assert await renditions(hub) == []
        assert {key.slot.suite for key in await hub.database.read(hub.desk.book.all)} == {"es256"}
        out = str(place.home / "licence.ofd")
        monkeypatch.setenv("YIZHENG_BUILT_IN_CA", "refuse")
        done = await yizheng(place, "certificate", "export", await licence(hub), out, "--format", "ofd")
        assert (done.code, "built-in authority" in done.err) == (69, True)


@pytest.mark.embedded
async def test_a_machine_without_sm2_says_so_and_uses_no_other_suite(
    place: Place, hub: Hub, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier, headers = await licence(hub), await place.headers(client)
    libcrypto.library.cache_clear()
    monkeypatch.setattr(libcrypto, "_LIBRARY", "libno-such-library.so.9")
    path = f"/api/v1/certificates/{identifier}/file"
    answer = await client.get(f"{path}?format=ofd", headers=headers)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (503, "suite-unavailable")
    assert await renditions(hub) == []
    assert (await client.get(f"{path}?format=pdf", headers=headers)).status_code == 200


@pytest.mark.embedded
async def test_a_type_that_knows_no_sm2_has_no_ofd(hub: Hub) -> None:
    definition = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    await hub.registry.typing.add(COMMAND, definition + "\nsupports: {suites: [es256]}\n")
    await issue(hub, enterprise_claims(uscc="91990100MA0000002E", name="另一家公司"))
    held = await identifiers_of(hub, "001", "91990100MA0000002E")
    with pytest.raises(FormatError):
        await read_document(hub, held[0]["identifier"], "ofd")


@pytest.mark.embedded
async def test_the_hub_makes_no_second_key_for_a_department_that_keeps_its_own(hub: Hub, tmp_path: Path) -> None:
    own = OwnSigner(tmp_path)
    with own.serving():
        await own.attach(hub)
    with pytest.raises(NoSigningKeyError):
        await read_document(hub, await licence(hub), "ofd")
    assert {key.slot.suite for key in await hub.database.read(hub.desk.book.all)} == {"es256"}


@pytest.mark.embedded
async def test_a_copy_as_ofd_bears_the_hubs_seal_and_nothing_that_was_not_granted(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    path, headers = await copied(place, client)
    answer = await client.get(f"{path}?format=ofd", headers=headers)
    assert answer.status_code == 200, answer.text
    found, words = checked(hub, answer.content), words_of_ofd(answer.content)
    assert found.sealed.leaf.roles == {"purpose-copy"}
    assert found.sealed.seal_name == hub.desk.owner().organization
    assert found.binding is None
    for value in (ENTERPRISE["name"], "加注件", f"用途：{PURPOSE}"):
        assert value in words
    whole = b"".join(found.files.values()).decode("utf-8", "replace")
    assert not any(canary in whole for canary in CANARIES)


@pytest.mark.embedded
async def test_pages_of_a_stolen_key_are_withdrawn_and_made_again_under_the_one_in_force(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    identifier = await licence(hub)
    since = (await hub.transitions.history(COMMAND, identifier)).lifetime.made_at + timedelta(microseconds=1)
    while datetime.now(UTC).replace(microsecond=0) < since:  # noqa: ASYNC110  # a stamp tells whole seconds
        await asyncio.sleep(0.05)
    old = await read_document(hub, identifier, "ofd")
    pdf = await read_document(hub, identifier, "pdf")
    stolen = checked(hub, old).sealed.leaf.public.kid
    await declared(hub, stolen, since)
    done = await hub.keyring.emergency.progress(COMMAND, stolen)
    assert done is not None
    assert (done["affected"], done["pages"], done["ended_at"] is None) == (0, 1, False)
    with pytest.raises(KeyStoppedError):
        await read_document(hub, identifier, "ofd")
    await hub.keyring.keys.rotate(COMMAND, f"issuer/{AMR}", suite=Suite.SM2, reason="the old one is stolen")
    new = await read_document(hub, identifier, "ofd")
    assert checked(hub, new).sealed.leaf.public.kid != stolen
    assert await read_document(hub, identifier, "ofd") == new
    assert await read_document(hub, identifier, "pdf") == pdf
    found = {}
    for name, file in (("old", old), ("new", new)):
        found[name] = (await client.post("/api/v1/verify", files={"file": ("licence.ofd", file)})).json()["reason"]
    assert found == {"old": "chain_key_compromised", "new": "ok"}
    assert sorted((row.format, row.state) for row in await renditions(hub)) == [
        ("ofd", "filed"),
        ("ofd", "withdrawn"),
        ("pdf", "filed"),
    ]
    told = await yizheng(place, "key", "touched", stolen, "--json")
    assert told.code == 0, told
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [(line["what"], line["identifier"], line["state"]) for line in lines] == [("page", identifier, "withdrawn")]
    keys = await hub.database.read(hub.desk.book.all)
    maker = next(key.kid for key in keys if key.slot.store_name == f"seal/{AMR}#sm2")
    made = [item async for item in await hub.touched.stream(COMMAND, Touch(key=maker))]
    assert [(item["what"], item["issuer"]) for item in made] == [("seal", AMR), ("seal", AMR)]
    text_key = (await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR))).signer.kid
    lines = [item async for item in await hub.touched.stream(COMMAND, Touch(key=text_key))]
    assert [item["what"] for item in lines] == ["licence", "offline_code", "page", "offline_code"]
    await declared(hub, text_key, since)  # of the licence, from before, and of the code on its OFD, made since
    done = await hub.keyring.emergency.progress(COMMAND, text_key)
    assert done is not None
    assert (done["affected"], done["pages"]) == (0, 3)
