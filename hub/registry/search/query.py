"""What somebody typed, as concepts: each a list of phrases of which any will do, the words before their synonyms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from catalog.text import fold, one_slip, pairs, runs, stem, syllables
from hub.registry.search.index import SearchIndex, known_word

MAX_QUERY: Final = 200
"""Characters of a query that are read."""
MAX_CONCEPTS: Final = 16
_SYNONYM, _SLIP, _SOUND, _PIECE, _HOMOPHONE = 0.85, 0.8, 0.8, 0.6, 0.5
_WEAK: Final = 0.2
_MOST_COMPLETIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens that stand for a concept. `whole`: a document must have them all; else the more the better."""

    surface: str
    tokens: tuple[str, ...]
    factor: float = 1.0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that was asked for. `sounds` are letters that may be pinyin, in full or initials."""

    phrases: tuple[Phrase, ...]
    weight: float = 1.0
    sounds: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A query. `folded` is compared with whole titles and codes, and so are the `same` terms."""

    folded: str
    concepts: tuple[Concept, ...]
    same: tuple[str, ...] = ()


def read_query(text: str, index: SearchIndex) -> Question:
    """Read a query with the words that this index and its vocabulary know."""
    folded = fold(text[:MAX_QUERY])
    concepts: list[Concept] = []
    letters: list[str] = []
    for run in runs(folded):
        if run.han:
            concepts += _english(letters, index)
            letters = []
            concepts += _chinese(run.text, index)
        else:
            letters.append(run.text)
    concepts += _english(letters, index)
    squeezed = " ".join(folded.split())
    vocabulary = index.vocabulary
    term = squeezed if not squeezed.isascii() else vocabulary.phrase(squeezed.split())
    same = (*vocabulary.synonyms.get(term, ()), *vocabulary.spoken.get(squeezed.replace(" ", ""), ()))
    return Question(squeezed, _balanced(concepts)[:MAX_CONCEPTS], tuple(dict.fromkeys(same)))


def _balanced(concepts: list[Concept]) -> tuple[Concept, ...]:
    """Weak words count fully when there is nothing else to go by."""
    if all(concept.weight < 1 for concept in concepts):
        return tuple(Concept(item.phrases, 1.0, item.sounds) for item in concepts)
    return tuple(concepts)


def _chinese(run: str, index: SearchIndex) -> Iterator[Concept]:
    """Terms of the vocabulary, longest first; between them whatever is left, in pairs."""
    known = index.vocabulary
    place = gap = 0
    while place < len(run):
        longest = min(known.longest, len(run) - place)
        size = next((n for n in range(longest, 1, -1) if _is_term(run[place : place + n], index)), 0)
        if not size:
            place += 1
            continue
        yield from _rest(run[gap:place], index)
        term = run[place : place + size]
        place += size
        gap = place
        if term not in known.ignored:
            yield _term(term, index)
    yield from _rest(run[gap:], index)


def _is_term(piece: str, index: SearchIndex) -> bool:
    known = index.vocabulary
    return piece in known.synonyms or piece in known.weak or piece in known.ignored


def _term(term: str, index: SearchIndex) -> Concept:
    known = index.vocabulary
    phrases = [_phrase(term, 1.0)]
    phrases += [_phrase(other, _SYNONYM) for other in known.synonyms.get(term, ()) if other != term]
    if len(term) > 3:
        phrases.append(Phrase(term, tuple(pairs(term)), _PIECE, whole=False))
    return Concept(tuple(phrases), _WEAK if term in known.weak else 1.0)


def _phrase(term: str, factor: float) -> Phrase:
    tokens = tuple(token for run in runs(term) for token in (pairs(run.text) if run.han else [run.text]))
    return Phrase(term, tokens, factor)


