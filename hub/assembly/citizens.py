"""Holders: how they sign in, and what they see and show."""

from dataclasses import dataclass

from hub.access.oidc import OidcService, OidcSettings
from hub.assembly.acting import ActingForOthers, assemble_acting, assemble_standing
from hub.assembly.ground import Ground
from hub.assembly.identities import Identities, assemble_identities
from hub.citizens.accesses import Accesses
from hub.citizens.acting.stewards import Stewards
from hub.citizens.authorising.asked import AskedOfHolder
from hub.citizens.authorising.at_counter import CounterAgreements
from hub.citizens.authorising.attested import AttestedDecisions
from hub.citizens.authorising.questions import OVER
from hub.citizens.authorising.service import Authorisations
from hub.citizens.confirming import Confirming
from hub.citizens.licences import Licences
from hub.citizens.notices.gateway import MessageGateway
from hub.citizens.notices.messages import Messages
from hub.citizens.notices.notify import MESSAGE
from hub.citizens.notices.service import Notices
from hub.citizens.objections import answering, corrected, ending, filing
from hub.citizens.objections.attested import Attesting
from hub.citizens.objections.corrected import Telling
from hub.citizens.objections.correcting import Correcting
from hub.citizens.objections.desk import ObjectionDesk
from hub.citizens.objections.ending import Ending
from hub.citizens.objections.handing import Handing
from hub.citizens.objections.on_behalf import ObjectingFor
from hub.citizens.objections.raising import Objections
from hub.citizens.objections.reviewing import Reviewing
from hub.citizens.objections.targets import Targets
from hub.citizens.places import Places
from hub.citizens.presentations import Presentations
from hub.citizens.provider import ProviderSignIn
from hub.citizens.ratings.rating import Ratings
from hub.citizens.ratings.slips import SlipRatings
from hub.citizens.sessions import HolderSessions
from hub.citizens.taking import Taking
from hub.citizens.trial import TrialSignIn
from hub.exchange.subscriptions.webhooks import Webhooks
from hub.intake.asks.papers import PaperCounts
from hub.outbound import Outbound
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Citizens:
    """Services around holders. `provider` and `identities` are None when none is configured."""

    sessions: HolderSessions
    trial: TrialSignIn
    provider: ProviderSignIn | None
    identities: Identities | None
    presentations: Presentations
    others: ActingForOthers
    licences: Licences
    accesses: Accesses
    authorisations: Authorisations
    asked_of: AskedOfHolder
    attested_decisions: AttestedDecisions
    counter_agreements: CounterAgreements
    taking: Taking
    objections: Objections
    targets: Targets
    objecting_for: ObjectingFor
    attesting: Attesting
    correcting: Correcting
    desk: ObjectionDesk
    handing: Handing
    reviewing: Reviewing
    telling: Telling
    ending: Ending
    ratings: Ratings
    slip_ratings: SlipRatings
    places: Places
    notices: Notices
    messages: Messages

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {
            filing.REMIND: self.desk.remind,
            answering.SIGN: self.desk.sign,
            corrected.TELL: self.telling.run,
            ending.DELETE: self.ending.delete,
            ending.UNFILED: self.ending.unfiled,
            MESSAGE: self.messages.run,
            OVER: self.asked_of.end,
        }


