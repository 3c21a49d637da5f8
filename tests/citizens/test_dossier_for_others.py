"""Somebody else's licence laid open: by whom the ground allows it, judged where it is written down, told to both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta

import httpx2
import pytest
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from hub.citizens.acting.errors import NoLongerActsError, ScopeError
from hub.citizens.acting.values import Ground, Scope
from hub.citizens.dossier.ways import Way
from hub.citizens.values import Holder
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import Watch, erased, signed_in
from tests.citizens.dossiers import HERE, arrive, of_kind
from tests.citizens.others import (
    BIRTH,
    CHILD,
    DEATH,
    KINSHIP,
    NEIGHBOUR,
    REGISTRATION,
    asked,
    begun,
    birth_claims,
    death_claims,
    furnish,
    in_office,
    kinship_claims,
    registration_claims,
    resident,
    tie,
    told,
    written,
)
from tests.citizens.test_licence_opened import SHARED_TYPE
from tests.citizens.test_showing_for_others import licence_of
from tests.hub.city import PERMITS, PERSON, ledger
from tests.hub.desk import text_of
from tests.support import ENTERPRISE, Place, enterprise_claims, issue

OPENS = frozenset({Scope.LICENCES, Scope.OPEN})
ADDRESS = "示例市中心路1号"
"""Of the company, by its licence."""

LOOKS = {"certificate.opened", "certificate.opened_by_agent", "acting.saw_licence", "acting.opened"}


@dataclass(frozen=True)
class Office:
    """A browser of the company's legal representative, who has begun."""

    client: httpx2.AsyncClient
    token: dict[str, str]
    key: str
    licence: str
    holder: Holder

    @property
    def path(self) -> str:
        return f"/me/acting/{self.key}/licences/{self.licence}"

    @property
    def api(self) -> str:
        return f"/api/v1/me/acting/{self.key}"

    async def look(self, wanted: str = "contents", licence: str = "", **more: str) -> httpx2.Response:
        form = {"csrf": self.token["X-CSRF-Token"], "wanted": wanted, **more}
        return await self.client.post(self.path.replace(self.licence, licence or self.licence), data=form, headers=HERE)

    async def said(self, path: str) -> dict[str, str]:
        answer = await self.client.get(f"{self.api}/certificates/{self.licence}{path}")
        return {item["name"]: item["value"] for item in answer.json()["claims"]}


@pytest.fixture
async def office(place: Place, hub: Hub) -> AsyncIterator[Office]:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    await issue(hub, enterprise_claims(legal_representative=PERSON["name"], business_scope="第三版范围"))
    holder = await signed_in(hub)
    async with place.client(hub) as client:
        token = await arrive(client, hub)
        (key,) = [item["key"] for item in (await client.get("/api/v1/me/acting")).json()["acting"]]
        await client.post(f"/me/acting/{key}", data={"csrf": token["X-CSRF-Token"]}, headers=HERE)
        cards = (await client.get(f"/api/v1/me/acting/{key}/certificates")).json()["certificates"]
        licence = next(card["identifier"] for card in cards if card["type_name"] == "营业执照")
        yield Office(client, token, key, licence, holder)


