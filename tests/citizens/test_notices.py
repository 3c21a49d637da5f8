"""A holder is told, and nobody else: nothing of what happened leaves, and a gateway that is down loses nothing."""

import hmac
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, select, update

from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.citizens.acting.asked import Asked
from hub.citizens.acting.values import Scope
from hub.citizens.notices.kinds import KINDS, NoticeKind
from hub.citizens.notices.notify import MESSAGE, notify
from hub.citizens.notices.tables import HolderNoticeRow, NoticeMessageRow
from hub.citizens.values import Holder
from hub.clock import new_id
from hub.exchange.subscriptions.delivery import PAUSES
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.wallets.jwe import decrypt, encryption_jwk
from tests.citizens import others
from tests.citizens.conftest import erased, session, signed_in
from tests.exchange.receiver import Receiver, listening
from tests.exchange.subscriber import OUTBOX, Subscriber, work
from tests.hub.city import PERSON, STRANGER, identity_claims, ledger
from tests.support import POLICE, PUBLIC_URL, Place, issue

KEY = ec.generate_private_key(ec.SECP256R1())
SECRET = "gateway-secret-0123456789-0123456789"
HERE = {"Origin": PUBLIC_URL}
_MESSAGES, _NOTICES = table(NoticeMessageRow), table(HolderNoticeRow)


async def told(hub: Hub, holder: Holder, kind: NoticeKind, about: str = "") -> str:
    """A notice of this kind; answers what it is about."""
    about = about or new_id()

    def unit(tx: Connection) -> bool:
        return notify(tx, holder.id, kind, about=about, now=hub.clock())

    assert await hub.database.write(unit)
    return about


def gateway(key: ec.EllipticCurvePrivateKey, folder: Path, receiver: Receiver) -> dict[str, Any]:
    """Settings of a hub that has one."""
    path = folder / "gateway.jwk"
    path.write_text(json.dumps(encryption_jwk(key)), encoding="utf-8")
    return {
        "trial_sign_in": "on",
        "webhook_networks": ("127.0.0.0/8",),
        "message_gateway_url": receiver.url,
        "message_gateway_secret": SECRET,
        "message_gateway_key": path,
    }


async def state(hub: Hub) -> list[tuple[str, int, str]]:
    query = select(_MESSAGES.c.state, _MESSAGES.c.attempts, _MESSAGES.c.last_error).order_by(_MESSAGES.c.id)
    return [tuple(row) for row in await hub.database.read(lambda tx: tx.execute(query).all())]


@asynccontextmanager
async def listened(place: Place, folder: Path) -> AsyncIterator[tuple[Hub, Holder, Receiver]]:
    """A hub with a gateway that listens, and somebody signed in of whom it has heard nothing."""
    async with listening() as receiver, place.open(**gateway(KEY, folder, receiver)) as hub:
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        await work(hub)
        receiver.got.clear()
        yield hub, await signed_in(hub), receiver


@pytest.mark.embedded
async def test_the_gateway_learns_whom_to_reach_and_nothing_else_of_any_kind(place: Place, tmp_path: Path) -> None:
    kid = str(encryption_jwk(KEY)["kid"])
    async with listened(place, tmp_path) as (hub, holder, receiver):
        for kind in NoticeKind:
            await told(hub, holder, kind)
        await work(hub)
        assert len(receiver.messages) == len(NoticeKind)
        references = set()
        for headers, body in receiver.got:
            said = json.loads(body)
            number = said["to"].pop("number")
            whom = json.loads(decrypt(number, key=KEY, kid=kid))
            assert whom == {"id_type": PERSON["id_type"], "id_number": PERSON["id_number"]}
            references.add(said["to"].pop("reference"))
            assert said.keys() == {"id", "event", "time", "legal", "to", "text", "link"}
            assert "登录" in said["text"]["zh"]
            assert said["link"] == f"{PUBLIC_URL}/me/notices"
            for secret in (PERSON["id_number"], PERSON["name"], holder.id, holder.session_id, *NoticeKind):
                assert secret.encode() not in body
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            digest = b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
            assert headers["webhook-signature"] == f"v1,{digest}"
        assert len(references) == 1
        texts = {json.dumps(message["text"], sort_keys=True) for message in receiver.messages}
        assert len(texts) == 1  # the same words, whatever happened


