"""What can be presented, as the procedure asks it: SD-JWT text and signed metadata. Files: `papers_files`.

A paper is read once and belongs to one verification: it remembers what it found.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from certificates.claims import RESERVED_CLAIMS
from certificates.profile import VCT_PREFIX
from certificates.purpose_copy import VCT as COPY_VCT
from certificates.verifying.trust import TrustPolicy, Vouched
from certificates.verifying.verdict import Format, TokenKind
from signing import sd_jwt
from signing.canonical import canonical, strict_loads
from signing.errors import ChainError, MalformedError, SigningError
from signing.jose import take_apart, verify_jws
from signing.keys import VerifyingKey
from signing.status_list import MAX_ENTRIES
from signing.suites import TOKEN_SUITES

METADATA_TYPE: Final = "certificate-metadata+jwt"
MAX_METADATA_BYTES: Final = 262_144
_MOST_DIGITS: Final = 9
_LICENCE_TIMES: Final = frozenset({"iat"})
_COPY_TIMES: Final = frozenset({"iat", "exp"})
_OF_LICENCES: Final[tuple[str, ...]] = ("iss", "iat")
_OF_COPIES: Final[tuple[str, ...]] = (*_OF_LICENCES, "vct", "aud", "exp", "purpose")
"""What counts of the claims that stand beside metadata."""


class FailedError(Exception):
    """A step does not hold; `reason` is of docs/verification.md.

    `after`: with this reason it failed, and the step behind it with `reason`, which is the graver one.
    """

    def __init__(self, reason: str, *, after: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class UndecidedError(Exception):
    """A step cannot be decided, and none after it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Paper(Protocol):
    """What was presented, in one format. Steps are asked in their order."""

    @property
    def format(self) -> Format:
        """Which."""

    @property
    def binding(self) -> str | None:
        """The digest, hexadecimal, that ties a page to the licence's data; after step 2."""

    @property
    def proven_at(self) -> datetime | None:
        """The earliest trusted time-stamp in it; after step 2."""

    def structure(self) -> None:
        """Raises: FailedError, UndecidedError, SigningError."""

    def signature(self, trust: TrustPolicy, *, now: datetime, proven_at: datetime | None) -> dict[str, Any]:
        """What is signed, in the shape of a licence's claims. Raises: as `structure`."""

    def vouch(self, trust: TrustPolicy, *, now: datetime) -> Vouched:
        """Whose key it was. Raises: ChainError, MalformedError, SuiteUnavailableError."""

    def required(self, kind: TokenKind) -> frozenset[str]:
        """Instants that must be there."""

    def presented(self) -> str | None:
        """The identifier that it claims to be of, unverified: only to look up beforehand what is known of it."""


@dataclass(slots=True)
class SdJwtPaper:
    """A licence or purpose copy as text."""

    token: bytes = field(repr=False)
    format: Format = field(default=Format.SD_JWT, init=False)
    binding: str | None = field(default=None, init=False)
    proven_at: datetime | None = field(default=None, init=False)
    verified: sd_jwt.Verified | None = field(default=None, init=False, repr=False)
    _split: sd_jwt.Split | None = field(default=None, init=False, repr=False)

    def structure(self) -> None:
        """An SD-JWT within the size bound, whose header can be read and names a chain."""
        self._split = sd_jwt.split(self.token)

    def signature(self, trust: TrustPolicy, *, now: datetime, proven_at: datetime | None) -> dict[str, Any]:
        """The signature holds and every disclosure belongs to it."""
        del now, proven_at
        split = self._taken_apart()
        self.verified = sd_jwt.verify(split, key=token_key(trust, split.jws.header))
        return self.verified.claims

    def vouch(self, trust: TrustPolicy, *, now: datetime) -> Vouched:
        """By the chain in the header."""
        return vouched(trust, self._taken_apart().jws.header, now=now)

    def required(self, kind: TokenKind) -> frozenset[str]:
        """A copy must end."""
        return _LICENCE_TIMES if kind is TokenKind.LICENCE else _COPY_TIMES

    def presented(self) -> str | None:
        """From the payload."""
        try:
            described = sd_jwt.parse(self.token).payload.get("certificate")
        except SigningError:
            return None
        return _text(described, "identifier")

    def presented_entry(self) -> tuple[int, int] | None:
        """List and index of the status entry in the payload, unverified likewise; the list by its number alone."""
        try:
            entry = sd_jwt.parse(self.token).payload.get("status")
        except SigningError:
            return None
        match entry:
            case {"status_list": {"uri": str() as uri, "idx": int() as index}}:
                number = uri.rpartition("/")[2]
                small = number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS
                return (int(number), index) if small and 0 <= index < MAX_ENTRIES else None
            case _:
                return None

    def _taken_apart(self) -> sd_jwt.Split:
        assert self._split is not None  # noqa: S101  # step 1 went before
        return self._split


