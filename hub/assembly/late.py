"""Orders by which looks are shown late: who signs them, and how they end."""

from dataclasses import dataclass
from datetime import timedelta

from hub.assembly.ground import Ground
from hub.citizens.late.desk import LateDesk
from hub.citizens.late.ending import LateEnding
from hub.citizens.late.ordering import Ordering


@dataclass(frozen=True, slots=True)
class LateOrders:
    """Services around such orders. What they hold back, `hub.citizens.accesses` asks the database itself."""

    ordering: Ordering
    ending: LateEnding
    desk: LateDesk


def assemble_late(ground: Ground) -> LateOrders:
    """Connect them."""
    settings, database, vault = ground.settings, ground.database, ground.vault
    return LateOrders(
        ordering=Ordering(
            database,
            vault=vault,
            log_key=ground.log_key,
            clock=ground.clock,
            longest=timedelta(days=settings.late_order_days),
            most=timedelta(days=settings.late_order_most_days),
        ),
        ending=LateEnding(database, vault=vault, log_key=ground.log_key, clock=ground.clock),
        desk=LateDesk(database, vault=vault, log_key=ground.log_key, clock=ground.clock),
    )
