"""A campaign that asks sources: of each only what it bears, outcomes alone, and whoever a source fails waits for it."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from catalog import source_store
from catalog.grants import GrantState
from catalog.tables import GrantQuotaRow, SourceRow, table
from hub.access.actors import COMMAND
from hub.clock import utc_now
from hub.exchange.bulk import matter_work
from hub.exchange.bulk.matter_judging import RETRIES, due_after
from hub.exchange.tables import BulkSubjectRow
from hub.intake.resolver import Outcome
from hub.ledger.tables import LedgerEntryRow
from hub.registry.guarding import guard_source
from hub.storage.tables import OutboxRow
from tests.exchange.bulking import OFFICER, approver, fetch, firm, row_of, rows_in, see, work
from tests.exchange.conftest import INTERFACE, Town, grant
from tests.exchange.test_campaign import CODE, bulk_grant, claims_of, run_of
from tests.support import AMR, issue, requirement

pytestmark = pytest.mark.embedded
AT_CAMPAIGN = ("campaign.looked", "campaign.asked", "campaign.deciding", "campaign.decided")
OUTBOX, SUBJECTS, ENTRIES = table(OutboxRow), table(BulkSubjectRow), table(LedgerEntryRow)


class KilledError(Exception):
    """Stands for a kill: nothing of the run catches it."""


@pytest.fixture
async def campaign(town: Town) -> Town:
    """A matter that wants the licence and an answer of the register, and grants that say bulk for both."""
    registry = town.hub.registry
    licence = {"type": "11990000MB0000002Q001", "fields": ["name", "uscc"]}
    asked = {"interface": INTERFACE, "fields": ["name", "is_active"]}
    await registry.add_matter(
        {
            "code_system": "test",
            "code": CODE,
            "name": {"zh": "稳岗补贴", "en": "Subsidy"},
            "department": AMR,
            "roles": ["applicant"],
            "facts": {"in_time": {"kind": "boolean", "title": {"zh": "是否按期", "en": "In time?"}}},
            "requirements": [
                requirement("licence", "营业执照", "applicant", [[licence]]),
                requirement("active", "存续状态", "applicant", [[asked]]),
                requirement("again", "登记名称", "applicant", [[licence | {"fields": ["name"]}, asked]]),
            ],
        }
    )
    await registry.add_grant(bulk_grant(town))
    terms = {"kind": "ex_officio", "officers": [OFFICER], "bulk": True, "bulk_subjects": 100}
    town.grant_id = await registry.add_grant(grant(matters=[CODE], quota_per_day=100, **terms))
    for place in range(3):
        await issue(town.hub, claims_of(firm(place)))
        town.register.rows[firm(place)["id_number"]] = [row_of(firm(place))]
    return town


async def later(town: Town) -> None:
    """The moment has come for which the run, and everybody in it, waits."""

    def unit(tx: Any) -> None:
        tx.execute(update(OUTBOX).values(due_at=utc_now()))
        tx.execute(update(SUBJECTS).where(SUBJECTS.c.due_at.is_not(None)).values(due_at=utc_now()))

    await town.hub.database.write(unit)
    await work(town)


async def used(town: Town) -> int:
    """How much of the quota over the interface is leased, in blocks of two."""
    uses = table(GrantQuotaRow)
    query = select(func.sum(uses.c.leased)).where(uses.c.grant_id == town.grant_id)
    return int(await town.hub.database.read(lambda tx: tx.execute(query).scalar()) or 0)


async def told(town: Town, run: str) -> dict[str, dict[str, Any]]:
    """The released lines, by number of the holder."""
    await town.hub.bulk.releases.release(await approver(town), run)
    return {line["id_number"]: line for line in rows_in((await fetch(town, run)).content)}


async def test_sources_are_asked_once_a_holder_and_no_value_is_told(campaign: Town) -> None:
    stranger = firm(77)
    campaign.register.rows[firm(2)["id_number"]] = []
    run = await run_of(campaign, [firm(0), firm(1), firm(2), stranger])
    await work(campaign)
    assert sorted(campaign.register.asked) == sorted(firm(place)["id_number"] for place in range(3)), "nobody unknown"
    seen = await see(campaign, run)
    assert seen["progress"]["outcomes"] == {"satisfied": 3, "identity_unconfirmed": 1}
    found = await told(campaign, run)
    ended = {item["code"]: item["outcome"] for item in found[firm(0)["id_number"]]["requirements"]}
    assert ended == {"licence": "satisfied", "active": "satisfied", "again": "satisfied"}
    none = {item["code"]: item["outcome"] for item in found[firm(2)["id_number"]]["requirements"]}
    assert none == {"licence": "satisfied", "active": "declared_none", "again": "declared_none"}
    unknown = {item["code"]: (item["outcome"], item["why"]) for item in found[stranger["id_number"]]["requirements"]}
    assert unknown["licence"] == ("identity_unconfirmed", "identity_unconfirmed")
    assert unknown["active"] == ("pending", "not_asked"), "of nobody more is read than the outcome needs"
    for line in found.values():
        assert line.keys() == {
            "number", "outcome", "why", "requirements", "entry", "time", "id_type", "id_number", "name",
        }  # fmt: skip
        assert all(item.keys() == {"code", "outcome", "why"} for item in line["requirements"])


async def test_whoever_a_source_fails_waits_and_is_asked_again_without_a_second_quota(campaign: Town) -> None:
    campaign.register.mood = "html"
    run = await run_of(campaign, [firm(0), firm(1), firm(77)])
    await work(campaign)
    seen = await see(campaign, run)
    assert (seen["state"], seen["progress"]["answered"], seen["progress"]["waiting_for_source"]) == ("running", 1, 2)
    assert seen["progress"]["outcomes"] == {"identity_unconfirmed": 1}, "whom nobody needs to be asked about is decided"
    assert seen["progress"]["paused_why"] == "source_unavailable"
    taken = await used(campaign)
    await later(campaign)
    assert (await used(campaign), (await see(campaign, run))["progress"]["waiting_for_source"]) == (taken, 2)
    campaign.register.mood = "well"
    await later(campaign)
    seen = await see(campaign, run)
    assert (seen["state"], seen["progress"]["waiting_for_source"]) == ("finished", 0)
    assert seen["progress"]["outcomes"] == {"satisfied": 2, "identity_unconfirmed": 1}
    assert await used(campaign) == taken


async def test_a_source_that_never_comes_back_is_an_outcome_in_the_end_and_never_a_proof(campaign: Town) -> None:
    campaign.register.mood = "html"
    run = await run_of(campaign, [firm(0)])
    await work(campaign)
    await campaign.hub.database.write(lambda tx: tx.execute(update(SUBJECTS).values(tries=len(RETRIES))))
    await later(campaign)
    assert (await see(campaign, run))["progress"]["outcomes"] == {"source_unavailable": 1}
    assert due_after(len(RETRIES), utc_now()) is not None
    assert due_after(len(RETRIES) + 1, utc_now()) is None


async def test_whom_the_hub_itself_fails_waits_as_well(campaign: Town) -> None:
    await campaign.hub.halts.halt(COMMAND, "business_licence", reason="模板有误", legal_basis="电子证照管理办法")
    run = await run_of(campaign, [firm(0)], requirements=["licence"])
    await work(campaign)
    seen = await see(campaign, run)
    assert (seen["state"], seen["progress"]["outcomes"], seen["progress"]["waiting_for_source"]) == ("running", {}, 1)
    assert campaign.register.asked == []


async def test_a_grant_that_ends_while_a_source_answers_lets_nothing_out(campaign: Town) -> None:
    campaign.register.mood = "another"
    run = await run_of(campaign, [firm(0)])
    await work(campaign)
    assert (await see(campaign, run))["progress"]["outcomes"] == {}, "an answer about somebody else is none"
    await campaign.hub.registry.change_grant(campaign.grant_id, GrantState.WITHDRAWN)
    campaign.register.mood = "well"
    await later(campaign)
    seen = await see(campaign, run)
    assert (seen["state"], seen["problem"]["code"]) == ("stopped", "grant_withdrawn")
    assert seen["progress"]["outcomes"] == {Outcome.NOT_GRANTED: 1}


async def test_a_load_limit_is_kept_and_half_of_it_left_to_people_who_wait(campaign: Town) -> None:
    limits = {"total_seconds": 5, "read_seconds": 4, "retries": 0, "per_minute": 4}
    await slow_down(campaign, limits)
    run = await run_of(campaign, [firm(place) for place in range(3)])
    await work(campaign)
    seen = await see(campaign, run)
    assert (seen["progress"]["answered"], seen["progress"]["paused_why"]) == (2, "load_limit")
    assert len(campaign.register.asked) == 2


async def slow_down(town: Town, limits: dict[str, Any]) -> None:
    """The source's owner sets other limits."""

    def unit(tx: Any) -> None:
        source = source_store.find_source(tx, "register")
        assert source is not None
        sources = table(SourceRow)
        changed = {"definition": source.declared | {"limits": limits}, "row_version": source.row_version + 1}
        tx.execute(update(sources).where(sources.c.id == source.id).values(**changed))
        guard_source(tx, town.hub.vault, source.id)

    await town.hub.database.write(unit)


async def test_killed_anywhere_no_holder_is_decided_twice_and_no_quota_taken_twice(
    campaign: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drill: each point kills the run once, and what a dead process held is forgotten with it."""
    holders = [firm(place) for place in range(3)]
    run = await run_of(campaign, holders)
    turn = 0
    for point in AT_CAMPAIGN:

        def kill(name: str, point: str = point) -> None:
            if name == point:
                raise KilledError

        with monkeypatch.context() as patched:
            patched.setattr(matter_work, "crash_at", kill)
            with pytest.raises(KilledError):
                await campaign.hub.bulk.runner.run({"run": run, "turn": turn})
    taken = await used(campaign)
    await campaign.hub.bulk.runner.run({"run": run, "turn": turn})
    seen = await see(campaign, run)
    assert (seen["state"], seen["progress"]["outcomes"]) == ("finished", {"satisfied": 3})
    assert await used(campaign) == taken, "asked about again on the same day they take no more"
    query = select(func.count()).where(ENTRIES.c.kind == "disclosure")
    assert await campaign.hub.database.read(lambda tx: tx.execute(query).scalar()) == 3
