"""Stand-ins of devices at a counter: a card reader and one that compares faces. They sign whatever they are told, so
they prove nothing; what they sign is what a real device's firmware would.

`POST /read` {id_type?, id_number, name} and `POST /compare` {id_type?, id_number, result?, band?} answer
`{"token": …}`, to be pasted into the counter's page.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.clock import Clock, rfc3339, utc_now
from hub.intake.counter.card_reads import READ_TYPE
from hub.intake.counter.face_results import COMPARED_TYPE, card_digest
from hub.scenarios.real.trial_device import TrialDevice

_CITIZEN: Final = "111"


@dataclass(slots=True)
class ReaderStandIn:
    """A card reader."""

    device: TrialDevice
    clock: Clock = utc_now

    def __post_init__(self) -> None:
        """Listen."""
        self.device.serve("read", lambda asked: {"token": self.reads(**asked)})

    def reads(self, *, id_number: str, name: str, id_type: str = _CITIZEN) -> str:
        """What it writes into the ID field."""
        said = {"at": rfc3339(self.clock()), "id_number": id_number, "id_type": id_type, "jti": _new(), "name": name}
        return self.device.sign(said, typ=READ_TYPE)


@dataclass(slots=True)
class FaceStandIn:
    """A device that compares the photo on a card with whoever stands there. It has neither photo nor camera."""

    device: TrialDevice
    clock: Clock = utc_now

    def __post_init__(self) -> None:
        """Listen."""
        self.device.serve("compare", lambda asked: {"token": self.compares(**asked)})

    def compares(self, *, id_number: str, id_type: str = _CITIZEN, **changes: Any) -> str:
        """What it writes into the field of the comparison; `changes` are other members."""
        jti = _new()
        said: Mapping[str, Any] = {
            "at": rfc3339(self.clock()), "band": "high", "card": card_digest(jti, id_type, id_number), "jti": jti,
            "result": "same", "transaction": _new(),
        }  # fmt: skip
        return self.device.sign({**said, **changes}, typ=COMPARED_TYPE)


def _new() -> str:
    return str(uuid.uuid4())
