"""A party rates a closed case once, and says what he brought. A bad one is followed up, with a clock until answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from certificates.stores.holders import subject_by_id
from hub.citizens.late.holding import hidden_cases
from hub.citizens.objections.errors import ObjectionError
from hub.citizens.objections.filing import File, Filing
from hub.citizens.objections.values import TEXT_MOST, Kind, Target
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.ratings import store
from hub.citizens.ratings.errors import RatedError
from hub.citizens.ratings.store import BAD, Figure, Past
from hub.citizens.values import SEES_OWN, Holder
from hub.clock import Clock, new_id
from hub.intake.asks.papers import PaperCounts
from hub.issuing.plan import lookup_hash
from hub.ledger.entries import Draft, append, seal
from hub.registry.departments.store import read_departments
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault

LISTED: Final = 50
BEST: Final = 5
BROUGHT_MOST: Final = 99


@dataclass(frozen=True, slots=True)
class Given:
    """One to five stars, how many papers he brought, and, of a bad one, what went wrong."""

    stars: int
    brought: int
    text: str = field(repr=False, default="")


class Ratings:
    """Use cases of a holder, and what is published. Another's case is MissingError, and on the ledger."""

    def __init__(
        self, database: Database, *, vault: Vault, papers: PaperCounts, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._papers = papers
        self._filing = Filing(vault)
        self._log_key = log_key
        self._clock = clock

    async def past(self, holder: Holder) -> Sequence[Past]:
        """His newest fifty closed cases, each with what he gave it. Raises: LevelError."""
        holder.require(SEES_OWN)
        mine = self._lookup(holder)
        return await self._database.read(lambda tx: self._past(tx, holder, mine, None, LISTED))

    async def one(self, holder: Holder, case_no: str) -> Past:
        """One of them. Raises: LevelError; MissingError: another's, or not closed."""
        holder.require(SEES_OWN)
        mine = self._lookup(holder)
        found = await self._database.read(lambda tx: self._past(tx, holder, mine, case_no, BEST))
        if not found:
            await refuse_other(self._database, self._log_key, holder, "case", self._clock())
            raise MissingError("case")
        return found[0]

    async def rate(self, holder: Holder, case_no: str, given: Given) -> None:
        """Rate it, once. Raises: as `one`; RatedError, ObjectionError, HolderSignInNeededError."""
        for name, value, most in (("stars", given.stars, BEST), ("brought", given.brought, BROUGHT_MOST)):
            if not (1 if name == "stars" else 0) <= value <= most:
                raise ObjectionError("range", f"/{name}")
        if len(given.text.strip()) > TEXT_MOST:
            raise ObjectionError("too_long", "/text")
        past = await self.one(holder, case_no)
        try:
            counted: int | None = (await self._papers.of_case(case_no)).asked
        except IntegrityBrokenError:  # what was decided in it does not open any more
            counted = None
        now = self._clock()
        await write_once(self._database, lambda tx: self._rate(tx, holder, past, given, counted, now))

    async def published(self) -> Sequence[Figure]:
        """By matter, and never of few people."""
        return await self._database.read(store.figures)

    def _past(self, tx: Connection, holder: Holder, mine: bytes, case_no: str | None, limit: int) -> list[Past]:
        """Without an investigation that he is not told of yet, and without a gap where it would stand."""
        subject, now = subject_by_id(tx, holder.id), self._clock()
        hidden: set[str] = set()
        while True:
            found = store.past_of(tx, mine, holder.id, case_no=case_no, limit=limit + len(hidden))
            more = hidden_cases(tx, self._vault, subject, [past.case_id for past in found], now=now) - hidden
            if not more:
                return [past for past in found if past.case_id not in hidden]
            hidden |= more

    def _rate(
        self, tx: Connection, holder: Holder, past: Past, given: Given, counted: int | None, now: datetime
    ) -> None:
        subject = lock_holder(tx, holder.id)
        if store.is_rated(tx, past.case_id, holder.id):
            raise RatedError
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        follow_up = new_id() if given.stars <= BAD else None
        if follow_up is not None:
            department = read_departments(tx).current(past.department_id)
            text = f"{given.stars}/{BEST}\n{given.text.strip()}".strip()
            file = File(follow_up, Kind.RATING, text, "", "self")
            target = Target(department.id, f"rating:{past.case_id}", past.matter)
            self._filing.file(tx, subject, file, target, {"case_no": past.case_no}, {}, now)
        numbers = {"stars": given.stars, "brought": given.brought, "counted": counted}
        detail = {"case_no": past.case_no, "matter": past.matter_code, "follow_up": follow_up, **numbers}
        draft = Draft(kind="case.rated", detail=detail, key=key, subject_id=subject.id, case_id=past.case_id)
        entry = seal(draft, now=now)
        append(tx, [entry])
        store.add(
            tx,
            {
                "id": new_id(),
                "case_id": past.case_id,
                "subject_id": subject.id,
                "matter_code": past.matter_code,
                "follow_up_id": follow_up,
                "given_at": now,
                "ledger_entry_id": entry.id,
                **numbers,
            },
        )

    def _lookup(self, holder: Holder) -> bytes:
        return lookup_hash(self._vault, holder.identity.id_type, holder.identity.id_number)
