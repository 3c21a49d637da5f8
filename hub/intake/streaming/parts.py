"""Deciding an answer in parts: a unit for what is settled at the same moment, with its ledger rows, and one for all.

What one unit holds is disclosed by its commit. It is kept, encrypted and unsigned, in the row of the request, so that a
start finds what was disclosed and signs it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.intake import requests
from hub.intake.answers import Answers, answer_place, case_key
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import Item, restored_entries, stored, unsigned_answer
from hub.intake.deciding import Deciding, Steps, Written
from hub.intake.errors import GrantEndedError, InFlightError
from hub.intake.holding import hold_case
from hub.intake.owed.opening import asked_of
from hub.ledger.entries import Sealed
from hub.storage.vault import Vault

Key = tuple[str, str]
"""Of an item: the requirement's code and the party's key."""


@dataclass(frozen=True, slots=True)
class SoFar:
    """What was decided of a request, in the order of its ledger rows."""

    contents: tuple[Mapping[str, Any], ...] = ()
    entries: tuple[Sealed, ...] = ()
    grants: frozenset[str] = frozenset()
    steps: tuple[Steps, ...] = ()
    """How each was decided, while this process lives."""

    def with_more(self, written: Written) -> "SoFar":
        """And what a unit added."""
        return SoFar(
            (*self.contents, *written.contents),
            (*self.entries, *written.entries),
            self.grants | written.grants,
            (*self.steps, *written.steps),
        )

    def about(self) -> list[Key]:
        """What it answers."""
        return [(item["code"], item["party"]) for item in self.contents]

    def in_order(self, keys: Sequence[Key]) -> "SoFar":
        """The same as an answer that was decided as a whole has it."""
        places = {key: place for place, key in enumerate(keys)}
        pairs = sorted(
            zip(self.contents, self.entries, strict=True),
            key=lambda pair: places[pair[0]["code"], pair[0]["party"]],
        )
        return SoFar(tuple(item for item, _ in pairs), tuple(entry for _, entry in pairs), self.grants)


def restored(kept: Mapping[str, Any], grants: Sequence[str]) -> SoFar:
    """What `Parts` kept of a request."""
    return SoFar(tuple(kept["items"]), tuple(restored_entries(kept)), frozenset(grants))


class Parts:
    """The units of an answer in parts."""

    def __init__(self, *, vault: Vault, deciding: Deciding, answers: Answers, public_url: str) -> None:
        self._vault = vault
        self._deciding = deciding
        self._answers = answers
        self._public_url = public_url

    def decide(
        self,
        tx: Connection,
        caller: Caller,
        call: EvidenceCall,
        claimed: Claimed,
        items: Sequence[Item],
        so_far: SoFar,
        now: datetime,
    ) -> tuple[Written, SoFar]:
        """Some items, with their rows. Raises: as `Deciding.decide`; GrantEndedError: a grant behind what has left
        ended, and what comes later may rest on that.
        """
        written = self._deciding.write(tx, caller, call, claimed, items, now, earlier=so_far.steps)
        self._still_granted(tx, so_far)
        more = so_far.with_more(written)
        codes = list(dict.fromkeys(item.requirement.code for item in claimed.resolutions))
        asked = {"codes": codes, "purpose": call.purpose, "language": call.language, "kid": caller.kid}
        kept = self.answer(caller, call, claimed, more, now) | {"asked": asked}
        payload = self._sealed(claimed, kept)
        grants = sorted(more.grants)
        if not requests.keep_part(tx, claimed.request_id, claimed.lease, payload=payload, grants=grants, now=now):
            raise InFlightError
        return written, more

    def complete(
        self,
        tx: Connection,
        caller: Caller,
        call: EvidenceCall,
        claimed: Claimed,
        items: Sequence[Item],
        so_far: SoFar,
        keys: Sequence[Key],
        now: datetime,
    ) -> tuple[Written | None, dict[str, Any], list[Sealed]]:
        """The last items, if any are left, and the whole, which gives every item once more; `keys` are its order.

        Raises: as `decide`.
        """
        written = None
        if items:
            written = self._deciding.write(tx, caller, call, claimed, items, now, earlier=so_far.steps)
        else:
            hold_case(tx, claimed.case.id, kid=caller.kid)
        self._still_granted(tx, so_far)
        whole = so_far.with_more(written) if written is not None else so_far
        return written, *self.close(tx, caller, call, claimed, whole.in_order(keys), now)

    def close(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, whole: SoFar, now: datetime
    ) -> tuple[dict[str, Any], list[Sealed]]:
        """Nothing is added to what was disclosed. Raises: InFlightError when the lease was lost."""
        answer = self.answer(caller, call, claimed, whole, now)
        payload, grants = self._sealed(claimed, answer), sorted(whole.grants)
        if not requests.decide_request(tx, claimed.request_id, claimed.lease, payload=payload, grants=grants, now=now):
            raise InFlightError
        return answer, list(whole.entries)

    def answer(
        self, caller: Caller, call: EvidenceCall, claimed: Claimed, so_far: SoFar, now: datetime
    ) -> dict[str, Any]:
        """The stored form of what was decided."""
        return unsigned_answer(
            request_id=claimed.request_id,
            case_no=claimed.case.case_no,
            audience=caller.client_id,
            issuer=self._public_url,
            request_hash=call.request_hash,
            decided_at=now,
            items=so_far.contents,
            entries=so_far.entries,
        )

    def _still_granted(self, tx: Connection, so_far: SoFar) -> None:
        if not self._answers.grants_hold(tx, sorted(so_far.grants)):
            raise GrantEndedError

    def _sealed(self, claimed: Claimed, answer: Mapping[str, Any]) -> bytes:
        return case_key(self._vault, claimed.case).encrypt(answer_place(claimed.request_id), stored(answer))


def order_of(items: Sequence[Item]) -> list[Key]:
    """What names the items of an answer, in its order."""
    return [asked_of(item.resolution.requirement) for item in items]
