"""What a wallet pushed and a holder agreed to: in the words of the protocols, as it was pushed, and his for so long as
he is somebody.
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from catalog.tables import table
from hub.citizens.errors import HolderSignInNeededError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.wallets.tables import WalletAuthorizationRow, WalletBondRow
from signing.canonical import b64u, canonical, sha256
from tests.citizens.conftest import erased, signed_in
from tests.support import PUBLIC_URL
from tests.wallets.conftest import CLIENT, REDIRECT
from tests.wallets.hand import TOKEN, Hand, hand, told
from tests.wallets.test_issuing import identifier_of

__all__ = ["hand"]
pytestmark = pytest.mark.embedded
VERIFIER = "v" * 43
PUSHED = {
    "client_id": CLIENT,
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "identity_card",
    "code_challenge": b64u(sha256(VERIFIER.encode())),
    "code_challenge_method": "S256",
}
FORM = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}


def details(configuration: str = "identity_card", **more: Any) -> dict[str, str]:
    said = {"type": "openid_credential", "credential_configuration_id": configuration} | more
    return {"authorization_details": canonical([said]).decode()}


async def pushed(hand: Hand, **changes: str) -> str:
    """The reference to a request that waits for its holder."""
    answer = await hand.client.post("/wallets/par", data=PUSHED | changes)
    assert answer.status_code == 201, answer.text
    return await hand.hub.wallets.authorizing.known(CLIENT, answer.json()["request_uri"])


async def code(hand: Hand, **changes: str) -> str:
    """What comes back when he says yes."""
    holder, reference = await signed_in(hand.hub), await pushed(hand, **changes)
    back = await hand.hub.wallets.authorizing.allow(holder, reference, [await identifier_of(hand.hub)])
    return parse_qs(urlsplit(back.location).query)["code"][0]


async def test_scopes_that_nobody_knows_are_passed_over_and_details_are_for_this_issuer(hand: Hand) -> None:
    assert await pushed(hand, scope="openid identity_card offline_access")
    assert await pushed(hand, **details(locations=[PUBLIC_URL]))
    for wrong in (
        details("everything"),
        details(locations=["https://elsewhere.example"]),
        details(locations=PUBLIC_URL),
        {"authorization_details": "[]"},
    ):
        answer = await hand.client.post("/wallets/par", data=PUSHED | wrong)
        assert told(answer) == (400, "invalid_authorization_details"), wrong


async def test_who_names_details_for_a_token_is_answered_with_identifiers(hand: Hand) -> None:
    async def answered(**form: str) -> dict[str, Any]:
        answer = await hand.client.post(TOKEN, data=form, headers={"DPoP": hand.dpop(TOKEN)})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    plain = await answered(**FORM, code=await code(hand))
    assert (plain["scope"], "authorization_details" in plain) == ("identity_card", False)
    named = await answered(**FORM, code=await code(hand), **details())
    (said,) = named["authorization_details"]
    assert (said["credential_configuration_id"], len(said["credential_identifiers"])) == ("identity_card", 1)
    refreshing = {"grant_type": "refresh_token", "refresh_token": plain["refresh_token"]}
    for form in (FORM | {"code": await code(hand)}, refreshing):
        answer = await hand.client.post(TOKEN, data=form | details("none"), headers={"DPoP": hand.dpop(TOKEN)})
        assert told(answer) == (400, "invalid_authorization_details")
    assert "authorization_details" in await answered(**refreshing, **details())  # and it was not used up
    by_configuration = await hand.ask(named["access_token"], await hand.proof())
    assert told(by_configuration) == (400, "invalid_credential_request")
    (identifier,) = said["credential_identifiers"]
    body = {"credential_configuration_id": None, "credential_identifier": identifier}
    assert (await hand.ask(named["access_token"], await hand.proof(), **body)).status_code == 200


async def test_a_wallet_that_is_not_named_any_more_renews_nothing(
    hub: Hub, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await hand.client.post(TOKEN, data=FORM | {"code": await code(hand)}, headers={"DPoP": hand.dpop(TOKEN)})
    form = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
    with monkeypatch.context() as struck:
        struck.delitem(hub.settings.wallet_clients, CLIENT)
        refused = await hand.client.post(TOKEN, data=form, headers={"DPoP": hand.dpop(TOKEN)})
        assert told(refused) == (400, "invalid_grant")
    assert (await hand.client.post(TOKEN, data=form, headers={"DPoP": hand.dpop(TOKEN)})).status_code == 200


async def test_a_pushed_request_that_was_changed_by_sql_waits_for_nobody(hub: Hub, hand: Hand) -> None:
    holder, rows = await signed_in(hub), table(WalletAuthorizationRow)
    for name, forged in (
        ("redirect_uri", "https://elsewhere.example/"),
        ("challenge", "x" * 43),
        ("client_id", "other"),
        ("thumbprint", "t" * 43),
    ):
        reference = await pushed(hand)
        changed = update(rows).where(rows.c.state == "pushed").values({name: forged})
        await hub.database.write(lambda tx, changed=changed: tx.execute(changed))  # type: ignore[misc]
        with pytest.raises(MissingError), capture_logs() as logs:
            await hub.wallets.authorizing.look(holder, reference)
        assert [(entry["event"], entry["alarm"]) for entry in logs] == [("guarded_row_broken", True)]
        with pytest.raises(MissingError):
            await hub.wallets.authorizing.allow(holder, reference, [await identifier_of(hub)])


async def test_of_whoever_is_erased_no_code_is_good_and_no_answer_is_taken(hub: Hub, hand: Hand) -> None:
    holder, late, waiting = await signed_in(hub), await code(hand), await pushed(hand)
    identifier = await identifier_of(hub)
    await erased(hub)
    answer = await hand.client.post(TOKEN, data=FORM | {"code": late}, headers={"DPoP": hand.dpop(TOKEN)})
    assert told(answer) == (400, "invalid_grant")
    with pytest.raises(HolderSignInNeededError):
        await hub.wallets.authorizing.allow(holder, waiting, [identifier])
    with pytest.raises(HolderSignInNeededError):
        await hub.wallets.authorizing.refuse(holder, waiting)
    for rows in (table(WalletBondRow), table(WalletAuthorizationRow)):
        his = select(func.count()).select_from(rows).where(rows.c.subject_id == holder.id)
        assert await hub.database.read(lambda tx, his=his: tx.execute(his).scalar_one()) == 0  # type: ignore[misc]


async def test_an_answered_request_and_a_used_code_open_nothing_when_their_rows_are_put_back(
    hub: Hub, hand: Hand
) -> None:
    holder, rows = await signed_in(hub), table(WalletAuthorizationRow)

    async def row() -> dict[str, Any]:
        query = select(rows).where(rows.c.state.in_(["pushed", "allowed"]))
        return dict((await hub.database.read(lambda tx: tx.execute(query).one()))._mapping)

    async def put_back(kept: dict[str, Any]) -> None:
        back = update(rows).where(rows.c.request_hash == kept["request_hash"]).values(**kept)
        await hub.database.write(lambda tx: tx.execute(back))

    reference = await pushed(hand)
    waiting = await row()
    back = await hub.wallets.authorizing.allow(holder, reference, [await identifier_of(hub)])
    form = FORM | {"code": parse_qs(urlsplit(back.location).query)["code"][0]}
    allowed = await row()
    assert (await hand.client.post(TOKEN, data=form, headers={"DPoP": hand.dpop(TOKEN)})).status_code == 200
    await put_back(allowed)
    answer = await hand.client.post(TOKEN, data=form, headers={"DPoP": hand.dpop(TOKEN)})
    assert told(answer) == (400, "invalid_grant")
    await put_back(waiting)
    with pytest.raises(MissingError):
        await hub.wallets.authorizing.allow(holder, reference, [await identifier_of(hub)])
