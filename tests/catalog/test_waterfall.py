"""Papers are counted so that nothing disappears, and no figure stands without the label of its list."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.waterfall import (
    TITLES,
    Before,
    BeforeItem,
    Counted,
    Label,
    Step,
    Waterfall,
    said,
    step_of,
    together,
    waterfall,
)

LINE = Counted("card", "applicant", "fund", 1, "satisfied", "certificate", asked=False)
OUTCOMES = {
    "not applicable": (LINE, {"outcome": "not_applicable", "rung": None}, Step.NOT_APPLICABLE),
    "fetched": (LINE, {}, Step.CERTIFICATE),
    "no such record": (LINE, {"outcome": "declared_none"}, Step.CERTIFICATE),
    "data": (LINE, {"rung": "shared_data"}, Step.SHARED_DATA),
    "an officer": (LINE, {"rung": "verification"}, Step.VERIFIED),
    "a sealed copy": (LINE, {"rung": "sealed_copy"}, Step.COPY_REUSED),
    "in this case already": (LINE, {"rung": "held"}, Step.MERGED),
    "a promise": (LINE, {"rung": "commitment"}, Step.PROMISED),
    "a source is down": (LINE, {"outcome": "source_unavailable", "rung": None}, Step.OWED),
    "an officer has not answered": (LINE, {"outcome": "pending", "rung": None}, Step.OWED),
    "asked": (LINE, {"outcome": "no_source", "rung": "paper", "asked": True}, Step.ASKED),
    "fetched, and shown all the same": (LINE, {"asked": True}, Step.ASKED),
    "a source is down, and the clerk asked": (LINE, {"outcome": "source_unavailable", "asked": True}, Step.ASKED),
}


def before(*items: BeforeItem, label: Label = Label.RECONSTRUCTED) -> Before:
    return Before(label, "某指南", "a guide", items, date(2018, 4, 17))


def item(requirement: str = "", papers: int = 1, fate: Step | None = None) -> BeforeItem:
    return BeforeItem("材料", "a paper", papers, requirement, fate)


@pytest.mark.parametrize("case", OUTCOMES)
def test_each_paper_ends_in_one_step(case: str) -> None:
    line, changes, step = OUTCOMES[case]
    line = replace(line, **changes)
    found = waterfall(before(item("card")), [line])
    assert (found.before, {name: papers for name, papers in found.steps.items() if papers}) == (1, {step: 1})


@pytest.mark.parametrize(("outcome", "rung"), [("no_source", "paper"), ("satisfied", "paper"), ("unheard_of", None)])
def test_what_nobody_cleared_owes_or_asked_for_is_no_saving(outcome: str, rung: str | None) -> None:
    with pytest.raises(ValueError, match="nobody was asked"):
        step_of(replace(LINE, outcome=outcome, rung=rung))


OPEN = {
    "nothing says what became of it": (before(item("card"), item("marriage")), [LINE]),
    "the list did not have it": (before(item("marriage")), [LINE, replace(LINE, code="marriage")]),
    "more pieces than in the list": (before(item("card")), [replace(LINE, papers=2)]),
    "one paper twice": (before(item("card")), [LINE, LINE]),
    "no piece at all": (before(item("card", 0)), [replace(LINE, papers=0)]),
    "gone without a reason": (before(item("card"), item()), [LINE]),
    "fetched by declaration": (before(item("card"), item(fate=Step.CERTIFICATE)), [LINE]),
}


@pytest.mark.parametrize("case", OPEN)
def test_sums_that_do_not_close_are_refused(case: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        waterfall(*OPEN[case])


def test_a_paper_is_a_requirement_of_a_party_for_an_authority() -> None:
    sellers = [replace(LINE, papers=2, party=party) for party in ("seller", "seller#2")]
    elsewhere = replace(LINE, papers=2, party="seller", authority="tax", asked=True)
    found = waterfall(before(item("card", 2), item(fate=Step.ABOLISHED, papers=3)), [*sellers, elsewhere])
    assert (found.before, found.steps[Step.CERTIFICATE], found.asked) == (9, 4, 2)


@given(st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=1, max_size=30), st.integers(0, 9), st.integers(1, 99))
def test_no_paper_is_lost_or_made(cases: list[str], abolished: int, weight: int) -> None:
    lines = [replace(OUTCOMES[case][0], code=f"r{at}", **OUTCOMES[case][1]) for at, case in enumerate(cases)]
    listed = [item(line.code) for line in lines] + [item(fate=Step.ABOLISHED) for _ in range(abolished)]
    found = waterfall(before(*listed), lines)
    assert found.before == len(listed)
    both = together([(found, weight), (found, 1)])
    assert (both.before, both.asked, both.cases) == (
        len(listed) * (weight + 1),
        found.asked * (weight + 1),
        weight + 1,
    )


def test_cases_against_other_lists_are_not_added() -> None:
    one = waterfall(before(item("card")), [LINE])
    other = waterfall(before(item("card"), label=Label.PUBLISHED), [LINE])
    for parts in ([(one, 1), (other, 1)], [], [(one, 0)]):
        with pytest.raises(ValueError, match=r"."):
            together(parts)


def _said(label: Label) -> tuple[Waterfall, str, str]:
    found = waterfall(
        before(item("card"), item("marriage"), label=label), [LINE, replace(LINE, code="marriage", asked=True)]
    )
    return found, said(found, "zh-CN"), said(found, "en")


def test_a_reduction_against_a_reconstructed_list_says_so_in_the_same_sentence() -> None:
    found, chinese, english = _said(Label.RECONSTRUCTED)
    assert "2 份 → 1 份（-50.0%）" in chinese
    assert "重构清单，不可与任何报告比较" in chinese
    assert "2 → 1 papers (-50.0 %), against a reconstructed list: not comparable with any report" in english
    told = found.as_json()["before"]
    assert told == {
        "papers": 2,
        "label": "reconstructed",
        "source": {"zh": "某指南", "en": "a guide"},
        "on": "2018-04-17",
    }


def test_a_published_list_is_named_and_dated() -> None:
    _, chinese, english = _said(Label.PUBLISHED)
    assert "已公布清单（某指南, 2018-04-17）" in chinese
    assert "a published list (a guide, 2018-04-17)" in english
    assert "reconstructed" not in english


def test_every_step_has_its_words() -> None:
    assert list(TITLES) == list(Step)
