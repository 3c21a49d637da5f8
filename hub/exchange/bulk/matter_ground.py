"""What a campaign over a matter 免申即享 stands on: an open campaign case of that matter, and live grants that say bulk
for every requirement that is asked about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.grants import CaseKind, Grant, ResourceKind
from catalog.matters.values import Matter, Requirement
from catalog.store import grants_of, lock_grants, read_grants
from hub.access.errors import InvalidTokenError
from hub.exchange.bulk.finding import windows_meet
from hub.exchange.bulk.order import BulkOrder
from hub.exchange.bulk.store import Run, system_active
from hub.exchange.errors import NotGrantedError, QuestionError
from hub.intake import store
from hub.intake.claiming import answering_of
from hub.intake.errors import CaseClosedError, CaseNotFoundError
from hub.intake.facts import filed_on
from hub.intake.handling.guard import believed_case
from hub.intake.holding import hold_case, officer_of
from hub.intake.resolver import Question, grants_for
from hub.intake.resolving.asking import Answering
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.registry.guarding import DefinitionGuard
from hub.registry.matters.guard import MatterBook
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class MatterStanding:
    """All of it, read at one instant, guards checked. `requirements` are those that are asked about."""

    case: store.Case
    matter: Matter
    requirements: tuple[Requirement, ...]
    grants: tuple[Grant, ...]
    answering: Answering = field(default_factory=dict)
    """The interfaces that answer, with their sources."""

    @property
    def role(self) -> str:
        """Which party of the matter the holders are: its first."""
        return self.matter.roles[0]

    def row(self) -> dict[str, Any]:
        """What a run of it keeps: whose it is to release, under what. The first owner's grant stands for all."""
        first = self.grants[0]
        return {"owner_department_id": first.owner_department_id, "interface": self.matter.code, "grant_id": first.id}

    def ordered(self) -> dict[str, Any]:
        """The rest of it, under the run's guard."""
        return {
            "fields": [],
            "matter": self.matter.code,
            "requirements": [item.code for item in self.requirements],
            "grants": [grant.id for grant in self.grants],
            "owners": sorted({grant.owner_department_id for grant in self.grants}),
        }


def undecided(case: store.Case) -> None:
    """Once a case is decided nothing more is read for it; what was read may still leave. Raises: CaseClosedError."""
    if case.decided_at is not None:
        raise CaseClosedError


class MatterGround:
    """Finds what campaigns stand on."""

    def __init__(self, *, vault: Vault, types: TypeRegistry) -> None:
        self._vault = vault
        self._types = types
        self._matters = MatterBook(vault)
        self._guard = DefinitionGuard(vault)

    def may_ask(self, tx: Connection, system_id: str, matter: str) -> bool:
        """Whether the system has any grant for the matter that says bulk; in force or not is for `begin`."""
        grants = _all(tx, system_id)
        return any(grant.terms.bulk_subjects is not None and matter in grant.terms.matters for grant in grants)

    def begin(self, tx: Connection, system_id: str, order: BulkOrder, *, count: int, now: datetime) -> MatterStanding:
        """For a run that is asked for. `count` is how many holders it has, as far as known.

        Raises: as `BulkGround.begin`.
        """
        case = self._case(tx, system_id, order)
        undecided(case)

        def look() -> list[Grant]:
            grants = _all(tx, system_id)
            check_guards(tx, self._vault, grants=grants)
            return [grant for grant in grants if grant.terms.bulk_subjects is not None]

        standing = self._granted(tx, case, order, settled(look), now)
        if any(count > (grant.terms.bulk_subjects or 0) for grant in standing.grants):
            raise NotGrantedError("bulk_too_many")
        if not windows_meet([source.definition for _, source in standing.answering.values()]):
            raise QuestionError("/requirements", "windows_never_meet")
        return standing

    def again(self, tx: Connection, run: Run, order: BulkOrder, now: datetime, *, lock: bool = False) -> MatterStanding:
        """For a run that goes on, on its own grants alone; `lock` as of `BulkGround`. Raises: those of `ENDED`."""
        ids = list(run.ordered["grants"])
        if lock:
            hold_case(tx, run.case_id, kid=None)
            lock_grants(tx, sorted(ids))
        case = self._case(tx, run.system_id, order)

        def look() -> list[Grant]:
            grants = read_grants(tx, ids)
            check_guards(tx, self._vault, grants=grants)
            return grants

        return self._granted(tx, case, order, settled(look), now)

    def question(
        self, case: store.Case, matter: Matter, order: BulkOrder, now: datetime, answering: Answering
    ) -> Question:
        """What the resolver looks at, without anybody in it yet."""
        return Question(
            case=case,
            parties={},
            purpose=order.purpose,
            grants=(),
            types=self._types.current(),
            held=(),
            exhausted=frozenset(),
            now=now,
            officer=officer_of(self._vault, case),
            filed_on=filed_on(case),
            rules=matter.rules,
            after=matter.after,
            answering=answering,
        )

    def _case(self, tx: Connection, system_id: str, order: BulkOrder) -> store.Case:
        if not system_active(tx, system_id):
            raise InvalidTokenError("client_disabled")
        case = store.find_case(tx, order.case_no)
        if case is None or case.system_id != system_id:
            raise CaseNotFoundError
        case = believed_case(tx, self._vault, case)
        if case.state != store.OPEN:
            raise CaseClosedError
        if case.kind != CaseKind.EX_OFFICIO.value:
            raise QuestionError("/case_no", "not_ex_officio")
        if case.matter_code != order.matter:
            raise QuestionError("/case_no", "of_another_matter")
        return case

    def _granted(
        self, tx: Connection, case: store.Case, order: BulkOrder, grants: Sequence[Grant], now: datetime
    ) -> MatterStanding:
        """Every requirement that is asked about is covered, and both officers are named in all of it."""
        matter = self._matters.matter(tx, case.matter_id)
        asked = _asked(matter, order)
        answering = answering_of(tx, self._guard, asked, now)
        named = [grant for grant in grants if order.officer in grant.terms.officers]
        question = replace(self.question(case, matter, order, now, answering), grants=named)
        used: dict[str, Grant] = {}
        for requirement in asked:
            covered, objection = grants_for(requirement, question)
            if not covered:
                raise NotGrantedError("officer_not_named" if grants and not named else _code(objection.code, grants))
            used |= {grant.id: grant for uses in covered for _, grant in uses}
        return MatterStanding(case, matter, asked, tuple(used[key] for key in sorted(used)), answering)


def _all(tx: Connection, system_id: str) -> list[Grant]:
    return [grant for each in ResourceKind for grant in grants_of(tx, system_id, CaseKind.EX_OFFICIO, each)]


def _asked(matter: Matter, order: BulkOrder) -> tuple[Requirement, ...]:
    """Those that are named, or all about the holder. Raises: QuestionError."""
    mine = [item for item in matter.requirements if item.party == matter.roles[0]]
    if order.requirements is not None:
        codes = {item.code for item in mine}
        for place, code in enumerate(order.requirements):
            if code not in codes:
                raise QuestionError(f"/requirements/{place}", "not_listed")
        mine = [item for item in mine if item.code in order.requirements]
    if not mine:
        raise QuestionError("/requirements", "missing")
    return tuple(mine)


def _code(code: str, grants: Sequence[Grant]) -> str:
    return "bulk_not_granted" if code == "no_grant" and not grants else code
