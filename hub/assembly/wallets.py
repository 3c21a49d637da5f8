"""Wallets: offers, tokens, licences bound to keys."""

from dataclasses import dataclass

from hub.assembly.ground import Ground
from hub.citizens.confirming import Confirming
from hub.issuing.renditions.source import RenditionSource
from hub.verification.service import VerificationService
from hub.wallets.answering import Answering
from hub.wallets.asking import Asking
from hub.wallets.authorizing import Authorizing
from hub.wallets.exchanging import Exchanging
from hub.wallets.holdings import Holdings
from hub.wallets.issuing import WalletIssuing
from hub.wallets.licences import WalletLicences
from hub.wallets.notifying import WalletNotices
from hub.wallets.offers import Offers
from hub.wallets.pushing import Pushing
from hub.wallets.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Wallets:
    """Services around wallets."""

    offers: Offers
    pushing: Pushing
    authorizing: Authorizing
    exchanging: Exchanging
    issuing: WalletIssuing
    notices: WalletNotices
    holdings: Holdings
    asking: Asking
    answering: Answering


def assemble_wallets(ground: Ground, source: RenditionSource, verification: VerificationService) -> Wallets:
    """Connect them."""
    database, vault, desk, clock, url = ground.database, ground.vault, ground.desk, ground.clock, ground.public_url
    licences = WalletLicences(vault=vault, desk=desk, source=source)
    tokens = Tokens(vault=vault)
    return Wallets(
        offers=Offers(
            database,
            vault=vault,
            types=ground.types,
            licences=licences,
            log_key=ground.log_key,
            clock=clock,
            public_url=url,
        ),
        pushing=Pushing(
            database,
            vault=vault,
            types=ground.types,
            clients=ground.settings.wallet_clients,
            clock=clock,
            public_url=url,
        ),
        authorizing=Authorizing(
            database, vault=vault, types=ground.types, licences=licences, clock=clock, public_url=url
        ),
        exchanging=Exchanging(
            database,
            vault=vault,
            tokens=tokens,
            clients=ground.settings.wallet_clients,
            clock=clock,
            public_url=url,
        ),
        issuing=WalletIssuing(
            database,
            vault=vault,
            desk=desk,
            confirming=Confirming(vault=vault, types=ground.types),
            licences=licences,
            tokens=tokens,
            clock=clock,
            public_url=url,
        ),
        notices=WalletNotices(database, vault=vault, tokens=tokens, clock=clock),
        holdings=Holdings(
            database,
            vault=vault,
            types=ground.types,
            clients=ground.settings.wallet_clients,
            log_key=ground.log_key,
            clock=clock,
        ),
        asking=Asking(
            database,
            vault=vault,
            desk=desk,
            types=ground.types,
            log_key=ground.log_key,
            clock=clock,
            public_url=url,
        ),
        answering=Answering(
            database,
            vault=vault,
            desk=desk,
            verification=verification,
            log_key=ground.log_key,
            clock=clock,
            public_url=url,
        ),
    )
