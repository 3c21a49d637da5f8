"""What a matter says may stand in: read as written, refused where it would pass for more than it is."""

from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.expressions.values import Kind
from catalog.matters.asking import Known, KnownDepartment, KnownType
from catalog.matters.describing import described
from catalog.matters.linting import lint
from catalog.matters.reading import check_members, read_matter
from catalog.matters.standing_in import Assurance
from tests.catalog.test_matters import LICENCE, declaration, requirement

COMMITMENT = {
    "template": "kin_v1",
    "due_days": 20,
    "legal_basis": "优化营商环境条例第四十条",
    "consequence": {"zh": "撤销许可", "en": "the permit is taken back"},
}
POLICE = "11990000MB0000003U"
VERIFICATION = {
    "department": POLICE,
    "days": 3,
    "form": {"kin": "boolean", "since": {"kind": "date", "title": {"zh": "自何时", "en": "Since"}}},
    "reusable_days": 90,
}
ALL = {"commitment": COMMITMENT, "sealed_copy": True, "verification": VERIFICATION}


def matter(**changes: Any) -> dict[str, Any]:
    return declaration(requirements=[requirement(**changes)])


def test_stand_ins_are_read_as_written_and_told_to_systems() -> None:
    definition = matter(stand_ins=ALL, alternatives=[], own_paper={"zh": "亲属关系声明", "en": "Statement of kinship"})
    check_members(definition)
    (item,) = read_matter(definition).requirements
    rules = item.stand_ins
    assert rules.verification is not None
    assert rules.commitment is not None
    assert [(field.code, field.kind) for field in rules.verification.form] == [
        ("kin", Kind.BOOLEAN),
        ("since", Kind.DATE),
    ]
    assert (rules.verification.days, rules.commitment.due_days, rules.sealed_copy, rules.copy_days) == (
        3,
        20,
        True,
        180,
    )
    assert (item.assurance, item.own_paper_zh) == (Assurance.LOW, "亲属关系声明")
    (told,) = described(read_matter(definition))["requirements"]
    assert told["stand_ins"]["verification"]["form"][1]["title"] == {"zh": "自何时", "en": "Since"}
    assert told["stand_ins"]["sealed_copy"] == {"reusable_days": 180}
    assert "stand_ins" not in described(read_matter(matter()))["requirements"][0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"assurance": "high", "stand_ins": {"sealed_copy": True}}, "nothing stands in where assurance is high"),
        ({"assurance": "high", "stand_ins": ALL}, "nothing stands in"),
        ({"assurance": "substantial", "stand_ins": ALL}, "only where assurance is low"),
        ({"assurance": "certain"}, "assurance is one of"),
        ({"alternatives": []}, "needs an alternative"),
        ({"stand_ins": {"promise": True}}, "unknown promise"),
        ({"stand_ins": {"sealed_copy": "yes"}}, "sealed_copy is true"),
        ({"stand_ins": {"verification": VERIFICATION | {"form": {}}}}, "1 to 20 fields"),
        ({"stand_ins": {"verification": VERIFICATION | {"form": {"kin": "person"}}}}, "kind is one of"),
        ({"stand_ins": {"verification": VERIFICATION | {"days": True}}}, "whole number"),
        ({"stand_ins": {"commitment": COMMITMENT | {"due_days": 0}}}, "whole number from 1"),
        ({"stand_ins": {"commitment": {"template": "x"}}}, "due_days|consequence"),
        ({"own_paper": {"zh": "声明"}}, "own_paper/en"),
    ],
)
def test_what_says_too_much_or_nothing_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        read_matter(matter(**changes))


def test_the_linter_knows_stand_ins() -> None:
    licence = KnownType(LICENCE, "营业执照", "Business licence", frozenset({"name", "uscc"}), (POLICE,))
    known = Known({LICENCE: licence}, {POLICE: KnownDepartment("公安局", "Police")})

    def found(**changes: Any) -> dict[str, str]:
        title = {"zh": "亲属关系声明", "en": "Statement"}
        read = read_matter(matter(**{"title": title, "alternatives": [], **changes}))
        return {item.code: item.pointer for item in lint(read, known, ())}

    assert found(stand_ins=ALL) == {}
    assert found(own_paper={"zh": "其他材料", "en": "Statement"}) == {
        "catch_all_wording": "/requirements/0/own_paper/zh"
    }
    # What the hub could fetch is no paper of one's own.
    assert "findable" in found(own_paper={"zh": "营业执照", "en": "Licence"})
    unfounded = COMMITMENT | {"legal_basis": "依照有关规定"}
    assert "promise_without_basis" in found(stand_ins={"commitment": unfounded})
    assert "unknown_verifier" in found(stand_ins={"verification": VERIFICATION | {"department": "nobody"}})
