"""By whose hand a dossier is opened, or licences are collected: here, somebody in his own name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Connection

from hub.ledger.entries import Draft, append, seal


class Hand:
    """On a ground that does not end while he looks. `by`: as the ledger names him.

    Who acts for somebody else is another one (`for_others.AgentsHand`): judged, and named in what he does.
    """

    purpose: ClassVar[str] = "本人查看"
    """As a source is told that is asked for him."""

    def __init__(self, by: Mapping[str, Any]) -> None:
        self.by = by

    def check(self, tx: Connection) -> None:
        """In the transaction that writes the look, before it locks anything: raises where he may not look any more."""

    def write(self, tx: Connection, draft: Draft, now: datetime) -> None:
        """The look, and whatever else is to be told of it. Commits nothing."""
        append(tx, [seal(draft, now=now)])


def hand_of(by: Mapping[str, Any] | Hand) -> Hand:
    """Somebody in his own name, where no more is said than how the ledger names him."""
    return by if isinstance(by, Hand) else Hand(by)
