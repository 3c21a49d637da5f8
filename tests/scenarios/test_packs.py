"""Packs on a hub: every case ends as its pack says, and each type is worth exactly the papers that it fed."""

from pathlib import Path

import pytest

from catalog.identifiers import CITIZEN_ID, USCC
from catalog.waterfall import Step
from hub.cli.scenario_bars import bars
from hub.scenarios.lines import PackRun
from hub.scenarios.pack import shipped_packs
from tests.scenarios.conftest import Played, ablations, few

PASSPORT = "414"
PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"


@pytest.mark.parametrize("name", shipped_packs())
def test_every_case_ends_as_the_pack_says(played: Played, name: str) -> None:
    run = played.runs[name]
    assert run.differences == ()
    for case in run.cases:  # a requirement of a role of several is a paper of each
        several = any("#" in party for party in case.spec.parties)
        assert (case.counted.before > run.loaded.pack.before.papers) == several
    assert run.total.cases == sum(case.spec.weight for case in run.cases)


def test_a_couple_brings_a_card_and_the_receipt_of_fifteen_papers(played: Played) -> None:
    run = played.runs["housing-fund-loan"]
    brought = [line.counted.code for line in run.usual.lines if line.counted.asked]
    assert (run.usual.counted.before, brought) == (15, ["fund_identity", "fund_receipt"])
    assert run.usual.counted.steps[Step.CERTIFICATE] == 11


def test_what_a_failing_source_keeps_back_is_owed_and_nobody_is_asked_for_it(played: Played) -> None:
    cases = {case.spec.key: case.counted for case in played.runs["housing-fund-loan"].cases}
    assert (cases["source_down"].steps[Step.OWED], cases["couple"].steps[Step.OWED]) == (2, 0)
    assert cases["source_down"].asked == cases["couple"].asked


def test_promises_and_officers_are_counted_as_what_they_are(played: Played) -> None:
    cases = {case.spec.key: case for case in played.runs["equity-transfer"].cases}
    steps = cases["brother_to_sister"].counted.steps
    assert (steps[Step.PROMISED], steps[Step.VERIFIED]) == (1, 1)
    usual = played.runs["construction-permit"].usual.counted
    assert (usual.before, usual.asked, usual.steps[Step.PROMISED]) == (34, 2, 1)


def test_what_a_clerk_asks_for_all_the_same_is_counted_as_asked(played: Played) -> None:
    usual, asking = played.runs["housing-fund-loan"].usual, played.asking.usual
    brought = [line.counted.code for line in asking.lines if line.counted.asked]
    assert brought == ["fund_identity", "fund_marriage", "fund_receipt"]
    assert (asking.counted.before, asking.counted.asked) == (usual.counted.before, usual.counted.asked + 1)
    assert [(item.about, item.found) for item in asking.differences] == [("asked", "3")]


@pytest.mark.parametrize("pack", shipped_packs())
def test_without_a_type_or_source_exactly_its_papers_are_asked_for(played: Played, pack: str) -> None:
    run = played.runs[pack]
    cases = {case.spec.key: case for case in run.cases}
    for withheld in ablations(pack):
        without = played.without[pack, withheld]
        assert [case.spec.key for case in without.cases] == few(run, without.withheld)
        for case in without.cases:
            base = cases[case.spec.key]
            fed = sum(base.fed_by(slug) for slug in without.withheld)
            assert (withheld, case.spec.key, case.counted.asked - base.counted.asked) == (withheld, case.spec.key, fed)
            assert case.counted.before == base.counted.before


WORTH = {
    ("housing-fund-loan", "identity_card"): 1,  # the applicant's own is shown, whatever is fetched
    ("housing-fund-loan", "household_register"): 2,
    ("housing-fund-loan", "credit-register"): 2,
    ("housing-fund-loan", "marriage_certificate"): 4,  # it names the spouse, of whom there are three papers
    ("housing-fund-loan", "down_payment_receipt"): 0,
    ("open-a-company", "business_licence"): 5,
    ("open-a-company", "identity_card"): 4,
    ("open-a-company", "real_estate_title"): 2,
    ("construction-permit", "drawing_review_certificate"): 2,
    ("construction-permit", "business_licence"): 3,
    ("equity-transfer", "identity_card"): 1,
    ("state-asset-disposal", "state_asset_approval"): 1,
    ("business-suspension", "business_suspension_filing"): 4,
    ("business-suspension", "account-register"): 1,
    ("construction-waste", "road-pass"): 1,
    ("construction-waste", "driving_licence"): 1,
    ("home-transfer", "contract-register"): 5,
    ("home-transfer", "property-restraints"): 1,
    ("newborn", "medical_birth_certificate"): 3,
    ("newborn", "maternity-register"): 1,
}
"""More papers asked for in the usual case."""


def test_what_a_type_is_worth(played: Played) -> None:
    for key, worth in WORTH.items():
        (without,), base = played.without[key].cases, played.runs[key[0]].usual
        more = without.counted.asked - base.counted.asked
        assert (key, without.spec.key, more) == (key, base.spec.key, worth)


@pytest.mark.parametrize("name", shipped_packs())
def test_the_page_has_the_figures_that_are_computed(played: Played, name: str) -> None:
    run = played.runs[name]
    usual, total = run.usual.counted, run.total
    mean = f"{total.before / total.cases:.3f} → {total.asked / total.cases:.3f}"
    page = PAGE.read_text(encoding="utf-8")
    assert f"| `{name}` | {usual.before} → {usual.asked} papers | {mean} |" in page
    figures = [total.before, *total.steps.values()]
    assert f"| `{name}` | {' | '.join(f'{papers / total.cases:.3f}' for papers in figures)} |" in page
    apart = {case.spec.key: case.counted for case in run.cases}
    for family in run.families:
        key, form = family.spec.key, family.form
        assert form is not None
        fields = f"{form.apart} → {form.fields} | {form.filled} | {form.answered} | {form.signatures}"
        papers = f"{apart[key].before} → {apart[key].asked} | {apart[key].before} → {family.counted.asked}"
        assert f"| `{name}` | `{key}` | {papers} | {fields} |" in page


