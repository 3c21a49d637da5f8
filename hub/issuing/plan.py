"""What a record that comes in means for the library: a new certificate, a new version, an end, or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol

from catalog.identifiers import normalise_name
from certificates.definitions.certificate_type import CertificateType, Holder
from certificates.definitions.parts import OnMissing, Reissue
from certificates.lifecycle.states import STOPPED, TRANSITIONS, Operation, Status
from certificates.numbering import LAST_VERSION
from certificates.stores.version import VersionRecord
from hub.issuing.fingerprint import fingerprint
from hub.storage.vault import Vault


class Effect(StrEnum):
    """What became of a record. `refused` comes with a reason and leaves the library as it was."""

    ISSUED = "issued"
    UPDATED = "updated"
    ENDED = "ended"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Record:
    """A checked record of a register. `as_of` is the instant at which the register said so."""

    claims: Mapping[str, str | int]
    as_of: datetime
    issued_on: date


@dataclass(frozen=True, slots=True)
class Keyed:
    """A record with the keyed hashes by which its certificate, holder and content are found again."""

    record: Record
    holder: Holder
    record_hash: bytes
    lookup_hash: bytes
    name_hash: bytes
    fingerprint: bytes
    further: tuple["KeyedHolder", ...] = ()
    reissue: Reissue = Reissue.VERSION

    @property
    def as_of(self) -> datetime:
        """When the register said so."""
        return self.record.as_of

    def holder_hashes(self) -> tuple[bytes, ...]:
        """By which everybody who holds it is found."""
        return self.lookup_hash, *(item.lookup_hash for item in self.further)

    def whole(self) -> "Keyed":
        """With what it says."""
        return self


@dataclass(frozen=True, slots=True)
class Ending:
    """A record that its register says has ended: by which act, since which civil day if it says so. `today` is the day
    on which it is weighed; `holders` are those that its row still names. `gone`: the register has it no more and says
    nothing else of it; what becomes of that by its type.
    """

    record_hash: bytes
    as_of: datetime
    operation: Operation
    since: date | None
    today: date
    holders: tuple[bytes, ...] = ()
    reissue: Reissue = Reissue.VERSION
    gone: OnMissing | None = None

    @property
    def fingerprint(self) -> bytes:
        """No content has it; two rows of one record that end it differently contradict each other."""
        how = self.operation.value if self.gone is None else "gone"
        return f"ended\x1f{how}\x1f{self.since or ''}".encode()

    def holder_hashes(self) -> tuple[bytes, ...]:
        """By which everybody who is still named is found."""
        return self.holders

    def whole(self) -> Keyed:
        """Nothing is made of it. Raises: TypeError."""
        raise TypeError("a record that has ended says nothing that a licence could say")


class Weighed(Protocol):
    """What a decision needs of a record: a few hashes. What it says is asked for where this process drafts it."""

    @property
    def record_hash(self) -> bytes:
        """By which its certificate is found."""
        ...

    @property
    def fingerprint(self) -> bytes:
        """By which its content is compared."""
        ...

    @property
    def as_of(self) -> datetime:
        """When the register said so."""
        ...

    @property
    def reissue(self) -> Reissue:
        """What a change makes of it."""
        ...

    def holder_hashes(self) -> tuple[bytes, ...]:
        """By which everybody who holds it is found."""
        ...

    def whole(self) -> Keyed:
        """With what it says."""
        ...


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hashes of a record that another process read; `again` reads it here."""

    record_hash: bytes
    fingerprint: bytes
    holders: tuple[bytes, ...]
    as_of: datetime
    reissue: Reissue
    again: Callable[[], Keyed] = field(repr=False)

    def holder_hashes(self) -> tuple[bytes, ...]:
        """By which everybody who holds it is found."""
        return self.holders

    def whole(self) -> Keyed:
        """With what it says."""
        return self.again()


@dataclass(frozen=True, slots=True)
class KeyedHolder:
    """A further holder of a record, with the hashes by which he is found and his name compared."""

    holder: Holder
    lookup_hash: bytes
    name_hash: bytes


@dataclass(frozen=True, slots=True)
class Decision:
    """The effect of one record; `previous` is the version it leaves behind or meets."""

    effect: Effect
    previous: VersionRecord | None = None
    reason: str | None = None
    new_serial: bool = False


NEW: Final = Decision(Effect.ISSUED)


def lookup_hash(vault: Vault, id_type: str, id_number: str) -> bytes:
    """The hash by which a holder is found. The number must be normalised."""
    return vault.lookup_hash("holder", id_type, id_number)


def name_hash(vault: Vault, name: str) -> bytes:
    """The hash by which two spellings of one name are found equal."""
    return vault.lookup_hash("name", normalise_name(name))


def record_hash(
    certificate_type: CertificateType, issuer_code: str, claims: Mapping[str, str | int], vault: Vault
) -> bytes:
    """The hash by which a record's certificate is found."""
    return number_hash(certificate_type.code, issuer_code, str(claims[certificate_type.record_key]), vault)


def number_hash(type_code: str, issuer_code: str, number: str, vault: Vault) -> bytes:
    """`record_hash` by the record's key alone: the number of the licence, spelled as it is in it."""
    return vault.lookup_hash("record", type_code, issuer_code, number)


def keyed(record: Record, certificate_type: CertificateType, issuer_code: str, vault: Vault) -> Keyed:
    """Hash a record's key, holder and content."""
    holder, *further = certificate_type.holders_of(record.claims)
    return Keyed(
        record=record,
        holder=holder,
        record_hash=record_hash(certificate_type, issuer_code, record.claims, vault),
        lookup_hash=lookup_hash(vault, holder.id_type, holder.id_number),
        name_hash=name_hash(vault, holder.name),
        fingerprint=fingerprint(record.claims, vault.fingerprint_key()),
        further=tuple(
            KeyedHolder(item, lookup_hash(vault, item.id_type, item.id_number), name_hash(vault, item.name))
            for item in further
        ),
        reissue=certificate_type.register_driven.reissue,
    )


def decide(incoming: Weighed, known: VersionRecord | None) -> Decision:
    """Weigh a record against the newest version of its certificate.

    An older extract never overwrites a newer one. A revoked or suspended licence is not revived by a register row:
    lifting it is an act of its own, with a reason.
    """
    if isinstance(incoming, Ending):
        return _decide_ending(incoming, known)
    if known is None:
        return NEW
    if known.fingerprint == incoming.fingerprint:
        return Decision(Effect.UNCHANGED, known)
    if incoming.as_of < known.as_of:
        return Decision(Effect.UNCHANGED, known, reason="older_extract")
    if known.status in STOPPED:
        return Decision(Effect.REFUSED, known, reason=f"certificate_{known.status}")
    return Decision(
        Effect.UPDATED, known, new_serial=incoming.reissue is Reissue.SERIAL or known.version >= LAST_VERSION
    )


def _decide_ending(incoming: Ending, known: VersionRecord | None) -> Decision:
    if incoming.since is not None and incoming.since > incoming.today:
        return Decision(Effect.REFUSED, known, reason="ends_later")
    if known is None:
        return Decision(Effect.UNCHANGED, reason="never_issued")
    if incoming.as_of < known.as_of:
        return Decision(Effect.UNCHANGED, known, reason="older_extract")
    if incoming.gone is OnMissing.KEEP:
        return Decision(Effect.UNCHANGED, known, reason="kept_when_missing")
    if (Status(known.status), incoming.operation) not in TRANSITIONS:
        return Decision(Effect.UNCHANGED, known, reason="ended_already")
    return Decision(Effect.ENDED, known)
