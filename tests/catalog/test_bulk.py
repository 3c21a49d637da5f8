"""Rows in the form of PostgreSQL's COPY: what is encoded is read back, and anything else is refused."""

import struct
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from catalog.bulk import decode, encode
from catalog.tables import table
from certificates.tables import CertificateVersionRow

VERSIONS = table(CertificateVersionRow)
COLUMNS = ("id", "version", "identifier", "as_of", "valid_until", "document", "type_version", "origin")


def _row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "01a20443-9677-77e9-958d-1f7be6bd1bf3",
        "version": 1,
        "identifier": "示例",
        "as_of": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        "valid_until": None,
        "document": bytes(range(256)),
        "type_version": 2,
        "origin": None,
    } | changes


def _pieces(*rows: dict[str, Any]) -> list[bytes]:
    return cast("list[bytes]", encode("postgresql", VERSIONS, COLUMNS, rows))


def test_rows_come_back_as_they_were() -> None:
    rows = [_row(), _row(id="01a20443-9677-77e9-958d-1f7be6bd1bf4", origin="run:1", version=-3), _row(document=b"")]
    assert decode(VERSIONS, COLUMNS, b"".join(_pieces(*rows))) == rows
    assert decode(VERSIONS, COLUMNS, b"") == []


@pytest.mark.parametrize("cut", [1, 5, 30, -1])
def test_what_is_cut_off_is_refused(cut: int) -> None:
    (piece,) = _pieces(_row())
    with pytest.raises(ValueError, match=r"cut off|no rows"):
        decode(VERSIONS, COLUMNS, piece[:cut])


def test_other_columns_are_refused() -> None:
    (piece,) = _pieces(_row())
    with pytest.raises(ValueError, match="other columns"):
        decode(VERSIONS, COLUMNS[:-1], piece)


def test_what_is_no_uuid_and_no_aware_instant_is_not_written() -> None:
    for wrong in ({"id": "01a20443"}, {"id": "x"}, {"as_of": datetime(2026, 1, 1)}):  # noqa: DTZ001
        with pytest.raises((ValueError, struct.error)):
            _pieces(_row(**wrong))
