"""What the search knows of an entry of the catalogue: words to find it by, values to count it by, who may see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class EntryKind(StrEnum):
    """Kinds of entries, in the order in which equals are shown."""

    CERTIFICATE_TYPE = "certificate_type"
    INTERFACE = "interface"
    MATTER = "matter"
    DEPARTMENT = "department"


_NO_TEXT: Final[Mapping[str, str]] = MappingProxyType({"zh": "", "en": ""})
FACETS: Final = ("kind", "department", "theme", "sharing", "update_cycle", "state")


def no_text() -> Mapping[str, str]:
    """Nothing, in both languages."""
    return _NO_TEXT


@dataclass(frozen=True, slots=True)
class Document:
    """One entry. `facets` has a value for each facet that applies; `keywords` and `names` weigh like the title.

    `public` entries are seen by everybody who may search, others by their own department. `ends_at`: gone from then on.
    """

    key: str
    kind: EntryKind
    code: str
    title: Mapping[str, str]
    owner_department_id: str
    public: bool
    facets: Mapping[str, str]
    summary: Mapping[str, str] = field(default_factory=no_text)
    department: Mapping[str, str] = field(default_factory=no_text)
    keywords: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    version: int | None = None
    ends_at: datetime | None = None
    published_at: datetime | None = None
    codes: tuple[str, ...] = field(default=())
    """Further codes that name it: the short name of a certificate type, the code of a department that was merged in."""

    @property
    def order(self) -> tuple[int, str, str]:
        """Where it stands among equals."""
        return (_ORDER[self.kind], self.code, self.key)


_ORDER: Final = {kind: place for place, kind in enumerate(EntryKind)}
