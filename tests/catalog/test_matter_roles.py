"""The roles of a matter: several of one, of which kind; and the keys by which a case tells parties apart."""

from dataclasses import replace
from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.expressions.values import Kind
from catalog.matters.describing import described
from catalog.matters.reading import check_members, read_matter, scope_of
from catalog.matters.roles import RoleRule, keys_of, next_key, number_of, party_key, role_of
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput, check_agents, check_roles, each_party, numbered, seated
from tests.support import matter_definition

ROLES: list[Any] = [
    "applicant",
    {"role": "seller", "many": True, "kinds": ["111"]},
    {"role": "ancestor", "deceased": True},
    {"role": "proxy", "agent": True},
]
ANNA, BODO = "99010219880305021X", "990103197907090330"


def declared(**changes: Any) -> dict[str, Any]:
    return matter_definition() | {"roles": [*ROLES, "agent"]} | changes


def test_a_role_says_who_may_have_it_and_a_plain_one_takes_anybody_once() -> None:
    matter = read_matter(declared(accept_days=5, decide_days=20))
    check_members(declared())
    assert matter.roles == ("applicant", "seller", "ancestor", "proxy", "agent")
    assert matter.rules["seller"] == RoleRule(many=True, kinds=("111",))
    assert (matter.accept_days, matter.decide_days) == (5, 20)
    assert described(matter)["role_rules"]["seller"] == {"many": True, "kinds": ["111"]}
    assert "role_rules" not in described(read_matter(matter_definition()))
    scope = scope_of(matter.roles, matter.facts, matter.rules)
    assert scope["parties.seller.count"] is Kind.INTEGER
    assert "parties.seller.id_type" not in scope, "several have no one kind"


@pytest.mark.parametrize(
    "roles",
    [
        ["applicant", "applicant", "agent"],
        ["applicant", "seller#2", "agent"],
        ["applicant", {"role": "s" * 31, "many": True}, "agent"],
        ["applicant", {"role": "seller", "many": "yes"}, "agent"],
        ["applicant", {"role": "seller", "kinds": "111"}, "agent"],
        ["applicant", {"role": "proxy", "agent": True, "deceased": True}, "agent"],
        [],
        "applicant",
        [{"many": True}],
    ],
)
def test_roles_that_say_nothing_or_cannot_be_told_apart_are_refused(roles: object) -> None:
    with pytest.raises(DefinitionError):
        read_matter(declared(roles=roles))


def test_a_misspelt_rule_of_a_role_is_no_rule() -> None:
    with pytest.raises(DefinitionError, match="role seller: unknown manny"):
        check_members(declared(roles=["applicant", {"role": "seller", "manny": True}, "agent"]))


def test_the_role_of_whom_the_hub_names_is_no_matters_own() -> None:
    for role in ("acting_agent", {"role": "acting_agent", "agent": True}):
        with pytest.raises(DefinitionError, match="the hub alone"):
            check_members(declared(roles=["applicant", role, "seller"]))


def test_who_shows_a_code_for_somebody_acts_for_no_agent() -> None:
    matter, agent = read_matter(declared()), PartyInput("", "吴邻居", "111", ANNA, "applicant", "e_mandate")
    assert seated(matter, ["applicant", "proxy"], [agent])[0] == ["acting_agent"]
    with pytest.raises(PartyError, match="an_agent_too"):
        seated(matter, ["applicant", "proxy"], [replace(agent, acts_for="proxy")])


def test_parties_of_one_role_are_numbered_in_order_and_a_number_is_not_given_twice() -> None:
    keys = numbered(["seller", "applicant", "seller", "seller"])
    assert keys == ["seller", "applicant", "seller#2", "seller#3"]
    assert keys_of("seller", {*keys, "seller#10"}) == ["seller", "seller#2", "seller#3", "seller#10"]
    assert next_key("seller", {"applicant", "seller#3"}) == "seller#4"
    assert [(role_of(key), number_of(key)) for key in keys[1:3]] == [("applicant", 1), ("seller", 2)]
    assert party_key("seller", 1) == "seller"


