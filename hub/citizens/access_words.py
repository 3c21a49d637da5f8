"""What the ledger's kinds of entries mean to the person they are about. One that is not named here is shown all the
same, as a change of his records: leaving out is what this list must never do. That every kind which the hub writes is
here, or has its reason in `hub.ledger.kinds`, `tests/citizens/test_entry_kinds.py` proves.
"""

from collections.abc import Mapping
from typing import Final

from hub.citizens.access_changes import CHANGES
from hub.citizens.access_nothing import NOTHING_GIVEN
from hub.citizens.access_own import OWN_ACTS
from hub.citizens.access_seen import LOOKS
from hub.registry.meanings import Words

LOOK: Final = "look"
NOTHING: Final = "nothing"
OWN: Final = "own"
CHANGE: Final = "change"

KINDS: Final[Mapping[str, tuple[str, Words]]] = {
    kind: (sort, words)
    for sort, table in ((CHANGE, CHANGES), (LOOK, LOOKS), (NOTHING, NOTHING_GIVEN), (OWN, OWN_ACTS))
    for kind, words in table.items()
}
_OTHER: Final = (CHANGE, ("您的记录有变动", "a record of yours was changed"))
_SANDBOX: Final = "sandbox."


def kind_of(kind: str) -> str:
    """`look`, `nothing`, `own` or `change`."""
    return KINDS.get(kind.removeprefix(_SANDBOX), _OTHER)[0]


def words_of(kind: str) -> Words:
    """What happened; a sandbox's entry is marked as a trial of programs."""
    zh, en = KINDS.get(kind.removeprefix(_SANDBOX), _OTHER)[1]
    return (f"{zh}（联调测试）", f"{en} (a trial of programs)") if kind.startswith(_SANDBOX) else (zh, en)