@pytest.mark.embedded
async def test_a_legal_representative_opens_his_companys_licence_and_both_read_that(office: Office, hub: Hub) -> None:
    client, path, before = office.client, office.path, await ledger(hub)
    assert f'href="{path}"' in (await client.get(f"/me/acting/{office.key}")).text
    page = await client.get(path)
    assert "您正在代办" in page.text
    assert ADDRESS not in page.text
    assert f'action="{path}#contents"' in page.text
    shown = await office.look()
    assert ADDRESS in shown.text
    assert "第三版范围" in shown.text
    then = await office.look("earlier", version="1")
    assert "食品销售" in then.text
    assert "已被取代，不作凭证" in text_of(then)
    assert "data:image/png;base64,iVBOR" in (await office.look("picture")).text
    assert (await office.look("pdf")).content[:5] == b"%PDF-"
    one = f"{office.api}/certificates/{office.licence}"
    assert (await client.get(one)).json()["type_name"] == "营业执照"
    history = (await client.get(f"{one}/history")).json()
    assert (len(history["versions"]), "pdf" in history["formats"]) == (3, True)
    assert (await office.said("/claims"))["business_scope"] == "第三版范围"
    assert (await office.said("/versions/1/claims"))["business_scope"] == "食品销售"
    assert (await client.get(f"{one}/file?format=sd-jwt")).content.count(b"~") > 1

    entries = [item for item in await ledger(hub, since=before) if item.kind in LOOKS]
    formats = ["sd-jwt", "earlier", "picture", "pdf", "sd-jwt", "earlier", "sd-jwt"]
    company = [item for item in entries if item.subject_id != office.holder.id]
    opened = [item for item in company if item.kind == "certificate.opened_by_agent"]
    assert [item.detail["format"] for item in opened] == formats
    assert {item.detail["agent"]["name"] for item in company} == {PERSON["name"]}
    assert {item.detail["ground"] for item in company} == {"legal_representative"}
    assert {item.kind for item in company} == {"certificate.opened_by_agent", "acting.saw_licence"}
    mine = [item for item in entries if item.subject_id == office.holder.id]
    assert [(item.kind, item.detail["format"]) for item in mine] == [("acting.opened", name) for name in formats]
    theirs = (await client.get(f"{office.api}/accesses")).json()["accesses"]
    told_them = next(item for item in theirs if item["kind"] == "certificate.opened_by_agent")
    assert (told_them["class"], told_them["person"], told_them["licences"]) == ("look", PERSON["name"], ["营业执照"])
    his = (await client.get("/api/v1/me/accesses")).json()["accesses"]
    assert next(item["person"] for item in his if item["kind"] == "acting.opened") == ENTERPRISE["name"]


@pytest.mark.embedded
async def test_what_is_not_the_companys_and_what_is_over_is_not_opened_and_on_the_ledger(
    office: Office, hub: Hub
) -> None:
    client, one = office.client, f"{office.api}/certificates"
    own, before = await of_kind(hub, "identity_card"), await ledger(hub)
    gone = [await client.get(f"{one}/{own}{what}") for what in ("", "/history", "/claims", "/file")]
    gone += [await client.get(office.path.replace(office.licence, own))]
    gone += [await office.look(licence=own), await office.look("pdf", licence=own)]
    gone += [await client.get(office.path.replace(office.key, "f" * 32))]
    assert [each.status_code for each in gone] == [404] * 8, "his own is not the company's"
    reasons = [(item.detail["reason"], "principal" in item.detail) for item in await ledger(hub, since=before)]
    assert reasons == [("certificate_not_own", True)] * 7 + [("acting_not_own", False)]
    forged = await client.post(office.path, data={"csrf": "x", "wanted": "contents"}, headers=HERE)
    assert forged.status_code == 403

    await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-01"))
    before = await ledger(hub)
    over = [await client.get(office.path), await office.look(), await client.get(f"{one}/{office.licence}/claims")]
    assert [each.status_code for each in over] == [403] * 3
    assert not [each for each in over if ADDRESS in each.text]
    assert [item.kind for item in await ledger(hub, since=before)] == ["acting.refused"] * 3
    client.cookies.clear()
    paths = ["", "/history", "/claims", "/file", "/versions/1/claims"]
    closed = [await client.get(f"{one}/{office.licence}{path}") for path in paths]
    closed += [
        await client.get(f"{office.api}/collection"),
        await client.post(f"{office.api}/collection", headers=HERE),
    ]
    assert [each.status_code for each in closed] == [401] * 7


