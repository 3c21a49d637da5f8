"""The events of a case, for its own system."""

from typing import Any, Final

from hub.access.service import Caller
from hub.intake.cases import CaseService
from hub.intake.told.telling import events_of, listed
from hub.storage.database import Database

LISTED: Final = 200


class CaseEvents:
    """Lists events."""

    def __init__(self, database: Database, *, cases: CaseService) -> None:
        self._database = database
        self._cases = cases

    async def of_case(self, caller: Caller, case_no: str, *, after: int = 0) -> list[dict[str, Any]]:
        """Events of the caller's own case behind the number `after`, in order, at most 200; of a closed one too.

        Raises: CaseNotFoundError.
        """
        case = await self._cases.get(caller, case_no)
        found = await self._database.read(lambda tx: events_of(tx, case.id, after=after, most=LISTED))
        return [listed(told) for told in found]
