"""Queries over ratings and the closed cases of a person. They take the caller's connection and never commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, case, func, insert, select

from catalog.tables import DepartmentRow, MatterRow, table
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import State
from hub.citizens.ratings.tables import RatingRow
from hub.intake.tables import CasePartyRow, CaseRow
from hub.registry.meanings import Words

BAD: Final = 2
"""Of five, and less: it is followed up."""
FEWEST: Final = 5
"""Ratings of a matter below which nothing of it is published: its people might be told."""
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


def figures(tx: Connection) -> list[Figure]:
    """By matter, where there are enough of them, by code."""
    counted = _RATINGS.c.counted.is_not(None)
    answered = _OBJECTIONS.c.state == State.ANSWERED.value
    query = (
        select(
            _RATINGS.c.matter_code,
            func.count().label("ratings"),
            func.sum(_RATINGS.c.stars).label("stars"),
            func.sum(_RATINGS.c.brought).label("brought"),
            func.sum(case((counted, _RATINGS.c.brought - _RATINGS.c.counted), else_=0)).label("gap"),
            func.sum(case((counted, 1), else_=0)).label("compared"),
            func.sum(case((_RATINGS.c.stars <= BAD, 1), else_=0)).label("bad"),
            func.sum(case((answered, 1), else_=0)).label("answered"),
        )
        .outerjoin(_OBJECTIONS, _OBJECTIONS.c.id == _RATINGS.c.follow_up_id)
        .group_by(_RATINGS.c.matter_code)
        .having(func.count() >= FEWEST)
    )
    rows = tx.execute(query.order_by(_RATINGS.c.matter_code)).all()
    codes = [row.matter_code for row in rows]
    named = (
        select(_MATTERS.c.code, _MATTERS.c.definition).where(_MATTERS.c.code.in_(codes)).order_by(_MATTERS.c.version)
    )
    names = {row.code: _named(row.definition) for row in tx.execute(named)}
    return [
        Figure(
            matter=row.matter_code,
            name=names.get(row.matter_code, (row.matter_code, row.matter_code)),
            ratings=row.ratings,
            stars=round(float(row.stars) / row.ratings, 1),
            brought=round(float(row.brought) / row.ratings, 1),
            gap=round(float(row.gap) / float(row.compared), 1) if row.compared else None,
            bad=int(row.bad),
            answered=int(row.answered),
        )
        for row in rows
    ]


def _named(definition: Mapping[str, Any]) -> Words:
    return str(definition["name"]["zh"]), str(definition["name"]["en"])
