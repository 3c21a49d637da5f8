"""A system asks a wallet that other people wrote; what is shown to somebody else, or for something else, is nothing."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import Select, select, update

from catalog.tables import DepartmentRow, SystemRow, table
from hub.access.actors import COMMAND, Role
from hub.clock import utc_now
from hub.runtime import Hub
from hub.wallets.jwe import encrypt
from hub.wallets.questions import Asker
from hub.wallets.tables import WalletAskRow
from signing.canonical import canonical, strict_loads, unb64u
from tests.citizens.conftest import signed_in
from tests.hub.city import IDENTITY, PERSON, ledger
from tests.hub.desk import at_desk
from tests.hub.test_counter import clerk_of
from tests.keys.test_compromise import declaration
from tests.support import AMR, NARROW, PURPOSE, Place
from tests.wallets.foreign import Wallet
from tests.wallets.test_issuing import identifier_of

pytestmark = pytest.mark.embedded
ASKS, DESK = "/api/v1/wallet-requests", "/console/counter/wallet"


async def test_a_counter_asks_and_only_the_holder_of_the_key_answers_this_question(
    place: Place, hub: Hub, wallet: Wallet, client: httpx2.AsyncClient
) -> None:
    headers, holder = await place.headers(client), await signed_in(hub)
    offer = await hub.wallets.offers.look(holder, await hub.wallets.offers.make(holder, await identifier_of(hub)))
    (copy,) = (await wallet.do("take", offer=offer.scan, digits=offer.digits))["credentials"]

    async def asked() -> tuple[str, str]:
        body = {"type": IDENTITY, "claims": ["name"], "purpose": PURPOSE}
        made = (await client.post(ASKS, json=body, headers=headers)).json()
        return str(made["id"]), str(made["scan"])

    async def came_of(ask_id: str) -> dict[str, object]:
        found: dict[str, object] = (await client.get(f"{ASKS}/{ask_id}", headers=headers)).json()
        return found

    first, scan = await asked()
    assert await came_of(first) == {"state": "waiting"}
    shown = await wallet.do("show", request=scan, credential=copy)
    assert (shown.get("status"), shown.get("prefix")) == (200, "x509_hash"), (shown, wallet.seen[-1])
    found = await came_of(first)
    assert (found["result"], found["claims"]) == ("passed", {"name": PERSON["name"]})
    assert (await client.get(f"{ASKS}/{first}", headers=await place.headers(client, NARROW))).status_code == 404
    assert "error" in await wallet.do("show", request=scan, credential=copy)  # answered once
    told = [entry for entry in await ledger(hub) if entry.kind == "wallet.shown"]
    assert [(entry.subject_id, entry.detail["fields"]) for entry in told] == [(holder.id, ["name"])]

    async with clerk_of(place, hub) as desk:
        form = f"{DESK}?type=identity_card"
        page = await desk.post(DESK, form_on=form, type="identity_card", claims="name")
        assert page.status_code == 422  # for what, it must say
        page = await desk.post(DESK, form_on=form, type="identity_card", claims="name", purpose=PURPOSE)
        rows = table(WalletAskRow)
        query = select(rows.c.id, rows.c.staff_id, rows.c.department_id).where(rows.c.staff_id.is_not(None))
        row = await hub.database.read(lambda tx: tx.execute(query).one())
        waiting = await hub.wallets.asking.look(Asker(row.department_id, {}, staff_id=row.staff_id), row.id)
        assert (page.url.path, PERSON["name"] in page.text) == (f"{DESK}/{row.id}", False)
        assert (await wallet.do("show", request=waiting.scan, credential=copy))["status"] == 200
        assert PERSON["name"] in (await desk.get(page.url.path)).text
        page = await desk.post(DESK, form_on=form, type="identity_card", claims="name", purpose=PURPOSE)
        missing = await hub.wallets.asking.look(
            Asker(row.department_id, {}, staff_id=row.staff_id), page.url.path.rpartition("/")[2]
        )
        assert (await wallet.do("show", request=missing.scan, credential=copy, claims=[]))["status"] == 200
        assert "没有出示所问的全部内容" in (await desk.get(page.url.path)).text
        async with at_desk(place, hub, AMR, Role.CLERK, name="colleague") as other:
            assert (await other.get(page.url.path)).status_code == 404

    attacks: dict[str, tuple[dict[str, Any], str]] = {
        "nonce": ({"kb": {"nonce": shown["asked"]["nonce"]}}, "binding_wrong"),
        "aud": ({"kb": {"aud": "x509_hash:elsewhere"}}, "binding_wrong"),
        "age": ({"kb": {"iat": 1_700_000_000}}, "binding_wrong"),
        "less": ({"claims": []}, "claims_missing"),
    }
    for name, (wrong, reason) in attacks.items():
        ask_id, scan = await asked()
        assert (await wallet.do("show", request=scan, credential=copy, **wrong))["status"] == 200, name
        found = await came_of(ask_id)
        assert (found["result"], found["reason"], found["claims"]) == ("failed", reason, {}), name
    (victim, first), (_, second) = await asked(), await asked()
    reference = first.rpartition("%2F")[2]
    elsewhere = f"http://127.0.0.1:8700/wallets/responses/{reference}"
    swapped = await wallet.do("show", request=second, credential=copy, elsewhere=elsewhere)
    assert swapped["status"] == 400
    assert await came_of(victim) == {"state": "waiting"}


async def test_a_wallet_that_says_no_is_heard_and_the_question_goes_on(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers, body = await place.headers(client), {"type": IDENTITY, "claims": ["name"], "purpose": PURPOSE}
    made = (await client.post(ASKS, json=body, headers=headers)).json()
    reference = made["scan"].rpartition("%2F")[2]
    asked = strict_loads(
        unb64u((await client.get(f"/wallets/requests/{reference}")).text.split(".")[1]), max_bytes=9999
    )
    said = {"error": "access_denied", "state": asked["state"]}
    (key,) = asked["client_metadata"]["jwks"]["keys"]
    answers = f"/wallets/responses/{reference}"
    for form in (said, {"response": encrypt(canonical(said), key)}):
        heard = await client.post(answers, data=form)
        assert (heard.status_code, heard.json()) == (200, {})
    other = {"response": encrypt(canonical(said | {"state": "x"}), key)}
    assert (await client.post(answers, data=other)).status_code == 400
    assert (await client.post(f"/wallets/responses/{'x' * 43}", data=said)).status_code == 404
    assert (await client.get(f"{ASKS}/{made['id']}", headers=headers)).json() == {"state": "waiting"}


async def test_what_cannot_be_asked(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers, good = await place.headers(client), {"type": IDENTITY, "claims": ["name"], "purpose": PURPOSE}
    for wrong, status in (({"claims": ["shoe_size"]}, 422), ({"type": "none"}, 404), ({"purpose": ""}, 422)):
        assert (await client.post(ASKS, json=good | wrong, headers=headers)).status_code == status
    assert (await client.post(ASKS, json=good)).status_code == 401
    made = (await client.post(ASKS, json=good, headers=headers)).json()
    reference, rows = made["scan"].rpartition("%2F")[2], table(WalletAskRow)
    for text in ("", "a.b.c.d.e", "eyJhbGciOiJub25lIn0....", "x" * 70_000):
        answer = await client.post(f"/wallets/responses/{reference}", data={"response": text})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    kid = hub.desk.hub("hub").signer.kid
    await hub.sharing.proposals.propose(COMMAND, "key.compromised", declaration(kid, utc_now()), "stolen")
    await hub.keyring.keys.rotate(COMMAND, "hub", reason="the old one is stopped")
    assert (await client.get(f"{ASKS}/{made['id']}", headers=headers)).json() == {"state": "waiting"}
    row = await hub.database.read(lambda tx: tx.execute(select(rows)).one())
    asker = Asker(row.department_id, {}, system_id=row.system_id)
    assert (await hub.wallets.asking.look(asker, made["id"])).scan == made["scan"]  # for whom an answer is, stays
    path = f"/wallets/requests/{reference}"
    assert (await client.get(path)).status_code == 200
    for name, forged in (
        ("department_id", select(table(DepartmentRow).c.id).where(table(DepartmentRow).c.id != row.department_id)),
        ("claims", ["name", "id_number"]),
        ("purpose", "something else"),
        ("expires_at", row.expires_at + timedelta(days=1)),
    ):
        value = forged.limit(1).scalar_subquery() if isinstance(forged, Select) else forged
        await hub.database.write(lambda tx, set_={name: value}: tx.execute(update(rows).values(**set_)))  # type: ignore[misc]
        assert (await client.get(path)).status_code == 502, name  # the ledger has it otherwise
        same = {name: getattr(row, name)}
        await hub.database.write(lambda tx, set_=same: tx.execute(update(rows).values(**set_)))  # type: ignore[misc]
    other = await place.headers(client, NARROW)
    assert (await client.get(f"{ASKS}/{made['id']}", headers=other)).status_code == 404
    assert (await ledger(hub))[-1].detail["reason"] == "request_not_own"
    narrow = select(table(SystemRow).c.id).where(table(SystemRow).c.client_id == NARROW).scalar_subquery()
    await hub.database.write(lambda tx: tx.execute(update(rows).values(system_id=narrow)))
    answer = await client.get(f"{ASKS}/{made['id']}", headers=other)  # made another's by SQL: sealed for who asked
    assert answer.status_code == 502
