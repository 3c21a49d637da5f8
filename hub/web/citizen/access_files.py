"""Who looked, as a file to take along: a table, or JSON whose entries somebody else's program proves without the hub.

Both hold what the list shows, to its end or to a limit, which they say. The proofs show that an entry of this id and
time stands in the log; that its words are what the entry committed to is the hub's to check, as on the page.
"""

import csv
import io
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.citizens.access_filter import Wanted
from hub.citizens.accesses import Access
from hub.citizens.values import Holder, Whose
from hub.clock import rfc3339
from hub.collection.report import spreadsheet_safe
from hub.deps import limit
from hub.ledger.checking import FORMAT
from hub.ledger.proofs import InclusionProof, prove_each
from hub.runtime import Hub
from hub.web.citizen.access_told import HEADS, Told, access_json, cells_of

Form = Literal["csv", "json"]
MOST: Final[Mapping[Form, int]] = {"csv": 20_000, "json": 1000}
"""So many entries, the newest, are in one file; older ones by their days."""
FILES_PER_MINUTE: Final = 10
_STEP: Final = 500
_CUT: Final = ("更早的记录不在本文件中，请按日期下载", "Older entries are not in this file: fetch them by their days")


async def count_file(request: Request, holder: Holder) -> None:
    """Before each: one that is not given is no look, and no entry of the principal's. Raises: RateLimitedError."""
    await limit(request, f"record:{holder.id}", FILES_PER_MINUTE)


async def file_of(hub: Hub, whose: Whose, wanted: Wanted, form: Form, t: Told) -> Response:
    """The file; `count_file` comes first."""
    found, whole = await _all(hub, whose, wanted, MOST[form])
    named = {"Content-Disposition": f'attachment; filename="who-looked.{form}"'}
    if form == "csv":
        # With a byte order mark: without one, spreadsheets in China read the file as GBK.
        text = "\ufeff" + _table(found, t, whole=whole)
        return Response(text, media_type="text/csv; charset=utf-8", headers=named)
    return JSONResponse(await _proven(hub, found, wanted, t, whole=whole), headers=named)


def _table(found: list[Access], t: Told, *, whole: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([t(*head) for head in HEADS])
    for item in found:
        writer.writerow(map(spreadsheet_safe, cells_of(item, t)))
    if not whole:
        writer.writerow([t(*_CUT)])
    return text.getvalue()


async def _proven(hub: Hub, found: list[Access], wanted: Wanted, t: Told, *, whole: bool) -> dict[str, Any]:
    ids = [item.id for item in found]
    proofs = await hub.database.read(lambda tx: prove_each(tx, ids, under=hub.witnessing.under(tx)))
    return {
        "format": FORMAT,
        "hub": hub.settings.public_url,
        "made_at": rfc3339(hub.clock()),
        "asked": wanted.as_json(),
        "complete": whole,
        "checkpoints": {str(proof.size): proof.note for proof in proofs.values()},
        "accesses": [access_json(item, t) | {"proof": _proof(proofs.get(item.id))} for item in found],
    }


def _proof(found: InclusionProof | None) -> dict[str, Any] | None:
    """None: no signed checkpoint covers the entry yet, which takes a second."""
    if found is None:
        return None
    path = [b64encode(node).decode() for node in found.path]
    return {"leaf": found.leaf_data.decode(), "index": found.index, "size": found.size, "path": path}


async def _all(hub: Hub, whose: Whose, wanted: Wanted, most: int) -> tuple[list[Access], bool]:
    """So many, and whether that is all of them."""
    found: list[Access] = []
    after: str | None = None
    while len(found) < most:
        page, after = await hub.citizens.accesses.listed(
            whose, after, wanted=wanted, size=min(_STEP, most - len(found))
        )
        found += page
        if after is None:
            return found, True
    return found, False
