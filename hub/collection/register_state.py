"""What a column of a register says of a record: that it stands, or by which act of the law it ended there.

A register seldom drops a company that lost its licence: its row stays and says 吊销. Words that the mapping does not
list are refused row by row: a new word in a register must not pass for "it stands".
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from certificates.lifecycle.states import Operation
from hub.collection.errors import MappingError
from hub.collection.reading.conversions import ConversionError, DateSpelling, date_converter
from hub.collection.reasons import Reason, reason

ENDS: Final = (Operation.WITHDRAW, Operation.REVOKE, Operation.CANCEL)
"""吊销, 撤销, 注销. Not 暂扣: what a register suspended it would have to resume, and that is an act of its own."""
STANDS: Final = "standing"


@dataclass(frozen=True, slots=True)
class Ended:
    """It ended by this act, on this civil day where the register says so; or it is `gone`, and nobody says why."""

    operation: Operation
    since: date | None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class RegisterState:
    """The column, what its words mean (None: it stands), and the column of the day, if there is one."""

    column: str
    words: Mapping[str, Operation | None] = field(hash=False)
    since: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return (self.column,) if self.since is None else (self.column, self.since)

    def of(self, cells: Mapping[str, str]) -> Ended | Reason | None:
        """What the row says: it ended, nobody knows, or None: it stands."""
        word = _plain(cells[self.column])
        if word not in self.words:
            return reason("register_state", column=self.column)
        operation = self.words[word]
        if operation is None:
            return None
        text = cells[self.since].strip() if self.since else ""
        try:
            return Ended(operation, date.fromisoformat(str(_DAY(text))) if text else None)
        except ConversionError as error:
            return reason(error.code, column=self.since or "")

    def declaration(self) -> dict[str, Any]:
        """As a mapping file says it."""
        said: dict[str, Any] = {"column": self.column}
        for name, operation in ((STANDS, None), *((each.value, each) for each in ENDS)):
            if words := sorted(word for word, means in self.words.items() if means is operation):
                said[name] = words
        return said | ({"since": self.since} if self.since else {})


def read_state(declared: Mapping[str, Any] | None) -> RegisterState | None:
    """Read the member `status` of a mapping, which its schema has checked. Raises: MappingError ("word_twice")."""
    if declared is None:
        return None
    words: dict[str, Operation | None] = {}
    for name, operation in ((STANDS, None), *((each.value, each) for each in ENDS)):
        for word in _plainly(declared.get(name, ())):
            if word in words:
                raise MappingError(f"status/{name}", "word_twice")
            words[word] = operation
    return RegisterState(declared["column"], words, declared.get("since"))


def _plainly(words: Iterable[str]) -> list[str]:
    return [_plain(word) for word in words]


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


_DAY: Final = date_converter(frozenset(DateSpelling))
