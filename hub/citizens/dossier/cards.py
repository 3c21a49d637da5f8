"""The cards of a dossier: a subject's licences by stage of life, within a stage those that stand, the newest first.

Of a subject, whoever looks: whether he may is the caller's. A page costs the same four statements whether the dossier
has five licences or five thousand; the sorting is of one holder's rows, which an index leads to.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, case, func, or_

from catalog.errors import DefinitionError
from catalog.tables import table
from certificates.definitions.parts import Stage
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.tables import CertificateRow, CertificateVersionRow
from hub.citizens.dossier.stages import RANKS, STAGES
from hub.citizens.licences import Licence, Licences, held_by
from hub.clock import Clock
from hub.issuing.types.registry import TypeRegistry
from hub.storage.database import Database

PAGE: Final = 30
STANDS: Final = (Status.VALID.value, Status.SUSPENDED.value)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of cards. `counts`: of the whole dossier, stages in order, those that are empty left out. `behind`: where
    the next page goes on.
    """

    cards: Sequence[Licence]
    counts: Mapping[Stage, int]
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

    async def page(self, subject_id: str, *, stage: Stage | None = None, after: str | None = None) -> Shelf:
        """A page, of one stage or of all. Raises: DefinitionError for a place that there is not."""
        place = _place(after) if after else None
        now = self._clock()
        today = now.astimezone(CIVIL_ZONE).date()

        def unit(tx: Connection) -> tuple[dict[str, int], list[tuple[int, Row[Any]]]]:
            codes = _counted(tx, subject_id)
            wanted = {code: rank for code in codes if (rank := self._rank(code, stage)) is not None}
            return codes, _rows(tx, subject_id, wanted, place, today) if wanted else []

        codes, rows = await self._database.read(unit)
        shown = rows[:PAGE]
        behind = f"{shown[-1][0]}:{shown[-1][1].certificate_id}" if len(rows) > PAGE else None
        return Shelf([self._licences.told(row, subject_id, now) for _, row in shown], self._counts(codes), behind)

    def _rank(self, code: str, only: Stage | None) -> int | None:
        stage = self._stage(code)
        return RANKS[stage] if only in {None, stage} else None

    def _stage(self, code: str) -> Stage:
        kind = self._types.newest(code)
        return kind.stage if kind else Stage.OTHER

    def _counts(self, codes: Mapping[str, int]) -> Mapping[Stage, int]:
        counted: Counter[Stage] = Counter()
        for code, number in codes.items():
            counted[self._stage(code)] += number
        return {stage: counted[stage] for stage in STAGES if stage in counted}


def _counted(tx: Connection, subject_id: str) -> dict[str, int]:
    """How many of each type he has, as principal and as further holder: of one licence he is one of the two."""
    found: Counter[str] = Counter()
    code = _CERTIFICATES.c.type_code
    for part in held_by(subject_id):
        for row in tx.execute(part.with_only_columns(code, func.count()).group_by(code)):
            found[row[0]] += row[1]
    return dict(found)


def _rows(
    tx: Connection, subject_id: str, ranks: Mapping[str, int], place: tuple[int, str] | None, today: date
) -> list[tuple[int, Row[Any]]]:
    """Each with its place: twice the rank of its stage, and one more for what stands no longer."""
    until = _VERSIONS.c.valid_until
    lasts = or_(until.is_(None), until >= today.isoformat())
    over = case((and_(_VERSIONS.c.status.in_(STANDS), lasts), 0), else_=1)
    rank = 2 * case(dict(ranks), value=_CERTIFICATES.c.type_code) + over
    once: dict[str, tuple[int, Row[Any]]] = {}
    for part in held_by(subject_id):
        query = part.add_columns(rank.label("rank")).where(_CERTIFICATES.c.type_code.in_(ranks))
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
