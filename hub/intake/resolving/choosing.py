"""Which of several records is meant 是哪一条: what may be chosen, and what was. Pure.

A choice among a source's records is a keyed digest of the record as it was read: it tells nothing to whoever has not
read that record, counts in its own case alone, and fits a record that has changed no more. Whoever chooses sees the
fields that the owner of the interface declares as labels, as far as the grant covers them, and nothing else.
"""

import hmac
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalog.matters.values import Need
from hub.intake.outcomes import Objection, Outcome, Why
from signing.canonical import b64u, canonical

MOST_RECORDS: Final = 20
"""Of one answer: each becomes a copy with a signature of its own, or a line to choose by."""
_DIGEST_BYTES: Final = 18
Record = Mapping[str, Any]
Choice = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Undecided:
    """Somebody has to choose first. `choices` are empty where there are too many to choose from."""

    objection: Objection
    choices: tuple[Choice, ...] = ()
    of: str = ""
    """Under what the choice is remembered."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How records stood to what the rules look into, for whoever judges again when what they said is not kept.

    Attributes:
        fitting: identifiers of licences that fit what the case says, by `Need.choice_of`.
        recent: identifiers of licences that were young enough.
        picked: by the same with a #, why no record of a source was the one that is meant; nothing where one was.
    """

    fitting: Mapping[str, Collection[str]] = field(default_factory=dict)
    recent: Collection[str] = ()
    picked: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Members that say something."""
        said = {
            "fitting": {of: sorted(found) for of, found in self.fitting.items()},
            "recent": sorted(self.recent),
            "picked": dict(self.picked),
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Chooser:
    """Tells the records of one need apart, for one party of one case."""

    key: bytes = field(repr=False)
    place: tuple[str, str, str]
    labels: tuple[str, ...] = ()

    def one_of(self, records: Sequence[Record], chosen: str | None, params: Mapping[str, Any]) -> Record | Undecided:
        """The record that is meant: the only one there is, or the one chosen. A choice that fits none is asked anew,
        also where one alone is left: that one was not meant.
        """
        marked = self._marked(records)
        if chosen is None and len(marked) == 1:
            return marked[0][1]
        meant = [record for mark, record in marked if mark == chosen]
        if meant:
            return meant[0]
        code = "several_records" if chosen is None else "choice_gone"
        why = Why(code, {**params, "count": len(marked)})
        choices = tuple(self._choice(mark, record) for mark, record in marked)
        shown = choices if len(choices) <= MOST_RECORDS else ()
        return Undecided((Outcome.AMBIGUOUS, why, None), tuple(sorted(shown, key=_order)), self.place[2])

    def _marked(self, records: Sequence[Record]) -> list[tuple[str, Record]]:
        """Records that say the same are told apart by how many there are, in whatever order a source names them."""
        seen: Counter[bytes] = Counter()
        found = []
        for record in records:
            said = canonical([*self.place, dict(record)])
            seen[said] += 1
            digest = hmac.digest(self.key, said + b"\x1f%d" % seen[said], "sha256")[:_DIGEST_BYTES]
            found.append((b64u(digest), record))
        return found

    def _choice(self, mark: str, record: Record) -> Choice:
        return {"choice": mark, "shown": {name: record[name] for name in self.labels if name in record}}


def records_of(need: Need) -> str:
    """Under what a choice among the records of a need is remembered: one among the case's subjects is another."""
    return f"{need.choice_of}#"


def labels_shown(choices: Sequence[Choice]) -> list[str]:
    """The fields that a question shows."""
    return sorted({name for choice in choices for name in choice.get("shown", ())})


def _order(choice: Choice) -> tuple[str, str]:
    return canonical(choice.get("shown", {})).decode(), choice["choice"]
