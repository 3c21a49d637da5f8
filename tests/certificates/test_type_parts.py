"""What a description may say beyond the first six types; everything wrong with one is named; versions are compared."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import yaml

from certificates.claims import ClaimProblem
from certificates.definitions.certificate_type import FaceRule, Holder, RegisterRule, SealRule, Supports, ValidityRule
from certificates.definitions.checks import problems_of
from certificates.definitions.loading import catalogue_text, load_type, shipped_types
from certificates.definitions.obstacles import REASONS
from certificates.definitions.versions import differences, obstacles, require_compatible
from certificates.definitions.words import TEXTS
from certificates.errors import TypeChangeError, TypeDefinitionError
from hub.sample.plausible import plausible_claims
from tests.certificates.test_types import claim, description, load

USCC, OTHER = "91990100MA0000001G", "11990000MB0000002Q"


def joint(**changes: Any) -> dict[str, Any]:
    """A permit of an owner and, where there is one, a contractor."""
    claims = {
        "name": claim(),
        "uscc": claim(format="uscc"),
        "builder_name": claim(required=False),
        "builder_uscc": claim(format="uscc", required=False),
        "ends_on": claim(format="date", required=False),
    }
    definition = description(
        holders=[
            {"role": "owner", "id_type": "001", "id": "uscc", "name": "name"},
            {"role": "builder", "id_type": "001", "id": "builder_uscc", "name": "builder_name"},
        ],
        claims=claims,
        mapping={"version": 1, "absent": [""], "columns": {name: name for name in claims}},
    )
    del definition["holder"]
    return definition | changes


def test_holders_have_roles_and_the_first_is_the_principal() -> None:
    item = load(joint())
    record: dict[str, Any] = {"name": "甲", "uscc": USCC}
    assert item.check_claims(record) == []
    assert item.holders_of(record) == (Holder("001", USCC, "甲", "owner"),)
    both = record | {"builder_name": "乙", "builder_uscc": OTHER}
    assert [holder.role for holder in item.holders_of(both)] == ["owner", "builder"]
    assert item.holder_of(both) == Holder("001", USCC, "甲", "owner")
    assert item.check_claims(record | {"builder_name": "乙"}) == [ClaimProblem("builder_uscc", "required")]
    assert item.check_claims(both | {"builder_uscc": USCC[:-1] + "H"}) == [ClaimProblem("builder_uscc", "check_digit")]
    itself = record | {"builder_name": "甲", "builder_uscc": USCC}
    assert item.holders_of(itself) == (Holder("001", USCC, "甲", "owner"),)
    assert "甲" not in repr(item.holder_of(record))


def test_what_is_left_out_is_as_before() -> None:
    item = shipped_types()["business_licence"]
    assert (item.further_holders, item.source, item.face, item.seal) == ((), None, FaceRule(), SealRule())
    assert (item.maker_checker, item.register_driven, item.supports) == (False, RegisterRule(), Supports())
    assert (item.legal_basis, item.holder.role) == ("", "holder")


def test_what_is_said_is_read() -> None:
    item = load(
        description(
            kind="appraisal",
            face={"template": "letter", "orientation": "landscape", "accent": "#9b1c1f", "rows": ["uscc", "name"]},
            seal={"text": "示例市某局", "shape": "oval"},
            maker_checker=True,
            register_driven={"on_missing": "revoke", "reissue": "serial"},
            supports={"suites": ["es256", "sm2"], "formats": ["sd-jwt", "ofd"]},
            legal_basis="某法第一条",
        )
    )
    assert item.face == FaceRule("letter", "landscape", "#9b1c1f", ("uscc", "name"))
    assert item.seal == SealRule("示例市某局", "oval")
    assert (item.register_driven.on_missing, item.register_driven.reissue) == ("revoke", "serial")
    assert (item.supports.suites, item.supports.formats) == (("es256", "sm2"), ("sd-jwt", "ofd"))
    assert (item.kind, item.maker_checker, item.legal_basis) == ("appraisal", True, "某法第一条")


@pytest.mark.parametrize(
    ("rule", "begins", "ends"),
    [
        (ValidityRule(months=1), date(2026, 1, 31), date(2026, 2, 28)),
        (ValidityRule(months=13), date(2026, 12, 1), date(2028, 1, 1)),
        (ValidityRule(months=12), date(2024, 2, 29), date(2025, 2, 28)),
        (ValidityRule(days=30), date(2026, 11, 22), date(2026, 12, 22)),
        (ValidityRule(days=1), date(2026, 12, 31), date(2027, 1, 1)),
    ],
)
def test_periods_of_months_and_days(rule: ValidityRule, begins: date, ends: date) -> None:
    assert rule.valid_until(begins, {}) == ends


SOURCE = {"interface": "permits", "claims": {"name": "a", "uscc": "b"}}
ENDED = SOURCE | {"ended": {"name": ["注销"], "ends_on": ["2020-01-01"]}}
PART = SOURCE | {"claims": {"name": "a"}}
LAST_ROW = {"face": {"rows": ["ends_on"]}}
FAULTS: list[tuple[Callable[[dict[str, Any]], object], str, str]] = [
    (lambda d: d.update(holder={"id_type": "001", "id": "uscc", "name": "name"}), "", "oneOf"),
    (lambda d: d["holders"][1].update(id="uscc", name="name"), "holders/0/id", "named_twice"),
    (lambda d: d["holders"][1].update(id="nobody"), "holders/1", "not_a_claim"),
    (lambda d: d["holders"][1].update(id_type="111"), "holders/1/id_type", "not_a_holder_kind"),
    (lambda d: d["claims"]["builder_name"].update(required=True), "holders/1", "required_in_part"),
    (lambda d: d["holders"][0].update(id="builder_uscc"), "holders/0/id", "not_a_required_claim"),
    (lambda d: d.update(confirms_identity=True), "confirms_identity", "of_one_holder_only"),
    (lambda d: d.update(source=SOURCE), "source", "only_of_an_index"),
    (lambda d: d.update(custody="index"), "source", "needed_by_an_index"),
    (lambda d: d.update(custody="index", source=PART), "source/claims", "not_one_field_per_claim"),
    (lambda d: d.update(custody="index", source=ENDED), "source/ended/ends_on", "not_a_claim"),
    (lambda d: d.update(face={"rows": ["name", "nobody"]}), "face/rows/1", "not_a_claim"),
    (lambda d: d["claims"]["ends_on"].update(disclosure="never") or d.update(LAST_ROW), "face/rows/0", "never_shown"),
    (lambda d: d.update(face={"template": "certificat"}), "face/template", "no_such_template"),
    (lambda d: d.update(face={"accent": "red"}), "face/accent", "pattern"),
    (lambda d: d.update(supports={"formats": ["pdf"]}), "supports/formats", "without_the_original"),
    (lambda d: d.update(supports={"suites": ["dsa"]}), "supports/suites/0", "enum"),
    (lambda d: d.update(validity={"months": 0}), "validity", "oneOf"),
    (lambda d: d.update(register_driven={"on_missing": "burn"}), "register_driven/on_missing", "enum"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "where", "reason"), FAULTS)
def test_each_contradiction_is_refused_at_its_place_in_two_languages(
    change: Callable[[dict[str, Any]], object], where: str, reason: str
) -> None:
    definition = joint()
    change(definition)
    text = yaml.safe_dump(definition, allow_unicode=True)
    with pytest.raises(TypeDefinitionError):
        load_type(text)
    found = {(problem.where, problem.reason): problem for problem in problems_of(text) if problem.fault}
    told = found[where, reason].as_json()
    assert (told["pointer"], told["rule"], told["severity"]) == ("/" + where, reason, "fault")
    assert told["zh"] != told["en"] != TEXTS["schema"].en


@pytest.mark.parametrize("suites", [["sm2"], ["rsa"], ["sm2", "rsa"]])
def test_no_new_type_leaves_out_the_suite_that_its_token_is_signed_in(suites: list[str]) -> None:
    """One that was taken in before is still read: its licences are."""
    text = yaml.safe_dump(joint(supports={"suites": suites}), allow_unicode=True)
    (fault,) = [problem.as_json() for problem in problems_of(text) if problem.fault]
    assert (fault["pointer"], fault["rule"]) == ("/supports/suites", "without_es256")
    assert "ES256" in fault["zh"]
    assert "ES256" in fault["en"]
    assert load_type(text).supports.suites == tuple(suites)


def test_regions_of_earlier_descriptions_still_load_and_are_advised_against() -> None:
    text = yaml.safe_dump(joint(shared_regions=["330000"]), allow_unicode=True)
    assert load_type(text).slug == "trade_permit"
    found = [(problem.reason, problem.fault) for problem in problems_of(text) if problem.where == "shared_regions"]
    assert found == [("without_effect", False)]


def test_all_faults_are_named_at_once_and_advice_apart() -> None:
    definition = joint(code="11990000MB0000003U009", record_key="nobody", holder_kinds=["001", "112"])
    found = problems_of(yaml.safe_dump(definition, allow_unicode=True))
    faults = [(problem.where, problem.reason) for problem in found if problem.fault]
    assert faults == [
        ("code", "not_of_defining_authority"),
        ("holder_kinds", "unknown_id_type"),
        ("record_key", "not_a_required_claim"),
    ]
    assert {problem.reason for problem in found if not problem.fault} >= {"no_legal_basis", "invented_authority"}
    shapeless = problems_of("slug: 1\nkind: x\nextra: 2")
    assert {("slug", "type"), ("kind", "enum"), ("", "additionalProperties")} <= {
        (problem.where, problem.reason) for problem in shapeless
    }
    assert [(problem.where, problem.reason) for problem in problems_of("a: [")] == [("", "unreadable")]
    in_clear = yaml.safe_load(catalogue_text("identity_card"))
    in_clear["claims"]["citizen_id"]["disclosure"] = "always"
    advice = problems_of(yaml.safe_dump(in_clear, allow_unicode=True))
    assert ("claims/citizen_id/disclosure", "personal_number_in_clear", False) in [
        (problem.where, problem.reason, problem.fault) for problem in advice
    ]


GONE = ("claims/ends_on", "claim_removed")
OBSTACLES: list[tuple[Callable[[dict[str, Any]], object], tuple[str, str] | None]] = [
    (lambda d: d.update(code="11990000MB0000002Q010"), ("code", "another_code")),
    (lambda d: d.update(slug="other"), ("slug", "another_slug")),
    (lambda d: d.update(kind="proof"), ("kind", "another_kind")),
    (lambda d: d.update(record_key="name"), ("record_key", "another_record_key")),
    (lambda d: (d.update(custody="index", source=SOURCE)), ("custody", "another_custody")),
    (lambda d: d.update(holders=d["holders"][:1]), ("holders", "role_removed")),
    (lambda d: d["claims"]["ends_on"].update(format="text"), ("claims/ends_on/format", "another_format")),
    (lambda d: [part.pop("ends_on") for part in (d["claims"], d["mapping"]["columns"])], GONE),
    (lambda d: d.update(holder_kinds=["001", "111"]), None),
    (lambda d: d.update(name={"zh": "新名称", "en": "New name"}), None),
    (lambda d: (d["claims"].update(note=claim(required=False)), d["mapping"]["columns"].update(备注="note")), None),
    (lambda d: d.update(validity={"years": 2}, maker_checker=True, face={"accent": "#000000"}), None),
    (lambda d: d["claims"]["name"].update(disclosure="never"), None),
]  # fmt: skip


@pytest.mark.parametrize(("change", "obstacle"), OBSTACLES)
def test_what_may_change_and_what_is_a_type_of_its_own(
    change: Callable[[dict[str, Any]], object], obstacle: tuple[str, str] | None
) -> None:
    old, definition = load(joint()), joint()
    change(definition)
    new = load(definition)
    found = [(item.where, item.reason) for item in obstacles(old, new)]
    assert found == ([obstacle] if obstacle else [])
    if obstacle:
        with pytest.raises(TypeChangeError) as caught:
            require_compatible(old, new)
        assert caught.value.obstacles[0].as_json()["zh"] == REASONS[obstacle[1]].zh


def test_fewer_holder_kinds_or_another_holder_is_another_type() -> None:
    wide = load(description(holder_kinds=["001", "099"]))
    narrow = load(description())
    assert [item.reason for item in obstacles(wide, narrow)] == ["holder_kinds_narrowed"]
    assert obstacles(narrow, wide) == []
    other = load(description(holder={"id_type": "001", "id": "uscc", "name": "uscc"}))
    assert [item.reason for item in obstacles(narrow, other)] == ["another_holder"]


def test_two_versions_are_compared_leaf_by_leaf() -> None:
    old, new = joint(), joint(validity={"years": 2})
    new["claims"]["note"] = claim(required=False)
    del new["claims"]["ends_on"]
    found = {item.where: (item.before, item.after) for item in differences(old, new)}
    assert found["validity"] == ("none", {"years": 2})
    assert found["claims/note"] == (None, claim(required=False))
    assert found["claims/ends_on"][1] is None
    assert list(found) == ["validity", "claims/note", "claims/ends_on"]


def test_plausible_claims_of_an_unknown_pattern_say_so() -> None:
    odd = joint()
    odd["claims"]["ends_on"] = claim(schema={"pattern": "^☃$"})
    with pytest.raises(ValueError, match="ends_on"):
        plausible_claims(load(odd), 1)
