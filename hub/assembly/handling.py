"""What is done with cases on their way, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.assembly.ground import Ground
from hub.assembly.intake import Intake
from hub.assembly.library import Library
from hub.clock import Clock
from hub.intake.handling.amending import Amending
from hub.intake.handling.clocks import REMIND, CaseClocks
from hub.intake.handling.dead_ends import REMIND as REMIND_DESK
from hub.intake.handling.dead_ends import DeadEnds
from hub.intake.handling.desk import Desk
from hub.intake.handling.file import CaseFiles
from hub.intake.handling.giving import Giving
from hub.intake.handling.granting import Granting
from hub.intake.handling.mandates import MANDATE, Mandates
from hub.intake.handling.notices import Notices
from hub.intake.handling.stages import Stages
from hub.registry.proposal import Action
from hub.storage.database import Database
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Handling:
    """Services around the handling of cases."""

    database: Database
    clock: Clock
    clocks: CaseClocks
    amending: Amending
    mandates: Mandates
    stages: Stages
    granting: Granting
    giving: Giving
    files: CaseFiles
    notices: Notices
    dead_ends: DeadEnds
    desk: Desk

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {REMIND: self._remind, REMIND_DESK: self.dead_ends.remind}

    def actions(self) -> Mapping[str, Action]:
        """The changes of this area that two persons make."""
        return {MANDATE: self.mandates.action()}

    async def _remind(self, payload: Mapping[str, Any]) -> None:
        now = self.clock()
        await self.database.write(lambda tx: self.clocks.remind(tx, payload["case"], payload["stage"], now))


def assemble_handling(ground: Ground, intake: Intake, library: Library) -> Handling:
    """Connect them."""
    database, vault, clock, cases = ground.database, ground.vault, ground.clock, intake.pull.cases
    mandates = Mandates(database, vault=vault, log_key=ground.log_key, clock=clock)
    stages = Stages(database, cases=cases, mandates=mandates, vault=vault, clock=clock)
    granting = Granting(
        database,
        cases=cases,
        stages=stages,
        performing=library.performing,
        waiting=library.transitions.waiting,
        vault=vault,
        clock=clock,
    )
    library.transitions.waiting.concluding = granting.conclude
    return Handling(
        database=database,
        clock=clock,
        clocks=CaseClocks(vault),
        amending=Amending(database, cases=cases, vault=vault, clock=clock),
        mandates=mandates,
        stages=stages,
        granting=granting,
        giving=Giving(
            database,
            cases=cases,
            families=intake.families.reader,
            performing=library.performing,
            waiting=library.transitions.waiting,
            vault=vault,
        ),
        files=CaseFiles(database, cases=cases, vault=vault, clock=clock),
        notices=Notices(
            database, cases=cases, vault=vault, desk=ground.desk, clock=clock, public_url=ground.public_url
        ),
        dead_ends=DeadEnds(database, cases=cases, vault=vault, clock=clock),
        desk=Desk(database, vault=vault, clock=clock),
    )
