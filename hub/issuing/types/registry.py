"""The certificate types in force, compiled once and kept in memory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import structlog
from sqlalchemy import Connection

from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.loading import load_type
from certificates.errors import TypeDefinitionError
from certificates.stores.types import StoredType, stored_types
from hub.issuing.types.guard import check_type, count_of_changes, newest_standing
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TypeInForce:
    """A certificate type and its version number in this hub."""

    type: CertificateType
    version: int


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was read at once, so that no reader meets half of it. `changes` None: nothing was read yet."""

    changes: int | None = None
    current: Mapping[str, TypeInForce] = field(default_factory=dict)
    versions: Mapping[tuple[str, int], CertificateType] = field(default_factory=dict)


class TypeRegistry:
    """Types by code; old versions stay readable for the licences issued under them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._loaded = _Loaded()

    def load(self, tx: Connection) -> None:
        """Read the types when one of them has changed since; called at start, after a change, and every few seconds.

        A version that the hub did not write, or cannot read, is an alarm and is left out: nothing is issued or shown
        under it, and the others go on.
        """
        changes = count_of_changes(tx)
        if changes == self._loaded.changes:
            return
        found = stored_types(tx)
        believed = [(stored, kind) for stored in found if (kind := self._believed(stored)) is not None]
        standing = newest_standing(tx, found)
        self._loaded = _Loaded(
            changes,
            MappingProxyType(
                {
                    stored.code: TypeInForce(kind, stored.version)
                    for stored, kind in believed
                    if stored.id in standing and stored.retired_at is None
                }
            ),
            MappingProxyType({(stored.code, stored.version): kind for stored, kind in believed}),
        )
        if len(standing) < len({stored.code for stored in found}):
            told = sorted({stored.code for stored in found} - {item.code for item in found if item.id in standing})
            _log.error("type_put_back", alarm=True, types=told)

    def learn(self, tx: Connection, versions: Collection[tuple[str, int]]) -> None:
        """Make sure that these versions are known: another process may have made one, and issued under it, just now."""
        if not self._loaded.versions.keys() >= set(versions):
            self.load(tx)

    def current(self) -> Mapping[str, TypeInForce]:
        """Types in force by code; a retired one is not among them."""
        return self._loaded.current

    def codes(self) -> tuple[str, ...]:
        """Every code that a licence may have, those of retired types too."""
        return tuple(dict.fromkeys(code for code, _ in self._loaded.versions))

    def newest(self, code_or_slug: str) -> CertificateType | None:
        """The newest version of a type by code or short name, though it be retired: its licences still are."""
        found = [
            (number, item)
            for (code, number), item in self._loaded.versions.items()
            if code_or_slug in {code, item.slug}
        ]
        return max(found, key=lambda pair: pair[0], default=(0, None))[1]

    def version(self, code: str, version: int) -> CertificateType:
        """A type as it was at one version. Raises KeyError."""
        return self._loaded.versions[code, version]

    def find(self, code_or_slug: str) -> TypeInForce | None:
        """A type in force by code or by its short name."""
        known = self._loaded.current.get(code_or_slug)
        if known is not None:
            return known
        return next((item for item in self._loaded.current.values() if item.type.slug == code_or_slug), None)

    def _believed(self, stored: StoredType) -> CertificateType | None:
        try:
            check_type(self._vault, stored)
            return load_type(stored.definition)
        except (IntegrityBrokenError, TypeDefinitionError) as error:
            _log.error("type_not_believed", alarm=True, type=stored.id, error=type(error).__name__)
            return None
