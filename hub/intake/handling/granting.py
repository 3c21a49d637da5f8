"""Granting a case with the licences that come of it: decision and intents commit together, then they are signed.

A crash between leaves no decision without its licence: start-up signs the intent. Where a type wants two persons, the
decision waits with the licence for the second one, and commits with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection

from catalog.matters.roles import role_of
from certificates.lifecycle.rules import By, Reason
from certificates.lifecycle.states import Operation
from certificates.stores.version import VersionRecord
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.access.staff_store import find_staff
from hub.clock import Clock
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.handling.deciding import GRANTED, Decision, check_results
from hub.intake.handling.errors import AskError
from hub.intake.handling.stages import Stages
from hub.intake.handling.steps import Hand, case_data_key
from hub.intake.handling.whose import case_for
from hub.intake.store import Case
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.performing import Hands, Hook, Performing, department_of, may_issue
from hub.issuing.transitions.waiting import First, WaitingActs
from hub.issuing.types.registry import TypeInForce
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.vault import Vault
from signing.canonical import strict_loads

NO_BASIS: Final = "办件审批"


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence as whoever decides has confirmed it."""

    type_code: str
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """The licences that were made; or the act that waits for a second person, and nothing is decided yet."""

    identifiers: tuple[str, ...] = ()
    waiting: str | None = None


