"""One form of several matters: merged by shared terms, filled from what was verified, nothing chosen silently."""

from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.expressions.values import Kind
from catalog.forms.filling import Filled, Said, State, checked_answers, fill
from catalog.forms.merging import OneField, Part, merge
from catalog.forms.reading import read_form
from catalog.forms.terms import shared_terms
from catalog.forms.values import Form
from certificates.definitions.loading import load_type
from tests.support import TYPES

ROLES = ("owner", "agent")
TITLE = {"zh": "经营期限", "en": "Years"}
SELF = {role: (role,) for role in ROLES}


def form(*fields: dict[str, Any], **more: Any) -> Form:
    given: dict[str, Any] = {"roles": ROLES, "facts": {"rented": Kind.BOOLEAN}, "requirements": ("licence",)} | more
    return read_form(list(fields), given.pop("signers", None), **given)


def merged(*forms: Form, parties: dict[str, tuple[str, ...]] | None = None) -> dict[str, OneField]:
    parts = [Part(f"M{number}", item, parties or SELF) for number, item in enumerate(forms, 1)]
    return {item.key: item for item in merge(parts)}


def filled(fields: dict[str, OneField], *said: Said, **answers: Any) -> dict[str, Filled]:
    given = {name.replace("__", "."): value for name, value in answers.items()}
    return {item.field.key: item for item in fill(tuple(fields.values()), said, given)}


def licence(matter: str = "M1", party: str = "owner", slug: str = "business_licence", **claims: Any) -> Said:
    return Said(matter, party, claims, {"department": slug}, slug=slug, requirement="licence")


def test_every_claim_that_a_term_names_is_one_of_its_type() -> None:
    types = {path.stem: load_type(path.read_text(encoding="utf-8")) for path in TYPES.glob("*.yaml")}
    for term in shared_terms().values():
        for slug, claims in term.given.items():
            assert set(claims) <= set(types[slug].claims), (term.code, slug)
            for claim in claims:
                wanted = {"date": Kind.DATE, "integer": Kind.INTEGER, "decimal": Kind.DECIMAL}
                found = types[slug].claims[claim].format
                assert wanted.get(found, Kind.TEXT) is term.kind, (term.code, slug, claim)


def test_same_term_and_same_party_are_one_field() -> None:
    first = form({"field": "name", "term": "company_name"}, {"field": "years", "kind": "integer", "title": TITLE})
    second = form(
        {"field": "firm", "term": "company_name", "required": False},
        {"field": "by", "term": "company_name", "party": "agent"},
        {"field": "years", "kind": "text", "title": TITLE, "required": False},
    )
    found = merged(first, second)
    assert list(found) == ["owner.company_name", "owner.M1.years", "owner.M2.years", "agent.company_name"]
    assert (found["owner.company_name"].matters, found["owner.company_name"].required) == (("M1", "M2"), True)
    one = merged(first, second, parties={"owner": ("boss", "boss#2"), "agent": ()})
    assert [key for key in one if "company_name" in key] == ["boss.company_name", "boss#2.company_name"]


