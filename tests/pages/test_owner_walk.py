"""The whole way in Chromium, over PostgreSQL and MariaDB: register → map → test → live by a second person → asked for →
granted narrowed → queried with the copied program → seen in the use → withdrawn. Every step by somebody at his page.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.adapters.sql_servers import MARIADB
from tests.judges.absence import may_skip
from tests.pages.browser import Site, launched, people_of, seen, visiting
from tests.pages.consuming import Wish, ask, copied, register_system, run_curl
from tests.pages.owner_town import aside, fine, press
from tests.pages.register_town import (
    BY_NAME,
    BY_USCC,
    TITLES,
    Register,
    publish,
    register_file,
    register_first,
    register_in,
    register_next,
    try_out,
)
from tests.registry.asking import matter
from tests.serving import serving
from tests.support import POLICE, POSTGRES, Place
from tests.walks.registers import SHARED

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.postgresql,
    pytest.mark.skipif(None in {POSTGRES, MARIADB} and may_skip(), reason="no PostgreSQL and MariaDB"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="no curl"),
]
REAL = pytest.mark.skipif(not SHARED.exists(), reason="the real register is not here")
Registers = dict[str, Register]
"""By the interface that is published from it."""
INVENTED = pytest.mark.skipif(SHARED.exists(), reason="the real register is here, and walked with")
PURPOSE = "核验集体户单位登记情况"
NARROWED = {"established_on", "name", "uscc"}


@dataclass(frozen=True)
class Counter:
    """The consumer's desk: his key, the granted programs by interface, a folder for files."""

    key: tuple[str, str]
    programs: dict[str, str]
    folder: Path

    def query(self, site: Site, code: str) -> dict[str, object]:
        return run_curl(self.programs[code], self.folder, site, self.key)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(True, marks=REAL, id="real"),
        pytest.param(False, marks=INVENTED, id="invented"),
    ],
)
def registers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registers]:
    """The same rows in both; one interface is published from each."""
    file = register_file(tmp_path_factory.mktemp("register"), real=request.param)
    with register_in("postgresql", file) as first, register_in("mariadb", file) as second:
        yield {BY_USCC: first, BY_NAME: second}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, registers: Registers) -> Iterator[Site]:
    del registers
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    sessions = people_of(place)
    with serving(place, egress_networks=("127.0.0.0/8",)) as served:
        yield Site(f"http://127.0.0.1:{served.port}", place, sessions)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    del site
    with launched() as browser:
        yield browser


def test_the_whole_way(browser: Browser, site: Site, registers: Registers, tmp_path: Path) -> None:
    register = registers[BY_USCC]
    with visiting(browser, site, "engineer") as page:
        register_first(page, register)
        register_next(page, registers[BY_NAME])
        assert register.connection["password"] not in page.content()
        for code, register in registers.items():
            publish(page, register, code)
            try_out(page, register, code)
            assert page.get_by_role("button", name="上线", exact=True).count() == 0
        page.goto("/console/owner/sources")
        seen(page, "sources")
    with visiting(browser, site, "approver") as page:
        take_live(page)
    aside(lambda: add_matter(site.place))
    with visiting(browser, site, "consumer") as page:
        key = register_system(page, site, "counter")
        requests = {BY_USCC: ask(page, site, wish(BY_USCC)), BY_NAME: ask(page, site, wish(BY_NAME))}
    with visiting(browser, site, "approver") as page:
        grant_narrowed(page, requests[BY_USCC])
        grant_whole(page, requests[BY_NAME])
    with visiting(browser, site, "consumer") as page:
        counter = Counter(key, programs(page, register), tmp_path)
    questions(site, register, counter)
    with visiting(browser, site, "approver") as page:
        see_the_use(page, register)
        suspend_and_withdraw_the_grant(page, site, counter)
        withdraw_the_interface(page, site, counter)
    with visiting(browser, site, "consumer") as page:
        is_told(page)


async def add_matter(place: Place) -> None:
    """The operator registers what the consumer's cases are about."""
    async with place.open() as hub:
        await hub.registry.add_matter(matter("RESIDENCE", POLICE))


def wish(code: str) -> Wish:
    fields = ("uscc", "name", "established_on", *(("address", "is_of_zhejiang") if code == BY_USCC else ()))
    return Wish(code, fields, "RESIDENCE", PURPOSE, quota="500")


def take_live(page: Page) -> None:
    """The second person sees what is asked of the register, and puts it into force."""
    page.goto("/console")
    for code in (BY_USCC, BY_NAME):
        page.goto(f"/console/owner/interfaces/{code}/1")
        page.get_by_text("查询、参数、映射和认定（全文）").click()
        expect(page.locator("details pre")).to_contain_text("统一社会信用代码 = :uscc")
        seen(page, f"{code}-to-approve")
        press(page, "上线")
        fine(page)
        expect(page.locator(".flash")).to_contain_text("已上线")
        seen(page, f"{code}-live")


