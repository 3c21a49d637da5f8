"""The consumer's way in Chromium: search, ask, be granted, try in the sandbox, query for real, see it withdrawn."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from catalog.grants import GrantState
from hub.runtime import Hub
from tests.pages.browser import LANGUAGES, launched, seen, visiting
from tests.pages.consuming import Wish, ask, copied, register_system, run_curl
from tests.pages.hearing import subscribed
from tests.pages.looking import walk
from tests.pages.market import Market, approver, market_at
from tests.support import ENTERPRISE, Place

pytestmark = pytest.mark.browser
WISH = Wish(
    code="enterprise_by_uscc",
    fields=("name", "is_active", "uscc"),
    matter="居住证办理",
    purpose="核验居住证申请人所在单位的登记状态",
)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with market_at(Place(tmp_path_factory.mktemp("market") / "home", None)) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(market: Market) -> Iterator[Browser]:
    del market  # made first: the driver keeps an event loop running, in which no other can run
    with launched() as browser:
        yield browser


def find(page: Page) -> None:
    """From the search box to the interface."""
    page.goto("/console/consumer/search")
    page.get_by_label("要证明什么").fill("营业执照")
    page.get_by_role("button", name="搜索").click()
    expect(page.locator("mark").first).to_be_visible()
    seen(page, "01-search")
    page.get_by_role("link", name="企业登记信息").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("企业登记信息")
    expect(page.locator("#sample")).to_contain_text("is_active")
    seen(page, "02-interface")


def approve(market: Market, request_id: str) -> str:
    """The owner agrees; answers the grant's id."""

    async def decide(hub: Hub) -> str:
        granted = await hub.sharing.requests.approve(await approver(hub), request_id)
        return str(granted.request.grant_id)

    return market.act(decide)


def try_in_sandbox(page: Page, market: Market, folder: Path) -> None:
    """One credential by one button, one call in the page, the same call by the copied program."""
    page.goto("/console/consumer/sandbox")
    seen(page, "07-sandbox")
    page.get_by_role("button", name="创建沙箱凭据").click()
    pem = page.locator("#private-key").inner_text()
    page.goto("/console/consumer/try/enterprise_by_uscc")
    page.get_by_role("button", name="运行").click()
    expect(page.locator("#received")).to_contain_text("沙箱有记录有限公司")
    expect(page.get_by_text("没有访问任何数据源")).to_be_visible()
    seen(page, "08-try")
    client_id = page.get_by_label("沙箱凭据", exact=True).input_value()
    found = run_curl(page.locator("#snippet-curl").inner_text(), folder, market.site, (client_id, pem))
    assert (found["outcome"], found["sandbox"]) == ("satisfied", True)


def test_search_ask_sandbox_live_query_withdrawn(browser: Browser, market: Market, tmp_path: Path) -> None:
    with visiting(browser, market.site, "consumer") as page:
        find(page)
        key = register_system(page, market.site, "counter")
        request_id = ask(page, market.site, WISH)
        seen(page, "06-request")
        grant_id = approve(market, request_id)
        page.reload()
        expect(page.locator(".tag", has_text="已同意")).to_be_visible()
        try_in_sandbox(page, market, tmp_path)

        page.goto(f"/console/consumer/grants/{grant_id}")
        seen(page, "09-grant")
        script = copied(page, ENTERPRISE)
        found = run_curl(script, tmp_path, market.site, key)
        assert found["outcome"] == "satisfied"
        assert found["records"] == [{"is_active": True, "name": ENTERPRISE["name"], "uscc": ENTERPRISE["id_number"]}]
        assert "sandbox" not in found

        async def withdraw(hub: Hub) -> None:
            by = await approver(hub)
            await hub.registry.grants.change_by(by, grant_id, GrantState.WITHDRAWN, "条例修订，不再共享")

        market.act(withdraw)
        refused = run_curl(script, tmp_path, market.site, key)
        assert (refused["status"], refused["why"]) == (403, "grant_withdrawn")
        page.reload()
        expect(page.get_by_text("提供部门已收回授权")).to_be_visible()
        seen(page, "10-withdrawn")
        page.goto("/console/consumer/calls")
        seen(page, "11-calls")
        rows = page.locator("tbody tr")
        expect(rows.filter(has_text="grant_withdrawn")).to_have_count(1)
        assert rows.filter(has_text="沙箱").count() == 2
        assert ENTERPRISE["name"] not in page.content()
        proof = rows.first.get_by_role("link", name="证明").get_attribute("href")
        assert page.request.get(f"{market.site.url}{proof}").ok


def pages_of(page: Page, market: Market) -> list[str]:
    """Every page of the consumer, with something on each."""
    page.goto("/console/consumer/requests")
    request = page.locator("tbody a").first.get_attribute("href")
    page.goto("/console/consumer/grants")
    grant = page.locator("tbody a").first.get_attribute("href")
    page.goto("/console/consumer/systems")
    system = page.locator("tbody a").last.get_attribute("href")
    page.goto(f"{market.site.url}/console/consumer/interfaces/enterprise_by_uscc")
    page.locator("form[action$=ask] button").click()
    draft = page.url.rpartition("/")[0].removeprefix(market.site.url)
    plain = ["search?q=yyzz", "interfaces/enterprise_by_uscc", "types/business_licence", "requests", "grants"]
    plain += ["systems", "systems/new", "sandbox", "try/enterprise_by_uscc", "calls", "demands", "demands/new"]
    paths = [f"/console/consumer/{name}" for name in plain]
    paths += [f"{draft}/{step}" for step in ("system", "fields", "use", "reason", "limits", "check")]
    hears = "/console/consumer/subscriptions"
    paths += [hears, f"{hears}/new", f"{hears}/{market.act(subscribed)}"]
    return paths + [path for path in (request, grant, system) if path]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_keeps_the_rules_at_every_size(browser: Browser, market: Market, lang: str) -> None:
    with visiting(browser, market.site, "consumer", lang) as page:
        listed = pages_of(page, market)
    walk(browser, market.site, lang, [("consumer", path) for path in listed])
