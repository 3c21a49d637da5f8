"""A terminal in a real browser: set up, a card, a licence on paper, and a page that forgets; and the counter's slip."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from hub.access.actors import COMMAND
from hub.runtime import Hub
from tests.citizens.conftest import signed_in
from tests.citizens.others import NEIGHBOUR, REGISTRATION, asked, furnish, in_office, resident
from tests.citizens.test_kiosk import CARD
from tests.citizens.test_superior import over, refused
from tests.hub.city import IDENTITY, identity_claims
from tests.hub.test_card_readers import StandIn
from tests.pages.browser import Site, faults, launched, overflow, people_of, reached_by_keyboard, seen, visiting
from tests.pages.counter_town import CARD as SHOP_CARD
from tests.pages.counter_town import SHOP
from tests.pages.counter_town import furnish as furnish_counter
from tests.serving import serving
from tests.support import AMR, POLICE, Place, grant_definition, issue, open_case, requirement

pytestmark = pytest.mark.browser
_SMALL = """() => [...document.querySelectorAll("a, button, input, select")]
    .filter((e) => e.closest("main, header"))
    .filter((e) => e.type !== "hidden" && e.getClientRects().length && !e.matches("[type=radio], .skip"))
    .map((e) => [e.textContent.trim() || e.name, e.getBoundingClientRect().height])
    .filter(([, height]) => height < 59.5)"""


LOAN = {
    "code_system": "test",
    "code": "LOAN",
    "name": {"zh": "贷款", "en": "Loan"},
    "department": AMR,
    "roles": ["applicant"],
    "requirements": [requirement("identity", "身份证", "applicant", [[{"type": IDENTITY, "fields": ["name"]}]])],
    "form": [
        {"field": "name", "term": "person_name"},
        {"field": "first", "title": {"zh": "首次申请", "en": "First time"}, "kind": "boolean"},
    ],
}


@dataclass(frozen=True)
class Hall:
    """A served hub, a terminal's code, its reader, and that of a counter."""

    site: Site
    code: str
    reader: StandIn
    desk: StandIn


async def in_office_of_a_company(hub: Hub) -> None:
    """The person of the card stands for a company, and lets a neighbour act."""
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    await resident(hub, NEIGHBOUR)
    await hub.citizens.others.delegating.give(await signed_in(hub), asked(hub))


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    place, reader, desk = Place(tmp_path_factory.mktemp("hall") / "home", None), StandIn(), StandIn()
    sessions = people_of(place)

    async def prepare() -> str:
        await furnish_counter(place)
        async with place.open() as hub:
            await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
            agreed = {"type": IDENTITY, "owner": POLICE, "fields": ["name"], "consent": True}
            await hub.registry.add_grant(grant_definition(hub, **agreed))
            kid = await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "大厅读卡器")
            await hub.counter.readers.register(COMMAND, AMR, desk.signer.public.jwk, "1号窗口")
            _, code = await hub.kiosk.devices.register(COMMAND, AMR, kid, "大厅1号机")
            await hub.registry.add_matter(LOAN)
            async with place.client(hub) as client:
                parties = [{"role": "applicant", **CARD}]
                await open_case(client, await place.headers(client), matter=LOAN["code"], parties=parties)
            await in_office_of_a_company(hub)
            await over(hub, POLICE, AMR)
            await refused(hub)
            await hub.ledger.drain()
            return code

    with asyncio.Runner() as runner:
        code = runner.run(prepare())
    with serving(place) as served:
        yield Hall(Site(f"http://127.0.0.1:{served.port}", place, sessions), code, reader, desk)


@pytest.fixture(scope="module")
def chromium(hall: Hall) -> Iterator[Browser]:
    del hall  # made first: the driver keeps an event loop running, in which no other can run
    with launched() as browser:
        yield browser


def sound(page: Page, name: str) -> None:
    """No fault, no scrolling sideways, and every target for a finger."""
    assert (faults(page), overflow(page), page.evaluate(_SMALL)) == ([], 0, []), name
    seen(page, f"kiosk-{name}")


