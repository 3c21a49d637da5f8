"""A hub whose person has two licences, and a wallet that other people wrote."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

import httpx2
import pytest

from hub.clock import utc_now
from hub.runtime import Hub, open_hub
from tests.citizens.conftest import session
from tests.hub.city import identity_claims
from tests.judges import FOLDER
from tests.judges.absence import missing
from tests.support import POLICE, PUBLIC_URL, Place, issue
from tests.wallets.foreign import Wallet

CLIENT, REDIRECT = "wallet.example", "https://wallet.example/back"
ORIGIN = {"Origin": PUBLIC_URL}


class Watch:
    """A clock that the test sets forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def hub(place: Place, watch: Watch) -> AsyncIterator[Hub]:
    settings = place.settings(trial_sign_in="on", wallet_clients={CLIENT: (REDIRECT,)})
    async with open_hub(settings, clock=watch) as opened:
        await issue(opened, identity_claims(), slug="identity_card", issuer=POLICE)
        yield opened


@pytest.fixture
async def client(place: Place, hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with place.client(hub) as opened:
        yield opened


@pytest.fixture(scope="session")
def process() -> Iterator[Wallet]:
    if not (FOLDER / "node_modules" / "@openid4vc").is_dir():
        missing("@openid4vc/openid4vci")
    with Wallet() as opened:
        yield opened


@pytest.fixture
def wallet(process: Wallet, client: httpx2.AsyncClient) -> Wallet:
    return process.over(client)


@pytest.fixture
async def holder_client(place: Place, hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """The holder's browser, signed in."""
    async with place.client(hub) as opened:
        opened.cookies.set("yz_holder", await session(hub))
        yield opened
