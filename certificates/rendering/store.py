"""Queries over renditions. Each takes the caller's connection and never commits; rows become values here."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Select, and_, func, insert, literal, or_, select, update

from catalog.tables import table
from certificates.rendering.tables import CertificateBindingRow, CertificateRenditionRow
from signing.canonical import canonical

_RENDITIONS: Final = table(CertificateRenditionRow)
_BINDINGS: Final = table(CertificateBindingRow)
INTENDED: Final = "intended"
SIGNED: Final = "signed"
FILED: Final = "filed"
WITHDRAWN: Final = "withdrawn"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which file: of which version, in which form. `copy_of` is empty for the licence's own."""

    version_id: str
    format: str
    suite: str
    language: str
    copy_of: str = ""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A stored rendition. `content` and the object are ciphertext."""

    id: str
    version_id: str
    format: str
    suite: str
    language: str
    copy_of: str
    state: str
    code_hash: bytes = field(repr=False)
    ends_at: datetime | None
    audience: str
    content: bytes = field(repr=False)
    digest: bytes | None
    signing_kid: str
    code_kid: str
    lease: str
    lease_until: datetime
    ledger_entry_id: str
    mac: bytes = field(repr=False)
    created_at: datetime
    renew_by: datetime | None = None

    def meaning(self) -> bytes:
        """What the MAC covers: a row that was written by anyone else, or a code that was moved, is noticed."""
        return b"rendition\x1f" + canonical(
            [
                self.id,
                self.version_id,
                self.format,
                self.suite,
                self.language,
                self.copy_of,
                self.state,
                self.code_hash.hex(),
                None if self.ends_at is None else round(self.ends_at.timestamp()),
                self.audience,
                None if self.digest is None else self.digest.hex(),
                self.signing_kid,
                self.code_kid,
                self.ledger_entry_id,
                None if self.renew_by is None else round(self.renew_by.timestamp()),
            ]
        )

    def row(self) -> dict[str, Any]:
        """Its columns."""
        return {column.name: getattr(self, column.name) for column in _RENDITIONS.c}


def find_rendition(tx: Connection, wanted: Wanted) -> Rendition | None:
    """The rendition of this version in this form, in whatever state but withdrawn."""
    row = tx.execute(
        select(_RENDITIONS).where(
            and_(
                _RENDITIONS.c.version_id == wanted.version_id,
                _RENDITIONS.c.format == wanted.format,
                _RENDITIONS.c.suite == wanted.suite,
                _RENDITIONS.c.language == wanted.language,
                _RENDITIONS.c.copy_of == wanted.copy_of,
                _RENDITIONS.c.state != WITHDRAWN,
            )
        )
    ).one_or_none()
    return None if row is None else Rendition(*row)


def rendition_by_code(tx: Connection, code_hash: bytes) -> Rendition | None:
    """The rendition that carries this control code, withdrawn or not: what it opens is the licence."""
    row = tx.execute(select(_RENDITIONS).where(_RENDITIONS.c.code_hash == code_hash)).one_or_none()
    return None if row is None else Rendition(*row)


def renditions_of(tx: Connection, version_id: str) -> list[Rendition]:
    """Every rendition of a version, purpose copies and withdrawn ones included."""
    rows = tx.execute(select(_RENDITIONS).where(_RENDITIONS.c.version_id == version_id))
    return [Rendition(*row) for row in rows]


def rendition_by_id(tx: Connection, rendition_id: str) -> Rendition | None:
    """One rendition."""
    row = tx.execute(select(_RENDITIONS).where(_RENDITIONS.c.id == rendition_id)).one_or_none()
    return None if row is None else Rendition(*row)


def to_renew(tx: Connection, *, before: datetime, after: str, limit: int) -> list[str]:
    """Filed PDF of licences, by id, that no time-stamp covers beyond an instant."""
    of = and_(_RENDITIONS.c.state == FILED, _RENDITIONS.c.format == "pdf", _RENDITIONS.c.copy_of == "")
    due = or_(_RENDITIONS.c.renew_by.is_(None), _RENDITIONS.c.renew_by < before)
    wanted = select(_RENDITIONS.c.id).where(of, due, _RENDITIONS.c.id > after).order_by(_RENDITIONS.c.id).limit(limit)
    return list(tx.execute(wanted).scalars())


def unfiled(tx: Connection, *, limit: int, now: datetime) -> list[Rendition]:
    """Renditions that are not filed and that nobody has in hand, the longest unattended first."""
    free = and_(_RENDITIONS.c.state.in_((INTENDED, SIGNED)), _RENDITIONS.c.lease_until < now)
    rows = tx.execute(select(_RENDITIONS).where(free).order_by(_RENDITIONS.c.lease_until).limit(limit))
    return [Rendition(*row) for row in rows]


def add_rendition(tx: Connection, rendition: Rendition) -> None:
    """Write an intent. A second one for the same file is refused by the row."""
    tx.execute(insert(_RENDITIONS).values(**rendition.row()))


def take_rendition(tx: Connection, rendition: Rendition, *, lease: str, until: datetime) -> bool:
    """Take over a rendition whose holder let its lease lapse; False when somebody else was faster."""
    same = and_(_RENDITIONS.c.id == rendition.id, _RENDITIONS.c.lease == rendition.lease)
    return tx.execute(update(_RENDITIONS).where(same).values(lease=lease, lease_until=until)).rowcount == 1


def change_rendition(tx: Connection, changed: Rendition, *, was: str) -> bool:
    """Write the next state of a rendition; False, and nothing is written, for whoever has lost its lease."""
    held = and_(_RENDITIONS.c.id == changed.id, _RENDITIONS.c.lease == changed.lease, _RENDITIONS.c.state == was)
    names = ("state", "content", "digest", "signing_kid", "code_kid", "mac", "lease_until", "renew_by")
    values = {name: getattr(changed, name) for name in names}
    return tx.execute(update(_RENDITIONS).where(held).values(**values)).rowcount == 1


def withdraw_rendition(tx: Connection, withdrawn: Rendition, *, was: Rendition) -> bool:
    """Write that it is given out no more, whoever has it in hand; False: it changed since it was read."""
    same = and_(_RENDITIONS.c.id == was.id, _RENDITIONS.c.state == was.state, _RENDITIONS.c.mac == was.mac)
    names = ("state", "content", "ledger_entry_id", "mac")
    values = {name: getattr(withdrawn, name) for name in names}
    return tx.execute(update(_RENDITIONS).where(same).values(**values)).rowcount == 1


def signed_with(tx: Connection, kid: str, *, after: str | None, limit: int) -> list[Rendition]:
    """Renditions, by id and locked, whose row says that this key signed them or their offline code; but withdrawn.

    Without an index, in one pass over the table: it is asked once in years, and every page would pay for it.
    """
    by = or_(_RENDITIONS.c.signing_kid == kid, _RENDITIONS.c.code_kid == kid)
    wanted = select(_RENDITIONS).where(by, _RENDITIONS.c.state != WITHDRAWN)
    rows = tx.execute(_beyond(wanted, after).limit(limit).with_for_update())
    return [Rendition(*row) for row in rows]


def withdrawn_count(tx: Connection, kid: str) -> int:
    """How many that this key signed, or the offline code of, are withdrawn."""
    by = or_(_RENDITIONS.c.signing_kid == kid, _RENDITIONS.c.code_kid == kid)
    wanted = select(func.count()).select_from(_RENDITIONS).where(by, _RENDITIONS.c.state == WITHDRAWN)
    return tx.execute(wanted).scalar_one()


def scan_renditions(tx: Connection, after: str | None, limit: int) -> list[Rendition]:
    """The next page of all of them, by id, but for their content."""
    bare = literal(b"", LargeBinary).label("content")
    columns = [bare if column.name == "content" else column for column in _RENDITIONS.c]
    return [Rendition(*row) for row in tx.execute(_beyond(select(*columns), after).limit(limit))]


def _beyond(wanted: Select[Any], after: str | None) -> Select[Any]:
    return (wanted if after is None else wanted.where(_RENDITIONS.c.id > after)).order_by(_RENDITIONS.c.id)


def find_binding(tx: Connection, version_id: str) -> tuple[bytes, bytes] | None:
    """Encrypted salt and binding of a version."""
    columns = (_BINDINGS.c.salt, _BINDINGS.c.binding)
    row = tx.execute(select(*columns).where(_BINDINGS.c.version_id == version_id)).one_or_none()
    return None if row is None else (row.salt, row.binding)


def add_binding(tx: Connection, version_id: str, *, salt: bytes, binding: bytes, now: datetime) -> None:
    """Write the binding of a version, once: two who do so at the same time meet on the row."""
    tx.execute(insert(_BINDINGS).values(version_id=version_id, salt=salt, binding=binding, created_at=now))
