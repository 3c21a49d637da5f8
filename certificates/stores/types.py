"""Certificate types as rows. Queries take the caller's connection and never commit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from certificates.tables import CertificateTypeRow

_TYPES: Final = table(CertificateTypeRow)


@dataclass(frozen=True, slots=True)
class StoredType:
    """One version of a type as it is stored. Believed only with a right MAC over `meaning`."""

    id: str
    code: str
    slug: str
    version: int
    current: bool
    definition: str
    created_at: datetime
    retired_at: datetime | None
    made_by: str | None
    row_version: int | None
    """Which change of the type wrote it; None before 0004."""
    mac: bytes | None

    def meaning(self) -> dict[str, Any]:
        """Everything that decides what is issued and shown under this version."""
        content: dict[str, Any] = {
            "id": self.id,
            "code": self.code,
            "slug": self.slug,
            "version": self.version,
            "current": self.current,
            "definition": self.definition,
            "created_at": round(self.created_at.timestamp() * 1_000_000),
            "retired_at": self.retired_at and round(self.retired_at.timestamp() * 1_000_000),
        }
        return content if self.row_version is None else content | {"row_version": self.row_version}


_COLUMNS: Final = tuple(_TYPES.c[name] for name in StoredType.__dataclass_fields__)


def stored_types(tx: Connection, code: str | None = None, *, for_update: bool = False) -> list[StoredType]:
    """Every version of every type, or of one, oldest first."""
    query = select(*_COLUMNS).order_by(_TYPES.c.code, _TYPES.c.version)
    if code is not None:
        query = query.where(_TYPES.c.code == code)
    return [StoredType(*row) for row in tx.execute(query.with_for_update() if for_update else query)]


def codes_of_slug(tx: Connection, slug: str) -> set[str]:
    """The codes of the types that have, or once had, this short name."""
    return set(tx.execute(select(_TYPES.c.code).where(_TYPES.c.slug == slug)).scalars())


def write_type(tx: Connection, stored: StoredType) -> None:
    """Write a version, or write it again as it now stands."""
    values = {name: getattr(stored, name) for name in StoredType.__dataclass_fields__}
    if tx.execute(update(_TYPES).where(_TYPES.c.id == stored.id).values(**values)).rowcount == 0:
        tx.execute(insert(_TYPES).values(**values))
