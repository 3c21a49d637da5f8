"""A party rates a closed case once, and says what he brought. A bad one is followed up, with a clock until answered."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from certificates.stores.holders import subject_by_id
from hub.citizens.late.holding import hidden_cases
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.ratings import store
from hub.citizens.ratings.store import Figure, Past
from hub.citizens.ratings.tally import RatingTally
from hub.citizens.ratings.writing import Given, Writing, counted_papers
from hub.citizens.values import SEES_OWN, Holder
from hub.clock import Clock
from hub.intake.asks.papers import PaperCounts
from hub.issuing.plan import lookup_hash
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault

LISTED: Final = 50


class Ratings:
    """Use cases of a holder, and what is published. Another's case is MissingError, and on the ledger."""

    def __init__(
        self, database: Database, *, vault: Vault, papers: PaperCounts, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._papers = papers
        self._writing = Writing(vault)
        self.tally = RatingTally(database, vault=vault, clock=clock)
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
        found = await self._database.read(lambda tx: self._past(tx, holder, mine, case_no, 1))
        if not found:
            await refuse_other(self._database, self._log_key, holder, "case", self._clock())
            raise MissingError("case")
        return found[0]

    async def rate(
        self,
        holder: Holder,
        case_no: str,
        given: Given,
        *,
        place: Callable[[Connection], None] | None = None,
        channel: str = "self",
    ) -> None:
        """Rate it, once. `place` raises, in the transaction that writes it, where he is not there any more; `channel`:
        how he said it.

        Raises: as `one`; RatedError, ObjectionError, HolderSignInNeededError.
        """
        given.check()
        past = await self.one(holder, case_no)
        counted, now = await counted_papers(self._papers, case_no), self._clock()

        def unit(tx: Connection) -> None:
            subject = lock_holder(tx, holder.id)
            if place is not None:
                place(tx)
            self._writing.write(tx, subject, past, given, counted, now, channel=channel)

        await write_once(self._database, unit)

    async def published(self) -> Sequence[Figure]:
        """By matter, and never of few people; some minutes behind."""
        return await self._database.read(lambda tx: store.figures(tx, self.tally.read(tx)))

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

    def _lookup(self, holder: Holder) -> bytes:
        return lookup_hash(self._vault, holder.identity.id_type, holder.identity.id_number)
