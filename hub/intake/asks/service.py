"""Asking all the same: judged by the no-ask rules, put on the ledger, told to the supervisor. It never asks the hub to
look at a person: what was decided before, and what the catalogue says, are enough.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.matters.asking import NoAsk, asking_objection
from catalog.matters.values import Matter, Requirement
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.clock import BEIJING, Clock, new_id, rfc3339
from hub.intake import store as cases
from hub.intake.asks import store
from hub.intake.asks.reasons import Reason, told_reasons, told_rule
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, PartyError, UnlistedRequirementError
from hub.intake.resolver import CLEARED, OWED, Outcome
from hub.intake.rulings import last_rulings, rulings_of
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.registry.matters.examining import known_to
from hub.registry.matters.guard import MatterBook
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.vault import Vault

_LOOKED_AT: Final = 50
"""Earlier cases of a person that are looked at for what was handed in."""
_LISTED: Final = 200
_LOOKED_AND_NOT_FOUND: Final = frozenset(
    {
        Outcome.NO_SOURCE,
        Outcome.REFUSED,
        Outcome.AMBIGUOUS,
        Outcome.IDENTITY_UNCONFIRMED,
        Outcome.HOLDER_DECISION_NEEDED,
    }
)
"""Outcomes after which the person may be asked: the hub has looked, and it is for the person to say or to show."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of whom, and why. `party` None: whom the requirement is about."""

    requirement: str
    reason: Reason
    party: str | None = None
    clerk: str | None = None
    """The account of the clerk of the counter; None: a system asks for an officer of its own."""


