"""Conditions see what stands in for an answer of the same pull: an officer's word, a sealed copy, a promise."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from catalog.matters.values import Requirement
from hub.access.actors import COMMAND
from hub.intake.compose import Item
from hub.intake.ladder import Rung
from hub.intake.outcomes import Outcome, Why
from hub.intake.resolver import Resolution
from hub.intake.resolving.holding import as_foreseen
from tests.hub.laddered import COMMITMENT, VERIFICATION, Ladder, furnish, kin
from tests.hub.test_lower_copies import given
from tests.support import POLICE, Place, requirement

pytestmark = pytest.mark.embedded
IDENTITY = {"type": "11990000MB0000003U001", "fields": ["name"]}


def also(when: str) -> dict[str, Any]:
    return requirement("also", "另一份证明", "applicant", [[IDENTITY]]) | {"none_clears": False, "when": when}


@pytest.fixture
async def ladder(place: Place) -> AsyncIterator[Ladder]:
    async with place.open() as hub, place.client(hub) as client:
        yield Ladder(place, hub, client, await place.headers(client))


async def outcomes(ladder: Ladder, case_no: str) -> dict[str, tuple[str, str]]:
    answer = await ladder.pulled(case_no)
    return {item["code"]: (item["outcome"], item["why"]["code"]) for item in answer["requirements"]}


async def test_an_officers_word_is_seen_by_conditions_and_what_waits_for_him_is_pending_too(ladder: Ladder) -> None:
    await furnish(ladder, kin(stand_ins={"verification": VERIFICATION}), also('outcomes.kin != "satisfied"'))
    case_no = await ladder.case()
    answer = await ladder.pulled(case_no)
    assert [item["outcome"] for item in answer["requirements"]] == ["pending", "pending"]
    assert (answer["still_needed"], [item["code"] for item in answer["waiting"]]) == ([], ["kin"])
    (task,) = await ladder.hub.lower.tasks.list(COMMAND, everything=True)
    police = await ladder.officer(POLICE)
    values = {"kin": True, "since": "2019-03-01"}
    await ladder.hub.lower.tasks.answer(police, task["id"], result="confirmed", values=values)
    assert await outcomes(ladder, case_no) == {
        "kin": ("satisfied", "verified_by_officer"), "also": ("not_applicable", "condition_not_met"),
    }  # fmt: skip


async def test_a_promise_is_seen_by_conditions(ladder: Ladder) -> None:
    await furnish(ladder, kin(stand_ins={"commitment": COMMITMENT}), also('outcomes.kin != "satisfied"'))
    case_no = await ladder.case()
    # Nobody has promised yet: nobody will tell, and the second is wanted.
    assert (await outcomes(ladder, case_no))["also"][0] == "no_source"
    await given(ladder, case_no)
    assert await outcomes(ladder, case_no) == {
        "kin": ("satisfied", "commitment_given"), "also": ("not_applicable", "condition_not_met"),
    }  # fmt: skip


def test_what_was_to_stand_in_and_is_gone_when_it_is_decided_takes_along_what_rests_on_it() -> None:
    first, second = Requirement("kin", "", "", "a", (), ""), Requirement("also", "", "", "a", (), "")
    unmet = Resolution(first, Outcome.NO_SOURCE, Why("no_provider"))
    spared = Item(Resolution(second, Outcome.NOT_APPLICABLE, Why("condition_not_met")), ())
    foreseen = Item(unmet, (), foreseen=Outcome.SATISFIED)
    proved = Item(Resolution(first, Outcome.SATISFIED, Why("copy_handed_in"), stands_in=Rung.SEALED_COPY), ())
    after = {"also": frozenset({"kin"})}
    assert as_foreseen(after, [foreseen, spared], [proved, spared]) == [proved, spared]
    gone = as_foreseen(after, [foreseen, spared], [Item(unmet, ()), spared])
    assert [(item.resolution.outcome.value, item.resolution.why.code) for item in gone] == [
        ("no_source", "no_provider"), ("ambiguous", "waits_for"),
    ]  # fmt: skip
