"""Every page of the owner: both languages, every size, without a script; who may see it; nothing lost on an error."""

from collections.abc import Iterator

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from tests.pages.browser import LANGUAGES, Site, faults, launched, overflow, people_of, seen, visiting
from tests.pages.looking import walk
from tests.pages.owner_shop import Shop, drift, forms_of, furnish, pages_of, send, want, written
from tests.pages.owner_town import aside, collected, feed, file_request, fine, press, write_register
from tests.registry.department import CODE
from tests.serving import serving
from tests.support import ENTERPRISE, Place

pytestmark = pytest.mark.browser
LISTS = ("feeds", "sources", "interfaces", "requests", "grants", "usage", "demands", "register", "publish")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    sessions = people_of(place)
    register = write_register(tmp_path_factory.mktemp("register"))
    aside(lambda: furnish(place, register))
    request = aside(lambda: file_request(place, fields=["uscc", "name"]))
    demand = aside(lambda: want(place))
    aside(lambda: drift(place))
    sent = aside(lambda: send(place))
    matter = aside(lambda: written(place))
    aside(lambda: collected(place))
    with serving(place, source_folders=(register.parent,)) as served:
        yield Shop(
            Site(f"http://127.0.0.1:{served.port}", place, sessions), register, request, demand, sent, {}, matter
        )


@pytest.fixture(scope="module")
def browser(shop: Shop) -> Iterator[Browser]:
    del shop
    with launched() as browser:
        yield browser


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_keeps_the_rules_at_every_size(browser: Browser, shop: Shop, lang: str) -> None:
    walk(browser, shop.site, lang, pages_of(browser, shop))


def auth_inputs(page: Page) -> set[str]:
    """What the page asks for to show the source who the hub is."""
    return {
        name
        for name in page.locator("main form").evaluate("form => [...form.elements].map(e => e.name)")
        if ".auth." in name
    }


def test_what_was_typed_is_kept_through_errors_and_a_pause_without_a_script(browser: Browser, shop: Shop) -> None:
    with visiting(browser, shop.site, "engineer", java_script_enabled=False) as page:
        page.goto("/console/owner/register")
        press(page, "继续")
        expect(page.get_by_role("alert")).to_contain_text("请选择一种")
        page.get_by_label("HTTP 接口", exact=True).check()
        press(page, "继续")
        page.locator("#zh").fill("统计库")
        page.locator("#code").fill("X")
        press(page, "保存并继续")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("请填写英文名称")
        expect(alert).to_contain_text("编码为 3 至 64 位")
        assert page.locator("#zh").input_value() == "统计库"
        page.goto("/console/owner/sources")
        page.locator("#drafts").get_by_role("link", name="统计库").click()
        assert page.locator("#zh").input_value() == "统计库"
        page.locator("#en").fill("Statistics")
        page.locator("#code").fill("statistics")
        press(page, "保存并继续")
        assert (faults(page), overflow(page)) == ([], 0)
        page.get_by_label("用户名和口令", exact=True).check()
        press(page, "保存并继续")
        assert auth_inputs(page) == {"connection.auth.username", "connection.auth.password"}
        page.locator('[id="connection.url"]').fill("https://192.0.2.7/api")
        page.locator('[id="connection.auth.password"]').fill("hidden-former")
        press(page, "保存并继续")
        expect(page.get_by_role("alert")).to_contain_text("请填写认证：用户名")
        page.get_by_role("link", name="更换方式").click()
        page.get_by_label("固定令牌", exact=True).check()
        press(page, "保存并继续")
        assert auth_inputs(page) == {"connection.auth.token"}
        assert (faults(page), overflow(page)) == ([], 0)
        seen(page, "register-rest-bearer")
        assert page.locator('[id="connection.url"]').input_value() == "https://192.0.2.7/api"
        page.locator('[id="connection.auth.token"]').fill("hidden-canary")
        press(page, "保存并继续")
        assert page.locator("#targets").input_value() == "192.0.2.7:443"
        assert "hidden-canary" not in page.content()
        page.goto(page.url.replace("/limits", "/connection"))
        assert "hidden-canary" not in page.content()
        expect(page.locator("main form")).to_contain_text("已设置，不再显示")


