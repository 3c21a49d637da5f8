"""Mappings: what a source wrote becomes what was published, or a fault that says where and never what."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from catalog.errors import DefinitionError
from hub.exchange.mapping import MappedRow, RowFault, compile_mapping
from hub.sample.numbers import citizen_id, enterprise_code
from tests.exchange.declared import field, interface

USCC = enterprise_code("990102", 7)


def mapped(rule: Any, row: Any, schema: dict[str, Any] | None = None) -> MappedRow | RowFault:
    return compile_mapping(interface({"it": field(schema)}, {"it": rule})).apply(row)


def value(rule: Any, raw: Any, schema: dict[str, Any] | None = None) -> Any:
    found = mapped(rule, {"c": raw}, schema)
    assert isinstance(found, MappedRow), found
    return found.values.get("it")


def fault(rule: Any, row: Any, schema: dict[str, Any] | None = None) -> str:
    found = mapped(rule, row, schema)
    assert isinstance(found, RowFault), found
    ((name, code),) = found.reasons
    assert name == "it"
    return code


@pytest.mark.parametrize(
    ("rule", "raw", "expected"),
    [
        ("c", "  某公司 ", "某公司"),
        ("c", 12, "12"),
        ({"from": "c", "trim": False}, " x ", " x "),
        ({"from": "c", "as": "code"}, "Ａ１", "A1"),
        ({"from": "c", "as": "date"}, "2020年1月2日", "2020-01-02"),
        ({"from": "c", "as": "date"}, "2020-01-02 00:00:00", "2020-01-02"),
        ({"from": "c", "as": "date"}, 20200102, "2020-01-02"),
        ({"from": "c", "as": "date", "epoch": "milliseconds"}, 1577894400000, "2020-01-02"),
        ({"from": "c", "as": "datetime", "zone": "+08:00"}, "2020-01-02 08:00:00", "2020-01-02T00:00:00Z"),
        ({"from": "c", "as": "datetime"}, "2020-01-02T08:00:00.5+0800", "2020-01-02T00:00:00.500000Z"),
        ({"from": "c", "as": "datetime", "epoch": "seconds"}, "1577923200", "2020-01-02T00:00:00Z"),
        ({"from": "c", "as": "integer"}, "1,234", 1234),
        ({"from": "c", "as": "integer"}, 7.0, None),
        ({"from": "c", "as": "integer", "factor": "10000"}, "1.5", 15000),
        ({"from": "c", "as": "decimal"}, Decimal("0012.50"), "12.50"),
        ({"from": "c", "as": "decimal"}, 0.1, "0.1"),
        ({"from": "c", "as": "decimal", "factor": "0.01"}, "12345678901234567", "123456789012345.67"),
        ({"from": "c", "as": "boolean"}, True, True),
        ({"from": "c", "as": "boolean"}, "否", False),
        ({"from": "c", "as": "boolean", "codes": {"true": "有效"}}, True, "有效"),
        ({"from": "c", "codes": {1: "存续", "2": "注销"}}, 1, "存续"),
        ({"from": "c", "codes": {"在营": True}}, "在营", True),
        ({"from": "c", "as": "uscc"}, f" {USCC.lower()} ", USCC),
        ({"from": "c", "split": {"by": "-", "take": 1}}, "浙江 - 衢州", "衢州"),
        ({"from": "c", "split": {"by": "-", "take": 5}}, "浙江-衢州", None),
        ({"from": "c", "absent": ["N/A", "不详"]}, "不详", None),
        ("c", None, None),
        ("c", "", None),
        ({"constant": "990100"}, "ignored", "990100"),
        ({"from": "/c/0/name"}, [{"name": "甲"}], "甲"),
        ({"from": "/c/name"}, None, None),
        ({"from": "c", "as": "json"}, [{"a": 1.5, "b": None}], [{"a": "1.5", "b": None}]),
    ],
)  # fmt: skip
def test_a_value_is_brought_into_its_published_spelling(rule: Any, raw: Any, expected: Any) -> None:
    if isinstance(raw, float) and expected is None:
        assert fault(rule, {"c": raw}) == "integer"
        return
    found = value(rule, raw)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("8,000(万元人民币)", "80000000"),
        ("7.78万人民币", "77800"),
        ("500（万元人民币）", "5000000"),
        ("2万人民币元", "20000"),
    ],
)
def test_a_unit_of_the_table_multiplies_exactly(raw: str, expected: str) -> None:
    units = {"(万元人民币)": "10000", "万人民币": "10000", "万人民币元": "10000"}
    assert value({"from": "c", "as": "decimal", "units": units}, raw) == expected
    assert fault({"from": "c", "as": "decimal", "units": units}, {"c": "8,000(万美元)"}) == "unit_unknown"


@pytest.mark.parametrize(
    ("rule", "raw", "code"),
    [
        ({"from": "c", "as": "date"}, "03/04/2020", "date_ambiguous"),
        ({"from": "c", "as": "date", "dates": ["iso"]}, "2020年1月2日", "date_spelling"),
        ({"from": "c", "as": "date"}, "2020-02-30", "date_impossible"),
        ({"from": "c", "as": "datetime"}, "2020-01-02 08:00:00", "datetime_without_zone"),
        ({"from": "c", "as": "datetime", "zone": "+08:00"}, "2020-01-02 25:00:00", "datetime"),
        ({"from": "c", "as": "datetime", "epoch": "seconds"}, "9" * 17, "datetime"),
        ({"from": "c", "as": "integer"}, "1.5", "integer"),
        ({"from": "c", "as": "integer"}, 2**53, "integer"),
        ({"from": "c", "as": "integer", "factor": "0.5"}, "3", "not_whole"),
        ({"from": "c", "as": "decimal"}, "1e5", "decimal"),
        ({"from": "c", "as": "decimal"}, Decimal("1E+999999"), "type"),
        ({"from": "c", "as": "decimal"}, float("nan"), "type"),
        ({"from": "c", "as": "boolean"}, "maybe", "boolean"),
        ({"from": "c", "codes": {"1": "存续"}}, "3", "code_unknown"),
        ({"from": "c", "as": "uscc"}, USCC[:-1] + ("0" if USCC[-1] != "0" else "1"), "id_check_digit"),
        ({"from": "c", "as": "citizen_id"}, "99010219990230001X", "id_date"),
        ("c", True, "type"),
        ("c", {"a": 1}, "type"),
        ("c", b"bytes", "type"),
        ("c", "a\x00b", "control_character"),
        ("c", "a\ud800b", "control_character"),
        ({"from": "/c/d"}, "text", "type"),
        ({"from": "c", "as": "json"}, [2**60], "integer"),
    ],
)
def test_what_cannot_be_read_for_certain_is_a_fault(rule: Any, raw: Any, code: str) -> None:
    assert fault(rule, {"c": raw}) == code


def test_a_deep_structure_is_a_fault_and_no_crash() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert fault({"from": "c", "as": "json"}, {"c": deep}) == "too_deep"


def test_a_missing_column_is_a_fault_unless_the_mapping_says_that_it_may_be_missing() -> None:
    assert fault("c", {"d": 1}) == "column_missing"
    assert fault({"from": "/a/b"}, {"a": {}}) == "column_missing"
    assert mapped({"from": "/a/b", "optional": True}, {"a": {}}) == MappedRow({}, ())


def test_columns_are_joined_without_the_absent_ones() -> None:
    rule = {"from": ["a", "b", "c"], "join": ""}
    assert mapped(rule, {"a": "衢州市", "b": None, "c": " 江山市 "}) == MappedRow({"it": "衢州市江山市"}, ())


def test_the_default_conversion_follows_the_schema() -> None:
    assert value("c", "2020/1/2", {"type": "string", "format": "date"}) == "2020-01-02"
    assert value("c", "12", {"type": "integer"}) == 12
    assert value("c", "1", {"type": "boolean"}) is True
    assert value("c", ["a"], {"type": "array"}) == ["a"]


def test_every_fault_of_a_row_is_told_at_once() -> None:
    made = interface(
        {"a": field(), "b": field(), "c": field()},
        {"a": {"from": "A", "as": "date"}, "b": {"from": "B", "as": "integer"}, "c": "C"},
    )
    found = compile_mapping(made).apply({"A": "gestern", "B": "viele", "C": "ok"})
    assert found == RowFault((("a", "date_spelling"), ("b", "integer")))


@pytest.mark.parametrize("row", [None, [], "row", 5])
def test_what_is_no_row_is_a_fault_of_the_row(row: Any) -> None:
    assert mapped("c", row) == RowFault((("", "type"),))


def test_repairs_are_named_and_declared_changes_are_not() -> None:
    rules = {
        "uscc": {"from": "U", "as": "uscc"},
        "day": {"from": "D", "as": "date"},
        "state": {"from": "S", "codes": {"1": "存续"}},
        "name": "N",
    }
    made = interface({name: field() for name in rules}, rules)
    found = compile_mapping(made).apply({"U": USCC.lower(), "D": "2020/1/2", "S": "1", "N": " 某公司"})
    assert isinstance(found, MappedRow)
    assert found.normalised == ("uscc", "day", "name")
    again = compile_mapping(made).apply({"U": USCC, "D": "2020-01-02", "S": "1", "N": "某公司"})
    assert isinstance(again, MappedRow)
    assert again.normalised == ()


def test_no_value_stands_in_the_repr_of_a_row() -> None:
    number = citizen_id("990102", date(1990, 1, 2), 11)
    assert number not in repr(mapped({"from": "c", "as": "citizen_id"}, {"c": number}))


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        ({"nobody": "c"}, "mapping/fields/nobody"),
        ({}, "mapping/fields"),
        ({"it": {"from": "c", "as": "datum"}}, "mapping/fields/it: as enum"),
        ({"it": {"form": "c"}}, "mapping/fields/it: additionalProperties form"),
        ({"it": {"from": "c", "dates": ["iso"]}}, "mapping/fields/it/dates"),
        ({"it": {"from": "c", "as": "integer", "factor": 10}}, "mapping/fields/it: factor type"),
        ({"it": {"from": ["a", "b"]}}, "mapping/fields/it/join"),
        ({"it": {"from": " c"}}, "mapping/fields/it/from"),
        ({"it": {"from": "/a~b"}}, "mapping/fields/it/from"),
        ({"it": {"as": "text"}}, "mapping/fields/it/from is missing"),
        ({"it": {"constant": "x", "from": "c"}}, "mapping/fields/it: a constant"),
        ({"it": {"from": "c", "codes": {True: "x"}}}, "in quotes"),
        ({"it": {"from": "c", "as": "date", "epoch": "seconds", "dates": ["iso"]}}, "mapping/fields/it/epoch"),
    ],
)
def test_a_faulty_mapping_is_refused_with_its_place(mapping: dict[str, Any], place: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        compile_mapping(interface({"it": field()}, mapping))
    assert place in str(refused.value)


def test_a_required_field_must_be_mapped() -> None:
    made = interface({"it": field(), "must": field(required=True)}, {"it": "c"})
    with pytest.raises(DefinitionError, match="mapping/fields/must is missing"):
        compile_mapping(made)


def test_a_decimal_must_be_declared() -> None:
    with pytest.raises(DefinitionError, match="say what it is with as"):
        compile_mapping(interface({"it": field({"type": "number"})}, {"it": "c"}))


def test_the_digest_tells_two_mappings_apart() -> None:
    one = compile_mapping(interface({"it": field()}, {"it": "c"}))
    two = compile_mapping(interface({"it": field()}, {"it": "d"}))
    assert one.digest == compile_mapping(interface({"it": field()}, {"it": "c"})).digest != two.digest
