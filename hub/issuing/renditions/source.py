"""Where renditions come from: the stored licence opened, its binding, the template of its day, the signer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from certificates.binding import binding, new_salt
from certificates.control_code import verify_link
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Suite
from certificates.rendering import store
from certificates.rendering.face import Face, Language, Mark, copy_face, licence_face
from certificates.rendering.store import Rendition, Wanted
from certificates.stores import certificates as library
from certificates.stores.holders import subject_by_id
from certificates.stores.version import VersionRecord
from hub.issuing.drafting import document_place
from hub.issuing.keys.desk import Certified, SigningDesk, find_key_certificate
from hub.issuing.renditions.errors import FormatError
from hub.issuing.renditions.making import Page, PageMaker, whole_second
from hub.issuing.renditions.ofd import OfdMaker, Sheet
from hub.issuing.renditions.offline_codes import OfflineCodes
from hub.issuing.renditions.template_in_force import template_of
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.suites import Suite as KeySuite
from hub.storage.vault import DataKey, Vault
from signing import sd_jwt

PDF: Final = "pdf"
OFD: Final = "ofd"
_REASON: Final = "电子证照签发 Issue of an electronic licence"
_COPY_REASON: Final = "电子证照加注件 Purpose copy of an electronic licence"


@dataclass(frozen=True, slots=True)
class Opened:
    """An issued version, decrypted and verified. `payload` has its disclosures opened; `token` is what was signed."""

    version: VersionRecord
    type: CertificateType
    key: DataKey
    token: bytes = field(repr=False)
    payload: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished file, the key that signed it, and what a time-stamp that it still lacks is to be over; and the key
    that signed its offline code, empty for a page without one.
    """

    file: bytes = field(repr=False)
    kid: str
    to_stamp: bytes | None = None
    code_kid: str = ""


Maker = Callable[[Rendition, Opened, Mapping[str, Any]], Awaitable[Made]]
"""Makes the file of one format from an opened licence and the plan of its intent."""