def test_a_source_that_does_not_answer_says_why_and_who_must_act(browser: Browser, shop: Shop) -> None:
    with visiting(browser, shop.site, "engineer") as page:
        page.goto("/console/owner/register")
        page.get_by_label("数据库", exact=True).check()
        press(page, "继续")
        page.locator("#zh").fill("缺失的库")
        page.locator("#en").fill("Missing")
        page.locator("#code").fill("missing")
        press(page, "保存并继续")
        page.locator('[id="connection.dialect"]').select_option("sqlite")
        page.locator('[id="connection.database"]').fill(str(shop.register.parent / "nothing.sqlite3"))
        press(page, "保存并继续")
        press(page, "保存并继续")
        press(page, "测试连接")
        expect(page.locator("#result")).to_contain_text("谁来处理：")
        page.goto(page.url.replace("/test", "/connection"))
        page.locator('[id="connection.database"]').fill("/etc/passwd")
        press(page, "保存并继续")
        if page.url.endswith("/limits"):
            press(page, "保存并继续")
        expect(page.get_by_role("alert")).to_be_visible()


def test_a_quarantine_is_lifted_after_a_good_test_and_not_before(browser: Browser, shop: Shop) -> None:
    with visiting(browser, shop.site, "engineer") as page:
        page.goto("/console/owner/interfaces")
        page.locator("#alarms a").first.click()
        expect(page.locator("#quarantine")).to_contain_text("来源中没有该列")
        press(page, "解除隔离")
        expect(page.get_by_role("alert")).to_contain_text("尚未用现定义调试成功")
        page.locator('[id="value.uscc"]').fill(ENTERPRISE["id_number"])
        press(page, "问一次")
        press(page, "解除隔离")
        expect(page.locator(".flash")).to_contain_text("隔离已解除")
        assert page.locator("#quarantine").count() == 0


def test_a_demand_is_answered_with_what_is_published(browser: Browser, shop: Shop) -> None:
    with visiting(browser, shop.site, "approver") as page:
        page.goto("/console/notices")
        page.get_by_role("link", name="有供需对接需求，请在期限内答复").first.click()
        assert page.url.endswith(shop.demand)
        page.goto("/console/owner/demands")
        page.get_by_role("link", name="个体工商户注销日期").click()
        page.locator("#code").fill("nothing_of_it")
        press(page, "以此答复")
        expect(page.get_by_role("alert")).to_contain_text("没有以此编码发布的资源")
        page.locator("#code").fill(CODE)
        press(page, "以此答复")
        expect(page.locator("main")).to_contain_text("没有待答复的需求")


def test_a_feed_is_declared_confirmed_run_and_ended_by_its_people(browser: Browser, shop: Shop) -> None:
    path, code = "/console/owner/feeds", "amr-walked"
    with visiting(browser, shop.site, "engineer", viewport={"width": 1280, "height": 800}) as page:
        page.goto(path)
        expect(page.locator("#feeds")).to_contain_text("amr-licences")
        seen(page, "feeds-1280")
        page.get_by_role("link", name="登记归集任务").press("Enter")
        page.locator("#text").fill(yaml.safe_dump(feed(code=code, type="nothing"), allow_unicode=True))
        press(page, "登记")
        expect(page.locator(".summary")).to_contain_text("type：没有此项")
        seen(page, "feed-fault-1280")
        page.locator("#text").fill(page.locator("#text").input_value().replace("nothing", "business_licence"))
        press(page, "登记")
        fine(page)
        expect(page.locator("main")).to_contain_text("待复核")
        assert page.get_by_role("button", name="立即归集").count() == 0
    with visiting(browser, shop.site, "approver") as page:
        page.goto(f"{path}/{code}")
        press(page, "复核通过，开始运行")
        fine(page)
    with visiting(browser, shop.site, "engineer", viewport={"width": 390, "height": 844}) as page:
        page.goto(f"{path}/{code}")
        page.get_by_role("button", name="立即归集").press("Enter")
        expect(page.locator("main")).to_contain_text("排队或进行中")
        press(page, "立即对账")
        aside(lambda: worked(shop.site.place))
        expect(page.locator("#totals")).to_contain_text("退回1", timeout=15_000)  # without loading it again
        expect(page.locator("#counts")).to_contain_text("不可读的行1", timeout=15_000)
        seen(page, "feed-390")
        assert faults(page) == []
        page.get_by_text("终止归集任务", exact=True).press("Enter")
        press(page, "确定：终止归集任务")
        fine(page)
        expect(page.locator("main")).to_contain_text("已终止")
        page.goto(path)
        seen(page, "feeds-390")
        assert overflow(page) == 0


