"""Archives 归档 of one's own closed cases."""

from fastapi import APIRouter, Response

from hub.api.cases import CaseNo
from hub.deps import CallerDep, HubDep

router = APIRouter(prefix="/api/v1", tags=["cases"])


@router.get("/cases/{case_no}/archive", summary="The archive of one's own closed case 办件归档包")
async def get_archive(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> Response:
    """A zip that verifies without the hub; the look is on the ledger. Somebody else's case is a 404; an open one a 409.

    Made within seconds of the closing: until then 503 with Retry-After.
    """
    file = await hub.archives.give(caller, case_no)
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Cache-Control": "no-store",
        "ETag": f'"{file.digest}"',
    }
    return Response(file.data, media_type="application/zip", headers=headers)
