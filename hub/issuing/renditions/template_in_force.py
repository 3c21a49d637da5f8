"""The template that a face is set from: the type's own that was in force at a time, else the one that ships."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from catalog.tables import table
from certificates.definitions.certificate_type import CertificateType
from certificates.rendering.face import look_of
from certificates.rendering.tables import FaceTemplateRow
from certificates.rendering.templates import shipped
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256

BACK: Final = ""
"""Stands for the text in a version by which the type goes back to the face that ships."""
_TEMPLATES: Final = table(FaceTemplateRow)


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One version of a type's own template. `source` is BACK where the type went back to the face that ships."""

    version: int
    source: str = field(repr=False)
    confirmed_by: Mapping[str, str]
    since: datetime


def template_of(tx: Connection, certificate_type: CertificateType, *, at: datetime, vault: Vault) -> str:
    """The template of a licence that was issued at `at`: the type's own of that time, else the one that ships.

    Raises: IntegrityBrokenError: the template was written by anyone but the hub. RenderingError.
    """
    row = tx.execute(
        select(_TEMPLATES)
        .where(_TEMPLATES.c.type_code == certificate_type.code, _TEMPLATES.c.created_at <= at)
        .order_by(_TEMPLATES.c.version.desc())
        .limit(1)
    ).one_or_none()
    own = BACK if row is None else _believed(row, vault).source
    return own or shipped_with(certificate_type)


def shipped_with(certificate_type: CertificateType) -> str:
    """The template that ships, of the look that the type's `face` names. Raises: RenderingError."""
    return shipped(look_of(certificate_type).template)


def versions_of(tx: Connection, code: str, *, vault: Vault) -> list[TemplateVersion]:
    """Every version of the own template of a type, newest first; each is in force until the one before it in the list.

    Raises: IntegrityBrokenError: as `template_of`.
    """
    same = _TEMPLATES.c.type_code == code
    rows = tx.execute(select(_TEMPLATES).where(same).order_by(_TEMPLATES.c.version.desc())).all()
    return [_believed(row, vault) for row in rows]


def meaning(code: str, version: int, source: str, entry_id: str, by: Mapping[str, Any], at: datetime) -> bytes:
    """What the MAC of a row of `face_templates` covers."""
    digest = sha256(source.encode()).hex()
    said = [code, version, digest, entry_id, dict(by), round(at.timestamp() * 1_000_000)]
    return b"face_template\x1f" + canonical(said)


def _believed(row: Row[Any], vault: Vault) -> TemplateVersion:
    said = meaning(row.type_code, row.version, row.source, row.ledger_entry_id, row.confirmed_by, row.created_at)
    vault.check_row_mac(said, row.mac, where="face_templates")
    return TemplateVersion(row.version, str(row.source), row.confirmed_by, row.created_at)
