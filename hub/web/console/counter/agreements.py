"""Who may use my records, at a counter 谁可以用我的信息: one list by the person's own card, in large print to take
home, and his yes or no to any of it.

What is read opens the list; each time that something is written down the card is read anew, so that it is he who says
it, and nobody who stays behind.
"""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.access.errors import LockedOutError
from hub.citizens.authorising.at_counter import Opened, Word
from hub.citizens.authorising.values import Decision, Lasts
from hub.deps import HubDep
from hub.intake.errors import PartyError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.agreement_words import ASKED, LASTS, STATES
from hub.web.console.counter.card_field import Card, card_in, refused, shown
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
AGREEMENTS: Final = COUNTER + "/agreements"
STANDING, QUESTION = "grant.", "asked."
_NOBODY: Final = FieldError(
    "id",
    "没有认出此人：请重新读本人身份证件；企业由法定代表人登录后办理",
    "Not recognised: read the person's own card again; a company's legal representative signs in",
)
_LOCKED: Final = FieldError("", "查看过于频繁，请过几分钟再试", "Too many at once: wait some minutes")
_NOTHING: Final = FieldError(
    "", "请先选本人怎样决定，再读证件", "First choose what the person says, then read the card"
)


@router.get(AGREEMENTS, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The card."""
    await hub.counter.caller(actor)
    return _begin(request, actor, Form({}))


@router.post(AGREEMENTS, response_class=HTMLResponse)
async def open_list(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """The list; sent with what he says, that, and the paper to take home."""
    given = await form(request)
    card, errors = card_in(given)
    if card is None:
        return _begin(request, actor, given, errors)
    decides = given.checked("decides")
    if errors and not (decides and card.token):  # what a reader signed is used up by showing the list once more
        return _begin(request, actor, given, errors)
    words = _words(given) if decides and not errors else []
    if decides and not words and not errors:
        errors = [_NOTHING]
    found = await _opened(hub, actor, card, words)
    if isinstance(found, FieldError):
        return _begin(request, actor, given, [found, *errors])
    return _list(request, hub, actor, found, given, errors)


async def _opened(hub: Hub, actor: Actor, card: Card, words: Sequence[Word]) -> Opened | FieldError:
    try:
        seen = await shown(hub, await hub.counter.caller(actor), card, "agreements")
        return await hub.citizens.counter_agreements.open(actor, card.identity, seen, words)
    except PartyError as error:
        return refused(error)
    except LockedOutError:
        return _LOCKED
    except MissingError:
        return _NOBODY


def _words(given: Form) -> list[Word]:
    """What is chosen, line by line; what no line has is left out."""
    found = []
    for name in sorted(given.fields):
        decision, _, lasts = given.text(name).partition(":")
        for prefix in (STANDING, QUESTION):
            if name.startswith(prefix) and decision in set(Decision) and (lasts or Lasts.GRANT) in set(Lasts):
                term = Lasts(lasts or Lasts.GRANT)
                found.append(Word(name.removeprefix(prefix), Decision(decision), term, asked=prefix == QUESTION))
    return found


def _list(
    request: Request, hub: Hub, actor: Actor, found: Opened, given: Form, errors: Sequence[FieldError]
) -> HTMLResponse:
    say = view_of(request).t
    return render(
        request,
        "console/counter/agreements.html",
        actor,
        status=422 if errors else 200,
        errors=errors,
        given=given,
        found=found,
        agreements=[item for item in found.standing if item.agreement],
        lawful=[item for item in found.standing if not item.agreement],
        states=STATES,
        asked_states=ASKED,
        terms=[(f"{Decision.GIVE}:{lasts}", say("同意，" + zh, "agrees, " + en)) for lasts, (zh, en) in LASTS.items()],
        here=COUNTER,
        action=AGREEMENTS,
        printed=hub.clock(),
    )


def _begin(request: Request, actor: Actor, given: Form, errors: Sequence[FieldError] = ()) -> HTMLResponse:
    return render(
        request,
        "console/counter/agreements_begin.html",
        actor,
        status=422 if errors else 200,
        errors=errors,
        given=given,
        here=COUNTER,
        action=AGREEMENTS,
    )
