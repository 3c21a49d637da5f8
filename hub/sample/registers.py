"""The departments' registers as CSV files, under the column names of each type's default mapping.

One is in GB18030, as older systems write it, with the rare characters that GBK would lose; the rest are UTF-8.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final

from certificates.definitions.loading import shipped_types
from hub.sample import belonging, names
from hub.sample.city import City
from hub.sample.enterprises import Enterprise
from hub.sample.numbers import DISTRICTS
from hub.sample.people import Card, Person
from hub.storage.files import write_durably

Row = Mapping[str, str]
"""Claim name → cell."""

ENCODINGS: Final[Mapping[str, str]] = MappingProxyType({"household_register": "gb18030"})
"""Encodings other than UTF-8, by type."""

FUND_CENTRE: Final = "示例市住房公积金管理中心"


def write_registers(city: City, folder: Path) -> dict[str, Path]:
    """Write one file per certificate type into `folder`; answers the paths by the type's short name."""
    paths = {}
    for slug, rows in REGISTERS.items():
        columns = shipped_types()[slug].default_mapping
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.get(claim, "") for claim in columns.values()] for row in rows(city))
        paths[slug] = folder / f"{slug}.csv"
        write_durably(paths[slug], text.getvalue().encode(ENCODINGS.get(slug, "utf-8")))
    return paths


def _identity_cards(city: City) -> Iterator[Row]:
    for person in _known(city, "identity_card"):
        rng = _rng("identity_card", person)
        years = 10 if city.today.year - person.born.year < 46 else 20
        since = city.today - timedelta(days=rng.randint(200, 3000))
        if person.card is Card.EXPIRED:
            since = _years_later(city.today, -years) - timedelta(days=rng.randint(30, 300))
        yield {
            "name": person.name,
            "sex": person.sex,
            "ethnicity": person.ethnicity,
            "birth_date": person.born.isoformat(),
            "address": person.household.address,
            "citizen_id": person.citizen_id,
            "issued_by": _police(person),
            "valid_since": since.isoformat(),
            "valid_until": "长期" if person.card is Card.LONG_TERM else _years_later(since, years).isoformat(),
        }


def _household_register(city: City) -> Iterator[Row]:
    for person in _known(city, "household_register"):
        rng = _rng("household_register", person)
        yield {
            "household_no": person.household.number,
            "household_type": "家庭户",
            "head_name": person.household.head,
            "relationship_to_head": person.relationship,
            "name": person.name,
            "citizen_id": person.citizen_id,
            "sex": person.sex,
            "birth_date": person.born.isoformat(),
            "native_place": "示例省示例市",
            "marital_status": "已婚" if person.marriage else "未婚",
            "address": person.household.address,
            "registered_on": _day(rng, 2001, 2023).isoformat() if person.adult else person.born.isoformat(),
            "registered_by": _police(person),
        }


def _marriages(city: City) -> Iterator[Row]:
    for person in city.people:
        if person.marriage is None:
            continue
        yield {
            "certificate_no": person.marriage.number,
            "registered_on": person.marriage.registered_on.isoformat(),
            "registered_by": "示例市民政局婚姻登记处",
            "name": person.name,
            "citizen_id": person.citizen_id,
            "spouse_name": person.marriage.spouse.name,
            "spouse_id_number": person.marriage.spouse.id_number,
        }


def _fund_accounts(city: City) -> Iterator[Row]:
    as_of = city.today.replace(day=1)
    employers = [enterprise for enterprise in city.enterprises if enterprise.registered]
    for number, person in enumerate(_known(city, "housing_fund_account"), 1):
        rng = _rng("housing_fund_account", person)
        base = rng.randint(45, 300) * 100
        months = rng.randint(8, min(180, 12 * (city.today.year - person.born.year - 20)))
        yield {
            "account_no": f"9901{number:08d}",
            "name": person.name,
            "citizen_id": person.citizen_id,
            "fund_centre": FUND_CENTRE,
            "account_status": "正常" if rng.random() < 0.95 else "封存",
            "opened_on": (as_of - timedelta(days=31 * months)).isoformat(),
            "employer_name": rng.choice(employers).name,
            "deposit_base": f"{base}.00",
            "monthly_deposit": f"{base * 24 // 100}.00",
            "balance": f"{base * months * 12 // 100}.{rng.randint(0, 99):02d}",
            "continuous_months": str(months),
            "as_of": as_of.isoformat(),
        }


