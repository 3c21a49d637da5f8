"""Guarded rows, written straight into the tables: licences that the hub believes, faster than issuing them.

Each is as the model is, under its own ids, with right MACs and ledger entries that have a number. Documents are
stand-ins of 64 bytes: no status list reads them, and a million real ones would be three gigabytes.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from catalog.bulk import insert_rows
from catalog.tables import table
from certificates.numbering import Identifier
from certificates.stores.status import LIST_SIZE
from certificates.stores.version import VersionRecord
from certificates.tables import CertificateRow, CertificateVersionRow, StatusListRow, SubjectRow
from hub.clock import new_id
from hub.ledger.guards import version_mac
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub

SUBJECTS: Final = table(SubjectRow)
CERTIFICATES: Final = table(CertificateRow)
VERSIONS: Final = table(CertificateVersionRow)
ENTRIES: Final = table(LedgerEntryRow)
LISTS: Final = table(StatusListRow)
_STRIDES: Final = (393_241, 742_057)
"""Odd, so that every index is dealt out once."""
_BATCH: Final = 2_000
_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
_Rows = Mapping[str, dict[str, Any]]


def index_of(number: int) -> int:
    """Where this number stands on its list: one to one, and far from its neighbours, so that zlib gains nothing."""
    place = number * _STRIDES[0] % LIST_SIZE
    return (place ^ place >> 10) * _STRIDES[1] % LIST_SIZE


def index_in_sql(number: str) -> str:
    """The same as `index_of`, in words that both databases know."""
    place = f"({number} * {_STRIDES[0]} % {LIST_SIZE})"
    return f"(({place} | ({place} >> 10)) - ({place} & ({place} >> 10))) * {_STRIDES[1]} % {LIST_SIZE}"


async def put(hub: Hub, model: VersionRecord, numbers: Sequence[int], *, on: int, status: str) -> str:
    """Put licences of the model's kind on a list that `open_list` opened, at the places of these numbers.

    They are `valid` as issued, or have become what `status` says by a change that the ledger has numbered. Answers the
    identifier of the last.
    """
    identifier = ""
    for first in range(0, len(numbers), _BATCH):
        made = [_licence(hub, model, number, on, status) for number in numbers[first : first + _BATCH]]
        await hub.database.write(lambda tx, made=made: _write(tx, made))  # type: ignore[misc]
        identifier = made[-1][0].identifier
    return identifier


async def open_list(hub: Hub, number: int) -> None:
    """Open a status list whose every place is given out."""
    values = {"number": number, "size": LIST_SIZE, "next_counter": LIST_SIZE, "changed_at": _DAY}
    await hub.database.write(lambda tx: tx.execute(insert(LISTS).values(**values)))


def _licence(hub: Hub, model: VersionRecord, number: int, on: int, status: str) -> tuple[VersionRecord, _Rows]:
    """One licence with its certificate and ledger entries; the holder is the model's."""
    issued, changed, serial = new_id(), new_id(), f"2026{on:04d}{number:08d}"
    is_changed = status != "valid"
    version = replace(
        model,
        id=new_id(),
        certificate_id=new_id(),
        identifier=Identifier(model.type_code, model.issuer_code, serial, 1).text,
        serial=serial,
        status=status,
        status_list=on,
        status_index=index_of(number),
        document=b"\0" * 64,
        record_hash=hub.vault.lookup_hash("record", serial),
        row_version=2 if is_changed else 1,
        ledger_entry_id=changed if is_changed else issued,
        current_version=1,
    )
    version = replace(version, mac=version_mac(version, hub.vault))
    certificate = {
        "id": version.certificate_id,
        "owner_department_id": version.owner_department_id,
        "type_code": version.type_code,
        "type_version": version.type_version,
        "issuer_code": version.issuer_code,
        "serial": version.serial,
        "subject_id": version.subject_id,
        "record_hash": version.record_hash,
        "current_version": 1,
        "created_at": _DAY,
    }
    rows = {"certificate": certificate, "issued": _entry(issued, version.id, 1)}
    return version, rows | ({"changed": _entry(changed, version.id, 2)} if is_changed else {})


def _entry(entry_id: str, version_id: str, number: int) -> dict[str, Any]:
    return {
        "id": entry_id,
        "recorded_at": _DAY,
        "commitment": secrets.token_bytes(32),
        "kind": "certificate.issue" if number == 1 else "certificate.revoke",
        "subject_id": None,
        "case_id": None,
        "object_id": version_id,
        "object_version": number,
        "detail": b"\0" * 64,
    }


def _write(tx: Connection, made: Sequence[tuple[VersionRecord, _Rows]]) -> None:
    insert_rows(tx, CERTIFICATES, [rows["certificate"] for _, rows in made])
    insert_rows(tx, VERSIONS, [_version_row(version) for version, _ in made])
    entries = [rows[kind] for _, rows in made for kind in ("issued", "changed") if kind in rows]
    # Numbered as if the sequencer had been here; no tree is kept for them, and none is asked for.
    position = int(tx.execute(select(func.max(ENTRIES.c.position))).scalar() or 0)
    insert_rows(tx, ENTRIES, [row | {"position": position + place} for place, row in enumerate(entries, start=1)])


def _version_row(version: VersionRecord) -> dict[str, Any]:
    row = {column.name: getattr(version, column.name) for column in VERSIONS.c}
    return row | {"type_version": version.own_type_version}
