"""What people are told of a matter: spared, asked, open; and that guide, script and checklist never differ."""

from datetime import date
from typing import Any

import pytest

from catalog.expressions.compiling import compile_expression
from catalog.matters.asking import Known, KnownDepartment, KnownType
from catalog.matters.guiding import Guide, checklist, guide, script
from catalog.matters.lines import Setting
from catalog.matters.reading import read_matter, scope_of
from catalog.matters.saying import condition_words
from catalog.matters.values import Matter

DAY = date(2026, 11, 22)
CIVIL, TAX = "11990000MB0000004Y", "11990000MB0000005X"
CARD, INCOME = f"{CIVIL}001", f"{TAX}001"
KNOWN = Known(
    {
        CARD: KnownType(CARD, "居民身份证", "Identity card", frozenset({"name"}), (CIVIL,)),
        INCOME: KnownType(INCOME, "收入证明", "Income statement", frozenset({"sum"})),
    },
    {CIVIL: KnownDepartment("公安局", "Police")},
)
MARITAL = {
    "kind": "text",
    "title": {"zh": "婚姻状况", "en": "Marital status"},
    "choices": [
        {"value": "married", "zh": "已婚", "en": "Married"},
        {"value": "single", "zh": "未婚", "en": "Single"},
        {"value": "widowed", "zh": "丧偶", "en": "Widowed"},
    ],
}
FACTS = {
    "marital": MARITAL,
    "first": {"kind": "boolean", "title": {"zh": "是否首套住房？", "en": "Is it your first home?"}},
    "price": {"kind": "decimal", "title": {"zh": "房价", "en": "Price"}},
    "signed": {"kind": "date", "title": {"zh": "签约日", "en": "Day of the contract"}},
    "ways": {
        "kind": "texts",
        "title": {"zh": "还款方式", "en": "Ways of paying"},
        "choices": [{"value": "fund", "zh": "公积金", "en": "Housing fund"}],
    },
}


def requirement(code: str, zh: str, en: str, kind: str = CARD, **changes: Any) -> dict[str, Any]:
    return {
        "code": code,
        "title": {"zh": zh, "en": en},
        "party": "applicant",
        "legal_basis": f"《条例》{code}",
        "alternatives": [[{"type": kind, "fields": ["name"]}]],
    } | changes


MATTER = read_matter(
    {
        "code_system": "test",
        "code": "LOAN",
        "name": {"zh": "贷款", "en": "Loan"},
        "department": TAX,
        "roles": ["applicant", "spouse", "agent"],
        "facts": FACTS,
        "requirements": [
            requirement("card", "身份证", "Identity card"),
            requirement("income", "收入材料", "Income", INCOME, papers=2, max_age_days=90, none_clears=False),
            requirement("spouse_card", "配偶身份证", "Spouse", party="spouse", when='facts.marital == "married"'),
            requirement("agent_card", "代理人身份证", "Agent", party="agent"),
            requirement("second", "第二套住房声明", "Second home", INCOME, when="!facts.first", in_force_from=DAY),
            requirement("gone", "旧证明", "Old", in_force_until="2026-01-01"),
        ],
    }
)


def told(language: str = "en", **setting: Any) -> Guide:
    return guide(MATTER, at(**setting), KNOWN, language)


def at(**setting: Any) -> Setting:
    facts = {f"{name}": value for name, value in setting.pop("facts", {}).items()}
    return Setting(facts, DAY, **setting)


def fates(found: Guide) -> dict[str, str]:
    return {line.code: line.fate for line in (*found.bring, *found.spared, *found.open)}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({}, {"spouse_card": "open", "agent_card": "open", "second": "open"}),
        ({"facts": {"marital": "married"}}, {"spouse_card": "fetched"}),
        ({"facts": {"marital": "single", "first": True}}, {"spouse_card": "not_needed", "second": "not_needed"}),
        ({"facts": {"first": False}}, {"second": "bring"}),
        ({"parties": frozenset({"applicant"})}, {"spouse_card": "open", "agent_card": "not_needed"}),
        ({"parties": frozenset({"applicant"}), "facts": {"marital": "married"}}, {"spouse_card": "fetched"}),
        ({"parties": frozenset({"applicant", "agent"})}, {"agent_card": "fetched"}),
        ({"parties": frozenset({"spouse"}), "facts": {"marital": "married"}}, {"spouse_card": "fetched"}),
    ],
)
def test_each_requirement_in_force_is_spared_asked_or_open(setting: dict[str, Any], expected: dict[str, str]) -> None:
    found = fates(told(**setting))
    assert found.keys() == {"card", "income", "spouse_card", "agent_card", "second"}
    assert (found["card"], found["income"]) == ("fetched", "bring")
    assert {code: found[code] for code in expected} == expected


