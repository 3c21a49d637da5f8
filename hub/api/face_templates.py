"""Templates of faces that a designer wrote for a type, read back: every version, and the text of one."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from hub.api.certificate_types import CodeText
from hub.deps import HubDep, StaffDep

router = APIRouter(prefix="/api/v1/certificate-types", tags=["faces"])
_NUMBER: Final = "0: the one that ships; default: what is in force 0 为随附版面，缺省为现行"
Number = Annotated[int | None, Query(ge=0, le=2**31 - 1, description=_NUMBER)]


@router.get("/{code}/face/templates", summary="Versions of a type's own template 版面模板的版本")
async def list_templates(code: CodeText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """Newest first, each with its proposer, reason and confirmer; `shipped` is true where the type went back."""
    return JSONResponse((await hub.faces.templates.history(actor, code)).as_json())


@router.get("/{code}/face/template", summary="The text of a template 版面模板全文")
async def get_template(code: CodeText, hub: HubDep, actor: StaffDep, version: Number = None) -> Response:
    """As it was written, in Typst; to be changed and proposed again by `POST /api/v1/proposals`."""
    text = await hub.faces.templates.text(actor, code, version)
    return Response(text, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})
