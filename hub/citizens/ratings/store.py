"""Queries over ratings and the closed cases of a person. They take the caller's connection and never commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from catalog.tables import DepartmentRow, MatterRow, table
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import State
from hub.citizens.ratings.tables import RatingRow
from hub.intake.tables import CasePartyRow, CaseRow
from hub.registry.meanings import Words
from signing.canonical import canonical

BAD: Final = 2
"""Of five, and less: it is followed up."""
FEWEST: Final = 5
"""Ratings of a matter below which nothing of it is published: its people might be told."""
RATED: Final = "case.rated"
BY_SLIP: Final = "case.rated_by_slip"
"""By whoever had the code on the slip: it may have been another than whom it is about, who is told so."""
KINDS: Final = frozenset({RATED, BY_SLIP})
Sums = list[int]
"""Of one matter: ratings, stars, papers brought, the gap, of how many ratings that is known, and bad ones."""
_MEANT: Final = (
    "id", "case_id", "subject_id", "matter_code", "stars", "brought", "counted", "follow_up_id", "ledger_entry_id",
)  # fmt: skip
_RATINGS: Final = table(RatingRow)
_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)
_MATTERS: Final = table(MatterRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_OBJECTIONS: Final = table(ObjectionRow)


@dataclass(frozen=True, slots=True)
class Past:
    """A closed case of a person. `stars` None: he has not rated it."""

    case_id: str
    case_no: str
    matter_code: str
    matter: Words
    department_id: str
    department: Words
    closed_at: datetime
    stars: int | None


@dataclass(frozen=True, slots=True)
class Figure:
    """What is published of one matter. `gap`: papers that people say they brought, less those that the hub counted, a
    case; None where it could count none. `answered`: of the `bad` ones, those that the department has answered; one
    that was withdrawn is not.
    """

    matter: str
    name: Words
    ratings: int
    stars: float
    brought: float
    gap: float | None
    bad: int
    answered: int


def past_of(tx: Connection, lookup: bytes, subject_id: str, *, case_no: str | None, limit: int) -> list[Past]:
    """Closed cases in which this number is a party, the newest first; or this one of them."""
    mine = (_RATINGS.c.case_id == _CASES.c.id) & (_RATINGS.c.subject_id == subject_id)
    query = (
        select(
            _CASES.c.id, _CASES.c.case_no, _CASES.c.matter_code, _MATTERS.c.definition, _CASES.c.closed_at,
            _DEPARTMENTS.c.id.label("department_id"), _DEPARTMENTS.c.name_zh, _DEPARTMENTS.c.name_en, _RATINGS.c.stars,
        )
        .join(_PARTIES, _PARTIES.c.case_id == _CASES.c.id)
        .join(_MATTERS, _MATTERS.c.id == _CASES.c.matter_id)
        .join(
            _DEPARTMENTS,
            _DEPARTMENTS.c.id == func.coalesce(_CASES.c.accepting_department_id, _CASES.c.owner_department_id),
        )
        .outerjoin(_RATINGS, mine)
        .where(_PARTIES.c.lookup_hash == lookup, _CASES.c.state == "closed", _CASES.c.closed_at.is_not(None))
    )  # fmt: skip
    if case_no is not None:
        query = query.where(_CASES.c.case_no == case_no)
    rows = tx.execute(query.order_by(_CASES.c.id.desc()).limit(limit)).all()
    found = {
        row.id: Past(
            row.id, row.case_no, row.matter_code, _named(row.definition), row.department_id,
            (row.name_zh, row.name_en), row.closed_at, row.stars,
        )
        for row in rows
    }  # fmt: skip
    return list(found.values())  # who is two parties of it, once


def add(tx: Connection, values: Mapping[str, Any]) -> None:
    """Write one. Raises: ConflictError: he has rated it."""
    tx.execute(insert(_RATINGS).values(**values))


def is_rated(tx: Connection, case_id: str, subject_id: str) -> bool:
    """Whether he has rated it."""
    same = (_RATINGS.c.case_id == case_id) & (_RATINGS.c.subject_id == subject_id)
    return tx.execute(select(_RATINGS.c.id).where(same)).first() is not None


def meaning_of(row: Mapping[str, Any]) -> bytes:
    """What the MAC of a rating covers."""
    return b"case-rating\x1f" + canonical({name: row[name] for name in _MEANT})


def figures(tx: Connection, tally: Mapping[str, Sums]) -> list[Figure]:
    """By matter, where there are enough of them, by code. `answered` is counted as the rows of objections stand."""
    codes = sorted(code for code, sums in tally.items() if sums[0] >= FEWEST)
    if not codes:
        return []
    done = (
        select(_RATINGS.c.matter_code, func.count().label("answered"))
        .join(_OBJECTIONS, _OBJECTIONS.c.id == _RATINGS.c.follow_up_id)
        .where(_OBJECTIONS.c.state == State.ANSWERED.value, _RATINGS.c.matter_code.in_(codes))
        .group_by(_RATINGS.c.matter_code)
    )
    answered = {row.matter_code: int(row.answered) for row in tx.execute(done)}
    named = (
        select(_MATTERS.c.code, _MATTERS.c.definition).where(_MATTERS.c.code.in_(codes)).order_by(_MATTERS.c.version)
    )
    names = {row.code: _named(row.definition) for row in tx.execute(named)}
    return [_figure(code, names.get(code, (code, code)), tally[code], answered.get(code, 0)) for code in codes]


def _figure(matter: str, name: Words, sums: Sums, answered: int) -> Figure:
    ratings, stars, brought, gap, compared, bad = sums
    return Figure(
        matter=matter,
        name=name,
        ratings=ratings,
        stars=round(stars / ratings, 1),
        brought=round(brought / ratings, 1),
        gap=round(gap / compared, 1) if compared else None,
        bad=bad,
        answered=min(answered, bad),
    )


def _named(definition: Mapping[str, Any]) -> Words:
    return str(definition["name"]["zh"]), str(definition["name"]["en"])
