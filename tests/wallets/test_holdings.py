"""What lies in wallets: each batch ends alone, and all of them with their licence."""

from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import Connection, insert, select, text, update

from catalog.tables import table
from certificates.copies.tables import CopiesRow
from certificates.lifecycle.states import Operation
from certificates.verifying.pack import TrustPack
from certificates.verifying.pack_status import PackStatuses
from certificates.verifying.papers import SdJwtPaper
from certificates.verifying.procedure import verify_paper
from hub.clock import utc_now
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.wallets.errors import WalletError
from hub.wallets.holdings import Holding
from hub.wallets.metadata import REFRESH
from hub.wallets.tables import WalletBatchRow, WalletBondRow, WalletCredentialRow
from signing.keys import SoftwareSigner
from signing.sd_jwt import parse
from signing.status_list import INVALID, SUSPENDED, VALID
from tests.citizens.conftest import erased, session, signed_in
from tests.citizens.others import NEIGHBOUR, resident
from tests.hub.city import PERSON, identity_claims, ledger
from tests.hub.test_status_lists import read
from tests.support import POLICE, PUBLIC_URL, Place, issue
from tests.wallets.conftest import ORIGIN, Watch
from tests.wallets.filled import dpop_of, fetched, taken_by
from tests.wallets.foreign import Wallet
from tests.wallets.test_issuing import field, identifier_of

COPIES = table(CopiesRow)


async def taken(hub: Hub, wallet: Wallet, keys: int = 1) -> list[str]:
    """Copies of the person's licence in a wallet of its own."""
    holder = await signed_in(hub)
    offer = await hub.wallets.offers.look(holder, await hub.wallets.offers.make(holder, await identifier_of(hub)))
    got = await wallet.do("take", offer=offer.scan, digits=offer.digits, keys=keys)
    assert "error" not in got, (got, wallet.seen)
    return list(got["credentials"])


async def verified(client: httpx2.AsyncClient, copy: str) -> tuple[str, str]:
    verdict = (await client.post("/api/v1/verify", json={"token": copy})).json()
    return verdict["result"], verdict["reason"]


def index_of(copy: str) -> int:
    entry = parse(copy).payload["status"]["status_list"]
    assert entry["uri"] == f"{PUBLIC_URL}/status-lists/0"
    return int(entry["idx"])


async def listed(hub: Hub, copy: str) -> int:
    """By change and whole: both readings say the same."""
    by_change = read(hub, await hub.status.build(0), now=hub.clock()).get(index_of(copy))
    assert read(hub, await hub.status.build(0, whole=True), now=hub.clock()).get(index_of(copy)) == by_change
    return by_change


async def test_a_removed_batch_is_refused_everywhere_and_the_licence_goes_on(
    hub: Hub, wallet: Wallet, client: httpx2.AsyncClient, holder_client: httpx2.AsyncClient, watch: Watch
) -> None:
    lost, kept = await taken(hub, wallet, keys=2), await taken(hub, wallet)
    versions = {index_of(copy) for copy in lost}
    assert len(versions) == 1  # one entry for all copies of a request, and another for another request
    assert index_of(kept[0]) not in versions
    page = (await holder_client.get("/me/wallets")).text
    assert page.count('name="bond"') == 2
    holder = await signed_in(hub)
    mine: list[Holding] = await hub.wallets.holdings.listed(holder)
    assert [(item.copies, item.wallet) for item in mine] == [(1, ""), (2, "")]
    form = {"csrf": field(page, "csrf"), "bond": mine[1].bond_id, "certificate": mine[1].certificate_id}
    for wrong in ({"bond": mine[1].certificate_id}, {"certificate": "x"}, {"bond": ""}):
        assert (await holder_client.post("/me/wallets/removed", data=form | wrong, headers=ORIGIN)).status_code == 404
    watch.ahead += timedelta(minutes=2)
    before = hub.clock()
    watch.ahead += timedelta(minutes=2)
    done = await holder_client.post("/me/wallets/removed", data=form, headers=ORIGIN, follow_redirects=True)
    assert (done.status_code, done.text.count('name="bond"')) == (200, 1)
    assert await verified(client, lost[1]) == ("failed", "copy_removed")
    assert (await verified(client, kept[0]))[0] == "passed"
    assert [await listed(hub, copy) for copy in (lost[0], kept[0])] == [INVALID, VALID]
    then = await hub.status_history.at(0, int(before.timestamp()))
    assert read(hub, then, now=hub.clock()).get(index_of(lost[0])) == VALID

    pack = TrustPack.read(await hub.verification.trust_pack(), now=hub.clock())
    reasons = []
    for copy in (lost[0], kept[0]):
        statuses = PackStatuses(pack, now=hub.clock())
        paper = SdJwtPaper(copy.encode())
        verdict = verify_paper(paper, trust=pack.policy, statuses=statuses, audience=None, now=hub.clock())
        reasons.append((verdict.result.value, verdict.reason))
    assert reasons[0] == ("failed", "certificate_revoked")  # two bits know no other word
    assert reasons[1][0] == "passed"

    told = [item for item in await ledger(hub) if item.kind in {"wallet.removed", "wallet.renewal_ended"}]
    assert [(item.kind, item.subject_id) for item in told] == [
        ("wallet.removed", holder.id),
        ("wallet.renewal_ended", holder.id),
    ]
    assert await hub.wallets.holdings.remove(holder, mine[1].bond_id, mine[1].certificate_id) == 0  # twice is once
    assert "停用了钱包里的证照副本" in (await holder_client.get("/me/accesses")).text