def _titles(city: City) -> Iterator[Row]:
    owners: list[Person | Enterprise] = [*city.people, *city.enterprises]
    number = 0
    for owner in owners:
        for index in range(owner.titles):
            number += 1
            yield _title(owner, number, elsewhere=index > 0)


def _title(owner: Person | Enterprise, number: int, *, elsewhere: bool) -> Row:
    rng = _rng(f"real_estate_title {number}", owner)
    home = isinstance(owner, Person)
    division = owner.household.division if isinstance(owner, Person) else owner.division
    address = owner.household.address if isinstance(owner, Person) else owner.address
    joint = isinstance(owner, Person) and owner.marriage is not None
    registered_on = _day(rng, 2010, 2024)
    return {
        "title_no": f"示（{registered_on.year}）示例市不动产权第{number:07d}号",
        "unit_no": f"{division}001001GB{rng.randint(1, 99):05d}F{number:08d}",
        "owner_name": owner.name,
        "owner_id_type": owner.identity.id_type,
        "owner_id_number": owner.identity.id_number,
        "ownership": "共同共有" if joint else "单独所有",
        "location": names.dwelling(rng, division) if elsewhere else address,
        "right_type": "国有建设用地使用权/房屋所有权",
        "usage": "城镇住宅用地/住宅" if home else "商服用地/商业服务",
        "area_sqm": f"{rng.randint(45, 180) if home else rng.randint(80, 2500)}.{rng.randint(0, 99):02d}",
        "land_use_until": _years_later(registered_on, 70 if home else 40).isoformat(),
        "encumbrance": "已设立抵押权" if rng.random() < 0.2 else "/",
        "registered_on": registered_on.isoformat(),
    }


def _licences(city: City) -> Iterator[Row]:
    for enterprise in city.enterprises:
        if not enterprise.registered:
            continue
        yield {
            "name": enterprise.name,
            "uscc": enterprise.uscc,
            "established_on": enterprise.established_on.isoformat(),
            "enterprise_type": enterprise.enterprise_type,
            "legal_representative": enterprise.representative.name,
            "registered_capital": enterprise.capital,
            "business_scope": enterprise.scope,
            "address": enterprise.address,
        }


REGISTERS: Final[Mapping[str, Callable[[City], Iterator[Row]]]] = MappingProxyType(
    {
        "identity_card": _identity_cards,
        "household_register": _household_register,
        "marriage_certificate": _marriages,
        "housing_fund_account": _fund_accounts,
        "real_estate_title": _titles,
        "business_licence": _licences,
        "legal_representative_registration": belonging.registrations,
        "newborn_registration": belonging.births,
    }
)
"""What the departments write, by certificate type, in the order of collection."""


def _known(city: City, slug: str) -> Iterator[Person]:
    return (person for person in city.people if slug in person.records)


def _rng(purpose: str, holder: Person | Enterprise) -> Random:
    """Details of one row, independent of all other rows: adding a resident changes nobody else's."""
    return Random(f"{purpose} {holder.identity.id_number}")  # noqa: S311  # invents data, keeps no secret


def _police(person: Person) -> str:
    return f"示例市公安局{DISTRICTS[person.household.division]}分局"


def _day(rng: Random, first_year: int, last_year: int) -> date:
    return date(rng.randint(first_year, last_year), rng.randint(1, 12), rng.randint(1, 28))


def _years_later(day: date, years: int) -> date:
    return day.replace(year=day.year + years, day=min(day.day, 28))
