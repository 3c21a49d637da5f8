"""What the counter's pages are driven with: a counter, a matter in which nothing is missing, and a clerk's keyboard."""

from dataclasses import dataclass

from playwright.sync_api import Browser, Page, expect

from hub.access.actors import COMMAND
from tests.hub.test_case_form import FORM
from tests.hub.test_counter import OWN
from tests.pages.browser import Site, faults, overflow, seen, visiting
from tests.support import AMR, ENTERPRISE, INTAKE, MATTER, Place, grant_definition, matter_definition

CARD = f"{ENTERPRISE['name']}|{ENTERPRISE['id_number']}"
SHOP, SIGN, LICENCE = "SHOP", "SIGN", "11990000MB0000002Q001"
OWN_FIELD = [{"field": "sign", "title": {"zh": "招牌名称", "en": "Name on the sign"}}]
EVENT = {
    "code_system": "test", "code": "EATERY", "title": {"zh": "我要开面馆", "en": "Open a noodle shop"},
    "department": AMR, "parties": ["applicant", "agent"],
    "facts": {"signed": {"kind": "boolean", "title": {"zh": "是否设置招牌", "en": "With a sign?"}}},
    "matters": [{"matter": SHOP}, {"matter": SIGN, "when": "facts.signed", "after": [SHOP]}],
}  # fmt: skip


async def furnish(place: Place) -> bool:
    """The intake system becomes the market regulation's counter. A matter wants the licence alone; another one has a
    form, and wants a paper that nobody has.
    """
    async with place.open() as hub:
        await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
        licence = matter_definition()["requirements"][0]
        named = {"code": SHOP, "name": {"zh": "小餐饮备案", "en": "Small eatery"}, "requirements": [licence]}
        await hub.registry.add_matter(matter_definition() | named)
        await hub.registry.add_grant(grant_definition(hub, matters=[SHOP]))
        sign = {"code": SIGN, "name": {"zh": "招牌备案", "en": "A sign"}, "requirements": [licence], "form": OWN_FIELD}
        await hub.registry.add_matter(matter_definition() | named | sign)
        await hub.registry.add_grant(grant_definition(hub, matters=[SIGN]))
        await hub.life_events.add(COMMAND, EVENT)
        food = matter_definition()
        more = {"form": FORM, "requirements": [*food["requirements"], OWN], "results": [{"type": LICENCE}]}
        await hub.registry.add_matter(food | more)
    return True


@dataclass
class Keyboard:
    """A clerk who has no mouse. `strokes`: keys that the clerk pressed; a card reader presses its own."""

    page: Page
    strokes: int = 0

    def type(self, text: str) -> None:
        self.strokes += len(text)
        self.page.keyboard.type(text)

    def press(self, key: str, *, leads_on: bool = False) -> None:
        self.strokes += 1
        self._press(key, leads_on=leads_on)

    def read_card(self, text: str) -> None:
        """Writes as a reader does, and ends with Enter."""
        self.page.keyboard.insert_text(text)
        self._press("Enter", leads_on=True)

    def _press(self, key: str, *, leads_on: bool) -> None:
        if not leads_on:
            self.page.keyboard.press(key)
            return
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def at(self, name: str) -> None:
        """Wait until the focus is on the field of this name, or on what has this text."""
        there = "name => (e => e.name || e.textContent.trim())(document.activeElement) === name"
        self.page.wait_for_function(there, arg=name)


def take_what_is_whole(keys: Keyboard) -> None:
    """A case in which nothing is missing, from the words to its end: the letters of the matter and three keys."""
    keys.at("q")
    keys.type("xcy")
    keys.press("Enter", leads_on=True)
    keys.at("id.applicant")
    keys.read_card(CARD)
    expect(keys.page.locator(".verdict")).to_contain_text("材料齐全，不用提交任何材料")
    keys.press("F4")
    keys.at("办结（F4）")
    keys.press("Enter", leads_on=True)
    expect(keys.page.locator(".flash")).to_contain_text("已办结")
    assert keys.strokes == len("xcy") + 3


