"""Licences that are about to be shown: the holder's own, current, in force, with their document here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Custody
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as library
from hub.citizens.showing.values import MOST_LICENCES as MOST
from hub.citizens.showing.values import Choice, ChoiceError, Pick
from hub.issuing.held_then import standing
from hub.issuing.renditions.source import Opened, RenditionSource
from hub.issuing.types.halts import stopped_types
from hub.storage.vault import Vault


class Showable:
    """Opens them. Of principal holders alone: a licence lies under the key of its principal."""

    def __init__(self, *, vault: Vault, source: RenditionSource) -> None:
        self._vault = vault
        self._source = source

    def chosen(self, tx: Connection, subject_id: str, choice: Choice, now: datetime) -> tuple[Pick, ...] | None:
        """The picks as they are stored: claims in the order of their type, those that the licence lacks left out.

        None: one of them is not this holder's. Raises: ChoiceError; IntegrityBrokenError, SigningError.
        """
        if not choice.picks:
            raise ChoiceError("none")
        if len(choice.picks) > MOST:
            raise ChoiceError("too_many")
        if len({pick.identifier for pick in choice.picks}) < len(choice.picks):
            raise ChoiceError("twice")
        stopped, kept = stopped_types(tx, self._vault), []
        for place, pick in enumerate(choice.picks):
            version = library.find_version(tx, pick.identifier)
            if version is None or version.subject_id != subject_id or not version.is_whole():
                return None
            today = now.astimezone(CIVIL_ZONE).date()
            if not version.is_current() or standing(version.status, version.valid_until, today) != Status.VALID:
                raise ChoiceError("state", place)
            if version.state != "issued" or self._source.type_of(tx, version).custody is not Custody.LIBRARY:
                raise ChoiceError("custody", place)
            if version.type_code in stopped:
                raise ChoiceError("halted", place)
            kept.append(_kept(self._source.open_version(tx, version), pick, place))
        return tuple(kept)

    def open(self, tx: Connection, subject_id: str, pick: Pick) -> Opened | None:
        """The licence of a stored pick, in whichever state it is now; None: it is his no more.

        Raises: IntegrityBrokenError, SigningError.
        """
        version = library.find_version(tx, pick.identifier)
        if version is None or version.subject_id != subject_id or version.state != "issued":
            return None
        return self._source.open_version(tx, version)

    def type_of(self, tx: Connection, pick: Pick) -> str | None:
        """The code of the type of which it is; None: there is no such licence."""
        version = library.find_version(tx, pick.identifier)
        return None if version is None else version.type_code

    def as_opened(self, tx: Connection, opened: Opened) -> bool:
        """Whether it is still what was opened, held so until this transaction ends (seam D6)."""
        version = opened.version
        now = library.lock_versions(tx, [version.id]).get(version.id)
        return now == (version.row_version, version.status) and version.type_code not in stopped_types(tx, self._vault)


def showable_claims(kind: CertificateType) -> Mapping[str, tuple[str, str]]:
    """The claims of a type that may be shown, with their titles, in its order."""
    return {
        name: (claim.title.zh, claim.title.en)
        for name, claim in kind.claims.items()
        if claim.disclosure is not Disclosure.NEVER
    }


def values_of(opened: Opened, pick: Pick) -> dict[str, Any]:
    """What is shown of a licence."""
    return {name: opened.payload[name] for name in pick.claims if name in opened.payload}


def _kept(opened: Opened, pick: Pick, place: int) -> Pick:
    may = showable_claims(opened.type)
    for at, name in enumerate(pick.claims):
        if name not in may:
            raise ChoiceError("claim", place, at)
    return Pick(pick.identifier, tuple(name for name in may if name in pick.claims and name in opened.payload))
