"""Keys and the authorities that certify them."""

from dataclasses import dataclass

from hub.assembly.ground import Ground
from hub.issuing.keys.anchors import AnchorService
from hub.issuing.keys.compromise import REVOKE_SIGNED, KeyEmergency
from hub.issuing.keys.crls import CrlService
from hub.issuing.keys.outside import OutsideService
from hub.issuing.keys.room import KeyRoom
from hub.issuing.keys.service import KeyService
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Keyring:
    """Services around signing keys."""

    keys: KeyService
    outside: OutsideService
    anchors: AnchorService
    emergency: KeyEmergency
    crls: CrlService

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {REVOKE_SIGNED: self.emergency.revoke_signed}


def assemble_keyring(ground: Ground) -> Keyring:
    """Connect them."""
    database, desk, vault, clock = ground.database, ground.desk, ground.vault, ground.clock
    room = KeyRoom(database, desk=desk, clock=clock)
    return Keyring(
        keys=KeyService(room),
        outside=OutsideService(room, vault=vault),
        anchors=AnchorService(database, desk=desk, vault=vault, log_key=ground.log_key, clock=clock),
        emergency=KeyEmergency(database, desk=desk, vault=vault, log_key=ground.log_key, clock=clock),
        crls=CrlService(database, desk=desk, vault=vault, log_key=ground.log_key, clock=clock),
    )
