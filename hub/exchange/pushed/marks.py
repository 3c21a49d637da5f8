"""By which marks a disclosure of pushed rows is remembered."""

from collections.abc import Mapping
from typing import Any

from catalog.source_store import StoredSource
from hub.exchange.pushed.batch import Hashes, key_text
from hub.exchange.uses import of_row
from hub.storage.vault import Vault


def row_marks(source: StoredSource, operation: Mapping[str, Any], params: Mapping[str, Any], vault: Vault) -> list[str]:
    """The row that was asked for, as it was looked up; none for a source that does not push."""
    if source.definition.kind != "push" or "key" not in operation:
        return []
    columns = {column: key_text(params[name]) for column, name in operation["key"].items()}
    known = {column: text for column, text in columns.items() if text is not None}
    hashes = Hashes(source.id, lookup=vault.lookup_hash, fingerprint=vault.fingerprint_key())
    return [of_row(hashes.way(operation["dataset"], known))]
