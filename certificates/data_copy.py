"""Copies of source data 数据加注件: granted fields of one record, as a department's system told them, for one receiver,
case and purpose, for a short time. Signed by the hub's copy key as purpose copies are, and no licence: nobody issued
it, and a source may say otherwise tomorrow.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from certificates.claims import RESERVED_CLAIMS
from certificates.errors import GrantedClaimsError

DATA_VCT: Final = "urn:yizheng:data-copy"
_TAKEN: Final = RESERVED_CLAIMS | {"interface"}
"""Names that a copy uses itself: a field of such a name would stand in for what the hub says."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who told it: an interface's code, version and title, its department, and of when it says its data are."""

    code: str
    version: int
    title: str
    department: str
    as_of: str | None
    obtained_at: str

    def as_json(self) -> dict[str, Any]:
        """The member `interface` of a copy."""
        return {
            "code": self.code,
            "version": self.version,
            "title": self.title,
            "department": self.department,
            "as_of": self.as_of,
            "obtained_at": self.obtained_at,
        }


def data_claims(
    *,
    record: Mapping[str, Any],
    fields: Collection[str],
    told: Told,
    audience: str,
    receiver_jwk: Mapping[str, str],
    case_no: str,
    matter: str,
    purpose: str,
    hub_uri: str,
    issued_at: datetime,
    expires_at: datetime,
    jti: str,
) -> tuple[dict[str, Any], frozenset[str]]:
    """The claims of a copy and the names that are selectively disclosable: those of `fields` that the record has.

    Raises: GrantedClaimsError: a field has a name that the signed form uses itself.
        ValueError: the record has none of the fields.
    """
    if taken := _TAKEN.intersection(fields):
        raise GrantedClaimsError(sorted(taken))
    shown = {name: record[name] for name in fields if name in record}
    if not shown:
        raise ValueError("nothing to show")
    payload: dict[str, Any] = {
        "iss": hub_uri,
        "vct": DATA_VCT,
        "aud": audience,
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": jti,
        "cnf": {"jwk": {name: receiver_jwk[name] for name in ("kty", "crv", "x", "y")}},
        "interface": told.as_json(),
        "purpose": {"text": purpose, "case_no": case_no, "matter": matter},
        **shown,
    }
    return payload, frozenset(shown)
