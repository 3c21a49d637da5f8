"""Writing certificates and their versions: as intents, then with their documents. On the caller's connection."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, update

from catalog.bulk import insert_rows
from catalog.tables import table
from certificates.tables import CertificateRow, CertificateVersionRow

_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_STORE_RESULTS: Final = """
UPDATE certificate_versions
SET state = 'issued', document = signed.token, signing_kid = signed.kid, signing_mac = signed.mac
FROM unnest(%(row)s::uuid[], %(token)b::bytea[], %(kid)s::text[], %(mac)b::bytea[]) AS signed (id, token, kid, mac)
WHERE certificate_versions.id = signed.id AND certificate_versions.state = 'intended'
"""
"""Sets of parameters would be a statement each."""
_MAKE_CURRENT: Final = """
UPDATE certificates SET current_version = whole.version
FROM unnest(%(certificate)s::uuid[], %(to)s::integer[]) AS whole (id, version)
WHERE certificates.id = whole.id AND certificates.current_version < whole.version
"""
_STORE_RESULT: Final = (
    update(_VERSIONS)
    .where(and_(_VERSIONS.c.id == bindparam("row"), _VERSIONS.c.state == "intended"))
    .values(
        state="issued", document=bindparam("token"), signing_kid=bindparam("kid"), signing_mac=bindparam("signed_mac")
    )
)
_SEEN_AGAIN: Final = (
    update(_VERSIONS)
    .where(_VERSIONS.c.id == bindparam("row"))
    .values(as_of=bindparam("seen"), seen_mac=bindparam("looked"))
)


def add_certificates(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write certificate rows."""
    insert_rows(tx, _CERTIFICATES, rows)


def add_versions(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write version rows, as intents."""
    insert_rows(tx, _VERSIONS, rows)


def store_results(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store signed documents: `row`, `token` (ciphertext), `kid` and the `mac` over it. A version that already has one
    keeps it.
    """
    if tx.dialect.name == "postgresql":
        names = ("row", "token", "kid", "mac")
        tx.exec_driver_sql(_STORE_RESULTS, {name: [row[name] for row in rows] for name in names})
    else:
        values = [{"signed_mac": row["mac"]} | {name: row[name] for name in ("row", "token", "kid")} for row in rows]
        tx.execute(_STORE_RESULT, values)


def make_current(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Point certificates at their newly issued version: `certificate`, `to`. Never backwards; each once in a call."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(_MAKE_CURRENT, {name: [row[name] for row in rows] for name in ("certificate", "to")})
        return
    tx.execute(
        update(_CERTIFICATES)
        .where(and_(_CERTIFICATES.c.id == bindparam("certificate"), _CERTIFICATES.c.current_version < bindparam("to")))
        .values(current_version=bindparam("to")),
        list(rows),
    )


def touch_as_of(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Remember that an unchanged record was seen again: `row`, `seen` and the `mac` over both."""
    if rows:
        seen_macs = [{"row": row["row"], "seen": row["seen"], "looked": row["mac"]} for row in rows]
        tx.execute(_SEEN_AGAIN, seen_macs)


def retire_record(tx: Connection, certificate_id: str, retired_hash: bytes) -> None:
    """Let a certificate that has used up its versions go, so that its record may start a new serial."""
    tx.execute(update(_CERTIFICATES).where(_CERTIFICATES.c.id == certificate_id).values(record_hash=retired_hash))
