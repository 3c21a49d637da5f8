"""Who verified a licence is told to its holder: the first time of a day before the verdict leaves, the number of all
times when the day is over. That of a purpose copy belongs to its case, as what the copy disclosed does: the copy says
which that is, or, where its page is presented, or the code on it, the entry under which the page was made.

Two entries at most a licence, day and verifier, and case of a copy, however often it is asked, so that whoever has a
licence in his hand can neither flood its holder's list nor slow verifying down: what follows the first is counted in
memory, and written down with the next round of housekeeping. A process that dies forgets what it counted since: the
number is the least it was.

Only what proved to be the licence counts. Whoever merely writes its identifier into a paper of his own leaves no trace
in a stranger's list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from certificates.stores.holders import subject_by_id
from certificates.tables import CertificateRow, CertificateVersionRow
from certificates.verifying.verdict import Result, TokenKind, Verdict
from hub.clock import BEIJING, Clock
from hub.intake.tables import CaseRow
from hub.ledger.entries import Draft, append, open_detail, seal
from hub.ledger.tables import LedgerEntryRow
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from hub.verification.tables import VerificationTallyRow

BY_SYSTEM: Final = "certificate.verified"
OF_COPY: Final = "certificate.verified_copy"
IN_PUBLIC: Final = "certificate.verified_public"
_RENDERED: Final = "certificate.render"
_PAGE: Final = "page"
"""Beside what is told: which page of a copy was presented."""
_LATE: Final = timedelta(minutes=10)
"""What other processes counted before midnight is written down by then."""
_MOST: Final = 100_000
_CLOSED: Final = 500
_TALLIES: Final = table(VerificationTallyRow)
_ENTRIES: Final = table(LedgerEntryRow)
_VERSIONS: Final = table(CertificateVersionRow)
_CERTIFICATES: Final = table(CertificateRow)
_CASES: Final = table(CaseRow)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A system that signed in to verify."""

    client_id: str
    department_id: str


