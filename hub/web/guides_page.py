"""What one needs, and what one need not bring: the guides of matters and life events as public pages.

The same guides as the API's, before anything of anybody is looked at. Answers to a guide's questions come as a posted
form, so that they stand in no address; nothing of them is kept.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from catalog.life_events.guiding import EventGuide
from catalog.matters.guiding import Guide
from catalog.matters.lines import Question
from hub.deps import HubDep, limit
from hub.edge.body import FORM_TYPE, read_bytes, require_media_type
from hub.edge.form import read_form
from hub.registry.matters.service import Asked
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.view import view_of
from hub.web.pages import Lang, public_page

router = APIRouter(include_in_schema=False)
GUIDES: Final = "/guides"
_MAX_FORM: Final = 8192
_FACT: Final = "fact-"
_YES_NO: Final[Mapping[str, Any]] = {"true": True, "false": False}
Code = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]


@router.get(GUIDES, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """Life events first: who knows what happened to him need not know which matters that is."""
    return public_page("guides.html", request, lang, events=await events_of(hub), matters=await matters_of(hub))


@router.get(GUIDES + "/events/{code}", response_class=HTMLResponse)
async def event(request: Request, code: Code, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """A life event before any question is answered."""
    return await _event(request, hub, code, lang, {})


@router.post(GUIDES + "/events/{code}", response_class=HTMLResponse)
async def event_in_a_situation(request: Request, code: Code, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """The same with answers."""
    return await _event(request, hub, code, lang, await _answers(request, hub))


@router.get(GUIDES + "/{code}", response_class=HTMLResponse)
async def matter(request: Request, code: Code, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """A matter before any question is answered."""
    return await _matter(request, hub, code, lang, {})


@router.post(GUIDES + "/{code}", response_class=HTMLResponse)
async def matter_in_a_situation(request: Request, code: Code, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """The same with answers."""
    return await _matter(request, hub, code, lang, await _answers(request, hub))


async def events_of(hub: Hub) -> list[tuple[str, str, str]]:
    """Code and title of the life events in force."""
    return [(item.code, item.title_zh, item.title_en) for item in await hub.life_events.listed()]


async def matters_of(hub: Hub) -> list[dict[str, Any]]:
    """The matters in force, with whose they are."""
    return [item for item in await hub.registry.matters.public() if item["version"] is not None]


async def _matter(request: Request, hub: Hub, code: str, lang: str | None, given: Mapping[str, str]) -> HTMLResponse:
    language = lang or view_of(request).language
    told = {item["code"]: item for item in await matters_of(hub)}.get(code)
    if told is None:
        raise MissingError("matter")
    blank = await _explained(hub, code, {}, language)
    situation = given.get("situation", "")
    chosen = situation if situation in {item["code"] for item in blank.situations} else None
    guide = await _explained(hub, code, _facts(blank.questions, given), language, chosen)
    return public_page(
        "guide.html",
        request,
        lang,
        title=guide.name,
        whose=told["department"],
        guide=guide,
        questions=_asked(blank.questions),
        situations=[(item["code"], item["title"]) for item in blank.situations],
        given=given,
        parts=(),
    )


async def _explained(
    hub: Hub, code: str, facts: Mapping[str, Any], language: str, situation: str | None = None
) -> Guide:
    told = await hub.registry.matters.explain(code, Asked(facts=facts, situation=situation), language)
    if not isinstance(told, Guide):
        raise TypeError("a guide was asked for")
    return told


async def _event(request: Request, hub: Hub, code: str, lang: str | None, given: Mapping[str, str]) -> HTMLResponse:
    language = lang or view_of(request).language
    blank = await hub.life_events.guide(code, {}, None, None, language)
    guide: EventGuide = await hub.life_events.guide(code, _facts(blank.questions, given), None, None, language)
    return public_page(
        "guide.html",
        request,
        lang,
        title=guide.title,
        whose=None,
        guide=guide,
        questions=_asked(blank.questions),
        situations=(),
        given=given,
        parts=[(name, inside) for _, name, _, inside in guide.matters],
    )


def _asked(questions: Iterable[Question]) -> list[Question]:
    """Those that have a list to choose from: what is answered in free words settles little beforehand."""
    return [item for item in questions if item.choices]


def _facts(questions: Iterable[Question], given: Mapping[str, str]) -> dict[str, Any]:
    """Answers of the kind that each question wants. What is no answer to it counts as none given."""
    facts: dict[str, Any] = {}
    for question in _asked(questions):
        answer = given.get(question.fact, "")
        if question.kind == "boolean" and answer in _YES_NO:
            facts[question.fact] = _YES_NO[answer]
        elif answer in {value for value, _ in question.choices}:
            facts[question.fact] = [answer] if question.kind == "texts" else answer
    return facts


async def _answers(request: Request, hub: Hub) -> dict[str, str]:
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"guide:{peer}", hub.settings.verify_requests_per_minute)
    require_media_type(request, FORM_TYPE)
    form = read_form(await read_bytes(request, max_bytes=_MAX_FORM))
    return {name.removeprefix(_FACT): value[:200] for name, value in form.items()}
