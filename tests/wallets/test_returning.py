"""A wallet on the device that asked leads the browser back, and only who came back that way hears the outcome."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from hub.runtime import Hub
from hub.wallets.returning import may_return_to
from tests.citizens.conftest import signed_in
from tests.hub.city import IDENTITY, PERSON
from tests.support import PURPOSE, Place
from tests.wallets.foreign import Wallet
from tests.wallets.test_asking import ASKS
from tests.wallets.test_holdings import taken

pytestmark = pytest.mark.embedded
BACK = "https://service.example/apply?step=2"


async def test_the_outcome_is_told_with_the_code_that_came_back(
    place: Place, hub: Hub, wallet: Wallet, client: httpx2.AsyncClient
) -> None:
    headers, (copy,) = await place.headers(client), await taken(hub, wallet)
    body = {"type": IDENTITY, "claims": ["name"], "purpose": PURPOSE, "return_to": BACK}
    made = (await client.post(ASKS, json=body, headers=headers)).json()
    shown = await wallet.do("show", request=made["scan"], credential=copy)
    assert (shown.get("status"), shown["back"].startswith(f"{BACK}&response_code=")) == (200, True)
    (code,) = parse_qs(urlsplit(shown["back"]).query)["response_code"]
    where = f"{ASKS}/{made['id']}"
    for wrong in ({}, {"Response-Code": "x"}, {"Response-Code": code[:-1]}):
        assert (await client.get(where, headers=headers | wrong)).json() == {"state": "answered"}
    told = (await client.get(where, headers=headers | {"Response-Code": code})).json()
    assert (told["result"], told["claims"]) == ("passed", {"name": PERSON["name"]})

    holder = await signed_in(hub)
    (mine,) = await hub.wallets.holdings.listed(holder)
    await hub.wallets.holdings.remove(holder, mine.bond_id, mine.certificate_id)
    made = (await client.post(ASKS, json=body | {"return_to": None}, headers=headers)).json()
    shown = await wallet.do("show", request=made["scan"], credential=copy)
    assert (shown["status"], shown.get("back")) == (200, None)  # another device asked: it leads nowhere
    told = (await client.get(f"{ASKS}/{made['id']}", headers=headers)).json()
    assert (told["result"], told["reason"], told["claims"]) == ("failed", "copy_removed", {})


async def test_where_a_browser_may_be_led(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    assert may_return_to(BACK)
    assert may_return_to("http://127.0.0.1:9000/back")
    for wrong in (
        "http://service.example/",
        "javascript:alert(1)",
        "https://user@service.example/",
        "https://service.example/#part",
        "https://service.example/?response_code=mine",
        "https://service.example/a b",
        "https://",
        "https://[",
        "https://服务.example/",
        "https://service.example/" + "x" * 500,
    ):
        assert not may_return_to(wrong), wrong
    body = {"type": IDENTITY, "claims": ["name"], "purpose": PURPOSE, "return_to": "http://service.example/"}
    refused = await client.post(ASKS, json=body, headers=await place.headers(client))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/return_to")
