"""A holder's dossier 人生档案 by the API: one licence laid open, and having missing ones collected."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.responses import Response

from hub.api.me import ActingHolderDep, licence_json, said
from hub.citizens.dossier.at_source import ASKED_PER_MINUTE
from hub.citizens.dossier.cards import WORDS, wanted_by
from hub.citizens.dossier.fetching_store import Asked
from hub.citizens.dossier.folder import OPENED_PER_MINUTE
from hub.citizens.dossier.missing import Lack
from hub.citizens.dossier.ways import Way
from hub.citizens.licences import Licence
from hub.citizens.paging import Pages
from hub.citizens.values import SEES_OWN, Holder
from hub.clock import rfc3339
from hub.deps import HubDep, LanguageDep, limit
from hub.edge.body import Body, read_json
from hub.issuing.transitions.reading import event_json
from hub.registry.meanings import Words
from hub.web.citizen.visit import HolderDep
from hub.web.console.forms import check_not_sent

router = APIRouter(prefix="/api/v1/me", tags=["me"])
IdentifierPath = Annotated[str, Path(max_length=200)]
VersionPath = Annotated[int, Path(ge=1, le=999)]
Wanted = Annotated[str, Query(alias="format", pattern=r"^(sd-jwt|json|pdf|ofd)$")]
_OF_AN_ACT: Final = (
    "operation", "from", "to", "reason_code", "reason", "legal_basis", "effective_at", "recorded_at",
)  # fmt: skip
"""What a holder is told of an act. Who of a department did it, in which run or batch, is the department's own business,
and what took its place may be somebody else's licence.
"""


class FindBody(Body):
    """What is looked for: words of the kind's name in either language, a stage of life, how it stands."""

    words: Annotated[str, Field(max_length=WORDS)] = ""
    stage: Annotated[str, Field(max_length=20)] = ""
    standing: Annotated[str, Field(max_length=20, description="stands, soon, over")] = ""
    cursor: Annotated[str | None, Field(max_length=1024)] = None


BODIES: Final = (FindBody,)


