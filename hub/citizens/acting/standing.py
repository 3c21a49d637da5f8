"""Everybody for whom a person may act at this moment, by law or because he was let; asked anew at every request."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from certificates.profile import CIVIL_ZONE
from certificates.stores.holders import Subject
from hub.citizens.acting import delegations as store
from hub.citizens.acting.delegations import Delegation
from hub.citizens.acting.grounds import Grounds
from hub.citizens.acting.values import Ground, Principal
from hub.citizens.confirming import Confirming
from hub.citizens.values import BODIES, Identity
from hub.storage.vault import Vault


class Standing:
    """Judges. `tx` sees what is committed now; nothing is kept between two calls."""

    def __init__(self, *, vault: Vault, grounds: Grounds, confirming: Confirming) -> None:
        self._vault = vault
        self._grounds = grounds
        self._confirming = confirming

    def principals(self, tx: Connection, person_id: str, person: Identity, now: datetime) -> list[Principal]:
        """For whom he may act, by law first. His own identity was confirmed by whoever asks.

        Raises: IntegrityBrokenError.
        """
        today = now.astimezone(CIVIL_ZONE).date()
        received = [item for item in store.received_by(tx, self._vault, person_id, live=True) if item.runs(today)]
        given = zip(received, self.each(tx, received, now), strict=True)
        delegated = [self._delegated(item, person_id, whom) for item, whom in given if whom is not None]
        return [*self._grounds.of(tx, person_id, person, now), *delegated]

    def one(self, tx: Connection, person_id: str, person: Identity, key: str, now: datetime) -> Principal | None:
        """The principal of this key, if he may still act for him, which nothing changes until this transaction, which
        writes, ends. Of many who let him act the others are neither opened nor judged. Raises: IntegrityBrokenError.
        """
        named = next((each for each in store.received_ids(tx, person_id) if self._key(each, person_id) == key), None)
        if named is None:
            by_law = self._grounds.of(tx, person_id, person, now, lock=True)
            return next((item for item in by_law if item.key == key), None)
        found = store.find(tx, self._vault, named, lock=True)  # behind a withdrawal that is on its way
        if found is None or found.to_id != person_id:
            return None
        whom = self.stands(tx, found, now, lock=True)
        return self._delegated(found, person_id, whom) if whom is not None else None

    def stands(self, tx: Connection, found: Delegation, now: datetime, *, lock: bool = False) -> Identity | None:
        """Who the principal is today, if it runs and who gave it may still give it: a person who lives and has his
        name, for himself; the legal representative of today, for a company. Raises: IntegrityBrokenError.
        """
        if not found.runs(now.astimezone(CIVIL_ZONE).date()):
            return None
        giver = self._confirming.find(tx, found.terms.giver, now, lock=lock)
        return self._whom(tx, found, giver, now, lock=lock)

    def each(self, tx: Connection, found: Sequence[Delegation], now: datetime) -> list[Identity | None]:
        """The same of a list: of all who gave them it is asked at once, and of what has ended nothing."""
        today = now.astimezone(CIVIL_ZONE).date()
        running = [item for item in found if item.runs(today)]
        givers = self._confirming.all(tx, {item.terms.giver for item in running}, now)
        whom = {item.id: self._whom(tx, item, givers.get(item.terms.giver), now) for item in running}
        return [whom.get(item.id) for item in found]

    def _whom(
        self, tx: Connection, found: Delegation, giver: Subject | None, now: datetime, *, lock: bool = False
    ) -> Identity | None:
        terms = found.terms
        if giver is None or giver.id != found.given_by:
            return None
        if terms.principal.id_type not in BODIES:
            return terms.giver if found.given_by == found.subject_id else None
        company = self._grounds.of_office(tx, found.given_by, terms.giver, found.subject_id, now, lock=lock)
        return company.identity if company is not None else None

    def _key(self, delegation_id: str, person_id: str) -> str:
        return self._grounds.key(person_id, Ground.DELEGATE, delegation_id)

    def _delegated(self, found: Delegation, person_id: str, whom: Identity) -> Principal:
        terms = found.terms
        return Principal(
            key=self._key(found.id, person_id),
            id=found.subject_id,
            identity=whom,
            ground=Ground.DELEGATE,
            scope=terms.scope,
            sources=(found.id,),
            matters=terms.matters,
            until=found.valid_until,
            said=terms.reason,
        )
