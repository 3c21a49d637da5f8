"""Copies of what stands in for evidence: an officer's word, a sealed scan, a promise. Never a certificate.

An SD-JWT of the hub's copy key like a purpose copy, under a type of its own, with the member `stand_in` in the place of
`certificate`: whoever verifies it learns which rung it is, and finds no licence in it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

STAND_IN_VCT: Final = "urn:yizheng:stand-in-copy"
STAND_IN_RUNGS: Final = frozenset({"verification", "sealed_copy", "commitment"})


def stand_in_claims(
    *,
    rung: str,
    reference: str,
    digest: str,
    department: str,
    obtained_at: datetime,
    shown: Mapping[str, Any],
    audience: str,
    receiver_jwk: Mapping[str, str],
    case_no: str,
    matter: str,
    requirement: str,
    purpose: str,
    hub_uri: str,
    issued_at: datetime,
    expires_at: datetime,
    jti: str,
) -> tuple[dict[str, Any], frozenset[str]]:
    """The claims of a copy and the names that are selectively disclosable.

    Args:
        rung: one of `STAND_IN_RUNGS`.
        digest: SHA-256, in hex, of what was signed: the officer's answer, the seal, the text of the promise.
        department: code of who answers for it.
        shown: what it says; at least one claim, none by a name that the token itself has.
    Raises: ValueError.
    """
    if rung not in STAND_IN_RUNGS:
        raise ValueError("no rung that stands in")
    payload: dict[str, Any] = {
        "iss": hub_uri,
        "vct": STAND_IN_VCT,
        "aud": audience,
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": jti,
        "cnf": {"jwk": {name: receiver_jwk[name] for name in ("kty", "crv", "x", "y")}},
        "stand_in": {
            "rung": rung,
            "requirement": requirement,
            "reference": reference,
            "digest": digest,
            "department": department,
            "obtained_at": int(obtained_at.timestamp()),
        },
        "purpose": {"text": purpose, "case_no": case_no, "matter": matter},
    }
    if not shown or payload.keys() & shown.keys():
        raise ValueError("it shows at least one claim, under a name of its own")
    return payload | dict(shown), frozenset(shown)
