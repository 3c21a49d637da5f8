"""The owner's whole way in Chromium: register → map → test → live by a second person → approve a request → withdraw."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.pages.browser import Site, people_of, visiting
from tests.pages.owner_town import (
    Register,
    aside,
    file_request,
    fine,
    postgres_register,
    press,
    publish,
    register_source,
    seen,
    try_out,
    write_register,
)
from tests.serving import serving
from tests.support import POSTGRES, Place

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def register(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    """A real register in an SQLite file, and in PostgreSQL."""
    if request.param == "sqlite":
        path = write_register(tmp_path_factory.mktemp("register"))
        yield Register({"dialect": "sqlite", "database": str(path)})
        return
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with postgres_register() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, register: Register) -> Iterator[Site]:
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    sessions = people_of(place)
    folder = Path(register.connection["database"]).parent
    with serving(place, source_folders=(folder,), egress_networks=("127.0.0.0/8",)) as served:
        yield Site(f"http://127.0.0.1:{served.port}", place, sessions)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    del site
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


def test_the_owners_whole_way(browser: Browser, site: Site, register: Register) -> None:
    with visiting(browser, site, "engineer") as page:
        register_source(page, register)
        assert register.connection.get("password", "no password") not in page.content()
        publish(page)
        try_out(page)
        assert page.get_by_role("button", name="上线", exact=True).count() == 0
        page.goto("/console/owner/sources")
        seen(page, "sources")
    with visiting(browser, site, "approver") as page:
        page.goto("/console/owner/interfaces/enterprise_by_uscc/1")
        seen(page, "interface-to-approve")
        press(page, "上线")
        fine(page)
        expect(page.locator(".flash")).to_contain_text("已上线")
        seen(page, "interface-live")
    grant_it_narrowed(browser, site)
    with visiting(browser, site, "approver") as page:
        withdraw_it(page)


def grant_it_narrowed(browser: Browser, site: Site) -> None:
    request_id = aside(lambda: file_request(site.place))
    with visiting(browser, site, "approver") as page:
        page.goto("/console/owner/requests")
        expect(page.locator("#requests")).to_contain_text("个工作日")
        seen(page, "requests")
        page.goto(f"/console/owner/requests/{request_id}")
        seen(page, "request")
        page.get_by_role("link", name="同意，或核减后同意").click()
        seen(page, "request-approve")
        page.locator("#fields-3").uncheck()
        press(page, "同意")
        expect(page.get_by_role("alert")).to_contain_text("核减未说明理由")
        page.locator('[id="reason.fields/status"]').fill("办理集体户不需要登记状态")
        seen(page, "request-approve-error")
        press(page, "同意")
        fine(page)
        expect(page.locator("main")).to_contain_text("办理集体户不需要登记状态")
        seen(page, "request-granted")
        page.get_by_role("link", name="查看授权").click()
        expect(page.locator("main")).to_contain_text("有效")
        seen(page, "grant")
        page.locator("#reason").fill("试运行结束")
        press(page, "暂停")
        expect(page.locator("main")).to_contain_text("已暂停")
        page.locator("#reason").fill("已核实")
        press(page, "恢复")
        page.locator("#reason").fill("事项已取消")
        press(page, "撤回")
        fine(page)
        expect(page.locator("main")).to_contain_text("已撤回")


def withdraw_it(page: Page) -> None:
    page.goto("/console/owner/interfaces/enterprise_by_uscc/1")
    press(page, "下线")
    expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    page.locator("#withdraw_reason").fill("登记库迁移")
    press(page, "下线")
    fine(page)
    expect(page.locator("dl").first).to_contain_text("已下线")