def _rest(gap: str, index: SearchIndex) -> Iterator[Concept]:
    """What the vocabulary does not know. Particles fall off its ends unless they are part of a known word."""
    ignored = index.vocabulary.ignored
    while gap and gap[0] in ignored and not (len(gap) > 1 and index.posting(gap[:2])):
        gap = gap[1:]
    while gap and gap[-1] in ignored and not (len(gap) > 1 and index.posting(gap[-2:])):
        gap = gap[:-1]
    if not gap:
        return
    phrases = [Phrase(gap, tuple(pairs(gap)), 1.0, whole=len(gap) < 3)]
    sounds: tuple[tuple[str, float], ...] = ()
    if len(gap) > 1 and not all(index.posting(pair) for pair in pairs(gap)):
        sounds = (("".join(syllables(gap)), _HOMOPHONE),)
    yield Concept(tuple(phrases), 1.0 if len(gap) > 1 else 0.5, sounds)


def _english(runs_of_letters: Sequence[str], index: SearchIndex) -> Iterator[Concept]:
    """Terms of several words first, then single words: known, mistyped, glued together, begun, or pinyin."""
    known = index.vocabulary
    words = [word for word in runs_of_letters if word not in known.ignored] or list(runs_of_letters)
    if len(words) > 1 and not any(known_word(index, word) for word in words):
        joined = "".join(words)
        if index.sounding(joined, initials=False):
            yield Concept((), 1.0, ((joined, 1.0),))
            return
    fixed = [_mended(word, index) for word in words]
    place = 0
    while place < len(words):
        longest = min(known.longest_words, len(words) - place)
        size = next((n for n in range(longest, 1, -1) if " ".join(fixed[place : place + n]) in known.synonyms), 1)
        if size > 1:
            yield _several(" ".join(fixed[place : place + size]), index)
        else:
            yield _word(words[place], fixed[place], index)
        place += size


def _several(term: str, index: SearchIndex) -> Concept:
    others = [_phrase(other, _SYNONYM) for other in index.vocabulary.synonyms[term] if other != term]
    parts = Phrase(term, tuple(term.split()), _PIECE, whole=False)
    return Concept((_phrase(term, 1.0), *others, parts))


def _mended(word: str, index: SearchIndex) -> str:
    """The stem of a word; of the likeliest word when it is unknown and one slip away from a known one."""
    known = index.vocabulary
    found = stem(word, known.spellings)
    if index.posting(found) or found in known.synonyms or len(word) < 5 or not word.isalpha():
        return found
    near = {
        near for near in index.similar(word) | index.similar(found) if one_slip(word, near) or one_slip(found, near)
    }
    if not near:
        near = {term for term in known.synonyms if " " not in term and term.isascii() and one_slip(found, term)}
    return max(near, key=lambda item: (len(index.posting(item)), item)) if near else found


def _word(word: str, mended: str, index: SearchIndex) -> Concept:
    known = index.vocabulary
    is_known = bool(index.posting(mended))
    factor = 1.0 if stem(word, known.spellings) == mended else _SLIP
    phrases = [Phrase(word, (mended,), factor)]
    phrases += [_phrase(other, _SYNONYM * factor) for other in known.synonyms.get(mended, ()) if other != mended]
    sounds: tuple[tuple[str, float], ...] = ()
    if not is_known:
        phrases += _unglued(word, index)
        phrases += _begun(word, index)
        if word.isalpha() and len(word) > 1:
            sounds = ((word, _SOUND),)
            spoken = (other for term in known.spoken.get(word, ()) for other in known.synonyms[term])
            phrases += [_phrase(other, _SOUND) for other in dict.fromkeys(spoken)]
    if "_" in word or "." in word or "-" in word:
        phrases.append(Phrase(word, tuple(stem(part, known.spellings) for part in _parts(word)), _PIECE, whole=False))
    return Concept(tuple(phrases), _WEAK if mended in known.weak else 1.0, sounds)


def _parts(code: str) -> list[str]:
    return [part for part in code.replace(".", "_").replace("-", "_").split("_") if part]


def _unglued(word: str, index: SearchIndex) -> Iterator[Phrase]:
    for place in range(3, len(word) - 2):
        left, right = known_word(index, word[:place]), known_word(index, word[place:])
        if left and right:
            yield Phrase(f"{word[:place]} {word[place:]}", (left, right), _SLIP)


def _begun(word: str, index: SearchIndex) -> list[Phrase]:
    if len(word) < 3:
        return []
    return [Phrase(word, (token,), _PIECE) for token in index.beginning(word, most=_MOST_COMPLETIONS)]
