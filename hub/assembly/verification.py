"""Verification: of files and codes, of what a holder presents; and what goes beside a licence to prove it elsewhere."""

from dataclasses import dataclass

from hub.assembly.faces import Faces
from hub.assembly.ground import Ground
from hub.assembly.library import Library
from hub.ledger.service import LedgerService
from hub.ledger.witnessing.service import Witnessing
from hub.verification.peers import PeerService
from hub.verification.presenting import PresentationDesk
from hub.verification.proving import ProofDesk
from hub.verification.service import VerificationService
from hub.verification.tally import Tally


@dataclass(frozen=True, slots=True)
class Verification:
    """Services that say whether a licence holds. `peers` are the hubs whose licences are believed here."""

    service: VerificationService
    presentation: PresentationDesk
    peers: PeerService
    proofs: ProofDesk
    tally: Tally


def assemble_verification(
    ground: Ground, library: Library, faces: Faces, ledger: LedgerService, witnessing: Witnessing
) -> Verification:
    """Connect them."""
    database, vault, desk, clock = ground.database, ground.vault, ground.desk, ground.clock
    peers = PeerService(database, objects=ground.objects, vault=vault, log_key=ground.log_key, clock=clock)
    service = VerificationService(
        database,
        vault=vault,
        desk=desk,
        status=library.status,
        stamps=library.stamps,
        types=ground.types,
        peers=peers,
        cache=ground.shared.cache,
        clock=clock,
        public_url=ground.public_url,
        fresh_crls=ground.settings.revocation_lists == "fresh",
    )
    service.learn_log(ledger.verifier)
    return Verification(
        service=service,
        presentation=PresentationDesk(service, faces.codes),
        peers=peers,
        proofs=ProofDesk(
            database,
            desk=desk,
            source=faces.source,
            stamps=library.stamps,
            clock=clock,
            public_url=ground.public_url,
            under=witnessing.under,
        ),
        tally=Tally(database, vault=vault, clock=clock),
    )
