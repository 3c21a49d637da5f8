"""Pages that can be presented: PDF and OFD as the hub makes them. What is not of that shape is not judged: undecided.

Each is checked as a whole when it is opened; what was found wrong is told at the step that it belongs to.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from certificates.errors import NumberingError
from certificates.numbering import parse
from certificates.profile import VCT_PREFIX
from certificates.purpose_copy import VCT as COPY_VCT
from certificates.verifying.papers import FailedError, UndecidedError
from certificates.verifying.trust import TrustPolicy, Vouched
from certificates.verifying.verdict import PROCEDURE, Format, Rule, TokenKind
from signing.canonical import sha256
from signing.errors import ChainError, SigningError, SuiteUnavailableError
from signing.pades import check as pades_check
from signing.pades.file import read_file
from signing.pades.objects import Reference, read_text
from signing.pades.revisions import read_revisions
from signing.tsp.tokens import Stamp, verify_token
from signing.x509.pki import Leaf

MAX_FILE_BYTES: Final = 20 * 1024 * 1024
_STRUCTURE, _SIGNATURE, *_ = PROCEDURE
T = TypeVar("T")
_OTHER_NAMES: Final = {
    "pdf_size": "too_large",
    "signed_in_the_future": "issued_in_future",
    "signed_in_future": "issued_in_future",
}
_IAT: Final = frozenset({"iat"})
_KEYWORDS: Final = re.compile(r"([^,\s]{10,128})(?:, ?binding:sha-256:([0-9a-f]{64}))?")


@dataclass(slots=True)
class _File:
    """What PDF and OFD have in common."""

    data: bytes = field(repr=False)
    binding: str | None = field(default=None, init=False)
    proven_at: datetime | None = field(default=None, init=False)
    _leaf: Leaf | None = field(default=None, init=False, repr=False)
    _trial: bool = field(default=False, init=False)
    _chain_error: ChainError | None = field(default=None, init=False, repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the whole file."""
        return sha256(self.data)

    def vouch(self, trust: TrustPolicy, *, now: datetime) -> Vouched:
        """Whose key it was: found with the signature, valid at the time that is proven or claimed."""
        del trust
        if self._chain_error is not None:
            raise self._chain_error
        assert self._leaf is not None  # noqa: S101  # step 2 went before
        if now > self._leaf.not_after:
            raise ChainError("expired")
        return Vouched(self._leaf, self._trial)

    def required(self, kind: TokenKind) -> frozenset[str]:
        """A page says when it was signed; its end is the licence's, or the hub's to say."""
        del kind
        return _IAT


@dataclass(slots=True)
class PdfPaper(_File):
    """A page as PDF. Identifier and binding stand in its document information, which the signature covers."""

    format: Format = field(default=Format.PDF, init=False)
    _keywords: tuple[str, str | None] = field(default=("", None), init=False)

    def structure(self) -> None:
        """A PDF file of the hub's shape, with a signature and nothing after it that may not be there."""
        _told(self._read, _STRUCTURE)

    def signature(self, trust: TrustPolicy, *, now: datetime, proven_at: datetime | None) -> dict[str, Any]:
        """One certification signature over the whole, time-stamps included; the chain is judged with it."""

        def follow(anchors: tuple[bytes, ...]) -> pades_check.PdfSignature:
            stamps = trust.stamp_roots()
            try:
                return pades_check.check(self.data, anchors=anchors, now=now, stamp_anchors=stamps)
            except ChainError as error:
                if error.reason not in {"expired", "path"} or proven_at is None:
                    raise
                return pades_check.check(self.data, anchors=anchors, now=proven_at, stamp_anchors=stamps)

        try:
            found, self._trial = trust.among_anchors(lambda anchors: _told(lambda: follow(anchors), _SIGNATURE))
        except ChainError as error:
            self._chain_error = error
            return {}
        self._leaf, self.proven_at = found.signer, found.proven_at
        identifier, self.binding = self._keywords
        claims: dict[str, Any] = {
            "iss": found.signer.uris[0] if found.signer.uris else None,
            "iat": int(found.claimed_at.timestamp()),
            "certificate": {"identifier": identifier, "issuer": {"uscc": found.signer.organization_id}},
        }
        if "purpose-copy" in found.signer.roles:
            return claims | {"vct": COPY_VCT, "certificate": {"identifier": identifier}}
        return claims | {"vct": VCT_PREFIX + _type_of(identifier)}

    def vouch(self, trust: TrustPolicy, *, now: datetime) -> Vouched:
        """As found, at the time that was proven when it was found."""
        del trust, now  # the check took the earliest proven time, or the present
        if self._chain_error is not None:
            raise self._chain_error
        assert self._leaf is not None  # noqa: S101  # step 2 went before
        return Vouched(self._leaf, self._trial)

    def presented(self) -> str | None:
        """From the document information."""
        try:
            self._read()
        except SigningError:
            return None
        return self._keywords[0] or None

    def _read(self) -> None:
        file = read_file(self.data)
        read_revisions(file)
        info = file.revisions[-1].trailer.get("Info")
        found = read_text(file.dictionary(info.number).get("Keywords")) if isinstance(info, Reference) else ""
        match = _KEYWORDS.fullmatch(found)
        if match is not None:
            self._keywords = match[1], match[2]


