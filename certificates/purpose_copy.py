"""Purpose copies 加注件: granted claims of one licence, for one receiver, case and purpose, for a short time."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.errors import GrantedClaimsError
from certificates.numbering import Identifier

VCT: Final = "urn:yizheng:purpose-copy"
_KEY: Final = ("kty", "crv", "x", "y")


def copy_claims(
    *,
    source: Mapping[str, Any],
    granted: Collection[str],
    identifier: Identifier,
    type: CertificateType,  # noqa: A002  # the field's word
    audience: str,
    receiver_jwk: Mapping[str, str] | None,
    case_no: str,
    matter: str,
    purpose: str,
    hub_uri: str,
    issued_at: datetime,
    expires_at: datetime,
    jti: str,
    custody: str = "hub_held",
) -> tuple[dict[str, Any], frozenset[str]]:
    """The claims of a copy and the names that are selectively disclosable. No status index: a copy is short-lived.

    `receiver_jwk` None: it goes out on paper, which nobody's key can be bound to.

    Raises: GrantedClaimsError: a granted claim is not one that the type shows. One the licence lacks is left out.
        ValueError: `source` is another licence than the identifier says.
    """
    described = source["certificate"]
    if described["identifier"] != identifier.text:
        raise ValueError("the source is another licence")
    showable = [name for name, claim in type.claims.items() if claim.disclosure is not Disclosure.NEVER]
    strangers = set(granted).difference(showable)
    if strangers:
        raise GrantedClaimsError(sorted(strangers))
    shown = {name: source[name] for name in showable if name in granted and name in source}
    payload: dict[str, Any] = {
        "iss": hub_uri,
        "vct": VCT,
        "aud": audience,
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": jti,
        **({} if receiver_jwk is None else {"cnf": {"jwk": {name: receiver_jwk[name] for name in _KEY}}}),
        "certificate": {
            "identifier": identifier.text,
            "type": type.code,
            "type_name": type.name.zh,
            "version": identifier.version,
            "issuer": described["issuer"],
            "issued_on": described["issued_on"],
            "valid_from": described["valid_from"],
            "valid_until": described["valid_until"],
            "custody": custody,
        },
        "purpose": {"text": purpose, "case_no": case_no, "matter": matter},
        **shown,
    }
    return payload, frozenset(shown)
