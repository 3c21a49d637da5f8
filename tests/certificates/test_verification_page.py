"""docs/verification.md and the procedure say the same: numbers, names, reasons and what each reason means."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from certificates.verifying.procedure import _STEPS
from certificates.verifying.verdict import PROCEDURE, Result, Rule

PAGE = (Path(__file__).parents[2] / "docs" / "verification.md").read_text(encoding="utf-8")
HEADING = re.compile(r"^## \((\d)\) (\w+)$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| \S.* \|$", re.MULTILINE)


def sections() -> dict[int, str]:
    starts = [(int(match[1]), match.start()) for match in HEADING.finditer(PAGE)]
    ends = [*(start for _, start in starts[1:]), PAGE.index("## What is not checked")]
    return {number: PAGE[start:end] for (number, start), end in zip(starts, ends, strict=True)}


def test_the_page_has_the_steps_of_the_code_in_their_order() -> None:
    assert [(int(match[1]), match[2]) for match in HEADING.finditer(PAGE)] == [
        (rule.number, rule.name) for rule in PROCEDURE
    ]


@pytest.mark.parametrize("rule", PROCEDURE, ids=[rule.name for rule in PROCEDURE])
def test_the_page_lists_every_reason_of_a_step_once_with_its_result_and_no_other(rule: Rule) -> None:
    told = ROW.findall(sections()[rule.number])
    assert len(told) == len(dict(told))
    assert {reason for reason, result in told if result == "failed"} == rule.failures
    assert {reason for reason, result in told if result == "indeterminate"} == rule.undecided
    assert rule.failures.isdisjoint(rule.undecided)


def test_steps_are_numbered_from_one_without_a_gap() -> None:
    assert PROCEDURE[0].number == 1
    assert all(after.number == before.number + 1 for before, after in pairwise(PROCEDURE))


def test_each_step_of_the_code_carries_its_number_in_its_description() -> None:
    for number, (passed, method) in enumerate(_STEPS, start=1):
        assert passed.step == number
        assert (method.__doc__ or "").startswith(f"({number}) ")


def test_the_page_explains_every_verdict() -> None:
    for code, result in enumerate((Result.PASSED, Result.FAILED, Result.INDETERMINATE)):
        assert re.search(rf"^\| `{result.value}` \| .* \| {code} \|$", PAGE, re.MULTILINE)
