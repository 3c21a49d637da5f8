"""What else an owner answers, in Chromium: no, more is needed, later; a dispute; the end of an interface."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.access.actors import COMMAND, Actor, Role
from hub.clock import BEIJING, utc_now
from hub.registry.sharing import DISPUTE
from hub.runtime import Hub
from tests.pages.browser import LANGUAGES, Site, faults, launched, overflow, people_of, seen, visiting
from tests.pages.owner_town import aside, fine, press, write_register
from tests.registry.asking import department_id, matter
from tests.registry.department import CODE, GOOD, interface, source
from tests.serving import serving
from tests.support import POLICE, Place

pytestmark = pytest.mark.browser
REQUESTS = "/console/owner/requests"
PURPOSES = ("核验集体户单位登记情况", "核验居住证申领单位", "核验特种行业许可申请人")


@dataclass(frozen=True)
class Town:
    """A site with a live interface and three requests for it, by purpose."""

    site: Site
    requests: dict[str, str]

    def act(self, work: Callable[[Hub, Actor], Awaitable[Any]]) -> Any:
        """What the asker does meanwhile, at the services."""

        async def acted() -> tuple[Any]:
            async with self.site.place.open() as hub:
                return (await work(hub, await asker(hub)),)

        return aside(acted)[0]


async def asker(hub: Hub) -> Actor:
    roles = frozenset({Role.CONSUMER_ENGINEER})
    return Actor("staff", "asker", "asker", await department_id(hub, POLICE), roles)


def asked(purpose: str) -> dict[str, Any]:
    return {
        "system": "police-counter",
        "interface": CODE,
        "fields": ["uscc", "name"],
        "matters": ["RESIDENCE"],
        "purpose": purpose,
        "legal_basis": "户口登记条例",
        "scene": "窗口受理时核对单位",
        "quota_per_day": 500,
        "valid_until": (utc_now() + timedelta(days=365)).isoformat(),
        "contact": "公安局户政科",
    }


async def furnish(place: Place, register: Path) -> dict[str, str]:
    from signing.keys import SoftwareSigner

    async with place.open() as hub:
        await hub.sources.add(COMMAND, source(register))
        await hub.interfaces.draft(COMMAND, interface())
        assert (await hub.trials.try_out(COMMAND, CODE, params=GOOD)).passed
        await hub.interfaces.to_test(COMMAND, CODE)
        await hub.interfaces.take_live(COMMAND, CODE)
        names = {"zh": "公安窗口", "en": "Police counter"}
        key = SoftwareSigner.generate().public.jwk
        await hub.registry.add_system(
            {"department": POLICE, "client_id": "police-counter", "name": names, "keys": [key]}
        )
        await hub.registry.add_matter(matter("RESIDENCE", POLICE))
        by = await asker(hub)
        return {purpose: (await hub.sharing.requests.file(by, asked(purpose))).request.id for purpose in PURPOSES}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    sessions = people_of(place)
    register = write_register(tmp_path_factory.mktemp("register"))
    requests = aside(lambda: furnish(place, register))
    with serving(place, source_folders=(register.parent,)) as served:
        yield Town(Site(f"http://127.0.0.1:{served.port}", place, sessions), requests)


@pytest.fixture(scope="module")
def browser(town: Town) -> Iterator[Browser]:
    del town
    with launched() as browser:
        yield browser


def keeps_the_rules(browser: Browser, town: Town, who: str, path: str, name: str) -> None:
    """One page in both languages."""
    for lang in LANGUAGES:
        with visiting(browser, town.site, who, lang) as page:
            page.goto(path)
            assert (faults(page), overflow(page)) == ([], 0), path
            seen(page, f"answers-{lang}-{name}")


def state(page: Page) -> str:
    """What the page says of the request's state."""
    return page.locator("dl").first.locator(".tag").first.inner_text()


def test_no_says_why_and_on_which_legal_basis(browser: Browser, town: Town) -> None:
    with visiting(browser, town.site, "approver") as page:
        page.goto(f"{REQUESTS}/{town.requests[PURPOSES[0]]}")
        page.get_by_role("link", name="不予共享").click()
        press(page, "不予共享")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("理由")
        expect(alert).to_contain_text("未写明依据")
        seen(page, "answers-refuse-errors")
        page.locator("#reason").fill("办理该事项无需企业登记信息")
        press(page, "不予共享")
        assert page.locator("#reason").input_value() == "办理该事项无需企业登记信息"
        page.locator("#legal_basis").fill("政务数据共享条例第四条")
        press(page, "不予共享")
        fine(page)
        expect(page.locator(".flash")).to_contain_text("已作出不予共享决定")
        expect(page.locator("main")).to_contain_text("政务数据共享条例第四条")
        assert "不予同意" in state(page)
        seen(page, "answers-refused")


