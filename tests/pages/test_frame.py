"""The console's frame in Chromium: both languages, every size and scheme, the keyboard, and without a script."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.intake.counter.values import Line
from hub.sample.numbers import citizen_id
from tests.pages import counter_town as counter
from tests.pages.browser import (
    LANGUAGES,
    PASSWORD,
    Site,
    faults,
    in_large_print,
    overflow,
    reached_by_keyboard,
    visiting,
)
from tests.pages.looking import LOOKS, turn, walk
from tests.pages.owner_town import aside
from tests.support import MATTER

pytestmark = pytest.mark.browser
PAGES = [
    (None, "/"),
    (None, "/verify"),
    (None, "/guides"),
    (None, "/guides/FOOD"),
    (None, "/help"),
    (None, "/accessibility"),
    (None, "/nothing"),  # a 404
    (None, "/me/sign-in"),
    (None, "/console/sign-in"),
    (None, "/console/link?t=expired"),
    ("operator", "/console"),
    ("operator", "/console/staff"),
    ("operator", "/console/staff/new"),
    ("operator", "/console/proposals"),
    ("operator", "/console/asks"),
    ("operator", "/console/simulator"),
    ("approver", "/console/mandates/new"),
    ("approver", "/console/late-orders/new"),
    ("auditor", "/console/late-orders"),
    ("engineer", "/console/notices"),
    ("engineer", "/console/account"),
    ("engineer", "/console/account/password"),
    ("engineer", "/console/staff/new"),  # a 403
    ("engineer", "/console/nothing"),  # a 404
]
SOMEBODY = citizen_id("990102", date(1988, 3, 5), 21)
WORDS = {
    "zh-CN": {
        "user": "用户名",
        "password": "密码",
        "sign_in": "登录",
        "make": "建立账号",
        "error": "错误：",
        "name": "请输入姓名",
    },
    "en": {
        "user": "User name",
        "password": "Password",
        "sign_in": "Sign in",
        "make": "Make the account",
        "error": "Error: ",
        "name": "Enter the person's name",
    },
}


@pytest.fixture(params=LANGUAGES)
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["script", "no script"])
def page(request: pytest.FixtureRequest, browser: Browser, site: Site, lang: str) -> Iterator[Page]:
    """The operator's browser, also one that runs no scripts."""
    with visiting(browser, site, "operator", lang, java_script_enabled=request.param == "script") as opened:
        yield opened


def test_every_page_keeps_the_rules_at_every_size(browser: Browser, site: Site, lang: str) -> None:
    walk(browser, site, lang, PAGES, status=None)


def test_a_clerk_without_a_mouse_takes_cases_and_somebody_decides_them(browser: Browser, site: Site) -> None:
    aside(lambda: counter.furnish(site.place))
    with visiting(browser, site, "clerk") as page:
        page.goto("/console/counter")
        keys = counter.Keyboard(page)
        counter.take_what_is_whole(keys)
        counter.take_what_lacks_a_paper(keys)
        taken = page.url.removeprefix(site.url)
        counter.print_the_sheet(keys)
        family = counter.take_a_life_event(keys).removeprefix(site.url)
        counter.read_a_card_too_early(keys)
        stuck = "/console" + counter.send_what_is_stuck(keys, taken.rpartition("/")[2])
    deciding = f"/console/approve/{taken.rpartition('/')[2]}"
    counter.read_the_evidence(browser, site, deciding)
    pages = ["/console/counter", f"/console/counter/new/{MATTER}", taken]
    pages += [family, f"{family}/slip"]
    lease = Line("lease", "applicant", "", "", "").place
    pages += [f"{taken}/{name}" for name in ("sheet", "form", f"scan/{lease}")]
    walk(browser, site, "en", [*(("clerk", path) for path in pages), ("operator", stuck)])
    decided = [("decider", "/console/approve"), ("decider", deciding), ("operator", "/console/dead-ends")]
    walk(browser, site, "zh-CN", [("clerk", taken), ("clerk", stuck), *decided])


