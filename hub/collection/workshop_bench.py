"""What a process of the workshop does: map rows, draft licences, sign them. It reaches no database and decides nothing.

It opens the same key store as its parent, so no key travels; between two steps it keeps the drafts of its batch.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from multiprocessing import parent_process
from typing import Any

from catalog.bulk import encode
from catalog.store import Department
from certificates.definitions.loading import load_type
from certificates.stores.holders import Subject
from hub.collection.mapping import ColumnRule, RowMapper
from hub.collection.mapping import Mapping as ColumnMapping
from hub.collection.reading.rows import BadRow, RawRow
from hub.collection.reasons import Rejection
from hub.collection.register_state import RegisterState
from hub.collection.weighing import weighed
from hub.issuing.drafting import Desk, Intent, document_place, draft, version_row
from hub.issuing.drafts import Drafted, SignedVersions, encoded
from hub.issuing.keys.signers import guarded_results
from hub.issuing.plan import NEW, Ending, Keyed
from hub.issuing.sheaves import VERSIONS
from hub.issuing.subjects import subject_rows
from hub.issuing.types.registry import TypeInForce
from hub.ledger.entries import seal
from hub.storage.keystore.port import KeyStore
from hub.storage.vault import Vault
from signing import sd_jwt

OpenKeys = Callable[[], KeyStore]


@dataclass(frozen=True, slots=True)
class BenchOrder:
    """What all batches of one collection have in common; travels to the process once.

    Attributes:
        dialect: of the database that drafts are encoded for.
    """

    open_keys: OpenKeys
    definition: str
    version: int
    issuer: Department
    mapping_version: int
    columns: dict[str, ColumnRule]
    status: RegisterState | None
    dialect: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What the drafts of one batch have in common."""

    issuer_uri: str
    status_base: str
    signing_kid: str
    now: datetime
    origin: str | None


@dataclass(slots=True)
class _Bench:
    order: BenchOrder
    keys: KeyStore
    vault: Vault
    issued: TypeInForce
    mapper: RowMapper
    rows: dict[int, list[Keyed | Ending]] = field(default_factory=dict)
    drafts: dict[int, dict[int, Intent]] = field(default_factory=dict)


_bench: _Bench | None = None


def begin(order: BenchOrder) -> None:
    """Set up; once a process."""
    global _bench  # noqa: PLW0603  # a pool's processes have no other place for it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keys = order.open_keys()
    issued = TypeInForce(load_type(order.definition), order.version)
    mapping = ColumnMapping(order.mapping_version, order.columns, order.status)
    mapper = mapping.bind(issued.type, mapping.read_columns)
    _bench = _Bench(order, keys, Vault(keys), issued, mapper)


def ready() -> int:
    """Answers once the process stands: its id."""
    return os.getpid()


@dataclass(frozen=True, slots=True)
class Fitting:
    """A row that fits its type: the hashes of its record, content and holders, or its end; and which claims had to be
    repaired.
    """

    item: tuple[bytes, bytes, tuple[bytes, ...]] | Ending
    normalised: tuple[str, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return Fitting, (self.item, self.normalised)


def map_rows(batch: int, rows: Sequence[tuple[RawRow | BadRow, datetime]], today: date) -> list[Fitting | Rejection]:
    """The hashes of each row, or what is wrong with it. Its claims stay here."""
    bench = _ours()
    found: list[Fitting | Rejection] = []
    kept = bench.rows[batch] = []
    for row, as_of in rows:
        outcome = bench.mapper.apply(row)
        if isinstance(outcome, Rejection):
            found.append(outcome)
            continue
        kind, issuer = bench.issued.type, bench.order.issuer.code
        item = weighed(outcome, kind, issuer, bench.vault, as_of=as_of, today=today)
        kept.append(item)
        hashes = (item.record_hash, item.fingerprint, item.holder_hashes())
        found.append(Fitting(item if isinstance(item, Ending) else hashes, outcome.normalised))
    return found


def draft_rows(
    batch: int,
    terms: Terms,
    kept: Sequence[int],
    places: Sequence[tuple[int, tuple[int, int]]],
    subjects: Mapping[bytes, Subject],
) -> Drafted:
    """Draft new licences.

    Args:
        kept: the rows that go on, by their place among those mapped; `places` count among these.
        places: the rows to draft, with the index reserved for each.
        subjects: the holders that are known.
    """
    bench = _ours()
    mapped = bench.rows.pop(batch)
    rows = [mapped[place] for place in kept]
    chosen = {place: rows[place].whole() for place, _ in places}
    desk = _desk(bench, terms)
    new = {
        row["lookup_hash"]: row
        for row in subject_rows(list(chosen.values()), bench.vault, now=terms.now)
        if row["lookup_hash"] not in subjects
    }
    names = Subject.__dataclass_fields__
    known = {hashed: Subject(*[row[name] for name in names]) for hashed, row in new.items()} | dict(subjects)
    drafts = bench.drafts[batch] = {
        place: draft(desk, chosen[place], NEW, known[chosen[place].lookup_hash], counter, known)
        for place, counter in places
    }
    return encoded(
        bench.order.dialect,
        [(place, intent, seal(intent.entry, now=terms.now)) for place, intent in drafts.items()],
        new,
        [
            tuple((hashed, subjects[hashed].id if hashed in subjects else None) for hashed in row.holder_hashes())
            for row in chosen.values()
        ],
    )


def _desk(bench: _Bench, terms: Terms) -> Desk:
    return Desk(
        issued=bench.issued,
        issuer=bench.order.issuer,
        issuer_uri=terms.issuer_uri,
        status_base=terms.status_base,
        vault=bench.vault,
        signing_kid=terms.signing_kid,
        now=terms.now,
        origin=terms.origin,
    )


def sign_rows(
    batch: int, places: Sequence[int], store_name: str, kid: str, header: Mapping[str, Any]
) -> SignedVersions:
    """Sign drafts whose intents are committed: their versions as they stand. The others of the batch are forgotten."""
    bench = _ours()
    drafts = bench.drafts.pop(batch)
    signer = bench.keys.signer(store_name, kid)
    rows = []
    for intent in (drafts[place] for place in places):
        assert intent.prepared is not None  # noqa: S101  # an index record is never drafted beforehand
        token = sd_jwt.sign(intent.prepared, signer=signer, header=header)
        document = intent.key.encrypt(document_place(intent.record.id), token.encode())
        whole = {"state": "issued", "document": document, "signing_kid": kid}
        (guarded,) = guarded_results(bench.vault, [{"row": intent.record.id, "kid": kid}])
        rows.append(version_row(intent.record) | whole | {"signing_mac": guarded["mac"]})
    columns = tuple(rows[0])
    return SignedVersions(columns, encode(bench.order.dialect, VERSIONS, columns, rows), kid)


def forget(batch: int) -> None:
    """Nothing of this batch is signed."""
    bench = _ours()
    bench.rows.pop(batch, None)
    bench.drafts.pop(batch, None)


def _ours() -> _Bench:
    if _bench is None:
        raise RuntimeError("this process is none of the workshop's")
    return _bench


def _end_with_parent() -> None:
    """A parent that was killed tells nobody, and its keys must not stay open in a process that nobody knows."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
