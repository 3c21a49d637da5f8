"""The signed form of a purpose copy (加注件): granted claims only, for one receiver, one case, one purpose.

A copy shares no signature, salt or status index with its licence, so receivers cannot link what they hold.
Wire format: SD-JWT VC, `typ: dc+sd-jwt`, signed by the hub's copy key.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from certificates.claims import Disclosure
from certificates.errors import GrantedClaimsError
from certificates.numbering import Identifier
from certificates.profile import epoch_seconds
from certificates.types import CertificateType

COPY_VCT: Final = "urn:yizheng:purpose-copy"

KeyCustody: TypeAlias = Literal["hub_held", "department_held"]
"""Who holds the issuing key of the licence; every verdict says it."""


def copy_claims(
    *,
    source: Mapping[str, Any],
    granted: Collection[str],
    identifier: Identifier,
    type: CertificateType,  # noqa: A002  # the word of the domain
    audience: str,
    receiver_jwk: Mapping[str, Any],
    case_no: str,
    matter: str,
    purpose: str,
    hub_uri: str,
    issued_at: datetime,
    expires_at: datetime,
    jti: str,
    custody: KeyCustody = "hub_held",
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Lay out a purpose copy for `sd_jwt.prepare`: all claims, and the granted ones, each of which can be left out.

    A granted claim that the type makes optional and the licence lacks is left out; nothing stands for it.

    Args:
        source: verified claims of the licence, as `sd_jwt.verify` gives them.
        granted: names of claims the receiver may see.
        audience: the receiver's client_id.
        receiver_jwk: public key that authenticated the receiver's call; goes into `cnf`.
        purpose: why, in words for people.
        expires_at: aware UTC; after it the copy is worth nothing.
    Raises: GrantedClaimsError: a granted claim is unknown to the type, never disclosed, or required and not shown by
        the source. ValueError: `identifier` is not the source's, or the instants are naive or in the wrong order.
    """
    described = source["certificate"]
    if identifier.text != described["identifier"] or identifier.type_code != type.code:
        raise ValueError("the licence has another identifier or type")
    iat, exp = epoch_seconds(issued_at), epoch_seconds(expires_at)
    if iat >= exp:
        raise ValueError("a purpose copy ends after it begins")
    if refused := [name for name in granted if not _can_be_copied(name, type, source)]:
        raise GrantedClaimsError(sorted(refused))
    shown = tuple(name for name in type.claims if name in granted and name in source)
    payload: dict[str, Any] = {
        "iss": hub_uri,
        "vct": COPY_VCT,
        "aud": audience,
        "cnf": {"jwk": dict(receiver_jwk)},
        "iat": iat,
        "exp": exp,
        "jti": jti,
        "certificate": {
            "identifier": identifier.text,
            "type": type.code,
            "type_name": described["type_name"],
            "issuer": dict(described["issuer"]),
            "version": identifier.version,
            "custody": custody,
            "issued_on": described["issued_on"],
            "valid_from": described["valid_from"],
            "valid_until": described["valid_until"],
        },
        "purpose": {"text": purpose, "case_no": case_no, "matter": matter},
    }
    payload.update((name, source[name]) for name in shown)
    return payload, shown


def _can_be_copied(name: str, certificate_type: CertificateType, source: Mapping[str, Any]) -> bool:
    claim = certificate_type.claims.get(name)
    if claim is None or claim.disclosure is Disclosure.NEVER:
        return False
    return name in source or not claim.required
