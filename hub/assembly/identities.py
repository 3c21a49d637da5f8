"""Network IDs of holders: how they sign in by one, what they bind, how counters take them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.access.trial_issuers import on_trial
from hub.assembly.ground import Ground
from hub.citizens.confirming import Confirming
from hub.citizens.identities.binding import Bindings
from hub.citizens.identities.finding import Finding
from hub.citizens.identities.service import NetworkIdService, NetworkIdSettings
from hub.citizens.identities.signing_in import NetworkSignIn
from hub.citizens.identities.taking import NetworkTaking
from hub.citizens.sessions import HolderSessions
from hub.outbound import Outbound
from hub.settings import Settings
from signing.errors import KeyPolicyError, MalformedError
from signing.keys import ES256, SoftwareSigner, VerifyingKey
from signing.suites import TOKEN_SUITES, key_from_jwk

_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Identities:
    """Services around network IDs; there are none without a service."""

    sign_in: NetworkSignIn
    bindings: Bindings
    taking: NetworkTaking


def assemble_identities(ground: Ground, confirming: Confirming, sessions: HolderSessions) -> Identities | None:
    """Connect them. Nothing is asked yet. Raises: SigningError: a key that cannot be used, or a stand-in's where real
    people are.
    """
    found = _settings(ground.settings)
    if found is None:
        return None
    database, vault, clock = ground.database, ground.vault, ground.clock
    service = NetworkIdService(found, outbound=Outbound(found.url), clock=clock)
    finding = Finding(vault=vault, confirming=confirming, issuer=found.url, production=found.production)
    return Identities(
        NetworkSignIn(database, service=service, finding=finding, sessions=sessions, clock=clock),
        Bindings(database, vault=vault, service=service, finding=finding, log_key=ground.log_key, clock=clock),
        NetworkTaking(database, vault=vault, service=service, finding=finding, log_key=ground.log_key, clock=clock),
    )


def assemble_counter_identities(ground: Ground) -> Identities | None:
    """The same for counters, which take and bind them."""
    confirming = Confirming(vault=ground.vault, types=ground.types)
    sessions = HolderSessions(ground.database, vault=ground.vault, confirming=confirming, clock=ground.clock)
    return assemble_identities(ground, confirming, sessions)


def _settings(settings: Settings) -> NetworkIdSettings | None:
    url, client_key, public_key = (
        settings.network_id_url, settings.network_id_client_key, settings.network_id_public_key,
    )  # fmt: skip
    if url is None or client_key is None or public_key is None:
        return None
    production = settings.built_in_ca == "refuse"
    key = _pinned(public_key)
    if production and on_trial(key.kid):
        raise KeyPolicyError("trial_key", "YIZHENG_NETWORK_ID_PUBLIC_KEY is a stand-in's, which is for trying out")
    return NetworkIdSettings(
        url=url,
        client_id=settings.network_id_client_id,
        signer=SoftwareSigner.from_pem(_read(client_key)),
        key=key,
        audience=settings.public_url,
        identity=settings.network_id_asks == "identity",
        production=production,
    )


def _pinned(path: Path) -> VerifyingKey:
    try:
        jwk: Any = json.loads(_read(path))
    except ValueError as error:
        raise MalformedError("jwk", "YIZHENG_NETWORK_ID_PUBLIC_KEY is no JSON") from error
    if not isinstance(jwk, dict):
        raise MalformedError("jwk")
    key = key_from_jwk({"alg": ES256, **jwk})
    if key.alg not in TOKEN_SUITES:
        raise KeyPolicyError("alg")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()[:_MOST]
    except OSError as error:
        raise MalformedError("key_file", "a file named by YIZHENG_NETWORK_ID_… cannot be read") from error
