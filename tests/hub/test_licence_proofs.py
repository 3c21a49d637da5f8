"""A proof ships with a licence: it verifies offline after its key was lost, and for a page as for its text."""

import json
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from certificates.errors import ProofRefusedError
from certificates.lifecycle.states import Operation
from certificates.verifying.pack import TrustPack
from certificates.verifying.pack_status import PackStatuses
from certificates.verifying.papers import SdJwtPaper
from certificates.verifying.papers_files import PdfPaper
from certificates.verifying.procedure import verify_paper
from certificates.verifying.proof import PROOF_TYPE, read_proof
from hub.issuing.files import identifiers_of, read_document
from hub.runtime import Hub
from signing.canonical import b64u, unb64u
from signing.jose import sign_jws
from tests.hub.command import yizheng
from tests.support import ENTERPRISE, NARROW, Place

pytestmark = pytest.mark.embedded


@pytest.fixture
async def identifier(hub: Hub) -> str:
    await hub.ledger.drain()
    (held,) = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    return str(held["identifier"])


async def proof_of(hub: Hub, identifier: str) -> bytes:
    return await hub.proofs.prove(identifier, allowed=lambda _: True)


async def pack_of(hub: Hub) -> TrustPack:
    return TrustPack.read(await hub.verification.trust_pack(), now=hub.clock())


async def test_a_key_declared_compromised_later_passes_offline_with_the_proof_and_only_so(
    hub: Hub, identifier: str
) -> None:
    token, pack = await read_document(hub, identifier), await pack_of(hub)
    kid = verify_paper(
        SdJwtPaper(token), trust=pack.policy, statuses=PackStatuses(pack, now=hub.clock()), audience=None,
        now=hub.clock(),
    ).key  # fmt: skip
    assert kid is not None
    now = hub.clock()
    pack.policy.compromised[kid] = now  # type: ignore[index]  # as its next pack will say
    proof = read_proof(await proof_of(hub, identifier), trust=pack.policy, now=now)

    def reason(token: bytes, *, proven: bool) -> str:
        paper = SdJwtPaper(token)
        known = proof.known_of(paper) if proven else None
        statuses = PackStatuses(pack, now=now)
        return verify_paper(paper, trust=pack.policy, statuses=statuses, audience=None, now=now, known=known).reason

    assert reason(token, proven=False) == "chain_key_compromised"
    assert reason(token, proven=True) == "ok"
    fewer = b"~".join(token.split(b"~")[:2]) + b"~"
    assert reason(fewer, proven=True) == "ok"
    # The thief writes another licence under the same identifier: the proof is not of that one.
    head, payload, _ = token.split(b"~")[0].split(b".")
    content = json.loads(unb64u(payload)) | {"iat": 1}
    certified = await hub.database.read(lambda tx: hub.desk.issuer(tx, content["certificate"]["issuer"]["uscc"]))
    forged = sign_jws(content, signer=certified.signer, typ="dc+sd-jwt", header=certified.header).encode() + b"~"
    assert reason(forged, proven=True) == "chain_key_compromised"
    del head


async def test_a_page_verifies_offline_with_the_proof_status_included(
    place: Place, hub: Hub, client: httpx2.AsyncClient, identifier: str, tmp_path: Path
) -> None:
    headers = await place.headers(client)
    page = (await client.get(f"/api/v1/certificates/{identifier}/file?format=pdf", headers=headers)).content
    answer = await client.get(f"/api/v1/certificates/{identifier}/proof", headers=headers)
    assert answer.status_code == 200, answer.text
    files = {name: tmp_path / name for name in ("page", "proof", "pack", "other")}
    files["page"].write_bytes(page)
    files["proof"].write_bytes(answer.content)
    files["pack"].write_bytes(await hub.verification.trust_pack())
    arguments = ("verify", str(files["page"]), "--offline", "--trust", str(files["pack"]), "--json")
    alone = await yizheng(place, *arguments)
    assert (alone.code, alone.json()["reason"]) == (2, "validity_unavailable")
    proven = await yizheng(place, *arguments, "--proof", str(files["proof"]))
    assert (proven.code, proven.json()["reason"]) == (0, "ok"), proven.out
    assert proven.json()["certificate"]["valid_until"] is None
    await hub.status.change(identifier, Operation.REVOKE, reason="test", legal_basis="test")
    files["pack"].write_bytes((await hub.verification._make_pack()).encode())
    revoked = await yizheng(place, *arguments, "--proof", str(files["proof"]))
    assert (revoked.code, revoked.json()["reason"]) == (1, "certificate_revoked")
    files["other"].write_bytes(answer.content[:-9] + b"AAAAAAAAA")
    assert (await yizheng(place, *arguments, "--proof", str(files["other"]))).code == 64


async def test_only_the_issuer_gets_it(place: Place, client: httpx2.AsyncClient, identifier: str) -> None:
    path = f"/api/v1/certificates/{identifier}/proof"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=await place.headers(client, NARROW))).status_code in {200, 404}
    assert (await client.get(f"{path[:-8]}X/proof", headers=await place.headers(client))).status_code == 404


async def test_nothing_in_a_proof_can_be_changed(hub: Hub, identifier: str) -> None:
    pack, genuine = await pack_of(hub), await proof_of(hub, identifier)
    head, payload, signature = genuine.decode().split(".")
    content = json.loads(unb64u(payload))
    ledger, now = content["ledger"], hub.clock()
    certified, copier = hub.desk.hub("hub"), hub.desk.hub("purpose-copy")
    earlier = ledger | {"time": "2020-01-01T00:00:00.000000Z"}
    for name, changed, by in (
        ("time", content | {"ledger": earlier}, certified),
        ("index", content | {"ledger": ledger | {"index": ledger["index"] + 1}}, certified),
        ("path", content | {"ledger": ledger | {"path": ledger["path"][1:]}}, certified),
        ("size", content | {"ledger": ledger | {"size": ledger["size"] + 1}}, certified),
        ("another hub", content | {"iss": "https://other.example"}, certified),
        ("another key of the hub", content, copier),
        ("nothing", {}, certified),
    ):
        forged = sign_jws(changed, signer=by.signer, typ=PROOF_TYPE, header=by.header).encode()
        with pytest.raises(ProofRefusedError):
            read_proof(forged, trust=pack.policy, now=now)
        assert name
    edited = b64u(json.dumps(content | {"sub": "x"}).encode())
    for data in (f"{head}.{edited}.{signature}".encode(), b"", b"junk", genuine[:-20]):
        with pytest.raises(ProofRefusedError):
            read_proof(data, trust=pack.policy, now=now)
    read = read_proof(genuine, trust=pack.policy, now=now)
    assert read.known.proven_at is not None
    assert now - read.known.proven_at < timedelta(hours=1)
    with pytest.raises(ProofRefusedError, match="other_licence"):
        read.known_of(PdfPaper(b"%PDF-1.7"))
