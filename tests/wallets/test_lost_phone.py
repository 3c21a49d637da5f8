"""A phone with a wallet is lost, and its person has no other: by the card at a terminal its copies are refused."""

import httpx2
import pytest

from hub.runtime import Hub
from tests.citizens.test_kiosk import standing
from tests.hub.desk import text_of
from tests.support import Place
from tests.wallets.foreign import Wallet
from tests.wallets.test_holdings import taken, verified

pytestmark = pytest.mark.embedded


async def test_at_a_terminal_the_copies_in_a_lost_wallet_end(
    place: Place, hub: Hub, wallet: Wallet, client: httpx2.AsyncClient
) -> None:
    (copy,) = await taken(hub, wallet)
    assert (await verified(client, copy))[0] == "passed"
    async with standing(place, hub) as terminal:
        await terminal.card()
        assert "放进钱包的证照 1" in text_of(await terminal.get("/lost"))
        await terminal.sent("/lost")
        assert "现在都已停用" in text_of(await terminal.get("/lost"))
    assert (await verified(client, copy))[0] == "failed"
