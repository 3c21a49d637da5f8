"""Control codes: as they are made, typed and refused."""

import pytest

from certificates.control_code import CODE_CHARACTERS, new_control_code, read_control_code, verify_link

CODE = new_control_code()


def test_codes_are_long_and_differ() -> None:
    codes = {new_control_code() for _ in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {CODE_CHARACTERS}


def test_a_code_is_read_as_people_type_it() -> None:
    grouped = "-".join(CODE[at : at + 4] for at in range(0, CODE_CHARACTERS, 4))
    assert read_control_code(grouped.lower()) == CODE
    assert read_control_code(f" {grouped.replace('-', ' ')}\n") == CODE
    assert read_control_code(CODE.replace("0", "O").replace("1", "l")) == CODE


NO_CODES = {
    "empty": "",
    "short": CODE[:-1],
    "long": CODE + "A",
    "unused_letter": "U" * 28,
    "wide": "Ｋ" * 28,
    "junk": CODE[::-1] + "x",
    "endless": "A" * 10_000,
}


@pytest.mark.parametrize("name", NO_CODES)
def test_what_is_no_code_is_none(name: str) -> None:
    assert read_control_code(NO_CODES[name]) is None


def test_one_wrong_character_is_nearly_always_noticed() -> None:
    wrong = [CODE[:at] + ("A" if CODE[at] != "A" else "B") + CODE[at + 1 :] for at in range(CODE_CHARACTERS)]
    assert sum(read_control_code(code) is None for code in wrong) >= CODE_CHARACTERS - 1


def test_the_code_of_a_link_is_behind_the_hash() -> None:
    assert verify_link("https://hub.example.gov.cn", CODE) == f"https://hub.example.gov.cn/verify#c={CODE}"
