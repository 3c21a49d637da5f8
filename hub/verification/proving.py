"""Proofs to go with a licence: made for its issuer, who hands them on with it."""

from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, select

from catalog.store import find_department
from catalog.tables import table
from certificates.stores import certificates as library
from certificates.verifying.known import Known
from certificates.verifying.proof import Inclusion, sign_proof, signed_digest
from hub.clock import Clock
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.renditions.files import Allowed
from hub.issuing.renditions.source import RenditionSource
from hub.issuing.stamping.service import StampUnavailableError, TimeStamps
from hub.issuing.status.service import UnknownCertificateError
from hub.ledger.proofs import InclusionProof, Under, prove_inclusion
from hub.ledger.tables import LedgerEntryRow
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError
from signing.canonical import b64u, strict_loads

_ENTRIES = table(LedgerEntryRow)
_MADE = 1
MEDIA_TYPE = "application/jwt"


@dataclass(frozen=True, slots=True)
class _Found:
    token: bytes = field(repr=False)
    known: Known
    inclusion: InclusionProof


class ProofDesk:
    """Makes proofs."""

    def __init__(
        self,
        database: Database,
        *,
        desk: SigningDesk,
        source: RenditionSource,
        stamps: TimeStamps,
        clock: Clock,
        public_url: str,
        under: Under,
    ) -> None:
        self._database = database
        self._desk = desk
        self._source = source
        self._stamps = stamps
        self._clock = clock
        self._public_url = public_url
        self._under = under

    async def prove(self, identifier: str, *, allowed: Allowed) -> bytes:
        """The proof of a version; with a time-stamp where an authority outside was named and answers.

        Raises: UnknownCertificateError: none, or not for whoever asks. NotSequencedError: a second too early.
            IntegrityBrokenError, SigningKeyError.
        """
        try:
            found = await self._database.write(lambda tx: self._find(tx, identifier, allowed))
        except ConflictError:  # somebody bound the same version meanwhile
            found = await self._database.write(lambda tx: self._find(tx, identifier, allowed))
        stamp = None
        if not self._stamps.trial:
            with suppress(StampUnavailableError):  # the ledger's time stands without it
                stamp = await self._stamps.stamp(signed_digest(found.token))
        certified = self._desk.hub("hub")
        return sign_proof(
            identifier=identifier,
            token=found.token,
            known=found.known,
            inclusion=_told(found.inclusion),
            stamp=stamp,
            hub_uri=self._public_url,
            now=self._clock(),
            signer=certified.signer,
            header=certified.header,
        ).encode()

    def _find(self, tx: Connection, identifier: str, allowed: Allowed) -> _Found:
        version = library.find_version(tx, identifier)
        if version is None or version.state != "issued" or not allowed(version):
            raise UnknownCertificateError
        opened = self._source.open_version(tx, version)
        made = and_(_ENTRIES.c.object_id == version.id, _ENTRIES.c.object_version == _MADE)
        entry = tx.execute(select(_ENTRIES.c.id).where(made)).scalar_one_or_none()
        inclusion = None if entry is None else prove_inclusion(tx, entry, under=self._under(tx))
        if inclusion is None:
            raise IntegrityBrokenError("ledger_entries")
        issuer = find_department(tx, version.issuer_code)
        described = {
            "type_name": opened.type.name.zh,
            "issuer": {"name": "" if issuer is None else issuer.name_zh, "uscc": version.issuer_code},
            "issued_on": version.issued_on,
            "valid_from": version.valid_from,
            "valid_until": version.valid_until,
        }
        binding = self._source.bind(tx, opened).hex()
        return _Found(opened.token, Known(described, binding, opened.payload["status"]), inclusion)


def _told(proof: InclusionProof) -> Inclusion:
    leaf = strict_loads(proof.leaf_data, max_bytes=4096)
    return Inclusion(
        entry=proof.entry_id,
        time=leaf["time"],
        commitment=leaf["commitment"],
        index=proof.index,
        size=proof.size,
        path=tuple(b64u(item) for item in proof.path),
        checkpoint=proof.note,
    )
