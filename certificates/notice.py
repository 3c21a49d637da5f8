"""Notices about a case 受理通知、结果通知: that it was taken in, or how it ended, for others who need only that.

An SD-JWT of the hub's copy key under a type of its own: no licence, and no proof of anything that the case asks about.
Whoever is named in it shows as much of himself as the receiver needs.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

NOTICE_VCT: Final = "urn:yizheng:case-notice"
NOTICES: Final = frozenset({"acceptance", "decision"})
DISCLOSABLE: Final = frozenset({"applicant_name", "applicant_id_tail", "subjects"})
"""What a notice may say of the applicant and of what the case is about; each can be kept back when it is shown."""


def notice_claims(
    *,
    kind: str,
    case_no: str,
    matter: Mapping[str, str],
    accepting: Mapping[str, str],
    approving: Mapping[str, str],
    accepted_at: str,
    decision: str | None,
    decided_at: str | None,
    shown: Mapping[str, Any],
    audience: str | None,
    hub_uri: str,
    issued_at: datetime,
    expires_at: datetime,
    jti: str,
) -> tuple[dict[str, Any], frozenset[str]]:
    """The claims of a notice, and the names among them that are selectively disclosable.

    Args:
        shown: members of `DISCLOSABLE`, as few as the receiver needs.
        audience: for whom alone it is; None: for anybody to whom the applicant shows it.
    Raises: ValueError: another kind, or another member.
    """
    if kind not in NOTICES or not shown.keys() <= DISCLOSABLE:
        raise ValueError("no such notice")
    notice = {
        "kind": kind,
        "case_no": case_no,
        "matter": dict(matter),
        "accepting": dict(accepting),
        "approving": dict(approving),
        "accepted_at": accepted_at,
        **({"decision": decision, "decided_at": decided_at} if kind == "decision" else {}),
    }
    payload: dict[str, Any] = {
        "iss": hub_uri,
        "vct": NOTICE_VCT,
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": jti,
        **({"aud": audience} if audience else {}),
        "notice": notice,
        **shown,
    }
    return payload, frozenset(shown)
