"""An inverted index in memory: token → documents with what the token says about each. Changed in place, one by one.

Not safe for several threads: its owner gives it one. Weights are BM25's, saturated when a document is put in, with a
fixed reference length instead of the running average, so that one change touches one document.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Final

from catalog.text import fold, slips, sounds, stem, tokens
from catalog.vocabulary import Vocabulary
from hub.registry.search.documents import FACETS, Document

_SATURATION: Final = 2.5
_REFERENCE_LENGTH: Final = 12
_TITLE, _KEYWORD, _CODE, _SUMMARY, _FIELD, _DEPARTMENT = 5.0, 4.0, 5.0, 1.5, 1.2, 1.0
_FULL_LETTERS: Final = 30
_INITIALS: Final = 10
_CUT_TEXTS: Final = 8192
_MOST_COMPLETIONS: Final = 200
"""Keys that one prefix is followed into: `xx` begins the sound of half the catalogue."""
NOTHING: Final[Mapping[int, float]] = {}


class SearchIndex:
    """Documents by slot; slots are reused."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._documents: list[Document | None] = []
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._postings: dict[str, dict[int, float]] = {}
        self._tokens: dict[int, tuple[str, ...]] = {}
        self._numbers: dict[float, float] = {}
        # Titles of fields come again and again.
        self._cut = lru_cache(_CUT_TEXTS)(
            lambda text, singles: tuple(tokens(text, vocabulary.spellings, singles=singles))
        )
        self._latin: list[str] = []
        self._sound_keys: list[str] = []
        self._sounds: dict[str, dict[int, float]] = {}
        self._sounds_of: dict[int, tuple[str, ...]] = {}
        self._slips: dict[str, set[str]] = {}
        self._titles: dict[str, set[int]] = {}
        self._codes: dict[str, set[int]] = {}
        self._facets: dict[str, dict[str, int]] = {facet: {} for facet in FACETS}
        self._public = 0
        self._owners: dict[str, int] = {}
        self._ending: dict[int, datetime] = {}
        self._order: list[int] | None = None

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def slots(self) -> int:
        """One more than the highest slot ever used."""
        return len(self._documents)

    def put(self, document: Document) -> None:
        """Add a document, or replace the one of its key."""
        self.drop(document.key)
        slot = self._free.pop() if self._free else len(self._documents)
        if slot == len(self._documents):
            self._documents.append(None)
        self._documents[slot] = document
        self._slots[document.key] = slot
        self._put_words(slot, document)
        self._put_sounds(slot, document)
        for code in _codes(document):
            self._codes.setdefault(code, set()).add(slot)
        for title in _names(document):
            self._titles.setdefault(fold(title).strip(), set()).add(slot)
        self._mark(slot, document)
        self._order = None

    def drop(self, key: str) -> None:
        """Take a document out, if it is there."""
        slot = self._slots.pop(key, None)
        if slot is None:
            return
        document = self.document(slot)
        for token in self._tokens.pop(slot):
            self._unpost(token, slot)
        for sound in self._sounds_of.pop(slot):
            kept = self._sounds[sound]
            del kept[slot]
            if not kept:
                del self._sounds[sound]
                del self._sound_keys[bisect_left(self._sound_keys, sound)]
        for code in _codes(document):
            self._codes[code].discard(slot)
        for title in _names(document):
            self._titles[fold(title).strip()].discard(slot)
        self._unmark(slot, document)
        self._documents[slot] = None
        self._free.append(slot)
        self._order = None

    def keys(self) -> Iterable[str]:
        """Keys of all documents."""
        return self._slots.keys()

    def document(self, slot: int) -> Document:
        """The document in a slot that a search answered with."""
        found = self._documents[slot]
        if found is None:
            raise KeyError(slot)
        return found

    def at(self, key: str) -> Document | None:
        """The document of this key."""
        slot = self._slots.get(key)
        return None if slot is None else self._documents[slot]

    def posting(self, token: str) -> Mapping[int, float]:
        """Documents with this token, and its weight in each, from 0 to 1."""
        return self._postings.get(token, NOTHING)

    def rarity(self, token: str) -> float:
        """BM25's inverse document frequency; the greatest for a token that nobody has."""
        having = len(self.posting(token))
        return math.log(1 + (len(self._slots) - having + 0.5) / (having + 0.5))

    def titled(self, folded: str) -> set[int]:
        """Documents with exactly this title, keyword or other name."""
        return self._titles.get(folded.strip(), set())

    def coded(self, folded: str) -> set[int]:
        """Documents with exactly this code."""
        return self._codes.get(folded.strip(), set())

    def beginning(self, prefix: str, *, most: int) -> list[str]:
        """Up to `most` words and codes that begin so."""
        return list(islice(self._completions(self._latin, prefix), most))

    def similar(self, word: str) -> set[str]:
        """Words of the index that may be one slip away from this one."""
        return {known for form in slips(word) for known in self._slips.get(form, ())}

    def sounding(self, letters: str, *, initials: bool) -> dict[int, float]:
        """Documents with a title or keyword in which somewhere these letters begin to sound, and how much of it."""
        sign = "i" if initials else "f"
        found: dict[int, float] = {}
        for key in self._completions(self._sound_keys, sign + letters):
            share = len(letters) / (len(key) - 1)
            for slot, weight in self._sounds[key].items():
                found[slot] = max(found.get(slot, 0.0), weight * (0.5 + share / 2))
        return found

    def values(self, facet: str) -> Mapping[str, int]:
        """The values of a facet, each with its documents as a bit set."""
        return self._facets[facet]

    def visible(self, *, everything: bool, department_id: str | None, now: datetime) -> int:
        """Documents that somebody may see at this moment, as a bit set."""
        found = self._public | self._owners.get(department_id or "", 0)
        if everything:
            found = self._public
            for mine in self._owners.values():
                found |= mine
        for slot, ends_at in self._ending.items():
            if ends_at <= now:
                found &= ~(1 << slot)
        return found

    def ordered(self) -> list[int]:
        """All slots in the order of `Document.order`."""
        if self._order is None:
            self._order = sorted(self._slots.values(), key=lambda slot: self.document(slot).order)
        return self._order

    def _put_words(self, slot: int, document: Document) -> None:
        weights: dict[str, float] = {}
        for text, weight in _weighted(document):
            for token in self._cut(text, weight >= _KEYWORD):
                weights[token] = weights.get(token, 0.0) + weight
        for code in _codes(document):
            weights[code] = _CODE
        length = 0.6 + 0.4 * len(document.title["zh"]) / _REFERENCE_LENGTH
        for token, weight in weights.items():
            posting = self._postings.get(token)
            if posting is None:
                posting = self._postings[token] = {}
                if token.isascii():
                    insort(self._latin, token)
                if token.isascii() and token.isalpha() and len(token) > 3:
                    for form in slips(token):
                        self._slips.setdefault(form, set()).add(token)
            # A few hundred numbers stand for all: a float of its own in each posting costs more than the rest.
            exact = round(weight / (weight + _SATURATION * length), 3)
            posting[slot] = self._numbers.setdefault(exact, exact)
        self._tokens[slot] = tuple(weights)

    def _put_sounds(self, slot: int, document: Document) -> None:
        mine: dict[str, float] = {}
        for name in _names(document):
            for place, (full, initials) in enumerate(sounds(name)):
                # What is said at the beginning of a title is what it is about.
                weight = 1.0 if place == 0 else 0.8
                for key in (f"f{full[:_FULL_LETTERS]}", f"i{initials[:_INITIALS]}"):
                    mine[key] = max(mine.get(key, 0.0), weight)
        for key, weight in mine.items():
            if key not in self._sounds:
                self._sounds[key] = {}
                insort(self._sound_keys, key)
            self._sounds[key][slot] = weight
        self._sounds_of[slot] = tuple(mine)

    def _unpost(self, token: str, slot: int) -> None:
        posting = self._postings[token]
        del posting[slot]
        if not posting:
            del self._postings[token]
            if token.isascii():
                del self._latin[bisect_left(self._latin, token)]
            for form in slips(token) if token.isascii() and token.isalpha() and len(token) > 3 else ():
                self._slips[form].discard(token)

    def _mark(self, slot: int, document: Document) -> None:
        bit = 1 << slot
        for facet, value in document.facets.items():
            self._facets[facet][value] = self._facets[facet].get(value, 0) | bit
        if document.public:
            self._public |= bit
        self._owners[document.owner_department_id] = self._owners.get(document.owner_department_id, 0) | bit
        if document.ends_at is not None:
            self._ending[slot] = document.ends_at

    def _unmark(self, slot: int, document: Document) -> None:
        others = ~(1 << slot)
        for facet, value in document.facets.items():
            self._facets[facet][value] &= others
            if not self._facets[facet][value]:
                del self._facets[facet][value]
        self._public &= others
        self._owners[document.owner_department_id] &= others
        self._ending.pop(slot, None)

    @staticmethod
    def _completions(ordered: list[str], prefix: str) -> Iterator[str]:
        begin = bisect_left(ordered, prefix)
        for key in islice(ordered, begin, begin + _MOST_COMPLETIONS):
            if not key.startswith(prefix):
                return
            yield key


def _codes(document: Document) -> set[str]:
    return {fold(code).strip() for code in (document.code, *document.codes)}


def _names(document: Document) -> set[str]:
    return {document.title["zh"], document.title["en"], *document.keywords, *document.names}


def _weighted(document: Document) -> Iterator[tuple[str, float]]:
    for language in ("zh", "en"):
        yield document.title[language], _TITLE
        yield document.summary[language], _SUMMARY
        yield document.department[language], _DEPARTMENT
    for name in {*document.keywords, *document.names} - {document.title["zh"], document.title["en"]}:
        yield name, _KEYWORD
    for title in document.fields:
        yield title, _FIELD
    yield document.facets.get("theme", ""), _DEPARTMENT
    yield document.facets.get("department", ""), _DEPARTMENT


def known_word(index: SearchIndex, word: str) -> str | None:
    """The stem of an English word if some document has it."""
    found = stem(word, index.vocabulary.spellings)
    return found if index.posting(found) else None
