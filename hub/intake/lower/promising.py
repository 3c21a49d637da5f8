"""Promises 告知承诺/容缺: offered in full, confirmed by the person, due by a clock, followed up by the hub itself.

Only what nobody's records gave may be promised: after an answer `no_source`, with nothing owed. A debt never becomes a
promise, and nobody is asked to promise what could be fetched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.clocks import Limit
from catalog.grants import CaseKind
from hub.access.service import Caller
from hub.clock import Clock, new_id, rfc3339
from hub.intake.lower import promise_store as store
from hub.intake.lower.errors import PromiseStateError, StandInRefusedError
from hub.intake.lower.finding import About, about, held_open, own_case
from hub.intake.lower.promise_store import GIVEN, KEPT, OFFERED, WITHDRAWN, Promise
from hub.intake.lower.promise_text import text_of
from hub.intake.lower.promised import bound_of, promise_place, record_promise
from hub.intake.lower.reading import last_items
from hub.intake.lower.values import serves, standing_of
from hub.intake.outcomes import Outcome
from hub.intake.owed.store import debts_of
from hub.intake.store import Case
from hub.registry.clocks import ClockService, started
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256, strict_loads

FOLLOW: Final = "commitment.follow"
"""The kind of job that looks whether a promise was kept, when it is due."""
NEAR: Final = "commitment.near"
_NEAR: Final = 3
METHODS: Final = ("signed_paper", "e_signature", "on_screen")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How the person confirmed: which text, by its SHA-256 in hex, in which form, before which clerk."""

    text_sha256: str
    method: str
    clerk: str
    reference: str = ""


