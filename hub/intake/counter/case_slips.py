"""The slip of one case 办理情况单: what was fetched for it, what is still needed, who looked, whom to call.

Printed by the clerk for the person who stands there, and an entry that this person sees. Outcomes of an open case,
never what a record says; of a closed one not even those. Who looked in the last 90 days is told of nobody but the one
natural person of the case who is confirmed, was seen at the counter and acts for himself: a name that does not match,
and a number that nobody knows, have the same slip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.matters.values import Matter
from catalog.tables import table
from certificates.stores.holders import Subject
from hub.access.actors import Actor
from hub.citizens.confirming import Confirming
from hub.citizens.looks import Looks, count_looks
from hub.citizens.ratings.code_rows import code_of
from hub.citizens.ratings.codes import in_groups
from hub.citizens.taking import KIND as PRESENTED
from hub.clock import Clock, rfc3339
from hub.intake import store
from hub.intake.counter.card_reads import CARD_READ
from hub.intake.counter.lines import whose
from hub.intake.counter.service import Counter
from hub.intake.counter.values import ATTESTED, CounterCase
from hub.intake.handling.given import given, source_department
from hub.intake.handling.steps import case_data_key
from hub.intake.resolver import Outcome
from hub.ledger.entries import Draft, append, seal
from hub.ledger.tables import LedgerEntryRow
from hub.registry.departments.store import Departments, read_departments
from hub.registry.matters.guard import MatterBook
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256

LATELY: Final = timedelta(days=90)
SEEN: Final = frozenset({ATTESTED, CARD_READ, PRESENTED})
"""Corroborations that say: who the case is about stood at the counter."""
_ENTRIES: Final = table(LedgerEntryRow)
_READ: Final = "evidence.read"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One thing that was asked for the case. `outcome` None: the case is closed, and no more is told."""

    title: Words
    whose: Words
    department: Words | None
    at: datetime
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Needed:
    """What the person still brings, or says first."""

    title: Words
    whose: Words


@dataclass(frozen=True, slots=True)
class Slip:
    """Both languages stand on the paper. `looks` None: not told on this one. `reads`: of whoever decides the case."""

    case: store.Case
    matter: Words
    printed: datetime
    fetched: Sequence[Fetched]
    needed: Sequence[Needed]
    decider: Words
    reads: Sequence[datetime]
    looks: Looks | None
    contacts: Sequence[tuple[Words, str]]
    codes: Sequence[tuple[Words, str]] = field(repr=False)
    """By which each party rates the case once it has closed: whose, and its digits."""
    people: Sequence[Any] = field(repr=False, default=())


