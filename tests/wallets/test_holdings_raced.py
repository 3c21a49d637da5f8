"""Two of something meet at one wallet: what was removed leaves no copy behind, and a refresh token is good once."""

import asyncio

import pytest
from sqlalchemy import func, select

from catalog.tables import table
from certificates.copies.tables import CopiesRow
from hub.runtime import Hub
from hub.wallets.errors import WalletError
from hub.wallets.metadata import REFRESH
from signing.keys import SoftwareSigner
from tests.citizens.conftest import signed_in
from tests.wallets.filled import dpop_of, fetched, taken_by
from tests.wallets.test_issuing import identifier_of

COPIES = table(CopiesRow)
STANDING = select(func.count()).select_from(COPIES).where(COPIES.c.ended_at.is_(None))


async def test_removing_while_the_wallet_fetches_leaves_no_copy(hub: Hub) -> None:
    holder, identifier = await signed_in(hub), await identifier_of(hub)
    for _ in range(3):
        key = SoftwareSigner.generate()
        token = (await taken_by(hub, holder, identifier, key))["access_token"]
        await fetched(hub, token, key)
        (mine,) = await hub.wallets.holdings.listed(holder)
        assert mine.wallet == ""  # a QR code was scanned, whatever the wallet calls itself
        took, removed = await asyncio.gather(
            fetched(hub, token, key),
            hub.wallets.holdings.remove(holder, mine.bond_id, mine.certificate_id),
            return_exceptions=True,
        )
        assert removed in (1, 2), removed
        assert isinstance(took, WalletError) == (removed == 1), took
        assert await hub.database.read(lambda tx: tx.execute(STANDING).scalar_one()) == 0


async def test_of_two_that_bring_one_refresh_token_one_is_answered(hub: Hub) -> None:
    holder, key = await signed_in(hub), SoftwareSigner.generate()
    taken = await taken_by(hub, holder, await identifier_of(hub), key)
    form = {"grant_type": REFRESH, "refresh_token": taken["refresh_token"]}
    answers = await asyncio.gather(
        *[hub.wallets.exchanging.exchange(form, dpop_of(hub, key)) for _ in range(2)], return_exceptions=True
    )
    (good,) = [item for item in answers if isinstance(item, dict)]
    with pytest.raises(WalletError, match="invalid_grant"):  # it came twice: renewal has ended for both
        await hub.wallets.exchanging.exchange(form | {"refresh_token": good["refresh_token"]}, dpop_of(hub, key))