def test_three_sign_that_a_look_is_shown_late_and_the_first_needs_no_mouse(browser: Browser, site: Site) -> None:
    with visiting(browser, site, "decider") as page:
        page.goto("/console/late-orders/new")
        keys = counter.Keyboard(page)
        for field, typed, key in (
            ("id", SOMEBODY, "Tab"),
            ("matter", "", "ArrowDown"),
            ("matter", "", "Tab"),
            ("reason", "", "Space"),
            ("reason", "", "Tab"),
        ):
            keys.at(field)
            keys.type(typed)
            keys.press(key)
        keys.at("legal_basis")
        keys.type("刑事诉讼法第五十四条")
        keys.press("Enter", leads_on=True)
        expect(page.get_by_text("未签署")).to_have_count(2)
        order = page.url.removeprefix(site.url)
    walk(browser, site, "en", [(who, order) for who in ("approver", "operator")])
    for who in ("approver", "auditor"):
        with visiting(browser, site, who, java_script_enabled=False) as page:
            page.goto(order)
            page.get_by_role("button", name="签署", exact=who == "approver").first.click()
            assert SOMEBODY not in page.content() + page.url
    listed = "/console/late-orders"
    walk(browser, site, "zh-CN", [("decider", order), *((who, listed) for who in ("decider", "auditor", "operator"))])


def test_large_print_is_what_the_pages_are_looked_at_in(browser: Browser, site: Site) -> None:
    with visiting(browser, site, "operator", "en") as page:
        page.goto("/console/staff")
        turn(page, LOOKS["en"][1])
        by_class = page.evaluate("document.documentElement.outerHTML.length")
        in_large_print(page, site)
        page.goto("/console/staff")
        assert page.locator("html").get_attribute("class") == "elder"
        assert abs(page.evaluate("document.documentElement.outerHTML.length") - by_class) < 40  # the switch's own words
        assert (faults(page), overflow(page)) == ([], 0)


def test_the_audit_finds_what_is_wrong(browser: Browser, site: Site) -> None:
    with visiting(browser, site, "operator") as page:
        page.goto("/console/staff/new")
        page.evaluate("""() => {
            const main = document.querySelector("main");
            main.insertAdjacentHTML("beforeend", '<h1>a</h1><h4>b</h4><input name="c">'
              + '<table><tr><th>d</th></tr></table><a href="#nowhere">e</a><button></button><p id="faint">f</p>');
            document.getElementById("faint").style.color = "#999";
        }""")
        found = "\n".join(faults(page))
        for expected in (
            "2 h1",
            "jumps to 4",
            "no label: c",
            "without caption",
            "without scope",
            "to nowhere",
            "no name",
        ):
            assert expected in found
        assert "contrast 2.85" in found


def test_one_signs_in_and_makes_an_account_with_the_keyboard_alone(browser: Browser, site: Site, lang: str) -> None:
    words = WORDS[lang]
    name = "keys.zh" if lang == "zh-CN" else "keys.en"
    with visiting(browser, site, None, lang) as page:
        page.goto("/console/staff/new")
        expect(page.get_by_label(words["user"], exact=True)).to_be_focused()
        page.keyboard.type("operator")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/console/staff/new")
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")  # the back link
        page.keyboard.press("Tab")
        expect(page.locator("#user_name")).to_be_focused()
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        page.wait_for_load_state()
        summary = page.get_by_role("alert")
        expect(summary).to_be_focused()
        assert page.title().startswith(words["error"])
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=words["name"])).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#display_name")).to_be_focused()
        assert page.locator("#display_name").get_attribute("aria-invalid") == "true"
        assert page.locator("#user_name").input_value() == name
        page.keyboard.type("示例键盘")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")  # the first department
        page.keyboard.press("Tab")
        page.keyboard.press("Space")  # the owner's engineer
        expect(page.locator("#roles-1")).to_be_checked()
        page.keyboard.press("Enter")
        page.wait_for_load_state()
        assert "/console/link?t=" in page.locator("#link").inner_text()


