"""What happened in a case 办件动态."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from hub.api.cases import CaseNo
from hub.deps import CallerDep, HubDep

router = APIRouter(prefix="/api/v1", tags=["cases"])


@router.get("/cases/{case_no}/events", summary="What happened in a case 办件动态")
async def events(
    case_no: CaseNo, caller: CallerDep, hub: HubDep, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> JSONResponse:
    """Numbered from 1 without gaps, in order, at most 200 behind `after`; of a closed case too. Each is what webhooks
    of these kinds tell: no person and no value.
    """
    return JSONResponse({"events": await hub.case_events.of_case(caller, case_no, after=after)})
