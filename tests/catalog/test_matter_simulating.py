"""What would save most papers next, by the plans of what was asked."""

from dataclasses import replace

from catalog.matters.asking import Known, KnownDepartment, KnownType
from catalog.matters.simulating import Added, Unmet, simulate
from catalog.matters.values import Need, Requirement

DEPARTMENT = "11990100MB00000132"


def known(*given: str) -> Known:
    types = {code: KnownType(code, code, code, frozenset(), (DEPARTMENT,)) for code in given}
    return Known(types, {DEPARTMENT: KnownDepartment("局", "Bureau")})


def wanted(*alternatives: tuple[str, ...], papers: int = 1) -> Requirement:
    needs = tuple(tuple(Need(code, ("name",)) for code in each) for each in alternatives)
    return Requirement("paper", "材料", "Paper", "applicant", needs, "某条例第一条", papers=papers)


def unmet(requirement: Requirement, why: str = "no_record_and_not_complete", **more: object) -> Unmet:
    return replace(Unmet("case", requirement, "no_source", why), **more)  # type: ignore[arg-type]


def savings(*items: Unmet, given: tuple[str, ...] = (), complete: tuple[str, ...] = ()) -> dict[tuple[str, str], int]:
    found = simulate(items, known(*given), complete)
    return {(item.added.value, item.code): item.papers for item in found.savings}


def test_the_one_that_an_alternative_lacks_is_tried_out_and_weighed() -> None:
    lacking = unmet(wanted(("a", "b"), papers=3), weight=10)
    assert savings(lacking, given=("a",), complete=("a",)) == {("provider", "b"): 30}
    either = unmet(wanted(("a", "b"), ("c",)), case="other")
    assert savings(lacking, either, given=("a",), complete=("a",)) == {("provider", "b"): 31, ("provider", "c"): 1}
    assert savings(lacking) == {}, "with one of two nothing is saved"


def test_what_is_there_and_incomplete_is_completed_and_what_is_complete_has_answered() -> None:
    item = unmet(wanted(("a", "b")))
    assert savings(item, given=("a", "b"), complete=("a",)) == {("coverage", "b"): 1}
    assert savings(item, given=("a", "b"), complete=("a", "b")) == {}
    for why in ("record_wanted", "certificate_too_old"):
        assert savings(unmet(wanted(("a",)), why), given=("a",)) == {}


def test_what_is_there_and_not_granted_wants_a_grant() -> None:
    closed = unmet(wanted(("a", "b")), "no_grant", outcome="not_granted")
    assert savings(closed, given=("a", "b")) == {}
    assert savings(replace(closed, granted=frozenset({"a"})), given=("a", "b")) == {("grant", "b"): 1}
    assert savings(replace(closed, granted=frozenset({"a"})), given=("a",)) == {("provider", "b"): 1}


def test_the_sums_are_told_apart() -> None:
    items = [
        unmet(wanted(), matter="permit"),
        unmet(wanted(("a",)), outcome="ambiguous"),
        unmet(wanted(("a",), papers=2), weight=2),
    ]
    found = simulate(items, known(), ())
    assert (found.papers, found.beyond) == (6, 1)
    assert [(item.added, item.code, item.papers, item.cases) for item in found.savings] == [
        (Added.PROVIDER, "a", 4, 2),
        (Added.NEW, "permit/paper", 1, 1),
    ]
