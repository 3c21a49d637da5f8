"""Writers of one moment share one commit, where there is one writer and every commit waits for the disk.

Units that became ready in the same round of the event loop run one after the other in one transaction, each inside a
savepoint, and are answered after its commit. A unit that raises is undone by itself and disturbs nobody. What fails as
a whole (the commit, a full disk) is undone as a whole, and each unit is run again in a transaction of its own: a unit
may be run more than once anyway. A crash before the commit loses all of them, and none was answered.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from hub.storage.errors import BusyError

T = TypeVar("T")
Unit = Callable[[Connection], T]


@dataclass(slots=True)
class _Waiting:
    """A unit and how it went."""

    unit: Unit[Any]
    done: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def run(self, tx: Connection) -> None:
        """Raises whatever the unit raises, and keeps it."""
        self.result, self.error = None, None
        try:
            self.result = self.unit(tx)
        except Exception as error:
            self.error = error
            raise

    def answer(self) -> None:
        """Tell whoever waits, if he still does."""
        if self.done.done():
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)


class GroupCommit:
    """Runs units of one event loop. `transaction` begins one for writing, commits at its end and undoes it on an error.
    Units and transaction raise the port's errors, not the driver's.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction
        self._waiting: list[_Waiting] = []

    async def write(self, unit: Unit[T]) -> T:
        """The unit's result once it is committed. Raises: what the unit or the transaction raised."""
        loop = asyncio.get_running_loop()
        mine = _Waiting(unit, loop.create_future())
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            # No task of a caller does this: one that is cancelled would leave the others waiting.
            loop.call_soon(self._commit)
        result: T = await mine.done
        return result

    def _commit(self) -> None:
        batch = [item for item in self._waiting if not item.done.done()]  # the others' callers have left
        self._waiting.clear()
        if len(batch) < 2 or not self._together(batch):
            for item in batch:
                self._alone(item)
        for item in batch:
            item.answer()

    def _together(self, batch: list[_Waiting]) -> bool:
        """All in one transaction; False when it failed as a whole, and nothing of it is kept."""
        try:
            with self._transaction() as tx:
                for item in batch:
                    _run_in_savepoint(item, tx)
        except BusyError:  # another process writes: asking again for each would stop the loop for each
            for item in batch:
                item.error = BusyError()
        except Exception:  # noqa: BLE001  # each unit meets it again by itself, and it is told then
            return False
        return True

    def _alone(self, item: _Waiting) -> None:
        try:
            with self._transaction() as tx:
                item.run(tx)
        except Exception as error:  # noqa: BLE001  # it belongs to whoever waits for this unit
            item.error = error


def _run_in_savepoint(item: _Waiting, tx: Connection) -> None:
    driver = driver_of(tx)
    driver.execute("SAVEPOINT unit")
    try:
        item.run(tx)
    except Exception:
        if not driver.in_transaction:  # SQLite undid more than the statement: what the others wrote is gone as well
            raise
        driver.execute("ROLLBACK TO unit")
    driver.execute("RELEASE unit")


def driver_of(tx: Connection) -> sqlite3.Connection:
    """SQLite's own connection behind SQLAlchemy's."""
    driver: sqlite3.Connection = tx.connection.driver_connection  # type: ignore[assignment]
    return driver
