"""A licence that comes from another authority 转入: what it must be to be taken over, and what is kept of it.

Kept are where it came from and how it was found to be genuine, never what it says of its holder: the new licence says
that, and its holder must be the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from certificates.definitions.certificate_type import CertificateType
from certificates.errors import ActError
from certificates.lifecycle.states import Operation, Status
from certificates.numbering import parse
from certificates.verifying.verdict import Format, Result, TokenKind, Verdict
from hub.clock import rfc3339
from hub.issuing.plan import lookup_hash
from hub.issuing.transitions.acts import VERIFIED, Act
from hub.storage.vault import Vault
from signing.canonical import sha256

DOCUMENT: Final = "origin/document"
_MOVED: Final = frozenset(
    {"certificate_transferring", "certificate_transferred", "certificate_suspended", "certificate_revoked"}
)
"""What a licence that moves is at home. A status list has one value for "transferring" and "suspended", and one for
"transferred" and "revoked" (docs/lifecycle.md): which of the two it is, the authority there says in writing."""
_UNKNOWN_THERE: Final = frozenset({"validity_unavailable", "status_unavailable", "status_too_old"})
"""A page does not carry dates and status; the list at hand may be of last week."""
_TAKEN: Final = frozenset({Format.SD_JWT, Format.JSON, Format.PDF, Format.OFD})
"""The licence itself. A code of a page says a part of it, to whoever saw the page."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A licence of another issuer that was verified, by the hub's own trust list or by that of an accepted hub.

    Attributes:
        origin: as the history keeps it; nothing personal.
        predecessor: its identifier, where it is one of this hub.
        holder: the look-up hash of its holder, hexadecimal; empty for a page, which does not carry it as data.
        needs_word: whether it is not plainly valid there: then the authority there must have let it go in writing.
        claims: what it says, of the claims that the type has.
    """

    type_code: str
    origin: Mapping[str, str]
    predecessor: str | None
    holder: str
    needs_word: bool
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """An act as JSON with what it leaves open taken from the document: where it comes from, and claims."""
        origin = {name: self.origin[name] for name in ("identifier", "number")} | dict(given.get("origin") or {})
        return {**given, "origin": origin, "claims": {**self.claims, **(given.get("claims") or {})}}


def arrival_of(verdict: Verdict, document: bytes, kind: CertificateType, vault: Vault) -> Arrival:
    """What may be taken over of a document with this verdict, as a licence of this type.

    Raises: ActError ("origin/document", why not; "predecessor": it has not left its place in this hub).
    """
    certificate = dict(verdict.certificate or {})
    if verdict.format not in _TAKEN:
        raise ActError(DOCUMENT, "code_only")
    # Of several reasons the first is the verdict's: behind a page's missing dates stands that its type was stopped.
    against = [step.reason for step in verdict.steps if step.reason not in _MOVED | _UNKNOWN_THERE | {None}]
    if against or "identifier" not in certificate:
        raise ActError(DOCUMENT, against[0] if against and against[0] else verdict.reason)
    if verdict.kind is not TokenKind.LICENCE:
        raise ActError(DOCUMENT, "no_original")  # a copy for one receiver, for one purpose
    if certificate["type"] != kind.code:
        raise ActError(DOCUMENT, "another_type")
    here = verdict.hub is None
    if here and verdict.status != Status.TRANSFERRED:
        raise ActError("predecessor", "not_transferred_out")
    identifier = str(certificate["identifier"])
    claims = {name: verdict.claims[name] for name in kind.claims if name in verdict.claims}
    issuer = certificate.get("issuer") or {}
    holder = holder_hash(vault, kind, claims)
    if verdict.format is Format.SD_JWT and not holder:  # or whoever withholds the number is anybody
        raise ActError(DOCUMENT, "holder_not_shown")
    origin = {
        "identifier": identifier,
        "number": parse(identifier).serial,
        "authority": issuer.get("name") or verdict.signed_by,
        "digest": sha256(document).hex(),
        "format": verdict.format.value if verdict.format else None,
        "hub": verdict.hub,
        "signed_by": verdict.signed_by,
        "status": verdict.status,
        "checked_at": rfc3339(verdict.checked_at),
    }
    return Arrival(
        kind.code,
        {name: str(value)[:200] for name, value in origin.items() if value},
        identifier if here else None,
        holder,
        not here and verdict.result is not Result.PASSED,
        claims,
    )


def taken_over(act: Act, arrival: Arrival | None) -> Act:
    """The act with what was verified of the licence it takes over; what nobody verified is not said to be.

    Raises: ActError.
    """
    given = dict(act.origin or {})
    if given.keys() & VERIFIED:
        raise ActError("origin", "said_by_the_hub_alone")
    if arrival is None:
        return act
    if act.operation is not Operation.TRANSFER_IN:
        raise ActError("origin", "not_allowed")
    if act.predecessor not in {None, arrival.predecessor}:
        raise ActError("predecessor", "another_document")
    if given.get("identifier", arrival.origin["identifier"]) != arrival.origin["identifier"]:
        raise ActError("origin/identifier", "another_document")
    if arrival.needs_word and not given.get("released"):
        raise ActError("origin/released", "required")
    if arrival.predecessor is not None:
        return replace(act, origin=None, predecessor=arrival.predecessor)
    return replace(act, origin={**arrival.origin, **given})


def check_holder(claims: Mapping[str, Any], arrival: Arrival | None, kind: CertificateType, vault: Vault) -> None:
    """The new licence is for whoever holds the one it replaces; `claims` fit the type. Raises: ActError."""
    if arrival is not None and arrival.holder and arrival.holder != holder_hash(vault, kind, claims):
        raise ActError("claims", "another_holder")


def holder_hash(vault: Vault, kind: CertificateType, claims: Mapping[str, Any]) -> str:
    """Of the principal holder whom claims name, hexadecimal; empty where they name none."""
    if any(name not in claims for name in kind.holder.claims()):
        return ""
    holder = kind.holder_of(claims)
    return lookup_hash(vault, holder.id_type, holder.id_number).hex()
