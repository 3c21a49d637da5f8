"""Licences go into wallets: driven by a wallet that other people wrote, and by hand where it would behave."""

import re
from html import unescape

import httpx2
import pytest
from sqlalchemy import select

from catalog.tables import table
from certificates.tables import CertificateVersionRow
from hub.runtime import Hub
from hub.wallets.tables import WalletCredentialRow
from signing.sd_jwt import parse
from tests.citizens.conftest import signed_in
from tests.citizens.others import KINSHIP, NEIGHBOUR, furnish, kinship_claims, tie
from tests.hub.city import PERSON, ledger
from tests.support import PUBLIC_URL
from tests.wallets.conftest import CLIENT, ORIGIN, REDIRECT
from tests.wallets.foreign import Wallet

pytestmark = pytest.mark.embedded


async def identifier_of(hub: Hub) -> str:
    rows = table(CertificateVersionRow)
    found = await hub.database.read(lambda tx: tx.execute(select(rows.c.identifier).order_by(rows.c.id.desc())).first())
    assert found is not None
    return str(found.identifier)


async def test_a_wallet_takes_an_offer_and_the_hub_verifies_what_it_got(
    hub: Hub, wallet: Wallet, client: httpx2.AsyncClient
) -> None:
    holder, identifier = await signed_in(hub), await identifier_of(hub)
    offer = await hub.wallets.offers.look(holder, await hub.wallets.offers.make(holder, identifier))
    got = await wallet.do("take", offer=offer.scan, digits=offer.digits, keys=3)
    assert "error" not in got, (got, wallet.seen)
    copies = [parse(text) for text in got["credentials"]]
    assert [copy.payload["cnf"]["jwk"]["x"] for copy in copies] == [jwk["x"] for jwk in got["thumbs"]]
    assert len({text for copy in copies for text in copy.disclosures}) == sum(len(copy.disclosures) for copy in copies)
    verdict = (await client.post("/api/v1/verify", json={"token": got["credentials"][0]})).json()
    assert (verdict["result"], verdict["claims"]["name"]) == ("passed", PERSON["name"])
    again = await wallet.do("take", offer=offer.scan, digits=offer.digits)
    assert "error" in again
    assert (await hub.wallets.offers.look(holder, offer.id)).state == "taken"
    given = [entry for entry in await ledger(hub) if entry.kind.startswith("wallet.")]
    assert [entry.kind for entry in given] == ["wallet.offered", "wallet.offer_taken", "wallet.issued"]
    rows = await hub.database.read(lambda tx: tx.execute(select(table(WalletCredentialRow))).all())
    assert given[2].detail["payloads"] == [row.payload_digest.hex() for row in rows]


async def test_a_named_wallet_asks_and_the_holder_answers_in_his_own_session(
    hub: Hub, wallet: Wallet, client: httpx2.AsyncClient, holder_client: httpx2.AsyncClient
) -> None:
    asked = {"issuer": PUBLIC_URL, "configuration": "identity_card", "client": CLIENT, "redirect": REDIRECT}
    for details in (False, True):
        begun = await wallet.do("begin", **asked, details=details)
        assert "error" not in begun, (begun, wallet.seen)
        page = await holder_client.get(begun["url"], follow_redirects=True)
        assert page.status_code == 200
        assert CLIENT in page.text
        form = {name: field(page.text, name) for name in ("csrf", "request")}
        form |= {"do": "allow", "certificates": await identifier_of(hub)}
        other = await holder_client.post("/me/wallets/answer", data=form | {"request": "0" * 64}, headers=ORIGIN)
        assert other.status_code == 404  # a page of another request than the one that waits
        empty = await holder_client.post("/me/wallets/answer", data=form | {"certificates": ""}, headers=ORIGIN)
        assert empty.status_code == 404
        answered = await holder_client.post("/me/wallets/answer", data=form, headers=ORIGIN)
        back = unescape(re.findall(r'href="(https://wallet\.example[^"]+)"', answered.text)[0])
        got = await wallet.do("finish", back=back)
        assert "error" not in got, (got, wallet.seen)
        assert ("authorization_details" in got["token"]) is details
        assert len(got["credentials"]) == 1
        assert "error" in await wallet.do("finish", back=back)  # a code is good once
        assert (await hub.wallets.holdings.listed(await signed_in(hub)))[0].wallet == CLIENT


async def test_who_says_no_gives_nothing(
    hub: Hub, wallet: Wallet, client: httpx2.AsyncClient, holder_client: httpx2.AsyncClient
) -> None:
    asked = {"issuer": PUBLIC_URL, "configuration": "identity_card", "client": CLIENT, "redirect": REDIRECT}
    begun = await wallet.do("begin", **asked)
    stranger = await client.get(begun["url"], follow_redirects=True)
    assert "/me/sign-in" in str(stranger.url)
    page = await holder_client.get(begun["url"], follow_redirects=True)
    form = {"csrf": field(page.text, "csrf"), "request": field(page.text, "request"), "do": "refuse"}
    answered = await holder_client.post("/me/wallets/answer", data=form, headers=ORIGIN)
    assert "error=access_denied" in answered.text
    assert [entry.kind for entry in await ledger(hub) if entry.kind.startswith("wallet.")] == ["wallet.refused"]


async def test_a_holder_of_many_licences_finds_each_of_them(
    hub: Hub, holder_client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.citizens.licences.PAGE", 1)
    await furnish(hub, KINSHIP)
    await tie(hub, KINSHIP, kinship_claims(PERSON, NEIGHBOUR, "邻居"))
    first = (await holder_client.get("/me/wallets")).text
    (behind,) = re.findall(r'href="(/me/wallets\?cursor=[^"]+)"', first)
    second = (await holder_client.get(unescape(behind))).text
    offered = {field(page, "identifier") for page in (first, second)}
    assert len(offered) == 2
    assert "/me/wallets?cursor=" not in second


def field(page: str, name: str) -> str:
    return str(re.findall(rf'name="{name}" value="([^"]*)"', page)[0])
