"""Asking for the evidence of a whole family: every case under its own matter's grants, all at once; one list after it.

What another case of the family will give is waited for. The moment its certificate is issued, or its case is closed, a
job asks again, under the system's own grants, as the system asked; the case's system is told where the answer lies.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, select

from catalog.store import find_system_key
from catalog.tables import SystemRow, table
from hub.access.actors import Role
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store as cases_store
from hub.intake.calls import EvidenceCall
from hub.intake.errors import CaseClosedError, CaseNotFoundError, InFlightError
from hub.intake.evidence import EvidenceService
from hub.intake.families import store
from hub.intake.families.progress import Line, givers
from hub.intake.families.reading import Whole
from hub.intake.families.service import FamilyService
from hub.intake.families.store import Family, Wait
from hub.intake.families.views import shown
from hub.intake.outcomes import Outcome
from hub.intake.owed.store import key_in_use
from hub.intake.told.telling import CaseEvent, tell
from hub.ledger.entries import Draft, append, seal
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.jobs import enqueue, unsettled

ADVANCE: Final = "family.advance"
"""The kind of job that asks again for what waited."""
_SYSTEMS: Final = table(SystemRow)
_AT_ONCE: Final = 8
_LOOK: Final = timedelta(minutes=1)
"""After which a job writes down what waits, where the process that asked could not."""
OUT_OF_USE: Final = timedelta(hours=1)
"""After which a job looks again whether the family's system is back in use: nobody asks in its name meanwhile."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FamilyCall:
    """One request for the evidence of all cases. `purposes`: by matter, where it is not the common one."""

    family_no: str
    purpose: str
    purposes: Mapping[str, str]
    language: str
    request_hash: str
    idempotency_key: str | None = None

    def key_of(self, case_no: str) -> str | None:
        """The key of one case's pull: a family that is asked again under its key gets each case's first answer."""
        if self.idempotency_key is None:
            return None
        return "family:" + hashlib.sha256(f"{case_no}\x1f{self.idempotency_key}".encode()).hexdigest()

    def purpose_of(self, matter: str) -> str:
        """For what a case's evidence is asked."""
        return self.purposes.get(matter, self.purpose)

    def as_json(self, client_id: str, kid: str) -> dict[str, Any]:
        """As it is kept, to be asked again."""
        return {
            "purpose": self.purpose,
            "purposes": dict(self.purposes),
            "language": self.language,
            "request_hash": self.request_hash,
            "client_id": client_id,
            "kid": kid,
        }


