"""Which licences are disputed at this moment 异议标注: for whoever reads them next. It changes no outcome by itself."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Connection

from certificates.stores import certificates as library
from hub.citizens.objections import store
from hub.citizens.objections.values import OF_LICENCE, State
from hub.storage.vault import Vault

_log = structlog.get_logger(__name__)


def disputed(tx: Connection, vault: Vault, certificate_ids: Collection[str]) -> set[str]:
    """Those of these certificates (ids) against which an objection runs. One whose row is not as the hub wrote it
    counts as running, and is an alarm: whoever ends a dispute by SQL ends nothing.
    """
    found = set()
    for item in store.about_certificates(tx, certificate_ids):
        whole = store.is_whole(vault, item)
        if not whole:  # whatever kind it says that it is
            _log.error("guarded_row_broken", alarm=True, where="objections")
        marks = not whole or (item.state is State.RUNNING and item.kind in OF_LICENCE)
        if marks and item.certificate_id is not None:
            found.add(item.certificate_id)
    return found


def disputed_identifiers(tx: Connection, vault: Vault, identifiers: Collection[str]) -> set[str]:
    """The same, of public identifiers of versions; unknown ones are not disputed."""
    versions = [version for each in identifiers if (version := library.find_version(tx, each)) is not None]
    marked = disputed(tx, vault, {version.certificate_id for version in versions})
    return {version.identifier for version in versions if version.certificate_id in marked}


def mark(tx: Connection, vault: Vault, items: Sequence[Mapping[str, Any]], ids: Mapping[str, str]) -> None:
    """Write `disputed: true` beside each copy, in unsigned answers, of a licence that is. `ids`: by identifier."""
    marked = disputed(tx, vault, set(ids.values()))
    if not marked:
        return
    for item in items:
        for copy in item["copies"]:
            certificate = copy.get("certificate", {})
            if ids.get(certificate.get("identifier", "")) in marked:
                certificate["disputed"] = True
