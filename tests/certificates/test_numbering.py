"""Certificate identifiers: published ones, a wrong one from a specification, and the arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.errors import NumberingError, VersionExhaustedError
from certificates.numbering import LAST_VERSION, OID_PREFIX, Identifier, check_character, next_version, parse

INVENTED = "1.2.156.3005.2.11990000MB0000002Q001.11990000MB0000001M.2026000001.001.O"
PUBLISHED = {
    "housing, first version": f"{OID_PREFIX}.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "housing, second version": f"{OID_PREFIX}.11100000000013338W009.11330105002500287C.2025052201.002.0",
    "real estate, division as issuer": f"{OID_PREFIX}.11100000MB03271699022.340100.000000016.001.9",
    "invented": INVENTED,
}
SWAGGER = f"{OID_PREFIX}.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def refusal(text: str) -> str:
    with pytest.raises(NumberingError) as caught:
        parse(text)
    return caught.value.reason


@pytest.mark.parametrize("text", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_a_published_identifier_is_read_and_written_back(text: str) -> None:
    identifier = parse(text)
    assert identifier.text == str(identifier) == text
    assert identifier.check == text[-1]


def test_the_parts_of_an_identifier_are_those_between_the_dots() -> None:
    assert parse(PUBLISHED["housing, second version"]) == Identifier(
        "11100000000013338W009", "11330105002500287C", "2025052201", 2
    )


def test_the_sample_of_a_specification_has_a_wrong_check_character() -> None:
    assert refusal(f"{SWAGGER}.M") == "check_character"
    assert parse(f"{SWAGGER}.D").serial == "209FA4E88F9E4C878F3E9BED2CE7EA49"


def test_a_division_as_issuer_is_read_and_never_issued_anew() -> None:
    assert parse(PUBLISHED["real estate, division as issuer"]).issuer_code == "340100"
    with pytest.raises(NumberingError) as caught:
        Identifier.new("11100000MB03271699022", "340100", "000000016")
    assert caught.value.reason == "issuer_code"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (INVENTED + "." * 60, "length"),
        (INVENTED.replace("3005", "3006"), "prefix"),
        (INVENTED.removeprefix("1."), "prefix"),
        (" " + INVENTED, "prefix"),
        ("", "prefix"),
        (f"{OID_PREFIX}.", "parts"),
        (INVENTED.removesuffix(".O"), "parts"),
        (INVENTED + ".1", "parts"),
        (INVENTED.replace("Q001", "Q01"), "type_code"),
        (INVENTED.replace("Q001", "q001"), "type_code"),
        (INVENTED.replace("Q001", "Q00A"), "type_code"),
        (INVENTED.replace("0001M", "0001"), "issuer_code"),
        (INVENTED.replace("0001M", "0001m"), "issuer_code"),
        (INVENTED.replace("11990000MB0000001M", "34010"), "issuer_code"),
        (INVENTED.replace("2026000001", ""), "serial"),
        (INVENTED.replace("2026000001", "A" * 33), "serial"),
        (INVENTED.replace("2026000001", "2026-1"), "serial"),
        (INVENTED.replace("2026000001", "２026000001"), "serial"),
        (INVENTED.replace(".001.", ".1."), "version"),
        (INVENTED.replace(".001.", ".000."), "version"),
        (INVENTED.replace(".001.", ".1000."), "version"),
        (INVENTED.replace(".001.", ".٠٠١."), "version"),
        (INVENTED[:-1] + "o", "check_character"),
        (INVENTED[:-1] + "OO", "check_character"),
        (INVENTED[:-1], "check_character"),
        (INVENTED + "\n", "check_character"),
    ],
)
def test_a_faulty_identifier_is_refused_by_its_part(text: str, reason: str) -> None:
    assert refusal(text) == reason


@given(st.integers(15, len(INVENTED) - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(place: int, char: str) -> None:
    if INVENTED[place] not in {char, "."}:
        refusal(INVENTED[:place] + char + INVENTED[place + 1 :])


@given(st.integers(15, len(INVENTED) - 3))
def test_two_neighbours_changing_places_are_noticed(place: int) -> None:
    one, other = INVENTED[place : place + 2]
    if one != other and "." not in {one, other}:
        refusal(INVENTED[:place] + other + one + INVENTED[place + 2 :])


@given(st.text(max_size=140))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    with pytest.raises(NumberingError):
        parse(text)
    with pytest.raises(NumberingError):
        parse(f"{OID_PREFIX}.{text}")


@given(
    st.text(ALPHABET, min_size=18, max_size=18),
    st.text(ALPHABET, min_size=1, max_size=32),
    st.integers(1, LAST_VERSION),
)
def test_what_is_written_is_read_back(code: str, serial: str, version: int) -> None:
    identifier = Identifier(f"{code}001", code, serial, version)
    assert parse(identifier.text) == identifier


def test_check_characters_follow_iso_7064_and_nothing_else_has_one() -> None:
    def by_the_book(body: str) -> str:
        product = 36
        for char in body:
            product = (product + ALPHABET.index(char)) % 36 or 36
            product = product * 2 % 37
        return ALPHABET[(37 - product) % 36]

    for body in ("", "0", "Z", "A1B2C3", ALPHABET, ALPHABET[::-1] * 3):
        assert check_character(body) == by_the_book(body)
    for body in ("a", "1.2", "１", "\0"):
        with pytest.raises(NumberingError) as caught:
            check_character(body)
        assert caught.value.reason == "character"


def test_a_first_issue_has_version_one_and_two_correct_authorities() -> None:
    new = Identifier.new("11990000MB0000002Q001", "11990000MB0000001M", "2026000001")
    assert new.text == INVENTED
    for type_code, issuer, reason in (
        ("11990000MB0000002R001", "11990000MB0000001M", "type_code"),
        ("11990000MB0000002Q001", "11990000MB0000001N", "issuer_code"),
        ("11990000MB0000002Q01", "11990000MB0000001M", "type_code"),
    ):
        with pytest.raises(NumberingError) as caught:
            Identifier.new(type_code, issuer, "2026000001")
        assert caught.value.reason == reason


def test_versions_count_up_to_999_and_then_a_new_serial_is_due() -> None:
    identifier = parse(INVENTED)
    second = next_version(identifier)
    assert (second.version, second.serial) == (2, identifier.serial)
    assert second.text[-5:-2] == "002"
    last = Identifier(identifier.type_code, identifier.issuer_code, identifier.serial, LAST_VERSION)
    assert last.text.endswith(f".999.{last.check}")
    with pytest.raises(VersionExhaustedError) as caught:
        next_version(last)
    assert caught.value.reason == "version_exhausted"
    for version in (0, -1, 1000):
        with pytest.raises(NumberingError):
            Identifier(identifier.type_code, identifier.issuer_code, identifier.serial, version)
