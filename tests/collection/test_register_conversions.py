import pytest

from hub.collection.reading.conversions import (
    ConversionError,
    DateSpelling,
    date_converter,
    to_code,
    to_decimal,
    to_integer,
)

_ALL = frozenset(DateSpelling)


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-02",
        "2020/1/2",
        "2020/01/02",
        "20200102",
        "2020年1月2日",
        "2020年01月02日",
        "2020-1-2",
        "2020.1.2",
        "２０２０－０１－０２",
        "２０２０年１月２日",
        "2020-01-02 00:00:00",
        "2020/1/2 0:00",
        "2020-01-02T00:00:00.000",
    ],
)
def test_spellings_of_a_day_become_one(text: str) -> None:
    assert date_converter(_ALL)(text) == "2020-01-02"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("01/02/2020", "date_ambiguous"),
        ("1-2-20", "date_ambiguous"),
        ("20/1/2", "date_ambiguous"),
        ("2020-02-30", "date_impossible"),
        ("2021年2月29日", "date_impossible"),
        ("20201301", "date_impossible"),
        ("01022020", "date_impossible"),
        ("0000-01-01", "date_impossible"),
        ("2020-01-02 10:30:00", "date_spelling"),
        ("2020-01", "date_spelling"),
        ("2020年", "date_spelling"),
        ("43832", "date_spelling"),
        ("2020-W01-1", "date_spelling"),
        ("长期", "date_spelling"),
        ("2020-01-02\n", "date_spelling"),
        ("٢٠٢٠-٠١-٠٢", "date_spelling"),
    ],
)
def test_what_is_no_plain_day_is_refused(text: str, code: str) -> None:
    with pytest.raises(ConversionError) as caught:
        date_converter(_ALL)(text)
    assert caught.value.code == code


def test_spelling_that_is_not_declared_is_refused() -> None:
    convert = date_converter(frozenset({DateSpelling.COMPACT}))
    assert convert("20200102") == "2020-01-02"
    with pytest.raises(ConversionError):
        convert("2020/1/2")


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("-3", -3), ("+3", 3), ("007", 7), ("1,234,567", 1234567), ("１２", 12)]
)
def test_integers_are_read(text: str, value: int) -> None:
    assert to_integer(text) == value


@pytest.mark.parametrize("text", ["", "-", "1.0", "1,23", "12,3456", "1e3", "0x10", "1_000", "9" * 19, "٣"])
def test_what_is_no_integer_is_refused(text: str) -> None:
    with pytest.raises(ConversionError) as caught:
        to_integer(text)
    assert caught.value.code == "integer"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", "12.50"),
        ("1,234.5", "1234.5"),
        (".5", "0.5"),
        ("+007", "7"),
        ("-0.10", "-0.10"),
        ("０", "0"),
    ],
)
def test_decimals_are_written_plainly(text: str, value: str) -> None:
    assert to_decimal(text) == value


@pytest.mark.parametrize("text", ["", ".", "3.", "+", "-.", "1.2.3", "1,2", "¥5", "5元", "NaN", "1e5", "1 000"])
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(ConversionError) as caught:
        to_decimal(text)
    assert caught.value.code == "decimal"


def test_codes_are_written_in_half_width() -> None:
    assert to_code("Ａ１－２") == "A1-2"
