"""The counter's one ID field: what keyboards, scanners and card readers write."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.intake.counter.presented import Presented, PresentedError, read_presented
from hub.sample.numbers import citizen_id
from tests.support import ENTERPRISE

NUMBER = citizen_id("990102", date(1988, 3, 5), 21)
OTHER = citizen_id("990102", date(1988, 3, 5), 23)
X = next(number for n in range(1, 400, 2) if (number := citizen_id("990102", date(1990, 1, 1), n)).endswith("X"))
WIDE = NUMBER.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (NUMBER, ""),
        (f"  {NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}\r\n", ""),
        (WIDE, ""),
        (f"]C1{NUMBER}", ""),
        (f"陈晓示|{NUMBER}", "陈晓示"),
        (f"陈晓示｜{NUMBER}", "陈晓示"),
        (f"{NUMBER}|陈晓示", "陈晓示"),
        (f"陈晓示,{NUMBER}", "陈晓示"),
        (f"陈晓示，{NUMBER}", "陈晓示"),
        (f"陈晓示\t{NUMBER}", "陈晓示"),
        (f"陈晓示 {NUMBER}", "陈晓示"),
        (f"欧阳·示例 |{NUMBER}|", "欧阳·示例"),
        (f"陈晓示|女|汉|19880305|示例市中心路1号|{NUMBER}|示例市公安局|20200101|20400101|", "陈晓示"),
        (f"姓名:陈晓示;性别:女;公民身份号码:{NUMBER};住址:示例市中心路1号", "陈晓示"),
        (f"身份证号码：{NUMBER}", ""),
        (f'{{"idNumber":"{NUMBER}","name":"陈晓示"}}', "陈晓示"),
        (f"Mary Ann Sample|{NUMBER}", "Mary Ann Sample"),
    ],
)
def test_what_readers_write(text: str, name: str) -> None:
    assert read_presented(text) == Presented("111", NUMBER, name)


def test_a_small_x_and_a_credit_code_are_known_by_their_check_character() -> None:
    assert read_presented(X.lower()) == Presented("111", X)
    code = ENTERPRISE["id_number"]
    assert read_presented(f"{ENTERPRISE['name']}|{code.lower()}") == Presented("001", code, ENTERPRISE["name"])
    assert read_presented("e12345678", id_type="414") == Presented("414", "E12345678")
    assert read_presented("WANG XIAO|E12345678", id_type="414").name == "WANG XIAO"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing"),
        (" \t", "missing"),
        (NUMBER[:-1], "length"),
        (NUMBER + "1", "length"),
        (NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "2"), "check_digit"),
        ("990102199913050018", "date"),
        ("9901021988030500-1", "character"),
        ("陈晓示", "length"),
        (f"{NUMBER}|{OTHER}", "several"),
    ],
)
def test_what_is_no_number_is_said_by_its_reason(text: str, reason: str) -> None:
    with pytest.raises(PresentedError) as raised:
        read_presented(text)
    assert raised.value.reason == reason


@given(st.text(max_size=80))
def test_no_text_does_anything_else(text: str) -> None:
    try:
        found = read_presented(text)
    except PresentedError:
        return
    assert read_presented(found.id_number) == Presented(found.id_type, found.id_number)


def test_a_number_is_in_no_representation() -> None:
    assert NUMBER not in repr(read_presented(f"陈晓示|{NUMBER}"))
    assert "陈" not in repr(read_presented(f"陈晓示|{NUMBER}"))
