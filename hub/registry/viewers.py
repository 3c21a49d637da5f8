"""Who looks at the catalogue: staff, or a system on behalf of its department."""

from dataclasses import dataclass

from hub.access.actors import Actor, Role
from hub.access.service import Caller


@dataclass(frozen=True, slots=True)
class Viewer:
    """Everybody who may look sees what is published; what is not, its own department sees, and `everything` does."""

    department_id: str | None
    everything: bool = False
    system_id: str | None = None

    @classmethod
    def of(cls, actor: Actor) -> "Viewer":
        """A member of staff, or the command line. Every role may read the catalogue."""
        actor.require(*Role)
        return cls(actor.department_id, bool(actor.roles & {Role.OPERATOR, Role.AUDITOR}))

    @classmethod
    def system(cls, caller: Caller) -> "Viewer":
        """An authenticated system."""
        return cls(caller.department_id, system_id=caller.system_id)

    def sees(self, owner_department_id: str) -> bool:
        """Whether what this department has not published exists for the viewer."""
        return self.everything or self.department_id == owner_department_id
