"""Whom a demand most likely concerns: the departments whose duties, names and resources its words lead to."""

from collections.abc import Mapping
from typing import Any, Final

from hub.registry.search.documents import EntryKind
from hub.registry.search.service import CatalogueSearch
from hub.registry.viewers import Viewer

MOST: Final = 5
_LOOKED_AT: Final = 15
_EVERYTHING: Final = Viewer(None, everything=True)
_SAYS: Final[Mapping[EntryKind, float]] = {
    EntryKind.DEPARTMENT: 1.5,
    EntryKind.CERTIFICATE_TYPE: 1.0,
    EntryKind.INTERFACE: 1.0,
    EntryKind.MATTER: 0.4,
}
"""A department's own duties say more than a neighbouring resource; a matter only asks for the data."""
_FIELD_SHARE: Final = 0.3
_NOTICED: Final = 0.3
"""Weaker candidates are not bothered: the operator decides."""


async def likely_owners(search: CatalogueSearch, wanted: Mapping[str, Any]) -> list[str]:
    """Ids of departments, likeliest first; empty when nothing points anywhere.

    Drafts count too: whoever is about to publish it is the one to ask. Nothing of them is shown to the asker.
    """
    points: dict[str, float] = {}
    asked = [(str(wanted["what"]), 1.0), *((str(name), _FIELD_SHARE) for name in wanted.get("fields", ()))]
    for query, share in asked:
        found = await search.find(_EVERYTHING, query, count=_LOOKED_AT)
        top = found[0][1] if found else 0.0
        for document, score in found:
            if top > 0 and document.owner_department_id:
                told = share * _SAYS[document.kind] * score / top
                points[document.owner_department_id] = (
                    max(points.get(document.owner_department_id, 0.0), told) + told / 10
                )
    ranked = sorted(points, key=lambda department: (-points[department], department))
    return [department for department in ranked if points[department] >= _NOTICED][:MOST]
