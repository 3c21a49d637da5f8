"""What a control code opens: the version that the page is of, judged by the eight steps as it lies here.

Whoever has no code learns nothing: an unknown identifier, a wrong code and an identifier that is not of the code are
one answer, after the same queries (seam D4). No claims are told: a look at them would need a case and a ledger entry;
the page that was scanned has them, and its signature covers them.
"""

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import NoResultFound

from certificates.control_code import read_control_code
from certificates.rendering.store import Rendition, rendition_by_code
from certificates.stores import certificates as library
from certificates.stores.holders import Subject, subject_by_id
from certificates.stores.version import VersionRecord
from certificates.verifying.known import TYPE_HALTED, Known
from certificates.verifying.papers_codes import StoredPaper
from hub.issuing.drafting import document_place
from hub.issuing.renditions.files import control_code_hash
from hub.issuing.types.halts import stopped_types
from hub.ledger.guards import check_guards, latest_changes
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from hub.verification.knowing import Looked, status_of

_NOBODY: Final = str(UUID(int=0))
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FoundPage:
    """What is to be judged in a page's place, and what is known of it."""

    paper: StoredPaper
    looked: Looked


_NO_PAGE: Final = Looked(None)


class ControlCodes:
    """Finds what control codes open. Judges nothing."""

    def __init__(self, database: Database, *, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def find(self, identifier: str | None, code: str, *, now: datetime, as_of: datetime | None) -> FoundPage:
        """The version that carries this code; with an identifier, both must fit. What opens nothing fails step 1.

        Not checked: what the page says. `docs/verification.md` tells what a reader compares.
        """
        return await self._database.read(lambda tx: self._find(tx, identifier, code, now=now, as_of=as_of))

    def _find(
        self, tx: Connection, identifier: str | None, typed: str, *, now: datetime, as_of: datetime | None
    ) -> FoundPage:
        """The same queries, whatever they find."""
        code = read_control_code(typed) or typed[:64]
        rendition = rendition_by_code(tx, control_code_hash(self._vault, code))
        versions = library.read_versions(tx, [_NOBODY if rendition is None else rendition.version_id])
        version = versions[0] if versions else None
        subject = None
        with suppress(NoResultFound):
            subject = subject_by_id(tx, _NOBODY if version is None else version.subject_id)
        try:
            if rendition is None or version is None:
                latest_changes(tx, [_NOBODY])
            else:
                check_guards(tx, self._vault, versions=[version])
                self._vault.check_row_mac(rendition.meaning(), rendition.mac, where="certificate_renditions")
            stopped = stopped_types(tx, self._vault)
            if rendition is None or version is None or subject is None or not _fits(version, identifier):
                return FoundPage(StoredPaper(None), _NO_PAGE)
            paper = StoredPaper(self._opened(version, subject))
            status = status_of(tx, self._vault, version, now=now, as_of=as_of)
        except IntegrityBrokenError as error:
            _log.error("guarded_row_broken", alarm=True, where=error.where)
            return FoundPage(StoredPaper(None), _NO_PAGE)
        known = _known(rendition)
        if version.type_code in stopped:
            return FoundPage(paper, Looked(version.identifier, TYPE_HALTED, known))
        return FoundPage(paper, Looked(version.identifier, status, known))

    def _opened(self, version: VersionRecord, subject: Subject) -> bytes:
        """The licence as it was signed; empty where its key opens nothing."""
        try:
            key = self._vault.data_key(subject.data_key, subject.kek_kid)
            return key.decrypt(document_place(version.id), version.document)
        except IntegrityBrokenError:
            _log.warning("licence_not_opened", version=version.id)
            return b""


def _fits(version: VersionRecord, identifier: str | None) -> bool:
    if version.state != "issued":
        return False
    return identifier is None or hmac.compare_digest(identifier.encode(), version.identifier.encode())


def _known(rendition: Rendition) -> Known:
    return Known(
        copied=bool(rendition.copy_of),
        audience=rendition.audience or None,
        ends_at=rendition.ends_at,
        page=rendition.id,
    )
