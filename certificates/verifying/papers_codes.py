"""What stands in the QR codes of a page: the offline code, which proves itself, and the control code, for which the hub
opens what it holds.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from certificates.errors import NumberingError
from certificates.numbering import parse
from certificates.offline_code import SHOWING_VCT, OfflineCode, read_offline_code
from certificates.profile import VCT_PREFIX
from certificates.purpose_copy import VCT as COPY_VCT
from certificates.verifying.papers import FailedError, SdJwtPaper, UndecidedError, token_key, vouched
from certificates.verifying.trust import TrustPolicy, Vouched
from certificates.verifying.verdict import Format, TokenKind
from signing.canonical import unb64u
from signing.errors import ChainError, SigningError

_TOLD: Final = ("identifier", "type_name", "issuer", "issued_on", "valid_from", "valid_until")
"""What is told of a licence by its control code: to be compared with the page."""
_SIGNED: Final = ("iss", "vct", "iat", "exp", "nbf", "status")


@dataclass(slots=True)
class OfflineCodePaper:
    """The offline code of a page. Whose key it names must be known to the verifier: the chain is not in the code."""

    text: bytes = field(repr=False)
    format: Format = field(default=Format.OFFLINE_CODE, init=False)
    binding: str | None = field(default=None, init=False)
    proven_at: datetime | None = field(default=None, init=False)
    _read: OfflineCode | None = field(default=None, init=False, repr=False)
    _header: Mapping[str, Any] = field(default_factory=dict, init=False, repr=False)

    def structure(self) -> None:
        """Base45 of a deflated statement of one of the two forms, each in its one spelling."""
        self._read = read_offline_code(self.text)

    def signature(self, trust: TrustPolicy, *, now: datetime, proven_at: datetime | None) -> dict[str, Any]:
        """The signature holds under the key that the code names, by the trust list."""
        del proven_at
        read = self._taken_apart()
        chain = trust.signers.get(read.key_name)
        if chain is None:
            raise UndecidedError("key_unknown")
        self._header = {"x5c": list(chain)}
        token_key(trust, self._header).verify(read.message, read.signature)
        return self._claims(trust, now)

    def vouch(self, trust: TrustPolicy, *, now: datetime) -> Vouched:
        """By the chain that the trust list has of this key."""
        return vouched(trust, self._header, now=now)

    def required(self, kind: TokenKind) -> frozenset[str]:
        """A copy must end, and what a holder shows."""
        return frozenset({"iat"} if kind is TokenKind.LICENCE else {"iat", "exp"})

    def presented(self) -> str | None:
        """From the statement."""
        try:
            found = read_offline_code(self.text).content["i"]
        except SigningError:
            return None
        return str(found) if len(found) <= 128 else None

    def _claims(self, trust: TrustPolicy, now: datetime) -> dict[str, Any]:
        content = self._taken_apart().content
        issued_on, valid_from, valid_until = content["d"]
        described: dict[str, Any] = {
            "identifier": content["i"],
            "type_name": content["n"],
            "issued_on": issued_on,
            "valid_from": valid_from,
            "valid_until": valid_until,
        }
        uri, organization_id = self._signer(trust, now)
        # Claims cannot stand in for what verifiers decide by: those are put over them.
        claims = {**content["c"], "iss": uri, "iat": content["t"], "certificate": described}
        if "a" in content:
            text, case_no, matter = content["p"]
            code = _of(content["i"], "issuer_code")
            purpose = {"text": text, "case_no": case_no, "matter": matter}
            claims |= {"vct": COPY_VCT, "aud": content["a"], "exp": content["e"], "purpose": purpose}
        elif "u" in content:
            code = _of(content["i"], "issuer_code")
            claims |= {"vct": SHOWING_VCT, "exp": content["e"]}
            named = dict(zip(("ground", "principal", "agent"), content.get("g", ()), strict=False))
            purpose = ({"text": content["u"]} if content["u"] else {}) | ({"behalf": named} if named else {})
            claims |= {"purpose": purpose} if purpose else {}
        else:
            code = organization_id
            uri, index = content["s"]
            claims |= {
                "vct": VCT_PREFIX + _of(content["i"], "type_code"),
                "status": {"status_list": {"uri": uri, "idx": index}},
            }
            self.binding = unb64u(content["b"]).hex()
        issuer = trust.issuers.get(code)
        described["issuer"] = {"name": "" if issuer is None else issuer.name, "uscc": code}
        return claims

    def _signer(self, trust: TrustPolicy, now: datetime) -> tuple[str | None, str]:
        """`iss` and organisation of the signer, which a code leaves to its certificate; step 3 says if that counts.

        Now, or if it has ended since, when the code says that it was made: a key may have been certified anew since.
        """
        moments = [now]
        with suppress(ValueError, OverflowError, OSError):
            moments.append(min(now, datetime.fromtimestamp(self._taken_apart().content["t"], UTC)))
        for moment in moments:
            with suppress(ChainError):
                leaf = vouched(trust, self._header, now=moment).leaf
                return (leaf.uris[0] if leaf.uris else None), leaf.organization_id
        return None, ""

    def _taken_apart(self) -> OfflineCode:
        assert self._read is not None  # noqa: S101  # step 1 went before
        return self._read


@dataclass(slots=True)
class StoredPaper:
    """A page in hand: the hub judges the licence that it holds under the page's control code, and tells no claims.

    `token` None: no page has this code, or the identifier beside it is not of that page; empty: there is a page, and
    its licence opens no more, since its holder was erased.
    """

    token: bytes | None = field(repr=False)
    format: Format = field(default=Format.CONTROL_CODE, init=False)
    binding: str | None = field(default=None, init=False)
    proven_at: datetime | None = field(default=None, init=False)
    _licence: SdJwtPaper = field(init=False, repr=False)

    def structure(self) -> None:
        """There is such a page, and its licence can be read."""
        if self.token is None:
            raise FailedError("control_code")
        if not self.token:
            raise UndecidedError("licence_unreadable")
        self._licence = SdJwtPaper(self.token)
        self._licence.structure()

    def signature(self, trust: TrustPolicy, *, now: datetime, proven_at: datetime | None) -> dict[str, Any]:
        """The licence's own signature holds."""
        claims = self._licence.signature(trust, now=now, proven_at=proven_at)
        described = claims.get("certificate")
        told = described if isinstance(described, dict) else {}
        kept = {name: claims[name] for name in _SIGNED if name in claims}
        return kept | {"certificate": {name: told[name] for name in _TOLD if name in told}}

    def vouch(self, trust: TrustPolicy, *, now: datetime) -> Vouched:
        """By the licence's chain."""
        return self._licence.vouch(trust, now=now)

    def required(self, kind: TokenKind) -> frozenset[str]:
        """As of a licence."""
        return SdJwtPaper(b"").required(kind)

    def presented(self) -> str | None:
        """Of the licence."""
        return None if self.token is None else SdJwtPaper(self.token).presented()


def _of(identifier: str, part: str) -> str:
    """A part of an identifier; the identifier itself is judged at step 3."""
    try:
        return str(getattr(parse(identifier), part))
    except NumberingError:
        return ""
