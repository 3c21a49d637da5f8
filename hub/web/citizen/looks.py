"""Entries of the ledger as people read them: what one department did in one case stands together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from hub.citizens.accesses import Access


@dataclass(frozen=True, slots=True)
class Look:
    """Entries that follow each other, of one case, department and kind; nothing is left out."""

    entries: Sequence[Access]

    @property
    def first(self) -> Access:
        """The newest, which says what all of them say."""
        return self.entries[0]


def looks(entries: Sequence[Access]) -> list[Look]:
    """The entries in their order, put together where they are of one case; one without a case stands alone."""
    grouped = groupby(entries, key=lambda item: (item.kind, item.department, item.case_no or item.id, item.whole))
    return [Look(list(group)) for _, group in grouped]