def test_choices_that_have_nothing_in_common_clash() -> None:
    def of(*values: str) -> Form:
        choices = [{"value": value, "zh": value, "en": value} for value in values]
        return form({"field": "sex", "term": "sex", "choices": choices})

    assert [item.value for item in merged(of("男", "女"), of("女", "其他"))["owner.sex"].choices] == ["女"]
    with pytest.raises(DefinitionError, match=r"owner\.sex of M1 and M2: no choice that both take"):
        merged(of("男"), of("女"))


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (
            {"field": "name", "term": "company_name", "kind": "integer"},
            "it is integer, and its term company_name is text",
        ),
        ({"field": "name", "term": "nothing_such"}, "no such term"),
        ({"field": "name", "title": TITLE, "kind": "number"}, "kind is one of"),
        ({"field": "name", "kind": "text"}, "title/zh must be a text"),
        ({"field": "Name", "term": "company_name"}, "small letters"),
        ({"field": "name", "term": "company_name", "party": "seller"}, "unknown role seller"),
        ({"field": "name", "term": "company_name", "requird": True}, "unknown requird"),
        ({"field": "name", "term": "company_name", "fact": "rented"}, "no question rented of its kind"),
        ({"field": "n", "title": TITLE, "given": [{"requirement": "x", "claim": "y"}]}, "unknown requirement x"),
    ],
)
def test_what_is_wrong_with_a_form_is_told_when_it_is_published(field: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        form(field)


def test_a_form_takes_at_most_two_signatures() -> None:
    field = {"field": "name", "term": "company_name"}
    assert form(field).signers == ("owner",)
    assert form(field, signers=["agent", "owner"]).signers == ("agent", "owner")
    for wrong in (["seller"], [], ["owner", "owner"], ["a", "b", "c"]):
        with pytest.raises(DefinitionError, match="signatures are of one or 2"):
            form(field, signers=wrong, roles=("owner", "a", "b", "c"))


def test_a_form_is_filled_with_who_said_so_and_only_the_rest_is_asked() -> None:
    fields = merged(
        form({"field": "name", "term": "company_name"}, {"field": "phone", "term": "phone"}),
        form({"field": "rented", "kind": "boolean", "title": TITLE, "fact": "rented"}),
    )
    facts = Said("M2", "", {"rented": False}, {"kind": "answer"}, facts=True)
    stranger = licence(party="agent", name="另一家")
    found = filled(fields, licence(name="晨光（示例）"), licence("M2", name="晨光(示例)"), facts, stranger)
    name = found["owner.company_name"]
    assert (name.state, name.value, name.records[0].origins) == (
        State.FILLED, "晨光（示例）", ({"department": "business_licence"},),
    )  # fmt: skip
    assert (found["owner.M2.rented"].state, found["owner.M2.rented"].value) == (State.FILLED, False)
    assert [item.field.key for item in found.values() if item.open] == ["owner.phone"]


def test_sources_that_differ_both_stand_there_until_the_person_says_which() -> None:
    fields = merged(form({"field": "address", "term": "company_address"}))
    said = (licence(address="中心路1号"), licence(slug="food_business_licence", address="中心路2号"))
    key = "owner__company_address"
    conflict = filled(fields, *said)["owner.company_address"]
    assert (conflict.state, conflict.value, conflict.open) == (State.CONFLICT, None, True)
    assert {item.value: item.origins[0]["department"] for item in conflict.records} == {
        "中心路1号": "business_licence", "中心路2号": "food_business_licence",
    }  # fmt: skip
    chosen = filled(fields, *said, **{key: "中心路2号"})["owner.company_address"]
    assert (chosen.state, chosen.value, len(chosen.records)) == (State.CHOSEN, "中心路2号", 2)
    changed = filled(fields, *said, **{key: "中心路3号"})["owner.company_address"]
    assert (changed.state, changed.value, len(changed.records), changed.open) == (State.CHANGED, "中心路3号", 2, False)
    assert filled(fields, **{key: "中心路3号"})["owner.company_address"].state is State.ANSWERED


def test_a_requirement_of_the_matter_fills_what_no_term_does() -> None:
    field = {
        "field": "years",
        "kind": "integer",
        "title": TITLE,
        "given": [{"requirement": "licence", "claim": "years"}],
    }
    fields = merged(form(field), form(field))
    found = filled(fields, Said("M1", "owner", {"years": 5}, {}, requirement="licence"))
    assert (found["owner.M1.years"].value, found["owner.M2.years"].state) == (5, State.ASKED)
    # what a record says in no form of its kind is no value, and is not guessed at
    assert filled(fields, Said("M1", "owner", {"years": "5"}, {}, requirement="licence"))["owner.M1.years"].open


@pytest.mark.parametrize(
    ("kind", "value", "wrong"),
    [
        ("text", " 甲 ", ""), ("text", "x" * 2001, "kind:text"), ("text", ["x"], "kind:text"),
        ("integer", 3, ""), ("integer", True, "kind:integer"), ("integer", 2**60, "kind:integer"),
        ("decimal", "1.50", ""), ("decimal", "NaN", "kind:decimal"), ("decimal", "1e99", "kind:decimal"),
        ("date", "2026-02-28", ""), ("date", "2026-02-30", "kind:date"), ("boolean", 1, "kind:boolean"),
        ("texts", ["a"], ""), ("texts", "a", "kind:texts"),
    ],
)  # fmt: skip
def test_an_answer_is_of_its_kind(kind: str, value: Any, wrong: str) -> None:
    fields = merged(form({"field": "x", "kind": kind, "title": TITLE}))
    found, (key, rule) = checked_answers(tuple(fields.values()), {"owner.M1.x": value})
    assert (rule, key) == (wrong, "owner.M1.x" if wrong else "")
    assert bool(found) is not bool(wrong)


def test_an_answer_to_no_field_is_refused_without_repeating_its_name() -> None:
    fields = tuple(merged(form({"field": "sex", "term": "sex"})).values())
    assert checked_answers(fields, {"owner.secret": "x"}) == ({}, ("", "unknown_field"))
    assert checked_answers(fields, {"owner.sex": None}) == ({}, ("", ""))
