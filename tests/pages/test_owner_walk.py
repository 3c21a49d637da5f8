"""The owner's whole way in Chromium: register → map → test → live by a second person → approve a request → withdraw."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from hub.access.actors import Actor, Role
from hub.clock import utc_now
from tests.pages.browser import Site, people_of, visiting
from tests.pages.owner_town import Register, fine, press, publish, register_source, run, seen, try_out, write_register
from tests.registry.asking import department_id, matter
from tests.serving import serving
from tests.support import POLICE, Place
from signing.keys import SoftwareSigner

pytestmark = pytest.mark.browser
SYSTEM = "police-counter"
FIELDS = ["uscc", "name", "status"]


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Register:
    path = write_register(tmp_path_factory.mktemp("register"))
    return Register({"dialect": "sqlite", "database": str(path)})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, register: Register) -> Iterator[Site]:
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    sessions = people_of(place)
    folder = Path(register.connection["database"]).parent
    with serving(place, source_folders=(folder,)) as served:
        yield Site(f"http://127.0.0.1:{served.port}", place, sessions)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    del site
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


def aside(work: Any) -> Any:
    """What the other department does through the services, in a thread: the driver keeps an event loop here."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(run(work())))
    thread.start()
    thread.join(60)
    assert found, "the other department's work failed"
    return found[0]


async def file_request(place: Place, **changes: Any) -> str:
    """The police ask for the interface; answers the request's id."""
    async with place.open() as hub:
        asker = Actor("staff", "asker", "asker", await department_id(hub, POLICE), frozenset({Role.CONSUMER_ENGINEER}))
        if not any(view.code == "RESIDENCE" for view in []):
            try:
                await hub.registry.add_system(
                    {"department": POLICE, "client_id": SYSTEM, "name": {"zh": SYSTEM, "en": SYSTEM}, "keys": [SoftwareSigner.generate().public.jwk]}
                )
                await hub.registry.add_matter(matter("RESIDENCE", POLICE))
            except Exception:  # noqa: BLE001  # a second request of the same test
                pass
        filed = await hub.sharing.requests.file(
            asker,
            {
                "system": SYSTEM,
                "interface": "enterprise_by_uscc",
                "fields": FIELDS,
                "matters": ["RESIDENCE"],
                "purpose": "核验集体户单位登记情况",
                "legal_basis": "户口登记条例",
                "scene": "窗口受理集体户落户时核对单位",
                "quota_per_day": 500,
                "valid_until": (utc_now() + timedelta(days=365)).isoformat(),
                "contact": "公安局户政科",
            }
            | changes,
        )
        return filed.request.id


def test_the_owners_whole_way(browser: Browser, site: Site, register: Register) -> None:
    with visiting(browser, site, "engineer") as page:
        register_source(page, register)
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
        page.goto("/console/owner/interfaces/enterprise_by_uscc/1")
        press(page, "下线")
        expect(page.get_by_role("alert")).to_contain_text("请写明理由")
        page.locator("#withdraw_reason").fill("登记库迁移")
        press(page, "下线")
        fine(page)
        expect(page.locator("dl").first).to_contain_text("已下线")
