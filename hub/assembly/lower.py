"""The lower rungs: questions to officers, sealed copies, promises."""

from dataclasses import dataclass

from hub.assembly.ground import Ground
from hub.intake.evidence import EvidenceService
from hub.intake.lower import answering, asking, promising, sealing
from hub.intake.lower.answering import Answering
from hub.intake.lower.following import Following
from hub.intake.lower.promising import Promises
from hub.intake.lower.sealing import SealedCopies
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Lower:
    """Services below data."""

    tasks: Answering
    copies: SealedCopies
    promises: Promises
    following: Following

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {
            asking.REMIND: self.tasks.remind,
            answering.SIGN: self.tasks.sign,
            sealing.DELETE: self.copies.delete,
            promising.NEAR: self.following.near,
            promising.FOLLOW: self.following.follow,
        }


def assemble_lower(ground: Ground, evidence: EvidenceService) -> Lower:
    """Connect them."""
    database, vault, clock = ground.database, ground.vault, ground.clock
    return Lower(
        tasks=Answering(database, vault=vault, desk=ground.desk, public_url=ground.public_url, clock=clock),
        copies=SealedCopies(
            database,
            vault=vault,
            desk=ground.desk,
            objects=ground.objects,
            types=ground.types,
            public_url=ground.public_url,
            clock=clock,
        ),
        promises=Promises(database, vault=vault, clock=clock),
        following=Following(database, vault=vault, checks=evidence, clock=clock),
    )
