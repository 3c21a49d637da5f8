"""Who acts: systems by their tokens, staff by accounts and sessions."""

from dataclasses import dataclass

from hub.access.oidc import OidcService, OidcSettings
from hub.access.passwords import Passwords
from hub.access.service import AccessService
from hub.access.sessions import Sessions
from hub.access.staff import StaffService
from hub.access.staff_sign_in import StaffSignIn
from hub.access.staff_throttle import Throttle
from hub.assembly.ground import Ground
from hub.outbound import Outbound


@dataclass(frozen=True, slots=True)
class People:
    """Services around who acts. `oidc` is None when no provider is configured."""

    access: AccessService
    staff: StaffService
    sessions: Sessions
    sign_in: StaffSignIn
    oidc: OidcService | None


def assemble_people(ground: Ground) -> People:
    """Connect them. No provider is reached yet."""
    database, clock = ground.database, ground.clock
    sessions = Sessions(database, vault=ground.vault, log_key=ground.log_key, clock=clock)
    staff = StaffService(
        database, vault=ground.vault, log_key=ground.log_key, clock=clock, public_url=ground.public_url
    )
    sign_in = StaffSignIn(
        database,
        vault=ground.vault,
        accounts=staff.accounts,
        sessions=sessions,
        passwords=Passwords(),
        throttle=Throttle(ground.vault),
        clock=clock,
        provider=ground.settings.oidc_issuer is not None,
    )
    access = AccessService(
        database,
        signing=ground.desk,
        issuer=ground.public_url,
        clock=clock,
        token_seconds=ground.settings.access_token_seconds,
    )
    return People(access, staff, sessions, sign_in, _provider(ground))


def _provider(ground: Ground) -> OidcService | None:
    settings = ground.settings
    if settings.oidc_issuer is None:
        return None
    configured = OidcSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        redirect_uri=f"{settings.public_url}/console/oidc/callback",
        claim=settings.oidc_claim,
        acr=settings.oidc_acr,
        amr=settings.oidc_amr,
    )
    outbound = Outbound(settings.oidc_issuer)
    return OidcService(ground.database, settings=configured, outbound=outbound, vault=ground.vault, clock=ground.clock)