@pytest.mark.embedded
async def test_a_delegate_opens_what_he_was_let_and_takes_no_file_and_an_heir_nothing(hub: Hub, watch: Watch) -> None:
    del watch
    await furnish(hub, KINSHIP, DEATH)
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    licence = await licence_of(hub, holder.id, "居民身份证")
    plain = await hub.citizens.others.delegating.give(holder, asked(hub))
    found = await begun(hub, neighbour, "delegate")
    ways = hub.dossier.for_others
    with pytest.raises(ScopeError):  # one that sees the list, as it was given before there was anything else
        await ways.way(neighbour, found.key)
    await hub.citizens.others.delegating.withdraw(holder, plain)
    made = await hub.citizens.others.delegating.give(holder, asked(hub, scope=OPENS))
    found = await begun(hub, neighbour, "delegate")
    way = await ways.way(neighbour, found.key)
    assert (await way.leaf(licence)).formats == ()
    said = await way.contents(licence, language="zh-CN")
    assert PERSON["id_number"] in {value for _, _, value in said.claims}
    before = await ledger(hub)
    refused: list[Callable[[], Awaitable[object]]] = [
        lambda: way.contents(licence, language="zh-CN", picture=True),
        lambda: way.file(licence, "sd-jwt", language="zh-CN"),
        way.collect,
        way.lacks,
        lambda: ways.way(neighbour, found.key, Scope.FILES),
        lambda: ways.way(neighbour, found.key, Scope.COLLECT),
    ]
    for each in refused:
        with pytest.raises(ScopeError):
            await each()
    entries = await ledger(hub, since=before)
    assert [(item.kind, item.detail["reason"]) for item in entries] == [("acting.refused", "outside_scope")] * 6
    uses = [use.kind for use in (await told(hub, holder, made)).uses]
    assert uses == ["certificate.opened_by_agent", "acting.saw_licence", "acting.begun"]
    await hub.citizens.others.delegating.withdraw(holder, made)
    with pytest.raises(NoLongerActsError):
        await way.contents(licence, language="zh-CN")

    await tie(hub, KINSHIP, kinship_claims(NEIGHBOUR, PERSON, "父子"))
    await tie(hub, DEATH, death_claims(NEIGHBOUR))
    heir = await begun(hub, holder, "heir")
    assert heir.scope == {Scope.LICENCES}
    for scope in (Scope.OPEN, Scope.FILES, Scope.COLLECT):
        with pytest.raises(ScopeError):
            await ways.way(holder, heir.key, scope)


async def goes(hub: Hub, watch: Watch, how: str, holder: Holder, delegation: str) -> None:
    """The ground is gone."""
    if how == "office":
        await tie(hub, REGISTRATION, registration_claims(PERSON, registered_on="2026-11-01"))
    elif how == "of age":
        watch.ahead += timedelta(days=3)
    elif how == "dead":
        await tie(hub, DEATH, death_claims(CHILD))
    elif how == "withdrawn":
        await hub.citizens.others.delegating.withdraw(holder, delegation)
    else:
        await erased(hub)


@pytest.mark.embedded
@pytest.mark.parametrize("how", ["office", "of age", "dead", "withdrawn", "erased"])
async def test_where_the_ground_goes_between_coming_and_opening_nothing_is_shown(
    hub: Hub, watch: Watch, how: str
) -> None:
    await furnish(hub, REGISTRATION, BIRTH, DEATH)
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    name, ground, delegation = "居民身份证", Ground.DELEGATE, ""
    if how == "office":
        name, ground = "营业执照", Ground.LEGAL_REPRESENTATIVE
        await in_office(hub, NEIGHBOUR)
    elif how in {"of age", "dead"}:
        ground = Ground.PARENT
        await resident(hub, CHILD)
        await tie(hub, BIRTH, birth_claims(NEIGHBOUR))
        watch.ahead = timedelta(days=(date(2028, 6, 1) - hub.clock().date()).days - 2)
        neighbour = await signed_in(hub, person=NEIGHBOUR)
    else:
        delegation = await hub.citizens.others.delegating.give(holder, asked(hub, scope=OPENS))
    principal = await begun(hub, neighbour, ground)
    licence = await licence_of(hub, principal.id, name)
    way = await hub.dossier.for_others.way(neighbour, principal.key)
    await goes(hub, watch, how, holder, delegation)
    kinds = "SELECT kind FROM ledger_entries"
    before = len(await written(hub, kinds))
    opens: list[Callable[[], Awaitable[object]]] = [
        lambda: way.contents(licence, language="zh-CN"),
        lambda: way.leaf(licence),
    ]
    for each in opens:
        with pytest.raises((NoLongerActsError, MissingError) if how == "erased" else NoLongerActsError):
            await each()
    with pytest.raises(NoLongerActsError):
        await hub.dossier.for_others.way(neighbour, principal.key)
    written_since = [row.kind for row in (await written(hub, f"{kinds} ORDER BY id"))[before:]]
    assert set(written_since) == {"acting.refused"}, "neither opened nor seen"


