"""Matters: what a declaration says is what is read, and a slip in it is named."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.matters.applying import listed, questions
from catalog.matters.reading import check_members, read_matter
from catalog.matters.values import Matter, Need

LICENCE = "11990000MB0000002Q001"
IDENTITY = "11990000MB0000003U001"


def requirement(**changes: Any) -> dict[str, Any]:
    return {
        "code": "licence",
        "title": {"zh": "营业执照", "en": "Business licence"},
        "party": "applicant",
        "legal_basis": "食品经营许可和备案管理办法",
        "alternatives": [
            [{"type": LICENCE, "fields": ["name", "uscc"]}, {"type": IDENTITY, "fields": ["name"]}],
            [{"type": LICENCE, "fields": ["name"]}],
        ],
    } | changes


def declaration(**changes: Any) -> dict[str, Any]:
    return {
        "code_system": "test",
        "code": "FOOD",
        "name": {"zh": "食品经营许可", "en": "Food business permit"},
        "department": "11990000MB0000002Q",
        "roles": ["applicant", "agent"],
        "requirements": [requirement()],
    } | changes


def refusal(definition: Any) -> str:
    with pytest.raises(DefinitionError) as caught:
        read_matter(definition)
    return str(caught.value)


def test_a_declaration_is_read_in_its_order() -> None:
    matter = read_matter(declaration(requirements=[requirement(), requirement(code="agent", party="agent")]))
    assert (matter.code_system, matter.code, matter.name_zh, matter.name_en) == (
        "test",
        "FOOD",
        "食品经营许可",
        "Food business permit",
    )
    assert matter.department_code == "11990000MB0000002Q"
    assert matter.roles == ("applicant", "agent")
    assert [item.code for item in matter.requirements] == ["licence", "agent"]
    first = matter.requirements[0]
    assert first.alternatives == (
        (Need(LICENCE, ("name", "uscc")), Need(IDENTITY, ("name",))),
        (Need(LICENCE, ("name",)),),
    )
    assert first.party == "applicant"
    assert first.legal_basis == "食品经营许可和备案管理办法"


def test_types_are_listed_once_in_the_order_they_are_tried() -> None:
    (first,) = read_matter(declaration()).requirements
    assert first.type_codes() == (LICENCE, IDENTITY)


def test_a_title_is_english_for_en_and_chinese_for_everyone_else() -> None:
    (first,) = read_matter(declaration()).requirements
    assert first.title("en") == "Business licence"
    assert first.title("zh-CN") == first.title("fr") == "营业执照"


def test_a_requirement_is_found_by_its_code_and_an_unlisted_one_is_none() -> None:
    matter = read_matter(declaration())
    assert matter.requirement("licence") is matter.requirements[0]
    assert matter.requirement("passport") is None


@pytest.mark.parametrize("name", ["code_system", "code", "name", "department", "roles", "requirements"])
def test_a_missing_field_is_named(name: str) -> None:
    definition = declaration()
    del definition[name]
    assert refusal(definition) == f"matter: '{name}'"


@pytest.mark.parametrize("name", ["code", "title", "party", "legal_basis", "alternatives"])
def test_a_missing_field_of_a_requirement_is_named(name: str) -> None:
    item = requirement()
    del item[name]
    assert refusal(declaration(requirements=[item])) == f"matter: '{name}'"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"roles": "applicant"}, "matter: roles must be a list of texts"),
        ({"roles": [1]}, "matter: roles must be a list of texts"),
        ({"roles": 1}, "matter: roles must be a list of texts"),
        ({"code": 7}, "matter: code must be a text"),
        ({"code": " "}, "matter: code must be a text"),
        ({"name": {"zh": "", "en": "x"}}, "matter: name/zh must be a text"),
        ({"department": None}, "matter: department must be a text"),
    ],
)
def test_a_field_of_another_kind_is_named(changes: dict[str, Any], where: str) -> None:
    assert refusal(declaration(**changes)) == where


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "x" * 65},
        {"code": "a/b"},
        {"code": "a\x00"},
        {"code_system": "x" * 41},
        {"requirements": [requirement(code="x" * 65)]},
        {"requirements": [requirement(material="x" * 101)]},
    ],
)
def test_what_no_row_or_path_could_carry_is_not_published(changes: dict[str, Any]) -> None:
    read_matter(declaration(**changes))  # what an earlier release took still reads
    with pytest.raises(DefinitionError, match=r"has at most|has no spaces"):
        check_members(declaration(**changes))


def test_fields_given_as_one_text_are_not_read_as_letters() -> None:
    item = requirement(alternatives=[[{"type": LICENCE, "fields": "name"}]])
    assert refusal(declaration(requirements=[item])) == "need: fields must be a list of texts"


@pytest.mark.parametrize("alternatives", [[], [[]], [[{"type": LICENCE, "fields": []}], []]])
def test_a_requirement_that_nothing_could_meet_is_refused(alternatives: list[Any]) -> None:
    message = refusal(declaration(requirements=[requirement(alternatives=alternatives)]))
    assert message == "requirement licence: it needs an alternative, and each a need"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"requirements": [requirement(), requirement()]}, "matter: two requirements have the same code"),
        ({"requirements": []}, "matter: it needs at least one role and one requirement"),
        ({"roles": []}, "matter: it needs at least one role and one requirement"),
        ({"roles": ["agent"]}, "matter: requirements concern unknown roles ['applicant']"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    assert refusal(declaration(**changes)) == message


@pytest.mark.parametrize("spoil", [lambda _: None, lambda _: [], lambda _: "matter", lambda whole: [whole]])
def test_what_is_no_declaration_at_all_is_refused(spoil: Callable[[Any], Any]) -> None:
    assert refusal(spoil(declaration())).startswith("matter: ")


RULED = requirement(
    code="spouse",
    party="agent",
    when='facts.marital == "married" && parties.agent.present',
    in_force_from="2026-03-01",
    in_force_until=date(2026, 12, 31),
    none_clears=False,
    max_age_days=30,
    papers=2,
)
MARITAL = {
    "kind": "text",
    "title": {"zh": "婚姻状况", "en": "Marital status"},
    "choices": [{"value": "married", "zh": "已婚", "en": "Married"}, {"value": "single", "zh": "未婚", "en": "Single"}],
}


def ruled(**facts: Any) -> Matter:
    return read_matter(declaration(requirements=[requirement(), RULED], facts={"marital": MARITAL} | facts))


def test_conditions_dates_and_facts_are_read() -> None:
    matter = ruled()
    spouse = matter.requirements[1]
    assert (spouse.none_clears, spouse.max_age_days, spouse.papers) == (False, 30, 2)
    assert [spouse.in_force(date(2026, month, day)) for month, day in ((2, 28), (3, 1), (12, 31))] == [
        False,
        True,
        True,
    ]
    assert not spouse.in_force(date(2027, 1, 1))
    assert [choice.value for choice in matter.facts["marital"].choices] == ["married", "single"]
    assert matter.requirements[0].when is None


@pytest.mark.parametrize(
    ("values", "applies"),
    [
        ({"facts.marital": "married", "parties.agent.present": True}, True),
        ({"facts.marital": "single"}, False),
        ({"parties.agent.present": False}, False),
        ({"parties.agent.present": True}, None),
        ({}, None),
    ],
)
def test_a_requirement_applies_by_what_is_known(values: dict[str, Any], applies: bool | None) -> None:  # noqa: FBT001
    found = listed(ruled(), values, on=date(2026, 6, 1))
    assert [item.applies.value for item in found] == [True, applies]
    assert questions(ruled(), found) == (("marital",) if applies is None else ())
    assert len(listed(ruled(), values, on=date(2026, 1, 1))) == 1


def test_the_question_that_settles_most_is_asked_first() -> None:
    second = {"kind": "boolean", "title": {"zh": "首套", "en": "First home"}}
    both = [requirement(code=f"r{place}", when="facts.first") for place in range(2)]
    matter = read_matter(
        declaration(requirements=[RULED, *both], facts={"marital": MARITAL, "first": second, "unused": second})
    )
    assert questions(matter, listed(matter, {}, on=date(2026, 6, 1))) == ("first", "marital")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"when": "facts.unheard"}, "requirement licence: when: character 1: it may not read facts.unheard"),
        ({"when": "facts.marital"}, "is text"),
        ({"in_force_from": "1.3.2026"}, "in_force_from is a day"),
        ({"in_force_from": "2026-03-02", "in_force_until": "2026-03-01"}, "is before"),
        ({"max_age_days": 0}, "max_age_days"),
        ({"papers": True}, "papers"),
        ({"none_clears": "no"}, "none_clears"),
    ],
)
def test_a_slip_in_a_rule_is_named(changes: dict[str, Any], named: str) -> None:
    definition = declaration(requirements=[requirement(**changes)], facts={"marital": MARITAL})
    assert named in refusal(definition)


@pytest.mark.parametrize(
    ("fact", "named"),
    [
        ({"kind": "number"}, "kind is one of boolean"),
        ({"kind": "boolean"}, "only texts have choices"),
        ({"choices": [MARITAL["choices"][0]] * 2}, "the same value"),  # type: ignore[index]
    ],
)
def test_a_slip_in_a_fact_is_named(fact: dict[str, Any], named: str) -> None:
    assert named in refusal(declaration(facts={"marital": MARITAL | fact}))
    assert "small letters" in refusal(declaration(facts={"Marital": MARITAL}))


@pytest.mark.parametrize(
    "definition",
    [
        declaration(requirement=[]),
        declaration(requirements=[requirement(wen="true")]),
        declaration(facts={"marital": MARITAL | {"choice": []}}),
    ],
)
def test_a_member_that_nobody_knows_is_refused_when_it_is_published(definition: dict[str, Any]) -> None:
    read_matter(definition)  # what was published before there was such a rule stays what it is
    with pytest.raises(DefinitionError, match="unknown"):
        check_members(definition)
