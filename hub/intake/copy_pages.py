"""Purpose copies 加注件 as files: of an answer that a system has, while it may have it, watermarked pages and metadata.

A file is made from the copy's own token, in which nothing stands but what was granted; it is signed by the hub's copy
key and bears neither the issuer's seal nor the binding of the licence. Of the licence's own history it says nothing.
"""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection

from catalog.store import list_departments
from certificates.control_code import new_control_code
from certificates.lifecycle.states import Status
from certificates.metadata import metadata
from certificates.numbering import parse
from certificates.profile import CIVIL_ZONE
from certificates.purpose_copy import VCT
from certificates.rendering.store import Wanted
from certificates.stores import certificates as library
from certificates.stores.version import VersionRecord
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake.errors import RequestNotFoundError
from hub.intake.evidence import EvidenceService
from hub.intake.store import Case, find_case
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.renditions.errors import CopyEndedError, FormatError
from hub.issuing.renditions.files import (
    FORMATS,
    JSON,
    LicenceFile,
    certificate_of,
    control_code_hash,
    page_url,
    region_of,
    require_in_force,
)
from hub.issuing.renditions.leases import Request
from hub.issuing.renditions.metadata import copy_claims, copying, signed
from hub.issuing.renditions.service import RenditionService
from hub.issuing.renditions.source import RenditionSource
from hub.issuing.types.halts import refuse_halted
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing import sd_jwt
from signing.errors import SigningError

CopyFormat = Literal["pdf", "ofd", "json"]


