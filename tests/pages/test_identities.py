"""Network IDs and faces on the pages: bound, entered and refused, as people see them; binding without a script."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.access.actors import COMMAND
from hub.cli.stand_in import Standing, stand_network_id
from tests.citizens.conftest import session
from tests.hub.city import PERSON, identity_claims
from tests.pages.browser import Site, faults, launched, overflow, people_of, seen, visiting
from tests.pages.looking import LOOKS, turn
from tests.serving import serving
from tests.support import INTAKE, MATTER, POLICE, PUBLIC_URL, Place, issue

pytestmark = pytest.mark.browser


@dataclass
class Town:
    """A served hub that asks a stand-in, and somebody's cookie."""

    site: Site
    made: Standing
    secret: str

    def voucher(self) -> str:
        web = self.made.device.web
        asked = {"id_number": PERSON["id_number"], "name": PERSON["name"], "hub": PUBLIC_URL}
        return str(json.loads(web.calls["vouchers"](json.dumps(asked))[1])["voucher"])


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder: Path = tmp_path_factory.mktemp("identities")
    place = Place(folder / "home", None)
    sessions = people_of(place)
    made = stand_network_id(folder / "stand-in", 0)
    given = {name.removeprefix("YIZHENG_").lower(): value for name, value in made.settings.items()}

    async def furnish() -> str:
        async with place.open() as hub:
            await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
            await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
            return await session(hub)

    with asyncio.Runner() as runner:
        secret = runner.run(furnish())
    with serving(place, **given) as served:
        yield Town(Site(f"http://127.0.0.1:{served.port}", place, sessions), made, secret)
    made.device.web.close()


@pytest.fixture(scope="module")
def browser(town: Town) -> Iterator[Browser]:
    del town  # made first: the driver keeps an event loop running
    with launched() as browser:
        yield browser


def looked_at(page: Page, lang: str, name: str) -> None:
    for look in LOOKS[lang]:
        turn(page, look)
        assert (faults(page), overflow(page)) == ([], 0), (name, look.name)
        seen(page, f"identities-{lang}-{look.name}-{name}")
    turn(page, LOOKS["zh-CN"][0])


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_a_network_id_is_bound_and_signs_in_without_a_script(browser: Browser, town: Town, lang: str) -> None:
    with visiting(browser, town.site, None, lang, java_script_enabled=False) as page:
        page.context.add_cookies([{"name": "yz_holder", "value": town.secret, "url": town.site.url}])
        page.goto("/me/identities")
        page.locator("#voucher").fill(town.voucher())
        page.locator("#voucher").press("Enter")
        expect(page.locator("main .tag").first).to_contain_text("已绑定" if lang == "zh-CN" else "bound")
    with visiting(browser, town.site, None, lang) as page:
        page.goto("/me/sign-in")
        looked_at(page, lang, "sign-in")
        page.locator("#voucher").fill("NID." + "x" * 30)
        page.locator("#voucher").press("Enter")
        expect(page.locator("main")).to_contain_text("网证" if lang == "zh-CN" else "network ID")
        looked_at(page, lang, "refused")
        page.goto("/me/sign-in")
        page.locator("#voucher").fill(town.voucher())
        page.locator("#voucher").press("Enter")
        page.goto("/me/identities")
        looked_at(page, lang, "bound")
    with visiting(browser, town.site, "clerk", lang) as page:
        page.goto(f"/console/counter/new/{MATTER}")
        page.locator("details.others summary").last.click()
        page.locator("#face").fill("x" * 2000)
        page.locator("[id='id.applicant']").fill(f"{PERSON['name']}|{PERSON['id_number']}")
        page.locator("[id='id.applicant']").press("Enter")
        expect(page.locator(".summary")).to_contain_text("不收人脸图像" if lang == "zh-CN" else "no faces come here")
        looked_at(page, lang, "face")
