"""What no wallet gets: replays, wrong audiences, guesses, others' keys. By hand, since a good wallet never asks."""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.access.sessions import hashed
from hub.clock import utc_now
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.wallets.tables import WalletAuthorizationRow, WalletOfferRow, WalletTokenRow
from signing.canonical import b64u, sha256
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.citizens.conftest import signed_in
from tests.hub.city import ledger
from tests.keys.test_compromise import declaration
from tests.support import POLICE, PUBLIC_URL
from tests.wallets.conftest import CLIENT, REDIRECT, Watch
from tests.wallets.hand import CREDENTIAL, TOKEN, Hand, bare, hand, told
from tests.wallets.test_issuing import identifier_of

__all__ = ["hand"]
pytestmark = pytest.mark.embedded


async def test_digits_are_guessed_five_times(hub: Hub, hand: Hand) -> None:
    code, digits = await hand.offered()
    assert told(await hand.exchange(code, None)) == (400, "invalid_request")
    wrong = f"{(int(digits) + 1) % 10**6:06d}"
    assert [told(await hand.exchange(code, wrong)) for _ in range(5)] == [(400, "invalid_grant")] * 5
    assert told(await hand.exchange(code, digits)) == (400, "invalid_grant")
    assert [entry.kind for entry in await ledger(hub)][-1] == "wallet.guessed"


async def test_an_offer_ends_with_its_five_minutes_and_with_the_next_one(hand: Hand, watch: Watch) -> None:
    first, second = await hand.offered(), await hand.offered()
    assert told(await hand.exchange(*first)) == (400, "invalid_grant")
    watch.ahead = timedelta(minutes=5, seconds=1)
    late = hand.dpop(TOKEN, iat=int(time.time()) + 301)
    assert told(await hand.exchange(*second, late)) == (400, "invalid_grant")


async def test_a_dpop_proof_is_for_one_request_by_one_key(hand: Hand) -> None:
    code, digits = await hand.offered()
    public = bare(hand.key)
    wrong = {
        "htu": hand.dpop(CREDENTIAL),
        "htm": hand.dpop(TOKEN, htm="GET"),
        "old": hand.dpop(TOKEN, iat=int(time.time()) - 70),
        "future": hand.dpop(TOKEN, iat=int(time.time()) + 30),
        "jti": hand.dpop(TOKEN, jti=""),
        "ancient": hand.dpop(TOKEN, iat=-(10**15)),
        "kind": sign_jws({"jti": "x"}, signer=hand.key, typ="JWT", header={"jwk": public}),
        "private": sign_jws({"jti": "x"}, signer=hand.key, typ="dpop+jwt", header={"jwk": public | {"d": "AA"}}),
        "no key": sign_jws({"jti": "x"}, signer=hand.key, typ="dpop+jwt"),
        "nothing": "a.b.c",
    }
    for name, proof in wrong.items():
        assert told(await hand.exchange(code, digits, proof)) == (400, "invalid_dpop_proof"), name
    used = hand.dpop(TOKEN)
    token = (await hand.exchange(code, digits, used)).json()["access_token"]
    assert told(await hand.exchange(code, digits, used)) == (400, "invalid_dpop_proof")
    proof, stolen = await hand.proof(), SoftwareSigner.generate()
    attacks = {
        "another key": (hand.dpop(CREDENTIAL, token=token, key=stolen), "invalid_token"),
        "another token": (hand.dpop(CREDENTIAL, token="x"), "invalid_dpop_proof"),
        "no hash": (hand.dpop(CREDENTIAL), "invalid_dpop_proof"),
    }
    for name, (attack, error) in attacks.items():
        assert told(await hand.ask(token, proof, dpop=attack)) == (401, error), name
    once = hand.dpop(CREDENTIAL, token=token)
    assert (await hand.ask(token, proof, dpop=once)).status_code == 200
    assert told(await hand.ask(token, await hand.proof(), dpop=once)) == (401, "invalid_dpop_proof")


