"""A list of somebody's, opened at a counter by his card: the one way for whatever a clerk opens so.

The look is an entry before anything is shown. Whoever is unknown, called otherwise or dead is not recognised, alike for
each, and that a clerk tried is on the ledger, too.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access.actors import Actor
from hub.citizens.confirming import Confirming
from hub.citizens.present import lock_holder
from hub.citizens.values import SHOWS, Holder, Identity
from hub.ledger.entries import Draft, append, seal
from hub.storage.vault import DataKey, Vault


@dataclass(frozen=True, slots=True)
class Shown:
    """How a card was seen: `card_read` or `clerk_attested`, and by which device."""

    how: str
    reference: str = ""

    def said(self, actor: Actor) -> dict[str, Any]:
        """As an entry says it, with the clerk."""
        by = {"by": actor.as_json(), "department_id": actor.department_id}
        return by | {"seen": self.how, "reference": self.reference}


class ByCard:
    """Opens them. `kind`: of the entry; `unconfirmed`: the reason of the refusal's."""

    def __init__(self, kind: str, unconfirmed: str, *, vault: Vault, confirming: Confirming, log_key: DataKey) -> None:
        self._kind = kind
        self._unconfirmed = unconfirmed
        self._vault = vault
        self._confirming = confirming
        self._log_key = log_key

    def open(self, tx: Connection, actor: Actor, card: Identity, shown: Shown, now: datetime) -> Holder | None:
        """Who the card names, held until the transaction ends; None: nobody whom a record confirms.

        Raises: HolderSignInNeededError: erased a moment ago.
        """
        subject, said = self._confirming.find(tx, card, now), shown.said(actor)
        if subject is None:
            refused = {**said, "reason": self._unconfirmed}
            append(tx, [seal(Draft(kind="refusal", detail=refused, key=self._log_key), now=now)])
            return None
        lock_holder(tx, subject.id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        append(tx, [seal(Draft(kind=self._kind, detail=said, key=key, subject_id=subject.id), now=now)])
        return Holder(subject.id, f"counter:{actor.id}", card, SHOWS, "counter", "")
