"""Files of a stored licence, for its issuer and its holder: each look is on the ledger before the bytes leave."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import DepartmentRow, table
from certificates.control_code import new_control_code
from certificates.lifecycle.states import Status
from certificates.metadata import Change, metadata
from certificates.numbering import parse
from certificates.profile import CIVIL_ZONE
from certificates.rendering.store import Wanted
from certificates.stores import certificates as store
from certificates.stores.version import VersionRecord
from hub.clock import Clock
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.renditions.errors import FormatError, NotInForceError
from hub.issuing.renditions.leases import Request
from hub.issuing.renditions.metadata import last_change, licence_claims, signed
from hub.issuing.renditions.opening import Opening
from hub.issuing.renditions.service import RenditionService
from hub.issuing.renditions.source import Opened, RenditionSource, page_suite
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.transitions.reading import read_history
from hub.issuing.types.halts import refuse_halted
from hub.ledger.guards import check_guards
from hub.storage.database import Database
from hub.storage.errors import ConflictError, SignatureWaitingError
from hub.storage.vault import Vault

SD_JWT: Final = "sd-jwt"
JSON: Final = "json"
FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    SD_JWT: ("application/dc+sd-jwt", "sd-jwt"),
    JSON: ("application/json", "json"),
    "pdf": ("application/pdf", "pdf"),
    "ofd": ("application/ofd", "ofd"),
}
"""Media type and suffix of the file by format."""
_DEPARTMENTS: Final = table(DepartmentRow)
Allowed = Callable[[VersionRecord], bool]


@dataclass(frozen=True, slots=True)
class LicenceFile:
    """A file and what it is called: the identifier, as on the national platforms."""

    content: bytes = field(repr=False)
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class _Prepared:
    opened: Opened
    binding: bytes
    region: str
    certified: Certified
    pages: tuple[str, ...]
    change: Change | None


class LicenceFiles:
    """Gives out the files of a licence."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        source: RenditionSource,
        renditions: RenditionService,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._source = source
        self._renditions = renditions
        self._clock = clock
        self._public_url = public_url

    async def give(
        self,
        identifier: str,
        wanted: str,
        *,
        language: str,
        by: Mapping[str, Any] | Opening,
        allowed: Allowed,
    ) -> LicenceFile:
        """One file of one version.

        Args:
            wanted: sd-jwt, json, pdf or ofd.
            by: who looks, as the ledger names him; or the look itself.
            allowed: whether he may see this version; if not, it does not exist for him.
        Raises: UnknownCertificateError, FormatError, NotInForceError (pdf and ofd), NotRenderedYetError,
            RenderingError, SigningKeyError, SuiteUnavailableError, IntegrityBrokenError, StorageError.
        """
        prepared = await self._prepared(identifier, wanted, allowed)
        if wanted == SD_JWT:
            content = prepared.opened.token
        elif wanted == JSON:
            content = self._metadata(prepared)
        else:
            await self._source.make_ready(wanted, prepared.opened)
            content = await self._renditions.get(self._request(prepared, wanted, language))
        opening = by if isinstance(by, Opening) else Opening(by)
        await self._database.write(partial(self._look, identifier, wanted, allowed, opening))
        media_type, suffix = FORMATS[wanted]
        return LicenceFile(content, media_type, f"{identifier}.{suffix}")

    async def _prepared(self, identifier: str, wanted: str, allowed: Allowed) -> _Prepared:
        unit = partial(self._prepare, identifier, wanted, allowed)
        try:
            return await self._database.write(unit)
        except ConflictError:  # somebody bound the same version meanwhile
            return await self._database.write(unit)

    def _prepare(self, identifier: str, wanted: str, allowed: Allowed, tx: Connection) -> _Prepared:
        version = self._seen(tx, identifier, wanted, allowed)
        opened = self._source.open_version(tx, version)
        pages = self._source.pages_of(opened.type)
        offered = pages if wanted in self._source.formats else opened.type.supports.formats
        if wanted not in offered:
            raise FormatError(wanted)
        return _Prepared(
            opened=opened,
            binding=self._source.bind(tx, opened),
            region=region_of(tx, version.issuer_code),
            certified=self._desk.issuer(tx, version.issuer_code, type_code=version.type_code),
            pages=pages,
            change=last_change(read_history(tx, self._vault, version)) if wanted == JSON else None,
        )

    def _seen(self, tx: Connection, identifier: str, wanted: str, allowed: Allowed) -> VersionRecord:
        version = store.find_version(tx, identifier)
        if version is not None and version.state == "intended" and allowed(version):
            raise SignatureWaitingError  # it finishes by itself: at once, or when its department approves
        if version is None or version.state != "issued" or not allowed(version):
            raise UnknownCertificateError
        check_guards(tx, self._vault, versions=[version])
        refuse_halted(tx, self._vault, [version.type_code])
        if wanted not in {SD_JWT, JSON}:
            if wanted not in self._source.formats:
                raise FormatError(wanted)
            require_in_force(version, self._clock().astimezone(CIVIL_ZONE).date())
        return version

    def _request(self, prepared: _Prepared, wanted: str, language: str) -> Request:
        version, code = prepared.opened.version, new_control_code()
        return Request(
            wanted=Wanted(
                version.id, wanted, page_suite(wanted, prepared.opened.type), "en" if language == "en" else "zh-CN"
            ),
            identifier=version.identifier,
            subject_id=version.subject_id,
            key=prepared.opened.key,
            code_hash=control_code_hash(self._vault, code),
            ends_at=None,
            audience="",
            plan={"code": code, "binding": prepared.binding.hex()},
        )

    def _metadata(self, prepared: _Prepared) -> bytes:
        """The metadata of this moment, and the same under the issuer's signature. Not kept: a state is of its day."""
        opened, certified = prepared.opened, prepared.certified
        version, binding = opened.version, prepared.binding.hex()
        file = f"{self._public_url}/api/v1/certificates/{version.identifier}/file"
        content = metadata(
            type=opened.type,
            identifier=parse(version.identifier),
            payload=opened.payload,
            status=Status(version.status),
            area_code=prepared.region,
            digital_certificate=certificate_of(certified),
            file_url=page_url(file, prepared.pages),
            change=prepared.change,
        )
        claims = licence_claims(opened.payload, version.identifier, binding, at=self._clock())
        return signed(content, claims, certified)

    def _look(self, identifier: str, wanted: str, allowed: Allowed, opening: Opening, tx: Connection) -> None:
        """Written down last, and only if the licence may still be seen: it may have been revoked meanwhile."""
        version = self._seen(tx, identifier, wanted, allowed)
        opening.check(tx, version)
        key = self._source.key_of(tx, version)
        opening.write(tx, identifier, wanted, key=key, version=version, now=self._clock())


def control_code_hash(vault: Vault, code: str) -> bytes:
    """All that is kept of a control code."""
    return vault.lookup_hash("control-code", code)


def region_of(tx: Connection, issuer_code: str) -> str:
    """GB/T 2260 of a department, empty if nobody said."""
    return tx.execute(select(_DEPARTMENTS.c.region).where(_DEPARTMENTS.c.code == issuer_code)).scalar() or ""


def certificate_of(certified: Certified) -> str | None:
    """The signer's certificate as the metadata has it: base64 of its DER."""
    return b64encode(certified.chain[0]).decode() if certified.chain else None


def page_url(address: str, pages: Sequence[str]) -> str | None:
    """Where the page is that people are shown: the first format that there is one in; None for data alone."""
    return f"{address}?format={pages[0]}" if pages else None


def require_in_force(version: VersionRecord, today: date) -> None:
    """A page is only made, and only given out, of a version that is valid on that civil day.

    Raises: NotInForceError.
    """
    if version.status != Status.VALID:
        raise NotInForceError(version.status)
    if version.valid_until is not None and today > date.fromisoformat(version.valid_until):
        raise NotInForceError(Status.EXPIRED)
