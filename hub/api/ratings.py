"""Ratings 好差评: a party's own, and the figures that everybody may read."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.me import ActingHolderDep
from hub.citizens.ratings.store import Past
from hub.citizens.ratings.writing import BEST, BROUGHT_MOST, Given
from hub.clock import rfc3339
from hub.deps import HubDep, LanguageDep, limit
from hub.edge.body import Body, read_json
from hub.web.citizen.visit import HolderDep
from hub.web.console.visit import peer_of

router = APIRouter(prefix="/api/v1", tags=["ratings"])


class RatingBody(Body):
    """`brought`: how many papers he had to bring. Of one or two stars `text` goes to the department's supervisors, who
    answer in time.
    """

    case_no: Annotated[str, Field(pattern=r"^YZ[0-9A-Z]{20}$")]
    stars: Annotated[int, Field(ge=1, le=BEST)]
    brought: Annotated[int, Field(ge=0, le=BROUGHT_MOST)]
    text: Annotated[str, Field(max_length=1000)] = ""


BODIES: Final = (RatingBody,)


@router.get("/me/ratings", summary="Own closed cases and ratings 本人办结事项与评价")
async def own(holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """The newest fifty; `stars` null: not rated yet."""
    return JSONResponse({"cases": [_past(item, language) for item in await hub.citizens.ratings.past(holder)]})


@router.post("/me/ratings", status_code=201, summary="Rate a case 评价办件", openapi_extra={"x-body": "RatingBody"})
async def rate(request: Request, holder: ActingHolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """Once, after it has closed; again is a 409. Another's case is 404."""
    body, _ = await read_json(request, RatingBody, max_bytes=hub.settings.max_body_bytes)
    await hub.citizens.ratings.rate(holder, body.case_no, Given(body.stars, body.brought, body.text))
    return JSONResponse(_past(await hub.citizens.ratings.one(holder, body.case_no), language), status_code=201)


@router.get("/ratings", summary="Figures of ratings 好差评公示")
async def figures(request: Request, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """By matter with five ratings or more; no sign-in. `gap`: papers that people say they brought, less those that the
    hub counted, a case.
    """
    await limit(request, f"ratings:{peer_of(request).address}", hub.settings.verify_requests_per_minute)
    found = await hub.citizens.ratings.published()
    return JSONResponse(
        {
            "matters": [
                {
                    "matter": item.matter,
                    "name": item.name[1] if language == "en" else item.name[0],
                    "ratings": item.ratings,
                    "stars": item.stars,
                    "brought": item.brought,
                    "gap": item.gap,
                    "bad": item.bad,
                    "followed_up": item.answered,
                }
                for item in found
            ]
        }
    )


def _past(item: Past, language: str) -> dict[str, Any]:
    return {
        "case_no": item.case_no,
        "matter": item.matter[1] if language == "en" else item.matter[0],
        "department": item.department[1] if language == "en" else item.department[0],
        "closed_at": rfc3339(item.closed_at),
        "stars": item.stars,
    }
