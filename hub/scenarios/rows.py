"""Rows of registers and sources out of a pack's patterns, one for each holder. Pure.

In a pattern stand `{name}`, `{number}`, `{sex}`, `{born}` of the row's holder, `{spouse.name}` of their spouse,
`{chen.number}` of anybody, `{baby.given}`, the number that a newborn is given, and `{today}`, `{today-30}`,
`{today+365}` in days.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

from certificates.definitions.certificate_type import CertificateType
from hub.scenarios.pack import PackError
from hub.scenarios.values import Holder, Pack, ResultSpec

_PLACE: Final = re.compile(r"\{(?:today(?P<days>[+-][0-9]{1,5})?|(?:(?P<who>[a-z][a-z0-9_]*)\.)?(?P<what>[a-z]+))\}")
_WORDS: Final = frozenset({"name", "number", "sex", "born", "given"})


def register_rows(pack: Pack, slug: str, *, today: date) -> Iterator[dict[str, str]]:
    """Claim → cell, for whom the register knows. Raises: PackError: a pattern names what there is not."""
    declared = pack.declared["registers"][slug]
    where = f"/registers/{slug}/row"
    for key in _known(pack, declared):
        yield {claim: _filled(pack, where, key, said, today) for claim, said in declared["row"].items()}
    for place, more in enumerate(declared.get("rows", ())):
        where, row = f"/registers/{slug}/rows/{place}/row", {**declared["row"], **more["row"]}
        yield {claim: _filled(pack, where, more["of"], said, today) for claim, said in row.items()}


def source_rows(pack: Pack, code: str, *, today: date) -> Iterator[tuple[str, ...]]:
    """Rows of a department's own table, in the order of its columns. Raises: PackError."""
    declared = pack.declared["sources"][code]
    where = f"/sources/{code}/row"
    for key in declared["of"]:
        yield tuple(_filled(pack, where, key, declared["row"].get(name, ""), today) for name in declared["columns"])
    for place, more in enumerate(declared.get("rows", ())):
        where, row = f"/sources/{code}/rows/{place}/row", {**declared["row"], **more["row"]}
        yield tuple(_filled(pack, where, more["of"], row.get(name, ""), today) for name in declared["columns"])


def result_row(pack: Pack, result: ResultSpec, *, today: date) -> dict[str, str]:
    """One record, as a register has it, with what differs. Raises: PackError."""
    said = {**pack.declared["registers"][result.type]["row"], **result.row}
    where = f"/registers/{result.type}/row"
    return {claim: _filled(pack, where, result.of, pattern, today) for claim, pattern in said.items()}


def register_file(known: CertificateType, rows: Iterable[Mapping[str, str]]) -> bytes:
    """A CSV file as the department would write it, under the column names of the type's own mapping."""
    columns = known.default_mapping
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(claim, "") for claim in columns.values()] for row in rows)
    return text.getvalue().encode()


def _known(pack: Pack, declared: Mapping[str, Any]) -> list[str]:
    """Whom a row of the plain pattern is of."""
    of = declared["of"]
    listed = list(pack.declared.get(of, {})) if isinstance(of, str) else list(of)
    return [key for key in listed if key not in declared.get("except", ())]


def _filled(pack: Pack, where: str, key: str, pattern: str, today: date) -> str:
    def put(found: re.Match[str]) -> str:
        if found["what"] is None:
            return (today + timedelta(days=int(found["days"] or 0))).isoformat()
        return _said(pack, where, key, found["who"], found["what"])

    return _PLACE.sub(put, pattern)


def _said(pack: Pack, where: str, key: str, who: str | None, what: str) -> str:
    holder: Holder | None = pack.holders[key]
    if who is not None and holder is not None:
        holder = pack.holders.get(holder.spouse if who == "spouse" else who)
    if holder is None or what not in _WORDS:
        raise PackError(pack.name, [(where, f"of {key} there is no {who + '.' if who else ''}{what}")])
    said = holder.id_number if what == "number" else str(getattr(holder, what))
    if not said:
        raise PackError(pack.name, [(where, f"{holder.key} has no number yet")])
    return said
