"""By whose hand a holder's word is written down: his own session, or somewhere without a phone, or who acts for him.

The word counts the same each time. What differs is what the entry is called and says, whether he is told of it in a
notice, and what has to hold in the very transaction that writes it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.values import Holder, Whose

AT_COUNTER: Final = "_at_counter"
"""Of the kinds of entries that a clerk wrote down: the person may ask about them, which he may not about his own."""
STANDING_AT_COUNTER: Final = "_standing_at_counter"
"""The same of a standing word, which is worth more than one for a single case."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Attributes:
    said: what the ledger entry says of it.
    for_a_case, standing: what is put behind the kind of the entry, for a word of either sort.
    must_hold: raises, in the transaction that writes it, where the ground for writing is gone.
    tells: of which a notice tells him: of what he did not do himself.
    whose: who acts for him, and is named where a try is refused; None: nobody does.
    tells_agent: who acts for him by a card alone, and of which a notice tells that one.
    """

    said: Mapping[str, Any]
    for_a_case: str = ""
    standing: str = ""
    must_hold: Callable[[Connection], None] | None = field(default=None, repr=False)
    tells: NoticeKind | None = None
    whose: Whose | None = None
    tells_agent: tuple[str, NoticeKind] | None = None

    def check(self, tx: Connection) -> None:
        """Raises: what `must_hold` does."""
        if self.must_hold is not None:
            self.must_hold(tx)

    def tell(self, tx: Connection, subject_id: str, entry_id: str, now: datetime) -> None:
        """The notices, if there are any to be written."""
        if self.tells is not None:
            notify(tx, subject_id, self.tells, about=entry_id, now=now)
        if self.tells_agent is not None:
            agent_id, kind = self.tells_agent
            notify(tx, agent_id, kind, about=entry_id, now=now)


def own(holder: Holder) -> Hand:
    """The holder himself, signed in."""
    return Hand({"level": holder.level.name.lower(), "session": holder.session_id})


def clerk(by: Mapping[str, Any], seen: str, reference: str = "") -> Hand:
    """Somebody at a counter, who saw the card: `card_read` or `clerk_attested`, and by which device."""
    said = {"by": dict(by), "seen": seen, **({"reference": reference} if reference else {})}
    return Hand(said, AT_COUNTER, STANDING_AT_COUNTER, tells=NoticeKind.DECIDED_AT_COUNTER)
