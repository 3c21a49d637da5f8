import csv
from datetime import date
from pathlib import Path

import pytest

from certificates.definitions.loading import shipped_types
from hub.collection.mapping import Mapped, Mapping
from hub.collection.reading.reader import open_register
from hub.sample.city import City, invent
from hub.sample.registers import ENCODINGS, REGISTERS, write_registers

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def city() -> City:
    return invent(TODAY)


@pytest.fixture(scope="module")
def registers(city: City, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_registers(city, tmp_path_factory.mktemp("registers"))


def claims_of(path: Path, slug: str) -> list[dict[str, str | int]]:
    certificate_type = shipped_types()[slug]
    with open_register(path) as reader:
        mapper = Mapping.of_type(certificate_type).bind(certificate_type, reader.columns)
        rows = [mapper.apply(row) for row in reader]
    assert all(isinstance(row, Mapped) for row in rows), next(row for row in rows if not isinstance(row, Mapped))
    return [row.claims for row in rows if isinstance(row, Mapped)]


def test_every_shipped_type_has_a_register(registers: dict[str, Path]) -> None:
    assert registers.keys() == shipped_types().keys()


@pytest.mark.parametrize("slug", REGISTERS)
def test_every_row_fits_its_type_under_its_own_key(registers: dict[str, Path], slug: str) -> None:
    certificate_type = shipped_types()[slug]
    claims = claims_of(registers[slug], slug)
    assert len(claims) > (150 if slug != "newborn_registration" else 40)
    assert [certificate_type.check_claims(row) for row in claims] == [[]] * len(claims)
    keys = [row[certificate_type.record_key] for row in claims]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("slug", REGISTERS)
def test_columns_are_those_of_the_default_mapping(registers: dict[str, Path], slug: str) -> None:
    text = registers[slug].read_bytes().decode(ENCODINGS.get(slug, "utf-8"))
    assert next(csv.reader(text.splitlines())) == list(shipped_types()[slug].default_mapping)


@pytest.mark.parametrize("slug", REGISTERS)
def test_the_declared_encoding_is_the_one_found(registers: dict[str, Path], slug: str) -> None:
    with open_register(registers[slug]) as reader:
        assert reader.encoding == ENCODINGS.get(slug, "utf-8")


def test_rare_characters_survive_the_old_encoding(city: City, registers: dict[str, Path]) -> None:
    assert list(ENCODINGS) == ["household_register"]
    names = {row["citizen_id"]: row["name"] for row in claims_of(registers["household_register"], "household_register")}
    rare = city.persons["rare_name"]
    assert names[rare.citizen_id] == rare.name
    with pytest.raises(UnicodeEncodeError):
        rare.name.encode("gbk")


@pytest.mark.parametrize("today", [TODAY, date(2028, 2, 29), date(2031, 12, 31), date(2027, 1, 1)])
def test_cards_are_in_force_on_the_day_of_the_build_unless_declared(tmp_path: Path, today: date) -> None:
    city = invent(today)
    cards = {
        row["citizen_id"]: row for row in claims_of(write_registers(city, tmp_path)["identity_card"], "identity_card")
    }
    for key, person in city.persons.items():
        if key == "unknown_person":
            assert person.citizen_id not in cards
            continue
        until = cards[person.citizen_id].get("valid_until")
        if key == "card_expired":
            assert date.fromisoformat(str(until)) < today
        elif key == "long_term_card":
            assert until is None
        else:
            assert date.fromisoformat(str(until)) > date(today.year + 1, 1, 1)


def test_registers_are_the_same_bytes_for_the_same_day(registers: dict[str, Path], tmp_path: Path) -> None:
    again = write_registers(invent(TODAY), tmp_path)
    assert {slug: path.read_bytes() for slug, path in again.items()} == {
        slug: path.read_bytes() for slug, path in registers.items()
    }


def test_gaps_of_the_cast_are_gaps_in_the_registers(city: City, registers: dict[str, Path]) -> None:
    households = {row["citizen_id"] for row in claims_of(registers["household_register"], "household_register")}
    married = {row["citizen_id"] for row in claims_of(registers["marriage_certificate"], "marriage_certificate")}
    owners = [row["owner_id_number"] for row in claims_of(registers["real_estate_title"], "real_estate_title")]
    assert city.persons["complete"].citizen_id in households & married
    assert city.persons["household_elsewhere"].citizen_id not in households
    assert city.persons["never_married"].citizen_id not in married
    assert owners.count(city.persons["two_titles"].citizen_id) == 2
    assert owners.count(city.firms["two_premises"].uscc) == 2
    assert city.firms["tenant"].uscc not in owners