class Asks:
    """Takes asks and reports them."""

    def __init__(
        self, database: Database, *, cases: CaseService, vault: Vault, types: TypeRegistry, clock: Clock
    ) -> None:
        self._database = database
        self._cases = cases
        self._vault = vault
        self._matters = MatterBook(vault)
        self._types = types
        self._clock = clock

    async def ask(self, caller: Caller, case_no: str, asking: Asking, language: str) -> dict[str, Any]:
        """Put on the ledger that the person is asked, and say which rule forbids it; the same again is the same ask.

        Raises: CaseNotFoundError, CaseClosedError, UnlistedRequirementError, PartyError, IntegrityBrokenError.
        """
        case = await self._cases.get(caller, case_no)
        now = self._clock()
        try:
            found = await self._database.write(lambda tx: self._ask(tx, caller, case, asking, now))
        except ConflictError:  # its twin was faster
            found = await self._database.write(lambda tx: self._ask(tx, caller, case, asking, now))
        return _shown(found, language)

    async def of_case(self, caller: Caller, case_no: str, language: str) -> dict[str, Any]:
        """What was asked in the caller's own case, and the reasons there are, each with its key."""
        case = await self._cases.get(caller, case_no)
        found = await self._database.read(lambda tx: store.asks_of(tx, case.id))
        return {"asks": [_shown(item, language) for item in found], "reasons": told_reasons(language)}

    async def report(
        self, actor: Actor, *, days: int, language: str, department_id: str | None = None
    ) -> dict[str, Any]:
        """What was asked all the same in the last days: counted, by clerk, and the newest 200. Operator and auditor see
        all, or the department they name; an approver his own department's. Raises: ForbiddenError.
        """
        mine = supervised(actor, department_id)
        since = self._clock() - timedelta(days=days)
        counts, clerks, listed = await self._database.read(
            lambda tx: (
                store.count_asks(tx, department_id=mine, since=since),
                store.count_clerks(tx, department_id=mine, since=since),
                store.list_asks(tx, department_id=mine, since=since, limit=_LISTED),
            )
        )
        return {
            "days": days,
            "asks": sum(item["count"] for item in counts),
            "against_rules": sum(item["count"] for item in counts if item["rule"]),
            "counts": counts,
            "clerks": clerks,
            "newest": [
                _shown(item, language)
                | {name: item[name] for name in ("case_no", "department", "system", "clerk")}
                | {"matter": item["matter_code"]}
                for item in listed
            ],
        }

    def _ask(self, tx: Connection, caller: Caller, case: cases.Case, asking: Asking, now: datetime) -> dict[str, Any]:
        standing = cases.lock_for_change(tx, case.id)
        if standing is None or standing.state == cases.CLOSED:
            raise CaseClosedError
        matter = self._matters.matter(tx, case.matter_id)
        requirement = matter.requirement(asking.requirement)
        if requirement is None:
            raise UnlistedRequirementError((0,), member="requirement")
        party = asking.party or requirement.party
        parties = cases.parties_of(tx, case.id)
        if asking.party is not None and party not in parties:
            raise PartyError("/party", "unknown_role")
        if known := store.find_ask(tx, case.id, requirement.code, party, asking.reason.value):
            return dict(known)
        ruling = last_rulings(tx, self._vault, case).get((requirement.code, party))
        outcome = Outcome(ruling.said("outcome")) if ruling else None
        holder = parties.get(party)
        today = now.astimezone(BEIJING).date()
        handed_in = self._handed_in(tx, case, requirement, holder, now) if requirement.reuse_days else None
        rule = self._rule(tx, case, matter, requirement, outcome, handed_in, today)
        entry = seal(
            Draft(
                kind=caller.marked("ask.made"),
                detail={
                    "case_no": case.case_no,
                    "requirement": requirement.code,
                    "party": party,
                    "reason": asking.reason.value,
                    "rule": rule.value if rule else None,
                    "outcome": outcome.value if outcome else None,
                    "client_id": caller.client_id,
                    **({"clerk": asking.clerk} if asking.clerk else {}),
                },
                key=self._vault.data_key(case.data_key, case.kek_kid),
                case_id=case.id,
            ),
            now=now,
        )
        ask_id = new_id()
        row = {
            "id": ask_id,
            "case_id": case.id,
            "system_id": caller.system_id,
            "owner_department_id": case.department_id,
            "matter_code": matter.code,
            "code": requirement.code,
            "party": party,
            "reason": asking.reason.value,
            "rule": rule.value if rule else None,
            "outcome": outcome.value if outcome else None,
            "clerk": asking.clerk,
            "asked_at": now,
            "ledger_entry_id": entry.id,
        }
        append(tx, [entry])
        store.add_ask(tx, row)
        if rule is not None and not caller.sandbox:
            self._tell(tx, case, ask_id, now)
        return row

    def _rule(
        self,
        tx: Connection,
        case: cases.Case,
        matter: Matter,
        requirement: Requirement,
        outcome: Outcome | None,
        handed_in: date | None,
        today: date,
    ) -> NoAsk | None:
        if outcome is Outcome.NOT_APPLICABLE:
            return NoAsk.NO_BASIS
        known = known_to(tx, self._types, asked=[requirement])
        asking = {known.today(code) for code in (case.department_code, matter.department_code)}
        issued = {issuer for needs in requirement.alternatives for need in needs for issuer in known.givers(need)}
        return asking_objection(
            requirement,
            own=bool(asking & issued) and outcome not in _LOOKED_AND_NOT_FOUND,
            findable=_findable(outcome, fetchable=known.fetchable(requirement)),
            submitted_on=handed_in,
            within_days=requirement.reuse_days,
            today=today,
        )

    def _handed_in(
        self, tx: Connection, case: cases.Case, requirement: Requirement, party: cases.Party | None, now: datetime
    ) -> date | None:
        """When evidence of one of the same types was last satisfied for the same holder, with the same system."""
        if party is None or party.lookup_hash is None:
            return None
        since = now - timedelta(days=requirement.reuse_days + 1)
        wanted = set(requirement.type_codes())
        earlier = store.cases_of_holder(
            tx,
            system_id=case.system_id,
            lookup_hash=party.lookup_hash,
            since=since - timedelta(days=365),
            other_than=case.id,
            limit=_LOOKED_AT,
        )
        found: list[date] = []
        for case_id, role in earlier:
            other = cases.case_by_id(tx, case_id)
            if other is None:
                continue
            matter = self._matters.matter(tx, other.matter_id)
            for ruling in rulings_of(tx, self._vault, other):
                same = matter.requirement(ruling.said("requirement"))
                met = ruling.said("outcome") == Outcome.SATISFIED and ruling.said("party") == role
                if met and same is not None and wanted & set(same.type_codes()):
                    found.append(ruling.at.astimezone(BEIJING).date())
        return max(found, default=None)

    def _tell(self, tx: Connection, case: cases.Case, ask_id: str, now: datetime) -> None:
        for department_id, role in ((case.department_id, Role.OWNER_APPROVER), (None, Role.OPERATOR)):
            notify(tx, "ask.made", department_id=department_id, role=role, about=("ask", ask_id), now=now)


def supervised(actor: Actor, department_id: str | None = None) -> str | None:
    """The department whose asks and papers the actor looks at, by id; None: all of them. Raises: ForbiddenError."""
    actor.require(Role.OPERATOR, Role.AUDITOR, Role.OWNER_APPROVER)
    whole = actor.kind == "command" or bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
    return department_id if whole else actor.department_id or ""


def _findable(outcome: Outcome | None, *, fetchable: bool) -> bool:
    if outcome is None or outcome is Outcome.NOT_GRANTED:
        return fetchable
    return outcome in CLEARED | OWED | {Outcome.PENDING}


def _shown(item: dict[str, Any], language: str) -> dict[str, Any]:
    rule = NoAsk(item["rule"]) if item["rule"] else None
    return {
        "requirement": item["code"],
        "party": item["party"],
        "reason": item["reason"],
        "rule": told_rule(rule, language),
        "outcome": item["outcome"],
        "asked_at": rfc3339(item["asked_at"]),
    }
