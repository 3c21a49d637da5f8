"""What a holder is told 通知, and of which kinds he wants a message besides. By his own session alone."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.me import ActingHolderDep, Cursor, said
from hub.citizens.notices.service import Choice, Notice
from hub.citizens.paging import Pages
from hub.clock import rfc3339
from hub.deps import HubDep, LanguageDep, UuidText
from hub.edge.body import Body, read_json
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me/notices", tags=["me"])


class NoticeChoicesBody(Body):
    """`messages`: the kinds of which he wants a message besides; what is `legal` comes in any case."""

    messages: Annotated[tuple[Annotated[str, Field(max_length=30)], ...], Field(max_length=100)]


BODIES: Final = (NoticeChoicesBody,)


@router.get("", summary="Own notices 本人通知")
async def notices(holder: HolderDep, hub: HubDep, language: LanguageDep, cursor: Cursor = None) -> JSONResponse:
    """The newest first. `unread` counts up to 100."""
    pages = Pages(hub.catalogue.cursors, holder, "notices")
    found, behind = await hub.citizens.notices.listed(holder, pages.after(cursor))
    told = [_notice(item, language) for item in found]
    unread = await hub.citizens.notices.unread(holder)
    return JSONResponse({"notices": told, "unread": unread, "next": pages.next(behind)})


@router.get("/choices", summary="Which come as a message too 通知方式")
async def choices(holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """Every kind there is."""
    found = await hub.citizens.notices.choices(holder)
    return JSONResponse({"choices": [_choice(item, language) for item in found]})


@router.put(
    "/choices", summary="Choose which come as a message too 选择通知方式", openapi_extra={"x-body": "NoticeChoicesBody"}
)
async def choose(request: Request, holder: ActingHolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """All of them stand in the portal whatever he chooses. Names of no kind are passed over."""
    body, _ = await read_json(request, NoticeChoicesBody, max_bytes=hub.settings.max_body_bytes)
    await hub.citizens.notices.choose(holder, body.messages)
    found = await hub.citizens.notices.choices(holder)
    return JSONResponse({"choices": [_choice(item, language) for item in found]})


@router.post("/{notice_id}/read", summary="He has read it 已读")
async def read(notice_id: UuidText, holder: ActingHolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """Again is nothing. Another's is 404."""
    return JSONResponse(_notice(await hub.citizens.notices.read(holder, notice_id), language))


def _notice(item: Notice, language: str) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind.value,
        "text": said(item.words, language),
        "page": item.page,
        "legal": item.legal,
        "made_at": rfc3339(item.made_at),
        "read_at": rfc3339(item.read_at) if item.read_at else None,
    }


def _choice(item: Choice, language: str) -> dict[str, Any]:
    return {
        "kind": item.kind.value,
        "text": said(item.words, language),
        "legal": item.legal,
        "message": item.message,
    }