async def test_what_is_done_to_a_licence_is_done_to_all_its_copies_at_once(
    hub: Hub, wallet: Wallet, client: httpx2.AsyncClient
) -> None:
    (one,), (other,) = await taken(hub, wallet), await taken(hub, wallet)
    identifier = await identifier_of(hub)
    holder = await signed_in(hub)
    gone = (await hub.wallets.holdings.listed(holder))[0]
    for operation, reason, bits in (
        (Operation.SUSPEND, "certificate_suspended", SUSPENDED),
        (Operation.RESUME, "", VALID),
    ):
        await hub.status.change(identifier, operation, reason="test", legal_basis="test")
        for copy in (one, other):
            assert await listed(hub, copy) == bits
            result, said = await verified(client, copy)
            assert (result, said) == ("failed", reason) if reason else result == "passed"
    await hub.wallets.holdings.remove(holder, gone.bond_id, gone.certificate_id)
    await hub.status.change(identifier, Operation.SUSPEND, reason="test", legal_basis="test")
    assert [await listed(hub, copy) for copy in (one, other)] == [SUSPENDED, INVALID]
    await hub.status.change(identifier, Operation.RESUME, reason="test", legal_basis="test")
    assert [await listed(hub, copy) for copy in (one, other)] == [VALID, INVALID]
    await hub.status.change(identifier, Operation.CANCEL, reason="dead", legal_basis="test")
    assert [await listed(hub, copy) for copy in (one, other)] == [INVALID, INVALID]
    assert await verified(client, one) == ("failed", "certificate_cancelled")
    assert await hub.wallets.holdings.listed(holder) == []


@pytest.mark.embedded
async def test_a_copy_put_back_by_sql_is_not_believed(hub: Hub, wallet: Wallet, client: httpx2.AsyncClient) -> None:
    (copy,), holder = await taken(hub, wallet), await signed_in(hub)

    def rows(tx: Connection) -> list[dict[str, object]]:
        return [dict(row._asdict()) for row in tx.execute(select(COPIES))]

    (before,) = await hub.database.read(rows)
    (mine,) = await hub.wallets.holdings.listed(holder)
    await hub.wallets.holdings.remove(holder, mine.bond_id, mine.certificate_id)
    await hub.status.build(0)
    (after,) = await hub.database.read(rows)
    for forged in (before, after | {"ended_at": None}, after | {"licence_status": "revoked"}):
        await hub.database.write(lambda tx, forged=forged: tx.execute(update(COPIES).values(**forged)))  # type: ignore[misc]
        with pytest.raises(IntegrityBrokenError):
            await hub.status.build(0, whole=True)
        if forged["licence_status"] == "valid":
            assert await verified(client, copy) == ("indeterminate", "status_unavailable")
    await hub.database.write(lambda tx: tx.execute(update(COPIES).values(**after)))
    assert await listed(hub, copy) == INVALID
    bonds = table(WalletBondRow)
    later = utc_now() + timedelta(days=9)
    await hub.database.write(lambda tx: tx.execute(update(bonds).values(refresh_hash="0" * 64, expires_at=later)))
    assert "error" in await wallet.do("renew")


