"""How a verification is asked, once for its three ways in: a member of the API's body and a field of the page of one
name, an option of the command.

What is asked about (a token, a file, a control code) each way brings as it can; this is what stands beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from certificates.lifecycle.history import moment_of
from certificates.verifying.known import MAX_NONCE, MIN_NONCE, NO_RULES, VerifierRules
from certificates.verifying.trust import KeyCustody
from hub.storage.suites import Suite

MAX_AUDIENCE: Final = 128
MAX_PURPOSE: Final = 200
MAX_AS_OF: Final = 40
MAX_AGE_SECONDS: Final = 31_536_000
SUITES: Final = tuple(item.alg for item in Suite)
CUSTODIES: Final = tuple(item.value for item in KeyCustody)


class AskedWronglyError(Exception):
    """What was asked cannot be: `name` is of `ASKED`, `rule` says what is wrong with it."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name}: {rule}")
        self.name = name
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Question:
    """How it is asked: who verifies, by which rules of his, and about which instant."""

    audience: str | None = None
    rules: VerifierRules = NO_RULES
    as_of: datetime | None = None
    proof: bytes | None = field(default=None, repr=False)
    """What came with a page of another hub."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that may be said beside what is presented. `read` makes its value of a form's text."""

    name: str
    option: str
    read: Callable[[str], Any] = str
    several: bool = False


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) < 10 else text


def _yes(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text, text)


def _list(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(","))


ASKED: Final = (
    Asked("audience", "--audience"),
    Asked("purpose", "--purpose"),
    Asked("nonce", "--nonce"),
    Asked("as_of", "--as-of"),
    Asked("max_status_age_seconds", "--max-status-age", _number),
    Asked("accept_trial", "--no-trial", _yes),
    Asked("suites", "--suite", _list, several=True),
    Asked("custodies", "--custody", _list, several=True),
)
SEVERAL: Final = frozenset(item.name for item in ASKED if item.several)
"""A form may name these more than once."""


def typed(fields: Mapping[str, str]) -> dict[str, Any]:
    """Fields of a form as JSON would have them; an empty one was not given. What is not of `ASKED` stays text."""
    reads = {item.name: item.read for item in ASKED}
    return {name: reads.get(name, str)(text) for name, text in fields.items() if text}


def question(given: Mapping[str, Any], *, proof: bytes | None = None) -> Question:
    """What is asked by these values, those of `ASKED` that are there and not None.

    Raises: AskedWronglyError.
    """
    seconds = given.get("max_status_age_seconds")
    if seconds is not None and not (isinstance(seconds, int) and 0 <= seconds <= MAX_AGE_SECONDS):
        raise AskedWronglyError("max_status_age_seconds", "seconds")
    trial = given.get("accept_trial")
    if not isinstance(trial, bool | None):
        raise AskedWronglyError("accept_trial", "true_or_false")
    rules = VerifierRules(
        None if seconds is None else timedelta(seconds=seconds),
        trial is not False,
        _among(given, "suites", SUITES),
        _among(given, "custodies", CUSTODIES),
        _text(given, "nonce", MAX_NONCE, least=MIN_NONCE),
        _text(given, "purpose", MAX_PURPOSE),
    )
    return Question(_text(given, "audience", MAX_AUDIENCE), rules, _moment(_text(given, "as_of", MAX_AS_OF)), proof)


def _text(given: Mapping[str, Any], name: str, most: int, *, least: int = 1) -> str | None:
    text = given.get(name)
    if text is not None and not least <= len(text) <= most:
        raise AskedWronglyError(name, "length")
    return None if text is None else str(text)


def _among(given: Mapping[str, Any], name: str, known: tuple[str, ...]) -> frozenset[str] | None:
    named = given.get(name)
    if named is None:
        return None
    if not set(named) <= set(known):
        raise AskedWronglyError(name, "unknown")
    return frozenset(named)


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else moment_of(text)
    except ValueError:
        raise AskedWronglyError("as_of", "neither_day_nor_instant") from None