class Promises:
    """Offers promises, takes and ends them."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._matters = MatterBook(vault)
        self._clocks = ClockService(vault)

    async def offer(
        self, caller: Caller, case_no: str, code: str, party: str | None, *, chosen_by: str, purpose: str
    ) -> dict[str, Any]:
        """The text of a promise that the person has chosen to make, to be shown in full. Nothing is promised yet.

        Raises: CaseNotFoundError, CaseClosedError, UnlistedRequirementError, StandInRefusedError.
        """
        now = self._clock()
        promise_id = await self._database.write(
            lambda tx: self._offer(tx, caller, case_no, (code, party), chosen_by, purpose, now)
        )
        return await self._shown(caller, case_no, promise_id)

    async def confirm(
        self, caller: Caller, case_no: str, promise_id: str, confirmation: Confirmation
    ) -> dict[str, Any]:
        """The person confirms the very text that was shown: from now on the promise stands, and its time runs.

        Raises: CaseNotFoundError, CaseClosedError, MissingError, StandInRefusedError, PromiseStateError.
        """
        now = self._clock()
        try:
            await self._database.write(lambda tx: self._confirm(tx, caller, case_no, promise_id, confirmation, now))
        except ConflictError as error:
            raise PromiseStateError("one_stands") from error
        return await self._shown(caller, case_no, promise_id)

    async def end(
        self, caller: Caller, case_no: str, promise_id: str, *, kept: bool, clerk: str, reference: str = ""
    ) -> dict[str, Any]:
        """`kept`: what was promised was supplied, also when the case has closed; else the person takes it back, which
        leaves the requirement open again.

        Raises: CaseNotFoundError, MissingError, PromiseStateError.
        """
        now, state = self._clock(), KEPT if kept else WITHDRAWN

        def unit(tx: Connection) -> None:
            case, promise = self._own(tx, caller, case_no, promise_id)
            if promise.state != GIVEN or not store.end(tx, promise, state, now=now):
                raise PromiseStateError(promise.state)
            key = (case.data_key, case.kek_kid)
            record_promise(tx, self._vault, promise, key, state, now, clerk=clerk, reference=reference)

        await self._database.write(unit)
        return await self._shown(caller, case_no, promise_id)

    async def list(self, caller: Caller, case_no: str) -> list[dict[str, Any]]:
        """Every promise of the caller's own case. Raises: CaseNotFoundError."""

        def unit(tx: Connection) -> list[dict[str, Any]]:
            case = own_case(tx, caller, case_no)
            return [self._told(case, promise) for promise in store.promises_of(tx, case.id)]

        return await self._database.read(unit)

    def _offer(
        self,
        tx: Connection,
        caller: Caller,
        case_no: str,
        what: tuple[str, str | None],
        chosen_by: str,
        purpose: str,
        now: datetime,
    ) -> str:
        case = own_case(tx, caller, case_no)
        held_open(tx, case)
        found = about(tx, self._matters, case, *what)
        self._check(tx, found)
        rule = found.requirement.stand_ins.commitment
        assert rule is not None  # noqa: S101  # checked above
        words = text_of(found.matter, found.requirement, rule)
        digest = sha256(canonical(words)).hex()
        same = (OFFERED, found.requirement.code, found.requirement.party, digest, purpose, caller.kid)
        for known in store.promises_of(tx, case.id):
            if (known.state, known.code, known.party, known.text_digest, known.purpose, known.kid) == same:
                return known.id  # a page that is sent again offers nothing new
        promise_id, key = new_id(), self._vault.data_key(case.data_key, case.kek_kid)
        content = {
            "text": words,
            "due_days": rule.due_days,
            "consequence": {"zh": rule.consequence_zh, "en": rule.consequence_en},
        }
        store.add_promise(
            tx,
            {
                "id": promise_id,
                "case_id": case.id,
                "system_id": caller.system_id,
                "code": found.requirement.code,
                "party": found.requirement.party,
                "template": rule.template,
                "text_digest": digest,
                "content": key.encrypt(promise_place(promise_id), canonical(content)),
                "state": OFFERED,
                "chosen_by": chosen_by,
                "purpose": purpose,
                "kid": caller.kid,
                "clock": {},
                "offered_at": now,
                "attempts": 0,
            },
        )
        return promise_id

    def _check(self, tx: Connection, found: About) -> None:
        """Whether it may be promised now. Raises: StandInRefusedError."""
        case, requirement = found.case, found.requirement
        about_it = (requirement.code, requirement.party)
        if requirement.stand_ins.commitment is None:
            raise StandInRefusedError("no_commitment", "/requirement")
        if case.kind == CaseKind.EX_OFFICIO.value:
            raise StandInRefusedError("nobody_applied", "/requirement")
        if any((debt.code, debt.party) == about_it for debt in debts_of(tx, case.id, only_open=True)):
            raise StandInRefusedError("owed_by_a_department", "/requirement")
        if store.standing_promise(tx, standing_of(case.id, *about_it)) is not None:
            raise StandInRefusedError("promised_already", "/requirement")
        item = last_items(tx, self._vault, case).get(about_it)
        if item is None or not serves(requirement, Outcome(item["outcome"])):
            raise StandInRefusedError("not_asked_of_the_person", "/requirement")

    def _confirm(
        self,
        tx: Connection,
        caller: Caller,
        case_no: str,
        promise_id: str,
        confirmation: Confirmation,
        now: datetime,
    ) -> None:
        case, promise = self._own(tx, caller, case_no, promise_id)
        held_open(tx, case)
        if promise.state != OFFERED:
            raise PromiseStateError(promise.state)
        if confirmation.text_sha256 != promise.text_digest:
            raise StandInRefusedError("another_text", "/text_sha256")
        found = about(tx, self._matters, case, promise.code, promise.party)
        self._check(tx, found)
        content = self._content(case, promise)
        clocks = self._clocks.in_force(tx)
        running = started(clocks, Limit.PROMISE, filed_at=now, now=now, days=int(content["due_days"]))
        given = replace(promise, given_at=now, due_at=running.due_at)
        how = {"method": confirmation.method, "reference": confirmation.reference}
        content |= {"confirmed": how | bound_of(given)}
        key = self._vault.data_key(case.data_key, case.kek_kid)
        said = {"clerk": confirmation.clerk, "method": confirmation.method, "due_at": rfc3339(running.due_at)}
        entry_id = record_promise(
            tx, self._vault, promise, (case.data_key, case.kek_kid), GIVEN, now, template=promise.template, **said
        )
        values = {
            "content": key.encrypt(promise_place(promise.id), canonical(content)),
            "clock": running.clock.as_json(),
            "given_at": now,
            "due_at": running.due_at,
            "ledger_entry_id": entry_id,
        }
        if not store.give(tx, promise.id, standing_of(case.id, promise.code, promise.party), values):
            raise PromiseStateError("given")
        near = max(now, clocks.calendar.before(running.due_at, _NEAR))
        enqueue(tx, NEAR, {"commitment": promise.id}, now=now, due=near)
        enqueue(tx, FOLLOW, {"commitment": promise.id, "attempt": 0}, now=now, due=running.due_at)

    def _own(
        self, tx: Connection, caller: Caller, case_no: str, promise_id: str, *, lock: bool = True
    ) -> tuple[Case, Promise]:
        case, promise = own_case(tx, caller, case_no), store.find_promise(tx, promise_id, lock=lock)
        if promise is None or promise.case_id != case.id:
            raise MissingError("commitment")
        return case, promise

    async def _shown(self, caller: Caller, case_no: str, promise_id: str) -> dict[str, Any]:
        def unit(tx: Connection) -> dict[str, Any]:
            case, promise = self._own(tx, caller, case_no, promise_id, lock=False)
            return self._told(case, promise)

        return await self._database.read(unit)

    def _content(self, case: Case, promise: Promise) -> dict[str, Any]:
        key = self._vault.data_key(case.data_key, case.kek_kid)
        plain = key.decrypt(promise_place(promise.id), promise.content)
        found: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
        return found

    def _told(self, case: Case, promise: Promise) -> dict[str, Any]:
        content = self._content(case, promise)
        instants: Mapping[str, datetime | None] = {
            "offered_at": promise.offered_at,
            "given_at": promise.given_at,
            "due_at": promise.due_at,
            "ended_at": promise.ended_at,
        }
        return {
            "id": promise.id,
            "requirement": promise.code,
            "party": promise.party,
            "template": promise.template,
            "state": promise.state,
            "chosen_by": promise.chosen_by,
            "text": content["text"],
            "text_sha256": promise.text_digest,
            "due_days": content["due_days"],
            "consequence": content["consequence"],
            **{name: rfc3339(value) if value else None for name, value in instants.items()},
        }
