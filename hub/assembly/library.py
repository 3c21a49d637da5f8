"""The certificate library: issuing, status, collection over HTTP, verification."""

from dataclasses import dataclass
from datetime import timedelta

from hub.assembly.ground import Ground
from hub.collection.batch_desk import BatchDesk
from hub.collection.batch_run import BatchRunner
from hub.collection.batches import BatchService
from hub.collection.service import CollectionService
from hub.issuing.service import IssuingService
from hub.issuing.status import StatusService
from hub.verification.service import VerificationService


@dataclass(frozen=True, slots=True)
class Library:
    """Services around licences."""

    issuing: IssuingService
    status: StatusService
    batches: BatchService
    batch_desk: BatchDesk
    batch_runner: BatchRunner
    verification: VerificationService


def assemble_library(ground: Ground) -> Library:
    """Connect them."""
    database, vault, clock, desk, types = ground.database, ground.vault, ground.clock, ground.desk, ground.types
    status = StatusService(
        database,
        vault=vault,
        desk=desk,
        objects=ground.objects,
        clock=clock,
        public_url=ground.public_url,
        lifetime=timedelta(hours=ground.settings.status_list_hours),
    )
    batches = BatchService(
        database, objects=ground.objects, vault=vault, types=types, log_key=ground.log_key, clock=clock
    )
    issuing = IssuingService(database, vault=vault, desk=desk, clock=clock, public_url=ground.public_url)
    return Library(
        issuing=issuing,
        status=status,
        batches=batches,
        batch_desk=BatchDesk(database, batches=batches, log_key=ground.log_key, clock=clock),
        batch_runner=BatchRunner(
            database,
            collecting=CollectionService(database, issuing=issuing, types=types, vault=vault, clock=clock),
            objects=ground.objects,
            vault=vault,
            log_key=ground.log_key,
            clock=clock,
            folder=ground.settings.home / "reports" / "batches",
        ),
        verification=VerificationService(
            database,
            vault=vault,
            desk=desk,
            status=status,
            cache=ground.shared.cache,
            clock=clock,
            public_url=ground.public_url,
        ),
    )
