"""Everything published, as core metadata, in pages: for the national sheet."""

from collections.abc import AsyncIterator

from catalog.metadata import CoreMetadata
from hub.registry.catalogue.catalogue import Catalogue
from hub.registry.search.documents import EntryKind
from hub.registry.search.service import MAX_LIMIT, Ask
from hub.registry.viewers import Viewer

_RESOURCES = (EntryKind.CERTIFICATE_TYPE.value, EntryKind.INTERFACE.value)


async def published(catalogue: Catalogue, viewer: Viewer, *, department: str = "") -> AsyncIterator[CoreMetadata]:
    """Published certificate types and interfaces in the order of the catalogue, of one department or of all.

    Read page by page: an entry that is published or withdrawn meanwhile is in it or not.
    """
    filters = {"kind": _RESOURCES} | ({"department": (department,)} if department else {})
    cursor = None
    while True:
        page = await catalogue.search.search(viewer, Ask("", filters, MAX_LIMIT, cursor))
        keys = [(hit.document.kind.value, hit.document.code) for hit in page.hits if hit.document.public]
        for entry in await catalogue.reader.metadata(viewer, keys):
            yield entry
        cursor = page.cursor
        if cursor is None:
            return
