"""Pages and seals that a key signed, and pages that a template set: each row held against its guard, like licences."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection

from certificates.rendering.store import Rendition
from certificates.stores import certificates as library
from certificates.stores.version import VersionRecord
from hub.clock import rfc3339
from hub.issuing.renditions.seals import KeptSeal
from hub.issuing.renditions.source import PDF
from hub.issuing.renditions.template_in_force import TemplateVersion
from hub.ledger.guards import made_at
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TemplateSpan:
    """While one version of a type's own template was in force; version 0: while there was none of its own."""

    begins: datetime | None
    ends: datetime | None

    @classmethod
    def of(cls, versions: Sequence[TemplateVersion], number: int) -> "TemplateSpan | None":
        """Of this version among all of a type, newest first; None: there is no such version."""
        since = {item.version: item.since for item in versions}
        if number != 0 and number not in since:
            return None
        later = [item.since for item in versions if item.version > number]
        return cls(since.get(number), min(later, default=None))

    def covers(self, at: datetime) -> bool:
        """Whether it was in force then."""
        return (self.begins is None or self.begins <= at) and (self.ends is None or at < self.ends)


def find_pages(
    tx: Connection,
    vault: Vault,
    read: Sequence[Rendition],
    *,
    key: str | None,
    span: TemplateSpan | None,
    fits: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Lines of those that fit; and of those that somebody else wrote, whatever was asked.

    A page is set from the template of the day on which its licence was made; an OFD from none. Args:
        fits: what the licence of a page must be, by attribute.
    """
    broken = {item.id for item in read if not _guarded(vault, item)}
    some = [item for item in read if item.id in broken or _may_fit(item, key, span)]
    if not some:
        return []
    versions = {item.id: item for item in library.read_versions(tx, {item.version_id for item in some})}
    times = made_at(tx, [item.id for item in some])
    made = [(item, versions.get(item.version_id)) for item in some]
    return [
        _line(item, version, key, times.get(item.id, item.created_at), guarded=item.id not in broken)
        for item, version in made
        if item.id in broken or (version is not None and _of_it(version, span, fits))
    ]


def seal_line(seal: KeptSeal) -> dict[str, Any]:
    """The line of an electronic seal."""
    return {
        "what": "seal",
        "identifier": seal.number,
        "type": None,
        "issuer": seal.organization_id,
        "version": None,
        "state": "kept",
        "status": None,
        "key": seal.maker_kid,
        "origin": None,
        "made_at": rfc3339(seal.created_at),
        "guard": "ok" if seal.guarded else "broken",
    }


def _guarded(vault: Vault, item: Rendition) -> bool:
    try:
        vault.check_row_mac(item.meaning(), item.mac, where="certificate_renditions")
    except IntegrityBrokenError:
        _log.error("guarded_row_broken", alarm=True, where="certificate_renditions", rendition=item.id)
        return False
    return True


def _may_fit(item: Rendition, key: str | None, span: TemplateSpan | None) -> bool:
    return key in {None, *_keys(item)} and (span is None or item.format == PDF)


def _keys(item: Rendition) -> Collection[str]:
    return [kid for kid in (item.signing_kid, item.code_kid) if kid]


def _of_it(version: VersionRecord, span: TemplateSpan | None, fits: Mapping[str, Any]) -> bool:
    if span is not None and not span.covers(version.created_at):
        return False
    return all(wanted is None or getattr(version, name) == wanted for name, wanted in fits.items())


def _line(
    item: Rendition, version: VersionRecord | None, key: str | None, made: datetime, *, guarded: bool
) -> dict[str, Any]:
    return {
        "what": "page" if key is None or key == item.signing_kid else "offline_code",
        "identifier": None if version is None else version.identifier,
        "type": None if version is None else version.type_code,
        "issuer": None if version is None else version.issuer_code,
        "version": None if version is None else version.version,
        "state": item.state,
        "status": None if version is None else version.status,
        "key": key if key in _keys(item) else item.signing_kid,
        "origin": None if version is None else version.origin,
        "made_at": rfc3339(made),
        "guard": "ok" if guarded else "broken",
        "format": item.format,
        "suite": item.suite,
        "language": item.language,
        "copy_of": item.copy_of or None,
    }
