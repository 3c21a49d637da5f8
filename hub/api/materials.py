"""Material codes 材料编码 of an approval system."""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.deps import CallerDep, HubDep
from hub.edge.body import Body, read_json

router = APIRouter(prefix="/api/v1", tags=["cases"])
Named = Annotated[str, Field(min_length=1, max_length=64)]
Code = Annotated[str, Field(min_length=1, max_length=100)]


class MaterialsBody(Body):
    """By matter and requirement; a matter with no codes goes by its own again."""

    materials: Annotated[
        dict[Named, Annotated[dict[Named, Code], Field(max_length=100)]], Field(min_length=1, max_length=200)
    ]


BODIES: Final = (MaterialsBody,)


@router.get("/systems/self/materials", summary="One's own material codes 材料编码")
async def own_materials(caller: CallerDep, hub: HubDep) -> JSONResponse:
    """By matter and requirement; what is not named here goes by the matter's own `material`."""
    return JSONResponse({"materials": await hub.materials.own(caller)})


@router.put("/systems/self/materials", summary="Name them 登记材料编码", openapi_extra={"x-body": "MaterialsBody"})
async def put_materials(request: Request, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """Replaces the codes of the matters that are named, all or nothing. Several requirements may share a code. Answers
    carry it as `material`, and requests may name `materials` instead of `requirements`.
    """
    body, _ = await read_json(request, MaterialsBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse({"materials": await hub.materials.put(caller, body.materials)})
