"""Who takes part, from the form to the case: the page with the fields, and what is opened with what stands in them; in
one case or in several.

What is read from a card goes into the case and nowhere else: no address, no log, no page but this one has it.
"""

import re
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse

from catalog.identifiers import CITIZEN_ID, ID_TYPES, USCC
from hub.access.actors import Actor
from hub.access.errors import LockedOutError
from hub.citizens.errors import PresentationRefusedError
from hub.citizens.identities.errors import ServiceAwayError
from hub.deps import limit
from hub.intake.counter.face_results import FIELD as FACE_FIELD
from hub.intake.counter.values import CounterOpening
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.web.console.counter import words
from hub.web.console.counter.entered import Entered, Entry
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError
from hub.web.console.frame import render
from hub.web.console.view import view_of

CODES_PER_MINUTE: Final = 30
"""Of one clerk; nobody shows and scans faster."""
_POINTER: Final = re.compile(r"/parties/([0-9]+)")
_WHY_NOT: Final[dict[type[Exception], str]] = {LockedOutError: "locked", ServiceAwayError: "away"}


def opening_of(code: str, entry: Entry) -> CounterOpening:
    """What was sent, for the matter or life event of this code."""
    return CounterOpening(
        code, entry.people, entry.once, card_read=entry.card, codes=entry.shown, mandate=entry.mandate,
        reader=entry.reader, face=entry.face, second_document=entry.second_document,
    )  # fmt: skip


async def opened(
    request: Request, actor: Actor, entry: Entry, opening: Coroutine[Any, Any, str]
) -> tuple[str, list[FieldError]]:
    """The number of what is opened; or what is refused, beside its field."""
    try:
        if entry.codes:
            await limit(request, f"presented:{actor.id}", CODES_PER_MINUTE)
        return await opening, []
    except (PresentationRefusedError, LockedOutError, ServiceAwayError) as error:
        said = words.CODES[_WHY_NOT.get(type(error), "refused")]
        return "", [FieldError(f"id.{entry.entered[place].key}", *said) for place in entry.codes]
    except PartyError as error:
        return "", [_refused(error, entry.entered, entry.parties)]
    finally:
        opening.close()  # where the limit was met, it is never begun


def _refused(error: PartyError, entered: list[Entered], parties: list[tuple[int, PartyInput]]) -> FieldError:
    """A party that the case did not take, beside its field."""
    if error.pointer == FACE_FIELD:
        return FieldError("face", *words.FACES[error.rule])
    found = _POINTER.match(error.pointer)
    place = parties[int(found[1])][0] if found and int(found[1]) < len(parties) else 0
    return FieldError(f"id.{entered[place].key}", *words.PARTY_RULES.get(error.rule.partition(":")[0], words.WRONG_ID))


def page(
    request: Request,
    actor: Actor,
    action: str,
    name: str,
    entry: Entry,
    errors: list[FieldError] | None = None,
    about: Sequence[str] = (),
) -> HTMLResponse:
    """Who takes part in what is called so; `about`: names of the matters that a life event joins."""
    view, errors = view_of(request), errors or entry.errors
    others = [(code, view.t(item.zh, item.en)) for code, item in ID_TYPES.items() if code not in {CITIZEN_ID, USCC}]
    kinds = [("", view.t("居民身份证或统一社会信用代码", "Citizen's number or credit code")), *others]
    return render(
        request, "console/counter/new.html", actor, status=422 if errors else 200, errors=errors, action=action,
        name=name, entered=entry.kept, once=entry.once, nameless=entry.nameless, kinds=kinds, about=about,
        begin=COUNTER, face=any(each.field == "face" for each in errors), second_document=entry.second_document,
    )  # fmt: skip