def grant_narrowed(page: Page, request_id: str) -> None:
    page.goto("/console")
    expect(page.locator(".cards li", has_text="新通知").locator("b")).to_have_text("2")
    page.goto("/console/owner/requests")
    expect(page.locator("#requests")).to_contain_text("个工作日")
    expect(page.locator("#requests")).to_contain_text(TITLES[BY_USCC][0])
    seen(page, "requests")
    page.goto(f"/console/owner/requests/{request_id}")
    expect(page.locator("dl").first).to_contain_text("2028-01-31")
    seen(page, "request")
    page.get_by_role("link", name="同意，或核减后同意").click()
    expect(page.locator("#valid_until")).to_have_value("2028-01-31")
    seen(page, "request-approve")
    page.locator("input[name=fields][value=address]").uncheck()
    page.locator("input[name=fields][value=is_of_zhejiang]").uncheck()
    page.locator('[id="reason.fields/is_of_zhejiang"]').fill("与落户无关")
    press(page, "同意")
    expect(page.get_by_role("alert")).to_contain_text("核减未说明理由：字段 address")
    page.locator('[id="reason.fields/address"]').fill("窗口只需核对主体")
    seen(page, "request-approve-error")
    press(page, "同意")
    fine(page)
    expect(page.locator("main")).to_contain_text("核减：字段 注册地址")
    expect(page.locator("main")).to_contain_text("窗口只需核对主体")
    seen(page, "request-granted")


def grant_whole(page: Page, request_id: str) -> None:
    page.goto(f"/console/owner/requests/{request_id}/approve")
    press(page, "同意")
    fine(page)
    page.get_by_role("link", name="查看授权").click()
    expect(page.locator("h1")).to_contain_text(TITLES[BY_NAME][0])
    expect(page.locator("main")).to_contain_text("有效")
    expect(page.locator("main")).to_contain_text("2028-01-31")
    seen(page, "grant")


def programs(page: Page, register: Register) -> dict[str, str]:
    """The curl programs of both grants, with the party in them."""
    found = {}
    for code in (BY_USCC, BY_NAME):
        page.goto("/console/consumer/grants")
        page.get_by_role("link", name=code).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(TITLES[code][0])
        found[code] = copied(page, register.known)
    return found


def questions(site: Site, register: Register, counter: Counter) -> None:
    """Each answers its own fields of the very enterprise; another name is nobody's."""
    for code in (BY_USCC, BY_NAME):
        found = counter.query(site, code)
        assert found["outcome"] == "satisfied", found
        (record,) = found["records"]  # type: ignore[misc]
        assert record.keys() == NARROWED
        assert (record["uscc"], record["name"]) == (register.known["id_number"], register.known["name"])
        script = counter.programs[code].replace(register.known["name"], "示例市另一家有限公司")
        other = run_curl(script, counter.folder, site, counter.key)
        assert (other["outcome"], other["records"]) == ("identity_unconfirmed", [])


def see_the_use(page: Page, register: Register) -> None:
    page.goto("/console/owner/usage")
    expect(page.locator("#counts tbody tr")).to_have_count(4)
    expect(page.locator("#entries tbody tr").filter(has_text="已提供")).to_have_count(2)
    expect(page.locator("#entries tbody tr").filter(has_text="身份未确认")).to_have_count(2)
    assert register.known["name"] not in page.content()
    seen(page, "usage")


def suspend_and_withdraw_the_grant(page: Page, site: Site, counter: Counter) -> None:
    page.goto("/console/owner/grants")
    page.get_by_role("link", name=BY_USCC).click()
    page.locator("#reason").fill("试运行结束")
    press(page, "暂停")
    expect(page.locator("main")).to_contain_text("已暂停")
    assert counter.query(site, BY_USCC)["why"] == "grant_suspended"
    page.locator("#reason").fill("已核实")
    press(page, "恢复")
    assert counter.query(site, BY_USCC)["outcome"] == "satisfied"
    page.locator("#reason").fill("事项已取消")
    press(page, "撤回")
    fine(page)
    expect(page.locator("main")).to_contain_text("已撤回")
    refused = counter.query(site, BY_USCC)
    assert (refused["status"], refused["why"]) == (403, "grant_withdrawn")


def withdraw_the_interface(page: Page, site: Site, counter: Counter) -> None:
    page.goto(f"/console/owner/interfaces/{BY_NAME}/1")
    press(page, "下线")
    expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    page.locator("#withdraw_reason").fill("登记库迁移")
    press(page, "下线")
    fine(page)
    expect(page.locator("dl").first).to_contain_text("已下线")
    gone = counter.query(site, BY_NAME)
    assert (gone["status"], str(gone["type"]).rpartition("/")[2]) == (404, "interface-not-found")


def is_told(page: Page) -> None:
    """The consumer hears of it, finds the reason, and is offered no program for what has ended."""
    page.goto("/console/notices")
    page.get_by_role("link", name="有授权的数据接口已下线").click()
    expect(page.locator(".verdict")).to_contain_text("该数据接口已下线")
    assert page.locator("#snippet-curl").count() == 0
    page.get_by_role("link", name="看下线理由").click()
    expect(page.locator("main")).to_contain_text("登记库迁移")
    seen(page, "ended")