def test_focus_is_never_trapped_and_always_seen(browser: Browser, site: Site) -> None:
    with visiting(browser, site, "operator") as page:
        page.goto("/console/staff/new")
        reached = reached_by_keyboard(page)
        for wanted in ("user_name", "display_name", "department", "roles-1", "roles-5", "external_id"):
            assert wanted in reached
        page.locator("#user_name").focus()
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px"


def test_switches_keep_the_page_and_are_remembered(page: Page, site: Site, lang: str) -> None:
    page.goto("/console/staff")
    page.locator("a.language").click()
    other = "en" if lang == "zh-CN" else "zh-CN"
    assert page.url == f"{site.url}/console/staff"
    assert page.locator("html").get_attribute("lang") == other
    page.get_by_role("link", name={"en": "Larger text", "zh-CN": "长辈版"}[other]).click()
    assert page.url == f"{site.url}/console/staff"
    assert page.locator("html").get_attribute("class") == "elder"
    page.goto("/console/account")
    assert page.locator("html").get_attribute("class") == "elder"
    assert page.locator("html").get_attribute("lang") == other


def test_a_whole_visit_works_with_and_without_a_script(browser: Browser, site: Site, lang: str) -> None:
    words = WORDS[lang]
    for scripts in (True, False):
        with visiting(browser, site, None, lang, java_script_enabled=scripts) as page:
            page.goto("/console/notices")
            page.get_by_label(words["user"], exact=True).fill("consumer")
            page.get_by_label(words["password"], exact=True).fill(PASSWORD)
            page.get_by_role("button", name=words["sign_in"]).click()
            page.wait_for_url("**/console/notices")
            page.locator(".switches button").click()
            page.wait_for_url("**/console/sign-in")
            assert page.locator(".flash").is_visible()
            page.goto("/console/notices")
            assert "/console/sign-in?back=" in page.url


def test_a_hostile_name_is_text_everywhere(browser: Browser, site: Site) -> None:
    canary = "\"'><img src=x onerror=window.pwned=1>{{7*7}}"
    with visiting(browser, site, "operator") as page:
        page.goto("/console/staff/new")
        page.locator("#user_name").fill("canary")
        page.locator("#display_name").fill(canary)
        page.locator("#department").select_option(index=1)
        page.locator("#roles-1").check()
        page.get_by_role("button", name=WORDS["zh-CN"]["make"]).click()
        page.wait_for_load_state()
        page.goto("/console/staff/new")
        page.locator("#user_name").fill("canary.two")
        page.locator("#display_name").fill(canary)
        page.locator("#roles-5").check()
        page.locator("#reason").fill(canary)
        page.get_by_role("button", name=WORDS["zh-CN"]["make"]).click()
        page.wait_for_url("**/console/proposals")
        assert page.get_by_text(canary, exact=True).first.is_visible()
        assert page.locator("main img").count() == 0
        page.goto("/console/staff")
        assert page.get_by_text(canary, exact=True).is_visible()
        page.get_by_role("link", name="canary", exact=True).click()
        page.wait_for_url("**/console/staff/*-*")
        assert page.get_by_role("heading", level=1).inner_text() == canary
        assert page.locator("main img").count() == 0
        assert page.evaluate("window.pwned") is None


def test_a_second_click_sends_nothing(browser: Browser, site: Site) -> None:
    with visiting(browser, site, "operator") as page:
        page.goto("/console/account")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        page.locator("#label").fill("twice")
        page.evaluate(
            "() => { for (const form of document.querySelectorAll('form[action$=tokens]'))"
            " { form.requestSubmit(); form.requestSubmit(); } }"
        )
        expect(page.locator("#token")).to_be_visible()
        assert len(sent) == 1
