"""Quotas: leased in blocks from the database and spent in memory, so that a hot grant's row is not a bottleneck.

What a process leased and did not spend is lost when it dies: a quota may give a little less, never more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import Connection

from catalog.grants import Grant
from catalog.store import lease_quota

_BLOCKS_PER_DAY: Final = 50
_Key = tuple[str, str]


@dataclass(slots=True)
class Taken:
    """What one transaction took: grants with nothing left today, uses out of earlier blocks, the rest of new ones."""

    exhausted: set[str] = field(default_factory=set)
    spent: dict[_Key, int] = field(default_factory=dict)
    leased: dict[_Key, int] = field(default_factory=dict)


class QuotaBook:
    """The blocks that this process has leased."""

    def __init__(self) -> None:
        self._left: dict[_Key, int] = {}

    def take(self, tx: Connection, uses: Sequence[Grant], *, today: date, into: Taken) -> None:
        """Spend one use for each. The rest of a new block counts only after `confirm`, once the lease is committed.

        What an earlier run of the same unit took is given back first.
        """
        taken = into
        self.give_back(taken)
        day = today.isoformat()
        for grant in uses:
            limit = grant.terms.quota_per_day
            if limit is None:
                continue
            key = (grant.id, day)
            if self._left.get(key, 0) > 0:
                self._left[key] -= 1
                taken.spent[key] = taken.spent.get(key, 0) + 1
            elif taken.leased.get(key, 0) > 0:
                taken.leased[key] -= 1
            else:
                block = max(1, limit // _BLOCKS_PER_DAY)
                got = lease_quota(tx, grant_id=grant.id, day=day, block=block, limit=limit)
                if got == 0:
                    taken.exhausted.add(grant.id)
                else:
                    taken.leased[key] = taken.leased.get(key, 0) + got - 1

    def give_back(self, taken: Taken) -> None:
        """The transaction of `take` was rolled back: a repeat or a refusal spends nothing."""
        for key, count in taken.spent.items():
            self._left[key] = self._left.get(key, 0) + count
        taken.spent.clear()
        taken.leased.clear()
        taken.exhausted.clear()

    def spare(self, uses: Sequence[Grant], *, today: date) -> None:
        """One use for each that was taken and confirmed, and turned out not to be wanted."""
        for grant in uses:
            key = (grant.id, today.isoformat())
            self._left[key] = self._left.get(key, 0) + 1

    def confirm(self, taken: Taken) -> None:
        """The transaction of `take` was committed."""
        for key, count in taken.leased.items():
            self._left[key] = self._left.get(key, 0) + count
