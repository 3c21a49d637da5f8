from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.loading import shipped_types
from hub.collection.errors import MappingError, UnknownColumnError
from hub.collection.mapping import ColumnRule, Mapped, Mapping, RowMapper
from hub.collection.mapping_file import load_mapping, read_mapping
from hub.collection.reading.reader import open_register
from hub.collection.reading.rows import BadRow, RawRow
from hub.collection.reasons import TEXTS, Rejection, code_of_rule

_SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"

MapRow = Callable[..., Mapped | Rejection]


@pytest.fixture
def map_row(mapper: RowMapper, enterprise: Callable[..., str], header: str) -> MapRow:
    """Map one row of the business register with these cells."""

    def apply(**cells: str) -> Mapped | Rejection:
        text = enterprise(**cells)
        return mapper.apply(RawRow(1, 2, dict(zip(header.split(","), text.split(","), strict=True)), text))

    return apply


def _codes(outcome: Mapped | Rejection) -> list[tuple[str, str]]:
    assert isinstance(outcome, Rejection)
    return [(reason.claim, reason.code) for reason in outcome.reasons]


def test_row_of_the_business_register_becomes_claims(map_row: MapRow) -> None:
    assert map_row() == Mapped(
        {
            "name": "示例县甲乙商贸有限公司",
            "uscc": "91330800MA29000017",
            "established_on": "2020-01-02",
            "legal_representative": "甲某",
            "registered_capital": "100(万元人民币)",
            "business_scope": "日用百货销售",
            "address": "示例省示例市示例路1号",
        },
        normalised=(),
    )


@pytest.mark.parametrize("absent", ["N/A", "", " N/A ", "　"])
def test_absent_value_is_left_out_and_is_no_repair(map_row: MapRow, absent: str) -> None:
    outcome = map_row(legal_representative=absent)
    assert isinstance(outcome, Mapped)
    assert "legal_representative" not in outcome.claims
    assert outcome.normalised == ()


@pytest.mark.parametrize(
    ("claim", "cell", "value"),
    [
        ("uscc", "91330800ma29000017", "91330800MA29000017"),
        ("uscc", "９１３３０８００ＭＡ２９００００１７", "91330800MA29000017"),
        ("uscc", "913308 00MA29 000017", "91330800MA29000017"),
        ("uscc", "91330800MA29000017\t", "91330800MA29000017"),
        ("established_on", "2020/1/2", "2020-01-02"),
        ("established_on", "20200102", "2020-01-02"),
        ("established_on", "2020年1月2日", "2020-01-02"),
        ("name", "　示例公司 ", "示例公司"),
    ],
)
def test_repaired_value_counts_as_normalised(map_row: MapRow, claim: str, cell: str, value: str) -> None:
    outcome = map_row(**{claim: cell})
    assert isinstance(outcome, Mapped)
    assert (outcome.claims[claim], outcome.normalised) == (value, (claim,))


@pytest.mark.parametrize(
    ("claim", "cell", "code"),
    [
        ("uscc", "91330800MA29000018", "check_digit"),
        ("uscc", "3308002002952", "length"),
        ("uscc", "91330800MI29000017", "character"),
        ("uscc", "N/A", "missing"),
        ("name", "", "missing"),
        ("name", "长" * 201, "too_long"),
        ("name", '=HYPERLINK("http://example.invalid";"甲")', "formula"),
        ("legal_representative", " @SUM(A1)", "formula"),
        ("address", "＝1+1", "formula"),
        ("uscc", "=91330800MA29000017", "formula"),
        ("established_on", "2020-02-30", "date_impossible"),
        ("established_on", "01/02/2020", "date_ambiguous"),
        ("established_on", "去年", "date_spelling"),
    ],
)
def test_unusable_value_is_rejected_with_its_column_and_reason(
    map_row: MapRow, claim: str, cell: str, code: str
) -> None:
    outcome = map_row(**{claim: cell})
    assert _codes(outcome) == [(claim, code)]
    assert isinstance(outcome, Rejection)
    [reason] = outcome.reasons
    assert shipped_types()["business_licence"].default_mapping[reason.column] == claim
    for text in (reason.text_zh, reason.text_en):
        assert reason.column in text
        assert not cell or cell not in text


@pytest.mark.parametrize("cell", ["-甲公司", "+86 示例路", "－号"])
def test_text_with_a_sign_in_front_is_data(map_row: MapRow, cell: str) -> None:
    outcome = map_row(address=cell)
    assert isinstance(outcome, Mapped)
    assert outcome.claims["address"] == cell


def test_all_faults_of_a_row_are_told_at_once(map_row: MapRow) -> None:
    outcome = map_row(name="=1", established_on="x", uscc="1", address="N/A")
    assert sorted(_codes(outcome)) == [
        ("address", "missing"),
        ("established_on", "date_spelling"),
        ("name", "formula"),
        ("uscc", "length"),
    ]