async def worked(place: Place) -> bool:
    """A worker's turn."""
    async with place.open() as hub:
        await hub.jobs.sweep()
    return True


def test_an_export_imported_again_is_the_next_version(browser: Browser, shop: Shop) -> None:
    with visiting(browser, shop.site, "engineer") as page:
        text = page.request.get(f"{shop.site.url}/console/owner/interfaces/{CODE}/1/export").text()
        page.goto("/console/owner/interfaces/import")
        page.locator("#text").fill(text.replace("complete: true", "complete: [", 1))
        press(page, "导入")
        expect(page.get_by_role("alert")).to_contain_text("YAML")
        page.locator("#text").fill(text)
        press(page, "导入")
        assert page.url.endswith(f"/{CODE}/2")
        expect(page.locator("dl").first).to_contain_text("草稿")


def test_pages_sent_as_they_are_change_nothing(browser: Browser, shop: Shop) -> None:
    form = forms_of(browser, shop)["publish"]
    with visiting(browser, shop.site, "engineer") as page:
        page.goto(f"{form}/check")
        before = page.locator("main").inner_text()
        for step in (
            "title",
            "operation",
            "params",
            "fields",
            "predicates",
            "sharing",
            "mapping",
            "rules",
            "catalogue",
        ):
            page.goto(f"{form}/{step}")
            if step == "catalogue":
                page.locator("#contact").fill("信息中心")
            press(page, "保存并继续")
            assert page.url.endswith("/check"), (step, page.locator("main").inner_text())
        assert page.locator("main").inner_text().replace("信息中心", "—") == before
        page.goto(f"{form}/mapping")
        kinds = {name: page.locator(f'[id="{name}.as"]').input_value() for name in ("uscc", "name", "established_on")}
        assert kinds == {"uscc": "uscc", "name": "text", "established_on": "date"}


def test_consumers_have_no_business_here(browser: Browser, shop: Shop) -> None:
    with visiting(browser, shop.site, "consumer") as page:
        for path in LISTS:
            assert page.request.get(f"{shop.site.url}/console/owner/{path}").status == 403, path
        page.goto("/console/owner/sources")
        expect(page.locator("main")).to_contain_text("可以办理的角色：数据提供方技术人员")


def test_an_engineer_of_the_owner_does_not_decide_and_sees_no_button_for_it(browser: Browser, shop: Shop) -> None:
    with visiting(browser, shop.site, "engineer") as page:
        page.goto(f"/console/owner/requests/{shop.request}")
        assert page.get_by_role("link", name="不予共享").count() == 0
        answer = page.goto(f"/console/owner/requests/{shop.request}/refuse")
        assert answer is not None
        assert answer.status == 403


def test_use_is_shown_for_days_that_can_be_and_as_csv(browser: Browser, shop: Shop) -> None:
    with visiting(browser, shop.site, "approver") as page:
        page.goto("/console/owner/usage?first=2020-01-01&last=2026-01-01")
        expect(page.get_by_role("alert")).to_contain_text("1 至 92 天")
        assert page.locator("#first").input_value() == "2020-01-01"
        page.goto("/console/owner/usage")
        expect(page.locator("main")).to_contain_text("这些天没有使用")
        sheet = page.request.get(f"{shop.site.url}/console/owner/usage/counts.csv")
        assert sheet.headers["content-type"].startswith("text/csv")
        assert sheet.text().strip("\ufeff\r\n") == "day,resource,system,matter,outcome,count"