def seller(number: str | None = ANNA, kind: str | None = "111") -> PartyInput:
    return PartyInput("seller", "陈晓示", kind, number)


APPLICANT = PartyInput("applicant", "陈晓示")
PROXY = PartyInput("proxy", "陈晓示", "111", ANNA, "applicant", "mandate_paper")
PAPER = {"kind": "mandate_paper", "at": "2026-11-22T09:00:00+08:00", "reference": "授权委托书"}


@pytest.mark.parametrize(
    ("parties", "pointer", "rule"),
    [
        ([seller("91990100MA0000001P", "001")], "/parties/1/id_type", "wrong_kind"),
        ([seller(None, None)], "/parties/1/id_number", "missing"),
        ([PartyInput("ancestor", "陈晓示")], "/parties/1/id_number", "missing"),
        ([PartyInput("agent", "一"), PartyInput("agent", "二")], "/parties/2/role", "repeated_role"),
        ([PartyInput("buyer", "一")], "/parties/1/role", "unknown_role"),
        ([PartyInput("agent", "一")] * 20, "/parties", "at_most:20"),
    ],
)
def test_whom_a_role_does_not_take_is_refused(parties: list[PartyInput], pointer: str, rule: str) -> None:
    matter = read_matter(declared())
    with pytest.raises(PartyError) as caught:
        check_roles(matter, [APPLICANT, *parties])
    assert (caught.value.pointer, caught.value.rule) == (pointer, rule)


def test_a_role_of_several_takes_nobody_twice_and_one_person_may_have_two_roles() -> None:
    from datetime import date

    from hub.sample.numbers import citizen_id

    one, two = (citizen_id("990102", date(1988, 3, 5), serial) for serial in (21, 22))
    matter = read_matter(declared())
    check_roles(matter, [APPLICANT, seller(one), seller(two), PartyInput("agent", "陈晓示", "111", one)])
    with pytest.raises(PartyError) as caught:
        check_roles(matter, [APPLICANT, seller(one), seller(one)])
    assert (caught.value.pointer, caught.value.rule) == ("/parties/2/id_number", "repeated_party")


def test_a_requirement_of_a_role_of_several_is_asked_of_each() -> None:
    matter = read_matter(declared(requirements=[item | {"party": "seller"} for item in declared()["requirements"]]))
    asked = each_party(matter, matter.requirements[:1], ["applicant", "seller", "seller#2"])
    assert [item.party for item in asked] == ["seller", "seller#2"]
    assert [item.party for item in each_party(matter, matter.requirements[:1], ["applicant"])] == ["seller"]
    (one,) = each_party(matter, matter.requirements[:1], ["seller", "seller#2"], only="seller#2")
    assert (one.code, one.party) == ("licence", "seller#2")


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"acts_for": None}, "/parties/1/acts_for", "missing"),
        ({"acts_for": "seller"}, "/parties/1/acts_for", "no_such_party"),
        ({"acts_for": "proxy"}, "/parties/1/acts_for", "an_agent_too"),
        ({"mandate": None}, "/parties/1/mandate", "missing"),
        ({"mandate": "card_read"}, "/parties/1/mandate", "missing"),
        ({"mandate": "e_mandate"}, "/parties/1/mandate", "not_corroborated"),
    ],
)
def test_an_agent_acts_for_somebody_by_a_mandate_that_something_shows(
    changes: dict[str, Any], pointer: str, rule: str
) -> None:
    matter = read_matter(declared())
    check_agents(matter, ["applicant", "proxy"], [APPLICANT, PROXY], [PAPER])
    proxy = PartyInput(**{name: getattr(PROXY, name) for name in PartyInput.__slots__} | changes)
    with pytest.raises(PartyError) as caught:
        check_agents(matter, ["applicant", "proxy"], [APPLICANT, proxy], [PAPER])
    assert (caught.value.pointer, caught.value.rule) == (pointer, rule)