def assemble_citizens(ground: Ground) -> Citizens:
    """Connect them. No provider is reached yet."""
    database, vault, clock, log_key = ground.database, ground.vault, ground.clock, ground.log_key
    confirming = Confirming(vault=vault, types=ground.types)
    sessions = HolderSessions(database, vault=vault, confirming=confirming, clock=clock)
    licences = Licences(database, vault=vault, types=ground.types, log_key=log_key, clock=clock)
    accesses = Accesses(database, vault=vault, types=ground.types, log_key=log_key, clock=clock)
    presentations = Presentations(database, vault=vault, log_key=log_key, clock=clock)
    targets = Targets(database, licences=licences, accesses=accesses, types=ground.types)
    objections = Objections(
        database, vault=vault, targets=targets, objects=ground.objects, log_key=log_key, clock=clock
    )
    authorisations = Authorisations(database, vault=vault, types=ground.types, clock=clock)
    asked_of = AskedOfHolder(database, vault=vault, types=ground.types, log_key=ground.log_key, clock=clock)
    reviewing = Reviewing(database, vault=vault, log_key=log_key, clock=clock)
    others = assemble_acting(ground, confirming, presentations, authorisations=authorisations, asked=asked_of)
    stewards = Stewards(vault=vault, types=ground.types)
    papers = PaperCounts(database, vault=vault, clock=clock)
    return Citizens(
        sessions=sessions,
        trial=TrialSignIn(
            database, vault=vault, confirming=confirming, sessions=sessions, settings=ground.settings, clock=clock
        ),
        provider=_provider(ground, confirming, sessions),
        identities=assemble_identities(ground, confirming, sessions),
        presentations=presentations,
        others=others,
        licences=licences,
        accesses=accesses,
        authorisations=authorisations,
        asked_of=asked_of,
        attested_decisions=AttestedDecisions(database, vault=vault, asked=asked_of, confirming=confirming, clock=clock),
        counter_agreements=CounterAgreements(
            database,
            vault=vault,
            confirming=confirming,
            authorisations=authorisations,
            asked=asked_of,
            log_key=log_key,
            attested=ground.settings.counter_agreements == "attested",
            clock=clock,
        ),
        taking=assemble_taking(ground),
        objections=objections,
        targets=targets,
        objecting_for=ObjectingFor(others.acting, objections, reviewing),
        correcting=Correcting(database, vault=vault, objections=objections, types=ground.types, clock=clock),
        attesting=Attesting(database, vault=vault, objections=objections, log_key=log_key, clock=clock),
        desk=ObjectionDesk(
            database,
            vault=vault,
            desk=ground.desk,
            objects=ground.objects,
            public_url=ground.public_url,
            stewards=stewards,
            clock=clock,
        ),
        handing=Handing(database, vault=vault, clock=clock),
        reviewing=reviewing,
        telling=Telling(database, vault=vault, stewards=stewards, clock=clock),
        ending=Ending(database, vault=vault, objects=ground.objects),
        ratings=Ratings(database, vault=vault, papers=papers, log_key=log_key, clock=clock),
        slip_ratings=SlipRatings(database, vault=vault, papers=papers, clock=clock),
        places=Places(database, vault=vault, clock=clock),
        notices=Notices(database, log_key=ground.log_key, clock=clock),
        messages=_messages(ground),
    )


def _messages(ground: Ground) -> Messages:
    gateway = MessageGateway.of(ground.settings)
    if gateway is None:
        ground.database.forgo(MESSAGE)
    return Messages(
        ground.database,
        gateway=gateway,
        webhooks=Webhooks(private_networks=ground.settings.webhook_networks),
        vault=ground.vault,
        public_url=ground.public_url,
        clock=ground.clock,
    )


def assemble_taking(ground: Ground) -> Taking:
    """How counters take codes."""
    return Taking(
        ground.database,
        vault=ground.vault,
        standing=assemble_standing(ground),
        log_key=ground.log_key,
        clock=ground.clock,
    )


def _provider(ground: Ground, confirming: Confirming, sessions: HolderSessions) -> ProviderSignIn | None:
    settings = ground.settings
    if not settings.holder_oidc_issuer:
        return None
    configured = OidcSettings(
        issuer=settings.holder_oidc_issuer,
        client_id=settings.holder_oidc_client_id,
        client_secret=settings.holder_oidc_client_secret.get_secret_value(),
        redirect_uri=f"{settings.public_url}/me/oidc/callback",
        scope=settings.holder_oidc_scope,
        audience="holder",
    )
    outbound = Outbound(settings.holder_oidc_issuer)
    oidc = OidcService(ground.database, settings=configured, outbound=outbound, vault=ground.vault, clock=ground.clock)
    return ProviderSignIn(
        ground.database, oidc=oidc, confirming=confirming, sessions=sessions, settings=settings, clock=ground.clock
    )