class CaseSlips:
    """Prints them."""

    def __init__(
        self, database: Database, *, counter: Counter, confirming: Confirming, vault: Vault, clock: Clock
    ) -> None:
        self._database = database
        self._counter = counter
        self._confirming = confirming
        self._vault = vault
        self._matters = MatterBook(vault)
        self._clock = clock

    async def print(self, actor: Actor, case_no: str, language: str) -> Slip:
        """The slip; that it was printed, and the digest of what stands on it, is on the ledger before.

        Raises: ForbiddenError, NoCounterError, CaseNotFoundError, IntegrityBrokenError.
        """
        found = await self._counter.look(actor, case_no, language)
        now = self._clock()
        return await self._database.write(lambda tx: self._print(tx, actor, found, now))

    def _print(self, tx: Connection, actor: Actor, found: CounterCase, now: datetime) -> Slip:
        case, departments = found.case, read_departments(tx)
        matter, person = self._matters.matter(tx, case.matter_id), self._person(tx, case, now)
        owner = departments.by_code(matter.department_code)
        decider = departments.current(owner.id) if owner else None
        offices = [item for item in (decider, departments.by_id.get(case.department_id)) if item is not None]
        named = {item.id: ((item.name_zh, item.name_en), item.contact) for item in offices}
        looks = count_looks(tx, self._vault, person, since=now - LATELY, case_id=case.id, now=now) if person else None
        slip = Slip(
            case=case,
            matter=(matter.name_zh, matter.name_en),
            printed=now,
            fetched=self._fetched(tx, case, matter, departments),
            needed=_needed(found, matter),
            decider=(decider.name_zh, decider.name_en) if decider else ("", ""),
            reads=_reads(tx, case),
            looks=looks,
            contacts=list(named.values()),
            codes=codes_of(tx, self._vault, case, now),
            people=found.people,
        )
        self._record(tx, actor, slip, person, now)
        return slip

    def _person(self, tx: Connection, case: store.Case, now: datetime) -> Subject | None:
        """The one who stands there; None unless that is sure."""
        parties = list(store.parties_of(tx, case.id).values())
        numbered = [party for party in parties if party.lookup_hash is not None]
        seen = any(item["kind"] in SEEN for item in case.corroboration)
        if not seen or len(numbered) != 1 or any(party.acts_for for party in parties):
            return None
        return self._confirming.party(tx, numbered[0], now)

    def _fetched(self, tx: Connection, case: store.Case, matter: Matter, departments: Departments) -> list[Fetched]:
        newest: dict[tuple[str, str], Fetched] = {}
        for answer in given(tx, self._vault, case):
            for item in answer.items():
                outcome, evidence = Outcome(item["outcome"]), item.get("evidence")
                if outcome is Outcome.NOT_APPLICABLE:
                    newest.pop((item["code"], item["party"]), None)
                    continue
                newest[item["code"], item["party"]] = Fetched(
                    title=_title(matter, item["code"]),
                    whose=(whose(item["party"], "zh-CN"), whose(item["party"], "en")),
                    department=_office(departments, source_department(evidence["source"])) if evidence else None,
                    at=answer.decided_at,
                    outcome=outcome if case.state != store.CLOSED else None,
                )
        return list(newest.values())

    def _record(self, tx: Connection, actor: Actor, slip: Slip, person: Subject | None, now: datetime) -> None:
        """Under the key of whom it is about, who sees it; of nobody who is sure, under the case's."""
        key = self._vault.data_key(person.data_key, person.kek_kid) if person else case_data_key(self._vault, slip.case)
        detail = {
            "by": actor.as_json(),
            "case_no": slip.case.case_no,
            "department_id": actor.department_id,
            "matter": slip.case.matter_code,
            "lately": slip.looks is not None,
            "payload_hash": sha256(canonical(_meaning(slip))).hex(),
        }
        subject_id = person.id if person else None
        draft = Draft(kind="slip.printed", detail=detail, key=key, subject_id=subject_id, case_id=slip.case.id)
        append(tx, [seal(draft, now=now)])


def codes_of(tx: Connection, vault: Vault, case: store.Case, now: datetime) -> list[tuple[Words, str]]:
    """The codes of the parties that have a number, known to the hub or not, as they are printed; none where the time to
    rate is over.
    """
    codes = [(party, code_of(tx, vault, case, party, now)) for party in store.parties_of(tx, case.id).values()]
    return [((whose(party.role, "zh-CN"), whose(party.role, "en")), in_groups(code)) for party, code in codes if code]


def _meaning(slip: Slip) -> Mapping[str, Any]:
    """What stands on the paper, for its digest."""
    fetched = [
        [item.title[0], item.whose[0], (item.department or ("", ""))[0], rfc3339(item.at), item.outcome or ""]
        for item in slip.fetched
    ]
    looks = [[asdict(item) for item in part] for part in (slip.looks.all, slip.looks.of_case)] if slip.looks else []
    return {
        "fetched": fetched,
        "needed": [[item.title[0], item.whose[0]] for item in slip.needed],
        "reads": [rfc3339(at) for at in slip.reads],
        "looks": looks,
        "contacts": [[name[0], contact] for name, contact in slip.contacts],
    }


def _needed(found: CounterCase, matter: Matter) -> list[Needed]:
    return [
        Needed(_title(matter, line.code), (whose(line.party, "zh-CN"), whose(line.party, "en")))
        for line in (*found.wanted, *found.first_settled, *found.insisted)
    ]


def _title(matter: Matter, code: str) -> Words:
    known = matter.requirement(code)
    return (known.title_zh, known.title_en) if known else (code, code)


def _office(departments: Departments, code: str) -> Words | None:
    found = departments.by_code(code)
    return (found.name_zh, found.name_en) if found else None


def _reads(tx: Connection, case: store.Case) -> Sequence[datetime]:
    mine = (_ENTRIES.c.case_id == case.id, _ENTRIES.c.kind == _READ)
    query = select(_ENTRIES.c.recorded_at).where(*mine).order_by(_ENTRIES.c.id)
    return tuple(tx.execute(query).scalars())
