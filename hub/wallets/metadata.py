"""What the hub says of itself to wallets. Pure; the members are those of OpenID4VCI 1.0 §12.2 and RFC 8414."""

from collections.abc import Iterable
from typing import Any, Final

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Custody
from certificates.profile import VCT_PREFIX

FORMAT: Final = "dc+sd-jwt"
BATCH: Final = 10
"""Keys, and so copies, of one request."""
PRE_AUTHORIZED: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
AUTHORIZATION: Final = "authorization_code"
REFRESH: Final = "refresh_token"
PREFIX: Final = "/wallets"
DETAILS: Final = "openid_credential"


def server_of(public_url: str) -> str:
    """The issuer identifier of the authorization server of wallets: systems have another one."""
    return public_url + PREFIX


def issuer_metadata(public_url: str, types: Iterable[CertificateType]) -> dict[str, Any]:
    """Where licences are issued into wallets, and which."""
    base = server_of(public_url)
    return {
        "credential_issuer": public_url,
        "authorization_servers": [base],
        "credential_endpoint": f"{base}/credential",
        "nonce_endpoint": f"{base}/nonce",
        "notification_endpoint": f"{base}/notification",
        "batch_credential_issuance": {"batch_size": BATCH},
        "display": [{"name": "一证", "locale": "zh-CN"}, {"name": "Yizheng", "locale": "en"}],
        "credential_configurations_supported": {
            kind.slug: _configuration(kind) for kind in types if kind.custody is Custody.LIBRARY
        },
    }


def server_metadata(public_url: str, scopes: Iterable[str], *, codes: bool) -> dict[str, Any]:
    """Where wallets get tokens. `codes`: some wallets are named that may ask a holder for his consent here."""
    base = server_of(public_url)
    return {
        "issuer": base,
        "token_endpoint": f"{base}/token",
        "authorization_endpoint": f"{base}/authorize",
        "pushed_authorization_request_endpoint": f"{base}/par",
        "require_pushed_authorization_requests": True,
        "response_types_supported": ["code"] if codes else [],
        "response_modes_supported": ["query"],
        "grant_types_supported": [*([AUTHORIZATION] if codes else []), PRE_AUTHORIZED, REFRESH],
        "pre-authorized_grant_anonymous_access_supported": True,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": True,
        "authorization_details_types_supported": [DETAILS],
        "scopes_supported": sorted(scopes),
    }


def _configuration(kind: CertificateType) -> dict[str, Any]:
    shown = [claim for claim in kind.claims.values() if claim.disclosure is not Disclosure.NEVER]
    return {
        "format": FORMAT,
        "scope": kind.slug,
        "vct": VCT_PREFIX + kind.code,
        "cryptographic_binding_methods_supported": ["jwk"],
        "credential_signing_alg_values_supported": ["ES256"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
        "credential_metadata": {
            "display": _named(kind.name.zh, kind.name.en),
            "claims": [
                {
                    "path": [claim.name],
                    "mandatory": claim.disclosure is Disclosure.ALWAYS,
                    "display": _named(claim.title.zh, claim.title.en),
                }
                for claim in shown
            ],
        },
    }


def _named(zh: str, en: str) -> list[dict[str, str]]:
    return [{"name": zh, "locale": "zh-CN"}, {"name": en, "locale": "en"}]