def shown(route: Route) -> None:
    """What comes into the frame, as words: a browser without a screen has nothing that shows a PDF."""
    answer = route.fetch()
    said = f"{answer.headers['content-type']} {answer.body()[:5].decode()}"
    route.fulfill(status=answer.status, content_type="text/html", body=f"<p>{said}</p>")


def does_not_agree(page: Page) -> None:
    """With the answer to an objection: from the first page of a visit, and back to it."""
    page.get_by_role("link", name="我的异议和答复").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("我的异议和答复")
    sound(page, "objections")
    page.get_by_role("button", name="不同意").click()
    sound(page, "review")
    page.get_by_role("link", name="返回").click()
    page.get_by_role("link", name="返回").click()


def agrees_for_a_year(page: Page) -> None:
    """From the first page of a visit, and back to it."""
    page.get_by_role("link", name="谁可以用我的信息").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("谁可以用我的信息")
    sound(page, "agreements")
    page.get_by_role("button", name="居民身份证").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("居民身份证")
    sound(page, "agreement")
    page.get_by_label("一年").check()
    page.get_by_role("button", name="同意", exact=True).click()
    expect(page.get_by_text("自动到期")).to_be_visible()
    page.get_by_role("link", name="返回").click()


def signs_a_form(page: Page, hall: Hall) -> None:
    """Reads it, says what nobody has on record, and signs by the card."""
    page.get_by_role("link", name="申请表：核对、签署").click()
    sound(page, "forms")
    page.get_by_role("button", name="贷款").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("贷款：申请表")
    sound(page, "form")
    page.get_by_label("是", exact=True).check()
    page.get_by_role("button", name="就是这样").click()
    page.get_by_role("button", name="都对，去签署").click()
    expect(page.locator("[autofocus]")).to_be_focused()
    sound(page, "form-sign")
    page.keyboard.insert_text(hall.reader.reads(**CARD))
    page.keyboard.press("Enter")
    expect(page.get_by_text("已签署")).to_be_visible()
    page.get_by_role("link", name="返回").click()


def looks_after_others(page: Page) -> None:
    """The company that he stands for, and the neighbour whom he lets act."""
    page.get_by_role("link", name="代办：单位、孩子和委托人").click()
    sound(page, "acting")
    page.get_by_role("button", name="谁可以用信息").click()
    sound(page, "acting-agreements")
    page.get_by_role("link", name="返回").click()
    page.get_by_role("link", name="返回").click()
    page.get_by_role("link", name="我授权谁代办").click()
    sound(page, "delegations")
    page.get_by_role("button", name="授权给").click()
    sound(page, "delegation")
    page.goto("/kiosk/mine")


def opens_it_and_objects(page: Page) -> None:
    """From the page of a licence, and back to it."""
    page.get_by_role("button", name="看内容").click()
    expect(page.get_by_role("heading", name="证照内容")).to_be_visible()
    sound(page, "licence-said")
    page.get_by_role("button", name="提出异议").click()
    sound(page, "object")
    page.get_by_label("住址").check()
    page.get_by_role("button", name="提出异议").click()
    expect(page.get_by_text("处理中")).to_be_visible()
    sound(page, "objection-runs")
    page.goto("/kiosk/mine")
    page.get_by_role("button", name="居民身份证").click()


