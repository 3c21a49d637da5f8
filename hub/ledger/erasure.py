"""Erasing a person: the one key that opens what is kept of him is destroyed, and stays destroyed after a restore.

Two operators, a reason and a legal basis. In one transaction: the subject gets a new key and nobody's look-up hash, his
records are let go, a ledger entry says so, and a job writes the tombstone outside the database. What was sealed under
the old key (ID number, licences, ledger details) opens no more; status rows and the tree stay as they are, so that a
licence of his can still be revoked and every proof still holds. He who is collected again later is a new person.

Not erased: what lies under the key of a case he was a party of, what stands of him as a further holder in a licence of
somebody else's, the keyed hash by which an order to show late names him, and copies that receivers hold. A first
licence that waits for a second person lapses in two weeks.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, Select, and_, func, insert, select, update

from catalog.errors import DefinitionError
from catalog.identifiers import normalise_id
from catalog.tables import table
from certificates.stores import holders as holder_store
from certificates.stores import writing
from certificates.tables import CertificateActRow, CertificateRow, CertificateVersionRow, SubjectRow
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id, rfc3339
from hub.issuing.plan import lookup_hash
from hub.ledger.entries import Draft, append, seal
from hub.ledger.tables import ErasureRow
from hub.ledger.tombstones import Tombstone, TombstoneList
from hub.ledger.verify import ERASED
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault
from signing.canonical import sha256

ERASE: Final = "subject.erase"
"""The action that two operators take."""
FILE_TOMBSTONE: Final = "subject.tombstone"
_SUBJECTS: Final = table(SubjectRow)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_ACTS: Final = table(CertificateActRow)
_ERASURES: Final = table(ErasureRow)
_PAGE: Final = 500
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KnownSubject:
    """A person the hub knows, as two operators speak of him: by an id that means nothing elsewhere."""

    id: str
    certificates: int


class ErasureService:
    """Finds whom to erase, erases, and erases again after a restore."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        tombstones: TombstoneList,
        forget: Callable[[Connection, bytes, datetime], None] | None = None,
        forget_subject: Callable[[Connection, str, datetime], None] | None = None,
    ) -> None:
        """`forget` lets go what else is found by the hash of his number, `forget_subject` by his subject's id, in the
        transaction that erases him.
        """
        self._forget = forget
        self._forget_subject = forget_subject
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._tombstones = tombstones

    async def find(self, actor: Actor, id_type: str, id_number: str) -> KnownSubject:
        """The person of this number; the look is on the ledger.

        Raises: MissingError, ForbiddenError, IdentifierError.
        """
        actor.require(Role.OPERATOR)
        wanted = lookup_hash(self._vault, id_type, normalise_id(id_type, id_number).value)
        now = self._clock()

        def unit(tx: Connection) -> KnownSubject:
            subject = holder_store.find_subjects(tx, [wanted]).get(wanted)
            if subject is None:
                raise MissingError("person: nobody of this type and number is known")
            key = self._vault.data_key(subject.data_key, subject.kek_kid)
            entry = Draft(kind="subject.sought", detail={"actor": actor.as_json()}, key=key, subject_id=subject.id)
            append(tx, [seal(entry, now=now)])
            return KnownSubject(subject.id, _count(tx, subject.id))

        return await self._database.write(unit)

    def check(self, payload: Mapping[str, Any]) -> None:
        """A proposal's payload: `subject`, `legal_basis`. Raises DefinitionError."""
        for name in ("subject", "legal_basis"):
            if not isinstance(payload.get(name), str) or not 0 < len(str(payload[name]).strip()) <= 500:
                raise DefinitionError(f"{name} is missing, or longer than 500 characters")
        if set(payload) != {"subject", "legal_basis"}:
            raise DefinitionError("subject and legal_basis, and nothing else")

    def erase_by_two(self, tx: Connection, payload: Mapping[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        """Erase, in the transaction that a second operator's confirmation makes. Raises DefinitionError."""
        row = _held(tx, str(payload["subject"]))
        if row is None:
            raise DefinitionError("there is no such subject")
        if tx.execute(select(_ERASURES.c.id).where(_ERASURES.c.subject_id == row.id)).first():
            raise DefinitionError("this subject was erased already")
        detail = {"actor": by.as_json(), "legal_basis": payload["legal_basis"], "replayed": False}
        tombstone = self._erase(tx, row, detail, now)
        enqueue(tx, FILE_TOMBSTONE, asdict(tombstone), now=now)
        crash_at("subject.erasing")
        return {"subject": row.id, "certificates": _count(tx, row.id), "entry": tombstone.entry}

    async def file(self, payload: Mapping[str, Any]) -> None:
        """A job's handler: write the tombstone outside the database. Running it twice is harmless."""
        crash_at("subject.erased")
        self._tombstones.add([Tombstone(**payload)])

    async def replay(self) -> int:
        """Before anything is served: erase again whom the store still knows, and file what it alone remembers.

        Answers how many were erased again. Raises: LedgerBrokenError for a list that was changed; StorageError.
        """
        listed = self._tombstones.read()
        again = 0
        for first in range(0, len(listed), _PAGE):
            for tombstone in await self._database.read(partial(_back, listed[first : first + _PAGE])):
                again += await self._database.write(partial(self._again, tombstone))
        if again:
            _log.warning("erased_again", alarm=True, subjects=again)
        missing = await self._database.read(lambda tx: _unlisted(tx, listed))
        if missing and self._tombstones.add(missing):
            _log.warning("tombstones_filed_late", subjects=len(missing))
        return again

    def _again(self, tombstone: Tombstone, tx: Connection) -> bool:
        row = _held(tx, tombstone.subject)
        if row is None or sha256(row.data_key).hex() != tombstone.key:
            return False
        detail = {"first_entry": tombstone.entry, "erased_at": tombstone.erased_at, "replayed": True}
        self._erase(tx, row, detail, self._clock())
        return True

    def _erase(self, tx: Connection, row: Row[Any], detail: dict[str, Any], now: datetime) -> Tombstone:
        """The tombstone of an erasure that is repeated names the same key: the list has it already."""
        key = self._vault.new_data_key()
        entry = Draft(kind=ERASED, detail={"subject": row.id, **detail}, key=self._log_key)
        append(tx, [seal(entry, now=now)])
        tx.execute(
            update(_SUBJECTS)
            .where(_SUBJECTS.c.id == row.id)
            .values(
                data_key=key.wrapped,
                kek_kid=key.kek_kid,
                id_number=key.encrypt(f"subjects:{row.id}:id_number", b""),
                lookup_hash=secrets.token_bytes(32),
            )
        )
        for certificate_id in tx.execute(_certificates_of(row.id)).scalars().all():
            writing.retire_record(tx, certificate_id, self._vault.lookup_hash("erased", certificate_id))
        if self._forget is not None:
            self._forget(tx, row.lookup_hash, now)
        if self._forget_subject is not None:
            self._forget_subject(tx, row.id, now)
        # What waits for a second person is sealed under a key of its own.
        waiting = and_(_ACTS.c.state == "waiting", _ACTS.c.identifier.in_(_identifiers_of(row.id)))
        tx.execute(update(_ACTS).where(waiting).values(state="erased", content=b""))
        digest = sha256(row.data_key)
        values = {"id": new_id(), "subject_id": row.id, "key": digest, "entry_id": entry.id, "erased_at": now}
        tx.execute(insert(_ERASURES).values(**values))
        return Tombstone(row.id, digest.hex(), rfc3339(now), entry.id)


def _held(tx: Connection, subject_id: str) -> Row[Any] | None:
    """The subject's row, locked."""
    return tx.execute(select(_SUBJECTS).where(_SUBJECTS.c.id == subject_id).with_for_update()).one_or_none()


def _certificates_of(subject_id: str) -> Select[tuple[str]]:
    return select(_CERTIFICATES.c.id).where(_CERTIFICATES.c.subject_id == subject_id)


def _identifiers_of(subject_id: str) -> Select[tuple[str]]:
    return select(_VERSIONS.c.identifier).where(_VERSIONS.c.certificate_id.in_(_certificates_of(subject_id)))


def _count(tx: Connection, subject_id: str) -> int:
    return tx.execute(select(func.count()).select_from(_certificates_of(subject_id).subquery())).scalar() or 0


def _back(page: Sequence[Tombstone], tx: Connection) -> list[Tombstone]:
    """Those whose destroyed key the store holds again."""
    wanted = {each.subject: each for each in page}
    rows = tx.execute(select(_SUBJECTS.c.id, _SUBJECTS.c.data_key).where(_SUBJECTS.c.id.in_(list(wanted))))
    return [wanted[row.id] for row in rows if sha256(row.data_key).hex() == wanted[row.id].key]


def _unlisted(tx: Connection, listed: Sequence[Tombstone]) -> list[Tombstone]:
    """Erasures that the store remembers and the list does not, oldest first."""
    keys = {each.key for each in listed}
    found = tx.execute(select(_ERASURES).order_by(_ERASURES.c.id))
    all_of_them = (Tombstone(row.subject_id, row.key.hex(), rfc3339(row.erased_at), row.entry_id) for row in found)
    return [each for each in all_of_them if each.key not in keys]
