"""What a bulk run stands on: an open campaign case, a live grant that says bulk, an interface that answers.

Asked when a run begins, before each handful of subjects, at its release and at each download.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.grants import CaseKind, Grant, ResourceKind
from catalog.interface_store import StoredInterface
from catalog.source_store import StoredSource
from catalog.store import grants_for, lock_grants, read_grants
from hub.access.errors import InvalidTokenError
from hub.exchange.bulk.matter_ground import MatterGround, MatterStanding, undecided
from hub.exchange.bulk.order import BulkOrder
from hub.exchange.bulk.store import Run, system_active
from hub.exchange.errors import FieldNotGrantedError, NotGrantedError, QuestionError, UnknownInterfaceError
from hub.exchange.granting import choose
from hub.intake import store
from hub.intake.errors import CaseClosedError, CaseNotFoundError
from hub.intake.handling.guard import believed_case
from hub.intake.holding import hold_case, officer_of
from hub.ledger.guards import check_guards, settled
from hub.registry.guarding import DefinitionGuard
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it, read at one instant, guards checked."""

    case: store.Case
    interface: StoredInterface
    source: StoredSource
    grant: Grant
    fields: frozenset[str]

    def row(self) -> dict[str, Any]:
        """What a run of it keeps: whose it is to release, under what."""
        stored = self.interface
        owner, code = stored.owner_department_id, stored.interface.code
        return {"owner_department_id": owner, "interface": code, "grant_id": self.grant.id}

    def ordered(self) -> dict[str, Any]:
        """The rest of it, under the run's guard."""
        return {"fields": sorted(self.fields)}


ENDED = (
    CaseNotFoundError, CaseClosedError, InvalidTokenError, NotGrantedError, FieldNotGrantedError, UnknownInterfaceError,
    IntegrityBrokenError,
)  # fmt: skip
"""Why a run cannot go on; see `ended_as`."""


class BulkGround:
    """Finds what runs stand on; of campaigns over a matter by `matters`."""

    def __init__(self, *, vault: Vault, matters: MatterGround) -> None:
        self.matters = matters
        self._vault = vault
        self._guard = DefinitionGuard(vault)

    def may_ask(self, tx: Connection, system_id: str, interface: str) -> bool:
        """Whether the system has any grant over the interface that says bulk; in force or not is for `begin`."""
        grants = grants_for(tx, system_id, CaseKind.EX_OFFICIO, ResourceKind.INTERFACE, interface)
        return any(grant.terms.bulk_subjects is not None for grant in grants)

    def begin(
        self, tx: Connection, system_id: str, order: BulkOrder, *, count: int, now: datetime
    ) -> Standing | MatterStanding:
        """For a run that is asked for. `count` is how many subjects it has, as far as known.

        Raises: those of `ENDED`; QuestionError for a case that is no campaign.
        """
        if order.matter is not None:
            return self.matters.begin(tx, system_id, order, count=count, now=now)
        if not system_active(tx, system_id):
            raise InvalidTokenError("client_disabled")
        case, stored, source = self._found(tx, system_id, order, now)
        undecided(case)
        if case.kind != CaseKind.EX_OFFICIO.value:
            raise QuestionError("/case_no", "not_ex_officio")
        code, kind = stored.interface.code, ResourceKind.INTERFACE
        grants = self._believed(tx, lambda: grants_for(tx, system_id, CaseKind.EX_OFFICIO, kind, code))
        grant, fields = self._granted(grants, stored, order, case, now)
        if count > (grant.terms.bulk_subjects or 0):
            raise NotGrantedError("bulk_too_many")
        return Standing(case, stored, source, grant, fields)

    def hold(self, tx: Connection, run: Run, order: BulkOrder, now: datetime) -> None:
        """For what leaves of a run: what it stands on holds until the transaction ends. Raises: those of `ENDED`."""
        ground = self if order.matter is None else self.matters
        ground.again(tx, run, order, now, lock=True)

    def again(self, tx: Connection, run: Run, order: BulkOrder, now: datetime, *, lock: bool = False) -> Standing:
        """For a run that goes on, on its own grant alone. `lock`: share-locked until the transaction ends, in the one
        order of all (case, grant, interface), so that nothing leaves after a revocation's commit (seam D6).

        Raises: those of `ENDED`.
        """
        if lock:
            hold_case(tx, run.case_id, kid=None)
            lock_grants(tx, [run.grant_id])
        if not system_active(tx, run.system_id):
            raise InvalidTokenError("client_disabled")
        case, stored, source = self._found(tx, run.system_id, order, now)
        grants = self._believed(tx, lambda: read_grants(tx, [run.grant_id]))
        grant, fields = self._granted(grants, stored, order, case, now)
        return Standing(case, stored, source, grant, fields)

    def _believed(self, tx: Connection, read: Callable[[], list[Grant]]) -> list[Grant]:
        """The grants as they stand; somebody may change one between its row and the ledger, and that ends no run."""

        def look() -> list[Grant]:
            grants = read()
            check_guards(tx, self._vault, grants=grants)
            return grants

        return settled(look)

    def _found(
        self, tx: Connection, system_id: str, order: BulkOrder, now: datetime
    ) -> tuple[store.Case, StoredInterface, StoredSource]:
        case = store.find_case(tx, order.case_no)
        if case is None or case.system_id != system_id:
            raise CaseNotFoundError
        case = believed_case(tx, self._vault, case)
        if case.state != "open":
            raise CaseClosedError
        return case, *self._published(tx, order.interface, now)

    def _published(self, tx: Connection, code: str, now: datetime) -> tuple[StoredInterface, StoredSource]:
        answering = self._guard.answering(tx, code, now=now)
        if answering is None:
            raise UnknownInterfaceError
        return answering

    def _granted(
        self, grants: Sequence[Grant], stored: StoredInterface, order: BulkOrder, case: store.Case, now: datetime
    ) -> tuple[Grant, frozenset[str]]:
        """Both must be named: whose case it is, and who asks for the run."""
        call, officer = order.call(), officer_of(self._vault, case) or ""
        for_bulk = [grant for grant in grants if grant.terms.bulk_subjects is not None]
        if grants and not for_bulk:
            choose(grants, stored.interface, call, case, officer=officer, now=now)
            raise NotGrantedError("bulk_not_granted")
        grant, fields = choose(for_bulk, stored.interface, call, case, officer=officer, now=now)
        if order.officer not in grant.terms.officers:
            raise NotGrantedError("officer_not_named")
        return grant, fields


def ended_as(error: Exception) -> str:
    """The code of a reason for which a run cannot go on, as `hub.intake.wording` has it."""
    match error:
        case NotGrantedError():
            return error.code
        case FieldNotGrantedError():
            return "field_not_granted"
        case UnknownInterfaceError():
            return "interface_withdrawn"
        case InvalidTokenError():
            return "client_disabled"
        case IntegrityBrokenError():
            return "integrity"
        case _:
            return "case_closed"
