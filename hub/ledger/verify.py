"""`yizheng ledger verify`: re-hash everything and compare. Finds any change, removal, reordering or rollback.

Each finding names an index or an id. A run without a remembered checkpoint proves only that the stored log agrees with
itself; whoever rewrote all of it and holds the log key is caught by `against` alone.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, and_, func, select

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.clock import rfc3339
from hub.intake.tables import CaseRow
from hub.ledger.entries import entry_leaf_hash, open_detail
from hub.ledger.errors import LedgerBrokenError
from hub.ledger.sequencer import read_head
from hub.ledger.tables import LedgerEntryRow
from hub.ledger.tiles import Tiles
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.errors import SigningError
from signing.log.checkpoint import Checkpoint, NoteVerifier
from signing.log.merkle import HASH_BYTES, CompactRange

PAGE: Final = 2000
ERASED: Final = "subject.erased"
"""The kind of the entry that says whose key was destroyed; its detail names the `subject`."""
MAX_FINDINGS: Final = 50
_ENTRIES: Final = table(LedgerEntryRow)
_SUBJECTS: Final = table(SubjectRow)
_CASES: Final = table(CaseRow)


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What a verification saw. `rollback_checked` says whether a remembered checkpoint was compared."""

    entries: int
    unsequenced: int
    root: bytes
    rollback_checked: bool
    findings: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Nothing was found."""
        return not self.findings


class LedgerVerifier:
    """Walks the log page by page; memory stays flat. Feed it pages in order, then ask for the report."""

    def __init__(self, *, vault: Vault, log_key: DataKey, verifier: NoteVerifier, against: str | None = None) -> None:
        self._vault = vault
        self._log_key = log_key
        self._verifier = verifier
        self._range = CompactRange()
        self._findings: list[str] = []
        self._remembered = self._parse_remembered(against)
        self._root_then: bytes | None = None
        self._mute: dict[str, list[int]] = {}
        self._erased: dict[str, int] = {}

    def page(self, tx: Connection) -> bool:
        """Check the next page; answers whether there was one."""
        first = self._range.size
        rows = tx.execute(
            select(
                _ENTRIES,
                _SUBJECTS.c.data_key.label("subject_key"),
                _SUBJECTS.c.kek_kid.label("subject_kek"),
                _CASES.c.data_key.label("case_key"),
                _CASES.c.kek_kid.label("case_kek"),
            )
            .outerjoin(_SUBJECTS, _SUBJECTS.c.id == _ENTRIES.c.subject_id)
            .outerjoin(_CASES, _CASES.c.id == _ENTRIES.c.case_id)
            .where(and_(_ENTRIES.c.position >= first, _ENTRIES.c.position < first + PAGE))
            .order_by(_ENTRIES.c.position)
        ).all()
        if not rows:
            self._check_gap(tx, first)
            return False
        tiles = Tiles(tx)
        for expected, row in enumerate(rows, start=first):
            if row.position != expected:
                self._find(f"index {expected} is missing")
                return False
            leaf = entry_leaf_hash(row.id, row.recorded_at, row.commitment)
            stored = tiles.tile(0, expected // 256)[(expected % 256) * HASH_BYTES : (expected % 256 + 1) * HASH_BYTES]
            if stored != leaf:
                self._find(f"index {expected}: the entry is not the one in the tree")
            self._range.append(leaf)
            self._check_detail(row)
            if self._remembered is not None and self._range.size == self._remembered.size:
                self._root_then = self._range.root()
        return True

    def report(self, tx: Connection) -> LedgerReport:
        """Compare the whole with the signed head and the remembered checkpoint."""
        waiting = tx.execute(select(func.count()).where(_ENTRIES.c.position.is_(None))).scalar() or 0
        try:
            self._check_head(tx)
        except LedgerBrokenError as error:
            self._find(str(error))
        self._check_remembered()
        self._check_mute(tx)
        outside = tx.execute(select(func.count()).where(_ENTRIES.c.position < 0)).scalar()
        if outside:
            self._find(f"{outside} entries stand before index 0")
        checked = self._remembered is not None
        return LedgerReport(self._range.size, waiting, self._range.root(), checked, tuple(self._findings))

    def _check_head(self, tx: Connection) -> None:
        head = read_head(tx)
        while head.size > self._range.size and not self._findings and self.page(tx):
            continue  # numbered after the last page was read; from here on it is one snapshot
        root = self._range.root()
        if head.size != self._range.size:
            self._find(f"the head says {head.size} entries, the log holds {self._range.size}")
        try:
            body = self._parse(head.note).body().decode() if head.note is not None else head.body
            if body != head.body:
                self._find("the signed checkpoint is not the stored head")
            if root != Checkpoint.from_body(head.body.encode()).root:
                self._find(f"the checkpoint of size {head.size} has another root than the entries")
        except SigningError as error:
            self._find(f"the checkpoint of size {head.size} does not hold ({error.reason})")
        tiles = Tiles(tx)
        if tiles.root(head.size) != root:
            self._find("the tiles do not have the root of the entries")
        tiles.check_edge(head.size)
        tiles.check_parents(0, head.size)

    def _check_detail(self, row: Row[tuple[object, ...]]) -> None:
        """The plain columns beside the content are only believed because the content repeats them."""
        try:
            key = self._key_of(row)
            content = open_detail(row.id, row.detail, row.commitment, key=key)
        except (IntegrityBrokenError, ValueError, SigningError):
            if row.subject_id is None:
                self._find(f"index {row.position}: the content is not what was committed to")
            else:
                mute = self._mute.setdefault(row.subject_id, [])
                mute.append(row.position)
                del mute[:-MAX_FINDINGS]
            return
        if content["kind"] == ERASED:
            self._erased[content["detail"]["subject"]] = row.position
        columns = ("kind", "subject_id", "case_id", "object_id", "object_version")
        stored = {column: getattr(row, column) for column in columns}
        # A time that was moved before the entry was numbered is so in the tree as well.
        stored |= {"recorded_at": rfc3339(row.recorded_at)} if "recorded_at" in content else {}
        for column, value in stored.items():
            if content[column] != value:
                self._find(f"index {row.position}: column {column} was changed")

    def _key_of(self, row: Row[tuple[object, ...]]) -> DataKey:
        """Raises IntegrityBrokenError when the key is gone."""
        if row.subject_id is not None:
            return self._vault.data_key(row.subject_key or b"", row.subject_kek or "")
        if row.case_id is not None:
            return self._vault.data_key(row.case_key or b"", row.case_kek or "")
        return self._log_key

    def _check_mute(self, tx: Connection) -> None:
        """Entries of a person may be mute up to the entry that says that he was erased, and not without one."""
        if self._mute:
            waits = and_(_ENTRIES.c.position.is_(None), _ENTRIES.c.kind == ERASED)
            for row in tx.execute(select(_ENTRIES).where(waits)):
                with suppress(IntegrityBrokenError, ValueError, SigningError):
                    content = open_detail(row.id, row.detail, row.commitment, key=self._log_key)
                    self._erased[content["detail"]["subject"]] = self._range.size
        for subject_id, positions in self._mute.items():
            for position in positions:
                if position > self._erased.get(subject_id, -1):
                    self._find(f"index {position}: the content is not what was committed to")

    def _check_gap(self, tx: Connection, first: int) -> None:
        beyond = tx.execute(select(func.count()).where(_ENTRIES.c.position >= first)).scalar() or 0
        if beyond:
            self._find(f"index {first} is missing, {beyond} entries stand after it")

    def _check_remembered(self) -> None:
        if self._remembered is None:
            return
        if self._remembered.size > self._range.size:
            self._find(f"rolled back: {self._remembered.size} entries are remembered, the log has {self._range.size}")
        elif self._remembered.size and self._root_then != self._remembered.root:
            self._find(f"rewritten: the first {self._remembered.size} entries do not have the remembered root")

    def _parse_remembered(self, against: str | None) -> Checkpoint | None:
        return None if against is None else self._parse(against)

    def _parse(self, note: str) -> Checkpoint:
        return Checkpoint.parse(note, verifier=self._verifier)

    def _find(self, finding: str) -> None:
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(finding)
