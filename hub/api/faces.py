"""Faces 版面: files of a licence for its issuer, files of purpose copies for their receiver, previews for designers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from certificates.stores.version import VersionRecord
from hub.access.service import Caller
from hub.api.certificates import IdentifierText
from hub.deps import CallerDep, HubDep, LanguageDep, StaffDep, UuidText
from hub.edge.body import Body, read_json
from hub.issuing.renditions.face_preview import PreviewOrder
from hub.issuing.renditions.files import LicenceFile

router = APIRouter(prefix="/api/v1", tags=["faces"])
MAX_PREVIEW_BYTES = 262_144


class PreviewBody(Body):
    """What to set: a template to be tried out, else the one that the type has. `page` is the page of a picture."""

    template: Annotated[str, Field(min_length=1, max_length=65536)] | None = None
    language: Literal["zh-CN", "en"] = "zh-CN"
    output: Literal["pdf", "png"] = "pdf"
    page: Annotated[int, Field(ge=1, le=100)] = 1
    long_values: bool = False


BODIES = (PreviewBody,)


@router.get("/certificates/{identifier}/file", summary="A file of a licence 证照文件")
async def get_file(
    identifier: IdentifierText,
    caller: CallerDep,
    hub: HubDep,
    language: LanguageDep,
    wanted: Annotated[Literal["sd-jwt", "json", "pdf", "ofd"], Query(alias="format")] = "sd-jwt",
) -> Response:
    """For systems of the issuing department; each look is on the ledger before the bytes leave.

    A page (pdf, ofd) is made when first asked for, and only of a version that is valid today.
    """

    def own(version: VersionRecord) -> bool:
        return version.owner_department_id == caller.department_id

    return _sent(await hub.faces.files.give(identifier, wanted, language=language, by=_by(caller), allowed=own))


@router.get("/evidence-requests/{request_id}/copies/{number}", summary="A purpose copy as a file 加注件文件")
async def get_copy(
    request_id: UuidText,
    number: Annotated[int, Field(ge=1, le=1000)],
    caller: CallerDep,
    hub: HubDep,
    language: LanguageDep,
    wanted: Annotated[Literal["pdf", "ofd", "json"], Query(alias="format")] = "pdf",
) -> Response:
    """The purpose copy of this number in an answer of the caller's own, while case and grants hold: a watermarked page,
    or its signed metadata (json). Nothing but what was granted is in either.
    """
    return _sent(await hub.faces.copies.give(caller, request_id, number, wanted=wanted, language=language))


@router.post(
    "/certificate-types/{code}/face/preview",
    summary="Preview a face with sample values 版面预览",
    openapi_extra={"x-body": "PreviewBody"},
)
async def preview(
    code: Annotated[str, Field(pattern=r"^[0-9A-Za-z_]{1,64}$")], request: Request, actor: StaffDep, hub: HubDep
) -> Response:
    """A PDF, or one page as a picture; a faulty template comes back with line and column of what is wrong."""
    body, _ = await read_json(request, PreviewBody, max_bytes=MAX_PREVIEW_BYTES)
    order = PreviewOrder(body.template, body.language, body.output, body.long_values)
    made = await hub.faces.preview.show(actor, code, order)
    content = made.files[min(body.page, len(made.files)) - 1]
    media_type = "application/pdf" if body.output == "pdf" else "image/png"
    return Response(content, media_type=media_type, headers={"Cache-Control": "no-store"})


def _by(caller: Caller) -> dict[str, str]:
    return {"kind": "system", "id": caller.system_id}


def _sent(file: LicenceFile) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
    return Response(file.content, media_type=file.media_type, headers=headers)
