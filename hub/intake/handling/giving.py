"""What can come of a case: the licences that its matter gives, as far as the department that decides issues them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog.matters.results import Result
from catalog.matters.roles import role_of
from catalog.matters.values import Matter
from catalog.store import Department
from hub.access.actors import Actor, Role
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.families.reading import FamilyReader
from hub.intake.families.store import family_by_id, family_id_of
from hub.intake.handling.steps import by_staff
from hub.intake.handling.whose import case_for
from hub.intake.store import Case
from hub.issuing.transitions.performing import Performing, department_of
from hub.issuing.transitions.waiting import WaitingActs
from hub.issuing.types.registry import TypeInForce
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Gives:
    """What can come of a case here.

    Attributes:
        types: each with what the matter says of it.
        two: whether one of them wants a second person; `waiting` is the act that waits for him.
        keys: by field of the matter's form, its key in the form that the person signed: of the family, if it has one.
    """

    case: Case
    matter: Matter
    issuer: Department
    types: tuple[tuple[Result, TypeInForce], ...]
    two: bool
    waiting: str | None
    keys: Mapping[str, str]


class Giving:
    """Says it."""

    def __init__(
        self,
        database: Database,
        *,
        cases: CaseService,
        families: FamilyReader,
        performing: Performing,
        waiting: WaitingActs,
        vault: Vault,
    ) -> None:
        self._database = database
        self._cases = cases
        self._families = families
        self._performing = performing
        self._waiting = waiting
        self._matters = MatterBook(vault)

    async def gives(self, actor: Actor, case_no: str) -> Gives:
        """What a case that is granted is written into, as far as the actor's department issues it and it is in force.

        Raises: CaseNotFoundError, ForbiddenError.
        """
        actor.require(Role.DECIDER)
        case = await case_for(self._database, self._cases, by_staff(actor), case_no)

        def look(tx: Connection) -> Gives:
            matter = self._matters.matter(tx, case.matter_id)
            issuer = department_of(tx, actor.department_id or "")
            there = {role_of(key) for key in store.parties_of(tx, case.id)}
            known = [(item, self._performing.find(item.type_code)) for item in matter.results if item.party in there]
            made = [(item, issued) for item, issued in known if issued and issued.type.code in issuer.issues]
            return Gives(
                case=case,
                matter=matter,
                issuer=issuer,
                types=tuple(made),
                two=any(self._performing.two_persons(issued.type.code) for _, issued in made),
                waiting=self._waiting.for_case(tx, case.id),
                keys=self._form_keys(tx, case, matter),
            )

        return await self._database.read(look)

    def _form_keys(self, tx: Connection, case: Case, matter: Matter) -> dict[str, str]:
        family_id = family_id_of(tx, case.id)
        family = family_by_id(tx, family_id) if family_id else None
        member = self._families.whole(tx, family).member(matter.code) if family else None
        found = {}
        for item in matter.form.fields:
            party = member.called(item.party) if member else item.party
            found[item.code] = f"{party}.{item.term}" if item.term else f"{party}.{matter.code}.{item.code}"
        return found
