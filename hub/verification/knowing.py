"""What the hub knows of what is presented: the row of its version, its pages, and the ledger's time.

Looked up by the identifier that the paper claims, before anything is checked; the procedure decides whether it counts.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import structlog
from sqlalchemy import Connection

from catalog.store import find_department
from certificates.copies.store import copies_at
from certificates.lifecycle.states import Status
from certificates.rendering.store import Rendition, find_binding, renditions_of
from certificates.stores import certificates as library
from certificates.stores.version import VersionRecord
from certificates.verifying.known import TYPE_HALTED, Known, KnownStatus
from certificates.verifying.papers import Paper, SdJwtPaper
from certificates.verifying.papers_codes import OfflineCodePaper, StoredPaper
from hub.issuing.transitions.reading import read_history
from hub.issuing.types.halts import stopped_types
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from hub.verification.proven import signed_by
from signing.canonical import sha256

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found. `status` is what a status source answers; None: nothing is known of it."""

    identifier: str | None
    status: KnownStatus | Literal["type_halted"] | None = None
    known: Known | None = None


def look_up(
    tx: Connection,
    vault: Vault,
    types: TypeRegistry,
    paper: Paper,
    data: bytes,
    *,
    now: datetime,
    as_of: datetime | None,
) -> Looked:
    """The version that the paper claims to be of. One that is not there, or whose row somebody else wrote, lets nothing
    pass: its status is not to be had, also for a copy or an offline showing, which elsewhere does without one.
    """
    identifier = paper.presented()
    version, nothing = library.find_version(tx, identifier or ""), Looked(identifier, KnownStatus(None, now))
    if version is None or not version.is_whole():
        return nothing
    try:
        check_guards(tx, vault, versions=[version])
        status = status_of(tx, vault, version, now=now, as_of=as_of)
        entry = paper.presented_entry() if isinstance(paper, SdJwtPaper) else None
        if entry is not None and entry != (version.status_list, version.status_index):
            status = _of_copy(tx, vault, version, entry, status)
        known = None if isinstance(paper, SdJwtPaper | OfflineCodePaper) else _known(tx, vault, types, version, data)
        stopped = stopped_types(tx, vault)
    except IntegrityBrokenError as error:
        _log.error("guarded_row_broken", alarm=True, where=error.where)
        return nothing
    if version.type_code in stopped:
        return Looked(identifier, TYPE_HALTED, known)
    return Looked(identifier, status, known)


def proven_by(tx: Connection, vault: Vault, paper: Paper) -> datetime | None:
    """Since when the ledger knows this very licence; only looked up where the answer decides."""
    token = paper.token if isinstance(paper, SdJwtPaper | StoredPaper) else None
    return None if token is None else signed_by(tx, vault, token)


def status_of(
    tx: Connection, vault: Vault, version: VersionRecord, *, now: datetime, as_of: datetime | None
) -> KnownStatus:
    """By its row, or by its history. Raises: IntegrityBrokenError."""
    if as_of is None:
        return KnownStatus(Status(version.status), now)
    return KnownStatus(read_history(tx, vault, version).lifetime.status_at(as_of, known_at=now), as_of, of_as_of=True)


def _of_copy(
    tx: Connection, vault: Vault, version: VersionRecord, entry: tuple[int, int], status: KnownStatus
) -> KnownStatus:
    """Of what names an entry that is not its version's: copies in a wallet, which end alone, or nothing known here.

    Raises: IntegrityBrokenError.
    """
    copies = copies_at(tx, version.id, *entry)
    if copies is None:
        return KnownStatus(None, status.at)
    check_guards(tx, vault, copies=[copies])
    return replace(status, removed=copies.ended_at is not None and copies.ended_at <= status.at)


def _known(tx: Connection, vault: Vault, types: TypeRegistry, version: VersionRecord, data: bytes) -> Known:
    """Of a page: names and dates, never claims; and, if the hub made this very file, when and for whom."""
    bound = find_binding(tx, version.id)
    own = _own_page(tx, vault, version.id, sha256(data))
    issuer = find_department(tx, version.issuer_code)
    types.learn(tx, [(version.type_code, version.type_version)])
    described = {
        "type_name": types.version(version.type_code, version.type_version).name.zh,
        "issuer": {"name": "" if issuer is None else issuer.name_zh, "uscc": version.issuer_code},
        "issued_on": version.issued_on,
        "valid_from": version.valid_from,
        "valid_until": version.valid_until,
    }
    return Known(
        described,
        binding=None if bound is None else bound[1].hex(),
        proven_at=None if own is None else own.created_at,
        audience=None if own is None else own.audience or None,
        ends_at=None if own is None else own.ends_at,
        page="" if own is None else own.id,
    )


def _own_page(tx: Connection, vault: Vault, version_id: str, digest: bytes) -> Rendition | None:
    for rendition in renditions_of(tx, version_id):
        if rendition.digest == digest:
            vault.check_row_mac(rendition.meaning(), rendition.mac, where="certificate_renditions")
            return rendition
    return None
