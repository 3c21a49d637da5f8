"""What a holder objects to 异议, and what he asks about a look at his data. By his own session alone."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.me import ActingHolderDep, Cursor
from hub.citizens.objections.handing import Handed
from hub.citizens.objections.values import TEXT_MOST, Kind, Said, Told
from hub.citizens.once import Once
from hub.citizens.paging import Pages
from hub.clock import rfc3339
from hub.deps import HubDep, KeyDep, LanguageDep, UuidOrEmpty, UuidText, limit
from hub.edge.body import Body, parse, read_json
from hub.edge.multipart import is_multipart, read_multipart
from hub.intake.lower.papers.checking import MOST_BYTES
from hub.registry.meanings import Words
from hub.runtime import Hub
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me/objections", tags=["me"])
FORM_BYTES: Final = MOST_BYTES + 65_536
BODY_LIMITS: Final = {r"/api/v1/me/objections": FORM_BYTES}
PER_MINUTE: Final = 10
"""Of one holder: each may carry ten megabytes."""


class ObjectionBody(Body):
    """`licence`, `claim`, `not_loading`: `identifier` of his licence, and `claim`, the name of what is wrong in it.
    `missing`: `type`, the code of a type, and `department`, the code of whose it would be. `access`: `entry`, the id of
    an entry of `GET /api/v1/me/accesses`. `field`: such an `entry`, and as `claim` the name of what an
    interface gave there. A scan comes as multipart: `file` beside these names.
    """

    kind: Literal["licence", "claim", "not_loading", "missing", "access", "field"]
    text: Annotated[str, Field(min_length=1, max_length=TEXT_MOST)]
    identifier: Annotated[str, Field(max_length=128)] = ""
    claim: Annotated[str, Field(max_length=140)] = ""
    type: Annotated[str, Field(max_length=64)] = ""
    department: Annotated[str, Field(pattern=r"^([0-9A-Z]{18})?$")] = ""
    entry: UuidOrEmpty = ""


class ReviewBody(Body):
    """Why the refusal is wrong."""

    text: Annotated[str, Field(min_length=1, max_length=TEXT_MOST)]


BODIES: Final = (ObjectionBody, ReviewBody)


@router.post("", status_code=201, summary="Object 提出异议", openapi_extra={"x-body": "ObjectionBody"})
async def object_(
    request: Request, holder: ActingHolderDep, hub: HubDep, language: LanguageDep, key: KeyDep
) -> JSONResponse:
    """Into the queue of the department, with a clock. While it runs, later readers of the licence see that it is
    disputed. One that runs about the same is a 409.
    """
    await limit(request, f"object:{holder.id}", PER_MINUTE)
    said, digest = await said_of(request, hub)
    once = Once(key, digest) if key else None
    made = await hub.citizens.objections.raise_(holder, said, once=once)
    return JSONResponse(shown(await hub.citizens.objections.one(holder, made), language), status_code=201)


@router.get("", summary="Own objections 本人异议")
async def objections(holder: HolderDep, hub: HubDep, language: LanguageDep, cursor: Cursor = None) -> JSONResponse:
    """The newest first, each with its answer."""
    pages = Pages(hub.catalogue.cursors, holder, "objections")
    page = await hub.citizens.objections.listed(holder, pages.after(cursor))
    found = [shown(item, language) for item in page.items]
    return JSONResponse({"objections": found, "next": pages.next(page.behind)})


@router.get("/{objection_id}", summary="One of them 单条异议")
async def objection(objection_id: UuidText, holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """With the signed answer, which counts as seen from now on, where it was handed on, and whether and by whom a
    refusal can be reviewed. Another's is 404.
    """
    return JSONResponse(await shown_in_full(hub, await hub.citizens.objections.one(holder, objection_id), language))


@router.post("/{objection_id}/withdraw", summary="Withdraw it 撤回异议")
async def withdraw(objection_id: UuidText, holder: ActingHolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """While it runs; later is a 409."""
    await hub.citizens.objections.withdraw(holder, objection_id)
    return JSONResponse(shown(await hub.citizens.objections.one(holder, objection_id), language))


@router.post(
    "/{objection_id}/review",
    status_code=201,
    summary="Have a refused one looked at again 申请复核",
    openapi_extra={"x-body": "ReviewBody"},
)
async def review(
    objection_id: UuidText,
    request: Request,
    holder: ActingHolderDep,
    hub: HubDep,
    language: LanguageDep,
    key: KeyDep,
) -> JSONResponse:
    """Once, within sixty days, by the superior of the department that refused, or, where none is named, by the operator
    of the hub: an objection of its own. What a superior upholds the department is ordered to correct (`ordered`).
    """
    body, raw = await read_json(request, ReviewBody, max_bytes=hub.settings.max_body_bytes)
    once = Once(key, hashlib.sha256(raw).hexdigest()) if key else None
    made = await hub.citizens.reviewing.ask(holder, objection_id, body.text, once=once)
    return JSONResponse(shown(await hub.citizens.objections.one(holder, made), language), status_code=201)


async def said_of(request: Request, hub: Hub) -> tuple[Said, str]:
    """What is said, as JSON or multipart, and the digest of the request."""
    if is_multipart(request):
        form = await read_multipart(request, max_bytes=FORM_BYTES)
        body, scan = parse(ObjectionBody, dict(form.fields)), form.files.get("file")
        raw = repr(sorted(form.fields.items())).encode() + (scan or b"")
    else:
        body, raw = await read_json(request, ObjectionBody, max_bytes=hub.settings.max_body_bytes)
        scan = None
    said = Said(
        kind=Kind(body.kind),
        text=body.text,
        identifier=body.identifier,
        claim=body.claim,
        type_code=body.type,
        department=body.department,
        entry=body.entry,
        scan=scan,
    )
    return said, hashlib.sha256(raw).hexdigest()


async def shown_in_full(hub: Hub, item: Told, language: str) -> dict[str, Any]:
    """One, with where it was handed on, and by whom (null: the operator), until when a refusal can be reviewed."""
    offer = (await hub.citizens.reviewing.offers([item])).get(item.id)
    return shown(item, language) | {
        "handed": handed_json(await hub.citizens.handing.path(item.id)),
        "can_review": {"by": dict(offer.department) or None, "until": rfc3339(offer.until)} if offer else None,
    }


def handed_json(path: Sequence[Handed]) -> list[dict[str, Any]]:
    """Where it went, the first step first."""
    return [
        {
            "from": {"zh": step.names[0][0], "en": step.names[0][1]},
            "to": {"zh": step.names[1][0], "en": step.names[1][1]},
            "reason": step.reason,
            "at": rfc3339(step.at),
        }
        for step in path
    ]


def shown(item: Told, language: str) -> dict[str, Any]:
    """One as its holder, and whoever answers it, reads it."""

    def said(words: Words) -> str:
        return words[1] if language == "en" else words[0]

    return {
        "id": item.id,
        "kind": item.kind.value,
        "state": item.state.value,
        "channel": item.channel,
        "review": item.review,
        "ordered": item.ordered,
        "what": said(item.what),
        "part": said(item.part),
        "identifier": item.identifier or None,
        "text": item.text,
        "scan": item.file or None,
        "department": dict(item.department) or None,
        "raised_at": rfc3339(item.raised_at),
        "due_at": rfc3339(item.due_at),
        "overdue": item.overdue,
        "ended_at": rfc3339(item.ended_at) if item.ended_at else None,
        "answer": {name: item.answer[name] for name in ("result", "reason", "next", "answered_at", "signed_by")}
        | {"departments": item.answer.get("departments", []), "jws": item.answer["token"]}
        if item.answer
        else None,
    }
