"""The sandbox 沙箱: sample persons behind the same host, paths, checks, signatures and ledger; no source is asked.

What differs from a live query is who it is about and where the answer comes from: a grant is made up for each sample
person, the record is the interface's published sample, and everything says `sandbox`: ledger kind, answer, receipt.
A live system is refused here, and a sandbox credential by `QueryClaiming`: each side checks by itself.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection

from catalog.grants import CaseKind, Grant, GrantState, ResourceKind, Terms
from catalog.interface_store import StoredInterface
from certificates.stores.holders import Subject
from hub.access.service import Caller
from hub.clock import BEIJING, Clock
from hub.exchange.claiming import ClaimedQuery, QueryClaiming
from hub.exchange.compose import Found
from hub.exchange.contract import Difference
from hub.exchange.deciding import QueryDeciding, interface_holds
from hub.exchange.judging import Asked, Readers, Reading, unavailable
from hub.exchange.mapping import MappedRow
from hub.exchange.question import QueryCall
from hub.exchange.sandbox.answers import sample_record
from hub.exchange.sandbox.people import SamplePerson, by_number
from hub.intake import store
from hub.intake.identity import Standing
from hub.intake.quotas import Taken
from hub.intake.resolver import Outcome, Why
from hub.issuing.plan import name_hash
from hub.storage.vault import Vault

SANDBOX_GRANT: Final = "sandbox"
SANDBOX_ANSWER_TYPE: Final = "sandbox-query-answer+jwt"
"""Another type than a live answer's: software that checks signatures cannot take one for the other."""
SANDBOX_KIND: Final = "sandbox"
PURPOSE: Final = "沙箱测试"


class SandboxClaiming(QueryClaiming):
    """Checks and claims queries of sandbox credentials. Neither grants nor the library are looked into."""

    sandbox = True
    kind = SANDBOX_KIND

    def grants(self, tx: Connection, call: QueryCall, case: store.Case, stored: StoredInterface) -> list[Grant]:
        """The grant as it stands for the sample person whom the question is about."""
        person = self._person(tx, case, call.party)
        if person is not None and person.grant is None:
            return []
        state = person.grant if person and person.grant else GrantState.LIVE.value
        return [_grant(case, stored, call.purpose or PURPOSE, self._operator(case), state)]

    def known(
        self, tx: Connection, case: store.Case, party: store.Party | None, now: datetime
    ) -> tuple[Subject | None, Standing]:
        """Nobody in the library: who somebody is, `SandboxFinder` compares with the sample."""
        del tx, case, party, now
        return None, Standing(confirmed=True)

    def claim(self, tx: Connection, caller: Caller, call: QueryCall, taken: Taken, now: datetime) -> ClaimedQuery:
        """As for a live query. Where the question is not about a party, the case's first one chooses the outcome."""
        claimed = super().claim(tx, caller, call, taken, now)
        if claimed.identity is not None:
            return claimed
        party = _first(tx, claimed.case)
        return replace(claimed, identity=self.identity(claimed.case, party) if party else None)

    def _person(self, tx: Connection, case: store.Case, role: str | None) -> SamplePerson | None:
        party = store.parties_of(tx, case.id).get(role) if role else _first(tx, case)
        return by_number().get(self.identity(case, party).id_number or "") if party else None


class SandboxFinder:
    """Answers out of the sample, after as long as the sample says."""

    def __init__(self, *, vault: Vault, readers: Readers, clock: Clock) -> None:
        self._vault = vault
        self._readers = readers
        self._clock = clock

    async def find(self, claimed: ClaimedQuery, call: QueryCall) -> Found:
        """The outcome of the sample person; a satisfying record passes the interface's contract like any other."""
        del call
        identity = claimed.identity
        person = by_number().get(identity.id_number or "") if identity else None
        same = identity is not None and person is not None and self._hash(person.name) == self._hash(identity.name)
        if person is None or not same:
            return Found(Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"))
        await asyncio.sleep(person.delay_seconds)
        if person.outcome is not Outcome.SATISFIED:
            return Found(person.outcome, person.why)
        return self._satisfied(claimed, person.name)

    def _satisfied(self, claimed: ClaimedQuery, name: str) -> Found:
        now = self._clock()
        reader = self._readers.of(claimed.interface)
        record = sample_record(claimed.interface.interface, claimed.params, name)
        if reader.contract.difference(MappedRow(record, ())) is not None:
            return unavailable("source_faulty")
        asked = Asked(
            params=claimed.params,
            fields=claimed.fields,
            identity_known=True,
            today=now.astimezone(BEIJING).date(),
            name_matches=None,
        )
        found = reader.judge(Reading((record,), now, None), asked)
        return unavailable("source_faulty") if isinstance(found, Difference) else found

    def _hash(self, name: str) -> bytes:
        return name_hash(self._vault, name)


class SandboxDeciding(QueryDeciding):
    """Commits what the sandbox answers, marked; there is no stored grant to lock."""

    kind = SANDBOX_KIND
    mark: Mapping[str, Any] = MappingProxyType({"sandbox": True})

    def recheck(self, tx: Connection, claimed: ClaimedQuery, found: Found, now: datetime) -> Found:
        """The interface must still answer."""
        return interface_holds(tx, claimed, found, now, source_asked=False)

    def used(self, claimed: ClaimedQuery) -> list[str]:
        """None."""
        del claimed
        return []


def _first(tx: Connection, case: store.Case) -> store.Party | None:
    return next(iter(store.parties_of(tx, case.id).values()), None)


def _grant(case: store.Case, stored: StoredInterface, purpose: str, officer: str, state: str) -> Grant:
    """All that may be shared, for any purpose. `state` may also be `expired`."""
    expired = state == "expired"
    opened = case.opened_at
    return Grant(
        id=SANDBOX_GRANT,
        owner_department_id=stored.owner_department_id,
        system_id=case.system_id,
        resource=stored.interface.code,
        kind=CaseKind(case.kind),
        terms=Terms(
            fields=stored.interface.shareable(),
            matters=frozenset({case.matter_code}),
            legal_basis=PURPOSE,
            quota_per_day=None,
            corroboration=frozenset(),
            officers=frozenset({officer}),
        ),
        purpose=purpose,
        state=GrantState.LIVE if expired else GrantState(state),
        valid_from=opened - timedelta(days=2),
        valid_until=opened - timedelta(days=1) if expired else opened + timedelta(days=3650),
        row_version=1,
        ledger_entry_id="",
        mac=b"",
        resource_kind=ResourceKind.INTERFACE,
    )
