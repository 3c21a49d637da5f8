"""One read of a card at a terminal: worth one thing, a visit that begins, or a signature in the midst of one, which
somebody who has only stayed behind must not give.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, exists, insert, or_, select

from catalog.tables import table
from hub.citizens.kiosk.errors import KioskRefusedError
from hub.citizens.kiosk.tables import KioskReadRow
from hub.clock import rfc3339
from hub.intake.counter.card_reads import CARD_READ
from hub.ledger.spent import END, spent

_READS: Final = table(KioskReadRow)


@dataclass(frozen=True, slots=True)
class OneRead:
    """A read that was verified. `once`: the id under which the ledger ends it."""

    device: str
    at: datetime
    digest: str = field(repr=False)
    once: str

    def use_up(self, tx: Connection, now: datetime) -> None:
        """In the transaction of what is done by it, whose entry takes `ends`. Raises: KioskRefusedError: it was used;
        ConflictError: it is, at this very moment.
        """
        read = exists().where(_READS.c.digest == self.digest)
        if tx.execute(select(or_(read, spent(self.once)))).scalar_one():
            raise KioskRefusedError
        tx.execute(insert(_READS).values(digest=self.digest, read_at=now))

    @property
    def ends(self) -> Mapping[str, Any]:
        """What the entry of its use says besides: that a row which is put back opens nothing."""
        return {"object_id": self.once, "object_version": END}

    def as_json(self) -> Mapping[str, str]:
        """How the person was seen, as an entry says it."""
        return {"seen": CARD_READ, "at": rfc3339(self.at), "reference": self.device}
