"""A rating is written, once for each party of a case; of a bad one, its follow-up, in the same transaction."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from certificates.stores.holders import Subject
from hub.citizens.objections.errors import ObjectionError
from hub.citizens.objections.filing import File, Filing
from hub.citizens.objections.values import TEXT_MOST, Kind, Target
from hub.citizens.ratings import store
from hub.citizens.ratings.errors import RatedError
from hub.citizens.ratings.store import BAD, RATED, Past
from hub.clock import new_id
from hub.intake.asks.papers import PaperCounts
from hub.ledger.entries import Draft, append, seal
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

BEST: Final = 5
BROUGHT_MOST: Final = 99


@dataclass(frozen=True, slots=True)
class Given:
    """One to five stars, how many papers he brought, and, of a bad one, what went wrong."""

    stars: int
    brought: int
    text: str = field(repr=False, default="")

    def check(self) -> None:
        """Raises: ObjectionError."""
        for name, value, least, most in (("stars", self.stars, 1, BEST), ("brought", self.brought, 0, BROUGHT_MOST)):
            if not least <= value <= most:
                raise ObjectionError("range", f"/{name}")
        if len(self.text.strip()) > TEXT_MOST:
            raise ObjectionError("too_long", "/text")


async def counted_papers(papers: PaperCounts, case_no: str) -> int | None:
    """How many the hub knows of; None: what was decided in the case does not open any more."""
    try:
        return (await papers.of_case(case_no)).asked
    except IntegrityBrokenError:
        return None


class Writing:
    """Writes ratings; whoever calls holds the subject's lock, and has looked whose case it is."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._filing = Filing(vault)

    def write(
        self,
        tx: Connection,
        subject: Subject,
        past: Past,
        given: Given,
        counted: int | None,
        now: datetime,
        *,
        channel: str,
        kind: str = RATED,
    ) -> None:
        """Raises: RatedError."""
        if store.is_rated(tx, past.case_id, subject.id):
            raise RatedError
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        follow_up = new_id() if given.stars <= BAD else None
        if follow_up is not None:
            text = f"{given.stars}/{BEST}\n{given.text.strip()}".strip()
            file = File(follow_up, Kind.RATING, text, "", channel)
            target = Target(past.department_id, f"rating:{past.case_id}", past.matter)
            self._filing.file(tx, subject, file, target, {"case_no": past.case_no}, {}, now)
        numbers = {"stars": given.stars, "brought": given.brought, "counted": counted}
        detail = {"case_no": past.case_no, "matter": past.matter_code, "follow_up": follow_up, **numbers}
        entry = seal(Draft(kind=kind, detail=detail, key=key, subject_id=subject.id, case_id=past.case_id), now=now)
        append(tx, [entry])
        row = {
            "id": new_id(),
            "case_id": past.case_id,
            "subject_id": subject.id,
            "matter_code": past.matter_code,
            "follow_up_id": follow_up,
            "given_at": now,
            "ledger_entry_id": entry.id,
            **numbers,
        }
        store.add(tx, row | {"mac": self._vault.row_mac(store.meaning_of(row))})