async def test_a_nonce_is_used_once_and_a_proof_is_for_this_issuer(hand: Hand, watch: Watch) -> None:
    token, nonce = await hand.token(), await hand.nonce()
    forged = f"{nonce.partition('.')[0]}.{'a' * 24}.{nonce.rpartition('.')[2]}"
    attacks = {
        "aud": (await hand.proof(aud="https://elsewhere.example"), "invalid_proof"),
        "old": (await hand.proof(iat=int(time.time()) - 400), "invalid_proof"),
        "kind": (await hand.proof(typ="JWT"), "invalid_proof"),
        "forged": (await hand.proof(forged), "invalid_nonce"),
        "none": (await hand.proof("nonsense"), "invalid_nonce"),
    }
    for name, (proof, error) in attacks.items():
        assert told(await hand.ask(token, proof)) == (400, error), name
    both = [await hand.proof(nonce), await hand.proof(nonce)]
    assert told(await hand.ask(token, both[0], both[0])) == (400, "invalid_proof")
    assert told(await hand.ask(token, both[0], await hand.proof())) == (400, "invalid_nonce")
    assert len((await hand.ask(token, *both)).json()["credentials"]) == 2
    assert told(await hand.ask(token, await hand.proof(nonce))) == (400, "invalid_nonce")
    for body, error in (
        ({"credential_configuration_id": "business_licence"}, "unknown_credential_configuration"),
        ({"credential_configuration_id": 3}, "invalid_credential_request"),
        ({"credential_identifier": 3}, "invalid_credential_request"),
        ({"credential_identifier": "identity_card.1"}, "invalid_credential_request"),
    ):
        assert told(await hand.ask(token, await hand.proof(), **body)) == (400, error)
    headers = {"Authorization": f"DPoP {token}", "DPoP": hand.dpop(CREDENTIAL, token=token)}
    unread = await hand.client.post(CREDENTIAL, data={"a": "b"}, headers=headers)
    assert told(unread) == (400, "invalid_credential_request")
    assert (await hand.ask(token, await hand.proof(attested="x" * 9000))).status_code == 200  # passed over
    nonce, later = await hand.nonce(), int(time.time()) + 360
    watch.ahead = timedelta(minutes=6)
    proof, dpop = await hand.proof(nonce, iat=later), hand.dpop(CREDENTIAL, token=token, iat=later)
    assert told(await hand.ask(token, proof, dpop=dpop)) == (400, "invalid_nonce")


async def test_copies_end_with_the_token_and_follow_their_licence(hub: Hub, hand: Hand) -> None:
    token = await hand.token()
    for _ in range(2):
        nonce = await hand.nonce()
        given = await hand.ask(token, *[await hand.proof(nonce) for _ in range(10)])
        assert given.status_code == 200
    assert told(await hand.ask(token, await hand.proof())) == (400, "credential_request_denied")
    copy, fresh = given.json()["credentials"][0]["credential"], await hand.token()
    await hub.status.change(await identifier_of(hub), Operation.REVOKE, reason="test", legal_basis="test")
    assert told(await hand.ask(fresh, await hand.proof())) == (400, "credential_request_denied")
    verdict = (await hand.client.post("/api/v1/verify", json={"token": copy})).json()
    assert (verdict["result"], verdict["reason"]) == ("failed", "certificate_revoked")


async def test_rows_written_by_sql_open_nothing(hub: Hub, hand: Hand) -> None:
    await hand.token()
    tokens, codes, offers = table(WalletTokenRow), table(WalletAuthorizationRow), table(WalletOfferRow)

    def forge(tx: Connection) -> None:
        row = dict(tx.execute(select(tokens)).one()._asdict())
        tx.execute(insert(tokens).values(**row | {"token_hash": hashed("forged")}))
        request: dict[str, Any] = {"request_hash": hashed("x"), "code_hash": hashed("forged"), "state": "allowed"}
        request |= {"client_id": CLIENT, "redirect_uri": REDIRECT, "challenge": b64u(sha256(b"v" * 43))}
        same = {name: row[name] for name in ("configuration", "subject_id", "certificate_ids", "expires_at")}
        tx.execute(insert(codes).values(**request, **same, detailed=False))

    await hub.database.write(forge)
    assert told(await hand.ask("forged", await hand.proof())) == (401, "invalid_token")
    form = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": REDIRECT}
    form |= {"code": "forged", "code_verifier": "v" * 43}
    answer = await hand.client.post(TOKEN, data=form, headers={"DPoP": hand.dpop(TOKEN)})
    assert told(answer) == (400, "invalid_grant")
    code, digits = await hand.offered()
    swapped = update(offers).where(offers.c.state == "live").values(configuration="business_licence")
    await hub.database.write(lambda tx: tx.execute(swapped))
    assert told(await hand.exchange(code, digits)) == (400, "invalid_grant")
    code, digits = await hand.offered()
    later = update(offers).where(offers.c.state == "live").values(expires_at=hub.clock() + timedelta(minutes=9))
    await hub.database.write(lambda tx: tx.execute(later))
    assert told(await hand.exchange(code, digits)) == (400, "invalid_grant")