async def test_a_gateway_that_is_down_loses_nothing_and_what_is_given_up_the_operator_sends_again(
    place: Place, tmp_path: Path
) -> None:
    async with listened(place, tmp_path) as (hub, holder, receiver):
        receiver.mood = "fail"
        await told(hub, holder, NoticeKind.DECISION_NEEDED)
        await work(hub)
        assert (await state(hub))[-1] == ("waiting", 1, "status_500")
        assert await hub.citizens.notices.unread(holder) > 0  # the portal waits for nobody
        receiver.mood = "ok"
        desk = Subscriber(place, hub, None, {}, receiver)  # type: ignore[arg-type]
        await desk.sweep_now()
        assert (await state(hub))[-1] == ("delivered", 2, "")
        first, second = receiver.messages
        assert first["id"] == second["id"]
        assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]

        receiver.mood = "fail"
        await told(hub, holder, NoticeKind.DECISION_NEEDED)
        last = update(_MESSAGES).where(_MESSAGES.c.state == "waiting").values(attempts=len(PAUSES))
        await work(hub)
        await hub.database.write(lambda tx: tx.execute(last))
        jobs = await hub.database.read(lambda tx: tx.execute(select(OUTBOX).where(OUTBOX.c.kind == MESSAGE)).all())
        [waiting] = [dict(job.payload) for job in jobs]
        await hub.citizens.messages.run(waiting | {"attempt": len(PAUSES)})
        [dead] = await hub.citizens.messages.dead(COMMAND)
        assert (dead["last_error"], dead["id"], "subject_id" in dead) == ("status_500", waiting["notice"], False)
        receiver.mood = "ok"
        await hub.citizens.messages.again(COMMAND, dead["id"])
        await work(hub)
        assert await hub.citizens.messages.dead(COMMAND) == []


@pytest.mark.embedded
async def test_what_he_does_not_want_is_not_sent_nor_anything_to_who_is_erased(place: Place, tmp_path: Path) -> None:
    async with listened(place, tmp_path) as (hub, holder, receiver):
        await hub.citizens.notices.choose(holder, [])
        await told(hub, holder, NoticeKind.CODE_TAKEN)
        await told(hub, holder, NoticeKind.SIGNED_IN)
        await work(hub)
        assert [message["legal"] for message in receiver.messages] == [True]  # his rights he does not switch off
        await told(hub, holder, NoticeKind.LICENCE_REVOKED)
        receiver.got.clear()
        await erased(hub)
        await work(hub)
        assert receiver.messages == []
        mine = select(_NOTICES.c.id).where(_NOTICES.c.subject_id == holder.id)
        assert await hub.database.read(lambda tx: tx.execute(mine).all()) == []