class CopyPages:
    """Gives out the pages and the metadata of an answer's purpose copies."""

    def __init__(
        self,
        database: Database,
        *,
        evidence: EvidenceService,
        renditions: RenditionService,
        source: RenditionSource,
        vault: Vault,
        desk: SigningDesk,
        clock: Clock,
    ) -> None:
        self._database = database
        self._evidence = evidence
        self._renditions = renditions
        self._source = source
        self._vault = vault
        self._desk = desk
        self._matters = MatterBook(vault)
        self._clock = clock

    async def give(
        self, caller: Caller, request_id: str, number: int, *, wanted: CopyFormat = "pdf", language: str
    ) -> LicenceFile:
        """A file of the copy of this number in an answer of the caller's own, counted from 1 over all requirements.

        The disclosure is on the ledger since the answer was decided; making its page, and each look at its metadata, is
        an entry of its own.

        Raises: RequestNotFoundError (also: no such copy), CopyEndedError, NotInForceError, FormatError; what fetching
            the answer again, and making a rendition, raise.
        """
        answer = json.loads(await self._evidence.fetch(caller, request_id))
        tokens = _tokens(answer)
        if not 1 <= number <= len(tokens):
            raise RequestNotFoundError
        payload = self._opened(tokens[number - 1])
        ends_at = datetime.fromtimestamp(int(payload["exp"]), UTC)
        if self._clock() >= ends_at:
            raise CopyEndedError
        copy_of = f"{request_id}:{number}"
        if wanted == JSON:
            content = await self._metadata(caller, copy_of, payload)
        else:
            unit = partial(self._request, caller, copy_of, payload, ends_at, (wanted, language))
            request = await self._database.read(unit)
            await self._source.make_copies_ready(request.wanted)
            content = await self._renditions.get(request)
        media_type, suffix = FORMATS[wanted]
        return LicenceFile(content, media_type, f"{payload['certificate']['identifier']}.copy.{suffix}")

    def _request(
        self,
        caller: Caller,
        copy_of: str,
        payload: dict[str, Any],
        ends_at: datetime,
        form: tuple[str, str],
        tx: Connection,
    ) -> Request:
        wanted, language = form
        version, case = self._standing(tx, payload), self._case(tx, caller, payload)
        receiver = next(item.name_zh for item in list_departments(tx) if item.id == caller.department_id)
        code, suite = new_control_code(), self._source.suite(tx, version, wanted)
        return Request(
            wanted=Wanted(version.id, wanted, suite, "en" if language == "en" else "zh-CN", copy_of),
            identifier=version.identifier,
            subject_id=version.subject_id,
            key=self._source.key_of(tx, version),
            code_hash=control_code_hash(self._vault, code),
            ends_at=ends_at,
            audience=caller.client_id,
            plan={"code": code, "copy": {"payload": payload, "receiver": receiver}},
            case_id=case.id,
        )

    async def _metadata(self, caller: Caller, copy_of: str, payload: dict[str, Any]) -> bytes:
        certified, now = self._desk.hub("purpose-copy"), self._clock()
        content = await self._database.write(partial(self._told, caller, copy_of, payload, certified))
        return signed(content, copy_claims(payload, content["certificate_identifier"], at=now), certified)

    def _told(
        self, caller: Caller, copy_of: str, payload: dict[str, Any], certified: Certified, tx: Connection
    ) -> dict[str, Any]:
        """The metadata of this moment, and its look on the ledger. What was done to the licence, when and why, was
        granted to nobody: a copy has no change.
        """
        version = self._standing(tx, payload)
        kind = self._source.type_of(tx, version)
        if JSON not in kind.supports.formats:
            raise FormatError(JSON)
        case = self._case(tx, caller, payload)
        matter, maker = self._matters.matter(tx, case.matter_id), self._desk.owner().organization
        request_id, _, number = copy_of.partition(":")
        address = f"{payload['iss']}/api/v1/evidence-requests/{request_id}/copies/{number}"
        content = metadata(
            type=kind,
            identifier=parse(version.identifier),
            payload=payload,
            status=Status(version.status),
            area_code=region_of(tx, version.issuer_code),
            digital_certificate=certificate_of(certified),
            file_url=page_url(address, self._source.pages_of(kind)),
            copying=copying(payload, maker=maker, matter_code=matter.code, matter_name=matter.name_zh),
        )
        by = {"kind": "system", "id": caller.system_id}
        detail = {"identifier": version.identifier, "by": by, "format": JSON, "copy": copy_of}
        detail |= {"department_id": case.department_id}
        key = self._source.key_of(tx, version)
        entry = Draft(kind="certificate.export", detail=detail, key=key, subject_id=version.subject_id, case_id=case.id)
        append(tx, [seal(entry, now=self._clock())])
        return content

    def _case(self, tx: Connection, caller: Caller, payload: dict[str, Any]) -> Case:
        """The caller's case that a copy was made for."""
        case = find_case(tx, payload["purpose"]["case_no"])
        if case is None or case.system_id != caller.system_id:
            raise RequestNotFoundError
        return case

    def _standing(self, tx: Connection, payload: dict[str, Any]) -> VersionRecord:
        """The version that a copy was made of, while it is in force."""
        version = library.find_version(tx, parse(payload["certificate"]["identifier"]).text)
        if version is None or version.state != "issued":
            raise RequestNotFoundError
        check_guards(tx, self._vault, versions=[version])
        refuse_halted(tx, self._vault, [version.type_code])
        require_in_force(version, self._clock().astimezone(CIVIL_ZONE).date())
        return version

    def _opened(self, token: str) -> dict[str, Any]:
        """The claims of a copy that one of our own keys signed."""
        for key in self._desk.public_keys().values():
            try:
                return dict(sd_jwt.verify(token, key=key).claims)
            except SigningError:
                continue
        raise IntegrityBrokenError("evidence_requests")


def _tokens(answer: dict[str, Any]) -> list[str]:
    """The purpose copies of an answer in its order; other evidence has no page."""
    found = []
    for item in answer.get("requirements", []):
        evidence = [*([item["evidence"]] if "evidence" in item else []), *item.get("further_evidence", [])]
        found += [entry["token"] for entry in evidence if sd_jwt.parse(entry["token"]).payload.get("vct") == VCT]
    return found
