"""Who is signed in, and how surely."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Protocol

from hub.citizens.errors import LevelError


class Level(IntEnum):
    """Assurance of a sign-in, lowest first (ISO/IEC 29115 2 to 4 in three words)."""

    BASIC = 1
    SUBSTANTIAL = 2
    HIGH = 3


SEES_OWN: Final = Level.SUBSTANTIAL
"""For one's own licences, and for who looked at them."""
SHOWS: Final = Level.SUBSTANTIAL
"""For a code that opens a case at a counter in one's own name."""
BODIES: Final = frozenset({"001", "099"})
"""Kinds of number that are public, with the name beside them: knowing both shows nobody to be anybody."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A number and a name as somebody gave them; the number normalised."""

    id_type: str
    id_number: str = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Holder:
    """A natural person who is signed in and confirmed at this moment. `id` is the subject's."""

    id: str
    session_id: str
    identity: Identity
    level: Level
    how: str
    csrf: str = field(repr=False)

    @property
    def asker_id(self) -> str:
        """Who asks: himself."""
        return self.id

    def as_json(self) -> dict[str, str]:
        """As a ledger entry names him who acts for himself."""
        return {"kind": "holder", "id": self.id}

    def require(self, level: Level) -> None:
        """Raises: LevelError for one who is not signed in this surely."""
        if self.level < level:
            raise LevelError(f"assurance level {level.name.lower()}")


class Whose(Protocol):
    """Whose rows are looked at, and by whom: a holder his own, or one who acts for somebody else the other's."""

    @property
    def id(self) -> str:
        """The subject whose rows they are."""

    @property
    def asker_id(self) -> str:
        """The subject of the person who asks."""

    @property
    def session_id(self) -> str:
        """Of the person who asks."""

    def require(self, level: Level) -> None:
        """Raises: LevelError for one who is not signed in this surely."""