@router.post("/certificates/find", summary="Find licences 查找证照", openapi_extra={"x-body": "FindBody"})
async def find(request: Request, holder: ActingHolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """By stages of life, as on the page; posted, so that neither address nor log has what is looked for."""
    body, _ = await read_json(request, FindBody, max_bytes=hub.settings.max_body_bytes)
    holder.require(SEES_OWN)
    pages = Pages(hub.catalogue.cursors, holder, "dossier.find")
    wanted = wanted_by(stage=body.stage, words=body.words, standing=body.standing)
    shelf = await hub.dossier.cards.page(holder.id, wanted=wanted, after=pages.after(body.cursor))
    cards = [licence_json(card, language) for card in shelf.cards]
    return JSONResponse({"certificates": cards, "found": shelf.found, "next": pages.next(shelf.behind)})


@router.get("/certificates/{identifier}/history", summary="What was done to it 证照经过")
async def history(identifier: IdentifierPath, holder: HolderDep, hub: HubDep) -> JSONResponse:
    """Every version with every act on it, day, reason and legal basis; what took its place, where that is his, too."""
    return await history_of(hub.dossier.own(holder), identifier)


@router.get("/certificates/{identifier}/claims", summary="What it says 证照内容")
async def claims(
    request: Request, identifier: IdentifierPath, holder: HolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """Everything that the signed licence says. The look is on the ledger before the answer leaves. Of an index record
    its source is asked now (`custody: index`), and nothing of the answer is kept.
    """
    return await claims_of(request, holder, hub.dossier.own(holder), identifier, language)


@router.get("/certificates/{identifier}/versions/{version}/claims", summary="What it said before 以前版本的内容")
async def earlier_claims(
    request: Request,
    identifier: IdentifierPath,
    version: VersionPath,
    holder: HolderDep,
    hub: HubDep,
    language: LanguageDep,
) -> JSONResponse:
    """What a version said that another has replaced since: no proof of anything that holds now. On the ledger first."""
    return await earlier_of(request, holder, hub.dossier.own(holder), (identifier, version), language)


@router.get("/certificates/{identifier}/file", summary="A file of it 证照文件")
async def file(
    request: Request,
    identifier: IdentifierPath,
    holder: HolderDep,
    hub: HubDep,
    language: LanguageDep,
    wanted: Wanted = "pdf",
) -> Response:
    """Made when it is first asked for; on the ledger before it leaves."""
    return await file_of(request, holder, hub.dossier.own(holder), (identifier, wanted), language)


@router.get("/collection", summary="What is missing 缺少的证照")
async def missing(holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """What could be collected, and how far the last collection has come."""
    return await lacks_of(hub.dossier.own(holder), language)


@router.post("/collection", status_code=202, summary="Have mine collected 一键归集")
async def collect(holder: ActingHolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """Asks every source that can be asked about one person, in a job; once an hour (429)."""
    return await collected_of(hub.dossier.own(holder), language)


async def history_of(way: Way, identifier: str) -> JSONResponse:
    """Of a licence of the dossier that the way leads to."""
    await way.one(identifier)
    leaf = await way.leaf(identifier)
    versions = [
        {
            "identifier": version.identifier,
            "version": version.version,
            "made_at": rfc3339(leaf.history.lifetimes[version.id].made_at),
            "acts": [
                {name: told[name] for name in _OF_AN_ACT}
                for told in map(event_json, leaf.history.lifetimes[version.id].events)
            ],
        }
        for version in leaf.history.versions
    ]
    found = {"stage": leaf.licence.stage.value, "formats": list(leaf.formats), "successor": leaf.successor}
    return JSONResponse(found | {"versions": versions})


async def claims_of(request: Request, holder: Holder, way: Way, identifier: str, language: str) -> JSONResponse:
    """As `claims`."""
    licence = await _opening(request, holder, way, identifier)
    if licence.indexed and licence.principal:
        await limit(request, f"asked-source:{way.subject_id}", ASKED_PER_MINUTE)
        told = await way.at_source(identifier)
        times = {
            "obtained_at": rfc3339(told.obtained_at),
            "as_of": rfc3339(told.as_of) if told.as_of else None,
        }
        return JSONResponse(_claims(told.claims, language) | {"custody": "index"} | times)
    return JSONResponse(_claims((await way.contents(identifier, language=language)).claims, language))


async def earlier_of(request: Request, holder: Holder, way: Way, which: tuple[str, int], language: str) -> JSONResponse:
    """As `earlier_claims`, of an identifier and a version."""
    await _opening(request, holder, way, which[0])
    then = await way.earlier(*which)
    told = {
        "identifier": then.identifier,
        "version": then.version,
        "made_at": rfc3339(then.made_at),
        "replaced_at": rfc3339(then.replaced_at),
        "replaced_by": then.replaced_by,
    }
    return JSONResponse(told | _claims(then.claims, language))


async def file_of(request: Request, holder: Holder, way: Way, which: tuple[str, str], language: str) -> Response:
    """As `file`, of an identifier and a format."""
    await _opening(request, holder, way, which[0])
    found = await way.file(*which, language=language)
    headers = {"Content-Disposition": f'attachment; filename="{found.name}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)


async def lacks_of(way: Way, language: str) -> JSONResponse:
    """As `missing`."""
    found = await way.lacks()
    lacks = [_lack(item, language) for item in found.missing]
    return JSONResponse({"missing": lacks, "last": found.last and _asked(found.last, language)})


async def collected_of(way: Way, language: str) -> JSONResponse:
    """As `collect`."""
    return JSONResponse(_asked(await way.collect(), language), status_code=202)


async def _opening(request: Request, holder: Holder, way: Way, identifier: str) -> Licence:
    """One of the dossier's. Raises: ForgeryError; RateLimitedError; LevelError; MissingError: not of it, and on the
    ledger.
    """
    check_not_sent(request)
    await limit(request, f"opened:{holder.id}", OPENED_PER_MINUTE)
    return await way.one(identifier)


def _claims(claims: Sequence[tuple[str, Words, str]], language: str) -> dict[str, Any]:
    return {"claims": [{"name": name, "title": said(title, language), "value": value} for name, title, value in claims]}


def _lack(item: Lack, language: str) -> dict[str, Any]:
    return {
        "type": item.type_code,
        "type_name": said(item.name, language),
        "stage": item.stage.value,
        "issuer_name": said(item.issuer, language),
    }


def _asked(item: Asked, language: str) -> dict[str, Any]:
    """`outcome` as for one key by case; null while the source is asked."""
    return {
        "asked_at": rfc3339(item.asked_at),
        "again_at": rfc3339(item.again_at) if item.again_at else None,
        "ended_at": rfc3339(item.ended_at) if item.ended_at else None,
        "sources": [
            {
                "type": feed.type_code,
                "issuer": feed.issuer_code,
                "issuer_name": said(feed.issuer, language),
                "outcome": feed.outcome or None,
            }
            for feed in item.feeds
        ],
    }
