"""The public page of whoever took a slip home 凭评价码评价: the code in, the questions out, once, without a sign-in.

The code travels in bodies alone, and the second form carries it on: there is no session, and nothing to come back to.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hub.citizens.objections.errors import ObjectionError
from hub.citizens.ratings.errors import SlipRefusedError, StillOpenError
from hub.citizens.ratings.store import BAD, Past
from hub.citizens.ratings.writing import Given
from hub.deps import HubDep, limit
from hub.edge.body import FORM_TYPE, read_bytes, require_media_type
from hub.edge.form import read_form
from hub.web.console.forms import FieldError, check_origin
from hub.web.objection_words import fault
from hub.web.pages import public_page

router = APIRouter(include_in_schema=False)
RATE: Final = "/rate"
Lang = Annotated[str | None, Query(pattern=r"^(zh-CN|en)$")]
_MAX_FORM: Final = 16_384
PER_MINUTE: Final = 240
"""Of one address, behind which a whole hall may stand; each person sends two."""
_REFUSED: Final = FieldError(
    "code",
    "这个评价码不对、已经用过，或者已经过期。请对照情况单再输一次",
    "This code is not right, was used, or is over. Compare it with your slip",
)
_EARLY: Final = FieldError(
    "code",
    "办件还没有办结。评价码没有作废，办结后 30 天内都可以用",
    "The case has not closed yet. The code stays good until 30 days after it has",
)


@router.get(RATE, response_class=HTMLResponse)
async def begin(request: Request, lang: Lang = None) -> HTMLResponse:
    """The empty form."""
    return _page(request, lang)


@router.post(RATE, response_class=HTMLResponse)
async def rate(request: Request, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """The questions; sent with an answer, that."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"rate:{peer}", PER_MINUTE)
    check_origin(request)
    require_media_type(request, FORM_TYPE)
    given = read_form(await read_bytes(request, max_bytes=_MAX_FORM))
    code = given.get("code", "")
    try:
        if not given.get("sent"):
            return _page(request, lang, code=code, item=await hub.citizens.slip_ratings.look(code))
        said = Given(_number(given.get("stars", "")), _number(given.get("brought", "")), given.get("text", ""))
        try:
            item = await hub.citizens.slip_ratings.rate(code, said)
        except ObjectionError as error:
            wrong = FieldError(error.pointer.removeprefix("/"), *fault(error.pointer, error.rule))
            item = await hub.citizens.slip_ratings.look(code)
            return _page(request, lang, [wrong], code=code, item=item, given=given)
    except SlipRefusedError:
        return _page(request, lang, [_REFUSED])
    except StillOpenError:
        return _page(request, lang, [_EARLY])
    return _page(request, lang, item=item, done=said.stars, bad=said.stars <= BAD)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1


def _page(
    request: Request, lang: str | None, errors: Sequence[FieldError] = (), *, item: Past | None = None, **shown: Any
) -> HTMLResponse:
    values = {"code": "", "given": {}, "done": 0, "bad": False, "csrf": "", "item": item, **shown}
    page = public_page("rate.html", request, lang, errors=errors, **values)
    page.headers["Referrer-Policy"] = "same-origin"  # or a browser sends `Origin: null` with the form
    if errors:
        page.status_code = 422
    return page
