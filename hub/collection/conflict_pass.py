"""The first pass over a register: which record keys stand in it with two contents."""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from certificates.definitions.certificate_type import CertificateType
from hub.collection.conflicts import ConflictFinder
from hub.collection.mapping import Mapped, Mapping, RowMapper
from hub.collection.reading.reader import Format, open_register
from hub.collection.reading.rows import RawRow, RegisterFile
from hub.collection.weighing import weighed
from hub.storage.vault import Vault

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HASH_BYTES: Final = 32


class ConflictPass:
    """Finds them by raw text, which is cheap and finds too many; then, among those, by content."""

    def __init__(
        self, files: Sequence[RegisterFile], *, sheet: str | None, declared: Format | None, mapping: Mapping
    ) -> None:
        self._files = files
        self._sheet = sheet
        self._declared = declared
        self._mapping = mapping

    def conflicts(self, kind: CertificateType, issuer_code: str, vault: Vault) -> frozenset[bytes]:
        """Record hashes in conflict. Reads the register once, and again where keys repeat; blocks.

        Raises: RegisterError, MappingError.
        """
        # Keyed like all that is written of personal data, though the scratch file has no name; BLAKE2 because every
        # row of every register is hashed twice here.
        secret = vault.lookup_hash("scratch")
        repeated = self._find(secret, kind, issuer_code, vault, only=None)
        return self._find(secret, kind, issuer_code, vault, only=repeated) if repeated else repeated

    def _find(
        self,
        secret: bytes,
        kind: CertificateType,
        issuer_code: str,
        vault: Vault,
        *,
        only: frozenset[bytes] | None,
    ) -> frozenset[bytes]:
        column = next(name for name, rule in self._mapping.columns.items() if rule.claim == kind.record_key)
        with ConflictFinder() as finder:
            for path in self._files:
                with open_register(path, sheet=self._sheet, declared=self._declared) as reader:
                    mapper = self._mapping.bind(kind, reader.columns)
                    rows = (row for row in reader if isinstance(row, RawRow))
                    if only is None:
                        finder.note((_key_text(secret, row, column), _hash(secret, row.raw)) for row in rows)
                    else:
                        some = (row for row in rows if _key_text(secret, row, column) in only)
                        finder.note(_mapped_pairs(some, mapper, kind, issuer_code, vault))
            return finder.conflicting()


def _mapped_pairs(
    rows: Iterator[RawRow], mapper: RowMapper, kind: CertificateType, issuer_code: str, vault: Vault
) -> Iterator[tuple[bytes, bytes]]:
    for row in rows:
        mapped = mapper.apply(row)
        if isinstance(mapped, Mapped):
            item = weighed(mapped, kind, issuer_code, vault, as_of=_EPOCH, today=_EPOCH.date())
            yield item.record_hash, item.fingerprint


def _key_text(secret: bytes, row: RawRow, column: str) -> bytes:
    # Spellings that mapping would repair to one key must meet here already.
    text = row.cells[column]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _hash(secret, "".join(text.split()).upper())


def _hash(secret: bytes, text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), key=secret, digest_size=_HASH_BYTES).digest()
