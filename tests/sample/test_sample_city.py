from collections import Counter
from datetime import date

import pytest

from catalog.identifiers import CITIZEN_ID, USCC, check
from hub.sample.city import City, cast, invent
from hub.sample.numbers import DISTRICTS, citizen_id, enterprise_code

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def city() -> City:
    return invent(TODAY)


def test_three_hundred_persons_have_right_numbers_each_their_own(city: City) -> None:
    numbers = [person.citizen_id for person in city.people]
    assert len(set(numbers)) == len(numbers) == 300
    for person in city.people:
        check(CITIZEN_ID, person.citizen_id)
        assert person.citizen_id[:6] in DISTRICTS
        assert person.citizen_id[6:14] == f"{person.born:%Y%m%d}"
        assert (int(person.citizen_id[16]) % 2 == 1) == (person.sex == "男")


def test_three_hundred_enterprises_have_right_codes_each_their_own(city: City) -> None:
    codes = [enterprise.uscc for enterprise in city.enterprises]
    assert len(set(codes)) == len(codes) == 300
    assert len({enterprise.name for enterprise in city.enterprises}) == 300
    for code in codes:
        check(USCC, code)
        assert code[:2] == "91"
        assert code[2:8] in DISTRICTS


def test_a_citizen_number_is_the_one_of_the_standard() -> None:
    assert citizen_id("110105", date(1949, 12, 31), 2) == "11010519491231002X"  # GB 11643-1999, the standard's example


@pytest.mark.parametrize("serial", [0, 1, 30, 31, 90_000, 31**5 - 1])
def test_any_serial_gives_a_right_enterprise_code(serial: int) -> None:
    code = enterprise_code("990102", serial)
    check(USCC, code)
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(weight * int(char, 36) for weight, char in zip(weights, code[8:16], strict=True))
    assert code[16] == {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))  # GB 11714


def test_the_same_seed_gives_the_same_city(city: City) -> None:
    again = invent(TODAY)
    assert again.people == city.people
    assert again.enterprises == city.enterprises


def test_another_seed_gives_other_numbers(city: City) -> None:
    other = invent(TODAY, seed=1)
    assert [person.citizen_id for person in other.people] != [person.citizen_id for person in city.people]


def test_numbers_do_not_depend_on_the_day_of_the_build(city: City) -> None:
    assert invent(date(2031, 2, 28)).people == city.people


def test_spouses_name_each_other(city: City) -> None:
    people = {person.citizen_id: person for person in city.people}
    married = [person for person in city.people if person.marriage]
    assert len(married) > 100
    for person in married:
        assert person.marriage is not None
        spouse = people[person.marriage.spouse.id_number]
        assert spouse.name == person.marriage.spouse.name
        assert spouse.marriage is not None
        assert spouse.marriage.spouse == person.identity
        assert spouse.marriage.number == person.marriage.number
        assert spouse.household == person.household
        assert person.marriage.registered_on.year - person.born.year >= 22


def test_the_city_is_varied(city: City) -> None:
    rare = [person for person in city.people if any(ord(char) > 0xFFFF or "㐀" <= char <= "䶿" for char in person.name)]
    assert len(rare) >= 5
    assert {len(person.name) for person in city.people} >= {2, 3, 4}
    assert any(not person.adult for person in city.people)
    assert min(Counter(person.titles for person in city.people)[count] for count in (0, 1, 2)) > 5
    assert any(enterprise.enterprise_type == "N/A" for enterprise in city.enterprises)


def test_nobody_is_born_after_the_build_or_without_adult_parents(city: City) -> None:
    assert all(person.born < date(2021, 1, 1) for person in city.people)
    heads = {person.household.number: person for person in city.people if person.relationship == "户主"}
    for person in city.people:
        if person.relationship in {"子", "女"}:
            assert person.born.year - heads[person.household.number].born.year >= 23


def test_the_whole_cast_lives_in_the_city(city: City) -> None:
    assert list(city.persons) == [role["key"] for role in cast()["persons"]]
    assert set(city.persons.values()) <= set(city.people)
    for role in cast()["persons"]:
        assert city.persons[role["key"]].name == role["person"]["name"]
    for role in cast()["enterprises"]:
        assert city.firms[role["key"]].name == role["name"]
        assert city.firms[role["key"]].representative == city.persons[role["representative"]]
