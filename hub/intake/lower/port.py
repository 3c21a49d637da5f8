"""The lower rungs in a pull: what stands in for an answer that nobody's records gave, in the transaction of unit 2.

Only after `no_source`, and after "none" where the record itself is wanted. Never for what a department owes: a debt
never becomes a promise. What stands in says so in answer, bundle, ledger and copy, and never as a certificate.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from catalog.matters.standing_in import Assurance
from certificates.stand_in_copy import stand_in_claims
from hub.access.service import Caller
from hub.clock import new_id, rfc3339
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import Copy, Item
from hub.intake.lower.asking import Asking
from hub.intake.lower.handing_in import HandedIn
from hub.intake.lower.promised import Promised
from hub.intake.lower.values import StandIn, serves
from hub.intake.lower.wanting import Wanted
from hub.intake.resolver import Outcome, Why
from hub.storage.vault import Vault
from signing import sd_jwt


class LowerRungs:
    """Looks down the ladder for the items of one answer."""

    def __init__(self, *, vault: Vault, public_url: str, lifetime: timedelta) -> None:
        self._asking = Asking(vault=vault)
        self._handed_in = HandedIn(vault=vault)
        self._promised = Promised(vault=vault)
        self._public_url = public_url
        self._lifetime = lifetime

    def stand_in(
        self,
        tx: Connection,
        caller: Caller,
        call: EvidenceCall,
        claimed: Claimed,
        items: Sequence[Item],
        now: datetime,
        *,
        asks: bool = True,
    ) -> list[Item]:
        """The items with what stands in for some of them; the others as they are.

        Args:
            asks: whether officers may be asked now; else only what is held counts.
        """
        if caller.sandbox or not any(item.resolution.requirement.stand_ins for item in items):
            return list(items)
        return [self._one(tx, caller, call, claimed, item, now, asks=asks) for item in items]

    def foresee(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, items: Sequence[Item]
    ) -> list[Item]:
        """The items with how they will end when they are decided, for conditions of the same pull: what is held
        already satisfies, what an officer is or will be asked is pending. Nothing is asked or written by looking.
        """
        return [self._foreseen(tx, caller, call, claimed, item) for item in items]

    def _foreseen(self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, item: Item) -> Item:
        resolution = item.resolution
        wanted = self._wanted(caller, call, claimed, item, claimed.question.now)
        if caller.sandbox or wanted is None or not serves(resolution.requirement, resolution.outcome):
            return item
        held = self._held(tx, wanted)
        if isinstance(held, StandIn):
            return replace(item, foreseen=Outcome.SATISFIED)
        asks = call.pays is None and wanted.corroborated and held is None
        if asks and resolution.requirement.stand_ins.verification is not None and self._asking.can_ask(tx, wanted):
            return replace(item, foreseen=Outcome.PENDING)
        return item

    def _held(self, tx: Connection, wanted: Wanted) -> StandIn | Why | None:
        """What stands in already; else why an officer's word does not."""
        verified = self._asking.held(tx, wanted)
        for found in (verified, self._handed_in.held(tx, wanted), self._promised.held(tx, wanted)):
            if isinstance(found, StandIn):
                return found
        return verified

    def _wanted(self, caller: Caller, call: EvidenceCall, claimed: Claimed, item: Item, now: datetime) -> Wanted | None:
        """Whom and what a step down the ladder is about; None where nothing may stand in."""
        requirement = item.resolution.requirement
        party = claimed.parties.get(requirement.party)
        if party is None or not requirement.stand_ins or requirement.assurance is Assurance.HIGH:
            return None
        return Wanted(
            caller=caller,
            case=claimed.case,
            matter=claimed.matter,
            requirement=requirement,
            party=party,
            subject=claimed.subjects.get(party.lookup_hash) if party.lookup_hash else None,
            grants=item.resolution.grants,
            purpose=call.purpose,
            now=now,
        )

    def _one(
        self,
        tx: Connection,
        caller: Caller,
        call: EvidenceCall,
        claimed: Claimed,
        item: Item,
        now: datetime,
        *,
        asks: bool,
    ) -> Item:
        resolution = item.resolution
        requirement = resolution.requirement
        wanted = self._wanted(caller, call, claimed, item, now)
        if wanted is None:
            return item
        if resolution.outcome in {Outcome.SATISFIED, Outcome.DECLARED_NONE} and not serves(
            requirement, resolution.outcome
        ):
            self._promised.proved(tx, wanted, claimed.request_id)
            return item
        if not serves(requirement, resolution.outcome):
            return item
        verified = self._held(tx, wanted)
        if isinstance(verified, StandIn):
            return self._satisfied(item, wanted, verified)
        told = verified
        if requirement.stand_ins.verification is not None and verified is None and asks:
            pending = self._asking.ask(tx, wanted) if wanted.corroborated else None
            if pending is not None:
                return replace(item, resolution=replace(resolution, outcome=Outcome.PENDING, why=pending))
            if not wanted.corroborated:
                told = Why("verification_uncorroborated")
        why = self._promised.why_not(tx, wanted) or told
        return replace(item, resolution=replace(resolution, why=why)) if isinstance(why, Why) else item

    def _satisfied(self, item: Item, wanted: Wanted, found: StandIn) -> Item:
        why = Why(found.why, {"department": found.department, "reference": found.reference})
        resolution = replace(item.resolution, outcome=Outcome.SATISFIED, why=why, stands_in=found.rung)
        return Item(resolution, (self._copy(wanted, found),))

    def _copy(self, wanted: Wanted, found: StandIn) -> Copy:
        claims, disclosable = stand_in_claims(
            rung=found.rung.value,
            reference=found.reference,
            digest=found.digest,
            department=found.department,
            obtained_at=found.obtained_at,
            shown=found.shown,
            audience=wanted.caller.client_id,
            receiver_jwk=wanted.caller.key_jwk,
            case_no=wanted.case.case_no,
            matter=wanted.matter.code,
            requirement=wanted.requirement.code,
            purpose=wanted.purpose,
            hub_uri=self._public_url,
            issued_at=wanted.now,
            expires_at=(wanted.now + self._lifetime).replace(microsecond=0),
            jti=new_id(),
        )
        return Copy(
            prepared=sd_jwt.prepare(claims, disclosable),
            claims={name: claims[name] for name in disclosable},
            source={"kind": found.rung.value, "department": found.department, "reference": found.reference},
            certificate={},
            obtained_at=rfc3339(found.obtained_at),
            described={"stand_in": claims["stand_in"]},
        )
