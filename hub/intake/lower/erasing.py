"""What stood in for a person who is erased: it serves no case any more, and opens no more.

What a case itself was told stays under the case's key, as everything of a case does.
"""

from datetime import datetime

from sqlalchemy import Connection

from hub.intake.lower import copy_store, task_store
from hub.intake.lower.sealing import DELETE
from hub.storage.jobs import enqueue


def forget_stand_ins(tx: Connection, lookup: bytes, now: datetime) -> None:
    """In the transaction that erases him; `lookup` is the hash by which he was found until now."""
    task_store.forget_subject(tx, lookup)
    for copy_id in copy_store.forget_subject(tx, lookup):
        enqueue(tx, DELETE, {"copy": copy_id}, now=now)
