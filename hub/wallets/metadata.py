"""What the hub says of itself to wallets. Pure; the members are those of OpenID4VCI 1.0 §12.2 and RFC 8414."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Custody
from certificates.profile import VCT_PREFIX
from hub.wallets.sealing import response_encryption

FORMAT: Final = "dc+sd-jwt"
BATCH: Final = 10
"""Keys, and so copies, of one request."""
PRE_AUTHORIZED: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
AUTHORIZATION: Final = "authorization_code"
REFRESH: Final = "refresh_token"
PREFIX: Final = "/wallets"
DETAILS: Final = "openid_credential"
BASE_VCT: Final = VCT_PREFIX.rstrip(":")
_OF_ALL: Final[Mapping[str, tuple[str, str]]] = {
    "identifier": ("证照标识", "Identifier"),
    "type_name": ("证照名称", "Kind of licence"),
    "issuer": ("颁发机构", "Issued by"),
    "issued_on": ("颁发日期", "Issued on"),
    "valid_from": ("有效期起始", "Valid from"),
    "valid_until": ("有效期截止", "Valid until"),
}


def server_of(public_url: str) -> str:
    """The issuer identifier of the authorization server of wallets: systems have another one."""
    return public_url + PREFIX


def issuer_metadata(
    public_url: str, types: Iterable[CertificateType], request_encryption: Mapping[str, Any]
) -> dict[str, Any]:
    """Where licences are issued into wallets, and which.

    Args:
        request_encryption: to which key requests may be encrypted.
    """
    base = server_of(public_url)
    return {
        "credential_issuer": public_url,
        "authorization_servers": [base],
        "credential_endpoint": f"{base}/credential",
        "nonce_endpoint": f"{base}/nonce",
        "notification_endpoint": f"{base}/notification",
        "credential_request_encryption": dict(request_encryption),
        "credential_response_encryption": response_encryption(),
        "batch_credential_issuance": {"batch_size": BATCH},
        "display": _pictured(public_url, "一证", "Yizheng"),
        "credential_configurations_supported": {
            kind.slug: _configuration(kind, public_url) for kind in types if kind.custody is Custody.LIBRARY
        },
    }


def server_metadata(public_url: str, scopes: Iterable[str], *, codes: bool) -> dict[str, Any]:
    """Where wallets get tokens. `codes`: some wallets are named that may ask a holder for his consent here; else
    nothing is said of how (OpenID4VCI 1.0 §12.2 lets `response_types_supported` out).
    """
    base = server_of(public_url)
    asked = {
        "authorization_endpoint": f"{base}/authorize",
        "pushed_authorization_request_endpoint": f"{base}/par",
        "require_pushed_authorization_requests": True,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": sorted(scopes),
    }
    return {
        "issuer": base,
        "token_endpoint": f"{base}/token",
        "grant_types_supported": [*([AUTHORIZATION] if codes else []), PRE_AUTHORIZED, REFRESH],
        "pre-authorized_grant_anonymous_access_supported": True,
        "dpop_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_details_types_supported": [DETAILS],
        **(asked if codes else {}),
    }


def type_metadata(kind: CertificateType) -> dict[str, Any]:
    """What a licence's `vct` means (SD-JWT VC, Type Metadata): its names, its claims, which of them are selective."""
    return {
        "vct": VCT_PREFIX + kind.code,
        "extends": BASE_VCT,
        "name": kind.name.zh,
        "description": kind.name.en,
        "display": [{"locale": "zh-CN", "name": kind.name.zh}, {"locale": "en", "name": kind.name.en}],
        "claims": [
            _described(
                [claim.name],
                claim.title.zh,
                claim.title.en,
                "never" if claim.disclosure is Disclosure.ALWAYS else "always",
            )
            for claim in kind.claims.values()
            if claim.disclosure is not Disclosure.NEVER
        ],
    }


def base_metadata() -> dict[str, Any]:
    """What every licence says beside the claims of its type."""
    return {
        "vct": BASE_VCT,
        "name": "电子证照",
        "description": "Electronic licence",
        "display": [{"locale": "zh-CN", "name": "电子证照"}, {"locale": "en", "name": "Electronic licence"}],
        "claims": [_described(["certificate", name], zh, en, "never") for name, (zh, en) in _OF_ALL.items()],
    }


def _described(path: list[str], zh: str, en: str, selective: str) -> dict[str, Any]:
    labels = [{"locale": "zh-CN", "label": zh}, {"locale": "en", "label": en}]
    return {"path": path, "display": labels, "sd": selective}


def _configuration(kind: CertificateType, public_url: str) -> dict[str, Any]:
    shown = [claim for claim in kind.claims.values() if claim.disclosure is not Disclosure.NEVER]
    return {
        "format": FORMAT,
        "scope": kind.slug,
        "vct": VCT_PREFIX + kind.code,
        "cryptographic_binding_methods_supported": ["jwk"],
        "credential_signing_alg_values_supported": ["ES256"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
        "credential_metadata": {
            "display": _pictured(public_url, kind.name.zh, kind.name.en),
            "claims": [
                {
                    "path": [claim.name],
                    "mandatory": claim.required,
                    "display": _named(claim.title.zh, claim.title.en),
                }
                for claim in shown
            ],
        },
    }


def _pictured(public_url: str, zh: str, en: str) -> list[dict[str, Any]]:
    logo = {"uri": f"{public_url}/static/seal.svg"}
    alone = ({"alt_text": "一证"}, {"alt_text": "Yizheng"})
    return [item | {"logo": logo | alt} for item, alt in zip(_named(zh, en), alone, strict=True)]


def _named(zh: str, en: str) -> list[dict[str, str]]:
    return [{"name": zh, "locale": "zh-CN"}, {"name": en, "locale": "en"}]
