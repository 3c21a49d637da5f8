"""Matters: what a declaration says is what is read, and a slip in it is named."""

from collections.abc import Callable
from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.matters import Need, read_matter

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
