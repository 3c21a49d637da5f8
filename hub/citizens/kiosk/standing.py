"""Who stands at which terminal, and that he stands there still."""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, select

from catalog.tables import table
from hub.citizens.kiosk.devices import Kiosk
from hub.citizens.kiosk.errors import KioskOverError
from hub.citizens.kiosk.tables import KioskVisitRow
from hub.citizens.values import Holder
from hub.ledger.spent import spent

_VISITS: Final = table(KioskVisitRow)


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at a terminal, as he was found a moment ago."""

    kiosk: Kiosk
    holder: Holder
    id: str = field(default="")

    def must_stand(self, tx: Connection) -> None:
        """In the transaction by which something leaves the terminal, or is written down there: nobody has ended the
        visit, nor taken the terminal out of use, since it was found. Raises: KioskOverError.
        """
        here = select(_VISITS.c.id).where(_VISITS.c.id == self.id, ~spent(_VISITS.c.id))
        if tx.execute(here).first() is None:
            raise KioskOverError
