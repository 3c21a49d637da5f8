"""A holder is told, and nobody else, once, of what happened; and nothing of it is in the words."""

import re
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import Connection

from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.citizens.acting.proposed import Proposed
from hub.citizens.acting.values import Scope
from hub.citizens.notices.kinds import KINDS, NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.values import Holder
from hub.clock import new_id
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens import others
from tests.citizens.conftest import session, signed_in
from tests.hub.city import PERSON, STRANGER, identity_claims, ledger
from tests.support import POLICE, PUBLIC_URL, Place, issue

HERE = {"Origin": PUBLIC_URL}


async def told(hub: Hub, holder: Holder, kind: NoticeKind, about: str = "") -> str:
    """A notice of this kind; answers what it is about."""
    about = about or new_id()

    def unit(tx: Connection) -> bool:
        return notify(tx, holder.id, kind, about=about, now=hub.clock())

    assert await hub.database.write(unit)
    return about


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
        assert '<b class="badge">1' in page.text
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
    asked = Proposed(to["id_number"], to["name"], frozenset({Scope.LICENCES}), None, until, "腿脚不便")
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
