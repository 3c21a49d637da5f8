"""A look at a stored licence as the ledger tells it: checked once more, and written down before anything leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from certificates.stores.version import VersionRecord
from hub.ledger.entries import Draft, append, seal
from hub.storage.vault import DataKey


@dataclass(frozen=True, slots=True)
class Opening:
    """A look as the ledger tells it: who (`by`), and as which kind of entry: a holder is told of his own as his own.

    `still` raises, in the transaction that writes the look down, where who looks may not any more; `written` writes
    the entry, and what else is told of the look.
    """

    by: Mapping[str, Any]
    kind: str = "certificate.export"
    still: Callable[[Connection, VersionRecord], None] | None = None
    written: Callable[[Connection, Draft, datetime], None] | None = None

    def check(self, tx: Connection, version: VersionRecord) -> None:
        """Look once more, before it is written down and anything leaves."""
        if self.still is not None:
            self.still(tx, version)

    def write(
        self, tx: Connection, identifier: str, wanted: str, *, key: DataKey, version: VersionRecord, now: datetime
    ) -> None:
        """Write it, under the principal holder's key."""
        detail = {"identifier": identifier, "by": dict(self.by), "format": wanted}
        draft = Draft(kind=self.kind, detail=detail, key=key, subject_id=version.subject_id)
        if self.written is not None:
            self.written(tx, draft, now)
        else:
            append(tx, [seal(draft, now=now)])