@pytest.mark.embedded
async def test_on_his_pages_he_reads_his_own_once_each_and_chooses(place: Place, hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    await hub.citizens.notices.read_all(await signed_in(hub))
    holder, other = await signed_in(hub), await signed_in(hub, person=STRANGER)
    async with place.client(hub) as client:
        client.cookies.set("yz_holder", await session(hub))
        await hub.citizens.notices.read_all(holder)
        about = await told(hub, holder, NoticeKind.OBJECTION_ANSWERED)
        assert not await hub.database.write(
            lambda tx: notify(tx, holder.id, NoticeKind.OBJECTION_ANSWERED, about=about, now=hub.clock())
        )
        await told(hub, other, NoticeKind.OBJECTION_ANSWERED)
        api = "/api/v1/me/notices"
        listed = (await client.get(api, headers={"Accept-Language": "en"})).json()
        newest = listed["notices"][0]
        assert (listed["unread"], newest["text"], newest["page"]) == (
            1,
            "Your objection was answered",
            f"/me/objections/{about}",
        )
        page = await client.get("/me/notices")
        assert "您的异议有了答复" in page.text
        assert '<b class="count">1' in page.text
        opened = await client.get(f"/me/notices/{newest['id']}")
        assert (opened.status_code, opened.headers["location"]) == (303, f"/me/objections/{about}")
        assert (await client.get(api)).json()["unread"] == 0

        [theirs] = [item.id for item in (await hub.citizens.notices.listed(other, None))[0] if item.read_at is None][:1]
        csrf = re.findall(r'name="csrf" value="([^"]+)"', (await client.get("/me/notices/choices")).text)[0]
        acting = HERE | {"X-CSRF-Token": csrf}
        assert (await client.post(f"{api}/{theirs}/read", headers=acting)).status_code == 404
        assert (await client.get(f"/me/notices/{theirs}")).status_code == 404
        refused = [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "refusal"]
        assert refused == ["notice_not_own"] * 2
        assert await hub.citizens.notices.unread(other) > 0
        assert (await client.post(f"{api}/{newest['id']}/read", headers=HERE)).status_code == 403

        chosen = await client.put(f"{api}/choices", json={"messages": ["code_taken"]}, headers=acting)
        assert chosen.status_code == 200, chosen.text
        wanted = {item["kind"] for item in chosen.json()["choices"] if item["message"]}
        assert wanted == {"code_taken"} | {kind.value for kind, words in KINDS.items() if words.legal}
        form = {"csrf": csrf, "messages": ["licence_issued", "looked_first"]}
        assert (await client.post("/me/notices/choices", data=form, headers=HERE)).status_code == 303
        found = {item.kind.value for item in await hub.citizens.notices.choices(holder) if item.message}
        assert {"licence_issued", "looked_first"} <= found
        assert "code_taken" not in found


@pytest.mark.embedded
async def test_words_carry_no_data_and_a_notice_is_about_ids_of_ours(hub: Hub) -> None:
    holder = await signed_in(hub)
    for wrong in (PERSON["id_number"], PERSON["name"], "", "J990102-2019-000001", f"{new_id()}:{PERSON['id_number']}"):
        with pytest.raises(ValueError, match="id of ours"):
            await hub.database.write(
                lambda tx, wrong=wrong: notify(tx, holder.id, NoticeKind.CODE_TAKEN, about=wrong, now=hub.clock())
            )
    assert KINDS.keys() == set(NoticeKind)
    for kind in KINDS.values():
        assert all(words and not re.search(r"[%{}0-9]", words) for words in kind.words)
        assert re.fullmatch(r"/me(/[a-z]+)*(/\{about\})?", kind.page)
    with pytest.raises(MissingError):
        await hub.citizens.messages.again(COMMAND, new_id())


@pytest.mark.embedded
async def test_a_browser_that_he_has_not_used_before_is_told_and_one_that_he_has_is_not(place: Place, hub: Hub) -> None:
    async with place.client(hub) as known, place.client(hub) as unknown:
        for client, news in ((known, 0), (unknown, 1), (known, 1)):
            await client.post(
                "/me/sign-in", data={"id_number": PERSON["id_number"], "name": PERSON["name"]}, headers=HERE
            )
            code = (await hub.citizens.trial.notices())[0].code
            entered = await client.post("/me/sign-in/code", data={"code": code}, headers=HERE)
            assert entered.headers["location"] == "/me"
            found, _ = await hub.citizens.notices.listed(await signed_in(hub), None)
            assert sum(notice.kind is NoticeKind.SIGNED_IN for notice in found) == news
            await client.post("/me/sign-out", data={"csrf": await csrf_of(client)}, headers=HERE)
        assert known.cookies["yz_holder_place"] != unknown.cookies["yz_holder_place"]


async def csrf_of(client: httpx2.AsyncClient) -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', (await client.get("/me/mine")).text)[0]


@pytest.mark.embedded
async def test_what_happens_to_him_is_told_to_him_and_to_nobody_else(hub: Hub) -> None:
    await others.resident(hub, others.NEIGHBOUR)
    holder, neighbour = await signed_in(hub), await signed_in(hub, person=others.NEIGHBOUR)
    delegating, until = hub.citizens.others.delegating, hub.clock().date() + timedelta(days=30)
    to = others.NEIGHBOUR
    asked = Asked(to["id_number"], to["name"], frozenset({Scope.LICENCES}), None, until, "腿脚不便")
    made = await delegating.give(holder, asked)
    await delegating.withdraw(holder, made)
    await hub.status.change(
        (await hub.citizens.licences.listed(holder))[0][0].identifier, Operation.SUSPEND, reason="r", legal_basis="l"
    )

    async def kinds(of: Holder) -> set[NoticeKind]:
        return {notice.kind for notice in (await hub.citizens.notices.listed(of, None))[0]}

    assert await kinds(neighbour) == {
        NoticeKind.LICENCE_ISSUED, NoticeKind.DELEGATION_GIVEN, NoticeKind.DELEGATION_WITHDRAWN,
    }  # fmt: skip
    assert await kinds(holder) == {NoticeKind.LICENCE_ISSUED, NoticeKind.LICENCE_SUSPENDED}
