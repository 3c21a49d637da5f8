"""Working off a campaign over a matter: holders are judged as a pull judges a party, in the transaction that writes
their entries. What is told of each is how every requirement ended, and no value.

Whom the library settles is decided at once. About the others the sources are asked, outside of any transaction, and
they are judged anew with what was said; what is withdrawn meanwhile discloses nothing. A source that fails leaves its
holders waiting, and they are asked about again in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hub.clock import BEIJING, Clock, rfc3339
from hub.exchange.bulk import store, subject_store
from hub.exchange.bulk.entries import order_of
from hub.exchange.bulk.files import subject_place
from hub.exchange.bulk.finding import NotNowError, until_tomorrow
from hub.exchange.bulk.matter_asking import MatterAsking, size_of
from hub.exchange.bulk.matter_ground import MatterGround, MatterStanding, undecided
from hub.exchange.bulk.matter_grounds import keep_campaign_grounds
from hub.exchange.bulk.matter_holders import MatterHolders
from hub.exchange.bulk.matter_judging import (
    NOTHING_SAID,
    Held,
    Judged,
    Said,
    content_of,
    detail_of,
    due_after,
    judge,
    quota_uses,
)
from hub.exchange.bulk.order import BulkOrder, count_of
from hub.exchange.bulk.store import Run, RunState
from hub.exchange.bulk.subject_store import Subject
from hub.exchange.uses import record_uses
from hub.intake.answers import case_key
from hub.intake.calls import EvidenceCall
from hub.intake.compose import item_hash
from hub.intake.errors import CaseClosedError, InFlightError
from hub.intake.outcomes import Outcome, entry_kind
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.store import case_by_id
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

SIZE: Final = 50
"""Holders decided in one transaction."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What unit 1 found: who is left to be asked about, and on what it stands. `more`: whether anybody was there."""

    standing: MatterStanding | None
    order: BulkOrder | None
    asked: tuple[Held, ...]
    more: bool


