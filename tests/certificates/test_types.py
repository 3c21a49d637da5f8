"""Certificate types: the six that ship, and every description that contradicts itself."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catalog import identifiers
from certificates.claims import RESERVED_CLAIMS, UNNAMED_CLAIM, Bilingual, ClaimProblem, Disclosure, Format
from certificates.definitions.certificate_type import CertificateType, Custody, Holder, Kind, ValidityRule
from certificates.definitions.loading import load_type, shipped_types
from certificates.definitions.schema import MAX_DEFINITION_CHARACTERS
from certificates.errors import ClaimsError, TypeDefinitionError
from signing.sd_jwt import NEVER_DISCLOSABLE
from tests.certificates.trusted import CLAIMS

SLUGS = [
    "business_licence", "household_register", "housing_fund_account", "identity_card",
    "legal_representative_registration", "marriage_certificate", "newborn_registration", "real_estate_title",
]  # fmt: skip

X = "claims/x/schema"


def claim(**changes: Any) -> dict[str, Any]:
    title = {"zh": "字段", "en": "Field"}
    return {"title": title, "format": "text", "required": True, "disclosure": "selective"} | changes


def description(**changes: Any) -> dict[str, Any]:
    """A small type without a fault."""
    return {
        "slug": "trade_permit",
        "code": "11990000MB0000002Q009",
        "name": {"zh": "许可证", "en": "Trade permit"},
        "kind": "approval",
        "defining_authority": {"name": "示例机关", "uscc": "11990000MB0000002Q"},
        "holder_kinds": ["001"],
        "holder": {"id_type": "001", "id": "uscc", "name": "name"},
        "record_key": "uscc",
        "validity": "none",
        "confirms_identity": False,
        "complete": False,
        "single_instance": True,
        "custody": "library",
        "claims": {"name": claim(), "uscc": claim(format="uscc"), "ends_on": claim(format="date", required=False)},
        "mapping": {"version": 2, "absent": ["", "/"], "columns": {"名称": "name", "代码": "uscc"}},
    } | changes


def load(definition: Any) -> CertificateType:
    return load_type(yaml.safe_dump(definition, allow_unicode=True))


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(TypeDefinitionError) as caught:
        load_type(text)
    return caught.value.where, caught.value.reason


def faulty(change: Callable[[dict[str, Any]], object]) -> tuple[str, str]:
    definition = description()
    change(definition)
    return refusal(yaml.safe_dump(definition, allow_unicode=True))


# -- the types that ship


def test_six_types_ship_under_their_slugs() -> None:
    assert list(shipped_types()) == SLUGS
    assert [item.slug for item in shipped_types().values()] == SLUGS
    assert len({item.code for item in shipped_types().values()}) == len(SLUGS)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_shipped_type_is_whole(slug: str) -> None:
    item = shipped_types()[slug]
    identifiers.check(identifiers.USCC, item.defining_authority.uscc)
    assert item.code.startswith(item.defining_authority.uscc)
    assert "示例" in item.defining_authority.name
    assert item.name.zh
    assert item.name.en
    assert item.custody is Custody.LIBRARY
    assert item.mapping_version == 1
    assert {"", "N/A"} <= item.absent_values
    assert set(item.default_mapping.values()) == set(item.claims)
    for name, field in item.claims.items():
        assert field.name == name
        assert field.title.zh
        assert field.title.en
    assert item.claim_schema["additionalProperties"] is False


def test_the_business_licence_is_exactly_the_one_of_the_design() -> None:
    item = shipped_types()["business_licence"]
    assert dict(item.default_mapping) == {
        "企业名称": "name",
        "统一社会信用代码": "uscc",
        "注册日期": "established_on",
        "企业类型": "enterprise_type",
        "法人代表": "legal_representative",
        "注册资金": "registered_capital",
        "经营范围": "business_scope",
        "注册地址": "address",
    }
    optional = {"enterprise_type", "legal_representative", "registered_capital"}
    assert {name for name, field in item.claims.items() if not field.required} == optional
    assert item.record_key == "uscc"
    assert item.absent_values == {"", "N/A"}
    assert item.validity == ValidityRule()
    assert item.validity.valid_until(date(2026, 1, 1), CLAIMS) is None
    assert (item.confirms_identity, item.complete, item.single_instance) == (True, True, True)
    assert item.kind is Kind.CERTIFICATE
    assert item.holder_of(CLAIMS) == Holder("001", "91990100MA0000001G", "示例市晨光食品有限公司")
    assert {name: field.format for name, field in item.claims.items()} == {
        name: {"uscc": Format.USCC, "established_on": Format.DATE}.get(name, Format.TEXT) for name in item.claims
    }
    assert item.check_claims(CLAIMS) == []


def test_identity_is_confirmed_by_identity_card_and_business_licence_alone() -> None:
    assert {slug for slug, item in shipped_types().items() if item.confirms_identity} == {
        "business_licence",
        "identity_card",
    }


def test_a_title_may_belong_to_a_person_or_a_body_and_its_number_is_checked_as_such() -> None:
    item = shipped_types()["real_estate_title"]
    owner: dict[str, str | int] = {"owner_id_type": "001", "owner_id_number": "91990100MA0000001G", "owner_name": "甲"}
    assert item.holder_of(owner) == Holder("001", "91990100MA0000001G", "甲")
    record: dict[str, Any] = {name: "1" for name, field in item.claims.items() if field.required} | owner
    record |= {"unit_no": "1" * 28, "registered_on": "2020-01-01"}
    record |= {name: field.schema["enum"][0] for name, field in item.claims.items() if "enum" in field.schema}
    record["owner_id_type"] = "001"
    assert item.check_claims(record) == []
    assert item.check_claims(record | {"owner_id_number": "91990100MA0000001H"}) == [
        ClaimProblem("owner_id_number", "check_digit")
    ]
    # Two patterns object, the type's and the format's; the report says so once.
    assert item.check_claims(record | {"unit_no": "?"}) == [ClaimProblem("unit_no", "pattern")]


# -- checking records


def test_each_fault_of_a_record_is_named_by_claim_and_rule_and_never_by_value() -> None:
    item = shipped_types()["business_licence"]
    record: dict[str, Any] = CLAIMS | {
        "uscc": "91990100MA0000001H",
        "established_on": "2019-02-29",
        "legal_representative": "王" * 101,
        "business_scope": "食品\u0000",
        "enterprise_type": 5,
        "secret one": 1,
        "secret two": 2,
    }
    del record["address"]
    with pytest.raises(ClaimsError) as caught:
        item.require_claims(record)
    assert sorted(caught.value.problems, key=lambda problem: (problem.claim, problem.rule)) == [
        ClaimProblem(UNNAMED_CLAIM, "additionalProperties"),
        ClaimProblem(UNNAMED_CLAIM, "additionalProperties"),
        ClaimProblem("address", "required"),
        ClaimProblem("business_scope", "pattern"),
        ClaimProblem("enterprise_type", "type"),
        ClaimProblem("established_on", "date"),
        ClaimProblem("legal_representative", "maxLength"),
        ClaimProblem("uscc", "check_digit"),
    ]
    assert "王" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_record_that_fits_is_let_through() -> None:
    shipped_types()["business_licence"].require_claims(CLAIMS)


def test_what_json_cannot_carry_is_unreadable() -> None:
    item = shipped_types()["business_licence"]
    for value in (b"bytes", "\ud800"):
        assert item.check_claims(CLAIMS | {"name": value}) == [ClaimProblem(UNNAMED_CLAIM, "unreadable")]


@pytest.mark.parametrize("day", ["2026-02-29", "0000-01-01", "20260101", "2026-W01-1", "2026-1-1", "２026-01-01", ""])
def test_a_date_is_a_day_of_the_calendar_as_iso_8601_writes_it_in_full(day: str) -> None:
    item = shipped_types()["business_licence"]
    assert item.check_claims(CLAIMS | {"established_on": day}) == [ClaimProblem("established_on", "date")]


def test_a_holder_of_another_kind_is_refused() -> None:
    definition = description(
        holder_kinds=["001", "414"], holder={"id_type": {"claim": "kind"}, "id": "number", "name": "name"}
    )
    definition["claims"] |= {"kind": claim(format="code"), "number": claim(format="code")}
    definition["mapping"]["columns"] |= {"类型": "kind", "号码": "number"}
    item = load(definition)
    good = {"name": "甲", "uscc": "91990100MA0000001G", "kind": "414", "number": "E12345678"}
    assert item.check_claims(good) == []
    assert item.check_claims(good | {"kind": "111"}) == [ClaimProblem("kind", "type")]
    assert item.check_claims(good | {"kind": "001"}) == [ClaimProblem("number", "length")]


def test_claims_are_listed_by_how_they_travel() -> None:
    item = shipped_types()["business_licence"]
    assert item.disclosed(Disclosure.ALWAYS) == ("name", "uscc", "established_on")
    assert item.disclosed(Disclosure.NEVER) == ()
    assert item.validator().is_valid(dict(CLAIMS))


@pytest.mark.parametrize(
    ("rule", "begins", "claims", "ends"),
    [
        (ValidityRule(), date(2026, 1, 1), {}, None),
        (ValidityRule(years=5), date(2026, 3, 1), {}, date(2031, 3, 1)),
        (ValidityRule(years=1), date(2024, 2, 29), {}, date(2025, 2, 28)),
        (ValidityRule(years=4), date(2024, 2, 29), {}, date(2028, 2, 29)),
        (ValidityRule(claim="ends_on"), date(2026, 1, 1), {"ends_on": "2030-12-31"}, date(2030, 12, 31)),
        (ValidityRule(claim="ends_on"), date(2026, 1, 1), {}, None),
    ],
)
def test_the_last_day_follows_from_the_rule(
    rule: ValidityRule, begins: date, claims: dict[str, str | int], ends: date | None
) -> None:
    assert rule.valid_until(begins, claims) == ends


# -- reading descriptions


def test_a_description_is_read_as_it_stands() -> None:
    source = {"interface": "permits", "claims": {"name": "holder", "uscc": "code"}}
    item = load(description(validity={"years": 3}, custody="index", source=source))
    assert (item.slug, item.code, item.name) == (
        "trade_permit",
        "11990000MB0000002Q009",
        Bilingual("许可证", "Trade permit"),
    )
    assert (item.validity, item.custody, item.kind) == (ValidityRule(years=3), Custody.INDEX, Kind.APPROVAL)
    assert (item.mapping_version, item.absent_values) == (2, {"", "/"})
    assert load(description(validity={"claim": "ends_on"})).validity == ValidityRule(claim="ends_on")


@pytest.mark.parametrize(
    ("validity", "until"),
    [
        ({"years": 1, "from": "valued_on"}, date(2025, 8, 20)),
        ({"days": 30, "from": "valued_on"}, date(2024, 9, 19)),
        ({"years": 1}, date(2027, 11, 23)),
    ],
)
def test_a_period_counts_from_the_registers_own_day_where_the_type_names_it(
    validity: dict[str, Any], until: date
) -> None:
    claims = description()["claims"] | {"valued_on": claim(format="date")}
    mapping = {"version": 1, "absent": [""], "columns": {"名称": "name", "代码": "uscc", "日": "valued_on"}}
    rule = load(description(validity=validity, claims=claims, mapping=mapping)).validity
    assert rule.valid_until(date(2026, 11, 23), {"valued_on": "2024-08-20"}) == until
    assert rule.valid_until(date(9999, 12, 30), {"valued_on": "9999-12-30"}) == date.max


@pytest.mark.parametrize(
    ("name", "reason"), [("name", "not_a_date_claim"), ("no", "not_a_date_claim"), ("ends_on", "not_a_required_claim")]
)
def test_a_period_counts_from_no_day_that_a_record_may_lack(name: str, reason: str) -> None:
    assert faulty(lambda given: given.update(validity={"months": 6, "from": name})) == ("validity/from", reason)


@pytest.mark.parametrize("name", sorted(RESERVED_CLAIMS))
def test_a_name_that_the_signed_forms_use_is_reserved(name: str) -> None:
    assert faulty(lambda definition: definition["claims"].update({name: claim(required=False)})) == (
        f"claims/{name}",
        "reserved",
    )


def test_every_claim_a_verifier_decides_by_is_reserved_or_cannot_be_named() -> None:
    assert {name for name in NEVER_DISCLOSABLE if "#" not in name} <= RESERVED_CLAIMS
    for name in ("_sd", "...", "_sd_alg", "vct#integrity", "Name", "名称", ""):
        where, _ = faulty(lambda definition, name=name: definition["claims"].update({name: claim(required=False)}))
        assert where.startswith("claims")


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        (lambda d: d["defining_authority"].update(uscc="11990000MB0000002R"), "defining_authority/uscc", "check_digit"),
        (lambda d: d.update(code="11990000MB0000003U009"), "code", "not_of_defining_authority"),
        (lambda d: d.update(holder_kinds=["001", "112"]), "holder_kinds", "unknown_id_type"),
        (lambda d: d["holder"].update(id_type="111"), "holder/id_type", "not_a_holder_kind"),
        (lambda d: d.update(record_key="number"), "record_key", "not_a_required_claim"),
        (lambda d: d.update(record_key="ends_on"), "record_key", "not_a_required_claim"),
        (lambda d: d["holder"].update(id="number"), "holder/id", "not_a_required_claim"),
        (lambda d: d["holder"].update(name="ends_on"), "holder/name", "not_a_required_claim"),
        (lambda d: d["holder"].update(id_type={"claim": "kind"}), "holder/id_type/claim", "not_a_required_claim"),
        (lambda d: d.update(validity={"claim": "number"}), "validity/claim", "not_a_date_claim"),
        (lambda d: d.update(validity={"claim": "name"}), "validity/claim", "not_a_date_claim"),
        (lambda d: d["mapping"]["columns"].pop("名称"), "mapping/columns", "not_one_column_per_claim"),
        (lambda d: d["mapping"]["columns"].update(别名="name"), "mapping/columns", "not_one_column_per_claim"),
        (lambda d: d["mapping"]["columns"].update(别名="number"), "mapping/columns", "not_one_column_per_claim"),
        (lambda d: d["claims"].update(x=claim(schema={"enum": [1]})), X, "unsatisfiable"),
        (lambda d: d["claims"].update(x=claim(schema={"enum": ["ab"], "maxLength": 1})), X, "unsatisfiable"),
        (lambda d: d["claims"].update(x=claim(schema={"minLength": 3, "maxLength": 2})), X, "unsatisfiable"),
        (
            lambda d: d["claims"].update(x=claim(format="integer", schema={"minimum": 2, "maximum": 1})),
            X,
            "unsatisfiable",
        ),
        (lambda d: d["claims"].update(x=claim(schema={"pattern": r"\p{Foo}"})), "claims", "schema"),
        (lambda d: d["claims"].update(x=claim(schema={"pattern": "("})), "claims/x/schema/pattern", "format"),
        (lambda d: d["claims"].update(x=claim(schema={"format": "uri"})), "claims/x/schema", "additionalProperties"),
        (lambda d: d["claims"].update(x=claim(format="email")), "claims/x/format", "enum"),
        (lambda d: d["claims"].update(x=claim(disclosure="sometimes")), "claims/x/disclosure", "enum"),
        (lambda d: d.update(validity={"years": 0}), "validity", "oneOf"),
        (lambda d: d.update(validity={"years": 1, "claim": "ends_on"}), "validity", "oneOf"),
        (lambda d: d.update(kind="licence"), "kind", "enum"),
        (lambda d: d.update(extra=1), "", "additionalProperties"),
        (lambda d: d.pop("custody"), "", "required"),
        (lambda d: d.update(claims={}), "claims", "minProperties"),
    ],
)  # fmt: skip
def test_a_description_that_contradicts_itself_is_refused_at_the_place(
    change: Callable[[dict[str, Any]], object], where: str, reason: str
) -> None:
    assert faulty(change) == (where, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x [1]\nb: *x", "alias"),
        ("slug: a\nslug: b", "repeated_key"),
        ("1: a", "key_not_text"),
        ("? [a, b]\n: c", "key_not_text"),
        ("a: [", "unreadable"),
        ("a: !!python/object:os.system x", "unreadable"),
        ("a: !!bool x", "unreadable"),
        ("a: !!timestamp x", "unreadable"),
        ("a: 2026-02-30", "unreadable"),
        ("<<: {slug: a}", "unreadable"),
        ("a\n---\nb", "unreadable"),
        ("[" * 3000, "unreadable"),
        ("a: \0", "unreadable"),
        ("x" * (MAX_DEFINITION_CHARACTERS + 1), "too_long"),
        ("", "type"),
        ("[]", "type"),
        ("just text", "type"),
    ],
)
def test_a_text_that_is_no_description_is_refused(text: str, reason: str) -> None:
    assert refusal(text) == ("", reason)


@pytest.mark.parametrize("value", ["2026-01-01", "!!binary aGk=", "!!set {a, b}", "1" * 400, ".inf", ".nan", "1e400"])
def test_a_value_json_does_not_have_is_refused(value: str) -> None:
    where, _ = refusal(yaml.safe_dump(description(), allow_unicode=True).replace("trade_permit", value))
    assert where in {"", "slug"}


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    refusal(text)


# -- formats: a type narrows them and never widens them


@pytest.mark.parametrize(
    ("changes", "value", "rule"),
    [
        ({"schema": {"maxLength": 100_000}}, "字" * 4001, "maxLength"),
        ({"schema": {"pattern": "."}}, "a\u0000", "pattern"),
        ({"format": "code", "schema": {"pattern": "."}}, "a\u0000", "pattern"),
        ({"format": "decimal", "schema": {"pattern": "."}}, "1e5", "pattern"),
        ({"format": "integer", "schema": {"maximum": 10**17}}, 2**53, "maximum"),
        ({"format": "integer", "schema": {"minimum": -(10**17)}}, -(2**53), "minimum"),
        ({"format": "integer", "schema": {"maximum": 5}}, 6, "maximum"),
        ({"format": "text", "schema": {"minLength": 2}}, "a", "minLength"),
        ({"format": "text", "schema": {}}, "", "minLength"),
    ],
)
def test_a_restriction_of_a_type_comes_on_top_of_its_format(changes: dict[str, Any], value: Any, rule: str) -> None:
    definition = description()
    definition["claims"]["x"] = claim(required=False, **changes)
    record = {"name": "甲", "uscc": "91990100MA0000001G", "x": value}
    assert load(definition).check_claims(record) == [ClaimProblem("x", rule)]


def test_references_in_a_schema_are_not_followed() -> None:
    from certificates.claims import compile_schema

    with pytest.raises(Exception, match="not fetching"):
        compile_schema({"$ref": "https://schemas.example/x.json"})
