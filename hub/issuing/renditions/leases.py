"""Who has a rendition in hand: it is begun once, by an intent with its ledger row, and held by a lease that lapses.

The intent holds, encrypted, what a restart needs to make the same page with the same control code. A lease's name says
who; of a page that waits for its department it says why nobody has it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from certificates.rendering import store
from certificates.rendering.store import FILED, INTENDED, Rendition, Wanted
from hub.clock import Clock, new_id
from hub.issuing.renditions.withdrawing import stolen_by, withdraw
from hub.ledger.entries import Draft, append, seal
from hub.storage.errors import SignatureRefusedError, SignatureWaitingError, SignerUnavailableError
from hub.storage.vault import DataKey, Vault

LEASE: Final = timedelta(seconds=20)
_PARKED: Final[Mapping[str, type[SignatureWaitingError | SignatureRefusedError]]] = {
    "approval": SignatureWaitingError,
    "refused": SignatureRefusedError,
}
"""In place of a lease's name: why nobody has it in hand."""
_RESTS: Final = {"approval": timedelta(seconds=20), "refused": timedelta(hours=1)}
"""How long nobody asks the department again."""


@dataclass(frozen=True, slots=True)
class Request:
    """A rendition to be had. `plan` is kept with the intent, encrypted: control code, instant, and for a purpose copy
    what it says; `code_hash` finds the control code again. `ends_at`, `audience` and `case_id` are a purpose copy's.
    """

    wanted: Wanted
    identifier: str
    subject_id: str
    key: DataKey
    code_hash: bytes
    ends_at: datetime | None
    audience: str
    plan: dict[str, Any] = field(repr=False)
    case_id: str | None = None


class Leases:
    """Units of work over the rows of renditions; each may be run twice."""

    def __init__(self, vault: Vault, clock: Clock, *, compromised: Callable[[], Mapping[str, datetime]]) -> None:
        self._vault = vault
        self._clock = clock
        self._compromised = compromised

    def claimed(self, tx: Connection, request: Request) -> tuple[Rendition, bool]:
        """The rendition, and whether it is the asker's to make. One that nobody made is begun, with its ledger row; one
        that a compromised key signed is withdrawn, and begun again.

        Raises: SignatureWaitingError, SignatureRefusedError; IntegrityBrokenError; ConflictError: somebody wrote the
            same intent meanwhile.
        """
        now = self._clock()
        known = store.find_rendition(tx, request.wanted)
        if known is None:
            return self._intend(tx, request, now), True
        self.check(known)
        if (kid := stolen_by(tx, known, self._compromised())) is not None:
            withdraw(tx, self._vault, known, kid=kid, key=request.key, now=now)
            return self._intend(tx, request, now), True
        if known.state == FILED:
            return known, False
        if known.lease_until >= now:
            if known.lease in _PARKED:
                raise _PARKED[known.lease]
            return known, False
        held = self.take(tx, known)
        return (known, False) if held is None else (held, True)

    def _intend(self, tx: Connection, request: Request, now: datetime) -> Rendition:
        rendition_id, wanted = new_id(), request.wanted
        entry = Draft(
            kind="certificate.render",
            detail={"identifier": request.identifier, "format": wanted.format, "copy": wanted.copy_of},
            key=request.key,
            subject_id=request.subject_id,
            case_id=request.case_id,
            object_id=rendition_id,
            object_version=1,
        )
        append(tx, [seal(entry, now=now)])
        rendition = Rendition(
            id=rendition_id,
            version_id=wanted.version_id,
            format=wanted.format,
            suite=wanted.suite,
            language=wanted.language,
            copy_of=wanted.copy_of,
            state=INTENDED,
            code_hash=request.code_hash,
            ends_at=request.ends_at,
            audience=request.audience,
            content=request.key.encrypt(place(rendition_id, "plan"), json.dumps(request.plan).encode()),
            digest=None,
            signing_kid="",
            code_kid="",
            lease=new_id(),
            lease_until=now + LEASE,
            ledger_entry_id=entry.id,
            mac=b"",
            created_at=now,
        )
        rendition = self.guarded(rendition)
        store.add_rendition(tx, rendition)
        return rendition

    def take(self, tx: Connection, known: Rendition) -> Rendition | None:
        """Hold it, if nobody took it since the row was read."""
        held = replace(known, lease=new_id(), lease_until=self._clock() + LEASE)
        return held if store.take_rendition(tx, known, lease=held.lease, until=held.lease_until) else None

    def take_filed(self, tx: Connection, rendition_id: str) -> Rendition | None:
        """One that was made long ago, to give it another file; None: it is in somebody's hands, or gone."""
        known, now = store.rendition_by_id(tx, rendition_id), self._clock()
        if known is None or known.state != FILED or known.lease_until >= now:
            return None
        self.check(known)
        return self.take(tx, known)

    def park(self, tx: Connection, held: Rendition, error: SignerUnavailableError) -> None:
        """Let go of it until the department may have answered; whoever asks meanwhile is told at once."""
        name = next((name for name, kind in _PARKED.items() if isinstance(error, kind)), None)
        if name is not None:
            store.take_rendition(tx, held, lease=name, until=self._clock() + _RESTS[name])

    def check(self, rendition: Rendition) -> None:
        """Raises: IntegrityBrokenError: the row is not as the hub wrote it."""
        self._vault.check_row_mac(rendition.meaning(), rendition.mac, where="certificate_renditions")

    def guarded(self, rendition: Rendition) -> Rendition:
        """The row with the code over what it says now."""
        return replace(rendition, mac=self._vault.row_mac(rendition.meaning()))


def place(rendition_id: str, what: str) -> str:
    """What a sealed value of a rendition is bound to: no other row's opens there."""
    return f"certificate_renditions:{rendition_id}:{what}"
