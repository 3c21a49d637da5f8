"""Replaying a case 办件复核, for auditors."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from hub.api.cases import CaseNo
from hub.deps import HubDep, LanguageDep, StaffDep

router = APIRouter(prefix="/api/v1", tags=["cases"])


@router.get("/replays/{case_no}", summary="A case judged again 办件复核")
async def replay(case_no: CaseNo, hub: HubDep, actor: StaffDep, language: LanguageDep) -> JSONResponse:
    """Every decision, whether the rules and data of its day give it again, and by which rule; no value.
    Of a campaign, `campaign` counts the holders and lists those that are not the same. For auditors; each is an entry.
    """
    return JSONResponse(await hub.replaying.replay(actor, case_no, language))
