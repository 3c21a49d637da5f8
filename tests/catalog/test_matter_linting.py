"""The linter: each finding beside a matter that differs in that alone; no-ask rules; conditions that are settled."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from catalog.expressions.compiling import compile_expression
from catalog.expressions.evaluating import evaluate
from catalog.matters.asking import (
    Known,
    KnownDepartment,
    KnownType,
    NoAsk,
    asking_objection,
    core_title,
    empty_title,
    publishing_objections,
    unfounded,
)
from catalog.matters.findings import WORDS, Level, MatterFaultsError, errors
from catalog.matters.linting import lint
from catalog.matters.reading import read_matter, scope_of
from catalog.matters.settling import Always, settled
from catalog.matters.values import Matter

MARKET, POLICE, FORMER = "11990000MB0000002Q", "11990000MB0000003U", "11990000MB0000009E"
LICENCE, IDENTITY, TITLE, DEED = f"{MARKET}001", f"{POLICE}001", "11990000MB00000052001", "11990000MB00000052002"
KNOWN = Known(
    {
        LICENCE: KnownType(LICENCE, "营业执照", "Business licence", frozenset({"name", "uscc"}), (FORMER,)),
        IDENTITY: KnownType(IDENTITY, "居民身份证（第二代）", "Identity card", frozenset({"name"}), (POLICE,)),
        TITLE: KnownType(
            TITLE, "不动产权证书", "Real-estate title", frozenset({"no"}), (POLICE,), kinds={"no": "string"}
        ),
        DEED: KnownType(DEED, "契证", "Deed", frozenset({"no"}), elsewhere=True),
    },
    {
        MARKET: KnownDepartment("市场监管局", "Market"),
        POLICE: KnownDepartment("公安局", "Police"),
        FORMER: KnownDepartment("工商局", "Commerce", successor=MARKET),
    },
)


def need(code: str = IDENTITY, *fields: str) -> dict[str, Any]:
    return {"type": code, "fields": list(fields) or ["name"]}


def requirement(**changes: Any) -> dict[str, Any]:
    return {
        "code": "identity",
        "title": {"zh": "身份证明", "en": "Identity"},
        "party": "applicant",
        "legal_basis": "《食品安全法》第三十五条",
        "alternatives": [[need()]],
    } | changes


def matter(*requirements: dict[str, Any], **changes: Any) -> Matter:
    definition = {
        "code_system": "test",
        "code": "FOOD",
        "name": {"zh": "食品经营许可", "en": "Food permit"},
        "department": MARKET,
        "roles": ["applicant", "agent"],
        "requirements": list(requirements) or [requirement()],
    }
    return read_matter(definition | changes)


def giving(code: str, *claims: str) -> Matter:
    form = [{"field": "where", "title": {"zh": "开在哪里", "en": "Where"}}]
    return matter(form=form, results=[{"type": code, "fill": dict.fromkeys(claims, "where")}])


def titled(zh: str, en: str = "Paper", **changes: Any) -> Matter:
    return matter(requirement(title={"zh": zh, "en": en}, **changes))


def ways(*alternatives: list[dict[str, Any]]) -> Matter:
    return matter(requirement(alternatives=list(alternatives)))


def fact(kind: str = "boolean", **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "title": {"zh": "情形", "en": "A fact"}} | changes


def ruled(when: str, **facts: Any) -> Matter:
    choices = [{"value": value, "zh": "某", "en": value} for value in ("own", "rented")]
    return matter(requirement(when=when), facts={"premises": fact("text", choices=choices)} | facts)


def narrowed(code: str, kind: str) -> Matter:
    titles = need(code, "no") | {"where": {"no": "facts.unit"}}
    return matter(requirement(alternatives=[[titles]]), facts={"unit": fact(kind)})


def promised(legal_basis: str) -> Matter:
    words = {"zh": "撤销", "en": "taken back"}
    rule = {"template": "v1", "due_days": 5, "legal_basis": legal_basis, "consequence": words}
    return matter(requirement(stand_ins={"commitment": rule}))


def asking(department: str) -> Matter:
    rule = {"department": department, "days": 3, "form": {"kin": "boolean"}}
    return matter(requirement(stand_ins={"verification": rule}))


def other(code: str, *prerequisites: str) -> Matter:
    return matter(code=code, prerequisites=list(prerequisites))


NARROWER_FIRST = matter(
    requirement(alternatives=[[need(TITLE, "no") | {"where": {"no": "facts.unit"}}], [need(TITLE, "no"), need()]]),
    facts={"unit": fact("text")},
)
OTHERS = (other("B", "C"), other("C", "FOOD"), other("D"), other("FOOD"))
TABLE: list[tuple[str, str, Matter, Matter]] = [
    (NoAsk.NO_BASIS, "/requirements/0/legal_basis", matter(requirement(legal_basis="依照有关规定")), matter()),
    (NoAsk.NO_BASIS, "/requirements/0/title/zh", titled("法律法规规定的其他材料"), titled("其他股东的同意书")),
    (
        NoAsk.OWN_DEPARTMENT,
        "/requirements/0/alternatives",
        titled("申请人的营业执照副本复印件（加盖公章）"),
        titled("营业执照", alternatives=[[need(LICENCE)]]),
    ),
    (NoAsk.FINDABLE, "/requirements/0/alternatives", titled("经办人身份证", alternatives=[[need(LICENCE)]]), matter()),
    (
        NoAsk.SUBMITTED,
        "/requirements/1",
        matter(requirement(), requirement(code="again", title={"zh": "申请人身份证明", "en": "x"})),
        matter(requirement(), requirement(code="again", party="agent")),
    ),
    ("circular", "/prerequisites/0", matter(prerequisites=["B"]), matter(prerequisites=["D"])),
    ("circular", "/prerequisites/1", matter(prerequisites=["D", "FOOD"]), matter(prerequisites=["D"])),
    (
        "never_applies",
        "/requirements/0/when",
        ruled('facts.premises == "bought"'),
        ruled('facts.premises == "rented"'),
    ),
    (
        "always_applies",
        "/requirements/0/when",
        ruled('facts.premises in ["own", "rented"]'),
        ruled('facts.premises in ["own"]'),
    ),
    (
        "maybe_findable",
        "/requirements/0/alternatives",
        titled("租赁房屋的不动产权证书或者合同"),
        titled("租赁房屋的不动产权证书或者合同", alternatives=[[need(TITLE, "no")]]),
    ),
    ("catch_all_wording", "/requirements/0/title/zh", titled("身份证明等材料"), titled("材料清单")),
    ("catch_all_wording", "/requirements/0/title/zh", titled("证明材料"), titled("材料清单")),
    ("catch_all_wording", "/requirements/0/title/en", titled("章程", "Other relevant documents"), titled("章程")),
    ("unreachable_alternative", "/requirements/0/alternatives/1",
     ways([need()], [need(), need(LICENCE)]), ways([need()], [need(LICENCE)])),
    ("more_than_needed", "/requirements/0/alternatives/0",
     ways([need(LICENCE, "name", "uscc")], [need(LICENCE, "name")]),
     ways([need(LICENCE, "name")], [need(TITLE, "no")])),
    ("unknown_type", "/requirements/0/alternatives/1/0/type", ways([need()], [need("nobody")]), matter()),
    (
        "unknown_interface", "/requirements/0/alternatives/0/0/interface",
        ways([{"interface": "nobody_asks", "fields": ["name"]}]), matter(),
    ),
    ("unknown_type", "/results/0/type", giving("nobody"), giving(LICENCE)),
    ("unknown_field", "/results/0/fill", giving(LICENCE, "name", "shoe_size"), giving(LICENCE, "name")),
    ("unknown_field", "/requirements/0/alternatives/0/0/fields", ways([need(IDENTITY, "shoe_size")]), matter()),
    ("nobody_issues", "/requirements/0/alternatives",
     ways([need(), need(DEED, "no")]), ways([need(DEED, "no")], [need()])),
    ("promise_without_basis", "/requirements/0/stand_ins/commitment/legal_basis",
     promised("按照有关规定"), promised("优化营商环境条例第四十条")),
    ("unknown_verifier", "/requirements/0/stand_ins/verification/department", asking("nobody"), asking(POLICE)),
    ("where_never_fits", "/requirements/0/alternatives/0/0/where/no",
     narrowed(TITLE, "integer"), narrowed(TITLE, "text")),
    ("where_not_here", "/requirements/0/alternatives/0/0/where", narrowed(DEED, "text"), narrowed(TITLE, "text")),
    ("unread_fact", "/facts/unit", matter(facts={"unit": fact("text")}), narrowed(TITLE, "text")),
    ("unreachable_alternative", "/requirements/0/alternatives/1",
     ways([need(TITLE, "no")], [need(TITLE, "no"), need()]), NARROWER_FIRST),
    ("unread_fact", "/facts/more", ruled('facts.premises == "own"', more=fact()), ruled("facts.more", more=fact())),
    ("unknown_prerequisite", "/prerequisites/0", matter(prerequisites=["Z"]), matter(prerequisites=["D"])),
    ("english_missing", "/name/en", matter(name={"zh": "许可", "en": "许可"}), matter()),
    ("english_missing", "/requirements/0/title/en", titled("章程", "章程"), titled("章程", "Articles")),
    ("english_missing", "/facts/more/title/en",
     ruled("facts.more", more=fact(title={"zh": "某", "en": "某"})), ruled("facts.more", more=fact())),
]  # fmt: skip


@pytest.mark.parametrize(("code", "pointer", "wrong", "right"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_each_finding_has_its_place_and_goes_with_its_cause(
    code: str, pointer: str, wrong: Matter, right: Matter
) -> None:
    told = [item for item in lint(wrong, KNOWN, OTHERS) if item.code == code]
    assert [item.pointer for item in told] == [pointer]
    assert told[0].level is WORDS[code][0]
    assert "{" not in told[0].zh + told[0].en
    assert [item.pointer for item in lint(right, KNOWN, OTHERS) if (item.code, item.pointer) == (code, pointer)] == []


def test_every_finding_stands_in_the_table() -> None:
    assert {row[0] for row in TABLE} == set(WORDS)


def test_a_matter_without_a_slip_has_no_finding_and_errors_come_first() -> None:
    assert lint(matter(), KNOWN, OTHERS) == ()
    found = lint(matter(requirement(legal_basis="有关规定"), name={"zh": "许可", "en": "许可"}), KNOWN, ())
    assert [item.level for item in found] == [Level.ERROR, Level.WARNING]
    refused = MatterFaultsError("FOOD", errors(found))
    assert "identity: no_basis" in str(refused)
    assert len(refused.findings) == 1


def test_a_ring_of_prerequisites_is_told_whole() -> None:
    (found,) = errors(lint(matter(prerequisites=["B"]), KNOWN, OTHERS))
    assert "FOOD → B → C → FOOD" in found.en


def test_a_paper_of_a_merged_department_is_its_successors_own() -> None:
    (objection,) = publishing_objections(titled("营业执照"), KNOWN)
    assert (objection.rule, objection.paper) == (NoAsk.OWN_DEPARTMENT, KNOWN.types[LICENCE])
    elsewhere = matter(requirement(title={"zh": "营业执照", "en": "x"}), department=POLICE)
    assert publishing_objections(elsewhere, KNOWN)[0].rule is NoAsk.FINDABLE


@pytest.mark.parametrize(
    "allowed",
    [
        titled("契证"),
        titled("营业执照遗失声明"),
        titled("不动产权证书注销证明"),
        matter(requirement(), requirement(code="again", when="parties.agent.present")),
        matter(requirement(in_force_until="2026-06-30"), requirement(code="again", in_force_from="2026-07-01")),
        matter(requirement(), requirement(code="again", alternatives=[[need(LICENCE)]])),
    ],
)
def test_what_is_not_certain_is_no_objection(allowed: Matter) -> None:
    assert publishing_objections(allowed, KNOWN) == ()


def test_what_nobody_knows_is_not_objected_to() -> None:
    assert lint(titled("营业执照"), Known(), ()) == ()


@pytest.mark.parametrize(
    ("judge", "so", "not_so"),
    [
        (
            unfounded,
            [
                "",
                " ",
                "依照有关规定",
                "国家相关法律、法规",
                "按照上级文件要求办理",
                "按规定",
                "As required by the relevant laws",
            ],
            ["《民法典》第一条", "条例", "食品经营许可和备案管理办法", "国家安全法", "Food Act 12", "x"],
        ),
        (
            empty_title,
            ["其他材料", "相关证明", "有关证明材料", "法律、法规规定的其他文件（如有）", "审批机关认为需要的其他材料"],
            ["材料", "证明文件", "婚姻状况证明", "其他股东的同意书", "无犯罪记录证明", "登记证明", "租赁合同等材料"],
        ),
    ],
)
def test_words_that_name_nothing(judge: Callable[[str], bool], so: list[str], not_so: list[str]) -> None:
    assert [text for text in so if not judge(text)] == []
    assert [text for text in not_so if judge(text)] == []


@pytest.mark.parametrize("title", ["营业执照", "企业营业执照原件及复印件", "申请人的营业执照副本两份（盖章）"])
def test_a_title_names_a_paper_whoever_it_is_of_and_in_whatever_copies(title: str) -> None:
    assert core_title(title) == "营业执照"


@pytest.mark.parametrize(
    ("when", "always"),
    [
        ("parties.applicant.present", Always.TRUE),
        ("parties.agent.present", None),
        ("parties.agent.present && !parties.agent.present", Always.FALSE),
        ('case.kind == "application" || case.kind == "ex_officio"', Always.TRUE),
        ('case.kind == "complaint"', Always.FALSE),
        ('case.channel == "counter"', None),
        ("facts.number > 5", None),
        ("facts.number > 5 || true", Always.TRUE),
        ("facts.number > 5 && facts.yes && !facts.yes", Always.FALSE),
        ('"a" in facts.several && !("a" in facts.several)', Always.FALSE),
        ('"a" in facts.several || "b" in facts.several', None),
        ('facts.one == "a" || facts.one == "b" || facts.yes', Always.TRUE),
    ],
)
def test_a_settled_condition_is_settled_in_every_case(when: str, always: Always | None) -> None:
    choices = [{"value": value, "zh": "某", "en": value} for value in ("a", "b")]
    facts = {
        "number": fact("integer"),
        "yes": fact(),
        "one": fact("text", choices=choices),
        "several": fact("texts", choices=choices),
    }
    asked = matter(requirement(when=when), facts=facts)
    condition = asked.requirements[0].when
    assert condition is not None
    assert settled(condition, asked) is always
    compiled = compile_expression(when, scope_of(asked.roles, asked.facts), where="here")
    for number in (0, 6):
        values = {"facts.number": number, "facts.yes": True, "facts.one": "b", "facts.several": ("a",)}
        known = {"parties.applicant.present": True, "parties.agent.present": False, "case.kind": "ex_officio"}
        if always is not None:
            assert evaluate(compiled, values | known).value is (always is Always.TRUE)


def test_too_many_cases_are_not_tried() -> None:
    names = [f"f{number}" for number in range(13)]
    asked = matter(requirement(when=" || ".join(f"facts.{name}" for name in names) + " || true"),
                   facts={name: fact() for name in names})  # fmt: skip
    condition = asked.requirements[0].when
    assert condition is not None
    assert settled(condition, asked) is None


@pytest.mark.parametrize(
    ("changes", "told", "rule"),
    [
        ({}, {}, None),
        ({"legal_basis": "有关规定"}, {"own": True}, NoAsk.NO_BASIS),
        ({}, {"own": True, "findable": True}, NoAsk.OWN_DEPARTMENT),
        ({}, {"days_ago": 30, "findable": True}, NoAsk.SUBMITTED),
        ({}, {"days_ago": 31, "findable": True}, NoAsk.FINDABLE),
        ({}, {"days_ago": 31}, None),
    ],
)
def test_a_clerk_may_ask_only_where_no_rule_forbids_it(
    changes: dict[str, Any], told: dict[str, Any], rule: NoAsk | None
) -> None:
    (asked,) = matter(requirement(**changes)).requirements
    today = date(2026, 11, 22)
    submitted = today - timedelta(days=told["days_ago"]) if "days_ago" in told else None
    own, findable = told.get("own", False), told.get("findable", False)
    found = asking_objection(asked, own=own, findable=findable, submitted_on=submitted, within_days=30, today=today)
    assert found is rule
