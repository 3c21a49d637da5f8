"""Network IDs: bound once by a confirmed sign-in, then enough; against a service over real HTTP, which can be wrong."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from sqlalchemy import delete, select, text

from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ProviderError, SignInRefusedError
from hub.access.trial_issuers import on_trial
from hub.assembly.identities import assemble_identities
from hub.citizens.errors import HolderSignInNeededError, PresentationRefusedError
from hub.citizens.identities.errors import BindingError
from hub.citizens.identities.tables import IdentityRow, VoucherUseRow
from hub.citizens.identities.vouching import Voucher, read_voucher
from hub.citizens.values import Holder, Level
from hub.intake.counter.values import CounterOpening
from hub.intake.parties import PartyInput
from hub.intake.tables import CaseRow
from hub.runtime import Hub, open_hub
from hub.scenarios.real.counter_devices import ReaderStandIn
from hub.scenarios.real.network_id import NetworkIdStandIn
from hub.scenarios.real.standing import WebServer
from hub.scenarios.real.trial_device import TrialDevice, trial_signer
from hub.settings import Settings
from hub.storage.errors import IntegrityBrokenError, MissingError
from signing.canonical import canonical
from signing.errors import KeyPolicyError, MalformedError
from signing.keys import SoftwareSigner
from tests.citizens.conftest import Watch, erased, session, signed_in
from tests.hub.city import PERSON, STRANGER, identity_claims, ledger
from tests.hub.desk import at_desk, text_of
from tests.hub.test_counter import opened
from tests.registry.asking import staff
from tests.support import AMR, INTAKE, MATTER, POLICE, PUBLIC_URL, Place, issue

OTHER = {**STRANGER, "name": "钱另示"}
HERE = {"Origin": PUBLIC_URL}


@dataclass
class Service:
    """The stand-in, and the settings of a hub that asks it."""

    stand_in: NetworkIdStandIn
    settings: dict[str, Any]

    def voucher(self, person: dict[str, str] = PERSON, **changes: str) -> Voucher:
        asked = {"id_number": person["id_number"], "name": person["name"], "hub": PUBLIC_URL} | changes
        return Voucher(self.stand_in.voucher(asked)["voucher"])


@pytest.fixture
def service(tmp_path: Path, watch: Watch) -> Iterator[Service]:
    web, client, signer = WebServer(), SoftwareSigner.generate(), trial_signer()
    stand_in = NetworkIdStandIn(TrialDevice(web, signer), {"hub-1": client.public}, clock=watch)
    (tmp_path / "client.pem").write_bytes(client.to_pem())
    (tmp_path / "service.json").write_bytes(canonical(dict(signer.public.jwk)))
    given = {
        "network_id_url": stand_in.url,
        "network_id_client_id": "hub-1",
        "network_id_client_key": tmp_path / "client.pem",
        "network_id_public_key": tmp_path / "service.json",
    }
    yield Service(stand_in, given)
    web.close()


@pytest.fixture
async def hub(place: Place, watch: Watch, service: Service) -> AsyncIterator[Hub]:
    async with open_hub(place.settings(trial_sign_in="on", **service.settings), clock=watch) as opened:
        await issue(opened, identity_claims(), slug="identity_card", issuer=POLICE)
        await issue(
            opened, identity_claims(citizen_id=OTHER["id_number"], name=OTHER["name"]), slug="identity_card",
            issuer=POLICE,
        )  # fmt: skip
        yield opened


@asynccontextmanager
async def browser(place: Place, hub: Hub, secret: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    async with place.client(hub) as client:
        if secret:
            client.cookies.set("yz_holder", secret)
        yield client


async def enter(hub: Hub, voucher: Voucher) -> str:
    assert hub.citizens.identities is not None
    return await hub.citizens.identities.sign_in.enter(voucher)


async def bind(hub: Hub, voucher: Voucher, person: dict[str, str] = PERSON, level: Level = Level.SUBSTANTIAL) -> None:
    assert hub.citizens.identities is not None
    await hub.citizens.identities.bindings.bind(await signed_in(hub, level, person), voucher)


async def bindings_of(hub: Hub, holder: Holder) -> list[str]:
    assert hub.citizens.identities is not None
    return [each.id for each in await hub.citizens.identities.bindings.listed(holder)]


async def refused(hub: Hub, voucher: Voucher) -> None:
    with pytest.raises(SignInRefusedError):
        await enter(hub, voucher)


async def kinds(hub: Hub, subject: str) -> list[str]:
    return [entry.kind for entry in await ledger(hub) if entry.subject_id == subject and "identity." in entry.kind]


async def test_bound_once_by_a_confirmed_sign_in_the_pseudonym_is_enough_until_released(
    place: Place, hub: Hub, service: Service
) -> None:
    await refused(hub, service.voucher())  # bound to nobody yet
    async with browser(place, hub, await session(hub)) as client:
        page = await client.get("/me/identities")
        assert "还没有绑定" in text_of(page)
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        sent = {"csrf": csrf, "voucher": f" {service.voucher().text}\n"}
        assert (await client.post("/me/identities", data=sent, headers=HERE)).status_code == 303
        again = await client.post("/me/identities", data=sent, headers=HERE)
        assert (again.status_code, "凭证已用过" in text_of(again)) == (422, True)
        assert (await client.post("/me/identities", data=sent | {"csrf": "x"}, headers=HERE)).status_code == 403
    async with browser(place, hub) as client:
        sheet = await client.get("/me/sign-in")
        assert "用网证登录" in text_of(sheet)
        answer = await client.post("/me/sign-in/network-id", data={"voucher": service.voucher().text}, headers=HERE)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me")
        page = await client.get("/me/identities")
        assert "已绑定" in text_of(page)
        assert "试用登录" in page.text  # a stand-in vouched
        assert PERSON["id_number"] not in page.text
        binding = page.text.partition("/me/identities/")[2].partition("/release")[0]
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        path = f"/me/identities/{binding}/release"
        elsewhere = await enter(hub, service.voucher())
        assert (await client.post(path, data={"csrf": csrf}, headers=HERE)).status_code == 303
        assert "已解除" in text_of(await client.get("/me/identities"))
    with pytest.raises(HolderSignInNeededError):
        await hub.citizens.sessions.find(elsewhere)
    await refused(hub, service.voucher())
    holder = await signed_in(hub)
    assert await kinds(hub, holder.id) == ["identity.bound", "identity.released"]
    rows = await hub.database.read(lambda tx: tx.execute(select(table(IdentityRow))).all())
    assert [(row.pseudonym_hash, row.content) for row in rows] == [(None, None)]
    await bind(hub, service.voucher())  # and bound again
    await hub.citizens.sessions.find(await enter(hub, service.voucher()))


@pytest.mark.embedded
async def test_nobody_binds_or_enters_by_what_is_somebody_elses(place: Place, hub: Hub, service: Service) -> None:
    his, other = await signed_in(hub), await signed_in(hub, person=OTHER)
    with pytest.raises(BindingError) as wrong:  # handed to him, or stolen
        await bind(hub, service.voucher(OTHER))
    assert wrong.value.reason == "mismatch"
    await bind(hub, service.voucher(OTHER), OTHER)
    service.stand_in.changes = {"matches": True}  # a service that compares badly
    with pytest.raises(BindingError) as taken:
        await bind(hub, service.voucher(OTHER))
    assert taken.value.reason == "elsewhere"
    service.stand_in.changes = {}
    assert await kinds(hub, his.id) == ["identity.refused", "identity.refused"]
    assert await kinds(hub, other.id) == ["identity.bound", "identity.refused"]
    entered = await hub.citizens.sessions.find(await enter(hub, service.voucher(OTHER)))
    assert entered.id == other.id
    assert hub.citizens.identities is not None
    (bound,) = await hub.citizens.identities.bindings.listed(other)
    with pytest.raises(MissingError):
        await hub.citizens.identities.bindings.release(his, bound.id)
    assert (await hub.citizens.identities.bindings.listed(other))[0].live
    assert "identity_not_own" in [entry.detail.get("reason") for entry in await ledger(hub)]
    for given in ({"assurance": "basic"}, {"matches": None}, {"matches": "yes"}):
        service.stand_in.changes = given
        with pytest.raises(BindingError):
            await bind(hub, service.voucher())
    service.stand_in.changes = {}
    with pytest.raises(BindingError):
        await bind(hub, service.voucher(hub="https://other.example"))


async def test_of_two_at_one_moment_one_voucher_enters_once_and_one_pseudonym_binds_one(
    hub: Hub, service: Service
) -> None:
    service.stand_in.changes = {"matches": True, "pseudonym": "p" * 32}
    tried = await asyncio.gather(
        bind(hub, service.voucher()), bind(hub, service.voucher(OTHER), OTHER), return_exceptions=True
    )
    (why,) = [each for each in tried if each is not None]
    assert isinstance(why, BindingError)
    assert why.reason == "elsewhere"
    service.stand_in.changes = {"pseudonym": "p" * 32, "jti": "at-one-moment"}
    entered = await asyncio.gather(*(enter(hub, service.voucher()) for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in entered) == ["SignInRefusedError"] * 3 + ["str"]
    service.stand_in.changes = {"pseudonym": "p" * 32}
    (holder,) = [
        each for each in (await signed_in(hub), await signed_in(hub, person=OTHER)) if await bindings_of(hub, each)
    ]
    (bound,) = await bindings_of(hub, holder)
    assert hub.citizens.identities is not None
    release = hub.citizens.identities.bindings.release
    came, _ = await asyncio.gather(enter(hub, service.voucher()), release(holder, bound), return_exceptions=True)
    if isinstance(came, str):  # in by it before it was released, and out with the release
        with pytest.raises(HolderSignInNeededError):
            await hub.citizens.sessions.find(came)


@pytest.mark.embedded
async def test_the_level_is_that_of_the_voucher_and_never_above_the_one_that_bound_it(
    hub: Hub, service: Service
) -> None:
    await bind(hub, service.voucher(), level=Level.SUBSTANTIAL)
    for assurance, level in (
        ("basic", Level.BASIC),
        ("substantial", Level.SUBSTANTIAL),
        ("high", Level.SUBSTANTIAL),
        ("top", Level.BASIC),
    ):
        holder = await hub.citizens.sessions.find(await enter(hub, service.voucher(assurance=assurance)))
        assert holder.level is level
    (mode,) = {entry.detail["how"] for entry in await ledger(hub) if entry.detail.get("how", "trial") != "trial"}
    assert mode == "nid_trial"


@pytest.mark.embedded
async def test_an_answer_that_is_wrong_old_replayed_or_for_another_is_refused(
    hub: Hub, service: Service, watch: Watch
) -> None:
    await bind(hub, service.voucher())
    stand_in, now = service.stand_in, int(watch().timestamp())
    wrong: list[dict[str, Any]] = [
        {"aud": "https://other.example"}, {"aud": None}, {"iss": "https://other.example"}, {"nonce": "x" * 32},
        {"iat": now - 600, "exp": now + 60}, {"iat": now - 400, "exp": now - 110}, {"iat": now + 60, "exp": now + 120},
        {"exp": now + 3600}, {"pseudonym": "short"}, {"pseudonym": 7}, {"jti": ""}, {"pseudonym": "0" * 64},
    ]  # fmt: skip
    for changes in wrong:
        stand_in.changes = changes
        await refused(hub, service.voucher())
    stand_in.changes = {}
    device, stand_in.device = stand_in.device, replace(stand_in.device, signer=trial_signer())
    await refused(hub, service.voucher())  # another key, pinned by nobody
    named = SoftwareSigner.from_pem(trial_signer().to_pem(), device.signer.kid)
    stand_in.device = replace(device, signer=named)
    await refused(hub, service.voucher())  # another key under the name of the pinned one
    stand_in.device = device
    stand_in.changes = {"jti": "one-transaction"}
    await enter(hub, service.voucher())
    await refused(hub, service.voucher())  # its transaction was here
    stand_in.changes = {}
    used = service.voucher()
    await enter(hub, used)
    await refused(hub, used)
    late = service.voucher()
    watch.ahead = timedelta(minutes=6)
    await refused(hub, late)
    await enter(hub, service.voucher())
    watch.ahead = timedelta(days=2)
    await enter(hub, service.voucher())
    uses = await hub.database.read(lambda tx: tx.execute(select(table(VoucherUseRow))).all())
    assert len(uses) == 2, "what would be too old anyway is forgotten"


@pytest.mark.embedded
async def test_a_service_that_is_away_is_said_and_the_other_ways_stay(place: Place, hub: Hub, service: Service) -> None:
    await bind(hub, service.voucher())
    voucher, web = service.voucher(), service.stand_in.device.web
    async with browser(place, hub) as client:
        with web.without("verify"):
            answer = await client.post("/me/sign-in/network-id", data={"voucher": voucher.text}, headers=HERE)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
            assert "暂时没有应答" in text_of(answer)
            assert "获取验证码" in text_of(answer)
            with pytest.raises(ProviderError):
                await bind(hub, voucher)
        real = web.calls["verify"]
        for said in (b"[]", b"{", b'{"answer": 7}', b'{"error": "x"}', b"x" * 300_000):
            web.calls["verify"] = lambda _, said=said: ("application/json", said)  # type: ignore[misc]
            with pytest.raises((ProviderError, SignInRefusedError)):
                await enter(hub, voucher)
        web.calls["verify"] = real
        answer = await client.post("/me/sign-in/network-id", data={"voucher": "王晓示"}, headers=HERE)
        assert answer.status_code == 422
        wrong = await client.post("/me/sign-in/network-id", data={"voucher": "NID." + "x" * 30}, headers=HERE)
        assert (wrong.status_code, "登录未成功" in text_of(wrong)) == (401, True)
        foreign = {"Origin": "https://evil.example"}
        assert (await client.post("/me/sign-in/network-id", data={}, headers=foreign)).status_code == 403
        assert (await client.get("/me/sign-in/network-id")).headers["location"] == "/me/sign-in"
        answer = await client.post("/me/sign-in/network-id", data={"voucher": voucher.text}, headers=HERE)
        assert answer.status_code == 303
    assert [bool(read_voucher(each)) for each in ("", "NID.x", "NID." + "é" * 30, "eyJ.a.b")] == [False] * 4
    assert voucher.text not in repr(voucher)


@pytest.mark.embedded
async def test_the_erased_the_renamed_and_forged_rows_open_nothing(hub: Hub, service: Service) -> None:
    await bind(hub, service.voucher())
    await bind(hub, service.voucher(OTHER), OTHER)
    rows = table(IdentityRow)
    kept = await hub.database.read(lambda tx: [dict(row._mapping) for row in tx.execute(select(rows))])
    holder = await signed_in(hub, person=OTHER)
    moved = "UPDATE holder_identities SET subject_id = :subject WHERE subject_id <> :subject"
    await hub.database.write(lambda tx: tx.execute(text(moved), {"subject": holder.id}))
    with pytest.raises(IntegrityBrokenError):
        await enter(hub, service.voucher())
    await hub.database.write(lambda tx: tx.execute(rows.delete()))
    await refused(hub, service.voucher())
    await hub.database.write(lambda tx: tx.execute(rows.insert(), kept))
    await enter(hub, service.voucher())
    assert hub.citizens.identities is not None
    (bound,) = await hub.citizens.identities.bindings.listed(holder)
    await hub.citizens.identities.bindings.release(holder, bound.id)
    (live,) = [row for row in kept if row["subject_id"] == holder.id]
    await hub.database.write(lambda tx: tx.execute(rows.delete().where(rows.c.id == live["id"])))
    await hub.database.write(lambda tx: tx.execute(rows.insert(), [live]))
    with pytest.raises(IntegrityBrokenError):  # released, and the old row put back
        await enter(hub, service.voucher(OTHER))
    await issue(hub, identity_claims(name="陈改名"), slug="identity_card", issuer=POLICE)
    await refused(hub, service.voucher())
    await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
    await enter(hub, service.voucher())
    (his,) = [row for row in kept if row["subject_id"] != holder.id]
    await erased(hub)
    left = await hub.database.read(lambda tx: tx.execute(select(rows.c.subject_id)).scalars().all())
    assert his["subject_id"] not in left
    await hub.database.write(lambda tx: tx.execute(rows.insert(), [his]))  # out of a copy of the database
    await refused(hub, service.voucher())


@pytest.mark.sampled
async def test_a_voucher_is_used_though_the_row_that_says_so_is_gone(hub: Hub, service: Service) -> None:
    """Where the service itself let it pass a second time: one that bound, and one that entered."""
    first = service.voucher()
    held = dict(service.stand_in._vouchers)
    await bind(hub, first)
    await hub.database.write(lambda tx: tx.execute(delete(table(VoucherUseRow))))
    service.stand_in._vouchers.update(held)
    await refused(hub, first)
    voucher = service.voucher()
    held = dict(service.stand_in._vouchers)
    await enter(hub, voucher)
    await hub.database.write(lambda tx: tx.execute(delete(table(VoucherUseRow))))
    service.stand_in._vouchers.update(held)
    await refused(hub, voucher)
    await enter(hub, service.voucher())


@pytest.mark.embedded
async def test_at_a_counter_a_voucher_opens_one_case_for_whom_it_is_bound_to(
    place: Place, hub: Hub, service: Service
) -> None:
    await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
    await bind(hub, service.voucher())
    here = await signed_in(hub)
    async with at_desk(place, hub, AMR, Role.CLERK) as desk:
        voucher = service.voucher()
        page = await opened(desk, voucher.text)
        assert (page.status_code, "陈**" in text_of(page)) == (200, True)
        assert "不能使用" in text_of(await opened(desk, voucher.text))  # used
        assert "不能使用" in text_of(await opened(desk, service.voucher(OTHER).text))  # bound to nobody
        assert "不能使用" in text_of(await opened(desk, service.voucher(assurance="basic").text))
        with service.stand_in.device.web.without("verify"):
            page = await opened(desk, service.voucher().text)
        assert (page.status_code, "请改用身份证" in text_of(page)) == (422, True)
        assert not [url for url in desk.sent if "NID." in url]
        assert PERSON["id_number"] not in "".join(desk.seen)
    cases = table(CaseRow)
    (case,) = await hub.database.read(lambda tx: tx.execute(select(cases)).all())
    assert [item["kind"] for item in case.corroboration] == ["network_id"]
    shown = [entry for entry in await ledger(hub) if entry.kind == "identity.shown"]
    assert [(entry.subject_id, entry.detail["case_no"]) for entry in shown] == [(here.id, case.case_no)]
    assert sum(entry.detail.get("reason") == "network_id" for entry in await ledger(hub)) == 3
    clerk, parties = await staff(hub, AMR, "another", Role.CLERK), [PartyInput("applicant", "")]
    again = service.voucher()
    opening = CounterOpening(MATTER, parties, "0" * 32, codes={0: again})
    found = await hub.counter.presenting.present(clerk, await hub.counter.caller(clerk), opening)
    assert hub.citizens.identities is not None
    (bound,) = await hub.citizens.identities.bindings.listed(here)
    await hub.citizens.identities.bindings.release(here, bound.id)
    with pytest.raises(PresentationRefusedError):  # released since it was looked at
        await hub.database.write(lambda tx: found.also and found.also(tx, None, "YZC"))
    await refused(hub, again)  # and it does not sign in whoever has it by now
    await hub.database.write(lambda tx: tx.execute(delete(table(IdentityRow))))
    with pytest.raises(PresentationRefusedError):
        await hub.counter.open(clerk, replace(opening, codes={0: service.voucher()}))


@pytest.mark.embedded
async def test_at_a_counter_the_card_that_a_reader_read_binds_it_and_nothing_typed(
    place: Place, hub: Hub, service: Service
) -> None:
    await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
    reader = ReaderStandIn(service.stand_in.device)
    await hub.counter.readers.register(COMMAND, AMR, reader.device.jwk, "1号窗口")
    his = {"id_number": PERSON["id_number"], "name": PERSON["name"]}
    other = {"id_number": OTHER["id_number"], "name": OTHER["name"]}
    nobody = {"id_number": OTHER["id_number"], "name": "无此人"}
    path, used = "/console/counter/network-id", reader.reads(**his)
    async with at_desk(place, hub, AMR, Role.CLERK) as desk:

        async def bound(card: str, voucher: Voucher) -> tuple[int, str]:
            page = await desk.post(path, form_on=path, card=card, voucher=voucher.text)
            return page.status_code, text_of(page)

        for card, voucher, why in (
            (f"{PERSON['name']}|{PERSON['id_number']}", service.voucher(), "读卡结果未通过核验"),
            (reader.reads(**other), service.voucher(), "没有确认这是本人的网号"),
            (reader.reads(**nobody), service.voucher(nobody), "没有与这张证件相符的有效记录"),
            (reader.reads(**his), Voucher("NID." + "x" * 30), "凭证已用过"),
            (reader.reads(**his), Voucher("x"), "NID."),
        ):
            status, said = await bound(card, voucher)
            assert (status, why in said) == (422, True), said
        with service.stand_in.device.web.without("verify"):
            assert "请改用身份证" in (await bound(reader.reads(**his), service.voucher()))[1]
        status, said = await bound(used, service.voucher())
        assert (status, "已绑定" in said) == (200, True)
        assert (await bound(used, service.voucher()))[0] == 422
        assert PERSON["id_number"] not in "".join(desk.seen)
    holder = await hub.citizens.sessions.find(await enter(hub, service.voucher(assurance="high")))
    assert (holder.identity.id_number, holder.level) == (PERSON["id_number"], Level.SUBSTANTIAL)
    (entry,) = [entry for entry in await ledger(hub) if entry.kind == "identity.bound"]
    assert (entry.subject_id, entry.detail["reference"]) == (holder.id, f"reader:{reader.device.signer.kid}")
    async with place.open() as without, at_desk(place, without, AMR, Role.CLERK, name="other") as desk:
        assert "没有接入" in text_of(await desk.get(path))


@pytest.mark.embedded
async def test_number_and_name_are_used_only_where_the_operator_has_the_hub_ask(
    place: Place, hub: Hub, service: Service, watch: Watch
) -> None:
    service.stand_in.changes = {"id_number": PERSON["id_number"], "name": PERSON["name"]}
    await refused(hub, service.voucher())  # said unasked: not read
    service.stand_in.changes = {}
    given = service.settings | {"network_id_asks": "identity"}
    async with open_hub(place.settings(trial_sign_in="on", **given), clock=watch) as asking:
        holder = await asking.citizens.sessions.find(await enter(asking, service.voucher()))
        assert (holder.identity.id_number, holder.level) == (PERSON["id_number"], Level.SUBSTANTIAL)
        for wrong in ({"id_number": "x"}, {"name": ""}, {"id_number": 7}, {"name": "另一人"}):
            service.stand_in.changes = wrong
            await refused(asking, service.voucher())
        service.stand_in.changes = {"id_number": OTHER["id_number"], "matches": True}
        with pytest.raises(BindingError):
            await bind(asking, service.voucher())


@pytest.mark.embedded
async def test_a_hub_in_production_believes_no_stand_in(
    place: Place, hub: Hub, service: Service, tmp_path: Path, watch: Watch
) -> None:
    await bind(hub, service.voucher())
    assert hub.citizens.identities is not None
    production = hub.settings.model_copy(update={"built_in_ca": "refuse", "trial_sign_in": "off"})
    ground = _ground(hub, production)
    with pytest.raises(KeyPolicyError) as named:
        assemble_identities(*ground)
    assert named.value.reason == "trial_key"
    jwk = dict(service.stand_in.device.jwk) | {"kid": "service-1"}  # renamed: the mark in what it signs stays
    (tmp_path / "service.json").write_bytes(canonical(jwk))
    renamed = SoftwareSigner.from_pem(service.stand_in.device.signer.to_pem(), "service-1")
    service.stand_in.device = replace(service.stand_in.device, signer=renamed)
    made = assemble_identities(*ground)
    assert made is not None
    with pytest.raises(SignInRefusedError) as marked:
        await made.sign_in.enter(service.voucher())
    assert marked.value.reason == "network_id:trial"
    service.stand_in.changes = {"trial": False}  # as the real service: what was bound on trial opens nothing
    with pytest.raises(SignInRefusedError):
        await made.sign_in.enter(service.voucher())
    assert on_trial("trial-x")
    assert on_trial("x", {"trial": "no"})
    assert not on_trial("x", {"trial": False})
    for broken in (b"[]", b"{", b'{"kty":"oct"}', b'{"kty":"EC","alg":"none"}'):
        (tmp_path / "service.json").write_bytes(broken)
        with pytest.raises((KeyPolicyError, MalformedError)):
            assemble_identities(*ground)
    given = service.settings
    for faulty in (
        {"network_id_url": "http://id.example"}, {"network_id_client_id": ""}, {"network_id_public_key": None},
        {"network_id_client_key": None},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            Settings(home=tmp_path, **(given | faulty))


def _ground(hub: Hub, settings: Settings) -> tuple[Any, Any, Any]:
    from hub.assembly.ground import lay_ground

    return lay_ground(settings, hub.database, hub.clock), hub.citizens.trial._confirming, hub.citizens.sessions
