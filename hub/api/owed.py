"""What is owed to a case 部门欠件."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from hub.api.cases import CaseNo
from hub.deps import CallerDep, HubDep

router = APIRouter(prefix="/api/v1", tags=["evidence"])


@router.get("/cases/{case_no}/owed", summary="What is owed to a case 部门欠件")
async def owed(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """All debts to the case, ended ones too: who owes what until when, and of what was paid where the answer lies."""
    return JSONResponse({"owed": await hub.owed.of_case(caller, case_no)})
