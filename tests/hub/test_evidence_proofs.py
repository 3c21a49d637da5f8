"""What a receiver can check by itself: bundle, receipts, proofs and purpose copies; and what it never gets to see."""

import hashlib
import json
from base64 import b64decode
from typing import Any

import httpx2
import pytest
from jwcrypto.jwk import JWK
from sd_jwt.verifier import SDJWTVerifier
from structlog.testing import capture_logs

from certificates.purpose_copy import VCT
from hub.ledger.receipts import read_receipt
from hub.runtime import Hub
from signing import sd_jwt
from signing.canonical import strict_loads, unb64u
from signing.errors import SignatureError
from signing.jose import read_header, verify_jws
from signing.keys import Es256Key, SoftwareSigner, VerifyingKey
from signing.log.checkpoint import Checkpoint, NoteVerifier
from signing.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from tests.hub.city import (
    CANARIES,
    CIVIL,
    ESTATE,
    HOME,
    PERMITS,
    PERSON,
    grow,
    marriage_claims,
    permit_claims,
    shows_nothing,
    title_claims,
)
from tests.support import INTAKE, PUBLIC_URL, PURPOSE, Place, case_body, issue, open_case, pull

REQUEST = b'{"purpose": "%s",  "requirements": ["licence", "representative"]}' % PURPOSE.encode()


async def _answered(client: httpx2.AsyncClient, headers: dict[str, str]) -> httpx2.Response:
    case_no = await open_case(client, headers)
    typed = headers | {"Content-Type": "application/json"}
    answer = await client.post(f"/api/v1/cases/{case_no}/evidence", content=REQUEST, headers=typed)
    assert answer.status_code == 200, answer.text
    return answer


async def _key(client: httpx2.AsyncClient, token: str) -> VerifyingKey:
    """From the published key set, by exact kid."""
    keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
    (found,) = [key for key in keys if key["kid"] == read_header(token)["kid"]]
    return Es256Key.from_jwk(found)


async def test_the_bundle_binds_the_exact_request_and_every_token(place: Place, client: httpx2.AsyncClient) -> None:
    body = (await _answered(client, await place.headers(client))).json()
    key = await _key(client, body["bundle"])
    bundle = strict_loads(verify_jws(body["bundle"], key=key, typ="evidence-bundle+jwt").payload, max_bytes=65536)
    request = b"POST\n/api/v1/cases/" + body["case_no"].encode() + b"/evidence\n" + REQUEST + b"\n"
    assert bundle["request_hash"] == hashlib.sha256(request).hexdigest()
    assert (bundle["iss"], bundle["aud"], bundle["case_no"]) == (PUBLIC_URL, INTAKE, body["case_no"])
    assert bundle["jti"] == body["evidence_request_id"]
    token = body["requirements"][0]["evidence"]["token"]
    assert [item["tokens"] for item in bundle["requirements"]] == [[hashlib.sha256(token.encode()).hexdigest()], []]
    assert [item["outcome"] for item in bundle["requirements"]] == ["satisfied", "not_granted"]
    with pytest.raises(SignatureError):
        verify_jws(body["bundle"][:-8] + "AAAAAAAA", key=key, typ="evidence-bundle+jwt")


