"""The city's message gateway: it learns whom to reach and nothing else, and one that is down loses nothing."""

import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select, update

from catalog.tables import table
from hub.access.actors import COMMAND
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import MESSAGE
from hub.citizens.notices.tables import HolderNoticeRow, NoticeMessageRow
from hub.citizens.values import Holder
from hub.exchange.subscriptions.delivery import PAUSES
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.wallets.jwe import decrypt, encryption_jwk
from tests.citizens.conftest import erased, signed_in
from tests.citizens.test_notices import told
from tests.exchange.receiver import Receiver, listening
from tests.exchange.subscriber import OUTBOX, Subscriber, work
from tests.hub.city import PERSON, identity_claims
from tests.support import POLICE, PUBLIC_URL, Place, issue

KEY = ec.generate_private_key(ec.SECP256R1())
SECRET = "gateway-secret-0123456789-0123456789"
_MESSAGES, _NOTICES = table(NoticeMessageRow), table(HolderNoticeRow)


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
async def test_without_a_gateway_no_job_is_written_and_what_waited_for_it_is_given_up(
    place: Place, tmp_path: Path
) -> None:
    async with listened(place, tmp_path) as (hub, holder, receiver):
        receiver.mood = "fail"
        await told(hub, holder, NoticeKind.DECISION_NEEDED)
        await work(hub)
        [waits] = await jobs_of(hub)
        await told(hub, holder, NoticeKind.LICENCE_REVOKED)  # of this nobody has tried to tell it yet
        [_, untried] = await jobs_of(hub)
    async with place.open() as hub:
        await told(hub, holder, NoticeKind.DECISION_OVER)
        assert await jobs_of(hub) == [waits, untried]
        for job in (untried, waits):
            await hub.citizens.messages.run(job)
        found = {item["id"]: item for item in await hub.citizens.messages.dead(COMMAND)}
        assert found.keys() == {waits["notice"], untried["notice"]}
        assert {item["last_error"] for item in found.values()} == {"no_gateway"}
        dead = found[waits["notice"]]
        with pytest.raises(MissingError):  # there is nobody to send it to
            await hub.citizens.messages.again(COMMAND, dead["id"])
    async with listening() as receiver, place.open(**gateway(KEY, tmp_path, receiver)) as hub:
        await hub.citizens.messages.again(COMMAND, dead["id"])
        await work(hub)
        assert [message["id"] for message in receiver.messages] == [dead["id"]]  # and not what came in between


async def jobs_of(hub: Hub) -> list[dict[str, Any]]:
    query = select(OUTBOX.c.payload).where(OUTBOX.c.kind == MESSAGE).order_by(OUTBOX.c.id)
    return list(await hub.database.read(lambda tx: tx.execute(query).scalars().all()))


@pytest.mark.embedded
async def test_what_he_does_not_want_is_not_sent_nor_anything_to_who_is_erased(place: Place, tmp_path: Path) -> None:
    async with listened(place, tmp_path) as (hub, holder, receiver):
        await hub.citizens.notices.choose(holder, [])
        await told(hub, holder, NoticeKind.CODE_TAKEN)
        await told(hub, holder, NoticeKind.SIGNED_IN)
        await work(hub)
        assert [message["legal"] for message in receiver.messages] == [True]  # his rights he does not switch off
        await hub.citizens.notices.choose(holder, [NoticeKind.CODE_TAKEN])
        receiver.mood = "fail"
        await told(hub, holder, NoticeKind.CODE_TAKEN)
        await work(hub)
        assert (await state(hub))[-1][0] == "waiting"
        await hub.citizens.notices.choose(holder, [])
        await hub.citizens.messages.run((await jobs_of(hub))[-1])
        assert "waiting" not in {row[0] for row in await state(hub)}  # nor does it wait for ever
        receiver.mood = "ok"
        await told(hub, holder, NoticeKind.LICENCE_REVOKED)
        receiver.got.clear()
        await erased(hub)
        await work(hub)
        assert receiver.messages == []
        mine = select(_NOTICES.c.id).where(_NOTICES.c.subject_id == holder.id)
        assert await hub.database.read(lambda tx: tx.execute(mine).all()) == []
