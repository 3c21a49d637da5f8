"""What a clerk's one ID field takes: typed, scanned, or written by a card reader as if by a keyboard.

Read as it comes and checked afterwards; nothing of it is logged, kept or put into an address.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from catalog.errors import IdentifierError
from catalog.identifiers import CITIZEN_ID, USCC, check, normalise_id

MAX_TEXT: Final = 2000
"""A reader writes all that is on a card, the address too."""
_CHECKED: Final = (CITIZEN_ID, USCC)
_SYMBOLOGY: Final = re.compile(r"^\][A-Za-z][0-9]")
"""What scanners are set to begin with: the kind of code, ISO/IEC 15424."""
_PARTS: Final = re.compile(r"[|,;\t\n^$#]+")
_LABEL: Final = re.compile(r"^[\"'{\s]*([A-Za-z_]{1,20}|[一-鿿]{1,8})[\"'\s]*[:=][\"'\s]*(.+?)[\"'}\s]*$")
_WORDS_OF_NUMBERS: Final = """身份证 身份证号 身份证号码 公民身份号码 公民身份证号码 证件号 证件号码 证号 号码
    统一社会信用代码 社会信用代码 信用代码 id idno id_no idnum idnumber id_number idcard cardno number uscc"""
_NUMBER_LABELS: Final = frozenset(_WORDS_OF_NUMBERS.split())
_NAME_LABELS: Final = frozenset({"姓名", "名称", "企业名称", "单位名称", "name", "xm", "fullname", "partyname"})


class PresentedError(Exception):
    """What was presented is no ID. `reason`: `missing`, `several`, or one of an IdentifierError; never the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Presented:
    """An ID as it was presented. `name` is empty where the text had none."""

    id_type: str
    id_number: str = field(repr=False)
    name: str = field(repr=False, default="")

    @property
    def whole(self) -> bool:
        """Whether name and number came in one text, as card readers and codes write it."""
        return bool(self.name)


def read_presented(text: str, *, id_type: str = "") -> Presented:
    """Read one ID out of a text: a number with spaces, full-width digits or a small x; `name|number` in any order with
    the rest of a card between or behind; labels such as 姓名: before either. Without `id_type`, a citizen's number or a
    credit code, told apart by their check characters.

    Not checked: whether there is such a person, and whether a card was there.

    Raises: PresentedError: `missing`; `several` for two numbers that differ; else as `catalog.identifiers.check`.
    """
    given = unicodedata.normalize("NFKC", text[:MAX_TEXT]).strip()
    given = _SYMBOLOGY.sub("", given).strip()
    if not given:
        raise PresentedError("missing")
    types = (id_type,) if id_type else _CHECKED
    pieces = list(_pieces(given))
    found = [(name, piece) for name, piece in pieces if _number(piece, types) is not None and name != "name"]
    if not found:
        return _from_words(given, pieces, types)
    numbers = {_number(piece, types) for _, piece in found}
    if len(numbers) > 1:
        raise PresentedError("several")
    (known,) = numbers
    assert known is not None  # noqa: S101  # only such were found
    named = [piece for name, piece in pieces if name == "name"]
    plain = [piece for name, piece in pieces if not name and _is_name(piece) and _number(piece, types) is None]
    return Presented(known[0], known[1], next(iter(named + plain), ""))


def _pieces(given: str) -> Iterator[tuple[str, str]]:
    """The parts of a text, each with what its label says that it is: `name`, `number`, `other`, or nothing."""
    for part in _PARTS.split(given):
        piece = part.strip(" \"'{}[]")
        labelled = _LABEL.match(part)
        if labelled is not None:
            label = labelled[1].lower()
            kind = "number" if label in _NUMBER_LABELS else "name" if label in _NAME_LABELS else "other"
            piece = labelled[2].strip()
            yield kind, piece
        elif piece:
            yield "", piece


def _from_words(given: str, pieces: list[tuple[str, str]], types: tuple[str, ...]) -> Presented:
    """A text whose parts are parted by spaces alone, `张三 330…`; or the reason why its number is none."""
    words = given.split()
    for place, word in enumerate(words):
        known = _number(word, types)
        if known is not None and len(words) > 1:
            rest = " ".join(words[:place] or words[place + 1 :])
            return Presented(*known, rest if _is_name(rest) else "")
    candidates = [piece for _, piece in pieces if any(sign.isdigit() for sign in piece)] or [given]
    raise _why(max(candidates, key=len), types)


def _why(piece: str, types: tuple[str, ...]) -> PresentedError:
    """What is wrong, by the type that it is most like: one with letters within is a credit code."""
    tight = normalise_id(types[0], piece).value
    letters = len(tight) == 18 and any("A" <= sign <= "Z" for sign in tight[:17])
    wanted = types[0] if len(types) == 1 else USCC if letters else CITIZEN_ID
    try:
        check(wanted, tight)
    except IdentifierError as error:
        return PresentedError(error.reason)
    return PresentedError("character")


def _number(piece: str, types: tuple[str, ...]) -> tuple[str, str] | None:
    if not any(sign.isdigit() for sign in piece):  # documents without a check character take almost any word
        return None
    for id_type in types:
        value = normalise_id(id_type, piece).value
        try:
            check(id_type, value)
        except IdentifierError:
            continue
        return id_type, value
    return None


def _is_name(piece: str) -> bool:
    """Two signs at least, the first a letter; not 男, not a day, not a number."""
    return 2 <= len(piece) <= 100 and piece[0].isalpha() and not any(sign.isdigit() for sign in piece[:4])
