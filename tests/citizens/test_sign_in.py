"""Signing in as a holder: in order and out of order, right and wrong alike, and never where real people are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from pydantic import ValidationError
from sqlalchemy import select, update

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.access.errors import SignInRefusedError
from hub.access.sessions import hashed
from hub.citizens.errors import HolderSignInNeededError, TrialOffError
from hub.citizens.tables import HolderSessionRow
from hub.citizens.trial import trial_on
from hub.citizens.values import Level
from hub.runtime import Hub
from hub.settings import Settings
from tests.access.test_oidc import at_provider, provider
from tests.citizens.conftest import Watch, session, signed_in
from tests.hub.city import PERSON, STRANGER, identity_claims, ledger
from tests.hub.command import yizheng
from tests.hub.desk import text_of
from tests.support import ENTERPRISE, POLICE, PUBLIC_URL, TYPES, Place, issue, valid_uscc

pytestmark = pytest.mark.embedded
HERE = {"Origin": PUBLIC_URL}
NUMBER, NAME = PERSON["id_number"], PERSON["name"]


@asynccontextmanager
async def browser(place: Place, hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with place.client(hub) as client:
        yield client


async def first_step(
    client: httpx2.AsyncClient, number: str = NUMBER, name: str = NAME, **more: str
) -> httpx2.Response:
    return await client.post("/me/sign-in", data={"id_number": number, "name": name, **more}, headers=HERE)


async def second_step(client: httpx2.AsyncClient, code: str) -> httpx2.Response:
    return await client.post("/me/sign-in/code", data={"code": code}, headers=HERE)


async def sent(hub: Hub) -> str:
    return (await hub.citizens.trial.notices())[0].code


async def test_number_name_and_the_code_of_the_notice_begin_a_session(place: Place, hub: Hub) -> None:
    async with browser(place, hub) as client:
        assert "仅供演示" in text_of(await client.get("/me/sign-in"))
        assert (await client.get("/me")).headers["location"] == "/me/sign-in"
        answer = await first_step(client, f" {NUMBER[:6]} {NUMBER[6:]} ", "陈 晓 示".replace(" ", ""))
        assert (answer.status_code, answer.headers["location"]) == (303, "/me/sign-in/code")
        code = await sent(hub)
        page = await client.get("/me/sign-in/code")
        assert "演示短信" not in page.text  # shown in the sample city alone
        before = client.cookies.get("yz_holder_step")
        answer = await second_step(client, code)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me")
        assert "httponly" in answer.headers["set-cookie"].lower()
        page = await client.get("/me")
        assert "陈**" in text_of(page)
        assert "身份证" in text_of(page)
        assert "试用登录" in page.text
        assert NUMBER not in page.text
        assert before != client.cookies.get("yz_holder")
        again = await second_step(client, code)  # used up
        assert again.headers["location"] == "/me/sign-in"
        assert (await client.get("/me/sign-in")).headers["location"] == "/me"
    (entry,) = [entry for entry in await ledger(hub) if entry.kind == "holder.sign_in"]
    assert (entry.detail["how"], entry.detail["level"]) == ("trial", "substantial")


@pytest.mark.parametrize(
    ("number", "name"), [(NUMBER, "陈晓"), (STRANGER["id_number"], STRANGER["name"]), (NUMBER, NAME + "!")]
)
async def test_mismatched_and_unknown_look_as_the_right_one_until_the_end(
    place: Place, hub: Hub, number: str, name: str
) -> None:
    async with browser(place, hub) as client, browser(place, hub) as right:
        answers = [await first_step(right), await first_step(client, number, name)]
        assert len({(answer.status_code, answer.headers["location"]) for answer in answers}) == 1
        pages = [(await each.get("/me/sign-in/code")).text for each in (client, right)]
        assert pages[0] == pages[1]
        answer = await second_step(client, await sent(hub))  # its own code, sent or not
        wrong = await second_step(right, "nonsense")
        assert (answer.status_code, text_of(answer)) == (401, text_of(wrong))
        assert not client.cookies.get("yz_holder")


async def test_codes_are_guessed_five_times_and_steps_are_not_skipped(place: Place, hub: Hub, watch: Watch) -> None:
    async with browser(place, hub) as client:
        assert (await second_step(client, "000000")).headers["location"] == "/me/sign-in"
        assert (await client.get("/me/sign-in/code")).headers["location"] == "/me/sign-in"
        await first_step(client)
        code = await sent(hub)
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        assert [(await second_step(client, wrong)).status_code for _ in range(5)] == [401] * 5
        assert (await second_step(client, code)).status_code == 401
        await first_step(client)
        code = await sent(hub)
        async with browser(place, hub) as other:  # a code without its browser is nothing
            other.cookies.set("yz_holder_step", "x" * 43)
            assert (await second_step(other, code)).status_code == 401
        watch.ahead = timedelta(minutes=6)
        assert (await second_step(client, code)).status_code == 401
        statuses = [(await first_step(client)).status_code for _ in range(6)]
        assert statuses[-1] == 429
        foreign = await client.post(
            "/me/sign-in", data={"id_number": NUMBER}, headers={"Origin": "https://evil.example"}
        )
        assert foreign.status_code == 403
        assert (await first_step(client, name="")).status_code == 422
        assert "校验位不对" in text_of(await first_step(client, NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "2")))
        assert (await first_step(client, ENTERPRISE["id_number"], ENTERPRISE["name"], id_type="001")).status_code == 422


@pytest.mark.embedded
async def test_a_cookie_that_was_taken_elsewhere_ends_with_all_others(place: Place, hub: Hub) -> None:
    """It is a bearer's: no address and no browser is asked for, and a telephone changes both on its way. What stands
    against a thief is that it is short, that he is nobody new only where he has the whole browser, and one button.
    """
    secret = await session(hub)
    async with place.client(hub) as mine, place.client(hub, client=("198.51.100.9", 4000)) as thief:
        for client, agent in ((mine, "Mozilla/5.0 (Android) Chrome/130"), (thief, "curl/8")):
            client.cookies.set("yz_holder", secret)
            client.headers["User-Agent"] = agent
            assert (await client.get("/me/licences")).status_code == 200
            assert (await client.get("/api/v1/me")).status_code == 200
        csrf = (await hub.citizens.sessions.find(secret)).csrf
        for origin in ("https://evil.example", "null", ""):  # the cookie alone acts from no page but ours
            refused = await thief.post("/me/sign-out", data={"csrf": csrf}, headers={"Origin": origin})
            assert refused.status_code == 403
        assert (await mine.get("/me")).status_code == 200
        done = await mine.post("/me/sign-out", data={"csrf": csrf, "everywhere": "1"}, headers={"Origin": PUBLIC_URL})
        assert done.status_code == 303
        for path in ("/me/licences", "/me/accesses", "/me/show"):
            assert (await thief.get(path)).headers["location"].startswith("/me/sign-in")
        assert (await thief.get("/api/v1/me")).status_code == 401
        late = await thief.post("/me/show", data={"csrf": csrf}, headers={"Origin": PUBLIC_URL})
        assert late.headers["location"] == "/me/sign-in?ended=1"
        assert "没有保存" in (await thief.get(late.headers["location"])).text
        planted = await mine.get("/me", headers={"Cookie": "yz_holder=" + "planted-by-somebody-else-0123456789"})
        assert planted.headers["location"] == "/me/sign-in", "a cookie that nobody was given is none"


async def test_a_session_ends_by_idleness_by_its_age_at_sign_out_and_with_its_person(
    place: Place, hub: Hub, watch: Watch
) -> None:
    find = hub.citizens.sessions.find
    secret = await session(hub)
    for minutes in (14, 28, 42, 56, 70, 84, 98, 112):
        watch.ahead = timedelta(minutes=minutes)
        await find(secret)
    watch.ahead = timedelta(minutes=121)
    with pytest.raises(HolderSignInNeededError):
        await find(secret)
    idle = await session(hub)
    watch.ahead = timedelta(minutes=137)
    with pytest.raises(HolderSignInNeededError):
        await find(idle)
    ended, everywhere = await session(hub), await session(hub)
    await hub.citizens.sessions.end(ended)
    with pytest.raises(HolderSignInNeededError):
        await find(ended)
    assert await hub.citizens.sessions.others(await find(everywhere)) == 0  # those that were idle or ended are none
    stolen = await session(hub)
    assert await hub.citizens.sessions.others(await find(everywhere)) == 1
    await hub.citizens.sessions.end_all(await find(everywhere))
    with pytest.raises(HolderSignInNeededError):
        await find(stolen)
    with pytest.raises(HolderSignInNeededError):
        await find(everywhere)
    staff = await place_of_staff(hub)
    with pytest.raises(HolderSignInNeededError):  # a cookie of staff opens nothing here
        await find(staff)
    gone = await session(hub)
    await issue(hub, identity_claims(name="陈改名"), slug="identity_card", issuer=POLICE)
    with pytest.raises(HolderSignInNeededError):  # the register knows him by another name now
        await find(gone)
    renamed = await session(hub, person={**PERSON, "name": "陈改名"})
    await find(renamed)
    key = hub.vault.new_data_key()  # as an erasure leaves it
    values = {"data_key": key.wrapped, "kek_kid": key.kek_kid}
    await hub.database.write(lambda tx: tx.execute(update(table(SubjectRow)).values(**values)))
    with pytest.raises(HolderSignInNeededError):
        await find(renamed)


async def test_a_session_that_somebody_wrote_into_the_database_is_nobodys(hub: Hub, watch: Watch) -> None:
    rows, secret, own = table(HolderSessionRow), await session(hub), "x" * 43
    kept = await hub.database.read(lambda tx: dict(tx.execute(select(rows)).one()._mapping))
    later = {"expires_at": kept["expires_at"] + timedelta(days=1), "seen_at": kept["seen_at"] + timedelta(hours=3)}
    for ahead, found_by, changes in (
        (0, own, {"secret_hash": hashed(own)}),
        (0, secret, {"level": int(Level.HIGH)}),
        (0, secret, {"how": "provider"}),
        (3, secret, later),
    ):
        watch.ahead = timedelta(hours=ahead)
        await hub.database.write(lambda tx: tx.execute(rows.delete()))
        await hub.database.write(lambda tx, row=kept | changes: tx.execute(rows.insert().values(**row)))  # type: ignore[misc]
        with pytest.raises(HolderSignInNeededError):
            await hub.citizens.sessions.find(found_by)
    watch.ahead = timedelta()
    await hub.database.write(lambda tx: tx.execute(rows.update().values(**kept)))
    await hub.citizens.sessions.find(secret)


async def place_of_staff(hub: Hub) -> str:
    from hub.access.actors import COMMAND, Role
    from tests.access.people import HERE as PEER
    from tests.access.people import PASSWORD

    given = {"user_name": "clerk.a", "display_name": "示例", "department": None, "roles": [Role.OPERATOR]}
    staff = await hub.staff.add(COMMAND, given)
    secret = (await hub.staff.invite(COMMAND, staff.id)).partition("?t=")[2]
    return (await hub.staff_sign_in.accept(secret, PASSWORD, PEER)).secret


def test_the_trial_is_never_on_where_real_people_are(tmp_path: Any) -> None:
    (tmp_path / "sample").mkdir()
    assert trial_on(Settings(home=tmp_path))
    assert not trial_on(Settings(home=tmp_path / "other"))
    assert trial_on(Settings(home=tmp_path / "other", trial_sign_in="on"))
    for production in (
        {"public_url": "https://hub.example.gov.cn"},
        {"public_url": "http://192.0.2.7:8700"},
        {"public_url": "http://127.0.0.1.example.com"},
        {"built_in_ca": "refuse"},
        {"holder_oidc_issuer": "https://id.example.gov.cn"},
    ):
        assert not trial_on(Settings(home=tmp_path, **production)), production
        with pytest.raises(ValidationError):
            Settings(home=tmp_path, trial_sign_in="on", **production)
    assert not trial_on(Settings(home=tmp_path, trial_sign_in="off"))


async def test_without_the_trial_nothing_of_it_answers(place: Place) -> None:
    async with place.open() as hub, browser(place, hub) as client:
        assert "尚未开放" in text_of(await client.get("/me/sign-in"))
        assert (await first_step(client)).status_code == 404
        with pytest.raises(TrialOffError):
            await hub.citizens.trial.notices()


async def test_whom_the_provider_vouches_for_is_confirmed_here_and_as_sure_as_it_says(place: Place) -> None:
    with provider() as issuer:
        given = {"holder_oidc_issuer": issuer, "holder_oidc_client_id": "me", "holder_oidc_client_secret": "hush"}
        given |= {"holder_oidc_acr_substantial": "sure:substantial", "holder_oidc_acr_high": "sure:high"}
        async with place.open(**given) as hub, browser(place, hub) as client:
            await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
            for subject, number in (("known", NUMBER), ("unknown", STRANGER["id_number"]), ("nobody", "x")):
                claims = {"sub": subject, "id_number": number, "name": NAME}
                async with httpx2.AsyncClient() as outside:
                    assert (await outside.put(f"{issuer}/users/{subject}", json=claims)).is_success
            for subject, status in (("unknown", 401), ("nobody", 401), ("known", 303)):
                away = (await client.get("/me/oidc/start")).headers["location"]
                back = (await at_provider(away, subject)).removeprefix(PUBLIC_URL)
                answer = await client.get(back)
                assert answer.status_code == status, text_of(answer)
                assert (await client.get(back)).status_code == 401  # nothing is left of the attempt
            page = await client.get("/me")
            assert "登录等级不能查看" in text_of(page)  # no acr was given: the lowest level
            assert (await client.get("/me/accesses")).status_code == 403
            found = (await client.get("/api/v1/me")).json()
            assert (found["name"], found["level"]) == ("陈**", "basic")
            for acr in ("substantial", "high"):
                async with httpx2.AsyncClient() as outside:
                    await outside.put(
                        f"{issuer}/users/known", json=claims | {"id_number": NUMBER, "acr": f"sure:{acr}"}
                    )
                away = (await client.get("/me/oidc/start")).headers["location"]
                await client.get((await at_provider(away, "known")).removeprefix(PUBLIC_URL))
                assert (await client.get("/api/v1/me")).json()["level"] == acr
            assert (await client.get("/me/accesses")).status_code == 200


async def test_levels_are_kept(hub: Hub) -> None:
    assert (await signed_in(hub, Level.HIGH)).level is Level.HIGH
    assert repr(await signed_in(hub)).find(NUMBER) == -1


async def test_the_dead_do_not_sign_in_and_their_sessions_end(hub: Hub) -> None:
    secret = await session(hub)
    await hub.citizens.sessions.find(secret)
    await hub.registry.add_type((TYPES / "death_certificate.yaml").read_text(encoding="utf-8"))
    issued = hub.types.find("death_certificate")
    assert issued is not None
    health = valid_uscc("11990000MB0000013")
    name = {"zh": "卫生健康委员会", "en": "Health"}
    await hub.registry.add_department({"code": health, "name": name, "issues": [issued.type.code]})
    died = {"certificate_no": "D-1", "name": NAME, "citizen_id": NUMBER, "sex": "男", "died_on": "2026-01-02"}
    died |= {"place": "示例医院", "institution": "示例医院", "issued_on": "2026-01-03"}
    await issue(hub, died, slug="death_certificate", issuer=health)
    with pytest.raises(HolderSignInNeededError):
        await hub.citizens.sessions.find(secret)
    step = await hub.citizens.trial.begin("111", NUMBER, NAME, peer="192.0.2.1")
    with pytest.raises(SignInRefusedError):
        await hub.citizens.trial.finish(step, await sent(hub), peer="192.0.2.1")


@pytest.mark.parametrize(
    ("registered", "typed"), [("阿依古丽·买买提", "阿依古丽•买买提"), ("陈㛃𠅤", "陈㛃𠅤"), ("欧阳 示", " 欧阳 示 ")]
)
async def test_names_with_dots_and_rare_characters_sign_in(place: Place, hub: Hub, registered: str, typed: str) -> None:
    await issue(hub, identity_claims(name=registered), slug="identity_card", issuer=POLICE)
    async with browser(place, hub) as client:
        await first_step(client, name=typed)
        assert (await second_step(client, await sent(hub))).headers["location"] == "/me"
        assert typed.strip()[0] in text_of(await client.get("/me"))


VISITORS = {
    "414": ("foreigner_residence_permit", "passport_no", "E12345678", "SHI LI"),
    "516": ("mainland_travel_permit", "travel_permit_no", "H01234567", "示小珠"),
}
"""Somebody who is no citizen, by the code of his document: the type that confirms him, its claim, number and name."""


async def visitor(hub: Hub, id_type: str) -> tuple[str, str]:
    """Number and name of one whom a current record confirms."""
    slug, claim, number, name = VISITORS[id_type]
    await hub.registry.add_type((TYPES / f"{slug}.yaml").read_text(encoding="utf-8"))
    issued, border = hub.types.find(slug), valid_uscc("11990000MB0000014")
    assert issued is not None
    title = {"zh": "出入境管理局", "en": "Immigration"}
    await hub.registry.add_department({"code": border, "name": title, "issues": [issued.type.code]})
    said = {claim: number, "name": name, "permit_no": "R-1", "nationality": "示例国", "birth_date": "1990-05-06"}
    said |= {
        "residence_reason": "工作",
        "issued_by": "示例市出入境",
        "issued_on": "2026-01-02",
        "valid_until": "2036-01-01",
    }
    kept = {name: value for name, value in said.items() if name in issued.type.claims}
    await issue(hub, kept, slug=slug, issuer=border)
    return number, name


@pytest.mark.parametrize("id_type", VISITORS)
async def test_holders_of_passports_and_travel_permits_sign_in_and_are_asked_no_citizens_number(
    place: Place, hub: Hub, id_type: str
) -> None:
    number, name = await visitor(hub, id_type)
    async with browser(place, hub) as client:
        await first_step(client, number.lower(), f" {name.lower()} ", id_type=id_type)
        assert (await second_step(client, await sent(hub))).headers["location"] == "/me"
        page = text_of(await client.get("/me/licences"))
        assert (number in page, name in page) == (False, False)
        assert (await first_step(client, "1", name, id_type=id_type)).status_code == 422


async def test_a_provider_says_which_document_it_vouches_for(place: Place) -> None:
    with provider() as issuer:
        given = {"holder_oidc_issuer": issuer, "holder_oidc_client_id": "me", "holder_oidc_client_secret": "hush"}
        async with place.open(**given) as hub, browser(place, hub) as client:
            number, name = await visitor(hub, "414")
            for subject, kind, status in (("named", "414", 303), ("other", "516", 401), ("odd", ["414"], 401)):
                claims = {"sub": subject, "id_number": number, "name": name, "id_type": kind}
                async with httpx2.AsyncClient() as outside:
                    assert (await outside.put(f"{issuer}/users/{subject}", json=claims)).is_success
                away = (await client.get("/me/oidc/start")).headers["location"]
                back = (await at_provider(away, subject)).removeprefix(PUBLIC_URL)
                assert (await client.get(back)).status_code == status


async def test_odd_input_is_the_callers_error(place: Place, hub: Hub) -> None:
    odd = ("\ud800", "\x00", "１" * 90, "x" * 5000, "<script>", "%00", "'\"--", "\u202e", "")
    async with browser(place, hub) as client:
        client.cookies.set("yz_holder", await session(hub))
        for value in odd:
            sent_as = quote(value, errors="surrogatepass")
            paths = [f"/me/show/{sent_as}", f"/me?cursor={sent_as}", f"/me/accesses?cursor={sent_as}"]
            paths += [f"/me/view?back={sent_as}", f"/api/v1/me/certificates/{sent_as}", f"/me/nothing/{sent_as}"]
            for path in paths:
                answer = await client.get(path)
                assert answer.status_code in {200, 303, 307, 400, 404, 422}, (path, answer.status_code)
                assert answer.headers.get("location", "/me").startswith(("/me", f"{PUBLIC_URL}/")), path
            for path in ("/me/sign-in", "/me/sign-in/code", "/me/show"):
                data = f"id_number={sent_as}&name={sent_as}&code={sent_as}&csrf={sent_as}&id_type={sent_as}"
                kind = {"Content-Type": "application/x-www-form-urlencoded"}
                answer = await client.post(path, content=data, headers=HERE | kind)
                assert answer.status_code in {303, 400, 401, 403, 413, 422}, (path, answer.status_code)
        for back in ("//evil.example", "https://evil.example", "/me/../console", "/me/show/x\r\nx", "/console"):
            assert (await client.get("/me/view", params={"back": back})).headers["location"] == "/me"


async def test_whoever_runs_the_hub_reads_the_codes_on_the_command_line(place: Place) -> None:
    refused = await yizheng(place, "holder", "notices")
    assert (refused.code, "trial sign-in is not on" in refused.err) == (77, True)
    (place.home / "sample").mkdir()
    async with place.open() as hub:
        await hub.citizens.trial.begin("111", NUMBER, NAME, peer="192.0.2.1")
        code = await sent(hub)
    shown = await yizheng(place, "holder", "notices", "--json")
    (notice,) = shown.json()["notices"]
    assert (notice["id_number"], notice["code"]) == (f"{NUMBER[:3]}***********{NUMBER[-4:]}", code)
