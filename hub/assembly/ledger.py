"""The log of the hub, under its own key."""

from hub.assembly.ground import Ground
from hub.ledger.keeper import CheckpointKeeper
from hub.ledger.service import LedgerService


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