class FamilyAsking:
    """Asks, and asks again."""

    def __init__(
        self,
        database: Database,
        *,
        families: FamilyService,
        evidence: EvidenceService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._families = families
        self._evidence = evidence
        self._clock = clock

    async def pull(self, caller: Caller, call: FamilyCall) -> dict[str, Any]:
        """Ask for everything in every open case; the view of the family after it. Each case has its own answer, which
        its system fetches.

        Raises: FamilyNotFoundError, CaseClosedError, StorageError.
        """
        family = await self._families.get(caller, call.family_no)
        if family.state != store.OPEN:
            raise CaseClosedError
        members = await self._database.read(lambda tx: store.members_of(tx, family.id))
        await self.begin(caller, family, call)
        await self._ask(caller, [(case, None) for case in members], call)
        return await self.settle(family, call.language)

    async def begin(self, caller: Caller, family: Family, call: FamilyCall) -> None:
        """Note as what, and for what, is asked: what waits is asked again so. For whoever asks case by case."""
        asked = call.as_json(caller.client_id, caller.kid)
        await self._database.write(lambda tx: self._begin(tx, family.id, asked))

    async def settle(self, family: Family, language: str) -> dict[str, Any]:
        """Write down what waits now; the view of the family."""
        return await self._database.write(lambda tx: self._settled(tx, family.id, language))

    def _begin(self, tx: Connection, family_id: str, asked: dict[str, Any]) -> None:
        """Whatever becomes of this process, what waits is written down afterwards."""
        now = self._clock()
        store.change_family(tx, family_id, asked=asked)
        enqueue(tx, ADVANCE, {"family": family_id, "look": True}, now=now, due=now + _LOOK)

    async def advance(self, payload: Mapping[str, Any]) -> None:
        """The handler of `ADVANCE`. What is still not there goes on waiting, as long as it may still come."""
        family = await self._database.write(lambda tx: self._still_open(tx, payload["family"]))
        if family is None or not family.asked:
            return
        if payload.get("look"):
            await self._database.write(lambda tx: self._settled(tx, family.id, family.asked["language"]))
            return
        waiting = await self._database.read(lambda tx: store.waits_of(tx, family.id))
        caller = await self._database.read(lambda tx: caller_of(tx, family))
        if not waiting:
            return
        if caller is None:
            await self._database.write(lambda tx: self._later(tx, family.id, payload))
            return
        call = FamilyCall(
            family.family_no, family.asked["purpose"], family.asked["purposes"], family.asked["language"],
            family.asked["request_hash"],
        )  # fmt: skip
        by_case: dict[str, list[str]] = {}
        for item in waiting:
            by_case.setdefault(item.case_id, []).append(item.requirement)
        members = await self._database.read(lambda tx: store.members_of(tx, family.id))
        again = [
            (case, tuple(dict.fromkeys(by_case[case.id])))
            for case in members
            if case.id in by_case and case.state == cases_store.OPEN
        ]
        await self._ask(caller, again, call)
        await self._database.write(lambda tx: self._settled(tx, family.id, call.language, before=waiting))

    def _later(self, tx: Connection, family_id: str, payload: Mapping[str, Any]) -> None:
        """One job looks again, whatever many ordered meanwhile."""
        now, again = self._clock(), {"family": family_id, "again": True}
        if payload == again or again not in unsettled(tx, ADVANCE):
            enqueue(tx, ADVANCE, again, now=now, due=now + OUT_OF_USE)

    def _still_open(self, tx: Connection, family_id: str) -> Family | None:
        """The family, if a case of it is open; with the last one it is closed here."""
        family = store.family_by_id(tx, family_id, change=True)
        if family is None or family.state != store.OPEN:
            return None
        if any(case.state != cases_store.CLOSED for case in store.members_of(tx, family.id)):
            return family
        now = self._clock()
        store.change_family(tx, family.id, state=store.CLOSED, closed_at=now)
        store.set_waits(tx, family.id, [])
        draft = Draft(
            kind="family.close", detail={"family_no": family.family_no}, key=self._families.reader.key(family)
        )
        append(tx, [seal(draft, now=now)])
        return None

    async def _ask(
        self,
        caller: Caller,
        members: Sequence[tuple[cases_store.Case, tuple[str, ...] | None]],
        call: FamilyCall,
    ) -> None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(case: cases_store.Case, codes: tuple[str, ...] | None) -> None:
            asked = EvidenceCall(
                case_no=case.case_no,
                requirements=codes,
                purpose=call.purpose_of(case.matter_code),
                language=call.language,
                request_hash=call.request_hash,
                idempotency_key=call.key_of(case.case_no),
            )
            async with places:
                try:
                    await self._evidence.pull(caller, asked)
                except (CaseClosedError, CaseNotFoundError, InFlightError) as error:
                    _log.info("family_case_not_asked", case=case.case_no, error=type(error).__name__)

        await asyncio.gather(*(one(case, codes) for case, codes in members if case.state == cases_store.OPEN))

    def _settled(
        self, tx: Connection, family_id: str, language: str, *, before: Sequence[Wait] | None = None
    ) -> dict[str, Any]:
        """Write what waits now; with `before`, tell of what came since, and of what will not come."""
        family = store.family_by_id(tx, family_id, change=True)
        assert family is not None  # noqa: S101  # families are never deleted
        whole = self._families.reader.whole(tx, family)
        lines = self._families.reader.lines(tx, whole)
        now = self._clock()
        waits = list(dict.fromkeys(wait for line in lines for wait in _waits(tx, line, whole)))
        if store.set_waits(tx, family.id, waits):
            # Issued since that case was asked, and before anybody knew that it waits.
            enqueue(tx, ADVANCE, {"family": family.id}, now=now)
        if before is not None:
            still = {(item.case_id, item.requirement) for item in waits}
            gone = [item for item in before if (item.case_id, item.requirement) not in still]
            self._tell(tx, whole, lines, gone, now)
        return shown(whole, lines, language)

    def _tell(self, tx: Connection, whole: Whole, lines: Sequence[Line], gone: Sequence[Wait], now: datetime) -> None:
        members = {member.case.id: member for member in whole.members}
        key = self._families.reader.key(whole.family)
        for case_id, code in sorted({(item.case_id, item.requirement) for item in gone}):
            case = members[case_id].case
            about = [item for item in lines if (item.case_no, item.requirement.code) == (case.case_no, code)]
            if not about:
                continue
            came = all(line.outcome is Outcome.SATISFIED for line in about)
            detail = {"family_no": whole.family.family_no, "case_no": case.case_no, "code": code, "came": came}
            draft = Draft(kind="family.advance", detail=detail, key=key, case_id=case.id)
            append(tx, [seal(draft, now=now)])
            for line in about:
                # One answer may renew several: each is told, and each once.
                once = hashlib.sha256(f"{line.answer_id}\x1f{code}\x1f{line.role}".encode()).hexdigest()
                tell(
                    tx, case.id, CaseEvent.EVIDENCE_RENEWED, entry_id=draft.id, now=now, code=code, party=line.role,
                    answer_id=line.answer_id, about=once,
                )  # fmt: skip
            if not came:
                notify(
                    tx, "family.given_up", department_id=whole.family.department_id, role=Role.CONSUMER_ENGINEER,
                    about=("family", whole.family.id), now=now, once=f"{case.case_no}:{code}"[:64],
                )  # fmt: skip


def _waits(tx: Connection, line: Line, whole: Whole) -> list[Wait]:
    member = whole.member(line.matter)
    found = givers(line, whole.feeds, whole.coming)
    if member is None or not found or member.case.state != cases_store.OPEN:
        return []
    party = cases_store.parties_of(tx, member.case.id).get(line.role)
    lookup = party.lookup_hash if party else None
    return [Wait(member.case.id, line.requirement.code, feed.matter, feed.type_code, lookup) for feed in found]


def issued(tx: Connection, types: Sequence[str], made: Callable[[], Sequence[str]], now: datetime) -> None:
    """What the transaction that makes licences current has done: families that wait for one of them go on."""
    if not store.anybody_awaits(tx, types):
        return
    for family_id in store.families_awaiting(tx, types, made()):
        enqueue(tx, ADVANCE, {"family": family_id}, now=now)


def case_closed(tx: Connection, case: cases_store.Case, now: datetime) -> None:
    """What the transaction that closes a case has done: its family goes on without it. By a job: whoever changes a
    family locks it before its cases.
    """
    family_id = store.family_id_of(tx, case.id)
    if family_id is not None:
        enqueue(tx, ADVANCE, {"family": family_id}, now=now)


def caller_of(tx: Connection, family: Family) -> Caller | None:
    """The family's own system by the key that asked, or by its newest one; None while it is out of use."""
    client_id = tx.execute(select(_SYSTEMS.c.client_id).where(_SYSTEMS.c.id == family.system_id)).scalar_one()
    kid = key_in_use(tx, client_id, family.asked.get("kid", ""))
    key = find_system_key(tx, client_id, kid) if kid else None
    if key is None:
        return None
    return Caller(key.system_id, key.client_id, key.department_id, key.kid, key.jwk, expires_at=0.0)


def request_hash(family_no: str, raw: bytes) -> str:
    """What the bundles of its cases bind themselves to."""
    return hashlib.sha256(b"POST\n/api/v1/families/" + family_no.encode() + b"/evidence\n" + raw + b"\n").hexdigest()
