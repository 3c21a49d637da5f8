"""Who sends a batch: a system of the department, or a member of its staff."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hub.access.actors import Actor
from hub.access.service import Caller
from hub.collection.batches.store import StoredBatch
from hub.issuing.shelf import STAFF

Who = Actor | Caller
ASKED: Final = 1
"""With this step the ledger has an upload that waits for a second person."""
DECIDED: Final = 2
"""And with this one, an upload that may be collected: confirmed, or begun by whoever needs no second person."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One of `system_id` and `staff_id` is None. `by`: how the ledger names him."""

    department_id: str
    system_id: str | None
    staff_id: str | None
    by: Mapping[str, str]

    def made(self, batch: StoredBatch) -> bool:
        """Whether a batch is his; a move to another department leaves it behind."""
        whose = (batch.owner_department_id, batch.system_id, batch.staff_id)
        return whose == (self.department_id, self.system_id, self.staff_id)


def sender_of(who: Who) -> Sender:
    """A system as such; of staff, engineers and approvers. The command line has files and no uploads.

    Raises: ForbiddenError.
    """
    if isinstance(who, Actor):
        who.require(*STAFF)
        return Sender(who.department_id or "", None, who.id, who.as_json())
    by = {"kind": "system", "id": who.client_id}
    return Sender(who.department_id, who.system_id, None, by)
