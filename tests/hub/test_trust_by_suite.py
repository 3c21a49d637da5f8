"""Between two hubs whatever they sign passes, each suite under the root that was compared for it, and no other."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from catalog.errors import DefinitionError
from certificates.errors import TrustPackError
from certificates.verifying.pack import PACK_TYPE, TrustPack
from hub.access.actors import COMMAND
from hub.issuing.files import identifiers_of, read_document
from hub.runtime import Hub
from hub.storage.suites import Suite
from hub.verification.asking import Question
from hub.verification.peers import ACCEPT
from signing.canonical import unb64u
from signing.jose import sign_jws
from signing.x509.pki import fingerprint, new_root
from tests.access.people import add_operator, visitor
from tests.hub.command import yizheng
from tests.hub.test_trust_between_hubs import LICENCE, SECOND, licence, neighbour, pack_of
from tests.support import AMR, ENTERPRISE, TYPES, Place, enterprise_claims, issue, valid_uscc

__all__ = ["neighbour"]
pytestmark = pytest.mark.embedded
FORMS = ("ES256", "SM2SM3", "pdf", "pdf RSA", "ofd")
SM2_FORMS = ("SM2SM3", "ofd")
OTHER = valid_uscc("91990100MA0000055")


@dataclass(frozen=True)
class Shown:
    """What somebody presents at the other hub."""

    data: bytes
    proof: bytes


async def papers(hub: Hub) -> dict[str, Shown]:
    """A licence of the hub in every form and suite, with the proofs of its pages."""
    first = await held(hub)
    text, pdf, ofd = await licence(hub), await read_document(hub, first, "pdf"), await read_document(hub, first, "ofd")
    found = {"ES256": text, "SM2SM3": await under_sm2(hub, text), "pdf": pdf, "ofd": ofd}
    await hub.ledger.drain()
    proof = await hub.proofs.prove(first, allowed=lambda _: True)
    shown = {name: Shown(data, proof) for name, data in found.items()}
    await hub.keyring.keys.add(COMMAND, f"issuer/{AMR}", suite=Suite.RSA, reason="old readers")
    definition = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    await hub.registry.typing.add(COMMAND, definition + "\nsupports: {suites: [es256, rsa]}\n")
    await issue(hub, enterprise_claims(uscc=OTHER, name="示例市夕照贸易有限公司"))
    changed = await held(hub, OTHER)
    await hub.ledger.drain()
    by_rsa = await read_document(hub, changed, "pdf")
    return shown | {"pdf RSA": Shown(by_rsa, await hub.proofs.prove(changed, allowed=lambda _: True))}


async def held(hub: Hub, number: str = ENTERPRISE["id_number"]) -> str:
    (found,) = await identifiers_of(hub, "001", number)
    return str(found["identifier"])


async def under_sm2(hub: Hub, text: bytes) -> bytes:
    """The same licence under the issuer's SM2 key."""
    signed, _, shown = text.partition(b"~")
    content = json.loads(unb64u(signed.split(b".")[1]))
    key = await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR, suite=Suite.SM2))
    return sign_jws(content, signer=key.signer, typ="dc+sd-jwt", header=key.header).encode() + b"~" + shown


async def accept(hub: Hub, pack: bytes, *compared: str, reason: str = "省际互认协议") -> dict[str, object]:
    offer = await hub.peers.offer(COMMAND, pack, compared=compared, types=[LICENCE])
    assert offer.payload is not None
    proposal = await hub.sharing.proposals.propose(COMMAND, ACCEPT, offer.payload, reason)
    await hub.sharing.proposals.confirm(SECOND, proposal.id)
    hub.verification._policy = None
    return offer.payload


async def verdicts(hub: Hub, shown: dict[str, Shown]) -> dict[str, tuple[str, str, bool]]:
    found = {}
    for name, item in shown.items():
        verdict = await hub.presentation.present(item.data, Question(proof=item.proof))
        found[name] = (verdict.result.value, verdict.reason, verdict.hub is not None)
    return found


def roots(pack: bytes, hub: Hub) -> tuple[str, ...]:
    return TrustPack.read(pack, now=hub.clock()).policy.fingerprints()


