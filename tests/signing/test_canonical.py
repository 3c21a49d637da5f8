import json
import time
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from signing.canonical import MAX_INTEGER, b64u, canonical, sha256, strict_loads, unb64u
from signing.errors import MalformedError

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(-MAX_INTEGER, MAX_INTEGER)
    | st.text(max_size=20)
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=25,
)
_READABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
_READABLE_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(-1e15, 1e15) | _READABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_READABLE, inner, max_size=5),
    max_leaves=25,
)


def loads(data: bytes | str, max_bytes: int = 4096, max_depth: int = 32) -> Any:
    return strict_loads(data, max_bytes=max_bytes, max_depth=max_depth)


def test_rfc_8785_sample_is_written_as_printed_there() -> None:
    value = json.loads(
        r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
             "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"""
    )
    assert canonical(value).decode() == (
        r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    )


def test_names_sort_by_utf_16_code_unit_as_in_rfc_8785() -> None:
    value = dict.fromkeys(["€", "\r", "\ufb33", "1", "😀", "\x80", "ö"], "")
    assert list(json.loads(canonical(value))) == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]


@given(_JSON)
def test_fast_writer_equals_the_reference_writer(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(_READABLE_JSON)
def test_what_is_written_is_read_back_and_written_alike(value: Any) -> None:
    data = canonical(value)
    assert canonical(loads(data, max_bytes=65536)) == data


@pytest.mark.parametrize(
    "value",
    [
        {1: "a"},
        {None: "a"},
        {"a": 1, 2: "b"},
        {"a": {b"b": 1}},
        2**53,
        -(2**53),
        float("nan"),
        float("inf"),
        "\ud800",
        {"\udfff": 1},
        {"a": {1, 2}},
        b"bytes",
    ],
)
def test_what_is_not_json_is_not_written(value: Any) -> None:
    with pytest.raises(MalformedError) as caught:
        canonical(value)
    assert caught.value.reason == "not_canonical"


def test_a_value_that_contains_itself_is_not_written() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(MalformedError):
        canonical(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"a":1}', "duplicate_name"),
        (r'{"a":1,"\u0061":2}', "duplicate_name"),
        ('[{"b":{"a":1,"a":2}}]', "duplicate_name"),
        ("NaN", "number"),
        ("[Infinity]", "number"),
        ("-Infinity", "number"),
        ("1e400", "number"),
        ("1e20", "number"),
        ("9007199254740992", "number"),
        ("-9007199254740992", "number"),
        ("1" * 4000, "number"),
        (r'"\ud800"', "character"),
        (r'{"\udc00\ud800":1}', "character"),
        (r'["\u0000"]', "character"),
        (r'{"a":"\b"}', "character"),
        (r'"\u001f"', "character"),
        ('"\x01"', "json"),
        ('"a\nb"', "json"),
        ("\ufeff{}", "json"),
        (b"\xef\xbb\xbf{}", "json"),
        (b'"\xff"', "encoding"),
        (b'"\xed\xa0\x80"', "encoding"),
        ('"\ud800"', "encoding"),
        ('{"a":1}'.encode("utf-16"), "encoding"),
        ('{"a":1}'.encode("utf-16-le"), "json"),
        ("", "json"),
        ("{} {}", "json"),
        ("{'a':1}", "json"),
        ("[1,]", "json"),
        ("01", "json"),
    ],
)
def test_what_readers_disagree_about_is_refused(text: bytes | str, reason: str) -> None:
    with pytest.raises(MalformedError) as caught:
        loads(text)
    assert caught.value.reason == reason


def test_tab_line_feed_and_carriage_return_may_be_escaped_in() -> None:
    assert loads(r'"\t\n\r\\\"\ud83d\ude00"') == '\t\n\r\\"😀'


def test_integers_up_to_2_53_minus_1_are_read() -> None:
    assert loads("[9007199254740991,-9007199254740991,-0]") == [MAX_INTEGER, -MAX_INTEGER, 0]


def test_size_counts_utf_8_bytes() -> None:
    assert loads('"一一"', max_bytes=8) == "一一"
    for text in ('"一一"', '"一一"'.encode()):
        with pytest.raises(MalformedError) as caught:
            loads(text, max_bytes=7)
        assert caught.value.reason == "too_large"


@pytest.mark.parametrize("text", ["[" * 5 + "]" * 5, '{"a":' * 5 + "1" + "}" * 5, "[[[[[", '[[[[{"a":"]]]]]"}]]]]'])
def test_depth_is_capped(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        loads(text, max_depth=4)
    assert caught.value.reason == "depth"


def test_many_shallow_brackets_and_brackets_in_strings_are_not_depth() -> None:
    assert loads("[" + ",".join(["[]"] * 50) + "]", max_depth=2) == [[]] * 50
    assert loads(r'["[[[[[[\"[[[[","{{{{{"]', max_depth=1) == ['[[[[[["[[[[', "{{{{{"]


@pytest.mark.parametrize("text", [r"\"" * 100_000, '"' + r"\"" * 100_000, "[" * 33 + '"\\' * 100_000, '"' * 200_001])
def test_the_depth_check_takes_one_pass_over_hostile_quotes(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(MalformedError):
        loads("[" * 40 + text, max_bytes=300_000, max_depth=39)
    with pytest.raises(MalformedError):
        loads("[]" * 40 + text, max_bytes=300_000)
    assert time.perf_counter() - start < 2


@given(st.binary(max_size=200) | st.text(max_size=200) | st.text('[]{}",:\\u0eE+-.1d8tfn', max_size=60))
def test_reading_anything_raises_nothing_but_malformed(data: bytes | str) -> None:
    try:
        value = loads(data)
    except MalformedError:
        return
    canonical(value)


@given(st.binary(max_size=100))
def test_base64url_round_trip(data: bytes) -> None:
    assert unb64u(b64u(data)) == data
    assert unb64u(b64u(data).encode()) == data


@given(st.text("AQgwEBc-_+/=048 \nZz\xe9", max_size=12))
def test_a_byte_string_has_one_base64url_text(text: str) -> None:
    try:
        data = unb64u(text)
    except MalformedError:
        return
    assert b64u(data) == text


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "QQ==", "QR", "QUF=", "QUJ", "+A", "/A", "Q Q", "QQ\n", "QQ~", "=", "ÄA"]
)
def test_second_spellings_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        unb64u(text)


def test_sha256_of_abc() -> None:
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