class Tally:
    """Tells the ledger of verifications. One per process."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._day = ""
        self._known: dict[bytes, int] = {}
        """What the ledger has an entry of, and how often it happened since this process last wrote that down."""

    async def note(self, verdict: Verdict, *, audience: str | None, verifier: Verifier | None) -> None:
        """To be called with every verdict before it is told. Of a licence of this hub alone."""
        identifier = str((verdict.certificate or {}).get("identifier") or "")
        if not identifier or verdict.hub is not None:
            return
        kind, said = _kind(verdict, audience, verifier)
        if verdict.kind is TokenKind.PURPOSE_COPY:
            if case_no := (verdict.purpose or {}).get("case_no"):
                said["case_no"] = str(case_no)
            elif verdict.page:
                said[_PAGE] = verdict.page
        now = self._clock()
        day = now.astimezone(BEIJING).date().isoformat()
        key = self._vault.lookup_hash("verified", identifier, day, kind, *sorted(said.values()))
        if key not in self._known:
            detail = {"day": day, "identifier": identifier, **said}
            told = await self._database.write(partial(self._first, key, kind, detail, now))
            self._known.setdefault(key, 0)
            if told:
                return
        self._known[key] += 1

    async def sweep(self) -> None:
        """Write down what was counted; of days that are over, tell the ledger the number."""
        counted = {key: count for key, count in self._known.items() if count}
        if counted:
            await self._database.write(partial(self._count, counted))
        for key, count in counted.items():
            self._known[key] -= count
        today = (self._clock() - _LATE).astimezone(BEIJING).date().isoformat()
        while await self._database.write(partial(self._close, today)) == _CLOSED:
            pass
        if today != self._day or len(self._known) > _MOST:
            self._day, self._known = today, {key: count for key, count in self._known.items() if count}

    def _first(self, key: bytes, kind: str, detail: Mapping[str, Any], now: datetime, tx: Connection) -> bool:
        """Whether nothing is left to count: it is on the ledger by this, or there is nobody to tell."""
        held = _VERSIONS.join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
        query = select(_CERTIFICATES.c.subject_id).select_from(held)
        subject_id = tx.execute(query.where(_VERSIONS.c.identifier == detail["identifier"])).scalar_one_or_none()
        if subject_id is None:
            return True
        subject = subject_by_id(tx, subject_id)
        sealing = self._vault.data_key(subject.data_key, subject.kek_kid)
        case_id, case_no = _case_of(tx, detail, sealing)
        told = {name: value for name, value in detail.items() if name != _PAGE} | {"times": 1}
        told |= {"case_no": case_no} if case_no else {}
        draft = Draft(kind=kind, detail=told, key=sealing, subject_id=subject_id, case_id=case_id)
        row = {"key": key, "entry_id": draft.id, "day": detail["day"], "times": 1}
        dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
        adding = dialect.insert(_TALLIES).on_conflict_do_nothing(index_elements=["key"]).returning(_TALLIES.c.key)
        # Whoever finds the row there waited, if he had to, until the entry of the first was committed.
        if tx.execute(adding, {**row, "mac": self._mac(row)}).first() is None:
            return False
        append(tx, [seal(draft, now=now)])
        return True

    def _count(self, counted: Mapping[bytes, int], tx: Connection) -> None:
        for key in sorted(counted):
            row = tx.execute(select(_TALLIES).where(_TALLIES.c.key == key).with_for_update()).one_or_none()
            if row is None:
                continue
            changed = {"key": key, "entry_id": row.entry_id, "times": self._sure(row) + counted[key]}
            tx.execute(
                update(_TALLIES).where(_TALLIES.c.key == key).values(times=changed["times"], mac=self._mac(changed))
            )

    def _close(self, today: str, tx: Connection) -> int:
        query = select(_TALLIES).where(_TALLIES.c.day < today).order_by(_TALLIES.c.key).limit(_CLOSED)
        now = self._clock()
        rows = tx.execute(query.with_for_update(skip_locked=True)).all()
        for row in rows:
            if (times := self._sure(row)) > 1:
                self._tell(tx, row, times, now)
            tx.execute(delete(_TALLIES).where(_TALLIES.c.key == row.key))
        return len(rows)

    def _tell(self, tx: Connection, row: Row[Any], times: int, now: datetime) -> None:
        first = tx.execute(select(_ENTRIES).where(_ENTRIES.c.id == row.entry_id)).one()
        subject = subject_by_id(tx, first.subject_id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        try:
            said = open_detail(first.id, first.detail, first.commitment, key=key)["detail"]
        except (IntegrityBrokenError, ValueError):  # erased since: there is nobody to tell
            return
        draft = Draft(
            kind=first.kind,
            detail={**said, "times": times, "first": first.id},
            key=key,
            subject_id=subject.id,
            case_id=first.case_id,
        )
        append(tx, [seal(draft, now=now)])

    def _sure(self, row: Row[Any]) -> int:
        """The number, or what is left of it where somebody else wrote it: it happened once at least."""
        try:
            meaning = {"key": row.key, "entry_id": row.entry_id, "times": row.times}
            self._vault.check_row_mac(_meaning(meaning), row.mac, where="verification_tallies")
        except IntegrityBrokenError:
            _log.error("guarded_row_broken", alarm=True, where="verification_tallies")
            return 1
        return int(row.times)

    def _mac(self, row: Mapping[str, Any]) -> bytes:
        return self._vault.row_mac(_meaning(row))


def _meaning(row: Mapping[str, Any]) -> bytes:
    return b"verification tally\x1f%s\x1f%s\x1f%d" % (row["key"], row["entry_id"].encode(), row["times"])


def _case_of(tx: Connection, detail: Mapping[str, Any], key: DataKey) -> tuple[str | None, str | None]:
    """Id and number of the case of a purpose copy. What the row of the page's own entry says counts as far as it was
    committed to: who moves a page by SQL into a case that is shown late hides nothing by it.
    """
    query = select(_CASES.c.id, _CASES.c.case_no)
    if "case_no" in detail:
        query = query.where(_CASES.c.case_no == detail["case_no"])
    elif _PAGE in detail:
        query = query.where(_CASES.c.id == _made_for(tx, detail[_PAGE], key))
    else:
        return None, None
    row = tx.execute(query).one_or_none()
    return (None, detail.get("case_no")) if row is None else (row.id, row.case_no)


def _made_for(tx: Connection, page: str, key: DataKey) -> str | None:
    """The case that the entry names under which a page was begun."""
    begun = select(_ENTRIES).where(_ENTRIES.c.object_id == page, _ENTRIES.c.object_version == 1)
    for row in tx.execute(begun):
        try:
            content = open_detail(row.id, row.detail, row.commitment, key=key)
        except (IntegrityBrokenError, ValueError):
            continue
        if (content.get("kind"), content.get("object_id")) == (_RENDERED, page):
            case_id: str | None = content.get("case_id")
            return case_id
    return None


def _kind(verdict: Verdict, audience: str | None, verifier: Verifier | None) -> tuple[str, dict[str, str]]:
    if verifier is not None:
        return BY_SYSTEM, {"client_id": verifier.client_id, "department_id": verifier.department_id}
    if verdict.kind is TokenKind.PURPOSE_COPY and verdict.result is Result.PASSED and audience:
        return OF_COPY, {"client_id": audience}
    return IN_PUBLIC, {}
