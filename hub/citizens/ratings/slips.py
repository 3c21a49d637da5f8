"""Rating without a phone or a sign-in: by the code on the slip that a person took home, once, from any browser.

A code opens nothing but the question how it went. Until it is right nothing tells whether there is such a code, what
the case was, or whether it has been rated: unknown, over, used and of an erased person sound alike. Guesses are counted
by address before anything is looked at; right ones are given back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from certificates.stores.holders import Subject, find_subjects
from hub.access.staff_throttle import Throttle
from hub.citizens.behind import subject_behind
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.late.holding import hidden_cases
from hub.citizens.present import lock_holder
from hub.citizens.ratings import code_rows, codes, store
from hub.citizens.ratings.errors import RatedError, SlipRefusedError, StillOpenError
from hub.citizens.ratings.store import Past
from hub.citizens.ratings.writing import BY_SLIP, Given, Writing, counted_papers
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
        self._throttle = Throttle(vault)
        self._clock = clock

    async def look(self, typed: str, peer: str) -> Past:
        """What is to be rated. Raises: SlipRefusedError, LockedOutError; StillOpenError: it has not closed yet."""
        digits = codes.read(typed)
        if digits is None:  # mistyped: nothing is asked, and no guess is counted
            raise SlipRefusedError
        now = self._clock()
        return (await self._counted(peer, now, lambda tx: self._opened(tx, digits, now))).past

    async def rate(self, typed: str, peer: str, given: Given) -> Past:
        """Rate it, once. Raises: as `look`; ObjectionError: what was given."""
        given.check()
        digits = codes.read(typed)
        if digits is None:
            raise SlipRefusedError
        now = self._clock()
        found = (await self._counted(peer, now, lambda tx: self._opened(tx, digits, now))).past
        counted = await counted_papers(self._papers, found.case_no)

        def unit(tx: Connection) -> None:
            opened = self._opened(tx, digits, now)
            subject = opened.subject or subject_behind(tx, self._vault, opened.case, opened.party, now)
            subject = lock_holder(tx, subject.id)
            self._writing.write(tx, subject, opened.past, given, counted, now, kind=BY_SLIP)

        try:
            await write_once(self._database, unit)
        except (RatedError, HolderSignInNeededError):  # a moment ago, elsewhere; or erased
            raise SlipRefusedError from None
        return found

    async def sweep(self) -> int:
        """Forget codes that are over, some at a time. Raises: StorageError."""
        now = self._clock()
        return await self._database.write(lambda tx: code_rows.forget_old(tx, now))

    async def _counted(self, peer: str, now: datetime, look: Callable[[Connection], _Opened]) -> _Opened:
        name = f"rating-code {peer}"
        await self._database.write(lambda tx: self._throttle.claim(tx, user_name=name, peer=name, now=now))

        def right(tx: Connection) -> None:
            self._throttle.succeeded(tx, user_name=name, peer=name, now=now)

        try:
            found = await self._database.read(look)
        except StillOpenError:
            await self._database.write(right)
            raise
        await self._database.write(right)
        return found

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
