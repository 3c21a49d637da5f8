"""The catalogue on the command line, as a user calls it."""

import json
from pathlib import Path

import pytest
import yaml
from python_calamine import CalamineWorkbook

from tests.hub.command import yizheng
from tests.registry.published import put
from tests.registry.test_openapi_import import DOCUMENT
from tests.support import AMR, POLICE, Place

pytestmark = pytest.mark.embedded

WANTED = {"what": "驾驶证记录", "legal_basis": "政务数据共享条例", "contact": "信息中心"}


def written(folder: Path, name: str, value: object) -> str:
    path = folder / name
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return str(path)


async def test_search_says_what_there_is(place: Place) -> None:
    done = await yizheng(place, "search", "yyzz", "--json")
    assert (done.code, done.json()["entries"][0]["code"]) == (0, "11990000MB0000002Q001")
    told = await yizheng(place, "search", "营业执照", "--kind", "certificate_type")
    assert told.code == 0
    assert "11990000MB0000002Q001" in told.out
    nothing = await yizheng(place, "search", "卫星云图")
    assert nothing.code == 1
    assert "yizheng demand add" in nothing.out
    assert (await yizheng(place, "search", "--cursor", "AAAA")).code == 65


@pytest.mark.parametrize(
    ("kind", "code", "wanted"),
    [
        ("certificate_type", "business_licence", "营业执照"),
        ("matter", "FOOD", "食品经营许可"),
        ("department", AMR, "市场"),
    ],
)
async def test_show_gives_one_entry(place: Place, kind: str, code: str, wanted: str) -> None:
    done = await yizheng(place, "catalogue", "show", kind, code)
    assert done.code == 0
    assert wanted in done.out
    assert (await yizheng(place, "catalogue", "show", kind, "NONE")).code == 65
    assert (await yizheng(place, "catalogue", "show", "person", code)).code == 64


async def test_export_writes_what_is_published(place: Place, tmp_path: Path) -> None:
    async with place.open() as hub:
        await put(hub)
    done = await yizheng(place, "catalogue", "export", str(tmp_path / "all.xlsx"), "--json")
    assert done.json() == {"entries": 3, "rows": done.json()["rows"]}
    rows = CalamineWorkbook.from_path(str(tmp_path / "all.xlsx")).get_sheet_by_index(0).to_python()
    assert len(rows) == done.json()["rows"] + 1
    assert {row[3] for row in rows[1:]} == {"11990000MB0000002Q001", "11990000MB0000003U001", "food_permits"}
    one = await yizheng(place, "catalogue", "export", str(tmp_path / "police.csv"), "--department", POLICE, "--json")
    assert one.json()["entries"] == 1
    assert (tmp_path / "police.csv").read_text(encoding="utf-8-sig").startswith("信息资源分类,")
    assert (await yizheng(place, "catalogue", "export", str(tmp_path / "x.pdf"))).code == 64


async def test_an_openapi_document_becomes_drafts_that_can_be_added(place: Place, tmp_path: Path) -> None:
    document = written(tmp_path, "estate.json", DOCUMENT)
    out = tmp_path / "drafts"
    arguments = ("catalogue", "import-openapi", document, str(out), "--department", AMR, "--source", "estate-api")
    done = await yizheng(place, *arguments, "--json")
    assert done.code == 0, done.err
    assert done.json()["interfaces"] == ["get_title_by_no", "post_owners_search"]
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == done.json()["notes"]
    assert len(yaml.safe_load((out / "interfaces.yaml").read_text(encoding="utf-8"))) == 2
    for group, name in (("source", "source"), ("interface", "interfaces")):
        added = await yizheng(place, group, "add", str(out / f"{name}.yaml"))
        assert added.code == 0, added.err
    assert (await yizheng(place, *arguments)).code == 64
    other = written(tmp_path, "other.json", {"swagger": "2.0"})
    refused = await yizheng(place, "catalogue", "import-openapi", other, str(tmp_path / "x"), *arguments[4:])
    assert refused.code == 65


async def test_a_demand_from_leaving_it_to_the_answer(place: Place, tmp_path: Path) -> None:
    file = written(tmp_path, "demand.json", WANTED)
    left = await yizheng(place, "demand", "add", file, "--for", AMR, "--json")
    assert left.code == 0, left.err
    assert (left.json()["owner"], left.json()["state"]) == (POLICE, "assigned")
    demand_id = left.json()["id"]
    waiting = await yizheng(place, "demand", "list")
    assert demand_id in waiting.out
    forwarded = await yizheng(place, "demand", "forward", demand_id, "--reason", "不属本部门")
    assert "with the operator" in forwarded.out
    assert (await yizheng(place, "demand", "assign", demand_id, POLICE, "--reason", "职责所在")).code == 0
    refused = await yizheng(place, "demand", "refuse", demand_id, "--reason", "涉密", "--json")
    assert refused.json()["answer"] == {"reason": "涉密"}
    assert (await yizheng(place, "demand", "refuse", demand_id, "--reason", "再次")).code == 77
    shown = await yizheng(place, "demand", "show", demand_id)
    assert [step["step"] for step in json.loads(shown.out)["steps"]] == ["file", "give_up", "assign", "refuse"]
    assert (await yizheng(place, "demand", "list", "--json")).json()["demands"] == []
    assert len((await yizheng(place, "demand", "list", "--all", "--json")).json()["demands"]) == 1


async def test_faults_of_a_demand_are_all_said(place: Place, tmp_path: Path) -> None:
    done = await yizheng(place, "demand", "add", written(tmp_path, "d.json", {"what": "户籍"}), "--for", AMR)
    assert done.code == 65
    assert "/legal_basis" in done.err
    assert "/contact" in done.err


async def test_departments_merge(place: Place, tmp_path: Path) -> None:
    duties = written(tmp_path, "duties.json", {"duties": ["价格监测"], "contact": "价监科"})
    assert (await yizheng(place, "catalogue", "duties", AMR, duties)).code == 0
    found = await yizheng(place, "search", "价格监测", "--json")
    assert found.json()["entries"][0]["code"] == AMR
    by_law = ("--legal-basis", "三定规定")
    assert (await yizheng(place, "catalogue", "superior", AMR, POLICE, *by_law)).code == 0
    ring = await yizheng(place, "catalogue", "superior", POLICE, AMR, *by_law)
    assert (ring.code, "stands under it" in ring.err) == (65, True)
    basis = ("--legal-basis", "机构改革方案", "--as-of", "2026-11-01")
    part = await yizheng(place, "catalogue", "hand-over", AMR, POLICE, *basis, "--matter", "FOOD", "--json")
    assert part.json()["moved"]["matters"] == ["FOOD"]
    merged = await yizheng(place, "catalogue", "merge", AMR, POLICE, *basis, "--json")
    assert merged.json()["moved"]["systems"] == ["intake", "narrow"]
    again = await yizheng(place, "catalogue", "merge", AMR, POLICE, *basis)
    assert again.code == 65
    assert POLICE in again.err
    shown = json.loads((await yizheng(place, "catalogue", "show", "department", AMR)).out)
    assert shown["successor"]["code"] == POLICE
    assert (await yizheng(place, "ledger", "verify")).code == 0