@pytest.mark.embedded
async def test_who_holds_it_with_the_principal_is_told_as_ever_and_the_principal_by_name(hub: Hub) -> None:
    await furnish(hub, BIRTH)
    await hub.registry.add_type(SHARED_TYPE)
    await hub.registry.add_department(
        {"code": PERMITS, "name": {"zh": "居住证", "en": "Permits"}, "issues": ["shared_home"]}
    )
    await resident(hub, CHILD)
    other = await resident(hub, NEIGHBOUR)
    await tie(hub, BIRTH, birth_claims())
    parent = await signed_in(hub)
    shared = {
        "name": NEIGHBOUR["name"],
        "citizen_id": NEIGHBOUR["id_number"],
        "spouse": CHILD["name"],
        "spouse_id": CHILD["id_number"],
        "hidden": "看不到",
    }
    await issue(hub, shared, slug="shared_home", issuer=PERMITS)
    found = await begun(hub, parent, "parent")
    way: Way = await hub.dossier.for_others.way(parent, found.key)
    licence = await licence_of(hub, found.id, "共有住房证")
    before = await ledger(hub)
    await way.contents(licence, language="zh-CN")
    entries = {item.subject_id: item for item in await ledger(hub, since=before)}
    assert {subject: item.kind for subject, item in entries.items()} == {
        other.id: "certificate.opened_together",
        found.id: "certificate.opened_by_agent",
        parent.id: "acting.opened",
    }
    assert PERSON["name"] not in str(entries[other.id].detail), "who acts for the other is the other's business"
    assert entries[found.id].detail["agent"]["name"] == PERSON["name"]


@pytest.mark.both
async def test_nothing_is_opened_once_the_withdrawal_is_on_its_way(hub: Hub) -> None:
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    delegating = hub.citizens.others.delegating
    made = await delegating.give(holder, asked(hub, scope=OPENS))
    found = await begun(hub, neighbour, "delegate")
    licence = await licence_of(hub, holder.id, "居民身份证")
    way = await hub.dossier.for_others.way(neighbour, found.key)
    withdrawn, go_on = asyncio.Event(), asyncio.Event()

    def end(tx: Connection) -> None:
        assert delegating._withdraw(tx, holder, made, None, None, hub.clock())
        withdrawn.set()
        if tx.dialect.name == "postgresql":  # the other has one writer: nobody comes between
            await_only(go_on.wait())

    ending = asyncio.create_task(hub.database.write(end))
    await asyncio.wait_for(withdrawn.wait(), 30)
    opening = asyncio.create_task(way.contents(licence, language="zh-CN"))
    await asyncio.wait([opening], timeout=0.2)  # before its end or after it, it is refused
    go_on.set()
    await ending
    with pytest.raises(NoLongerActsError):
        await opening
    kinds = {entry.kind for entry in await ledger(hub)}
    assert "acting.refused" in kinds
    assert not kinds & {"certificate.opened_by_agent", "acting.opened"}
