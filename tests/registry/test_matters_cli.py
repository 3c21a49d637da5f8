"""Matters on the command line and by the API: what is refused and told, and the example of docs/matters.md."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from catalog.matters.findings import WORDS, MatterFaultsError
from catalog.store import find_matter
from hub.access.actors import COMMAND
from hub.clock import BEIJING
from hub.problems import document, problem_of
from hub.registry.sharing import MATTER as MATTER_ADD
from hub.runtime import Hub
from hub.sample.catalogue import matters as sample_matters
from tests.hub.command import yizheng
from tests.serving import problem
from tests.support import AMR, MATTER, Place, matter_definition

pytestmark = pytest.mark.embedded
PAGE = (Path(__file__).parents[2] / "docs/matters.md").read_text(encoding="utf-8")
ASKED = {"zh": "申请人的身份证复印件", "en": "Copy of the identity card"}


def example() -> dict[str, Any]:
    """The page's, of a department of the test's hub."""
    (text,) = re.findall(r"^```yaml\n# file: permit.yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return {**yaml.safe_load(text), "department": AMR}


def written(folder: Path, *definitions: dict[str, Any]) -> str:
    path = folder / "matters.yaml"
    path.write_text(yaml.safe_dump(list(definitions), allow_unicode=True), encoding="utf-8")
    return str(path)


def faulty() -> dict[str, Any]:
    """A draft that asks for a paper that the hub could fetch, and for anything at all."""
    definition = matter_definition()
    first, second, _ = definition["requirements"]
    return definition | {"requirements": [first | {"title": ASKED}, second | {"legal_basis": "按有关规定"}]}


async def test_the_example_of_the_page_is_published_and_read_as_the_page_says(place: Place, tmp_path: Path) -> None:
    file = written(tmp_path, example())
    checked = await yizheng(place, "matter", "lint", file, "--json")
    assert (checked.code, checked.json()) == (0, {"matters": [{"code": "catering_permit", "findings": []}], "usable": True})  # fmt: skip  # noqa: E501
    added = await yizheng(place, "matter", "add", file)
    assert (added.code, added.out, added.err) == (0, "matter catering_permit\n", "")
    options = ("--fact", "premises=自有", "--fact", "staff=3", "--lang", "en")
    told = await yizheng(place, "matter", "guide", "catering_permit", *options, "--on", "2026-11-22")
    assert (told.code, told.err) == (0, "")
    assert f"```text\n{told.out}```" in PAGE

    open_still = await yizheng(place, "matter", "guide", "catering_permit", "--fact", "staff=3", "--json")
    assert [(item["fact"], item["choices"]) for item in open_still.json()["questions"]] == [
        ("premises", [["own", "自有"], ["rented", "租赁"]])
    ]
    clerk = await yizheng(place, "matter", "script", "catering_permit", "--party", "enterprise", "--party", "agent")
    assert "2. 请问：经营场所如何取得？ [自有 / 租赁]" in clerk.out
    approver = await yizheng(place, "matter", "checklist", "catering_permit")
    assert "[?] 经办人身份证 (代理人)\n    经营场所如何取得：租赁，或从业人数大于50; 签发不超过 3650 天" in approver.out


async def test_options_that_the_matter_does_not_take_end_with_what_it_takes(place: Place, tmp_path: Path) -> None:
    async with place.open() as hub:
        await hub.registry.add_matter(example())
    for options, advice in (
        (["--fact", "premises=borrowed"], "rented (租赁 Rented)"),
        (["--fact", "unheard=1"], "premises, staff"),
        (["--fact", "staff=many"], "kind:integer"),
        (["--party", "seller"], "enterprise, agent"),
        (["--on", "tomorrow"], "2026-01-31"),
        (["--lang", "fr"], "zh-CN or en"),
    ):
        done = await yizheng(place, "matter", "guide", "catering_permit", *options)
        assert (done.code, advice in done.err) == (64, True), done.err
    assert (await yizheng(place, "matter", "guide", "NONE")).code == 65


async def test_a_matter_that_asks_for_what_none_may_ask_for_is_not_published(place: Place, tmp_path: Path) -> None:
    file = written(tmp_path, matter_definition() | {"code": "BEFORE"}, faulty())
    checked = await yizheng(place, "matter", "lint", file, "--json")
    assert (checked.code, checked.json()["usable"]) == (65, False)
    found = [(item["requirement"], item["rule"], item["pointer"]) for item in checked.json()["matters"][1]["findings"]]
    assert found == [
        ("licence", "findable", "/requirements/0/alternatives"),
        ("representative", "no_basis", "/requirements/1/legal_basis"),
    ]
    refused = await yizheng(place, "matter", "add", file)
    assert (refused.code, refused.out) == (65, "")
    assert "licence  findable  /requirements/0/alternatives" in refused.err
    async with place.open() as hub:
        assert await hub.database.read(lambda tx: find_matter(tx, "BEFORE")) is None, "nothing of the file"
        with pytest.raises(MatterFaultsError, match=r"licence: findable.*representative: no_basis"):
            await hub.registry.add_matter(faulty())
        _, stored, _ = await hub.database.read(lambda tx: find_matter(tx, MATTER)) or ("", None, "")
        assert stored is not None
        assert stored.requirements[0].title_zh == "营业执照"
        with pytest.raises(MatterFaultsError) as refusal:
            await hub.sharing.proposals.propose(COMMAND, MATTER_ADD, faulty(), "x")
    kind = problem_of(refusal.value)
    body, _ = document(kind, error=refusal.value, language="en", request_id="1", public_url="http://hub")
    assert (kind.slug, [(item["requirement"], item["rule"], item["pointer"]) for item in body["errors"]]) == (
        "invalid-definition",
        found,
    )


async def test_a_warning_is_told_and_published_and_what_closes_a_ring_is_not(place: Place, tmp_path: Path) -> None:
    definition = example() | {"prerequisites": ["nowhere"]}
    licence, agent = definition["requirements"]
    called = agent | {"title": {"zh": "房东的工商执照", "en": "The landlord's licence"}}  # as people call a 营业执照
    draft = definition | {"requirements": [licence, called]}
    done = await yizheng(place, "matter", "add", written(tmp_path, draft), "--json")
    assert (done.code, done.json()) == (0, {"added": ["catering_permit"]})
    assert re.findall(r"^warning \S+  (\w+)", done.err, re.MULTILINE) == ["maybe_findable", "unknown_prerequisite"]
    closing = example() | {"code": "nowhere", "prerequisites": ["catering_permit"]}
    ring = await yizheng(place, "matter", "add", written(tmp_path, closing))
    assert (ring.code, "nowhere → catering_permit → nowhere" in ring.err) == (65, True)


async def test_matters_of_one_file_that_lead_to_each_other_are_found(place: Place, tmp_path: Path) -> None:
    ring = [example() | {"code": one, "prerequisites": [other]} for one, other in (("A", "B"), ("B", "A"))]
    done = await yizheng(place, "matter", "lint", written(tmp_path, *ring))
    assert done.code == 65
    assert "A → B → A" in done.out


async def test_a_draft_is_checked_without_a_hub(place: Place, tmp_path: Path) -> None:
    nowhere = ("--home", str(tmp_path / "none"))
    unreadable = example() | {"requirement": []}
    done = await yizheng(place, "matter", "lint", written(tmp_path, example(), unreadable), *nowhere, "--json")
    assert done.code == 65
    assert "no hub here" in done.err
    assert [[item["rule"] for item in each["findings"]] for each in done.json()["matters"]] == [[], ["shape"]]


async def test_the_api_explains_a_matter_to_whoever_serves_it(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await hub.registry.add_matter(example())
    path = "/api/v1/matters/catering_permit/guide"
    problem(await client.post(path, json={}), status=401, slug="invalid-token")
    headers = await place.headers(client)

    async def asked(**body: Any) -> dict[str, Any]:
        answer = await client.post(path, json=body, headers=headers | {"Accept-Language": "en"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    guide = await asked(facts={"premises": "own", "staff": 51})
    assert [(line["code"], line["fate"]) for line in guide["spared"]] == [
        ("catering_licence", "fetched"),
        ("catering_agent", "fetched"),
    ]
    assert guide["on"] == datetime.now(UTC).astimezone(BEIJING).date().isoformat()
    alone = await asked(kind="script", parties=["enterprise"], facts={"premises": "rented"})
    assert [step["act"] for step in alone["steps"]] == ["greet", "spare", "spare", "close"]
    checks = (await asked(kind="checklist", filed_on="2026-11-22", case_kind="ex_officio"))["checks"]
    assert [item["applies"] for item in checks] == [True, None]

    for body, pointer in (({"facts": {"staff": "3"}}, "/facts/staff"), ({"parties": ["seller"]}, "/parties")):
        answer = await client.post(path, json=body, headers=headers)
        assert problem(answer, status=422, slug="invalid-fact")["errors"][0]["pointer"] == pointer
    for wrong in ({"kind": "poem"}, {"filed_on": "2026-02-30"}):
        problem(await client.post(path, json=wrong, headers=headers), status=422, slug="invalid-request")
    answer = await client.post("/api/v1/matters/NONE/guide", json={}, headers=headers)
    problem(answer, status=404, slug="not-found")


def test_every_finding_is_on_the_page() -> None:
    told = dict.fromkeys(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`.*?) \| (?:error|warning) \|", PAGE, re.MULTILINE))))  # fmt: skip  # noqa: E501
    assert set(told) == {*map(str, WORDS), "shape", "unreadable"}


async def test_the_sample_city_has_no_finding(hub: Hub) -> None:
    found = await hub.registry.matters.lint(sample_matters())
    assert [item.code for each in found for item in each if item.level.value == "error"] == []
