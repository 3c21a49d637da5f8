"""The search judged by queries written before it, over a catalogue that calls things by their official names."""

import pytest

from hub.registry.search.index import SearchIndex
from hub.registry.search.match import highlighted
from hub.registry.search.query import read_query
from tests.registry.corpus import corpus, first, index_of, queries, score


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    return index_of(corpus())


@pytest.mark.parametrize(("part", "most_missed"), [("tuned", 1), ("held_out", 1), ("second", 1), ("third", 4)])
def test_a_wanted_entry_is_among_the_first_three(index: SearchIndex, part: str, most_missed: int) -> None:
    _, missed = score(index, part)
    assert len(missed) <= most_missed, missed


def test_there_are_enough_queries() -> None:
    assert len(queries("tuned")) + len(queries("held_out")) >= 60
    assert len(queries("held_out")) >= 20


@pytest.mark.parametrize("query", ["天气预报", "卫星云图", "xyzzyqq", "qzqzqz", "quantum chromodynamics", "？？？", ""])
def test_what_is_not_there_is_not_found(index: SearchIndex, query: str) -> None:
    assert first(index, query) == []


def test_a_field_weighs_less_than_a_title(index: SearchIndex) -> None:
    assert first(index, "抵押")[0] == "mortgage_registration"
    assert first(index, "经营范围", 10)[0] in {"11990000MB0000002Q001", "road_transport_permit"}


def test_a_code_of_a_department_finds_it_first(index: SearchIndex) -> None:
    assert first(index, "11990100MB0000012Y", 1) == ["11990100MB0000012Y"]
    assert first(index, "１１９９０１００ＭＢ０００００１２Ｙ", 1) == ["11990100MB0000012Y"]


def test_a_query_as_long_as_one_likes_is_answered(index: SearchIndex) -> None:
    assert isinstance(first(index, "户口簿和房产证还有营业执照" * 1000), list)
    assert isinstance(first(index, "a" * 100_000), list)
    assert isinstance(first(index, "\ud800\x00\U0010ffff"), list)


def test_an_entry_that_was_taken_out_leaves_nothing_behind() -> None:
    documents = corpus()
    index = index_of(documents)
    for item in documents:
        index.drop(item.key)
    assert first(index, "户口簿") == first(index, "hkb") == first(index, "household") == []
    assert (index._postings, index._sounds, index._sound_keys, index._latin) == ({}, {}, [], [])
    assert len(index) == 0
    index.put(documents[20])
    assert index.slots == len(documents)


def test_an_entry_put_twice_is_there_once() -> None:
    documents = corpus()
    index = index_of(documents + documents)
    assert len(index) == len(documents)
    assert first(index, "户口簿", 50) == first(index_of(documents), "户口簿", 50)


@pytest.mark.parametrize(
    ("title", "query", "marked"),
    [
        ("居民户口簿", "户籍", "居民户口簿"),
        ("Licensed nurses", "nurse", "nurses"),
        ("营业执照", "yyzz", "营业执照"),
        ("Business licence", "busines", "Business"),
        ("ＡＢＣ　营业执照", "營業", "营业"),
        ("企业登记信息", "登记", "登记"),
    ],
)
def test_what_answers_is_marked_in_the_title(index: SearchIndex, title: str, query: str, marked: str) -> None:
    pieces = highlighted(title, read_query(query, index))
    assert "".join(str(piece["text"]) for piece in pieces) == title
    assert "".join(str(piece["text"]) for piece in pieces if piece["hit"]) == marked
