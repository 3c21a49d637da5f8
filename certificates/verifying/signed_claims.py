"""What the steps read out of signed claims, strictly."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from certificates.data_copy import DATA_VCT
from certificates.errors import NumberingError
from certificates.notice import NOTICE_VCT
from certificates.numbering import Identifier, parse
from certificates.offline_code import SHOWING_VCT
from certificates.profile import CIVIL_ZONE, VCT_PREFIX
from certificates.purpose_copy import VCT as COPY_VCT
from certificates.stand_in_copy import STAND_IN_VCT
from certificates.verifying.papers import FailedError
from certificates.verifying.verdict import TokenKind

_COPIES: Final = {
    COPY_VCT: TokenKind.PURPOSE_COPY,
    DATA_VCT: TokenKind.DATA_COPY,
    STAND_IN_VCT: TokenKind.STAND_IN_COPY,
    NOTICE_VCT: TokenKind.CASE_NOTICE,
    SHOWING_VCT: TokenKind.SHOWING,
}


def kind_of(vct: object) -> TokenKind:
    """Licence, or copy of what. Raises: FailedError ("vct")."""
    if isinstance(vct, str) and vct in _COPIES:
        return _COPIES[vct]
    if isinstance(vct, str) and vct.startswith(VCT_PREFIX):
        return TokenKind.LICENCE
    raise FailedError("vct")


def read_identifier(claims: Mapping[str, Any]) -> Identifier | None:
    """The identifier that claims name; None for what is none of GB/T 36904."""
    match claims.get("certificate"):
        case {"identifier": str() as text}:
            try:
                return parse(text)
            except NumberingError:
                return None
    return None


def instant_of(seconds: object) -> datetime | None:
    """The instant of a claim in Unix seconds; None for what is none."""
    try:
        return None if type(seconds) is not int else datetime.fromtimestamp(seconds, CIVIL_ZONE)
    except (ValueError, OverflowError, OSError):
        return None


def civil_date(text: object) -> date:
    """A date as YYYY-MM-DD and in no other of the spellings of ISO 8601. Raises FailedError."""
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        raise FailedError("dates") from None
    if day.isoformat() != text:
        raise FailedError("dates")
    return day


def status_entry(entry: object, *, hub_uri: str) -> tuple[str, int]:
    """List and index of a status entry, on a list of this hub: whoever may pick the list picks its answer.

    Raises: FailedError ("status_missing", "status_reference").
    """
    match entry:
        case {"status_list": {"uri": uri, "idx": index}}:
            pass
        case _:
            raise FailedError("status_missing")
    if not isinstance(uri, str) or not uri.startswith(f"{hub_uri}/status-lists/"):
        raise FailedError("status_reference")
    if type(index) is not int or index < 0:
        raise FailedError("status_reference")
    return uri, index
