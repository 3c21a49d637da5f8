"""The signed form of a licence: which claims the SD-JWT carries, and which of them can be left out.

Wire format: SD-JWT VC, `typ: dc+sd-jwt`, status by Token Status List.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from certificates.civil_time import end_of_day
from certificates.claims import Disclosure
from certificates.numbering import Identifier
from certificates.types import CertificateType

LICENCE_VCT_PREFIX: Final = "urn:yizheng:certificate-type:"


def licence_claims(
    *,
    type: CertificateType,  # noqa: A002  # the word of the domain
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
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Lay out a licence for `sd_jwt.prepare`: all claims, and the names of those a holder may leave out.

    Claims the type never discloses are not in it. The record is checked against the type once more: this is the exact
    object that will be signed.

    Args:
        claims: the record, fitting the type.
        valid_until: last civil day, inclusive; None is no end, and then there is no `exp` either.
        issued_at: aware UTC; cut to the second.
        status_uri: the status list that holds `status_index`.
    Raises: ClaimsError: the record does not fit. ValueError: identifier and type or issuer disagree, or a naive instant.
    """
    if identifier.type_code != type.code or identifier.issuer_code != issuer_code:
        raise ValueError("the identifier names another type or issuer")
    type.require_claims(claims)
    payload: dict[str, Any] = {
        "iss": issuer_uri,
        "vct": LICENCE_VCT_PREFIX + type.code,
        "iat": epoch_seconds(issued_at),
        "status": {"status_list": {"idx": status_index, "uri": status_uri}},
        "certificate": {
            "identifier": identifier.text,
            "type_name": type.name.zh,
            "issuer": {"name": issuer_name, "uscc": issuer_code},
            "issued_on": issued_on.isoformat(),
            "valid_from": valid_from.isoformat(),
            "valid_until": None if valid_until is None else valid_until.isoformat(),
        },
    }
    if valid_until is not None:
        payload["exp"] = end_of_day(valid_until)
    disclosable = []
    for name, claim in type.claims.items():
        if name not in claims or claim.disclosure is Disclosure.NEVER:
            continue
        payload[name] = claims[name]
        if claim.disclosure is Disclosure.SELECTIVE:
            disclosable.append(name)
    return payload, tuple(disclosable)


def epoch_seconds(instant: datetime) -> int:
    """Cut an instant to seconds since the epoch.

    Raises: ValueError: `instant` is naive.
    """
    if instant.tzinfo is None:
        raise ValueError("a naive datetime names no instant")
    return int(instant.timestamp())
