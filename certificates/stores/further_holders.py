"""Further holders of a licence, beside the principal one. Queries take the caller's connection and never commit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from catalog.bulk import insert_rows
from catalog.tables import table
from certificates.tables import CertificateHolderRow

_HOLDERS: Final = table(CertificateHolderRow)


@dataclass(frozen=True, slots=True)
class FurtherHolder:
    """Somebody who holds one version too, in a role. Believed only with a right MAC over `meaning`.

    A row taken away is not noticed by it: the version is then found by its other holders alone.
    """

    version_id: str
    place: int
    subject_id: str
    role: str
    name_hash: bytes
    mac: bytes

    def meaning(self) -> bytes:
        """Who holds what as what."""
        parts = (self.version_id, str(self.place), self.subject_id, self.role, self.name_hash.hex())
        return "\x1f".join(parts).encode()


def add_further(tx: Connection, holders: Sequence[FurtherHolder]) -> None:
    """Write them beside their versions."""
    if holders:
        names = FurtherHolder.__dataclass_fields__
        insert_rows(tx, _HOLDERS, [{name: getattr(item, name) for name in names} for item in holders])


def further_of(tx: Connection, version_id: str) -> list[FurtherHolder]:
    """The further holders of one version, in their order."""
    columns = [_HOLDERS.c[name] for name in FurtherHolder.__dataclass_fields__]
    found = select(*columns).where(_HOLDERS.c.version_id == version_id).order_by(_HOLDERS.c.place)
    return [FurtherHolder(*row) for row in tx.execute(found)]


def held_among(tx: Connection, subject_id: str, versions: Collection[str]) -> set[str]:
    """Those of these versions that somebody holds too, by rows alone: no MAC is looked at."""
    mine = select(_HOLDERS.c.version_id).where(_HOLDERS.c.subject_id == subject_id)
    return set(tx.execute(mine.where(_HOLDERS.c.version_id.in_(versions))).scalars())