class Granting:
    """Grants cases of a department's own people."""

    def __init__(
        self,
        database: Database,
        *,
        cases: CaseService,
        stages: Stages,
        performing: Performing,
        waiting: WaitingActs,
        vault: Vault,
        clock: Clock,
    ) -> None:
        self._database = database
        self._cases = cases
        self._stages = stages
        self._performing = performing
        self._waiting = waiting
        self._vault = vault
        self._matters = MatterBook(vault)
        self._clock = clock

    async def grant(self, hand: Hand, case_no: str, licences: Sequence[Licence], decision: Decision) -> Granted:
        """Grant a case, and make its licences. `decision.results` are licences that were issued before. By whoever may
        decide it: one of the department's people, or its system for an officer.

        Raises: as `Stages.decide`; AskError: a type that does not come of the matter, another holder than the case's,
        or several of which one wants two persons; ClaimsError, NotEntitledError, ActError, TypeHaltedError,
        MissingError, SigningKeyError; NoSecondPersonError.
        """
        if hand.actor is not None:
            hand.actor.require(Role.DECIDER)
        case = await case_for(self._database, self._cases, hand, case_no)
        acts = [(self._performing.type_in_force(item.type_code), item) for item in licences]
        issuer = await self._database.read(lambda tx: department_of(tx, hand.department_id))
        for issued, item in acts:
            may_issue(issuer, issued)
            issued.type.require_claims(dict(item.claims))
        await self._database.read(lambda tx: self._check(tx, case, acts))
        made = [(issued, _act(case, issued, item)) for issued, item in acts]
        if any(self._performing.two_persons(issued.type.code) for issued, _ in made):
            return await self._proposed(hand, case, made, decision)
        versions = await self._performing.make_together(
            made,
            Hands(hand.as_json()),
            issuer=issuer,
            first=lambda tx: self._first(tx, hand, case, decision, acts),
            then=self._deciding(hand, case, decision, acts),
        )
        return Granted(tuple(version.identifier for version in versions))

    async def conclude(
        self, link: Mapping[str, Any], act: Act, type_code: str, hands: Hands, actor: Actor, first: First, after: Hook
    ) -> VersionRecord:
        """The second person has confirmed: what `hub.issuing.transitions.waiting` calls. The decision is of whoever
        asked, and names who confirmed it. Raises: as `grant`.
        """
        department_id = actor.department_id or ""
        hand = Hand(hands.by["kind"], hands.by["id"], department_id, dict(link["operator"]), actor=actor)
        said = link["decision"]
        decision = Decision(
            GRANTED,
            said["reason"],
            tuple(said["results"]),
            change_no=link.get("change_no"),  # what the first person read is what the second one confirms
            second={"second": dict(hands.second or {})},
        )
        issued = self._performing.type_in_force(type_code)
        issuer = await self._database.read(lambda tx: department_of(tx, hand.department_id))
        case = await case_for(self._database, self._cases, hand, link["case_no"])
        acts = [(issued, Licence(issued.type.code, act.claims or {}))]

        def begun(tx: Connection) -> None:
            first(tx)
            _still_decides(tx, self._vault, hand)
            self._first(tx, hand, case, decision, acts)

        decide = self._deciding(hand, case, decision, acts)

        def concluded(tx: Connection, versions: Sequence[VersionRecord]) -> None:
            decide(tx, versions)
            after(tx, versions[0])

        (made,) = await self._performing.make_together(
            [(issued, act)], hands, issuer=issuer, first=begun, then=concluded
        )
        return made

    async def _proposed(
        self, hand: Hand, case: Case, made: Sequence[tuple[TypeInForce, Act]], decision: Decision
    ) -> Granted:
        if len(made) > 1:
            raise AskError([("/licences", "one_at_a_time")])
        ((issued, act),) = made
        act.check(By.ISSUER, of_version=False)
        link = {
            "case_id": case.id,
            "case_no": case.case_no,
            "operator": dict(hand.operator),
            "decision": {"reason": decision.reason, "results": list(decision.results)},
        }
        asker = hand.actor or Actor("system", hand.id, hand.id, hand.department_id, frozenset())

        def unit(tx: Connection) -> str:
            ripe = self._stages.decidable(tx, hand, case.id, decision.change_no)
            if self._waiting.for_case(tx, case.id) is not None:
                raise AskError([("/licences", "waits_already")])
            check_results(tx, hand.department_id, ripe, decision, self._matters.matter(tx, ripe.matter_id))
            return self._waiting.put(
                tx, asker, act, owner=hand.department_id, type_code=issued.type.code, identifier="",
                link=link | {"change_no": ripe.change_no},
            )  # fmt: skip

        return Granted(waiting=await self._database.write(unit))

    def _first(
        self,
        tx: Connection,
        hand: Hand,
        case: Case,
        decision: Decision,
        acts: Sequence[tuple[TypeInForce, Licence]],
    ) -> None:
        """Under the lock of the case, before anything is drafted: it can still be granted, to these holders."""
        self._check(tx, self._stages.decidable(tx, hand, case.id, decision.change_no), acts)

    def _deciding(
        self, hand: Hand, case: Case, decision: Decision, acts: Sequence[tuple[TypeInForce, Licence]]
    ) -> Callable[[Connection, Sequence[VersionRecord]], None]:
        def decide(tx: Connection, versions: Sequence[VersionRecord]) -> None:
            made = tuple(version.identifier for version in versions)
            names = {
                identifier: issued.type.holder_of(item.claims).name
                for identifier, (issued, item) in zip(made, acts, strict=True)
            }
            whole = replace(decision, results=(*decision.results, *made), names=names)
            self._stages.decide_in(tx, hand, case.id, whole, self._clock())

        return decide

    def _check(self, tx: Connection, case: Case, acts: Sequence[tuple[TypeInForce, Licence]]) -> None:
        matter = self._matters.matter(tx, case.matter_id)
        results = {item.type_code: item for item in matter.results}
        faults = []
        for place, (issued, item) in enumerate(acts):
            result = results.get(issued.type.code)
            if result is None:
                faults.append((f"/licences/{place}", "not_of_this_case"))
            elif not self._is_theirs(tx, case, result.party, issued, item):
                faults.append((f"/licences/{place}", "another_holder"))
        if faults:
            raise AskError(faults)

    def _is_theirs(self, tx: Connection, case: Case, role: str, issued: TypeInForce, item: Licence) -> bool:
        """Whether the licence is made out to a party of this role; one without a number gets it by the licence."""
        parties = [party for key, party in store.parties_of(tx, case.id).items() if role_of(key) == role]
        holder = issued.type.holder_of(item.claims)
        key = case_data_key(self._vault, case)
        for party in parties:
            if party.id_type is None or party.sealed is None:
                return True
            known = strict_loads(
                key.decrypt(store.identity_place(party.sealed.id), party.sealed.identity), max_bytes=4096
            )
            if (party.id_type, known["id_number"]) == (holder.id_type, holder.id_number):
                return True
        return False


def _still_decides(tx: Connection, vault: Vault, hand: Hand) -> None:
    """Whoever asked has not left meanwhile. Raises: ForbiddenError."""
    if hand.kind != "staff":
        return
    staff = find_staff(tx, vault, hand.id)
    works = staff is not None and staff.active and staff.department_id == hand.department_id
    if staff is None or not works or Role.DECIDER not in staff.roles:
        raise ForbiddenError([Role.DECIDER])


def _act(case: Case, issued: TypeInForce, item: Licence) -> Act:
    return Act(
        operation=Operation.ISSUE,
        reason_code=Reason.FIRST_GRANT,
        reason=f"办件 {case.case_no} 准予",
        legal_basis=issued.type.legal_basis or NO_BASIS,
        claims=item.claims,
    )
