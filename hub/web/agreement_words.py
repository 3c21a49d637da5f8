"""Words of agreements, for the pages of holders, of counters and of terminals."""

from collections.abc import Callable, Mapping
from typing import Final

from hub.citizens.authorising.values import Decision, Lasts
from hub.registry.meanings import Words
from hub.storage.errors import MissingError
from hub.web.console.forms import Form

STATES: Final[Mapping[str, tuple[Words, str]]] = {
    "undecided": (("等您决定", "waits for your word"), "wait"),
    "given": (("已同意", "agreed"), "good"),
    "refused": (("不同意", "not agreed"), "off"),
    "withdrawn": (("已撤回", "withdrawn"), "off"),
    "ended": (("您的同意已到期", "your yes has ended"), "wait"),
    "law": (("法律规定", "by law"), "info"),
}
"""Of a standing authorisation."""
ASKED: Final[Mapping[str, tuple[Words, str]]] = {
    **{state: STATES[state] for state in ("given", "refused", "withdrawn")},
    "asked": (("等您决定", "waits for your word"), "wait"),
    "silent": (("已过期限", "time is over"), "off"),
    "ended": (("办件已结束", "the case has ended"), "off"),
}
"""Of a question for one case."""
LASTS: Final[Mapping[Lasts, Words]] = {
    Lasts.GRANT: ("直到我撤回", "until I withdraw it"),
    Lasts.DAY: ("一天", "for a day"),
    Lasts.DAYS_30: ("30 天", "for 30 days"),
    Lasts.YEAR: ("一年", "for a year"),
}
"""How long a yes is one; never longer than the authorisation itself."""


def terms(say: Callable[[str, str], str]) -> list[tuple[str, str]]:
    """The choices of a form."""
    return [(lasts.value, say(*words)) for lasts, words in LASTS.items()]


def decision_in(given: Form) -> tuple[Decision, Lasts]:
    """What a form says. Raises: MissingError: a button, or a term, that there is not: a page from before."""
    try:
        return Decision(given.text("decision")), Lasts(given.text("lasts") or Lasts.GRANT)
    except ValueError:
        raise MissingError("decision") from None
