"""The library's pages: a licence issued, shown, suspended and revoked by two persons; who sees what; every size."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.pages.browser import LANGUAGES, Site, faults, launched, overflow, people_of, seen, visiting
from tests.pages.library_town import (
    CODE,
    LAW,
    MOVING,
    OTHER,
    REASON,
    Library,
    ask,
    confirm,
    furnish,
    it_goes_on_without_a_script,
    it_leaves_by_itself,
    of_another_city,
    pages_of,
    taken_from,
    work_off,
)
from tests.pages.looking import walk
from tests.pages.owner_town import aside, fine, press
from tests.serving import serving
from tests.support import ENTERPRISE, Place, enterprise_claims

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    sessions = people_of(place)
    neighbour = Place(tmp_path_factory.mktemp("neighbour") / "home", None)
    elsewhere = aside(lambda: of_another_city(place, neighbour))
    identifier = aside(lambda: furnish(place))
    with serving(place) as served:
        yield Library(Site(f"http://127.0.0.1:{served.port}", place, sessions), identifier, elsewhere)


@pytest.fixture(scope="module")
def browser(library: Library) -> Iterator[Browser]:
    del library
    with launched() as browser:
        yield browser


def test_a_licence_from_the_form_to_its_end_by_two_persons(browser: Browser, library: Library, tmp_path: Path) -> None:
    claims = enterprise_claims(uscc=OTHER, name="示例市夜色食品有限公司")
    with (
        visiting(browser, library.site, "engineer", java_script_enabled=False) as page,
        visiting(browser, library.site, "approver") as second,
    ):
        page.goto("/console/licences")
        page.get_by_role("link", name="颁发或转入证照").click()
        page.get_by_role("link", name="新发 营业执照").click()
        press(page, "继续核对")
        expect(page.get_by_role("alert")).to_contain_text("统一社会信用代码：请填写")
        for name, value in claims.items():
            page.locator(f'[id="c.{name}"]').fill(value[:-1] if name == "uscc" else value)
        page.locator("#reason").fill(REASON)
        press(page, "继续核对")
        expect(page.get_by_role("alert")).to_contain_text("统一社会信用代码：位数不对")
        assert page.locator('[id="c.name"]').input_value() == claims["name"]
        page.locator('[id="c.uscc"]').fill(f" {OTHER.lower()} ")
        page.locator("#legal_basis").fill(LAW)
        press(page, "继续核对")
        fine(page)
        expect(page.locator("dl").first).to_contain_text(OTHER)
        press(page, "返回修改")
        press(page, "继续核对")
        press(page, "提交复核：新发")
        second.goto("/console")
        expect(second.locator("main")).to_contain_text("待复核的证照操作")
        confirm(second, page.url)
        one = second.url

        page.goto(one)
        expect(page.locator("h1")).to_contain_text("有效")
        assert claims["legal_representative"] not in page.content()
        page.locator("#reason").fill(REASON)
        press(page, "查看或下载")
        it_goes_on_without_a_script(page, one.removeprefix(library.site.url), claims["legal_representative"])
        it_leaves_by_itself(second, one, claims["legal_representative"])
        page.get_by_label("下载 PDF").check()
        page.locator("#reason").fill(REASON)
        with page.expect_download() as begun:
            page.get_by_role("button", name="查看或下载").click()
        begun.value.save_as(tmp_path / "licence.pdf")
        assert (tmp_path / "licence.pdf").read_bytes().startswith(b"%PDF-")

        for act, reason, after in (
            ("暂扣", "涉嫌违法正在调查", "暂扣"),
            ("暂扣发还", "情形已消除", "有效"),
            ("撤销", "误签发", "已撤销"),
        ):
            page.goto(one)
            confirm(second, ask(page, act, reason))
            expect(second.locator("h1 .tag")).to_contain_text(after)
        expect(second.locator("table").first).to_contain_text("复核 示例approver")
        assert second.get_by_role("link", name="暂扣", exact=True).count() == 0
        page.goto(f"{one}?as_of=2020-01-01")
        expect(page.locator("#then")).to_contain_text("还没有这个证照")
        page.goto(f"{one}?as_of=yesterday")
        expect(page.get_by_role("alert")).to_contain_text("请按 2026-01-31")


def test_a_licence_of_another_city_is_shown_verified_and_taken_over(browser: Browser, library: Library) -> None:
    with (
        visiting(browser, library.site, "engineer", java_script_enabled=False) as page,
        visiting(browser, library.site, "approver") as second,
    ):
        page.goto("/console/licences/new")
        page.get_by_role("link", name="转入 营业执照").click()
        press(page, "核验并继续")
        expect(page.get_by_role("alert")).to_contain_text("请选择文件，或粘贴证照文本")
        broken = library.elsewhere.replace(b".", b".A", 1)
        page.locator("#document").set_input_files({"name": "a.jwt", "mimeType": "text/plain", "buffer": broken})
        press(page, "核验并继续")
        expect(page.get_by_role("alert")).to_contain_text("未能核验")
        seen(page, "transfer-refused")
        page.locator("#token").fill(library.elsewhere.decode())
        press(page, "核验并继续")
        fine(page)
        seen(page, "transfer-form")
        expect(page.locator("main")).to_contain_text("签名已核验")
        assert page.locator('[id="c.name"]').input_value() == MOVING["name"]
        page.locator('[id="c.uscc"]').fill(OTHER)
        page.locator("#reason").fill(REASON)
        page.locator("#legal_basis").fill(LAW)
        press(page, "继续核对")
        expect(page.get_by_role("alert")).to_contain_text("持证主体与原证照不同")
        page.locator('[id="c.uscc"]').fill(MOVING["uscc"])
        page.locator('[id="origin.released"]').fill("邻市市监迁函〔2026〕1号")
        press(page, "继续核对")
        press(page, "提交复核：转入")
        second.goto(page.url)
        fine(second)
        expect(second.locator("main")).to_contain_text("邻市市监迁函")
        expect(second.locator("main")).to_contain_text("核验时的状态")
        confirm(second, page.url)
        expect(second.locator("main")).to_contain_text("转自其他机关")
        fine(second)
        seen(second, "transferred-in")
        page.goto("/console/licences/new/business_licence/transfer")
        page.get_by_role("link", name="手工填写").click()
        fine(page)
        expect(page.locator("main")).to_contain_text("没有核验")


def test_a_holder_is_found_by_a_number_that_stands_in_no_address(browser: Browser, library: Library) -> None:
    with visiting(browser, library.site, "engineer") as page:
        page.goto("/console/licences/holder")
        page.locator("#id_type").select_option("001")
        page.locator("#number").fill(ENTERPRISE["id_number"][:-1])
        press(page, "查找")
        expect(page.get_by_role("alert")).to_contain_text("号码位数不对")
        page.locator("#number").fill(ENTERPRISE["id_number"])
        page.locator("#reason").fill("窗口咨询")
        press(page, "查找")
        expect(page.locator("#licences")).to_contain_text(library.identifier)
        assert ENTERPRISE["id_number"] not in page.url
        for as_of, said in (("春天", "请按 2026-01-31 的格式填写"), ("2020-01-01", "该主体当时在本部门没有证照")):
            page.locator("#id_type").select_option("001")
            page.locator("#number").fill(ENTERPRISE["id_number"])
            page.locator("#as_of").fill(as_of)
            page.locator("#reason").fill("窗口咨询")
            press(page, "查找")
            expect(page.locator("main")).to_contain_text(said)
            assert (faults(page), overflow(page)) == ([], 0)
            seen(page, f"holder-{as_of}")
        page.goto(f"/console/licences?identifier={library.identifier}")
        with page.expect_download() as begun:
            page.get_by_role("link", name="下载此表").click()
        head, row = csv.reader(io.StringIO(Path(begun.value.path()).read_bytes().decode("utf-8-sig")))
        assert head == ["证照标识", "证照", "持证主体", "证件类型", "状态", "颁发日期", "有效期至"]
        assert aside(lambda: taken_from(library.site.place)) == [({"identifier": library.identifier}, 1)]
        assert row[:5] == [library.identifier, "营业执照", ENTERPRISE["id_number"], "统一社会信用代码", "有效"]
        page.locator("#licences a").first.click()
        assert page.url.endswith(library.identifier)


def test_one_act_for_many_says_which_were_refused(browser: Browser, library: Library) -> None:
    with visiting(browser, library.site, "approver") as page:
        page.goto("/console/licences/lists")
        press(page, "提交名单")
        expect(page.get_by_role("alert")).to_contain_text("每行一个证照标识")
        page.get_by_label("暂扣", exact=True).check()
        page.locator("#identifiers").fill(f"{library.identifier}\n1.2.156.3005.2.unknown")
        page.locator("#reason_code").select_option("investigation")
        page.locator("#reason").fill(REASON)
        page.locator("#legal_basis").fill(LAW)
        press(page, "提交名单")
        expect(page.locator("main")).to_contain_text("由本部门另一名审批人员复核后开始")
        assert (faults(page), overflow(page)) == ([], 0)
        list_id = page.url.rpartition("/")[2]
        aside(lambda: work_off(library.site.place, list_id))
        page.reload()
        expect(page.locator("#refused")).to_contain_text("没有此证照")
        expect(page.locator("main")).to_contain_text("已完成")
        page.goto(f"/console/licences/id/{library.identifier}")
        expect(page.locator("h1")).to_contain_text("暂扣")


def test_a_change_begins_with_what_the_licence_says(browser: Browser, library: Library) -> None:
    with visiting(browser, library.site, "engineer") as page, visiting(browser, library.site, "approver") as second:
        page.goto(f"/console/licences/id/{library.identifier}")
        if page.get_by_role("link", name="暂扣发还", exact=True).count():  # the list of the test before, where it ran
            confirm(second, ask(page, "暂扣发还", "情形已消除"))
            page.goto(f"/console/licences/id/{library.identifier}")
        page.get_by_role("link", name="变更", exact=True).click()
        page.locator("#reason").fill(REASON)
        press(page, "继续")
        assert page.locator('[id="c.name"]').input_value() == ENTERPRISE["name"]
        page.locator('[id="c.address"]').fill("示例市新路9号")
        page.locator("#legal_basis").fill(LAW)
        press(page, "继续核对")
        press(page, "提交复核：变更")
        confirm(second, page.url)
        expect(second.locator("main")).to_contain_text("第 2 版")
        page.goto(f"/console/licences/id/{library.identifier}")
        expect(page.locator(".verdict")).to_contain_text("已有新的证照取代它")


def test_a_type_is_revised_beside_its_face_and_confirmed_by_another(browser: Browser, library: Library) -> None:
    with (
        visiting(browser, library.site, "engineer", java_script_enabled=False) as page,
        visiting(browser, library.site, "approver") as second,
    ):
        page.goto(f"/console/types/{CODE}")
        page.get_by_role("link", name="修订").click()
        page.locator("#legal_basis").fill("《市场主体登记管理条例》第二十一条")
        page.locator("details details summary").last.click()
        page.locator("#add_name").fill("business_term")
        page.locator("#add_zh").fill("营业期限")
        page.locator("#add_en").fill("Business term")
        press(page, "检查并预览")
        expect(page.locator(".flash")).to_contain_text("检查通过")
        expect(page.locator("table")).to_contain_text("营业期限")
        face = page.locator(".paper img")
        expect(face).to_be_visible()
        assert page.evaluate("e => e.complete && e.naturalWidth > 500", face.element_handle())
        assert (faults(page), overflow(page)) == ([], 0)
        seen(page, "type-edit")
        text = page.locator("#definition").input_value()
        page.locator("#definition").fill(text.replace("format: text", "format: words", 1))
        press(page, "检查并预览")
        expect(page.get_by_role("alert")).to_contain_text("不在允许的取值之内")
        expect(page.get_by_role("alert")).to_contain_text("行，字段")
        page.locator("#definition").fill(text.replace("code: 11990000MB0000002Q001", "code: 11990000MB0000002Q009"))
        press(page, "检查并预览")
        expect(page.get_by_role("alert")).to_contain_text("类型代码不同，即是另一类型")
        page.locator("#definition").fill(text)
        page.locator("#reason").fill("条例修订")
        press(page, "提出，由另一人确认")
        assert page.get_by_role("button", name="确认并生效").count() == 0
        seen(page, "type-proposal")
        second.goto("/console/types")
        second.locator("#proposals a").first.click()
        expect(second.locator("table")).to_contain_text("营业期限")
        press(second, "确认并生效")
        expect(second.locator("#claims")).to_contain_text("营业期限")
        second.get_by_role("link", name="停用", exact=True).click()
        press(second, "确定：停用")
        expect(second.get_by_role("alert")).to_contain_text("请填写")
        second.locator("#reason").fill("模板泄露，核查中")
        second.locator("#legal_basis").fill(LAW)
        press(second, "确定：停用")
        expect(second.locator("h1")).to_contain_text("已停用")
        seen(second, "type-halted")
        page.goto(f"/console/types/{CODE}")
        page.get_by_role("link", name="申请恢复").click()
        page.locator("#reason").fill("核查完毕")
        press(page, "确定：申请恢复")
        second.goto(page.url)
        press(second, "确认并生效")
        expect(second.locator("h1")).to_contain_text("现行")


def test_a_face_is_designed_beside_its_page_confirmed_by_another_and_given_up(
    browser: Browser, library: Library
) -> None:
    with (
        visiting(browser, library.site, "engineer", java_script_enabled=False) as page,
        visiting(browser, library.site, "approver") as second,
    ):
        page.goto(f"/console/types/{CODE}")
        page.get_by_role("link", name="设计版面").click()
        expect(page.locator("main")).to_contain_text("现用：随附的版面（证照）")
        source = page.locator("#source").input_value()
        assert source.startswith("// 证照")
        page.locator("#source").fill(source + "\n#nothing()\n")
        press(page, "排版预览")
        expect(page.get_by_role("alert")).to_contain_text(f"第 {source.count(chr(10)) + 2} 行第 2 列：unknown variable")
        expect(page.locator(".excerpt mark")).to_contain_text("#nothing()")
        assert (faults(page), overflow(page)) == ([], 0)
        seen(page, "face-faulty")
        own = source.replace("30pt } else { 34pt }", "20pt } else { 22pt }")
        page.locator("#source").fill(own.replace("  marks()", "") + "\n#pagebreak()\n")
        press(page, "排版预览")
        expect(page.locator(".flash")).to_contain_text("可以排版，共 2 页")
        expect(page.locator(".verdict")).to_contain_text("缺少：marks()。")
        pictures = page.locator(".paper img").all()
        assert len(pictures) == 2
        assert all(page.evaluate("e => e.complete && e.naturalWidth > 500", one.element_handle()) for one in pictures)
        page.locator("#source").fill(own)
        press(page, "提出，由另一人确认")
        expect(page.get_by_role("alert")).to_contain_text("请写明理由")
        page.locator("#reason").fill("标题改小")
        press(page, "提出，由另一人确认")
        seen(page, "face-proposal")
        second.goto(page.url)
        expect(second.locator("#lines")).to_contain_text("+  heavy(say(face.title)")
        fine(second)
        press(second, "确认并生效")
        page.goto(f"/console/types/{CODE}/template")
        expect(page.locator("main")).to_contain_text("现用：自有模板第 1 版")
        expect(page.locator("#templates")).to_contain_text("标题改小")
        expect(page.locator("#templates")).to_contain_text("示例approver")
        seen(page, "face-own")
        page.locator("#back_reason").fill("启用国家样式")
        press(page, "提出回到随附的版面")
        second.goto(page.url)
        expect(second.locator("main")).to_contain_text("不再用自己的模板")
        press(second, "确认并生效")
        page.goto(f"/console/types/{CODE}/template")
        expect(page.locator("main")).to_contain_text("现用：随附的版面（证照）")
        expect(page.locator("#templates")).to_contain_text("回到随附的版面")
        page.get_by_role("link", name="第 1 版").click()
        assert "22pt" in page.locator("#source").input_value()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_keeps_the_rules_at_every_size(browser: Browser, library: Library, lang: str) -> None:
    walk(browser, library.site, lang, pages_of(library))


def test_the_city_sees_no_holder_and_others_nothing(browser: Browser, library: Library) -> None:
    one = f"/console/licences/id/{library.identifier}"
    with visiting(browser, library.site, "auditor") as page:
        page.goto("/console/licences")
        assert ENTERPRISE["id_number"] not in page.content()
        page.goto(one)
        assert ENTERPRISE["id_number"] not in page.content()
        assert page.get_by_role("button", name="查看或下载").count() == 0
    with visiting(browser, library.site, "consumer") as page:
        for path in ("/console/licences", one, "/console/licences/new", "/console/licences/holder"):
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 403, json.dumps(path)
