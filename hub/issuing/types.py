"""The certificate types in force, compiled once and kept in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from sqlalchemy import Connection

from certificates.store import type_definitions
from certificates.types import CertificateType, load_type


@dataclass(frozen=True, slots=True)
class TypeInForce:
    """A certificate type and its version number in this hub."""

    type: CertificateType
    version: int


class TypeRegistry:
    """Types by code; old versions stay readable for the licences issued under them."""

    def __init__(self) -> None:
        self._current: Mapping[str, TypeInForce] = MappingProxyType({})
        self._versions: Mapping[tuple[str, int], CertificateType] = MappingProxyType({})

    def load(self, tx: Connection) -> None:
        """Read all types again; called at start and after a change."""
        rows = type_definitions(tx)
        versions = {(code, version): _compiled(definition) for code, _, version, _, definition in rows}
        self._versions = MappingProxyType(versions)
        self._current = MappingProxyType(
            {code: TypeInForce(versions[code, version], version) for code, _, version, current, _ in rows if current}
        )

    def current(self) -> Mapping[str, TypeInForce]:
        """Types in force by code."""
        return self._current

    def version(self, code: str, version: int) -> CertificateType:
        """A type as it was at one version. Raises KeyError."""
        return self._versions[code, version]

    def find(self, code_or_slug: str) -> TypeInForce | None:
        """A type in force by code or by its short name."""
        known = self._current.get(code_or_slug)
        if known is not None:
            return known
        return next((item for item in self._current.values() if item.type.slug == code_or_slug), None)


@lru_cache(maxsize=2000)
def _compiled(definition: str) -> CertificateType:
    return load_type(definition)