async def test_every_receipt_is_in_the_tree_and_the_tree_only_grows(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    published = await client.get("/.well-known/tlog-key")  # no account, nobody to ask
    assert published.text == hub.keys.note_signer("log").verifier.text + "\n"
    verifier = NoteVerifier.from_text(published.text.strip())
    old = Checkpoint.parse((await client.get("/ledger/checkpoint")).text, verifier=verifier)
    body = (await _answered(client, headers)).json()
    receipts = [item["receipt"] for item in body["requirements"]]
    assert len(receipts) == 2
    first = read_receipt(receipts[0], key=await _key(client, receipts[0]))
    early = await client.get(f"/api/v1/ledger/entries/{first['entry']}/proof")
    assert (early.status_code, early.headers["retry-after"]) == (503, "1")
    await hub.ledger.drain()
    for token in receipts:
        claims = read_receipt(token, key=await _key(client, token))
        proof = (await client.get(f"/api/v1/ledger/entries/{claims['entry']}/proof")).json()
        signed = Checkpoint.parse(proof["checkpoint"], verifier=verifier)
        leaf = {"commitment": claims["commitment"], "id": claims["entry"], "time": claims["time"]}
        assert json.loads(proof["leaf"]) == leaf
        assert claims["log"] == signed.origin
        path = [b64decode(node) for node in proof["path"]]
        place_in = {"index": proof["index"], "size": signed.size, "proof": path, "root": signed.root}
        verify_inclusion(leaf_hash(proof["leaf"].encode()), **place_in)
        assert proof["size"] == signed.size
    grown = (await client.get(f"/api/v1/ledger/consistency?size={old.size}")).json()
    new = Checkpoint.parse(grown["checkpoint"], verifier=verifier)
    verify_consistency(
        old_size=old.size,
        old_root=old.root,
        new_size=new.size,
        new_root=new.root,
        proof=[b64decode(node) for node in grown["path"]],
    )
    assert new.size > old.size


async def test_a_purpose_copy_is_for_one_receiver_case_and_hour(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    answer = await _answered(client, headers)
    item = answer.json()["requirements"][0]["evidence"]
    verified = sd_jwt.verify(item["token"], key=await _key(client, item["token"].partition("~")[0]))
    claims = verified.claims
    own = place.signer().public.jwk
    assert claims["cnf"] == {"jwk": {name: own[name] for name in ("kty", "crv", "x", "y")}}
    assert (claims["vct"], claims["iss"], claims["aud"]) == (VCT, PUBLIC_URL, INTAKE)
    assert 0 < claims["exp"] - claims["iat"] <= 24 * 3600
    assert claims["purpose"] == {"text": PURPOSE, "case_no": answer.json()["case_no"], "matter": "FOOD"}
    assert not {"status", "sub", "_sd", "_sd_alg"} & claims.keys()
    assert verified.disclosed == {"name", "uscc", "address"}
    assert item["claims"] == {name: claims[name] for name in verified.disclosed}
    assert not {"name", "uscc", "address"} & verified_payload(item["token"]).keys()


async def test_two_pulls_share_no_salt_digest_id_or_signature(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    seen: list[set[str]] = []
    for _ in range(2):
        token = (await _answered(client, headers)).json()["requirements"][0]["evidence"]["token"]
        jws, *disclosures = token.rstrip("~").split("~")
        payload = verified_payload(token)
        salts = {json.loads(unb64u(disclosure))[0] for disclosure in disclosures}
        assert len(salts) == len(payload["_sd"]) == 3
        seen.append({*salts, *payload["_sd"], *disclosures, payload["jti"], jws.rpartition(".")[2]})
    assert not seen[0] & seen[1]


async def test_another_implementation_accepts_a_purpose_copy(place: Place, client: httpx2.AsyncClient) -> None:
    item = (await _answered(client, await place.headers(client))).json()["requirements"][0]["evidence"]
    key = await _key(client, item["token"].partition("~")[0])
    public = {name: key.jwk[name] for name in ("kty", "crv", "x", "y")}
    found = SDJWTVerifier(item["token"], lambda _issuer, _header: JWK(**public)).get_verified_payload()
    assert {name: found[name] for name in item["claims"]} == item["claims"]
    foreign = SoftwareSigner.generate().public.jwk
    stranger = JWK(**{name: foreign[name] for name in ("kty", "crv", "x", "y")})
    with pytest.raises(Exception, match=r"[Vv]erif"):
        SDJWTVerifier(item["token"], lambda _issuer, _header: stranger)


def verified_payload(token: str) -> dict[str, Any]:
    """The signed payload as it stands, digests and all."""
    payload: dict[str, Any] = json.loads(unb64u(token.split(".")[1]))
    return payload


async def test_fields_outside_the_grant_are_seen_nowhere(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    city = await grow(place, hub, client)
    await issue(hub, marriage_claims(), slug="marriage_certificate", issuer=CIVIL)
    await issue(hub, title_claims("T1"), slug="real_estate_title", issuer=ESTATE)
    await issue(hub, permit_claims(), slug="residence_permit", issuer=PERMITS)
    parties = [{"role": "applicant", **PERSON}]
    with capture_logs() as logs:
        case_no = await open_case(city.client, city.headers, matter=HOME, parties=parties)
        answer = await pull(city.client, city.headers, case_no)
        problems = [
            await pull(city.client, city.headers, case_no, requirements=[CANARIES[0]]),
            await pull(city.client, city.headers, CANARIES[0]),
            await city.client.post("/api/v1/cases", json=case_body(parties=parties[0]), headers=city.headers),
            await city.client.get(f"/api/v1/cases/{PERSON['id_number']}", headers=city.headers),
        ]
    assert {item["outcome"] for item in answer.json()["requirements"]} == {"satisfied"}
    assert answer.json()["requirements"][0]["evidence"]["claims"] == {
        "name": PERSON["name"],
        "registered_on": "2019-05-20",
    }
    seen = answer.text + str(answer.headers) + _unpacked(answer.json())
    for problem in problems:
        assert 400 <= problem.status_code < 500
        seen += problem.text + str(problem.headers)
    shows_nothing(seen)
    shows_nothing(json.dumps(logs, ensure_ascii=False, default=str), PERSON["name"], PURPOSE)


def _unpacked(body: dict[str, Any]) -> str:
    """Everything that is base64 in an answer, read."""
    texts = []
    for item in body["requirements"]:
        jws, *disclosures = item["evidence"]["token"].rstrip("~").split("~")
        texts += [unb64u(part) for part in (*jws.split(".")[:2], *disclosures)]
        texts.append(unb64u(item["receipt"].split(".")[1]))
    texts.append(unb64u(body["bundle"].split(".")[1]))
    return b"".join(texts).decode()