async def test_whatever_one_hub_signs_passes_at_the_other_under_both_roots(hub: Hub, neighbour: Hub) -> None:
    cities = (hub, neighbour)
    made = [await papers(each) for each in cities]
    for there, here, shown in zip(cities, cities[::-1], made[::-1], strict=True):
        pack = await pack_of(here)
        assert len(roots(pack, here)) == 2
        await accept(there, pack, *roots(pack, here))
        assert await verdicts(there, shown) == dict.fromkeys(shown, ("passed", "ok", True))
        assert shown.keys() == set(FORMS)


async def test_under_one_root_the_others_are_told_which_one_is_missing_and_two_persons_add_it(
    place: Place, hub: Hub, neighbour: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    shown, pack = await papers(neighbour), await pack_of(neighbour)
    es256, sm2 = roots(pack, neighbour)
    told = await accept(hub, pack, es256)
    assert told["roots"] == [{"fingerprint": es256, "suite": "es256"}]
    assert told["left_out"] == [{"fingerprint": sm2, "suite": "sm2"}]
    refused = ("failed", "chain_not_compared", True)
    expected = {name: refused if name in SM2_FORMS else ("passed", "ok", True) for name in shown}
    assert await verdicts(hub, shown) == expected
    page = await client.post("/verify", files={"file": ("page", shown["ofd"].data, "application/ofd")})
    assert "尚未核对该根证书的指纹" in page.text
    listed = await yizheng(place, "trust", "list")
    assert listed.out.count(es256) == listed.out.count(sm2) == 1
    assert f"SM2    SHA-256 {sm2}" in listed.out
    # One operator renews what two said, and no more than that; another root needs two again.
    renewed = await hub.peers.offer(COMMAND, pack, compared=[es256], types=[LICENCE])
    assert renewed.payload is None
    file = tmp_path / "pack"
    file.write_bytes(pack)
    options = ("--fingerprint", es256.lower(), "--fingerprint", sm2.replace(":", ""), "--type", LICENCE)
    more = await yizheng(place, "trust", "import", str(file), *options, "--reason", "国密根", "--json")
    assert more.json()["state"] == "proposed", more.err
    assert await verdicts(hub, shown) == expected
    await hub.sharing.proposals.confirm(SECOND, more.json()["proposal"])
    hub.verification._policy = None
    assert await verdicts(hub, shown) == dict.fromkeys(shown, ("passed", "ok", True))
    # A proof of another licence proves nothing here either.
    answer = await client.post(
        "/api/v1/verify", files={"file": ("a", shown["pdf RSA"].data), "proof": ("p", shown["pdf"].proof)}
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/proof")


async def test_a_pack_is_taken_under_roots_that_are_in_it_and_of_which_one_signs_it(hub: Hub, neighbour: Hub) -> None:
    await read_document(neighbour, await held(neighbour), "ofd")
    pack = await pack_of(neighbour)
    es256, sm2 = roots(pack, neighbour)
    stranger = fingerprint(new_root("another", now=hub.clock()).certificate)
    for compared in ([], [sm2], [es256, stranger], ["00"]):
        with pytest.raises(TrustPackError):
            await hub.peers.offer(COMMAND, pack, compared=compared, types=[LICENCE])


async def test_a_hub_under_the_same_authority_takes_nobody_elses_place(hub: Hub, neighbour: Hub) -> None:
    pack = await pack_of(neighbour)
    (root,) = roots(pack, neighbour)
    await accept(hub, pack, root)
    key, payload = neighbour.desk.hub("hub"), pack.split(b".")[1]
    for signer, changed, why in (
        (key, {"hub": "https://another.example"}, "another_hub"),
        (neighbour.desk.hub("status"), {}, "not_signed_by_a_hub"),
    ):
        content = json.loads(unb64u(payload)) | changed
        forged = sign_jws(content, signer=signer.signer, typ=PACK_TYPE, header=signer.header).encode()
        with pytest.raises(TrustPackError, match=why):
            await hub.peers.offer(COMMAND, forged, compared=[root], types=[LICENCE])


async def test_a_root_that_is_replaced_is_believed_when_two_persons_compared_the_new_one(
    hub: Hub, neighbour: Hub
) -> None:
    shown = await papers(neighbour)
    before = await pack_of(neighbour)
    es256, sm2 = roots(before, neighbour)
    await accept(hub, before, es256, sm2)
    other = new_root("新国密根", now=neighbour.clock(), alg="SM2SM3").certificate
    anchors, clock = neighbour.desk.anchors(), neighbour.clock
    neighbour.desk._anchors = (anchors[0], other)
    neighbour.verification._clock = lambda: clock() + timedelta(seconds=2)
    after = await pack_of(neighbour)
    assert roots(after, neighbour) == (es256, fingerprint(other))
    # The old root is gone from their pack, and what leads to it fails; the new one is left out until two compared it.
    renewed = await hub.peers.offer(COMMAND, after, compared=[es256], types=[LICENCE])
    assert renewed.payload is None
    assert [root.fingerprint for root in renewed.left_out] == [fingerprint(other)]
    hub.verification._policy = None
    assert (await verdicts(hub, shown))["SM2SM3"][:2] == ("failed", "chain_anchor")
    told = await accept(hub, after, es256, fingerprint(other))
    assert {item["fingerprint"] for item in told["roots_before"]} == {es256, sm2}  # type: ignore[attr-defined]
    peers = await hub.peers.accepted(COMMAND)
    assert [{root["fingerprint"] for root in peer["roots"]} for peer in peers] == [{es256, fingerprint(other)}]
    with pytest.raises(TrustPackError, match="version"):
        await hub.peers.offer(COMMAND, before, compared=[es256, sm2], types=[LICENCE])


async def test_what_was_proposed_before_another_was_accepted_is_confirmed_no_more(hub: Hub, neighbour: Hub) -> None:
    await read_document(neighbour, await held(neighbour), "ofd")
    pack = await pack_of(neighbour)
    es256, sm2 = roots(pack, neighbour)
    offer = await hub.peers.offer(COMMAND, pack, compared=[es256], types=[LICENCE])
    assert offer.payload is not None
    waits = await hub.sharing.proposals.propose(COMMAND, ACCEPT, offer.payload, "only ES256")
    with pytest.raises(DefinitionError):
        await hub.sharing.proposals.propose(COMMAND, ACCEPT, offer.payload | {"left_out": []}, "SM2 not shown")
    await accept(hub, pack, es256, sm2)
    with pytest.raises(DefinitionError):
        await hub.sharing.proposals.confirm(SECOND, waits.id)


async def test_all_roots_of_the_own_hub_are_told_to_be_read_out(place: Place, hub: Hub, tmp_path: Path) -> None:
    await read_document(hub, await held(hub), "ofd")
    told = await yizheng(place, "export-trust", str(tmp_path / "pack"))
    for suite, anchor in zip(("ES256", "SM2  "), hub.desk.anchors(), strict=True):
        assert f"{suite}  SHA-256 {fingerprint(anchor)}" in told.out


async def test_the_console_shows_which_roots_count_and_which_were_left_out(
    place: Place, hub: Hub, neighbour: Hub
) -> None:
    await read_document(neighbour, await held(neighbour), "ofd")
    pack = await pack_of(neighbour)
    es256, sm2 = roots(pack, neighbour)
    offer = await hub.peers.offer(COMMAND, pack, compared=[es256], types=[LICENCE])
    assert offer.payload is not None
    await hub.sharing.proposals.propose(COMMAND, ACCEPT, offer.payload, "省际互认协议")
    await add_operator(hub)
    async with visitor(place, hub) as second:
        await second.sign_in("operator")
        asked = (await second.get("/console/proposals")).text
        assert (es256 in asked, sm2 in asked, "left_out" in asked) == (True, True, True)
        path = next(part for part in asked.split('"') if part.endswith("/confirm"))
        await second.post(path)
        rows = (await second.get("/console/proposals")).text.partition("互认平台的根证书")[2].split("<tr>")[2:]
    told = [(es256 in row, sm2 in row, "未核对" in row) for row in rows]
    assert told == [(True, False, False), (False, True, True)]
