"""Archives of closed cases."""

from datetime import timedelta

from hub.archive.making import ArchiveMaker
from hub.archive.scans import ScanAging
from hub.archive.service import ArchiveService
from hub.archive.shelf import ArchiveShelf
from hub.assembly.ground import Ground
from hub.assembly.intake import Intake
from hub.assembly.library import Library
from hub.assembly.verification import Verification
from hub.ledger.service import LedgerService
from hub.ledger.witnessing.service import Witnessing


def assemble_archive(
    ground: Ground,
    intake: Intake,
    library: Library,
    verification: Verification,
    ledger: LedgerService,
    witnessing: Witnessing,
) -> ArchiveService:
    """Connect them."""
    maker = ArchiveMaker(
        ground.database,
        vault=ground.vault,
        objects=ground.objects,
        types=ground.types,
        desk=ground.desk,
        stamps=library.stamps,
        verification=verification.service,
        clock=ground.clock,
        public_url=ground.public_url,
        log_key=ledger.verifier,
        under=witnessing.under,
    )
    return ArchiveService(
        ground.database,
        vault=ground.vault,
        maker=maker,
        shelf=ArchiveShelf(ground.database, vault=ground.vault, objects=ground.objects, clock=ground.clock),
        cases=intake.pull.cases,
        clock=ground.clock,
    )


def assemble_scans(ground: Ground) -> ScanAging:
    """What deletes scans whose time is over."""
    kept = timedelta(days=ground.settings.scan_days)
    return ScanAging(ground.database, vault=ground.vault, clock=ground.clock, kept=kept)
