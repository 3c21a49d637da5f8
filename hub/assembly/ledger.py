"""The log of the hub, under its own key."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from hub.assembly.ground import Ground
from hub.citizens.acting.delegations import forget as forget_delegations
from hub.citizens.dossier.fetching_store import forget as forget_collections
from hub.citizens.identities.store import forget as forget_identities
from hub.citizens.late.whom import forget_whom
from hub.citizens.notices.store import forget as forget_notices
from hub.citizens.objections.ending import Ending
from hub.citizens.places import forget_places
from hub.citizens.ratings.code_rows import forget_codes
from hub.intake.lower.erasing import forget_stand_ins
from hub.ledger.erasure import ErasureService
from hub.ledger.keeper import CheckpointKeeper
from hub.ledger.service import LedgerService
from hub.ledger.tombstones import TombstoneList
from hub.ledger.witnessing.calling import WitnessCalls
from hub.ledger.witnessing.register import ADD, REMOVE, WitnessRegister
from hub.ledger.witnessing.service import Witnessing
from hub.reach import Reach
from hub.registry.proposal import Action
from hub.wallets.ending import forget_wallets


def assemble_ledger(ground: Ground) -> LedgerService:
    """Connect it with its key and with the witness folder."""
    signer = ground.keys.note_signer("log")
    return LedgerService(
        ground.database,
        signer=signer,
        origin=signer.name,
        clock=ground.clock,
        keeper=CheckpointKeeper(ground.settings.witness_folder(), verifier=signer.verifier, clock=ground.clock),
        vault=ground.vault,
        log_key=ground.log_key,
    )


def assemble_witnessing(ground: Ground) -> Witnessing:
    """Connect it. Nobody is asked anything yet."""
    log = ground.keys.note_signer("log").verifier
    return Witnessing(
        ground.database,
        register=WitnessRegister(
            vault=ground.vault, log_key=ground.log_key, log_name=log.name, reach=Reach(ground.settings.witness_networks)
        ),
        log=log,
        clock=ground.clock,
        wanted=ground.settings.witness_quorum,
        within=timedelta(seconds=ground.settings.witness_within_seconds),
    )


def assemble_witness_calls(ground: Ground, witnessing: Witnessing) -> WitnessCalls:
    """Connect it. Nobody is called yet."""
    return WitnessCalls(
        ground.database,
        witnessing=witnessing,
        origin=ground.keys.note_signer("log").name,
        reach=Reach(ground.settings.witness_networks),
        clock=ground.clock,
    )


def witness_actions(witnessing: Witnessing) -> dict[str, Action]:
    """The changes that two persons make."""
    register = witnessing.register
    return {
        ADD: Action(register.check_add, register.add),
        REMOVE: Action(register.check_remove, register.remove),
    }


def assemble_erasure(ground: Ground) -> ErasureService:
    """Connect it; its list lies beside the remembered checkpoint."""
    ending = Ending(ground.database, vault=ground.vault, objects=ground.objects)

    def forget(tx: Connection, lookup: bytes, now: datetime) -> None:
        forget_stand_ins(tx, lookup, now)
        forget_codes(tx, lookup)
        forget_whom(tx, lookup)

    def forget_subject(tx: Connection, subject_id: str, now: datetime) -> None:
        ending.forget(tx, subject_id, now)
        forget_delegations(tx, subject_id)
        forget_notices(tx, subject_id)
        forget_places(tx, subject_id)
        forget_identities(tx, subject_id)
        forget_collections(tx, subject_id)
        forget_wallets(tx, ground.vault, subject_id, ground.log_key, now)

    return ErasureService(
        ground.database,
        vault=ground.vault,
        log_key=ground.log_key,
        clock=ground.clock,
        tombstones=TombstoneList(ground.settings.witness_folder(), vault=ground.vault),
        forget=forget,
        forget_subject=forget_subject,
    )