def test_formula_in_a_column_nobody_maps_is_ignored(map_row: MapRow) -> None:
    assert isinstance(map_row(province="=1+1"), Mapped)


def test_bad_row_is_rejected_for_what_the_reader_said(mapper: RowMapper) -> None:
    assert _codes(mapper.apply(BadRow(1, 2, "x", 1, "", "nul_byte"))) == [("", "nul_byte")]


def test_one_row_can_be_mapped_without_binding(
    business_licence: CertificateType, enterprise: Callable[..., str], header: str
) -> None:
    mapping = Mapping.of_type(business_licence)
    text = enterprise()
    row = RawRow(1, 2, dict(zip(header.split(","), text.split(","), strict=True)), text)
    assert isinstance(mapping.apply(row, business_licence), Mapped)
    bad = BadRow(1, 2, "x", 1, "", "cell_count")
    assert _codes(mapping.apply(bad, business_licence)) == [("", "cell_count")]


def test_holder_whose_identifier_type_stands_in_the_row_is_normalised_and_checked() -> None:
    title = shipped_types()["real_estate_title"]
    cells = {
        "不动产权证号": "示（2020）例不动产权第0000001号",
        "不动产单元号": "330802001001GB00001F00010001",
        "权利人": "示例县甲乙商贸有限公司",
        "权利人证件类型": "001",
        "权利人证件号": "91330800ma29000017",
        "共有情况": "单独所有",
        "坐落": "示例路1号",
        "权利类型": "国有建设用地使用权",
        "用途": "住宅",
        "建筑面积": "1,089.10",
        "土地使用期限止": "/",
        "权利限制": "",
        "登记日期": "2020-01-02",
    }
    outcome = Mapping.of_type(title).apply(RawRow(1, 2, cells, ""), title)
    assert isinstance(outcome, Mapped)
    assert outcome.claims["owner_id_number"] == "91330800MA29000017"
    assert outcome.claims["area_sqm"] == "1089.10"
    assert outcome.normalised == ("area_sqm", "owner_id_number")
    wrong = Mapping.of_type(title).apply(RawRow(1, 2, cells | {"权利人证件号": "91330800MA29000018"}, ""), title)
    assert _codes(wrong) == [("owner_id_number", "check_digit")]
    unlisted = Mapping.of_type(title).apply(RawRow(1, 2, cells | {"权利人证件类型": "414", "共有情况": "?"}, ""), title)
    assert _codes(unlisted) == [("owner_id_type", "not_in_list"), ("ownership", "not_in_list")]


def test_integer_claim_is_a_number() -> None:
    account = shipped_types()["housing_fund_account"]
    cells = {
        "个人公积金账号": "0001",
        "姓名": "甲某",
        "公民身份号码": "33080019920229002８",
        "缴存地中心": "示例中心",
        "账户状态": "正常",
        "开户日期": "2020-01-02",
        "缴存单位": "N/A",
        "缴存基数": "8000",
        "月缴存额": "960.00",
        "账户余额": "0",
        "连续缴存月数": "36",
        "数据截止日期": "2024-12-31",
    }
    outcome = Mapping.of_type(account).apply(RawRow(1, 2, cells, ""), account)
    assert isinstance(outcome, Mapped)
    assert outcome.claims["continuous_months"] == 36
    assert outcome.normalised == ("citizen_id",)
    wrong = Mapping.of_type(account).apply(RawRow(1, 2, cells | {"连续缴存月数": "-1", "账户余额": "5元"}, ""), account)
    assert sorted(_codes(wrong)) == [("balance", "decimal"), ("continuous_months", "out_of_range")]


def test_column_that_the_file_does_not_have_is_named(business_licence: CertificateType) -> None:
    mapping = Mapping.of_type(business_licence)
    columns = tuple(column for column in mapping.columns if column != "注册地址")
    with pytest.raises(UnknownColumnError) as caught:
        mapping.bind(business_licence, (*columns, "住所"))
    assert caught.value.missing == ("注册地址",)
    assert "住所" in caught.value.present


def test_mapping_to_a_claim_that_the_type_does_not_have_is_refused(business_licence: CertificateType) -> None:
    rule = ColumnRule("shoe_size", trim=True, absent_values=frozenset())
    with pytest.raises(MappingError) as caught:
        Mapping(1, {"鞋码": rule}).bind(business_licence, ("鞋码",))
    assert (caught.value.where, caught.value.reason) == ("columns/鞋码", "unknown_claim")


def test_mapping_without_a_required_claim_is_refused(business_licence: CertificateType) -> None:
    rule = ColumnRule("name", trim=True, absent_values=frozenset())
    with pytest.raises(MappingError) as caught:
        Mapping(1, {"名称": rule}).bind(business_licence, ("名称",))
    assert (caught.value.where, caught.value.reason) == ("claims/uscc", "required_claim_not_mapped")


def test_two_columns_for_one_claim_are_refused() -> None:
    rule = ColumnRule("name", trim=True, absent_values=frozenset())
    with pytest.raises(MappingError) as caught:
        Mapping(1, {"甲": rule, "乙": rule})
    assert caught.value.reason == "claim_twice"


