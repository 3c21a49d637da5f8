"""After the first time: refresh tokens, notifications, encryption, and what the metadata say."""

import uuid
from datetime import timedelta

import httpx2
import pytest

from hub.runtime import Hub
from hub.wallets.bonds import LIFE
from hub.wallets.metadata import BATCH, server_metadata
from signing.sd_jwt import parse
from tests.citizens.conftest import signed_in
from tests.citizens.others import DEATH, death_claims, furnish, tie
from tests.hub.city import PERSON, identity_claims, ledger
from tests.support import POLICE, PUBLIC_URL, issue
from tests.wallets.conftest import Watch
from tests.wallets.foreign import Wallet
from tests.wallets.hand import Hand, hand, told
from tests.wallets.test_holdings import taken, verified

__all__ = ["hand"]
NOTIFY = f"{PUBLIC_URL}/wallets/notification"


async def test_a_wallet_renews_a_licence_issued_anew_and_each_token_is_good_once(
    hub: Hub, wallet: Wallet, client: httpx2.AsyncClient
) -> None:
    (first,) = await taken(hub, wallet)
    await issue(hub, identity_claims(address="新址一号"), slug="identity_card", issuer=POLICE)
    await hub.jobs.sweep()
    assert await verified(client, first) == ("failed", "certificate_superseded")
    got = await wallet.do("renew", keys=2)
    assert "error" not in got, (got, wallet.seen)
    assert (await verified(client, got["credentials"][1]))[0] == "passed"
    assert parse(got["credentials"][0]).payload["certificate"] != parse(first).payload["certificate"]
    (mine,) = await hub.wallets.holdings.listed(await signed_in(hub))
    assert mine.copies == 2  # of the old one nothing is left
    again = await wallet.do("renew", keys=1)
    assert "error" not in again
    assert "error" in await wallet.do("renew", old=got["token"]["refresh_token"])  # it has been used
    assert "error" in await wallet.do("renew")  # and ended the bond: somebody else may have its key
    assert (await verified(client, again["credentials"][0]))[0] == "passed"
    ended = [item.detail["why"] for item in await ledger(hub) if item.kind == "wallet.renewal_ended"]
    assert ended == ["reused"]


@pytest.mark.embedded
async def test_a_refresh_token_is_for_its_key_and_its_thirty_days(hub: Hub, hand: Hand, watch: Watch) -> None:
    answer = (await hand.exchange(*await hand.offered())).json()
    url = f"{PUBLIC_URL}/wallets/token"
    form = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]}
    stolen = Hand(hand.client, hub)
    for refresh, who in (
        (answer["refresh_token"], stolen),
        (answer["refresh_token"][:-1], stolen),
        (f"{uuid.uuid4()}.x", hand),
        ("", hand),
        ("x" * 36 + ".y", hand),
    ):
        given = await hand.client.post(url, data=form | {"refresh_token": refresh}, headers={"DPoP": who.dpop(url)})
        assert told(given) == (400, "invalid_grant")
    given = await hand.client.post(url, data=form, headers={"DPoP": hand.dpop(url)})
    form["refresh_token"] = given.json()["refresh_token"]
    watch.ahead = LIFE + timedelta(seconds=1)
    late = hand.dpop(url, iat=int(hub.clock().timestamp()))
    assert told(await hand.client.post(url, data=form, headers={"DPoP": late})) == (400, "invalid_grant")


async def test_a_wallet_says_what_it_did_and_what_it_deleted_is_refused(
    hub: Hub, wallet: Wallet, client: httpx2.AsyncClient, hand: Hand
) -> None:
    (copy,) = await taken(hub, wallet)
    for _ in range(2):
        assert (await wallet.do("tell", event="credential_accepted"))["status"] == 204
    assert (await verified(client, copy))[0] == "passed"
    assert "error" in await wallet.do("tell", event="credential_accepted", id=str(uuid.uuid4()))
    assert "invalid_notification_id" in wallet.seen[-1][2]
    token = await hand.token()
    headers = {"Authorization": f"DPoP {token}", "DPoP": hand.dpop(NOTIFY, token=token)}
    assert told(await client.post(NOTIFY, data={"a": "b"}, headers=headers)) == (400, "invalid_notification_request")
    batch = (await hand.ask(token, await hand.proof())).json()["notification_id"]
    good = {"notification_id": batch, "event": "credential_failure"}
    for body, error in (
        ({"event": "credential_burnt"}, "invalid_notification_request"),
        ({"event": 3}, "invalid_notification_request"),
        ({"notification_id": "x"}, "invalid_notification_id"),
    ):
        headers = {"Authorization": f"DPoP {token}", "DPoP": hand.dpop(NOTIFY, token=token)}
        assert told(await client.post(NOTIFY, json=good | body, headers=headers)) == (400, error)
    assert told(await client.post(NOTIFY, json=good)) == (401, "invalid_token")
    (told_of,) = [item.bond_id for item in await hub.wallets.holdings.listed(await signed_in(hub)) if item.copies][:1]
    assert told_of
    assert (await wallet.do("tell", event="credential_deleted"))["status"] == 204
    assert await verified(client, copy) == ("failed", "copy_removed")
    assert (await wallet.do("tell", event="credential_deleted"))["status"] == 204  # an answer may have been lost
    assert "error" in await wallet.do("renew")  # nothing was left of what the holder gave it
    kinds = [item.kind for item in await ledger(hub)]
    assert (kinds.count("wallet.deleted"), kinds.count("wallet.renewal_ended")) == (1, 1)
    headers = {"Authorization": f"DPoP {token}", "DPoP": hand.dpop(NOTIFY, token=token)}
    assert (await client.post(NOTIFY, json=good, headers=headers)).status_code == 204
    assert (await hand.ask(token, await hand.proof())).status_code == 200  # what failed is asked for again


