"""Unit 2 of a query, the moment of disclosure: checked again under locks, then ledger row and answer commit together.

Locks in one fixed order (case with system and key, grant, interface with source), shared here and exclusive by whoever
ends them (seam D6): what was revoked while the source was slow is withheld.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy import Connection

from catalog.interface_store import lock_interface
from catalog.interfaces import InterfaceState
from catalog.store import lock_grants
from hub.access.service import Caller
from hub.citizens.authorising.decisions import decisions_of
from hub.citizens.notices.looks import tell_of_look
from hub.citizens.objections.shared import disputed_fields
from hub.exchange.claiming import ClaimedQuery
from hub.exchange.compose import Found, unsigned_answer, unsigned_content
from hub.exchange.judging import unavailable
from hub.exchange.pushed.marks import row_marks
from hub.exchange.question import QueryCall
from hub.exchange.uses import record_uses
from hub.intake import requests
from hub.intake.agreeing import withdrawn
from hub.intake.answers import answer_place, case_key
from hub.intake.compose import item_hash
from hub.intake.compose import stored as stored_bytes
from hub.intake.errors import InFlightError
from hub.intake.holding import hold_case
from hub.intake.resolver import Outcome, Why, entry_kind
from hub.ledger.entries import Draft, Sealed, append, seal
from hub.storage.crash import crash_at
from hub.storage.vault import Vault


class Holders(Protocol):
    """Asks the party of a query for his word (`hub.citizens.authorising.query_asking`)."""

    def ask(
        self, tx: Connection, caller: Caller, call: QueryCall, claimed: ClaimedQuery, found: Found, now: datetime
    ) -> dict[str, Any]:
        """What the answer says of it; empty where nobody is asked."""
        ...


class QueryDeciding:
    """Decides claimed queries. `holders`: None in the sandbox, where nobody is asked."""

    kind = "query"
    mark: Mapping[str, Any] = MappingProxyType({})
    """Members that every answer of this kind has besides."""

    def __init__(self, *, vault: Vault, public_url: str, holders: Holders | None) -> None:
        self._vault = vault
        self._public_url = public_url
        self._holders = holders

    def decide(
        self, tx: Connection, caller: Caller, call: QueryCall, claimed: ClaimedQuery, found: Found, now: datetime
    ) -> tuple[dict[str, Any], list[Sealed]]:
        """Unit 2. Raises: InvalidTokenError, CaseClosedError; InFlightError when the lease was lost."""
        hold_case(tx, claimed.case.id, kid=caller.kid)
        found = self.recheck(tx, claimed, found, now)
        content = unsigned_content(
            found,
            claimed.interface,
            claimed.grant,
            department=claimed.owner_code,
            language=call.language,
            now=now,
        )
        content |= {**self.mark, **self._disputed(tx, claimed, found)}
        if self._holders is not None:
            content |= self._holders.ask(tx, caller, call, claimed, found, now)
        entry = seal(self._entry(caller, claimed, found, item_hash(content)), now=now)
        answer = unsigned_answer(
            content,
            entry,
            request_id=claimed.request_id,
            case_no=claimed.case.case_no,
            audience=caller.client_id,
            issuer=self._public_url,
            request_hash=call.request_hash,
            kind=self.kind,
        )
        append(tx, [entry])
        if found.records and not caller.sandbox:
            case_no = claimed.case.case_no
            marks = row_marks(claimed.source, claimed.interface.interface.operation, claimed.params, self._vault)
            uses = ((mark, entry.id) for mark in marks)
            record_uses(tx, uses, system_id=caller.system_id, case_no=case_no, now=now)
            tell_of_look(tx, self._vault, claimed.case, [claimed.subject] if claimed.subject else [], now)
        sealed = case_key(self._vault, claimed.case).encrypt(answer_place(claimed.request_id), stored_bytes(answer))
        used = self.used(claimed)
        if not requests.decide_request(tx, claimed.request_id, claimed.lease, payload=sealed, grants=used, now=now):
            raise InFlightError
        crash_at("query.deciding")
        return answer, [entry]

    def recheck(self, tx: Connection, claimed: ClaimedQuery, found: Found, now: datetime) -> Found:
        """What may still leave, under locks."""
        return grant_holds(tx, self._vault, claimed, found, now)

    def used(self, claimed: ClaimedQuery) -> list[str]:
        """The grants that must still hold when the answer is given again."""
        return [claimed.grant.id]

    def _disputed(self, tx: Connection, claimed: ClaimedQuery, found: Found) -> dict[str, Any]:
        """Whether the party disputes something of what is given, and which fields."""
        if not found.records or claimed.subject is None:
            return {}
        marked = disputed_fields(tx, self._vault, [claimed.subject.id]).get(claimed.subject.id, set())
        here = {name for code, name in marked if code == claimed.interface.interface.code}
        fields = sorted(name for name in here if any(name in record for record in found.records))
        return {"disputed": True, "disputed_fields": fields} if fields else {}

    def _entry(self, caller: Caller, claimed: ClaimedQuery, found: Found, payload_hash: str) -> Draft:
        subject = claimed.subject
        key = (
            self._vault.data_key(subject.data_key, subject.kek_kid) if subject else case_key(self._vault, claimed.case)
        )
        detail = {
            "case_no": claimed.case.case_no,
            "matter": claimed.case.matter_code,
            "interface": claimed.interface.interface.code,
            "version": claimed.interface.version,
            "source": claimed.source.definition.code,
            "party": claimed.party.role if claimed.party else "",
            "outcome": found.outcome.value,
            "why": found.why.code,
            "client_id": caller.client_id,
            "department": claimed.case.department_code,
            "purpose": claimed.grant.purpose,
            "request_id": claimed.request_id,
            "grants": [claimed.grant.id],
            "fields": sorted(claimed.fields) if found.records else [],
            "cached": found.cached,
            "payload_hash": payload_hash,
        }
        return Draft(
            kind=caller.marked(entry_kind(found.outcome)),
            detail=detail,
            key=key,
            subject_id=subject.id if subject else None,
            case_id=claimed.case.id,
        )


def grant_holds(tx: Connection, vault: Vault, claimed: ClaimedQuery, found: Found, now: datetime) -> Found:
    """What may still leave of `found` now that the grant, and the party's word on it, are locked."""
    grant = claimed.grant
    row_version, state, until = lock_grants(tx, [grant.id]).get(grant.id, (0, "withdrawn", now))
    if row_version != grant.row_version or state != "live" or until <= now:
        code = "grant_not_in_force" if state == "live" else f"grant_{state}"
        return _withheld(found, Outcome.NOT_GRANTED, Why(code))
    if grant.terms.consent and claimed.not_agreed is None:
        objection = _not_agreed(tx, vault, claimed, now)
        if objection is not None:
            return _withheld(found, *objection)
    return interface_holds(tx, claimed, found, now)


def interface_holds(
    tx: Connection, claimed: ClaimedQuery, found: Found, now: datetime, *, source_asked: bool = True
) -> Found:
    """The same for the interface, and for the source if it was asked."""
    interface_state, ends_at, source_active = lock_interface(tx, claimed.interface.id)
    alive = interface_state in {InterfaceState.LIVE, InterfaceState.DEPRECATED}
    if not alive or (ends_at is not None and ends_at <= now):
        return unavailable("interface_withdrawn")
    return found if source_active or not source_asked else unavailable("source_quarantined")


def _not_agreed(tx: Connection, vault: Vault, claimed: ClaimedQuery, now: datetime) -> tuple[Outcome, Why] | None:
    """What stands against it now, of its party's word. Nobody takes that back until this transaction ends."""
    number = claimed.party.lookup_hash if claimed.party else None
    numbers, grants = [number] if number else [], [claimed.grant.id]
    said = decisions_of(tx, vault, numbers, grants, now=now, case_id=claimed.case.id, lock=True)
    return withdrawn([said.get((number, claimed.grant.id))])


def _withheld(found: Found, outcome: Outcome, why: Why) -> Found:
    return replace(found, outcome=outcome, why=why, records=(), cached=False, stale=False, as_of=None)
