"""Who acts on the catalogue: a member of staff in roles, or the operator at the command line.

Every use case of `hub.registry` takes an Actor and asks it first. Somebody else's object does not exist for him.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from hub.access.errors import ForbiddenError
from hub.storage.errors import MissingError


class Role(StrEnum):
    """What somebody may do, within the own department; `operator` and `auditor` are of the whole hub."""

    OWNER_ENGINEER = "owner_engineer"
    """Registers sources, writes and tests interfaces."""
    OWNER_APPROVER = "owner_approver"
    """Takes interfaces live, decides requests for access, withdraws grants."""
    CONSUMER_ENGINEER = "consumer_engineer"
    """Registers systems, asks for access, uses the sandbox."""
    CLERK = "clerk"
    """Takes cases at the counter of the department; sees outcomes, never values."""
    DECIDER = "decider"
    """Decides cases for the department, and sees the evidence of what he decides."""
    OPERATOR = "operator"
    """Departments, staff, holidays, disputes."""
    AUDITOR = "auditor"
    """Reads everything but persons, changes nothing."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, as ledger entries name him. `department_id` is None for the operator and the command line.

    A `system` asks for itself; a `rule` is what the hub does because the catalogue says so.
    """

    kind: Literal["staff", "system", "rule", "command"]
    id: str
    name: str = field(repr=False)
    department_id: str | None
    roles: frozenset[Role]

    def sees(self, owner_department_id: str) -> bool:
        """Whether objects of this department exist for him."""
        return self.department_id == owner_department_id or bool(self.roles & {Role.OPERATOR, Role.AUDITOR})

    def require(self, *roles: Role, owner: str | None = None) -> None:
        """Go on only with one of the roles and, with `owner`, in that department.

        Raises: MissingError for another department's object; ForbiddenError for a missing role.
        """
        if owner is not None and not self.sees(owner):
            raise MissingError("object")
        if not self.roles.intersection(roles):
            raise ForbiddenError(roles)
        if owner is None or self.kind == "command" or self.department_id == owner:
            return
        # Who asks for an auditor only reads; both roles are of the whole hub.
        if not self.roles.intersection(roles) & {Role.OPERATOR, Role.AUDITOR}:
            raise ForbiddenError(roles)

    def as_json(self) -> dict[str, str]:
        """How a ledger entry names him."""
        return {"kind": self.kind, "id": self.id}


COMMAND: Final = Actor("command", "command-line", "command line", None, frozenset(Role))
"""Whoever can run commands in the hub's home holds its keys: he acts for the operator and for every department."""