def test_everybody_is_invented_and_nobody_is_two(played: Played) -> None:
    everybody = [holder for run in played.runs.values() for holder in run.loaded.pack.holders.values()]
    numbers = [holder.id_number or holder.given for holder in everybody]
    assert len(set(numbers)) == len(numbers)
    for run in played.runs.values():
        for holder in run.loaded.pack.holders.values():
            number, at = (
                holder.id_number or holder.given,
                {CITIZEN_ID: 0, USCC: 2, PASSPORT: 1}.get(holder.id_type or "", 0),
            )
            assert number[at : at + 2] == "99"


AWKWARD = {"nobody", "one_character", "two_people", "dead", "wrong_kind"}


@pytest.mark.parametrize("name", shipped_packs())
def test_a_pack_has_every_kind_of_holder_that_is_not_perfect(played: Played, name: str) -> None:
    run = played.runs[name]
    ended = {outcome for case in run.loaded.pack.cases for outcome in case.expect.values()}
    assert {"identity_unconfirmed", "no_source", "not_applicable"} <= ended
    assert {case.spec.awkward for case in run.cases} - {""} == AWKWARD
    for case in run.cases:
        if case.spec.awkward in {"nobody", "dead"}:  # neither is ever told apart from somebody by a "satisfied"
            parties = case.spec.parties.values()
            (gone,) = {said.holder for said in parties if _gone(run, case.spec.awkward, said.holder)}
            theirs = [role for role, said in case.spec.parties.items() if said.holder == gone]
            about = [line.counted.outcome for line in case.lines if line.counted.party in theirs]
            assert about
            assert "satisfied" not in about


def _gone(run: PackRun, awkward: str, holder: str) -> bool:
    """Whether this is who is meant: on no register; or dead by a cancelled card or a death certificate."""
    declared = run.loaded.pack.declared
    cancelled = {item["holder"] for item in declared.get("changes", ()) if item["type"] == "identity_card"}
    dead = cancelled | set(declared["registers"].get("death_certificate", {}).get("of", ()))
    return holder == "nobody" if awkward == "nobody" else holder in dead


def test_a_paper_that_was_scanned_once_serves_the_next_case(played: Played) -> None:
    cases = {case.spec.key: case for case in played.runs["equity-transfer"].cases}
    scanned, again = cases["scanned"].counted, cases["filed_again"].counted
    assert (scanned.asked, scanned.steps[Step.COPY_REUSED]) == (4, 0)
    assert (again.asked, again.steps[Step.COPY_REUSED]) == (1, 3)
    assert [line.counted.code for line in cases["scanned"].lines if line.scanned] == [
        "et_contract", "ec_resolution", "ec_articles",
    ]  # fmt: skip


def test_one_family_asks_once_and_waits_for_what_it_gives_itself(played: Played) -> None:
    company, newborn = (played.runs[name] for name in ("open-a-company", "newborn"))
    by_key = {family.spec.key: family for run in (company, newborn) for family in run.families}
    apart = {case.spec.key: case.counted.asked for run in (company, newborn) for case in run.cases}
    asked = {key: (apart[key], family.counted.asked) for key, family in by_key.items()}
    assert asked == {"owner": (1, 1), "tenant": (3, 2), "fresh": (3, 1), "at_birth": (3, 1), "twins": (6, 2)}
    assert by_key["tenant"].counted.steps[Step.MERGED] == company.usual.counted.steps[Step.MERGED] + 1
    outcomes = {line.counted.code: line.counted.outcome for line in by_key["fresh"].lines}
    assert (outcomes["bank_seals"], outcomes["pf_insurance"]) == ("satisfied", "satisfied")
    for family in by_key.values():
        assert family.form is not None
        assert family.form.fields == family.form.filled + family.form.answered
        assert family.form.signatures == 1
    for run in (company, newborn):
        assert {family.counted.before for family in run.families} == {run.usual.counted.before}


def test_what_must_not_be_opened_is_refused_and_says_where(played: Played) -> None:
    found = {item.spec.key: (item.problem, item.rule) for run in played.runs.values() for item in run.refused}
    assert found == {
        "no_enterprise": ("invalid-party", "/parties: missing_role:enterprise"),
        "before_the_law": ("unknown-matter", ""),
        "no_mandate": ("invalid-party", "/parties/2/mandate: missing"),
        "mandate_not_shown": ("invalid-party", "/parties/2/mandate: not_corroborated"),
    }


def test_the_picture_falls_from_the_list_before_to_what_is_asked(played: Played) -> None:
    usual = played.runs["construction-permit"].usual.counted
    before, *steps = bars(usual, 34)  # a character a paper
    assert before == "█" * 34
    assert steps[list(Step).index(Step.ASKED)] == "██"
    drawn = {step: len(bar.strip()) for step, bar in zip(Step, steps, strict=True)}
    assert drawn == {step: usual.steps[step] for step in Step}
    seen = [(len(bar) - len(bar.lstrip()), len(bar)) for bar in steps if bar]
    assert [end for _, end in seen[1:]] == [start for start, _ in seen[:-1]]  # each begins where the last one left off
    assert (seen[0][1], seen[-1][0]) == (34, 0)
