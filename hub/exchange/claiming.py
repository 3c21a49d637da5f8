"""Unit 1 of a query: everything is checked before the source is asked, then the query is claimed.

The order is that of design §3: system, case, interface, grant, quota, party. One transaction, no effect outside it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from adapters.port import Value
from catalog.grants import CaseKind, Grant, ResourceKind
from catalog.interface_store import StoredInterface
from catalog.matters.roles import PLAIN, role_of
from catalog.source_store import StoredSource
from catalog.store import grants_for
from certificates.stores.holders import Subject
from hub.access.errors import InvalidTokenError, SandboxError
from hub.access.service import Caller
from hub.citizens.authorising.decisions import decisions_of
from hub.clock import BEIJING, new_id
from hub.exchange.errors import NotGrantedError, QuestionError, UnknownInterfaceError
from hub.exchange.granting import choose
from hub.exchange.judging import Readers
from hub.exchange.known import known_people
from hub.exchange.question import Identity, QueryCall, bind_params, needs_party
from hub.intake import requests, store
from hub.intake.answers import case_key
from hub.intake.errors import CaseClosedError, CaseNotFoundError
from hub.intake.handling.guard import check_stage, ledger_knows, looking
from hub.intake.identity import Standing, standing_of
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.resolver import Outcome, Why, objection_of
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.registry.guarding import DefinitionGuard
from hub.registry.matters.guard import MatterBook
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import strict_loads

_MARGIN: Final = timedelta(seconds=10)
"""A query's lease lasts as long as its source may take, and this much for deciding and signing."""


@dataclass(frozen=True, slots=True)
class ClaimedQuery:
    """A query that passed unit 1.

    Attributes:
        identity_known: the library confirms who the party is.
        dead: why nobody may confirm it: of the dead no source says that they live.
        several: several records may be an answer where the interface tells one: somebody then says which.
        not_agreed: what stands against asking at all, where the grant rests on the party's agreement.
    """

    request_id: str
    lease: str
    case: store.Case
    interface: StoredInterface
    source: StoredSource
    owner_code: str
    grant: Grant
    fields: frozenset[str]
    party: store.Party | None
    identity: Identity | None
    identity_known: bool
    subject: Subject | None
    operator_id: str = field(repr=False)
    params: Mapping[str, Value] = field(repr=False)
    dead: str = ""
    several: bool = False
    not_agreed: tuple[Outcome, Why] | None = None