class MatterWork:
    """Decides holders of campaigns."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        ground: MatterGround,
        asking: MatterAsking,
        quotas: QuotaBook,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._holders = MatterHolders(vault=vault, types=types, ground=ground)
        self._ground = ground
        self._asking = asking
        self._quotas = quotas
        self._clock = clock

    async def chunk(self, run: Run) -> bool:
        """Decide the next holders; False when there are none.

        Raises: those of `standing.ENDED`; NotNowError; InFlightError.
        """
        began = self._clock()
        looked = await self._looked(run)
        if looked.standing is None or looked.order is None or not looked.asked:
            return looked.more
        crash_at("campaign.looked")
        call = EvidenceCall(
            case_no=run.case_no,
            requirements=None,
            purpose=looked.order.purpose,
            language=looked.order.language,
            request_hash="",
        )
        told = await self._asking.ask(looked.standing, looked.asked, call)
        crash_at("campaign.asked")
        subjects = [item.subject for item in looked.asked if item.subject.id in told.said]
        if subjects:
            await self._database.write(lambda tx: self._decide(tx, run, subjects, told.said))
            crash_at("campaign.decided")
        if told.later is not None:
            raise told.later
        rest = told.lasts - (self._clock() - began)
        if rest > timedelta():
            raise NotNowError("load_limit", rest)
        return True

    async def _looked(self, run: Run) -> Looked:
        """Unit 1: everything is checked, quotas are taken, and whom the library settles is decided. Near the end of a
        quota, one holder at a time.
        """
        for most in (SIZE, 1):
            taken = Taken()
            try:
                looked = await self._database.write(
                    lambda tx, most=most, taken=taken: self._look(tx, run, most, taken)  # type: ignore[misc]
                )
            except NotNowError as error:
                self._quotas.give_back(taken)
                if most == 1 or error.reason != "quota_exhausted":
                    raise
            except BaseException:
                self._quotas.give_back(taken)
                raise
            else:
                self._quotas.confirm(taken)
                return looked
        raise AssertionError("unreachable")

    def _look(self, tx: Connection, run: Run, most: int, taken: Taken) -> Looked:
        now = self._clock()
        key = self._key(tx, run)
        order = order_of(run, key)
        if not subject_store.waiting(tx, run.id, most=1):
            return Looked(None, None, (), more=False)
        standing, stored = self._held_still(tx, run, order, now)
        subjects = subject_store.waiting(
            tx, run.id, most=size_of(standing.answering, standing.requirements, most), due_by=now
        )
        if not subjects:
            due = subject_store.first_due(tx, run.id) or now
            raise NotNowError("source_unavailable", max(due - now, timedelta(seconds=1)))
        holders = self._holders.of(tx, standing, order, key, subjects, now)
        today = now.astimezone(BEIJING).date()
        fresh = [item for item in subjects if item.charged_on != today.isoformat()]
        self._quotas.take(tx, quota_uses(standing, holders[0].question) * len(fresh), today=today, into=taken)
        if taken.exhausted:
            raise NotNowError("quota_exhausted", until_tomorrow(now))
        judged = [(holder, judge(holder, standing.requirements)) for holder in holders]
        settled_now = [one for _, one in judged if one is not None]
        asked = tuple(holder for holder, one in judged if one is None)
        if settled_now:
            self._settle(tx, stored, standing, settled_now, key, now)
        if fresh:
            subject_store.charge_subjects(tx, [item.id for item in fresh], today.isoformat())
        return Looked(standing, order, asked, more=True)

    def _decide(self, tx: Connection, run: Run, subjects: Sequence[Subject], said: dict[str, Said]) -> None:
        """Unit 2, the moment of disclosure: the holders judged anew under locks, with what sources said of them."""
        now = self._clock()
        key = self._key(tx, run)
        order = order_of(run, key)
        standing, stored = self._held_still(tx, run, order, now)
        judged: list[Judged] = []
        for holder in self._holders.of(tx, standing, order, key, subjects, now):
            one = judge(holder, standing.requirements, said.get(holder.subject.id, NOTHING_SAID))
            if one is not None:  # else the library has changed meanwhile: it is asked about once more
                judged.append(one)
        self._settle(tx, stored, standing, judged, key, now)
        crash_at("campaign.deciding")

    def _settle(
        self, tx: Connection, stored: Run, standing: MatterStanding, judged: Sequence[Judged], key: DataKey,
        now: datetime,
    ) -> None:  # fmt: skip
        """Write them as they may be told now; whom a department or the hub fails waits."""
        written = []
        for one in self._holders.as_held(tx, standing, judged, now):
            due = due_after(one.subject.tries + 1, now) if one.failed() else None
            if due is None:
                written.append(one)
            else:
                subject_store.postpone_subject(tx, one.subject.id, tries=one.subject.tries + 1, due_at=due)
        self._write(tx, stored, standing, written, key, now)

    def _write(
        self, tx: Connection, stored: Run, standing: MatterStanding, judged: Sequence[Judged], key: DataKey,
        now: datetime,
    ) -> None:  # fmt: skip
        entries, outcomes = [], []
        uses: list[tuple[str, str]] = []
        grounds = keep_campaign_grounds(tx, self._vault, stored, standing, judged, now)
        for item in judged:
            content = content_of(item, standing)
            draft = self._entry(stored, standing, item, content, key)
            draft = replace(draft, detail=draft.detail | {"ground": grounds[item.subject.id]})
            entry = seal(draft, now=now)
            line = content | {"entry": entry.id, "time": rfc3339(now)}
            sealed = key.encrypt(subject_place(item.subject.id, "result"), canonical(line))
            if not subject_store.decide_subject(tx, item.subject.id, result=sealed, entry_id=entry.id):
                raise InFlightError
            entries.append(entry)
            outcomes.append(item.whole()[0].value)
            uses += ((mark, entry.id) for found in item.items for mark in found.resolution.marks())
        append(tx, entries)
        record_uses(tx, uses, system_id=stored.system_id, case_no=stored.case_no, now=now)
        counted = count_of(outcomes, stored.outcomes)
        store.touch_run(
            tx,
            stored.id,
            now=now,
            done=stored.done + len(judged),
            outcomes=counted,
            attempts=0,
            pauses=0,
            waiting=subject_store.count_postponed(tx, stored.id),
        )

    def _held_still(self, tx: Connection, run: Run, order: BulkOrder, now: datetime) -> tuple[MatterStanding, Run]:
        standing = self._ground.again(tx, run, order, now, lock=True)
        undecided(standing.case)
        stored = store.find_run(tx, run.id, lock=True)
        if stored is None or stored.state is not RunState.RUNNING or stored.lease != run.lease:
            raise InFlightError
        store.check_run(tx, self._vault, stored)
        return standing, stored

    def _key(self, tx: Connection, run: Run) -> DataKey:
        case = case_by_id(tx, run.case_id)
        if case is None:
            raise CaseClosedError
        return case_key(self._vault, case)

    def _entry(
        self, run: Run, standing: MatterStanding, judged: Judged, content: dict[str, Any], key: DataKey
    ) -> Draft:
        found = [item.resolution for item in judged.items]
        proved = next((item.outcome for item in found if item.outcome is Outcome.SATISFIED), judged.whole()[0])
        person = judged.person
        detail = {
            "run": run.id,
            "case_no": run.case_no,
            "matter": run.interface,
            "client_id": run.client_id,
            "department": standing.case.department_code,
            "purpose": run.ordered["purpose"],
            **detail_of(judged),
            "payload_hash": item_hash(content),
        }
        return Draft(
            kind=entry_kind(proved),
            detail=detail,
            key=self._vault.data_key(person.data_key, person.kek_kid) if person else key,
            subject_id=person.id if person else None,
            case_id=run.case_id,
        )
