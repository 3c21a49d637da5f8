"""The cards of a dossier: a subject's licences by stage of life, within a stage those that stand, the newest first; all
of them, or those that are looked for.

Of a subject, whoever looks: whether he may is the caller's. A page costs the same four statements whether the dossier
has five licences or five thousand; the sorting is of one holder's rows, which an index leads to.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, not_, or_, true

from catalog.errors import DefinitionError
from catalog.tables import table
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Stage
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.tables import CertificateRow, CertificateVersionRow
from hub.citizens.dossier.stages import STAGES
from hub.citizens.licences import REMINDED, Licence, Licences, held_by
from hub.clock import Clock
from hub.issuing.types.registry import TypeRegistry
from hub.registry.meanings import Words
from hub.storage.database import Database

PAGE: Final = 30
WORDS: Final = 60
"""So long what is looked for may be."""
STANDS: Final = (Status.VALID.value, Status.SUSPENDED.value)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)


class Standing(StrEnum):
    """How those stand that are looked for. `SOON`: in force, and ends within `REMINDED`."""

    STANDS = "stands"
    SOON = "soon"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: a stage, words of the kind's name in either language, how it stands. Nothing: all."""

    stage: Stage | None = None
    words: str = ""
    standing: Standing | None = None

    def named(self, kind: CertificateType | None, code: str) -> bool:
        """Whether the kind's name has all the words, in any order."""
        name = f"{kind.name.zh} {kind.name.en} {code}" if kind else code
        return all(word in name.casefold() for word in self.words.casefold().split())


ALL: Final = Wanted()


def wanted_by(*, stage: str = "", words: str = "", standing: str = "") -> Wanted:
    """As a page or a program asks for it. Raises: DefinitionError for a stage or a standing that there is not."""
    try:
        by_stage = Stage(stage) if stage else None
    except ValueError:
        raise DefinitionError("stage") from None
    try:
        return Wanted(by_stage, words[:WORDS], Standing(standing) if standing else None)
    except ValueError:
        raise DefinitionError("standing") from None


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of cards. `counts`: of the whole dossier, stages in order, those that are empty left out. `found`: on all
    pages, of what is looked for. `behind`: where the next page goes on.
    """

    cards: Sequence[Licence]
    counts: Mapping[Stage, int]
    found: int
    behind: str | None

    @property
    def total(self) -> int:
        """Of the whole dossier."""
        return sum(self.counts.values())

    @property
    def sections(self) -> list[tuple[Stage, list[Licence]]]:
        """The cards of the page by stage, in their order."""
        return [(stage, list(cards)) for stage, cards in groupby(self.cards, key=lambda card: card.stage)]


class Cards:
    """Reads them."""

    def __init__(self, database: Database, *, licences: Licences, types: TypeRegistry, clock: Clock) -> None:
        self._database = database
        self._licences = licences
        self._types = types
        self._clock = clock

    async def page(
        self,
        subject_id: str,
        *,
        wanted: Wanted = ALL,
        after: str | None = None,
        order: Mapping[Stage, Words] = STAGES,
    ) -> Shelf:
        """A page of what is looked for, stages in this order. Raises: DefinitionError for a place that there is not."""
        place = _place(after) if after else None
        now = self._clock()
        today, places = now.astimezone(CIVIL_ZONE).date(), {stage: number for number, stage in enumerate(order)}

        def unit(tx: Connection) -> tuple[dict[str, int], int, list[tuple[int, Row[Any]]]]:
            counted = _counted(tx, subject_id, wanted.standing, today)
            ranks = {code: places[stage] for code in counted if (stage := self._wanted(code, wanted)) is not None}
            found = sum(counted[code][1] for code in ranks)
            rows = _rows(tx, subject_id, ranks, wanted.standing, place, today) if found else []
            return {code: number for code, (number, _) in counted.items()}, found, rows

        codes, found, rows = await self._database.read(unit)
        shown = rows[:PAGE]
        behind = f"{shown[-1][0]}:{shown[-1][1].certificate_id}" if len(rows) > PAGE else None
        cards = [self._licences.told(row, subject_id, now) for _, row in shown]
        return Shelf(cards, self._counts(codes, order), found, behind)

    def _wanted(self, code: str, wanted: Wanted) -> Stage | None:
        """The stage of a kind that is looked for."""
        stage = self._stage(code)
        named = wanted.stage in {None, stage} and wanted.named(self._types.newest(code), code)
        return stage if named else None

    def _stage(self, code: str) -> Stage:
        kind = self._types.newest(code)
        return kind.stage if kind else Stage.OTHER

    def _counts(self, codes: Mapping[str, int], order: Mapping[Stage, Words]) -> Mapping[Stage, int]:
        counted: Counter[Stage] = Counter()
        for code, number in codes.items():
            counted[self._stage(code)] += number
        return {stage: counted[stage] for stage in order if stage in counted}


def _counted(tx: Connection, subject_id: str, standing: Standing | None, today: date) -> Mapping[str, tuple[int, int]]:
    """How many of each type he has, and how many of them stand as is wanted. As principal and as further holder: of one
    licence he is one of the two.
    """
    found: dict[str, tuple[int, int]] = {}
    code, so = _CERTIFICATES.c.type_code, func.sum(case((_stands(standing, today), 1), else_=0))
    for part in held_by(subject_id):
        for row in tx.execute(part.with_only_columns(code, func.count(), so).group_by(code)):
            number, those = found.get(row[0], (0, 0))
            found[row[0]] = number + row[1], those + row[2]
    return found


def _stands(standing: Standing | None, today: date) -> ColumnElement[bool]:
    """Whether one stands so on this day."""
    until = _VERSIONS.c.valid_until
    lasts = or_(until.is_(None), until >= today.isoformat())
    now = and_(_VERSIONS.c.status.in_(STANDS), lasts)
    match standing:
        case None:
            return true()
        case Standing.STANDS:
            return now
        case Standing.SOON:
            return and_(_VERSIONS.c.status == Status.VALID.value, lasts, until <= (today + REMINDED).isoformat())
        case Standing.OVER:
            return not_(now)


def _rows(
    tx: Connection,
    subject_id: str,
    ranks: Mapping[str, int],
    standing: Standing | None,
    place: tuple[int, str] | None,
    today: date,
) -> list[tuple[int, Row[Any]]]:
    """Each with its place: twice the rank of its stage, and one more for what stands no longer."""
    over = case((_stands(Standing.STANDS, today), 0), else_=1)
    rank = 2 * case(dict(ranks), value=_CERTIFICATES.c.type_code) + over
    once: dict[str, tuple[int, Row[Any]]] = {}
    for part in held_by(subject_id):
        query = part.add_columns(rank.label("rank")).where(_CERTIFICATES.c.type_code.in_(ranks))
        if standing is not None:
            query = query.where(_stands(standing, today))
        if place is not None:
            query = query.where(or_(rank > place[0], and_(rank == place[0], _CERTIFICATES.c.id < place[1])))
        for row in tx.execute(query.order_by(rank, _CERTIFICATES.c.id.desc()).limit(PAGE + 1)):
            once.setdefault(row.certificate_id, (row.rank, row))
    newest = sorted(once, reverse=True)
    return [once[key] for key in sorted(newest, key=lambda key: once[key][0])][: PAGE + 1]


def _place(after: str) -> tuple[int, str]:
    rank, _, certificate = after.partition(":")
    if not rank.isdecimal() or not certificate:
        raise DefinitionError("cursor")
    return int(rank), certificate