def test_the_guide_says_why_in_both_languages() -> None:
    setting: dict[str, Any] = {"facts": {"marital": "single"}}
    english = {line.code: line.why for line in (*told(**setting).spared, *told(**setting).open)}
    assert english["card"] == "the hub fetches it: Identity card (Police)"
    assert english["spouse_card"] == "needed only if Marital status: Married; you said Marital status: Single"
    assert english["agent_card"] == "only where there is one: the agent"
    assert english["second"] == "depends on your answers"
    chinese = {line.code: line.why for line in (*told("zh-CN", **setting).spared, *told("zh-CN", **setting).bring)}
    assert chinese["card"] == "由平台调取：居民身份证（公安局）"
    assert chinese["spouse_card"] == "仅在以下情形需要：婚姻状况：已婚。您的情形：婚姻状况：未婚"
    assert chinese["income"] == "目前没有部门可以提供"


def test_papers_are_counted_as_the_matter_counts_them() -> None:
    found = told(facts={"marital": "married", "first": True}, parties=frozenset({"applicant", "spouse"}))
    assert (found.papers, found.papers_spared, found.open) == (2, 4, ())


def test_open_questions_say_what_waits_for_them_and_go_when_they_are_answered() -> None:
    questions = {item.fact: item for item in told().questions}
    assert questions.keys() == {"marital", "first"}
    assert questions["marital"].settles == ("Spouse",)
    assert questions["marital"].choices[0] == ("married", "Married")
    assert questions["first"].choices == (("true", "yes"), ("false", "no"))
    assert [item.fact for item in told(facts={"first": True}).questions] == ["marital"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("facts", [{}, {"marital": "married", "first": False}, {"marital": "single", "first": True}])
def test_script_and_checklist_say_what_the_guide_says(language: str, facts: dict[str, Any]) -> None:
    setting = at(facts=facts)
    found = guide(MATTER, setting, KNOWN, language)
    steps = script(MATTER, setting, KNOWN, language).steps
    acts = {act: [step.requirement for step in steps if step.act == act] for act in ("spare", "depends", "request")}
    assert acts["spare"] == [line.code for line in found.spared]
    assert acts["depends"] == [line.code for line in found.open]
    assert acts["request"] == [line.code for line in found.bring]
    assert [step.fact for step in steps if step.act == "ask"] == [item.fact for item in found.questions]
    checks = {item.code: item for item in checklist(MATTER, setting, KNOWN, language).checks}
    applies = {"fetched": True, "bring": True, "not_needed": False, "open": None}
    assert {code: item.applies for code, item in checks.items()} == {
        code: applies[fate] for code, fate in fates(found).items()
    }
    assert all(item.legal_basis == f"《条例》{code}" for code, item in checks.items())


def test_the_clerk_says_when_nothing_else_is_needed() -> None:
    only = read_matter(
        {
            "code_system": "test", "code": "X", "name": {"zh": "甲", "en": "X"}, "department": TAX,
            "roles": ["applicant"], "requirements": [requirement("card", "身份证", "Identity card")],
        }
    )  # fmt: skip
    assert [step.act for step in script(only, at(), KNOWN, "en").steps] == ["greet", "spare", "close"]


def test_the_checklist_tells_condition_law_and_rules() -> None:
    checks = {item.code: item for item in checklist(MATTER, at(), KNOWN, "en").checks}
    assert checks["income"].rules == ("issued at most 90 days ago", "“no such record” does not clear it")
    assert checks["second"].rules == ("in force from 2026-11-22",)
    assert (checks["second"].condition, checks["card"].condition) == ("Is it your first home: no", "always")
    assert checks["agent_card"].condition == "where there is one: the agent"


SAID = [
    ("facts.first && (facts.price > 90.5 || parties.agent.present)",
     "是否首套住房：是，且（房价大于90.5，或有代理人）",
     "Is it your first home: yes and (Price is more than 90.5 or the agent takes part)"),
    ('facts.marital in ["married", "widowed"]', "婚姻状况：已婚、丧偶", "Marital status: Married or Widowed"),
    ('facts.marital != "single"', "婚姻状况不是未婚", "Marital status is not Single"),
    ('!(facts.marital == "single")', "并非（婚姻状况：未婚）", "not (Marital status: Single)"),
    ('"fund" in facts.ways', "还款方式包括公积金", "Ways of paying includes Housing fund"),
    ("!parties.spouse.present", "没有配偶", "the spouse takes no part"),
    ('parties.applicant.id_type == "111"', "申请人的证件类型：111", "the kind of ID of the applicant: 111"),
    ('case.kind == "application"', "办件类型：依申请", "the kind of case: an application"),
    ("years(facts.signed, case.filed_on) >= 2", "签约日至收件日的周年数不少于2",
     "full years from Day of the contract to the filing day is at least 2"),
    ('case.filed_on < date("2026-12-31")', "收件日早于2026-12-31", "the filing day is before 2026-12-31"),
    ("facts.price + 1 <= 100", "房价 + 1不超过100", "Price + 1 is at most 100"),
    ("(facts.price > 1) != true", "（房价大于1）不是是", "(Price is more than 1) is not yes"),
    ("true", "是", "yes"),
]  # fmt: skip


@pytest.mark.parametrize(("when", "zh", "en"), SAID)
def test_a_condition_is_said_in_words(when: str, zh: str, en: str) -> None:
    matter: Matter = MATTER
    expression = compile_expression(when, scope_of(matter.roles, matter.facts), where="here")
    assert condition_words(expression, matter, "zh-CN") == zh
    assert condition_words(expression, matter, "en") == en
