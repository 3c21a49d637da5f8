"""Plausible claims of any certificate type, invented: for previews of a face, and for trying a type out.

The same type and number give the same claims. Restrictions of the type are kept; a pattern that is not known here is
tried with plain texts, and the first that fits is taken.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from catalog import identifiers
from certificates.claims import Claim, Format
from certificates.definitions.certificate_type import CertificateType, HolderRule
from hub.sample.numbers import CITY, citizen_id, enterprise_code

_FIRST: Final = date(2020, 1, 1)
_PEOPLE: Final = ("王晨光", "李思远", "张雨桐", "陈一诺", "刘沐阳", "赵清越")
_FIRMS: Final = ("晨光食品", "远山建设", "清江物流", "一诺置业", "沐阳环保", "云帆科技")
_PERSONS: Final = frozenset(identifiers.ID_TYPES) - {identifiers.USCC, "099"}
_SHAPES: Final = (
    "2024-990100-47-03-{0:06d}",
    "990102001001GB00001F{0:08d}",
    "示A{0:05d}",
    "LSVAA4182E2{0:06d}",
    "R{0:09d}",
    "6222{0:012d}",
    "9901{0:08d}",
    "{0:06d}",
    "A{0:08d}",
    "示例{0:04d}",
    "{0:018d}",
)
"""What numbers of projects, property units, plates, vehicles, births and accounts look like, and plain ones."""
_SPELLINGS: Final = range(1, 65)


def plausible_claims(certificate_type: CertificateType, number: int, *, whole: bool = True) -> dict[str, str | int]:
    """Claims that `certificate_type.check_claims` accepts, all of them or, with `whole` false, the required ones.

    Raises: ValueError: no value fits a claim's pattern.
    """
    rng = Random(f"{certificate_type.code} {number}")  # noqa: S311  # invents data, keeps no secret
    chosen = [claim for claim in certificate_type.claims.values() if whole or claim.required]
    claims: dict[str, str | int] = {claim.name: _value(claim, number, rng) for claim in chosen}
    for place, rule in enumerate((certificate_type.holder, *certificate_type.further_holders)):
        if rule.id in claims:
            claims |= _holder(certificate_type, rule, number * 10 + place, claims)
    return claims


def _holder(
    certificate_type: CertificateType, rule: HolderRule, number: int, claims: Mapping[str, str | int]
) -> dict[str, str | int]:
    kind = rule.id_type
    if rule.id_type_claim is not None:
        allowed = certificate_type.claims[rule.id_type_claim].schema.get("enum", sorted(certificate_type.holder_kinds))
        kind = str(next(item for item in allowed if item in certificate_type.holder_kinds))
        return {rule.id_type_claim: kind, **_named(rule, kind, number)}
    del claims
    return _named(rule, str(kind), number)


def _named(rule: HolderRule, kind: str, number: int) -> dict[str, str | int]:
    if kind == identifiers.CITIZEN_ID:
        born = date(1950, 1, 1) + timedelta(days=37 * number % 20_000)
        return {rule.id: citizen_id(CITY, born, number % 998 + 1), rule.name: _PEOPLE[number % len(_PEOPLE)]}
    if kind in _PERSONS:
        return {rule.id: f"E{number:08d}", rule.name: _PEOPLE[number % len(_PEOPLE)]}
    name = f"示例市{_FIRMS[number % len(_FIRMS)]}有限公司"
    return {
        rule.id: enterprise_code(CITY, 5000 + number) if kind == identifiers.USCC else f"{number:08d}",
        rule.name: name,
    }


def _value(claim: Claim, number: int, rng: Random) -> str | int:
    schema = claim.schema
    if "enum" in schema:
        listed: str | int = rng.choice(schema["enum"])
        return listed
    match claim.format:
        case Format.DATE:
            return (_FIRST + timedelta(days=rng.randint(0, 2000))).isoformat()
        case Format.USCC:
            return enterprise_code(CITY, 900_000 + number)
        case Format.CITIZEN_ID:
            return citizen_id(CITY, date(1980, 1, 1) + timedelta(days=number % 9000), number % 998 + 1)
        case Format.INTEGER:
            low, high = int(schema["minimum"]), int(schema["maximum"])
            return rng.randint(max(low, 0) if high >= 0 else low, min(high, max(low, 0) + 500))
        case Format.DECIMAL:
            return f"{rng.randint(1, 99_999)}.{rng.randint(0, 99):02d}"
        case Format.CODE | Format.TEXT:
            return _text(claim, number)


def _text(claim: Claim, number: int) -> str:
    title = claim.title.zh.partition("（")[0]
    for text in (f"示例{title}{number}", *_spelt(number)) if claim.format is Format.TEXT else _spelt(number):
        if _fits(claim.schema, text):
            return text
    raise ValueError(f"no plain value fits the claim {claim.name}")


def _spelt(number: int) -> Iterator[str]:
    yield from (shape.format(number) for shape in _SHAPES)
    yield from ("9" * length for length in _SPELLINGS)
    yield from ("A" * length for length in _SPELLINGS)


def _fits(schema: Mapping[str, Any], text: str) -> bool:
    patterns = [schema.get("pattern"), *(part.get("pattern") for part in schema.get("allOf", ()))]
    return schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 4000) and all(
        re.search(pattern, text) for pattern in patterns if pattern
    )