@dataclass(slots=True)
class OfdPaper(_File):
    """A page as OFD with an electronic seal. Identifier, type and binding stand in its own data, under the seal."""

    format: Format = field(default=Format.OFD, init=False)

    def structure(self) -> None:
        """A package whose parts can be read, with a seal."""
        from certificates.rendering.ofd.check import claimed_identifier

        _told(lambda: claimed_identifier(self.data), _STRUCTURE)

    def signature(self, trust: TrustPolicy, *, now: datetime, proven_at: datetime | None) -> dict[str, Any]:
        """The seal holds, covers every file, and is a seal of the signer's."""
        from certificates.rendering.ofd.check import CheckedOfd, check

        def stamped(token: bytes, digest: bytes) -> Stamp | None:
            try:
                return verify_token(token, digest=digest, anchors=trust.stamp_roots(), now=now)
            except ChainError:
                return None  # of an authority that nobody here trusts: proves nothing and harms nothing

        def follow(anchors: tuple[bytes, ...]) -> CheckedOfd[Stamp | None]:
            return _told(lambda: check(self.data, anchors=anchors, now=now, verify_stamp=stamped), _SIGNATURE)

        try:
            found, self._trial = trust.among_anchors(follow)
        except ChainError as error:
            self._chain_error = error
            return {}
        sealed = found.sealed
        stamp = sealed.stamp
        self._leaf, self.binding = sealed.leaf, found.binding
        told = [moment for moment in (proven_at, None if stamp is None else stamp.time) if moment is not None]
        self.proven_at = min(told, default=None)
        described = {"identifier": found.identifier, "issuer": {"uscc": found.issuer_code}}
        return {
            "iss": sealed.leaf.uris[0] if sealed.leaf.uris else None,
            "iat": int(sealed.signed_at.timestamp()),
            "vct": COPY_VCT if "purpose-copy" in sealed.leaf.roles else VCT_PREFIX + found.type_code,
            "certificate": described,
        }

    def presented(self) -> str | None:
        """From the package's own data."""
        from certificates.rendering.ofd.check import claimed_identifier

        try:
            return claimed_identifier(self.data)
        except SigningError:
            return None


def _told(work: Callable[[], T], rule: Rule) -> T:
    """Do it; what is wrong comes as a reason of this step.

    Raises: FailedError, UndecidedError, ChainError, SuiteUnavailableError.
    """
    try:
        return work()
    except (ChainError, SuiteUnavailableError):
        raise
    except SigningError as error:
        reason = _OTHER_NAMES.get(error.reason, error.reason)
        if reason in rule.undecided:
            raise UndecidedError(reason) from None
        raise FailedError(reason if reason in rule.failures else f"file_{rule.name}") from None


def _type_of(identifier: str) -> str:
    """The type code in an identifier of ours; the identifier itself is judged at step 3."""
    try:
        return parse(identifier).type_code
    except NumberingError:
        return ""
