"""Which documents answer a question, and how well. A document must answer most of what was asked, weak words aside."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

from catalog.text import fold, pairs, sounds
from hub.registry.search.index import SearchIndex
from hub.registry.search.query import Concept, Phrase, Question

STRICT: Final = 0.5
"""Least share of the weight of concepts that an answer must have."""
NEAR: Final = 0.15
"""The same when nothing was found: shown as near, not as found."""
_CODE, _EXACT, _SAME, _BEGINS, _HOLDS = 400.0, 200.0, 60.0, 6.0, 3.0
_PARTIAL: Final = 1.5
_COMMON: Final = 3
_LEAST_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Matches:
    """Slots with their scores. `near`: nothing answers the question, these come closest."""

    scores: Mapping[int, float]
    near: bool

    def mask(self) -> int:
        """The slots as a bit set."""
        if not self.scores:
            return 0
        found = bytearray((max(self.scores) >> 3) + 1)
        for slot in self.scores:
            found[slot >> 3] |= 1 << (slot & 7)
        return int.from_bytes(found, "little")

    def within(self, answers: int, index: SearchIndex) -> "Matches":
        """Those of a bit set."""
        bits = _bytes(answers, index)
        kept = {slot: score for slot, score in self.scores.items() if bits[slot >> 3] >> (slot & 7) & 1}
        return Matches(kept, self.near)


def match(index: SearchIndex, question: Question, allowed: int) -> Matches:
    """Score the allowed documents (a bit set) against a question."""
    scores: dict[int, float] = {}
    covered: dict[int, float] = {}
    whole = sum(concept.weight for concept in question.concepts)
    # Strong concepts first: weak ones then only weigh what is already found.
    for concept in sorted(question.concepts, key=lambda item: -item.weight):
        among = scores if concept.weight < _LEAST_SHARE and scores else None
        for slot, score in _answered(index, concept, among).items():
            scores[slot] = scores.get(slot, 0.0) + concept.weight * score
            covered[slot] = covered.get(slot, 0.0) + concept.weight
    for slot in _named(index, question):
        covered[slot] = whole
        scores.setdefault(slot, 0.0)
    bits = _bytes(allowed, index)
    for least, near in ((STRICT, False), (NEAR, True)):
        found = {
            slot: score * (covered[slot] / whole) ** 2 if whole else score
            for slot, score in scores.items()
            if bits[slot >> 3] >> (slot & 7) & 1 and (not whole or covered[slot] >= least * whole - 1e-9)
        }
        if found:
            return Matches(_boosted(index, question, found), near)
    return Matches({}, near=False)


def best(index: SearchIndex, matches: Matches, count: int, after: tuple[float, str] | None) -> list[tuple[int, float]]:
    """The next `count` answers after a place in the order: best first, equals by kind and code."""

    def place(item: tuple[int, float]) -> tuple[float, tuple[int, str, str]]:
        return (-round(item[1], 6), index.document(item[0]).order)

    rest: Iterable[tuple[int, float]] = matches.scores.items()
    if after is not None:
        known = index.at(after[1])
        start = (-after[0], known.order if known else (9, after[1], after[1]))
        rest = (item for item in rest if place(item) > start)
    elif len(matches.scores) > 8 * count:
        floor = heapq.nlargest(count, matches.scores.values())[-1]
        rest = (item for item in rest if item[1] >= floor - 1e-6)
    return heapq.nsmallest(count, rest, key=place)


def _bytes(mask: int, index: SearchIndex) -> bytes:
    return mask.to_bytes(index.slots // 8 + 1, "little")


def _named(index: SearchIndex, question: Question) -> set[int]:
    return index.coded(question.folded) | index.titled(question.folded)


def _boosted(index: SearchIndex, question: Question, found: dict[int, float]) -> dict[int, float]:
    for slots, bonus in (
        (index.coded(question.folded), _CODE),
        (index.titled(question.folded), _EXACT),
        ({slot for term in question.same for slot in index.titled(term)}, _SAME),
    ):
        for slot in slots & found.keys():
            found[slot] += bonus
    for slot in heapq.nlargest(64, found, key=found.__getitem__):
        for title in index.document(slot).title.values():
            folded = fold(title)
            if folded.startswith(question.folded):
                found[slot] += _BEGINS
            elif question.folded in folded:
                found[slot] += _HOLDS
    return found


def _answered(index: SearchIndex, concept: Concept, among: Mapping[int, float] | None) -> dict[int, float]:
    """For each document that answers a concept, how well its best phrase does."""
    found: dict[int, float] = {}
    for phrase in concept.phrases:
        for slot, score in _phrased(index, phrase, among):
            if score > found.get(slot, 0.0):
                found[slot] = score
    for letters, factor in concept.sounds:
        for initials in (False, True):
            if initials and factor < _LEAST_SHARE + 0.1:
                continue  # a homophone is spelled out
            heard = index.sounding(letters, initials=initials)
            rarity = factor * _rarity(index, len(heard)) * (0.9 if initials else 1.0)
            for slot, weight in heard.items():
                if (among is None or slot in among) and rarity * weight > found.get(slot, 0.0):
                    found[slot] = rarity * weight
    return found


def _rarity(index: SearchIndex, having: int) -> float:
    return max(1.0, 6.0 * (1 - having / (len(index) + 1)))


def _phrased(index: SearchIndex, phrase: Phrase, among: Mapping[int, float] | None) -> Iterator[tuple[int, float]]:
    postings = sorted(((index.posting(token), index.rarity(token)) for token in phrase.tokens), key=lambda p: len(p[0]))
    scale = phrase.factor / sqrt(len(postings))
    if phrase.whole or len(postings) == 1:
        (rarest, rarity), others = postings[0], postings[1:]
        slots = rarest if among is None or len(among) > len(rarest) else among
        for slot in slots:
            if slot not in rarest or (among is not None and slot not in among):
                continue
            score = rarity * rarest[slot]
            for posting, weight in others:
                if slot not in posting:
                    break
                score += weight * posting[slot]
            else:
                yield slot, score * scale
        return
    counts: dict[int, int] = {}
    totals: dict[int, float] = {}
    for posting, weight in postings:
        # Rarest first. What a third of the catalogue has only weighs among those that rarer pieces have found.
        pool = counts if counts and len(posting) * _COMMON > len(index) else posting
        pool = among if among is not None and len(among) < len(pool) else pool
        for slot in list(pool) if pool is counts else pool:
            if slot in posting:
                counts[slot] = counts.get(slot, 0) + 1
                totals[slot] = totals.get(slot, 0.0) + weight * posting[slot]
    for slot, count in counts.items():
        share = count / len(postings)
        if share >= _LEAST_SHARE and (among is None or slot in among):
            yield slot, totals[slot] * share**_PARTIAL * scale


def highlighted(title: str, question: Question) -> list[dict[str, str | bool]]:
    """A title in pieces, those that answer the question marked."""
    hits = [False] * len(title)
    folded = fold(title)
    for concept in question.concepts:
        for phrase in concept.phrases:
            found = _mark(hits, folded, phrase.surface)
            for token in phrase.tokens:
                found |= token.isascii() and _mark(hits, folded, token)
            if not found and not phrase.whole:
                for pair in pairs(phrase.surface):
                    _mark(hits, folded, pair)
    if not any(hits):
        _mark_sounds(hits, title, folded, question)
    pieces: list[dict[str, str | bool]] = []
    begin = 0
    for place in range(1, len(title) + 1):
        if place == len(title) or hits[place] != hits[begin]:
            pieces.append({"text": title[begin:place], "hit": hits[begin]})
            begin = place
    return pieces


def _mark(hits: list[bool], folded: str, piece: str) -> bool:
    place = folded.find(piece) if piece else -1
    if place < 0:
        return False
    marked = False
    while place >= 0:
        end = place + len(piece)
        if piece.isascii():
            if place and _in_word(folded[place - 1]):
                place = folded.find(piece, end)
                continue
            while end < len(folded) and _in_word(folded[end]):
                end += 1
        hits[place:end] = [True] * (end - place)
        marked = True
        place = folded.find(piece, end)
    return marked


def _in_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _mark_sounds(hits: list[bool], title: str, folded: str, question: Question) -> None:
    spoken = [letters for concept in question.concepts for letters, _ in concept.sounds]
    han = [place for place, char in enumerate(folded) if not char.isascii()]
    for place, (full, initials) in zip(han, sounds(title), strict=False):
        for letters in spoken:
            if initials.startswith(letters):
                hits[place : place + len(letters)] = [True] * min(len(letters), len(title) - place)
                return
            if full.startswith(letters):
                hits[place] = True
                return
