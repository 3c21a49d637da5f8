"""The roots that this hub trusts beside its built-in one: an operator names each, by the fingerprint he compared."""

from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.clock import Clock, rfc3339
from hub.issuing.keys.anchors_store import TrustAnchor, new_anchor, read_anchors, write_anchor
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.keys.errors import KeyRuleError
from hub.issuing.keys.store import KeyState
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.errors import MalformedError
from signing.x509.pki import MAX_CERTIFICATE_BYTES, fingerprint

_TRIAL: Final = "for trying out 试用"


@dataclass(frozen=True, slots=True)
class AnchorView:
    """A root as shown. The built-in ones are there for trying out."""

    fingerprint: str
    subject: str
    built_in: bool
    trusted: bool
    note: str
    since: str | None

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        return {name: getattr(self, name) for name in self.__slots__}


class AnchorService:
    """For the operator, at the machine that holds the key store."""

    def __init__(self, database: Database, *, desk: SigningDesk, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def list(self, actor: Actor) -> list[AnchorView]:
        """The built-in roots first. For operators and auditors. Raises: IntegrityBrokenError."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        found = await self._database.read(lambda tx: read_anchors(tx, self._vault))
        trusted = self._desk.anchors()
        own = [
            AnchorView(
                fingerprint(item), _subject(item), built_in=True, trusted=item in trusted, note=_TRIAL, since=None
            )
            for item in self._desk.maker.built_in()
        ]
        return own + [
            AnchorView(
                item.fingerprint,
                _subject(item.certificate),
                built_in=False,
                trusted=item.trusted,
                note=item.note,
                since=rfc3339(item.changed_at),
            )
            for item in found
        ]

    async def trust(self, actor: Actor, certificate: bytes, *, compared: str, note: str) -> str:
        """Trust a root from now on; answers its fingerprint.

        Args:
            certificate: PEM or DER.
            compared: the SHA-256 fingerprint that came by another way than the file.
            note: with whom it was compared, and how.
        Raises: MalformedError, KeyRuleError: another fingerprint, no authority, or nobody said where it is from.
        """
        actor.require(Role.OPERATOR)
        der = _read_root(certificate)
        found = fingerprint(der)
        if compared.replace(":", "").replace(" ", "").upper() != found.replace(":", ""):
            raise KeyRuleError("anchor", f"the file has another fingerprint: {found}")
        if not 0 < len(note.strip()) <= 200:
            raise KeyRuleError("anchor", "say in at most 200 characters with whom the fingerprint was compared")

        def unit(tx: Connection) -> None:
            now = self._clock()
            known = self._known(tx, found)
            anchor = new_anchor(found, der, note.strip(), now=now) if known is None else known
            if known is not None and known.trusted:
                return
            anchor = replace(anchor, trusted=True, note=note.strip())
            write_anchor(tx, self._vault, anchor, actor=actor, log_key=self._log_key, now=now)

        await self._database.write(unit)
        await self._database.read(self._desk.load)
        return found

    async def distrust(self, actor: Actor, named: str) -> None:
        """Trust a root no longer: what leads to it verifies no more. Raises: MissingError; KeyRuleError: it is used."""
        actor.require(Role.OPERATOR)

        def unit(tx: Connection) -> None:
            now = self._clock()
            known = self._known(tx, named.replace(" ", "").upper())
            if known is None or not known.trusted:
                raise MissingError("trust anchor")
            using = [
                key.slot.name
                for key in self._desk.book.all(tx)
                if key.authority == known.fingerprint and key.state is KeyState.ACTIVE and key.signs_at(now)
            ]
            if using:
                raise KeyRuleError(using[0], "it signs under this root; give it another certificate first")
            write_anchor(tx, self._vault, replace(known, trusted=False), actor=actor, log_key=self._log_key, now=now)

        await self._database.write(unit)
        await self._database.read(self._desk.load)

    def _known(self, tx: Connection, named: str) -> TrustAnchor | None:
        return next((item for item in read_anchors(tx, self._vault) if item.fingerprint == named), None)


def _read_root(data: bytes) -> bytes:
    if len(data) > 2 * MAX_CERTIFICATE_BYTES:
        raise MalformedError("certificate")
    try:
        pem = b"-----BEGIN" in data
        certificate = x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise MalformedError("certificate") from error
    if not constraints.ca:
        raise KeyRuleError("anchor", "this certificate is not an authority's")
    return certificate.public_bytes(Encoding.DER)


def _subject(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).subject.rfc4514_string()
