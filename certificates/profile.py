"""The licence's profile: which claims a licence has, and how each travels (SD-JWT VC)."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Final

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.numbering import Identifier

VCT_PREFIX: Final = "urn:yizheng:certificate-type:"
CIVIL_ZONE: Final = timezone(timedelta(hours=8), "Asia/Shanghai")


def licence_claims(
    *,
    type: CertificateType,  # noqa: A002  # the field's word
    identifier: Identifier,
    issuer_uri: str,
    issuer_name: str,
    issuer_code: str,
    claims: Mapping[str, str | int],
    valid_from: date,
    valid_until: date | None,
    issued_on: date,
    issued_at: datetime,
    status_uri: str,
    status_index: int,
) -> tuple[dict[str, Any], frozenset[str]]:
    """The claims of a licence and the names that are selectively disclosable; for `sd_jwt.prepare`.

    `exp` is the first instant after the last civil day, Asia/Shanghai. Claims that never leave are not in it.

    Raises: ValueError: the identifier is of another type or issuer; no verifier would take the licence.
    """
    if (identifier.type_code, identifier.issuer_code) != (type.code, issuer_code):
        raise ValueError("the identifier is of another type or issuer")
    shown = {
        name: claims[name]
        for name, claim in type.claims.items()
        if name in claims and claim.disclosure is not Disclosure.NEVER
    }
    payload: dict[str, Any] = {
        "iss": issuer_uri,
        "vct": VCT_PREFIX + type.code,
        "iat": int(issued_at.timestamp()),
        "status": {"status_list": {"idx": status_index, "uri": status_uri}},
        "certificate": {
            "identifier": identifier.text,
            "type_name": type.name.zh,
            "issuer": {"name": issuer_name, "uscc": issuer_code},
            "issued_on": issued_on.isoformat(),
            "valid_from": valid_from.isoformat(),
            "valid_until": valid_until.isoformat() if valid_until else None,
        },
        **shown,
    }
    if valid_until is not None:
        payload["exp"] = end_of(valid_until)
    selective = frozenset(name for name in shown if type.claims[name].disclosure is Disclosure.SELECTIVE)
    return payload, selective


def end_of(day: date) -> int:
    """The first second after a civil day, since 1970. Registers write 9999-12-31 for "long-term", which has one too."""
    return int(datetime.combine(day, time.min, CIVIL_ZONE).timestamp()) + 86_400
