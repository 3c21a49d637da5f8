"""Statements about the status of a licence in an archive: when it was disclosed, and when the case was closed.

A statement names the licence and not its place on a status list: purpose copies hide that place, so that nobody can
follow a licence through the lists of later years. It says what the hub knew at these instants, nothing of later.

Wire format: JWS, `typ` = `status-statement+jwt`, under the hub's status key.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from certificates.archive.evidence import CopyShown
from certificates.archive.keys import KeyCertificates
from certificates.archive.stamps import Finding
from signing.canonical import strict_loads
from signing.errors import SigningError
from signing.jose import sign_jws, take_apart, verify_jws
from signing.keys import Signer

STATEMENT_TYPE: Final = "status-statement+jwt"
UNKNOWN: Final = "unknown"
_GOOD: Final = frozenset({"valid", "expired"})
"""A licence past its last day may be evidence of what it was."""
_DESCRIBED: Final = ("identifier", "type", "type_name", "issuer", "issued_on", "valid_from", "valid_until")
_MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class StatusStatement:
    """What the hub says of one licence.

    Attributes:
        disclosed: by ledger entry, the status at that instant.
        at_close: the status when the case was closed, `closed_at`.
    """

    hub: str
    case_no: str
    identifier: str
    disclosed: Mapping[str, str]
    closed_at: str
    at_close: str

    def claims(self) -> dict[str, Any]:
        """What is signed. `iat` is the closing: the statement is of then, whenever it was signed."""
        return {
            "iss": self.hub,
            "iat": int(datetime.fromisoformat(self.closed_at).timestamp()),
            "case_no": self.case_no,
            "identifier": self.identifier,
            "disclosed": dict(self.disclosed),
            "at_close": {"at": self.closed_at, "status": self.at_close},
        }

    def signed(self, *, signer: Signer, header: Mapping[str, Any]) -> str:
        """The statement as a JWS; the signer is certified for status."""
        return sign_jws(self.claims(), signer=signer, typ=STATEMENT_TYPE, header=header)

    @classmethod
    def read(cls, token: bytes, keys: KeyCertificates, *, proven_at: datetime) -> "StatusStatement":
        """Verify a statement. Raises: SigningError; KeyError, TypeError, ValueError: it says something else."""
        claimed = strict_loads(take_apart(token).payload, max_bytes=_MAX_BYTES)
        times = (datetime.fromtimestamp(claimed["iat"], UTC), proven_at)
        key = keys.by_header(token, role="status", times=times).public
        claims = strict_loads(verify_jws(token, key=key, typ=STATEMENT_TYPE).payload, max_bytes=_MAX_BYTES)
        at_close = claims["at_close"]
        found = cls(
            claims["iss"],
            claims["case_no"],
            claims["identifier"],
            claims["disclosed"],
            at_close["at"],
            at_close["status"],
        )
        if found.claims() != claims:
            raise ValueError("members")
        return found


def check_statements(
    files: Iterable[tuple[str, bytes]],
    shown: Sequence[CopyShown],
    *,
    keys: KeyCertificates,
    case: tuple[str, str, str],
    proven_at: datetime,
) -> list[Finding]:
    """Whether every licence that was shown was good when it was.

    Args:
        files: name and content of every statement.
        case: hub, number and closing of the case.
    """
    found: list[Finding] = []
    statements: dict[str, tuple[str, StatusStatement]] = {}
    for name, content in files:
        try:
            statement = StatusStatement.read(content, keys, proven_at=proven_at)
        except SigningError as error:
            found.append(Finding(error.reason, name))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            found.append(Finding("statement", name))
        else:
            if (statement.hub, statement.case_no, statement.closed_at) != case:
                found.append(Finding("case_other", name))
            statements[statement.identifier] = (name, statement)
    for copy in shown:
        found += _status_of(copy, statements)
    return list(dict.fromkeys(found))


def _status_of(copy: CopyShown, statements: Mapping[str, tuple[str, StatusStatement]]) -> list[Finding]:
    if copy.identifier not in statements:
        return [Finding("status_missing", f"status of {copy.identifier}", undecided=True)]
    name, statement = statements[copy.identifier]
    status = statement.disclosed.get(copy.entry, UNKNOWN)
    if status in _GOOD:
        return []
    return [Finding("status_unknown" if status == UNKNOWN else "status_not_good", name, undecided=status == UNKNOWN)]


def check_descriptions(files: Iterable[tuple[str, bytes]], shown: Sequence[CopyShown]) -> list[Finding]:
    """Whether the descriptions of licences say what the purpose copies, under their signatures, say."""
    said = {copy.identifier: copy.certificate for copy in shown}
    found = []
    for name, content in files:
        try:
            description = strict_loads(content, max_bytes=_MAX_BYTES)
            certificate = said[description["identifier"]]
            if any(description[member] != certificate[member] for member in _DESCRIBED):
                found.append(Finding("description_other", name))
        except (SigningError, KeyError, TypeError, AttributeError):
            found.append(Finding("description", name))
    return found
