"""An approver uploads a register with a bad row, corrects it and uploads it again; every page in every look."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.collection.conftest import HEADER
from tests.collection.test_uploads import line, register
from tests.pages.browser import LANGUAGES, Site, faults, launched, people_of, seen, visiting
from tests.pages.looking import walk
from tests.pages.owner_town import aside, fine, press
from tests.serving import serving
from tests.support import Place, valid_uscc

pytestmark = pytest.mark.browser
GOOD = valid_uscc("91990100990000301")
WRONG = GOOD[:-1] + "?"
UPLOAD = "/console/licences/upload"
CODE = "11990000MB0000002Q001"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    sessions = people_of(place)
    with serving(place) as served:
        yield Site(f"http://127.0.0.1:{served.port}", place, sessions)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    del site
    with launched() as browser:
        yield browser


def choose(page: Page, file: Path) -> None:
    page.goto(UPLOAD)
    page.get_by_label("证照类型").select_option(CODE)
    page.get_by_label("文件").set_input_files(file)
    press(page, "上传并继续")


def work(place: Place) -> None:
    """A worker's turn."""

    async def done() -> None:
        async with place.open() as hub:
            await hub.jobs.sweep()

    aside(done)


def test_a_register_is_uploaded_its_bad_row_corrected_and_uploaded_again(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "register.csv"
    file.write_bytes(register(line(GOOD), line(WRONG), header=HEADER.replace("企业名称", "公司全名")))
    with visiting(browser, site, "approver", viewport={"width": 1280, "height": 800}) as page:
        page.goto("/console/owner/batches")
        page.get_by_role("link", name="上传登记簿").click()
        seen(page, "upload-1280")
        assert faults(page) == []
        press(page, "上传并继续")
        expect(page.locator(".summary")).to_contain_text("请选择证照类型")
        choose(page, file)
        seen(page, "upload-map-1280")
        press(page, "开始归集")
        expect(page.locator(".summary")).to_contain_text("必填项“企业名称”没有对应的列")
        page.get_by_label("公司全名").select_option("name")
        press(page, "按所选再试看")
        fine(page)
        expect(page.locator("#look")).to_contain_text("不允许的字符")
        seen(page, "upload-look-1280")
        assert page.locator(".scroll:has(#look)").bounding_box()["width"] > 1000  # type: ignore[index]
        page.set_viewport_size({"width": 390, "height": 844})
        seen(page, "upload-look-390")
        assert faults(page) == []
        press(page, "开始归集")
        expect(page.locator("progress")).to_have_attribute("value", "0")
        assert 'http-equiv="refresh"' in page.content()
        work(site.place)
        expect(page.locator("progress")).to_have_attribute("value", "100", timeout=15_000)  # without loading it again
        page.reload()
        assert 'http-equiv="refresh"' not in page.content()
        seen(page, "upload-done-390")
        expect(page.locator("#totals")).to_contain_text("新发1")
        expect(page.locator("#totals")).to_contain_text("退回1")
        with page.expect_download() as loaded:
            page.get_by_role("link", name="下载更正表（CSV）").click()
        fixed = tmp_path / "fixed.csv"
        fixed.write_bytes(Path(loaded.value.path()).read_bytes().replace(WRONG.encode(), GOOD.encode()))
        choose(page, fixed)
        page.get_by_label("公司全名").select_option("name")
        press(page, "按所选再试看")
        expect(page.locator("#look")).to_contain_text("不变")
        with visiting(browser, site, "consumer") as other:
            answer = other.goto(page.url)
            assert answer is not None
            assert answer.status in {403, 404}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_of_it_is_sound(browser: Browser, site: Site, tmp_path: Path, lang: str) -> None:
    file = tmp_path / "register.csv"
    file.write_bytes(register(line(GOOD), line(WRONG)))
    with visiting(browser, site, "engineer") as page:
        choose(page, file)
        fine(page)
        path = page.url.removeprefix(site.url)
    batch = path.rpartition("/")[2]
    walk(
        browser,
        site,
        lang,
        [
            ("engineer", UPLOAD),
            ("engineer", path),
            ("engineer", f"{path}/rows"),
            ("engineer", f"/console/owner/batches/{batch}"),
        ],
    )
    with visiting(browser, site, "engineer") as page:
        page.goto(path)
        press(page, "提交复核")
        fine(page)
    confirmed = [(who, f"/console/owner/batches/{batch}") for who in ("engineer", "approver", "auditor")]
    walk(browser, site, lang, [*confirmed, ("approver", f"{path}/rows")])
    with visiting(browser, site, "approver") as page:
        page.goto(f"/console/owner/batches/{batch}")
        press(page, "复核通过，开始归集")
        expect(page.locator(".flash")).to_contain_text("已复核")