def take_what_lacks_a_paper(keys: Keyboard) -> None:
    """By a scanner, which knows no name; the case is accepted, for whoever decides it."""
    keys.press("F2", leads_on=True)
    keys.at("q")
    keys.type(MATTER)
    keys.press("Enter", leads_on=True)
    keys.at("id.applicant")
    keys.read_card(str(ENTERPRISE["id_number"]))
    keys.at("name.applicant")
    keys.page.keyboard.insert_text(str(ENTERPRISE["name"]))
    keys.press("Enter", leads_on=True)
    expect(keys.page.locator(".verdict")).to_contain_text("还需提交 2 份材料")
    seen(keys.page, "counter-case")
    keys.press("F8")
    keys.at("受理，转审批（F8）")
    keys.press("Enter", leads_on=True)
    expect(keys.page.locator(".flash")).to_contain_text("已受理，转审批部门")


def take_a_life_event(keys: Keyboard) -> str:
    """Two matters by one card and one question, from the words to the slip; answers its path. Fewer keys than two cases
    would take: the letters of the event, Enter, the space bar for yes, and one key of the page.
    """
    before = keys.strokes
    keys.press("F2", leads_on=True)
    keys.at("q")
    keys.type("wykmg")
    keys.press("Enter", leads_on=True)
    keys.at("id.applicant")
    keys.read_card(CARD)
    keys.at("fact.signed")
    keys.press("Space")
    keys.press("Enter", leads_on=True)
    expect(keys.page.locator(".verdict")).to_contain_text("2 个事项材料齐全，不用提交任何材料")
    path = keys.page.url
    seen(keys.page, "counter-family")
    keys.press("F8")
    keys.at("一并受理，转审批（F8）")
    keys.press("Enter", leads_on=True)
    expect(keys.page.locator(".flash")).to_contain_text("已一并受理")
    assert keys.strokes - before < 20
    keys.press("Escape", leads_on=True)
    return path


def print_the_sheet(keys: Keyboard) -> None:
    """Paper has the list and nothing of the page around it; Esc leads back to the counter."""
    keys.page.goto(f"{keys.page.url}/sheet")
    keys.page.emulate_media(media="print")
    assert keys.page.locator("header").is_hidden()
    assert keys.page.evaluate("parseFloat(getComputedStyle(document.querySelector('.sheet')).fontSize)") > 20
    keys.page.emulate_media(media="screen")
    keys.press("Escape", leads_on=True)
    keys.press("Escape", leads_on=True)
    assert keys.page.url.endswith("/console/counter")


def send_what_is_stuck(keys: Keyboard, case_no: str) -> str:
    """By the form for what could not be done, without a mouse; answers the path of the dead end."""
    keys.page.goto(f"/console/dead-ends/new/{case_no}")
    keys.page.locator("#reason-1").focus()
    keys.press(" ")
    keys.page.get_by_role("button", name="转窗口").focus()
    keys.press("Enter", leads_on=True)
    return keys.page.url.partition("/console")[2]


def read_a_card_too_early(keys: Keyboard) -> None:
    keys.at("q")
    keys.type("991990100000000000")
    keys.press("Enter", leads_on=True)
    expect(keys.page.get_by_role("alert")).to_contain_text("请先选事项")
    assert faults(keys.page) == []


def read_the_evidence(browser: Browser, site: Site, path: str) -> None:
    with visiting(browser, site, "decider", viewport={"width": 320, "height": 640}) as page:
        page.goto(path)
        page.get_by_role("button", name="查看证据（记入账本）").click()
        expect(page.get_by_role("heading", name="证据", exact=True)).to_be_visible()
        assert (faults(page), overflow(page)) == ([], 0)
        seen(page, "approve-case")
        page.get_by_label("准予", exact=True).check()
        page.get_by_role("button", name="提交决定").click()
        expect(page.get_by_role("heading", name="核对要颁发的证照")).to_be_visible()
        expect(page.get_by_label("企业名称")).to_have_value(str(ENTERPRISE["name"]))
        assert (faults(page), overflow(page)) == ([], 0)
        seen(page, "approve-grant")