def test_more_is_asked_once_and_the_time_extended_once(browser: Browser, town: Town) -> None:
    more = f"{REQUESTS}/{town.requests[PURPOSES[1]]}"
    with visiting(browser, town.site, "approver") as page:
        page.goto(more)
        before = page.locator("dl").first.inner_text()
        page.get_by_role("link", name="延长答复期限").click()
        press(page, "延长答复期限")
        expect(page.get_by_role("alert")).to_be_visible()
        page.locator("#reason").fill("须会商")
        page.locator("#approval").fill("局长办公会纪要3号")
        press(page, "延长答复期限")
        fine(page)
        assert page.locator("dl").first.inner_text() != before
        assert page.get_by_role("link", name="延长答复期限").count() == 0
        page.get_by_role("link", name="一次性告知补充").click()
        press(page, "一次性告知补充")
        expect(page.get_by_role("alert")).to_be_visible()
        page.locator("#reason").fill("请补充使用场景中核对的具体环节")
        press(page, "一次性告知补充")
        fine(page)
        assert "待补充" in state(page)
        assert page.get_by_role("link", name="不予共享").count() == 0
        seen(page, "answers-more-asked")

        async def supply(hub: Hub, by: Actor) -> None:
            fuller = asked(PURPOSES[1]) | {"scene": "受理落户申请时核对单位是否存续"}
            await hub.sharing.requests.supply(by, town.requests[PURPOSES[1]], fuller)

        town.act(supply)
        page.reload()
        assert "待答复" in state(page)
        expect(page.locator("main")).to_contain_text("核对单位是否存续")
        assert page.get_by_role("link", name="一次性告知补充").count() == 0
        # Who kept the form open finds out why it is too late for that.
        page.goto(f"{more}/ask")
        page.locator("#reason").fill("还有一项")
        press(page, "一次性告知补充")
        expect(page.get_by_role("alert")).to_contain_text("已经一次性告知过")


def test_a_dispute_goes_up_the_ladder_and_the_owner_answers_once_more(browser: Browser, town: Town) -> None:
    request_id = town.requests[PURPOSES[2]]
    path = f"{REQUESTS}/{request_id}"

    async def refuse_and_dispute(hub: Hub, by: Actor) -> None:
        owner = Actor("staff", "other", "other", (await hub.sharing.requests.get(by, request_id)).request
                      .owner_department_id, frozenset({Role.OWNER_APPROVER}))  # fmt: skip
        await hub.sharing.requests.refuse(owner, request_id, "无需该信息", "条例第四条")
        await hub.sharing.disputes.open(by, request_id, "法定职责需要")

    town.act(refuse_and_dispute)
    for step in ("", "/settle", "/escalate"):
        keeps_the_rules(browser, town, "approver", f"{path}{step}", f"dispute{step.replace('/', '-')}")
    with visiting(browser, town.site, "approver") as page:
        page.goto("/console")
        seen(page, "answers-home")
        page.goto(REQUESTS)
        expect(page.locator("#disputes")).to_contain_text("协商中")
        seen(page, "answers-disputes")
        page.locator("#disputes a").first.click()
        assert page.url.endswith(path)
        page.get_by_role("link", name="提请上一级处理").click()
        press(page, "提请上一级处理")
        expect(page.get_by_role("alert")).to_contain_text("理由")
        page.locator("#reason").fill("双方对必要性认识不一致")
        press(page, "提请上一级处理")
        fine(page)
        expect(page.locator("main")).to_contain_text("主管部门处理中")
        assert page.get_by_role("link", name="提请上一级处理").count() == 0

        async def decide(hub: Hub, by: Actor) -> None:
            del by
            first, second = (Actor("staff", name, name, None, frozenset({Role.OPERATOR})) for name in ("a", "b"))
            verdict = {"request": request_id, "verdict": "for_asker", "reason": "经协调", "legal_basis": "条例"}
            made = await hub.sharing.proposals.propose(first, DISPUTE, verdict, "争议处理")
            await hub.sharing.proposals.confirm(second, made.id)

        town.act(decide)
        page.reload()
        assert "待答复" in state(page)
        expect(page.locator("main")).to_contain_text("支持申请部门")
        seen(page, "answers-dispute-decided")
        page.get_by_role("link", name="同意，或核减后同意").click()
        press(page, "同意")
        fine(page)
        assert "已同意" in state(page)
    keeps_the_rules(browser, town, "approver", path, "dispute-over")


def test_an_end_is_announced_with_notice_and_can_be_taken_back(browser: Browser, town: Town) -> None:
    path = f"/console/owner/interfaces/{CODE}/1"
    with visiting(browser, town.site, "approver") as page:
        page.goto(path)
        page.locator("#ends_on").fill((utc_now() + timedelta(days=3)).astimezone(BEIJING).date().isoformat())
        page.locator("#deprecate_reason").fill("登记库迁移")
        press(page, "公告停用")
        expect(page.get_by_role("alert")).to_contain_text("通知期不足")
        seen(page, "answers-notice-too-short")
        page.locator("#ends_on").fill("下个月")
        press(page, "公告停用")
        expect(page.get_by_role("alert")).to_be_visible()
        assert page.locator("#deprecate_reason").input_value() == "登记库迁移"
        day = (utc_now() + timedelta(days=60)).astimezone(BEIJING).date().isoformat()
        page.locator("#ends_on").fill(day)
        press(page, "公告停用")
        fine(page)
        expect(page.locator("dl").first).to_contain_text("即将停用")
        expect(page.locator("dl").first).to_contain_text(day)
        seen(page, "answers-deprecated")
    keeps_the_rules(browser, town, "approver", path, "deprecated")
    with visiting(browser, town.site, "approver") as page:
        page.goto(path)
        press(page, "继续提供")
        fine(page)
        expect(page.locator("dl").first).to_contain_text("已上线")
        assert datetime.now(BEIJING).date().isoformat() <= day