def test_a_person_prints_and_the_terminal_forgets(hall: Hall, chromium: Browser) -> None:
    with visiting(chromium, hall.site, None, "zh-CN", viewport={"width": 1280, "height": 1024}) as page:
        page.clock.install()
        page.goto("/kiosk")
        expect(page.locator("[autofocus]")).to_be_focused()
        page.keyboard.type(hall.code)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("请把身份证放在读卡区")
        sound(page, "start")
        expect(page.locator("[autofocus]")).to_be_focused()
        page.keyboard.insert_text(hall.reader.reads(**CARD))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("您要做什么？")
        sound(page, "mine")
        page.get_by_role("link", name="谁看过我的信息").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("谁看过我的信息")
        sound(page, "looks")
        page.get_by_role("link", name="返回").click()
        does_not_agree(page)
        agrees_for_a_year(page)
        signs_a_form(page, hall)
        looks_after_others(page)
        for place in ("notices", "lost", "collect", "missing"):
            page.goto(f"/kiosk/{place}")
            sound(page, place)
            page.get_by_role("link", name="返回").click()
        page.get_by_role("button", name="居民身份证").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("居民身份证")
        sound(page, "licence")
        opens_it_and_objects(page)
        page.set_viewport_size({"width": 320, "height": 800})
        assert overflow(page) == 0
        page.set_viewport_size({"width": 1280, "height": 1024})
        assert reached_by_keyboard(page)[:2] != []
        page.get_by_label("银行业务").check()
        page.get_by_label("给谁").select_option(label="公安局")
        page.route("**/kiosk/print", shown)
        page.get_by_role("button", name="打印").click()
        expect(page.frame_locator("iframe").get_by_text("application/pdf %PDF-")).to_be_visible()
        assert page.url.endswith("/kiosk/licence"), "nothing of it in an address"

        page.clock.fast_forward(45_000)
        expect(page.locator("[data-idle]")).to_contain_text("秒没有操作将结束")
        page.mouse.click(5, 5)
        expect(page.locator("[data-idle]")).to_be_hidden()
        page.clock.fast_forward(61_000)
        expect(page.get_by_role("heading", level=1)).to_have_text("请把身份证放在读卡区")
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("请把身份证放在读卡区")


def test_the_counter_prints_by_one_key_and_corrects_without_a_case(hall: Hall, chromium: Browser) -> None:
    with visiting(chromium, hall.site, "clerk", "en", viewport={"width": 1366, "height": 768}) as page:
        page.goto(f"/console/counter/new/{SHOP}")
        expect(page.locator("[autofocus]")).to_be_focused()
        page.keyboard.insert_text(SHOP_CARD)
        page.keyboard.press("Enter")
        expect(page.locator("#lines")).to_be_visible()
        page.keyboard.press("F7")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Where your case stands")
        smallest = page.evaluate(
            "Math.min(...[...document.querySelectorAll('.sheet *')].map((e) => "
            "parseFloat(getComputedStyle(e).fontSize)))"
        )
        assert smallest >= 24, "18 points"
        assert (faults(page), overflow(page)) == ([], 0)
        seen(page, "counter-slip")
        page.keyboard.press("Escape")
        expect(page.locator("#lines")).to_be_visible()
        page.goto("/console/counter/correct")
        assert (faults(page), overflow(page)) == ([], 0)
        bottom = page.get_by_role("button", name="Write it down").bounding_box()
        assert bottom is not None
        seen(page, "counter-correct")
        assert bottom["y"] + bottom["height"] <= 768, "one screen"
        page.set_viewport_size({"width": 320, "height": 800})
        assert overflow(page) == 0


def test_the_counter_reads_a_list_out_and_writes_a_decision_down(hall: Hall, chromium: Browser) -> None:
    with visiting(chromium, hall.site, "clerk", "zh-CN", viewport={"width": 1366, "height": 768}) as page:
        page.goto("/console/counter/agreements")
        assert (faults(page), overflow(page)) == ([], 0)
        seen(page, "counter-agreements-begin")
        expect(page.locator("[autofocus]")).to_be_focused()
        page.keyboard.insert_text(hall.desk.reads(**CARD))
        page.get_by_label("本人在场，并要求查看").check()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("谁可以用我的信息")
        assert (faults(page), overflow(page)) == ([], 0)
        seen(page, "counter-agreements")
        page.get_by_label("市场监督管理局：居民身份证").select_option(label="同意，一天")
        page.get_by_label("本人证件（再读一次）").fill(hall.desk.reads(**CARD))
        page.get_by_label("已当面核对本人证件").check()
        page.get_by_role("button", name="登记", exact=True).click()
        expect(page.get_by_text("已登记 1 项决定")).to_be_visible()
        seen(page, "counter-agreements-said")
        for width in (320, 1366):
            page.set_viewport_size({"width": width, "height": 800})
            assert (faults(page), overflow(page)) == ([], 0)
