"""The port: write a notice beside what it tells of, in the same transaction. It exists exactly if that does."""

import re
from datetime import datetime
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.tables import HolderNoticeRow
from hub.clock import new_id
from hub.storage.database import is_forgone
from hub.storage.jobs import enqueue

MESSAGE: Final = "notice.message"
"""The kind of job that tells the message gateway."""
_ROWS: Final = table(HolderNoticeRow)
_ONCE: Final = {
    name: dialect.insert(_ROWS)
    .on_conflict_do_nothing(index_elements=["subject_id", "kind", "about"])
    .returning(_ROWS.c.id)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}
_ID: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ABOUT: Final = re.compile(rf"{_ID}(:({_ID}|[0-9]{{1,3}}))?", re.ASCII)


def notify(tx: Connection, subject_id: str, kind: NoticeKind, *, about: str, now: datetime) -> bool:
    """Tell a holder; False where he was told the same before. Reaches nobody here: a gateway hears of it in a job.

    A hub without a gateway writes no job, and one that gets it later tells it of what happens from then on: nobody
    wants a hundred messages about last year.

    Args:
        about: an id of ours, or two, or an id and a small count, with a colon between: never a number, a name or a
            value. What is told again wants an `about` of its own, such as the ledger entry of what happened.
    Raises: ValueError: `about` is something else.
    """
    if not _ABOUT.fullmatch(about):
        raise ValueError("a notice is about an id of ours")
    row = {"id": new_id(), "subject_id": subject_id, "kind": kind.value, "about": about, "made_at": now}
    made = tx.execute(_ONCE[tx.dialect.name], row).scalar_one_or_none()
    if made is None:
        return False
    if not is_forgone(tx, MESSAGE):
        enqueue(tx, MESSAGE, {"notice": made}, now=now)
    return True