@dataclass(slots=True)
class MetadataPaper:
    """The metadata of GB/T 36903 as JSON, with the signature over the same in `jws`: the issuer's, or of a purpose copy
    the hub's, and then there is no binding.
    """

    data: bytes = field(repr=False)
    format: Format = field(default=Format.JSON, init=False)
    binding: str | None = field(default=None, init=False)
    proven_at: datetime | None = field(default=None, init=False)
    _read: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _header: Mapping[str, Any] = field(default_factory=dict, init=False, repr=False)

    def structure(self) -> None:
        """`metadata`, `binding` (of a copy none) and `jws`, strictly."""
        read = strict_loads(self.data, max_bytes=MAX_METADATA_BYTES)
        match read:
            case {"metadata": dict(), "jws": str() as jws} if isinstance(read.get("binding", ""), str):
                self._read, self._header = read, take_apart(jws, max_bytes=MAX_METADATA_BYTES).header
            case _:
                raise FailedError("metadata")

    def signature(self, trust: TrustPolicy, *, now: datetime, proven_at: datetime | None) -> dict[str, Any]:
        """The signature holds, and what stands beside it in clear is the same."""
        del now, proven_at
        key = token_key(trust, self._header)
        signed = verify_jws(self._read["jws"], key=key, typ=METADATA_TYPE, max_bytes=MAX_METADATA_BYTES)
        claims = strict_loads(signed.payload, max_bytes=MAX_METADATA_BYTES)
        match claims:
            case {"vct": str() as vct, "metadata": dict() as metadata, "sub": of} if vct == COPY_VCT:
                binding, beside = None, _OF_COPIES
            case {"metadata": dict() as metadata, "binding": str() as binding, "iss": _, "iat": _, "sub": of}:
                beside = _OF_LICENCES
            case _:
                raise FailedError("payload")
        if canonical([metadata, binding]) != canonical([self._read["metadata"], self._read.get("binding")]):
            raise FailedError("metadata_mismatch")
        if of != metadata.get("certificate_identifier"):
            raise FailedError("metadata_mismatch")
        self.binding = binding
        return _as_claims(metadata) | {name: claims[name] for name in beside if name in claims}

    def vouch(self, trust: TrustPolicy, *, now: datetime) -> Vouched:
        """By the chain in the header of `jws`."""
        return vouched(trust, self._header, now=now)

    def required(self, kind: TokenKind) -> frozenset[str]:
        """Metadata is of its day; a copy's must end."""
        return _COPY_TIMES if kind is TokenKind.PURPOSE_COPY else _LICENCE_TIMES

    def presented(self) -> str | None:
        """From what stands in clear."""
        try:
            read = json.loads(self.data)
        except (ValueError, RecursionError):
            return None
        return _text(read.get("metadata"), "certificate_identifier") if isinstance(read, dict) else None


def token_key(trust: TrustPolicy, header: Mapping[str, Any]) -> VerifyingKey:
    """The key that a header's leaf names. Raises: FailedError, SuiteUnavailableError."""
    try:
        key = trust.presented_key(header)
    except (ChainError, MalformedError) as error:
        raise FailedError(f"chain_{error.reason}") from None
    if key.alg not in TOKEN_SUITES:
        raise FailedError("chain_leaf_key")
    return key


def vouched(trust: TrustPolicy, header: Mapping[str, Any], *, now: datetime) -> Vouched:
    """Whose key it is. Raises: ChainError, SuiteUnavailableError."""
    try:
        return trust.vouch(header, now=now)
    except MalformedError as error:
        raise ChainError(error.reason) from error


def _as_claims(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata in the shape of a licence's claims."""
    shown = metadata.get("extend_info")
    claims = {
        name: item["value"]
        for name, item in (shown.items() if isinstance(shown, dict) else ())
        if name not in RESERVED_CLAIMS and isinstance(item, dict) and "value" in item
    }
    return claims | {
        "vct": f"{VCT_PREFIX}{metadata.get('certificate_type_name_code')}",
        "certificate": {
            "identifier": metadata.get("certificate_identifier"),
            "type_name": metadata.get("certificate_name"),
            "issuer": {
                "name": metadata.get("certificate_issuing_authority_name"),
                "uscc": metadata.get("certificate_issuing_authority_code"),
            },
            "issued_on": metadata.get("certificate_issuing_authority_date"),
            "valid_from": metadata.get("certificate_validate_start"),
            "valid_until": metadata.get("certificate_validate_end"),
        },
    }


def _text(member: object, name: str) -> str | None:
    found = member.get(name) if isinstance(member, dict) else None
    return found if isinstance(found, str) and len(found) <= 128 else None
