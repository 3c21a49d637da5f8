"""Which grant covers a question, and which fields may leave under it. Pure."""

from collections.abc import Iterable
from datetime import datetime

from catalog.grants import Grant
from catalog.interfaces import Interface
from hub.exchange.errors import FieldNotGrantedError, NotGrantedError
from hub.exchange.question import QueryCall, needs_party
from hub.intake.store import Case


def choose(
    grants: Iterable[Grant], interface: Interface, call: QueryCall, case: Case, *, officer: str, now: datetime
) -> tuple[Grant, frozenset[str]]:
    """The first grant that covers the whole question, with the fields asked for; all of the grant's if none are named.

    One that rests on agreement counts where the question is about a party: his word is looked for elsewhere. What the
    interface no longer shares does not leave, whatever an older grant says. Quota is not checked here.

    Raises: NotGrantedError with the last grant's objection; FieldNotGrantedError when a grant covers all but fields.
    """
    shareable = interface.shareable()
    kinds = {item["kind"] for item in case.corroboration if "kind" in item}
    objection = "no_grant"
    outside: tuple[int, ...] | None = None
    for grant in grants:
        code = grant.objection(
            matter=case.matter_code,
            purpose=grant.purpose if call.purpose is None else call.purpose,
            fields=(),
            corroboration=kinds,
            now=now,
            officer=officer,
            asks_holder=needs_party(interface),
        )
        if code is not None:
            objection = code
            continue
        allowed = grant.terms.fields & shareable
        beyond = tuple(place for place, name in enumerate(call.fields or ()) if name not in allowed)
        if not beyond:
            return grant, frozenset(call.fields) if call.fields is not None else allowed
        outside = beyond if outside is None else min(outside, beyond, key=len)
    if outside is not None:
        raise FieldNotGrantedError(outside)
    raise NotGrantedError(objection)