@pytest.mark.embedded
async def test_the_phone_of_somebody_who_died_renews_nothing(hub: Hub, hand: Hand) -> None:
    token = await hand.token()
    assert (await hand.ask(token, await hand.proof())).status_code == 200
    await furnish(hub, DEATH)
    await tie(hub, DEATH, death_claims(PERSON | {"name": "另一写法"}))
    assert told(await hand.ask(token, await hand.proof())) == (400, "credential_request_denied")


@pytest.mark.embedded
async def test_requests_and_answers_are_encrypted_where_a_wallet_wants_it(
    hub: Hub, wallet: Wallet, client: httpx2.AsyncClient, hand: Hand, watch: Watch
) -> None:
    await taken(hub, wallet)
    for enc in ("A128GCM", "A256GCM"):
        got = await wallet.do("sealed", enc=enc)
        assert "error" not in got, (got, wallet.seen)
        assert (got["type"], got["header"]["kid"], got["header"]["enc"]) == ("application/jwt", "mine", enc)
        assert (await verified(client, got["credentials"][0]))[0] == "passed"
    token, mine = await hand.token(), dict(hand.key.public.jwk) | {"alg": "ECDH-ES"}
    receiver = {"jwk": mine, "enc": "A256GCM"}
    readable = await hand.ask(token, await hand.proof(), credential_response_encryption=receiver)
    assert told(readable) == (400, "invalid_encryption_parameters")  # somebody could have put his own key into it
    url = f"{PUBLIC_URL}/wallets/credential"
    for text in ("", "a.b.c.d.e", "x" * 70_000, "中"):
        headers = {"Authorization": f"DPoP {token}", "DPoP": hand.dpop(url, token=token)}
        headers["Content-Type"] = "application/jwt"
        assert told(await client.post(url, content=text.encode(), headers=headers)) == (
            400,
            "invalid_encryption_parameters",
        )


@pytest.mark.embedded
async def test_the_library_reads_what_the_metadata_say(hub: Hub, wallet: Wallet, client: httpx2.AsyncClient) -> None:
    found = await wallet.do("metadata", issuer=PUBLIC_URL)
    assert "error" not in found, found
    issuer, configuration = found["issuer"], found["issuer"]["credential_configurations_supported"]["identity_card"]
    assert issuer["batch_credential_issuance"] == {"batch_size": BATCH}
    assert {"nonce_endpoint", "notification_endpoint", "credential_endpoint"} <= issuer.keys()
    assert "refresh_token" in found["server"]["grant_types_supported"]
    shown = configuration["credential_metadata"]
    assert [item["locale"] for item in shown["display"]] == ["zh-CN", "en"]
    logo = shown["display"][0]["logo"]["uri"]
    assert (await client.get(logo)).headers["content-type"].startswith("image/svg")
    assert configuration["credential_signing_alg_values_supported"] == ["ES256"]
    required = {claim.name for claim in hub.types.newest("identity_card").claims.values() if claim.required}
    assert {item["path"][0] for item in shown["claims"] if item["mandatory"]} <= required
    assert {"name", "citizen_id"} <= {item["path"][0] for item in shown["claims"] if item["mandatory"]}
    alone = server_metadata(PUBLIC_URL, ["identity_card"], codes=False)
    assert not any(
        name.startswith(("response", "authorization_endpoint")) or value == [] for name, value in alone.items()
    )
    meant = (await client.get("/wallets/types/identity_card")).json()
    assert meant["vct"] == configuration["vct"]
    assert [item["path"] for item in meant["claims"]] == [item["path"] for item in shown["claims"]]
    assert (await client.get("/wallets/types")).json()["vct"] == meant["extends"]
    assert (await client.get("/wallets/types/nothing")).status_code == 404