class RenditionSource:
    """Opens licences and makes their pages. Never changes a licence."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        types: TypeRegistry,
        pages: PageMaker,
        ofd: OfdMaker,
        public_url: str,
        sample: bool,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._types = types
        self._pages = pages
        self._sheets = ofd
        self._codes = OfflineCodes(database, desk=desk)
        self._public_url = public_url
        self._sample = sample
        self._makers: dict[str, Maker] = {PDF: self._pdf, OFD: self._ofd}

    @property
    def formats(self) -> frozenset[str]:
        """The formats that have a maker."""
        return frozenset(self._makers)

    def pages_of(self, certificate_type: CertificateType) -> tuple[str, ...]:
        """The formats in which this type has pages, the most usual first."""
        supports = certificate_type.supports
        return tuple(
            name
            for name in self._makers
            if name in supports.formats and page_suite(name, certificate_type) in supports.suites
        )

    async def make_ready(self, wanted: str, opened: Opened) -> None:
        """Before an intent is written: whoever is to sign has a key, made now if it is the first time.

        Raises: SigningKeyError, SuiteUnavailableError.
        """
        if wanted in self.formats and (suite := page_suite(wanted, opened.type)) is not Suite.ES256:
            version = opened.version
            await self._sheets.keys.issuer(version.issuer_code, version.type_code, suite=KeySuite(suite))

    async def make_copies_ready(self, wanted: Wanted) -> None:
        """The same for purpose copies, which the hub signs."""
        if wanted.suite != Suite.ES256:
            await self._sheets.keys.hub("purpose-copy", suite=KeySuite(wanted.suite))

    def suite(self, tx: Connection, version: VersionRecord, wanted: str) -> Suite:
        """The suite of a page of a version."""
        return page_suite(wanted, self.type_of(tx, version))

    def type_of(self, tx: Connection, version: VersionRecord) -> CertificateType:
        """The type as it was when this version was issued."""
        self._types.learn(tx, [(version.type_code, version.type_version)])
        return self._types.version(version.type_code, version.type_version)

    def open(self, tx: Connection, version_id: str) -> Opened:
        """The version of this row. Raises: MissingError, IntegrityBrokenError, SigningError."""
        found = library.read_versions(tx, [version_id])
        if not found or found[0].state != "issued":
            raise MissingError("certificate version")
        return self.open_version(tx, found[0])

    def open_version(self, tx: Connection, version: VersionRecord) -> Opened:
        """Guard, decrypt and verify. A stored licence that does not verify is broken, whoever stored it."""
        check_guards(tx, self._vault, versions=[version])
        key = self.key_of(tx, version)
        token = key.decrypt(document_place(version.id), version.document)
        certificate = find_key_certificate(tx, version.signing_kid)
        if certificate is None:
            raise IntegrityBrokenError("key_certificates")
        certificate_type = self.type_of(tx, version)
        verified = sd_jwt.verify(token, key=certificate.public)
        return Opened(version, certificate_type, key, token, verified.claims)

    def key_of(self, tx: Connection, version: VersionRecord) -> DataKey:
        """The holder's data key."""
        subject = subject_by_id(tx, version.subject_id)
        return self._vault.data_key(subject.data_key, subject.kek_kid)

    def bind(self, tx: Connection, opened: Opened) -> bytes:
        """The binding of a version, made on first use. Raises: ConflictError when two make it at the same time;
        IntegrityBrokenError when it is not of what was signed.
        """
        place = f"certificate_bindings:{opened.version.id}:salt"
        known = store.find_binding(tx, opened.version.id)
        if known is None:
            salt = new_salt()
            value = binding(salt, opened.payload)
            sealed = opened.key.encrypt(place, salt)
            store.add_binding(tx, opened.version.id, salt=sealed, binding=value, now=opened.version.created_at)
            return value
        if binding(opened.key.decrypt(place, known[0]), opened.payload) != known[1]:
            raise IntegrityBrokenError("certificate_bindings")
        return known[1]

    def check_usable(self, tx: Connection, made: Made) -> None:
        """Raises: KeyStoppedError when a key was stopped while the page was made."""
        self._desk.check_usable(tx, [made.kid, *([made.code_kid] if made.code_kid else [])])

    def compromised(self) -> Mapping[str, datetime]:
        """Keys whose pages are not to be believed since an instant, as every process learns within a round."""
        return self._desk.compromised()

    async def make(self, rendition: Rendition, plan: Mapping[str, Any]) -> Made:
        """The file of an intent. Raises: FormatError, RenderingError, SigningKeyError, IntegrityBrokenError."""
        maker = self._makers.get(rendition.format)
        if maker is None:
            raise FormatError(rendition.format)
        opened = await self._database.read(lambda tx: self.open(tx, rendition.version_id))
        return await maker(rendition, opened, plan)

    async def _pdf(self, rendition: Rendition, opened: Opened, plan: Mapping[str, Any]) -> Made:
        """A licence's own page is signed by its issuer; a purpose copy's by the hub, and bears no seal."""
        copy = plan.get("copy")
        template, certified, hub_name = await self._database.read(
            partial(self._prepared, opened, KeySuite(rendition.suite), copied=copy is not None)
        )
        if copy is None:
            face = self.face(opened, certified, plan, rendition.language)
            name = face.issuer_name
        else:
            face, name = self._copy(opened, plan, rendition), hub_name
        face, code_kid = await self._with_code(face, rendition, opened, plan)
        page = Page(
            face=face,
            template=template,
            at=whole_second(rendition.created_at),
            certified=certified,
            name=name,
            reason=_REASON if copy is None else _COPY_REASON,
            sealed=copy is None,
        )
        made = await self._pages.make(page)
        return Made(made.file, certified.signer.kid, made.to_stamp, code_kid)

    async def _ofd(self, rendition: Rendition, opened: Opened, plan: Mapping[str, Any]) -> Made:
        """As `_pdf`, but a copy bears a seal too: no OFD is signed without. It is the hub's, and says so."""
        version, keys, copied = opened.version, self._sheets.keys, plan.get("copy") is not None
        if copied:
            certified, owner = await keys.hub("purpose-copy"), self._desk.owner()
            face = replace(self._copy(opened, plan, rendition), seal_text=owner.organization, seal_shape="round")
            whose, name = owner.slot.organization_id, face.seal_text
        else:
            certified = await keys.issuer(version.issuer_code, version.type_code)
            face = self.face(opened, certified, plan, rendition.language)
            whose, name = version.issuer_code, face.issuer_name
        face, code_kid = await self._with_code(face, rendition, opened, plan)
        sheet = Sheet(face, whole_second(rendition.created_at), certified, whose, name)
        made = await self._sheets.make(sheet, stamped=not copied)
        return Made(made.file, certified.signer.kid, made.to_stamp, code_kid)

    async def _with_code(
        self, face: Face, rendition: Rendition, opened: Opened, plan: Mapping[str, Any]
    ) -> tuple[Face, str]:
        at, copy = int(rendition.created_at.timestamp()), plan.get("copy")
        if copy is not None:
            return await self._codes.on_copy(face, copy["payload"], at)
        return await self._codes.on_licence(face, opened.version, opened.type, opened.payload, at)

    def _prepared(self, opened: Opened, suite: KeySuite, tx: Connection, *, copied: bool) -> tuple[str, Certified, str]:
        template = template_of(tx, opened.type, at=opened.version.created_at, vault=self._vault)
        if not copied:
            version = opened.version
            certified = self._desk.issuer(tx, version.issuer_code, type_code=version.type_code, suite=suite)
            return template, certified, ""
        certified = self._desk.hub("purpose-copy", suite=suite)
        owner = find_key_certificate(tx, certified.signer.kid)
        return template, certified, "" if owner is None else owner.organization

    def face(self, opened: Opened, certified: Certified, plan: Mapping[str, Any], language: str) -> Face:
        """The face of a licence; also what an OFD is made from."""
        return licence_face(
            type=opened.type,
            payload=opened.payload,
            qr=verify_link(self._public_url, plan["code"]),
            control_code=plan["code"],
            binding=plan["binding"],
            marks=self._marks(certified),
            language=_language(language),
        )

    def screen_face(self, opened: Opened, language: str) -> Face:
        """The face without what makes a page evidence: no codes, no binding; and it says so."""
        marks = [Mark.SCREEN, Mark.SAMPLE] if self._sample else [Mark.SCREEN]
        return licence_face(
            type=opened.type,
            payload=opened.payload,
            qr=None,
            control_code=None,
            binding=None,
            marks=marks,
            language=_language(language),
        )

    def _copy(self, opened: Opened, plan: Mapping[str, Any], rendition: Rendition) -> Face:
        """The face of a purpose copy, out of the copy's own claims; of the licence nothing is taken but its type."""
        copy = plan["copy"]
        return copy_face(
            type=opened.type,
            payload=copy["payload"],
            granted=copy["payload"].keys(),
            receiver=copy["receiver"],
            qr=verify_link(self._public_url, plan["code"]),
            control_code=plan["code"],
            marks=self._marks(self._desk.hub("purpose-copy")),
            language=_language(rendition.language),
        )

    def _marks(self, certified: Certified) -> list[Mark]:
        marks = [Mark.TRIAL_AUTHORITY] if certified.trial else []
        return [*marks, Mark.SAMPLE] if self._sample else marks


def page_suite(wanted: str, certificate_type: CertificateType) -> Suite:
    """The suite of a page: readers of OFD know SM2 alone, those of PDF all but SM2, and some of them only RSA."""
    if wanted == OFD:
        return Suite.SM2
    return Suite.RSA if Suite.RSA in certificate_type.supports.suites else Suite.ES256


def _language(language: str) -> Language:
    return "en" if language == "en" else "zh-CN"
