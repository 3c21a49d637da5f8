"""Rating without a phone or a sign-in: by the code on the slip that a person took home, once, from any browser.

A code opens nothing but the question how it went. Until it is right nothing tells whether there is such a code, what
the case was, or whether it has been rated: unknown, over, used and of an erased person sound alike. Nobody is kept out
for guessing: a code has too many digits to be guessed (`hub.citizens.ratings.codes`), and people who share an address
would be kept out with him.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from certificates.stores.holders import Subject, find_subjects
from hub.citizens.behind import subject_behind
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.late.holding import hidden_cases
from hub.citizens.present import lock_holder
from hub.citizens.ratings import code_rows, codes, store
from hub.citizens.ratings.errors import RatedError, SlipRefusedError, StillOpenError
from hub.citizens.ratings.store import BY_SLIP, Past
from hub.citizens.ratings.writing import Given, Writing, counted_papers
from hub.clock import Clock
from hub.intake import store as cases
from hub.intake.asks.papers import PaperCounts
from hub.intake.store import CLOSED, Case, Party
from hub.storage.database import Database
from hub.storage.idempotency import write_once
from hub.storage.vault import Vault

_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a code opens."""

    case: Case
    party: Party
    subject: Subject | None
    past: Past


class SlipRatings:
    """Use cases of whoever has the slip."""

    def __init__(self, database: Database, *, vault: Vault, papers: PaperCounts, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._papers = papers
        self._writing = Writing(vault)
        self._clock = clock

    async def look(self, typed: str) -> Past:
        """What is to be rated. Raises: SlipRefusedError; StillOpenError: it has not closed yet."""
        return await self._past(_digits(typed), self._clock())

    async def rate(self, typed: str, given: Given) -> Past:
        """Rate it, once. Raises: as `look`; ObjectionError: what was given."""
        given.check()
        digits, now = _digits(typed), self._clock()
        found = await self._past(digits, now)
        counted = await counted_papers(self._papers, found.case_no)

        def unit(tx: Connection) -> None:
            opened = self._opened(tx, digits, now)
            subject = opened.subject or subject_behind(tx, self._vault, opened.case, opened.party, now)
            subject = lock_holder(tx, subject.id)
            self._writing.write(tx, subject, opened.past, given, counted, now, channel="slip", kind=BY_SLIP)

        try:
            await write_once(self._database, unit)
        except (RatedError, HolderSignInNeededError):  # a moment ago, elsewhere; or erased
            raise SlipRefusedError from None
        return found

    async def sweep(self) -> int:
        """Forget codes that are over, some at a time. Raises: StorageError."""
        now = self._clock()
        return await self._database.write(lambda tx: code_rows.forget_old(tx, now))

    async def _past(self, digits: str, now: datetime) -> Past:
        return (await self._database.read(lambda tx: self._opened(tx, digits, now))).past

    def _opened(self, tx: Connection, digits: str, now: datetime) -> _Opened:
        found = code_rows.find(tx, self._vault, digits, now)
        case = cases.case_by_id(tx, found[0]) if found else None
        parties = cases.parties_of(tx, case.id).values() if case else ()
        party = next((one for one in parties if found and one.sealed and one.sealed.id == found[1]), None)
        if case is None or party is None or party.lookup_hash is None:
            raise SlipRefusedError
        subject = find_subjects(tx, [party.lookup_hash]).get(party.lookup_hash)
        if subject is not None and hidden_cases(tx, self._vault, subject, [case.id], now=now):
            raise SlipRefusedError
        if case.state != CLOSED:
            raise StillOpenError
        rows = store.past_of(tx, party.lookup_hash, subject.id if subject else _NOBODY, case_no=case.case_no, limit=1)
        if not rows or rows[0].stars is not None:
            raise SlipRefusedError
        return _Opened(case, party, subject, rows[0])


def _digits(typed: str) -> str:
    digits = codes.read(typed)
    if digits is None:  # mistyped: nothing is asked
        raise SlipRefusedError
    return digits