def test_mapping_file_declares_names_absent_values_and_dates(business_licence: CertificateType) -> None:
    mapping = read_mapping(
        """
        version: 3
        absent: ["", 无]
        columns:
          单位名称: {claim: name, trim: false}
          代码: uscc
          成立: {claim: established_on, dates: [chinese]}
          法人: legal_representative
          范围: business_scope
          住所: {claim: address, absent: ["", 不详]}
        """.encode()
    )
    columns = ("单位名称", "代码", "成立", "法人", "范围", "住所")
    cells = dict(zip(columns, (" 示例 ", "91330800MA29000017", "2020年1月2日", "无", "销售", "无"), strict=True))
    mapper = mapping.bind(business_licence, columns)
    outcome = mapper.apply(RawRow(1, 2, cells, ""))
    assert isinstance(outcome, Mapped)
    assert outcome.claims["name"] == " 示例 "
    assert outcome.claims["address"] == "无"
    assert "legal_representative" not in outcome.claims
    rejected = mapper.apply(RawRow(1, 2, cells | {"成立": "2020-01-02", "住所": "不详"}, ""))
    assert _codes(rejected) == [("established_on", "date_spelling"), ("address", "missing")]


def test_mapping_file_in_json_is_the_same_mapping() -> None:
    yaml = read_mapping("version: 1\ncolumns: {名称: name}\n".encode())
    assert read_mapping('{"columns": {"名称": "name"}, "version": 1}'.encode()).digest == yaml.digest


def test_mapping_file_is_read_from_its_path_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\ncolumns: {a: name}\n")
    assert load_mapping(path).columns["a"].claim == "name"
    with pytest.raises(MappingError) as caught:
        load_mapping(tmp_path / "none.yaml")
    assert caught.value.reason == "not_readable"


def test_digest_changes_with_the_content_and_not_with_the_order() -> None:
    first = read_mapping(b"version: 1\ncolumns: {a: name, b: uscc}")
    assert read_mapping(b"version: 1\ncolumns: {b: uscc, a: name}").digest == first.digest
    for other in (b"version: 2\ncolumns: {a: name, b: uscc}", b"version: 1\nabsent: [x]\ncolumns: {a: name, b: uscc}"):
        assert read_mapping(other).digest != first.digest


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"version: 1\ncolumns: {a: name, a: uscc}", "repeated_key"),
        (b"version: 1\ncolumns: {1: name}", "key_not_text"),
        (b"version: 1\ncolumns: &c {a: name}\nx: *c", "alias"),
        (b"version: 1\ncolumns: {a: name}\nextra: 1", "additionalProperties"),
        (b"columns: {a: name}", "required"),
        (b"version: 1\ncolumns: {}", "minProperties"),
        (b"version: 1\ncolumns: {a: Name}", "anyOf"),
        (b"version: 1\ncolumns: {a: {claim: name, dates: [american]}}", "anyOf"),
        (b"version: 1\ncolumns: {' a': name}", "column_name"),
        (b"[1", "unreadable"),
        (b"\xff", "unreadable"),
        (b"", "type"),
        (b"#" * 70_000, "too_long"),
    ],
)
def test_faulty_mapping_file_is_refused_with_its_fault(text: bytes, reason: str) -> None:
    with pytest.raises(MappingError) as caught:
        read_mapping(text)
    assert caught.value.reason == reason


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.text(max_size=30), min_size=10, max_size=10))
def test_no_cells_whatever_make_mapping_raise(mapper: RowMapper, header: str, cells: list[str]) -> None:
    outcome = mapper.apply(RawRow(1, 2, dict(zip(header.split(","), cells, strict=True)), ""))
    assert isinstance(outcome, Mapped | Rejection)


def test_every_rule_of_a_type_has_a_text() -> None:
    for rule in ("required", "maxLength", "enum", "check_digit", "date", "unheard_of"):
        assert code_of_rule(rule) in TEXTS


@pytest.mark.parametrize(
    ("name", "issued", "normalised", "codes"),
    [("quzhou_enterprises", 2012, 0, []), ("faulty_enterprises", 10, 10, ["length", "check_digit"])],
)
def test_real_register_is_taken_and_its_faults_are_named(
    business_licence: CertificateType, name: str, issued: int, normalised: int, codes: list[str]
) -> None:
    path = _SHARED_DATA / f"{name}.csv"
    if not path.exists():
        pytest.skip("the real register is not here")
    with open_register(path) as reader:
        mapper = Mapping.of_type(business_licence).bind(business_licence, reader.columns)
        outcomes = [mapper.apply(row) for row in reader]
    mapped = [outcome for outcome in outcomes if isinstance(outcome, Mapped)]
    assert len(mapped) == issued
    assert sum(bool(outcome.normalised) for outcome in mapped) == normalised
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejection)]
    assert [reason.code for outcome in rejected for reason in outcome.reasons] == codes
