"""Identifiers: the published examples, every reason of refusal, and names in all their spellings."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import IdentifierError
from catalog.identifiers import (
    CITIZEN_ID,
    ID_TYPES,
    USCC,
    check,
    check_division,
    normalise_id,
    normalise_name,
    parent_division,
)

DIGITS = "0123456789"
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def refusal(id_type: str, value: str) -> str:
    with pytest.raises(IdentifierError) as caught:
        check(id_type, value)
    assert str(caught.value) == f"identifier refused: {caught.value.reason}"  # and never the value
    return caught.value.reason


# -- citizen identification numbers, GB 11643


@pytest.mark.parametrize("value", ["11010519491231002X", "440524188001010014"])
def test_published_citizen_numbers_pass(value: str) -> None:
    check(CITIZEN_ID, value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("110105194912310020", "check_digit"),
        ("110105194912310021", "check_digit"),
        ("11010519491231002x", "character"),
        ("1101051949123100 2", "character"),
        ("X1010519491231002X", "character"),
        ("１1010519491231002X", "character"),
        ("11010519491231002", "length"),
        ("110105491231002", "length"),
        ("11010519491231002XX", "length"),
        ("", "length"),
        ("110105194913310020", "date"),
        ("110105194902300020", "date"),
        ("110105000001010020", "date"),
        ("11010519000229002X", "date"),
    ],
)
def test_a_faulty_citizen_number_is_refused_by_its_first_fault(value: str, reason: str) -> None:
    assert refusal(CITIZEN_ID, value) == reason


def test_the_29th_of_february_is_a_birthday_in_leap_years_only() -> None:
    assert refusal(CITIZEN_ID, "110105200002290020") == "check_digit"
    assert refusal(CITIZEN_ID, "110105200102290020") == "date"


@given(st.integers(0, 16), st.sampled_from(DIGITS))
def test_one_wrong_digit_of_a_citizen_number_is_always_noticed(place: int, digit: str) -> None:
    right = "11010519491231002X"
    if right[place] != digit:
        assert refusal(CITIZEN_ID, right[:place] + digit + right[place + 1 :]) in {"check_digit", "date"}


# -- unified social credit codes, GB 32100


@pytest.mark.parametrize(
    "value",
    [
        "11100000000013338W", "11100000MB03271699", "11100000000013661B", "11100000MB0341032Y", "11430000006122244L",
        "11330105002500287C", "11990000MB0000002Q", "11990000MB0000001M",
    ],
)  # fmt: skip
def test_codes_of_public_bodies_pass(value: str) -> None:
    check(USCC, value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("11100000000013338X", "check_digit"),
        ("111000000000133380", "check_digit"),
        ("1110000000001333", "length"),
        ("11100000000013338I", "character"),
        ("1110000000001333OW", "character"),
        ("111000000000S3338W", "character"),
        ("11100000000013338w", "character"),
        ("11A00000000013338W", "character"),
    ],
)
def test_a_faulty_credit_code_is_refused_by_its_first_fault(value: str, reason: str) -> None:
    assert refusal(USCC, value) == reason


@given(st.integers(0, 16), st.sampled_from(USCC_ALPHABET))
def test_one_wrong_character_of_a_credit_code_is_always_noticed(place: int, char: str) -> None:
    right = "11990000MB0000002Q"
    if right[place] != char:
        assert refusal(USCC, right[:place] + char + right[place + 1 :]) in {"check_digit", "character"}


# -- other types


def test_the_codes_of_gb_t_36903_annex_a_are_known_and_no_others() -> None:
    assert set(ID_TYPES) == {
        "001", "099", "111", "114", "115", "118", "119", "120", "122", "411", "412", "413", "414", "511", "516", "999",
    }  # fmt: skip
    assert refusal("112", "E12345678") == "type"
    with pytest.raises(IdentifierError) as caught:
        normalise_id("112", "x")
    assert caught.value.reason == "type"


@pytest.mark.parametrize(
    ("id_type", "value"),
    [("414", "E12345678"), ("511", "01234567"), ("516", "H1234567890"), ("114", "军字第0001234号"), ("999", "AB-12")],
)
def test_types_without_a_check_character_are_held_to_length_and_characters(id_type: str, value: str) -> None:
    check(id_type, value)
    assert refusal(id_type, value[:1]) == "length"
    assert refusal(id_type, value * 10) == "length"
    assert refusal(id_type, value[:-1] + "_") == "character"


@pytest.mark.parametrize(
    ("id_type", "text", "value", "changed"),
    [
        (CITIZEN_ID, " 1101 0519 4912 3100 2x\n", "11010519491231002X", True),
        (CITIZEN_ID, "１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X", True),
        (CITIZEN_ID, "11010519491231002X", "11010519491231002X", False),
        (USCC, "11990000mb0000002q", "11990000MB0000002Q", True),
        ("999", "a\u3000b", "AB", True),
        ("114", "军字第（12）号", "军字第(12)号", True),
        ("414", "ı1234567", "ı1234567", False),
        ("414", "ß1234567", "ß1234567", False),
        ("414", "A¯1234567", "Ā1234567", True),
    ],
)
def test_normalising_repairs_width_case_and_spaces_and_says_so(
    id_type: str,
    text: str,
    value: str,
    changed: bool,  # noqa: FBT001
) -> None:
    normalised = normalise_id(id_type, text)
    assert (normalised.value, normalised.changed) == (value, changed)


@given(st.sampled_from(sorted(ID_TYPES)), st.text(max_size=40))
def test_normalising_is_done_after_once_and_checking_never_raises_anything_else(id_type: str, text: str) -> None:
    value = normalise_id(id_type, text).value
    assert normalise_id(id_type, value).value == value
    with suppress(IdentifierError):
        check(id_type, value)


# -- divisions, GB/T 2260


@pytest.mark.parametrize(
    ("code", "parent"),
    [
        ("440113012001", "440113012000"), ("440113012000", "440113"), ("440113000000", "440100"), ("440113", "440100"),
        ("440100", "440000"), ("440000", None), ("440000000000", None),
    ],
)  # fmt: skip
def test_a_division_lies_in_the_one_a_level_up(code: str, parent: str | None) -> None:
    assert parent_division(code) == parent


@pytest.mark.parametrize(("code", "reason"), [("4401", "length"), ("44011X", "character"), ("４40113", "character")])
def test_what_is_no_division_code_has_no_parent(code: str, reason: str) -> None:
    for function in (check_division, parent_division):
        with pytest.raises(IdentifierError) as caught:
            function(code)
        assert caught.value.reason == reason


# -- names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("张三", "张 三"),
        ("张三", " 张\u3000三 "),
        ("示例市晨光食品（集团）有限公司", "示例市晨光食品 (集团) 有限公司"),
        ("示例【集团】公司", "示例[集团]公司"),
        ("阿依古丽·买买提", "阿依古丽•买买提"),
        ("阿依古丽·买买提", "阿依古丽 ・ 买买提"),
        ("Ｊｏｈｎ　Smith", "JOHN  SMITH"),
        ("Straße", "STRASSE"),
        ("Zoë", "Zoe\u0308"),
        ("Zoë", "Zoe\u200d\u0308"),
        ("王\u200b小明", "王小明"),
    ],
)
def test_spellings_of_one_name_are_equal(one: str, other: str) -> None:
    assert normalise_name(one) == normalise_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("张三", "张三丰"), ("John Smith", "Johnsmith"), ("李明", "李萌"), ("A·B公司", "AB公司"), ("王小明", "小明王")],
)
def test_two_names_stay_two(one: str, other: str) -> None:
    assert normalise_name(one) != normalise_name(other)


@given(st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Z", "Cf")), max_size=30))
def test_a_normalised_name_stays_as_it_is(name: str) -> None:
    once = normalise_name(name)
    assert normalise_name(once) == once
