"""The contract: questions and answers held against what was published, and where a drifting source first broke it."""

from typing import Any

import pytest

from catalog.errors import DefinitionError
from hub.exchange.contract import AnswerContract, ContractFault, Difference
from hub.exchange.mapping import compile_mapping
from hub.sample.numbers import enterprise_code
from tests.exchange.declared import TITLE, field, interface

USCC = enterprise_code("990102", 8)
FIELDS = {
    "uscc": field({"type": "string", "format": "uscc"}, required=True),
    "name": field({"type": "string", "maxLength": 10}, required=True),
    "day": field({"type": "string", "format": "date"}),
    "staff": field({"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer"}}}),
}
MAPPING = {"uscc": "U", "name": "N", "day": {"from": "D", "optional": True}, "staff": {"from": "S", "optional": True}}
PARAMS = {
    "uscc": {"title": TITLE, "from": "caller", "schema": {"type": "string", "format": "uscc"}},
    "who": {"title": TITLE, "from": "party.name"},
}


def contract() -> AnswerContract:
    return AnswerContract(interface(FIELDS, MAPPING, params=PARAMS))


def test_a_good_question_and_a_good_answer_have_no_faults() -> None:
    assert contract().check_params({"uscc": USCC, "who": "王某"}) == ()
    assert contract().check({"uscc": USCC, "name": "某公司", "staff": [{"a": 1}]}) == ()
    assert contract().takes == {"uscc"}


def test_every_fault_of_a_question_is_told_without_its_values() -> None:
    found = contract().check_params({"uscc": USCC[:-1] + "!", "张三": "x"})
    assert set(found) == {
        ContractFault("/params/uscc", "format"),
        ContractFault("/params", "additionalProperties"),
        ContractFault("/params/who", "required"),
    }


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"name": "某公司"}, ContractFault("/uscc", "required")),
        ({"uscc": USCC, "name": "x" * 11}, ContractFault("/name", "maxLength")),
        ({"uscc": USCC, "name": 5}, ContractFault("/name", "type")),
        ({"uscc": USCC, "name": "x", "day": "0000-01-01"}, ContractFault("/day", "format")),
        ({"uscc": USCC, "name": "x", "staff": [{"王某": "x"}]}, ContractFault("/staff/0", "type")),
        ({"uscc": USCC, "name": "x", "王某": 1}, ContractFault("", "additionalProperties")),
    ],
)
def test_a_broken_answer_is_told_by_place_and_rule(values: dict[str, Any], fault: ContractFault) -> None:
    assert contract().check(values) == (fault,)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"U": USCC, "N": "某公司"}, None),
        ({"U": USCC, "NAME": "某公司"}, Difference("name", "column_missing")),
        ({"U": USCC, "N": ["某公司"]}, Difference("name", "type")),
        ({"U": USCC, "N": "很长很长很长很长很长很长的名称"}, Difference("name", "maxLength")),
        ({"U": USCC, "N": None}, Difference("name", "required")),
        ({"U": "12345", "N": ["某公司"]}, Difference("name", "type")),
        ({"U": "12345", "N": "某公司"}, Difference("uscc", "id_length")),
    ],
)
def test_the_first_difference_of_a_drifting_source_is_named(row: dict[str, Any], expected: Difference | None) -> None:
    made = interface(FIELDS, MAPPING, params=PARAMS)
    assert AnswerContract(made).difference(compile_mapping(made).apply(row)) == expected


def test_a_bad_number_in_one_record_is_no_change_of_the_source() -> None:
    assert not Difference("uscc", "id_check_digit").structural
    assert Difference("name", "column_missing").structural


@pytest.mark.parametrize("schema", [{"type": "strin"}, {"pattern": "("}, {"$ref": "https://example.org/x"}])
def test_a_schema_that_cannot_be_used_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match="a schema cannot be used"):
        AnswerContract(interface({"it": field(schema)}, {"it": "c"}))