async def test_an_offer_that_was_taken_or_replaced_opens_nothing_when_it_is_put_back(hub: Hub, hand: Hand) -> None:
    offers = table(WalletOfferRow)

    async def live() -> dict[str, Any]:
        row = await hub.database.read(lambda tx: tx.execute(select(offers).where(offers.c.state == "live")).one())
        return dict(row._mapping)

    async def put_back(row: dict[str, Any]) -> None:
        await hub.database.write(lambda tx: tx.execute(delete(offers).where(offers.c.id == row["id"])))
        await hub.database.write(lambda tx: tx.execute(insert(offers).values(**row)))

    old_code, old_digits = await hand.offered()
    replaced = await live()
    code, digits = await hand.offered()
    taken = await live()
    assert (await hand.exchange(code, digits)).status_code == 200
    for row, given in ((replaced, (old_code, old_digits)), (taken, (code, digits))):
        await put_back(row)
        assert told(await hand.exchange(*given)) == (400, "invalid_grant")


async def test_only_named_wallets_push_and_never_without_pkce(hand: Hand) -> None:
    good = {
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "identity_card",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    attacks = {
        "client": (good | {"client_id": "somebody"}, (400, "invalid_client")),
        "address": (good | {"redirect_uri": "https://elsewhere.example/"}, (400, "invalid_request")),
        "reference": (good | {"request_uri": "urn:x"}, (400, "invalid_request")),
        "plain": (good | {"code_challenge_method": "plain"}, (400, "invalid_request")),
        "no PKCE": ({name: good[name] for name in good if "challenge" not in name}, (400, "invalid_request")),
        "scope": (good | {"scope": "everything"}, (400, "invalid_scope")),
        "implicit": (good | {"response_type": "token"}, (400, "unsupported_response_type")),
    }
    for name, (form, error) in attacks.items():
        assert told(await hand.client.post("/wallets/par", data=form)) == error, name
    pushed = (await hand.client.post("/wallets/par", data=good)).json()["request_uri"]
    for query in ({"client_id": "x", "request_uri": pushed}, {"client_id": CLIENT, "request_uri": pushed + "x"}):
        assert (await hand.client.get("/wallets/authorize", params=query)).status_code == 404


async def test_a_code_is_for_whoever_began_and_is_tried_once(hub: Hub, hand: Hand) -> None:
    verifier, holder = "v" * 43, await signed_in(hub)
    pushed = {
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "identity_card",
        "code_challenge": b64u(sha256(verifier.encode())),
        "code_challenge_method": "S256",
    }
    form = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": REDIRECT}

    async def code() -> str:
        dpop = {"DPoP": hand.dpop(f"{PUBLIC_URL}/wallets/par")}
        answer = (await hand.client.post("/wallets/par", data=pushed, headers=dpop)).json()
        reference = await hub.wallets.authorizing.known(CLIENT, answer["request_uri"])
        back = await hub.wallets.authorizing.allow(holder, reference, [await identifier_of(hub)])
        with pytest.raises(MissingError):  # the first answer counts
            await hub.wallets.authorizing.refuse(holder, reference)
        return str(parse_qs(urlsplit(back.location).query)["code"][0])

    attacks: dict[str, tuple[dict[str, str], SoftwareSigner | None, str]] = {
        "no verifier": ({}, None, "invalid_grant"),
        "another verifier": ({"code_verifier": "w" * 43}, None, "invalid_grant"),
        "short verifier": ({"code_verifier": verifier[:42]}, None, "invalid_grant"),
        "address": ({"code_verifier": verifier, "redirect_uri": "https://elsewhere.example/"}, None, "invalid_grant"),
        "client": ({"code_verifier": verifier, "client_id": "x"}, None, "invalid_grant"),
        "key": ({"code_verifier": verifier}, SoftwareSigner.generate(), "invalid_dpop_proof"),
    }
    for name, (wrong, key, error) in attacks.items():
        given = form | {"code": await code()}
        answer = await hand.client.post(TOKEN, data=given | wrong, headers={"DPoP": hand.dpop(TOKEN, key=key)})
        assert told(answer) == (400, error), name
        right = given | {"code_verifier": verifier}
        answer = await hand.client.post(TOKEN, data=right, headers={"DPoP": hand.dpop(TOKEN)})
        assert told(answer) == (400, "invalid_grant"), name
    good = form | {"code": await code(), "code_verifier": verifier}
    assert (await hand.client.post(TOKEN, data=good, headers={"DPoP": hand.dpop(TOKEN)})).status_code == 200

    answer = (await hand.client.post("/wallets/par", data=pushed)).json()
    reference = await hub.wallets.authorizing.known(CLIENT, answer["request_uri"])
    kid = (await hub.database.read(lambda tx: hub.desk.issuer(tx, POLICE))).signer.kid
    await hub.sharing.proposals.propose(COMMAND, "key.compromised", declaration(kid, utc_now()), "stolen")
    assert (await hub.wallets.authorizing.look(holder, reference)).identifiers == []  # and no error
