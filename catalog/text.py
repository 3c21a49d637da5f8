"""Words of a title or a query, as the search compares them: pure functions over text, in Chinese and English.

Compared is the folded text: full width is half width (NFKC), capitals are small, traditional characters are simplified,
punctuation is space. Chinese is cut into pairs of characters, which finds words without a dictionary; English into
stems. Chinese can also be typed by its sound: whole syllables or their initials.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from catalog.traditional import SIMPLIFIED

MAX_TEXT: Final = 4000
"""Characters of one text that are looked at."""
_RUN: Final = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff]+|[a-z0-9]+(?:[_.-][a-z0-9]+)*")
_HAN: Final = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff]")


class Run(NamedTuple):
    """A stretch of one script in a folded text."""

    text: str
    start: int

    @property
    def han(self) -> bool:
        """Whether it is Chinese."""
        return bool(_HAN.match(self.text))


def fold(text: str) -> str:
    """The text as it is compared; as long as the given one, so that places in one are places in the other."""
    return "".join(map(_folded, text[:MAX_TEXT]))


@lru_cache(65_536)
def _folded(char: str) -> str:
    plain = unicodedata.normalize("NFKC", char).casefold()
    plain = SIMPLIFIED.get(plain, plain)
    return plain if len(plain) == 1 and (plain.isalnum() or plain in "_.-") else " "


def runs(folded: str) -> Iterator[Run]:
    """The stretches of Chinese, and of letters and digits, in order."""
    for found in _RUN.finditer(folded):
        yield Run(found.group(), found.start())


def tokens(text: str, spellings: Mapping[str, str], *, singles: bool = True) -> list[str]:
    """Everything a document is found by: pairs and single characters of Chinese, stems and whole codes of the rest.

    Without `singles` only pairs: half the memory, for texts that nobody looks for by one character.
    """
    found: list[str] = []
    for run in runs(fold(text)):
        if run.han:
            found += pairs(run.text)
            if singles:
                found += run.text
        else:
            found += words(run.text, spellings)
    return found


def pairs(han: str) -> list[str]:
    """Each two neighbouring characters; a lone one stands for itself."""
    return [han[place : place + 2] for place in range(len(han) - 1)] or [han]


def words(run: str, spellings: Mapping[str, str]) -> list[str]:
    """The stems in a run of letters and digits; one with joints, such as a code, also as a whole."""
    parts = re.split(r"[_.-]", run)
    found = [stem(part, spellings) for part in parts]
    return [*found, run] if len(parts) > 1 else found


@lru_cache(65_536)
def _stem(word: str) -> str:
    if not word.isalpha() or len(word) < 4:
        return word
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("ss", "ss"), ("s", "")):
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word


def stem(word: str, spellings: Mapping[str, str]) -> str:
    """A folded English word without its plural, in the spelling that `spellings` prefers."""
    found = _stem(word)
    return spellings.get(found, found)


@lru_cache(16_384)
def syllables(han: str) -> tuple[str, ...]:
    """The sound of each character, without tones, as the words around it have it read (重庆 is chong qing)."""
    from pypinyin import lazy_pinyin  # a third of a second, for those who search

    return tuple(lazy_pinyin(han))


def sounds(text: str) -> list[tuple[str, str]]:
    """For each Chinese character of a text, how the run goes on from there: in full and in initials."""
    found: list[tuple[str, str]] = []
    for run in runs(fold(text)):
        if run.han:
            spoken = syllables(run.text)
            found += [
                ("".join(spoken[place:]), "".join(part[0] for part in spoken[place:])) for place in range(len(spoken))
            ]
    return found


def one_slip(left: str, right: str) -> bool:
    """Whether one letter too many, missing, wrong, or two neighbours swapped make one word the other."""
    if abs(len(left) - len(right)) > 1 or left == right:
        return left == right
    place = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    a, b = left[place:], right[place:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def slips(word: str) -> set[str]:
    """The word and what is left when any one letter is taken out: two words one slip apart share one of these."""
    return {word} | {word[:place] + word[place + 1 :] for place in range(len(word))}
