"""Situations: one choice that answers several questions, in guide, script and what a case may be told."""

from datetime import date
from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.matters.asking import Known
from catalog.matters.describing import described
from catalog.matters.guiding import guide, script
from catalog.matters.lines import Setting
from catalog.matters.linting import lint
from catalog.matters.reading import check_members, read_matter
from tests.support import matter_definition

DAY = date(2026, 11, 23)
FACTS: dict[str, Any] = {
    "premises": {
        "kind": "text",
        "title": {"zh": "经营场所", "en": "Premises"},
        "choices": [{"value": "own", "zh": "自有", "en": "Own"}, {"value": "rented", "zh": "租赁", "en": "Rented"}],
    },
    "staff": {"kind": "integer", "title": {"zh": "从业人数", "en": "Staff"}},
}
SHOP = {"code": "shop", "title": {"zh": "小店", "en": "A small shop"}, "sets": {"premises": "rented", "staff": 3}}


def declaration(*situations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    definition = matter_definition()
    licence, *others = definition["requirements"]
    rule = {"when": 'facts.premises == "rented" && facts.staff > 5'}
    return definition | {
        "facts": FACTS, "requirements": [licence | rule, *others], "situations": list(situations),
    } | changes  # fmt: skip


def test_a_situation_is_offered_until_its_questions_are_answered() -> None:
    definition = declaration(SHOP)
    check_members(definition)
    matter = read_matter(definition)
    open_still = guide(matter, Setting({}, DAY), Known(), "en")
    assert open_still.situations == (
        {"code": "shop", "title": "A small shop", "sets": {"premises": "rented", "staff": 3}},
    )
    asks = [
        step for step in script(matter, Setting({}, DAY), Known(), "zh-CN").steps if step.act in {"situation", "ask"}
    ]
    assert next((step.say, step.choices) for step in asks) == ("请问属于哪种情形？", (("shop", "小店"),))
    assert [step.fact for step in asks] == ["", "premises", "staff"]
    answered = guide(matter, Setting({"premises": "rented", "staff": 3}, DAY), Known(), "en")
    assert (answered.situations, [line.code for line in answered.spared]) == ((), ["licence"])
    assert described(matter)["situations"][0]["title"] == {"zh": "小店", "en": "A small shop"}
    chinese = read_matter(declaration(SHOP | {"title": {"zh": "小店", "en": "小店"}}))
    assert ("english_missing", "/situations/0/title/en") in {
        (item.code, item.pointer) for item in lint(chinese, Known(), [])
    }


@pytest.mark.parametrize(
    ("situations", "told"),
    [
        ([SHOP, SHOP], "two situations have the same code"),
        ([SHOP | {"sets": {}}], "situation shop: it sets no fact"),
        ([SHOP | {"sets": {"unheard": 1}}], "situation shop: there is no fact unheard"),
        ([SHOP | {"sets": {"premises": "borrowed"}}], "situation shop: premises cannot be answered so"),
        ([SHOP | {"sets": {"staff": True}}], "situation shop: staff cannot be answered so"),
        ([SHOP | {"sets": {"staff": "3"}}], "situation shop: staff cannot be answered so"),
        ([{"code": "shop"}], "matter: 'sets'"),
    ],
)
def test_a_situation_that_answers_nothing_is_refused(situations: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        read_matter(declaration(*situations))


def test_days_of_a_version_are_days_and_in_order() -> None:
    for changes in ({"in_force_from": "soon"}, {"in_force_from": "2027-01-02", "in_force_until": "2027-01-01"}):
        with pytest.raises(DefinitionError, match="in_force"):
            read_matter(declaration(**changes))
    with pytest.raises(DefinitionError, match="unknown sett"):
        check_members(declaration(SHOP | {"sett": 1}))
