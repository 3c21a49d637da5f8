"""One version of a certificate as it is stored, and who holds it: what the store's queries answer."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from certificates.profile import CIVIL_ZONE
from certificates.stores.further_holders import FurtherHolder
from certificates.stores.holders import Subject

WHOLE: Final = ("issued", "indexed")
"""States of a version that counts."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of a certificate with what its certificate says. `document` is ciphertext."""

    id: str
    certificate_id: str
    version: int
    identifier: str
    state: str
    status: str
    status_list: int
    status_index: int
    name_hash: bytes
    fingerprint: bytes
    as_of: datetime
    issued_on: str
    valid_from: str
    valid_until: str | None
    document: bytes
    payload_digest: bytes
    signing_kid: str
    row_version: int
    ledger_entry_id: str
    mac: bytes
    created_at: datetime
    subject_id: str
    type_code: str
    type_version: int
    issuer_code: str
    serial: str
    owner_department_id: str
    record_hash: bytes
    current_version: int
    own_type_version: int | None = None
    """None for rows that do not say: their MAC does not cover it."""
    origin: str | None = None
    signing_mac: bytes | None = None
    seen_mac: bytes | None = None

    def meaning(self) -> bytes:
        """Everything the MAC covers: who holds what, its status, the ledger entry that last changed it;
        of rows since 0004 also the version of the type, the department and what brought it in.
        """
        return "\x1f".join(
            (
                self.id, self.certificate_id, str(self.version), self.identifier, self.subject_id, self.type_code,
                self.status, str(self.status_list), str(self.status_index), self.name_hash.hex(), self.valid_from,
                self.valid_until or "", self.payload_digest.hex(), str(self.row_version), self.ledger_entry_id,
                *([] if self.own_type_version is None else [str(self.own_type_version), self.owner_department_id]),
                *([] if self.origin is None else [f"origin={self.origin}"]),
            )
        ).encode()  # fmt: skip

    def stands_since(self) -> date:
        """The civil day on which the register last said that it stands. Of a row that nobody vouches for in this, the
        day on which it began: a proof is never made younger by SQL.
        """
        if self.seen_mac is None:
            return date.fromisoformat(self.valid_from)
        return self.as_of.astimezone(CIVIL_ZONE).date()

    def is_whole(self) -> bool:
        """Nobody's intent any more: signed, or an index record, which needs no signature."""
        return self.state in WHOLE

    def is_current(self) -> bool:
        """Nothing newer has been issued in its place."""
        return self.version == self.current_version

    def with_status(self, status: str, *, ledger_entry_id: str) -> "VersionRecord":
        """The same version after a change of status; the MAC is still the old one."""
        return replace(self, status=status, row_version=self.row_version + 1, ledger_entry_id=ledger_entry_id)


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A current version and who holds it.

    `keeper` is the principal holder where `subject` is a further one, as `further` says: the document is kept under the
    principal holder's key.
    """

    record: VersionRecord
    subject: Subject
    keeper: Subject | None = None
    further: FurtherHolder | None = None

    @property
    def kept_by(self) -> Subject:
        """Under whose key the document lies."""
        return self.keeper or self.subject


@dataclass(frozen=True, slots=True)
class RecordOfHolder:
    """The record of a certificate and the state of its newest version, None while that is in a sheaf."""

    lookup_hash: bytes
    owner_department_id: str
    record_hash: bytes
    status: str | None
    valid_until: str | None
