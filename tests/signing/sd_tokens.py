"""An issuer, a holder, the token between them, and what a forger under the issuer's own key would make."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]

from signing.canonical import b64u, canonical
from signing.disclosures import digest
from signing.errors import MalformedError, SigningError
from signing.jose import sign_jws
from signing.keys import SoftwareSigner, VerifyingKey
from signing.sd_jwt import Parsed, Verified, issue, verify, verify_key_binding

NOW = datetime(2025, 10, 9, 8, 0, tzinfo=UTC)
SIGNER = SoftwareSigner.generate("issuing-1")
HOLDER = SoftwareSigner.generate()
SALT = "_26bc4LT-ac6q2KI6cBW5es"
CLAIMS: dict[str, Any] = {
    "iss": "https://hub.example.cn/issuers/1",
    "iat": 1760000000,
    "vct": "urn:yizheng:certificate-type:1",
    "cnf": {"jwk": HOLDER.public.jwk},
    "certificate": {"identifier": "1", "valid_until": None},
    "name": "示例科技有限公司",
    "legal_representative": "李示例",
    "registered_capital": 1000000,
    "business_scope": ["软件开发", "技术咨询"],
    "address": {"region": "某市", "street": "某路1号"},
}
HIDDEN = frozenset({"legal_representative", "registered_capital", "business_scope", "address"})


def token(header: dict[str, Any] | None = None) -> str:
    return issue(CLAIMS, disclosable=HIDDEN, signer=SIGNER, header=header or {})


def disclosure(*content: Any) -> str:
    return b64u(canonical(list(content)))


def forge(payload: Any, *disclosures: str, typ: str = "dc+sd-jwt") -> str:
    """Any payload under the issuer's own signature, with any disclosures."""
    return "~".join((sign_jws(canonical(payload), signer=SIGNER, typ=typ), *disclosures, ""))


def refusal(text: str | bytes | Parsed, kind: type[SigningError] = MalformedError, **changes: Any) -> str:
    with pytest.raises(kind) as caught:
        verify(text, **{"key": SIGNER.public, **changes})
    return caught.value.reason


def jwk(key: VerifyingKey) -> Any:
    return JWK.from_pem(key.to_pem())


def present(text: str, *, signer: SoftwareSigner = HOLDER, typ: str = "kb+jwt", **changes: Any) -> str:
    claims = {
        "iat": int(NOW.timestamp()),
        "aud": "https://r.example.cn",
        "nonce": "n-1",
        "sd_hash": digest(text),
        **changes,
    }
    return text + sign_jws({name: value for name, value in claims.items() if value is not ...}, signer=signer, typ=typ)


def bind(text: str | Verified, now: datetime = NOW) -> None:
    verified = text if isinstance(text, Verified) else verify(text, key=SIGNER.public)
    verify_key_binding(verified, audience="https://r.example.cn", nonce="n-1", now=now, max_age=timedelta(minutes=5))
