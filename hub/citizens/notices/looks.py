"""A holder is told of a look at his data that he would not expect: a department's first, one ex officio, one at a
counter by night. In the transaction of the disclosure; every look stands in his list of looks, told or not.

An investigation that he is to hear of late (`hub.citizens.late`) is not told here: he hears of it when the order ends.
Runs over many persons tell nobody one by one.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from catalog.grants import CaseKind
from certificates.stores.holders import Subject
from hub.citizens.late.holding import held_cases
from hub.citizens.notices import store
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.clock import BEIJING
from hub.intake.store import Case
from hub.storage.vault import Vault

_COUNTER: Final = "counter"
_DAY: Final = range(6, 22)
"""Hours in Beijing at which a counter may be open."""


def tell_of_look(tx: Connection, vault: Vault, case: Case, subjects: Iterable[Subject], now: datetime) -> None:
    """Something about these persons is disclosed to a case."""
    by_night = case.channel == _COUNTER and now.astimezone(BEIJING).hour not in _DAY
    for subject in {item.id: item for item in subjects}.values():
        if case.kind == CaseKind.EX_OFFICIO.value:
            if case.id not in held_cases(tx, vault, subject, [case.id], now=now):
                notify(tx, subject.id, NoticeKind.LOOKED_UNUSUALLY, about=case.id, now=now)
            continue
        if by_night:
            notify(tx, subject.id, NoticeKind.LOOKED_UNUSUALLY, about=case.id, now=now)
        # Looked for before it is written: a department looks a second time far oftener than a first.
        if not store.is_told(tx, subject.id, NoticeKind.LOOKED_FIRST, case.department_id):
            notify(tx, subject.id, NoticeKind.LOOKED_FIRST, about=case.department_id, now=now)