async def test_who_may_fetch_is_listed_and_ended_though_nothing_lies_there(hub: Hub, place: Place) -> None:
    holder, key, thief = await signed_in(hub), SoftwareSigner.generate(), SoftwareSigner.generate()
    identifier = await identifier_of(hub)
    waiting = await taken_by(hub, holder, identifier, thief)  # and fetches when nobody looks any more
    outdated = await taken_by(hub, holder, identifier, key)
    await fetched(hub, outdated["access_token"], key)
    await issue(hub, identity_claims(address="新址二号"), slug="identity_card", issuer=POLICE)
    listed = await hub.wallets.holdings.listed(holder)
    assert [(item.copies, item.renews_until is not None) for item in listed] == [(0, True), (0, True)]
    async with place.client(hub) as browser:
        browser.cookies.set("yz_holder", await session(hub))
        assert (await browser.get("/me/wallets")).text.count('name="bond"') == 2
    for mine in listed:
        assert await hub.wallets.holdings.remove(holder, mine.bond_id, mine.certificate_id) in (0, 1)
    assert await hub.wallets.holdings.listed(holder) == []
    for token, of in ((waiting, thief), (outdated, key)):
        with pytest.raises(WalletError, match="invalid_token"):
            await fetched(hub, token["access_token"], of)
        form = {"grant_type": REFRESH, "refresh_token": token["refresh_token"]}
        with pytest.raises(WalletError, match="invalid_grant"):
            await hub.wallets.exchanging.exchange(form, dpop_of(hub, of))


@pytest.mark.embedded
async def test_a_batch_made_his_by_sql_ends_nobody_elses_copies(hub: Hub, wallet: Wallet) -> None:
    await taken(hub, wallet)
    (mine,) = await hub.wallets.holdings.listed(await signed_in(hub))
    other, rows = await resident(hub, NEIGHBOUR), table(WalletBatchRow)
    await hub.database.write(lambda tx: tx.execute(update(rows).values(subject_id=other.id)))
    with pytest.raises(IntegrityBrokenError):
        await hub.wallets.holdings.remove(other, mine.bond_id, mine.certificate_id)
    assert await hub.database.read(lambda tx: tx.execute(select(COPIES.c.ended_at)).scalar_one()) is None


@pytest.mark.embedded
async def test_older_copies_go_on_with_their_licence_and_are_told_apart(
    hub: Hub, wallet: Wallet, holder_client: httpx2.AsyncClient
) -> None:
    await taken(hub, wallet)
    rows = table(WalletCredentialRow)

    def age(tx: Connection) -> None:
        row = dict(tx.execute(select(rows)).one()._asdict())
        tx.execute(insert(rows).values(**row | {"id": row["version_id"], "batch_id": None}))

    await hub.database.write(age)
    holder = await signed_in(hub)
    assert [item.bond_id != "" for item in await hub.wallets.holdings.listed(holder)] == [True, False]
    assert (await holder_client.get("/me/wallets")).text.count('name="bond"') == 1


async def test_another_persons_and_an_erased_persons(place: Place, hub: Hub, wallet: Wallet) -> None:
    (copy,), holder = await taken(hub, wallet), await signed_in(hub)
    (mine,) = await hub.wallets.holdings.listed(holder)
    with pytest.raises(MissingError):
        await hub.wallets.holdings.remove(holder, mine.certificate_id, mine.certificate_id)
    refused = [item for item in await ledger(hub) if item.kind == "refusal"]
    assert [item.detail["reason"] for item in refused] == ["wallet_copies_not_own"]
    await erased(hub)
    assert await listed(hub, copy) == INVALID
    assert "error" in await wallet.do("renew")
    left = await hub.database.read(lambda tx: tx.execute(text("SELECT count(*) FROM wallet_bonds")).scalar_one())
    assert left == 0
    assert PERSON["name"] not in str(await hub.database.read(lambda tx: tx.execute(select(COPIES)).all()))