class QueryClaiming:
    """Checks and claims queries of live systems; `hub.exchange.sandbox.steps` has those of sandbox credentials."""

    sandbox = False
    kind = "query"

    def __init__(self, *, vault: Vault, types: TypeRegistry, quotas: QuotaBook, readers: Readers) -> None:
        self._vault = vault
        self._guard = DefinitionGuard(vault)
        self._matters = MatterBook(vault)
        self._readers = readers
        self._types = types
        self._quotas = quotas

    def claim(self, tx: Connection, caller: Caller, call: QueryCall, taken: Taken, now: datetime) -> ClaimedQuery:
        """Unit 1. Raises: the errors of this package and of cases; RepeatedKeyError for a used Idempotency-Key."""
        if caller.sandbox is not self.sandbox:
            raise SandboxError
        case = store.find_case(tx, call.case_no, kid=caller.kid)
        if case is None or case.system_id != caller.system_id:
            raise CaseNotFoundError
        if not case.key_active:
            raise InvalidTokenError("client_disabled")
        check_stage(self._vault, case)
        if case.state != "open" or case.decided_at is not None:
            raise CaseClosedError
        answering = self._guard.answering(tx, call.interface, now=now)
        if answering is None:
            raise UnknownInterfaceError
        stored, source = answering
        officer = self._operator(case)
        grants = self.grants(tx, call, case, stored)
        grant, fields = choose(grants, stored.interface, call, case, officer=officer, now=now)
        self._quotas.take(tx, [grant], today=now.astimezone(BEIJING).date(), into=taken)
        if grant.id in taken.exhausted:
            raise NotGrantedError("quota_exhausted")
        party = self._party(tx, case, stored, call)
        identity = self.identity(case, party) if party else None
        params = bind_params(stored.interface, call, identity, case.subjects)
        for fault in self._readers.of(stored).contract.check_params(params):
            raise QuestionError(fault.pointer, fault.rule)
        subject, known = self.known(tx, case, party, now)
        request_id, lease = new_id(), new_id()
        lasts = timedelta(seconds=source.definition.limits.total_seconds) + _MARGIN
        row = _row(request_id, lease, case, caller, call, now, lasts)
        requests.claim_request(tx, row | {"kind": self.kind})
        return ClaimedQuery(
            request_id=request_id,
            lease=lease,
            case=case,
            interface=stored,
            source=source,
            owner_code=stored.interface.department,
            grant=grant,
            fields=fields,
            party=party,
            identity=identity,
            identity_known=known.confirmed,
            dead=known.dead,
            not_agreed=self._not_agreed(tx, case, grant, party, now),
            subject=subject,
            operator_id=officer,
            params=params,
        )

    def _not_agreed(
        self, tx: Connection, case: store.Case, grant: Grant, party: store.Party | None, now: datetime
    ) -> tuple[Outcome, Why] | None:
        if not grant.terms.consent or party is None:
            return None
        numbers = [party.lookup_hash] if party.lookup_hash else []
        said = settled(lambda: decisions_of(tx, self._vault, numbers, [grant.id], now=now, case_id=case.id))
        objection = objection_of([said.get((party.lookup_hash, grant.id))])
        return None if objection is None else objection[:2]

    def _party(self, tx: Connection, case: store.Case, stored: StoredInterface, call: QueryCall) -> store.Party | None:
        if not needs_party(stored.interface):
            if call.party is not None:
                raise QuestionError("/party", "not_asked_for")
            return None
        parties = store.parties_of(tx, case.id)
        if call.party is None:
            if len(parties) == 1:
                return next(iter(parties.values()))
            raise QuestionError("/party", "missing")
        if call.party not in parties:
            raise QuestionError("/party", "no_such_party")
        return parties[call.party]

    def grants(self, tx: Connection, call: QueryCall, case: store.Case, stored: StoredInterface) -> list[Grant]:
        """The grants of the case's system over the interface, their guards checked."""
        del call
        kind, code = CaseKind(case.kind), stored.interface.code
        latest = looking(tx, case)

        def look() -> list[Grant]:
            steps = ledger_knows(latest())
            grants = grants_for(tx, case.system_id, kind, ResourceKind.INTERFACE, code)
            check_guards(tx, self._vault, grants=grants, counted=steps)
            return grants

        return settled(look)

    def identity(self, case: store.Case, party: store.Party) -> Identity:
        """A party of the case in clear."""
        if party.sealed is None:
            raise IntegrityBrokenError("case_parties")
        place = store.identity_place(party.sealed.id)
        plain = case_key(self._vault, case).decrypt(place, party.sealed.identity)
        known: dict[str, Any] = strict_loads(plain, max_bytes=4096)
        return Identity(id_type=party.id_type, id_number=known["id_number"], name=known["name"])

    def known(
        self, tx: Connection, case: store.Case, party: store.Party | None, now: datetime
    ) -> tuple[Subject | None, Standing]:
        """Whom the library knows the party to be, and whether a current record confirms it."""
        if party is None or party.lookup_hash is None:
            return None, Standing(confirmed=party is None)
        subjects, held = known_people(tx, self._vault, [party.lookup_hash], self._types.current())
        today, role = now.astimezone(BEIJING).date(), role_of(party.role)

        def deceased() -> bool:
            return self._matters.matter(tx, case.matter_id).rules.get(role, PLAIN).deceased

        known = standing_of(party, held, self._types.current(), today=today, deceased=deceased)
        return subjects.get(party.lookup_hash), known

    def _operator(self, case: store.Case) -> str:
        plain = case_key(self._vault, case).decrypt(store.operator_place(case.id), case.operator)
        operator: dict[str, str] = strict_loads(plain, max_bytes=4096)
        return operator["id"]


def scoped_key(key: str | None) -> str | None:
    """The Idempotency-Key as stored: one of a query never meets one of a request for evidence (scope is the route)."""
    return None if key is None else "query:" + hashlib.sha256(key.encode()).hexdigest()


def _row(
    request_id: str,
    lease: str,
    case: store.Case,
    caller: Caller,
    call: QueryCall,
    now: datetime,
    lasts: timedelta,
) -> dict[str, Any]:
    return {
        "id": request_id,
        "case_id": case.id,
        "system_id": caller.system_id,
        "idempotency_key": scoped_key(call.idempotency_key),
        "request_hash": call.request_hash,
        "state": "claimed",
        "lease": lease,
        "lease_until": now + lasts,
        "grants": [],
        "answer": None,
        "created_at": now,
        "decided_at": None,
    }
