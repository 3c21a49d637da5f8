"""What stands in where nobody's records answer: officers who confirm, papers that are scanned, promises that are made.

As at a counter: the first pull says what is left, what stands in is handed in, the next pull counts it as what it is.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

from catalog.matters.values import Matter
from hub.access.actors import COMMAND
from hub.intake.lower.copy_intents import Scan
from hub.intake.lower.papers.png import MAGIC
from hub.intake.lower.promising import METHODS, Confirmation
from hub.runtime import Hub
from hub.scenarios.loading import Loaded
from hub.scenarios.parties import OPERATOR
from hub.scenarios.values import CaseSpec
from signing.canonical import sha256

_CLERK: Final = OPERATOR["id"]


async def hand_in(
    hub: Hub,
    loaded: Loaded,
    spec: CaseSpec,
    matter: Matter,
    answer: Mapping[str, Any],
    scanned: list[tuple[str, str]],
) -> bool:
    """Do what the case says of a matter, after its first pull; whether there was something. `scanned` takes the copies
    that were sealed: case and copy.

    Raises: ValueError: the pack speaks of an officer who was not asked; IntakeError: of a promise that is not taken.
    """
    case_no, done = answer["case_no"], False
    for item in answer["requirements"]:
        if item["outcome"] == "pending" and item["code"] in spec.confirms:
            await _confirmed(hub, spec.confirms[item["code"]])
            done = True
    for code in spec.hands_in:
        # Where another case's copy serves, nothing is needed, and nothing is scanned again.
        if code in answer["still_needed"]:
            copy = await hub.lower.copies.seal(loaded.caller, case_no, _scan(code, case_no), request=None)
            scanned.append((case_no, copy["id"]))
            done = True
    for code in spec.commits:
        if matter.requirement(code) is not None:
            offered = await hub.lower.promises.offer(
                loaded.caller, case_no, code, None, chosen_by="holder", purpose=loaded.purpose
            )
            confirmation = Confirmation(offered["text_sha256"], METHODS[0], _CLERK)
            await hub.lower.promises.confirm(loaded.caller, case_no, offered["id"], confirmation)
            done = True
    return done


async def _confirmed(hub: Hub, values: Mapping[str, Any]) -> None:
    """The officer's answer: of the cases, one is played at a time, so the open question is this one's."""
    waiting = [item["id"] for item in await hub.lower.tasks.list(COMMAND) if item["state"] == "open"]
    if len(waiting) != 1:
        raise ValueError(f"{len(waiting)} questions to officers are open, where one was put")
    await hub.lower.tasks.answer(COMMAND, waiting[0], result="confirmed", values=values)


def _scan(code: str, case_no: str) -> Scan:
    return Scan(code, None, _CLERK, _sheet(sha256(case_no.encode())), original_seen=True)


def _sheet(pattern: bytes) -> bytes:
    """A small picture in black and white; of each case another one."""
    rows = b"".join(b"\0" + pattern[at : at + 2] for at in range(0, len(pattern), 2))
    head = struct.pack(">IIBBBBB", 16, len(pattern) // 2, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return MAGIC + b"".join(packed)
