from datetime import UTC, datetime, timedelta

import pytest

from catalog.grants import read_terms
from catalog.identifiers import CITIZEN_ID, USCC, check
from catalog.matters.reading import read_matter
from catalog.matters.values import Matter
from certificates.definitions.loading import shipped_types
from certificates.lifecycle.states import Operation
from hub.intake.resolver import Outcome
from hub.sample import catalogue
from hub.sample.city import cast, invent
from hub.sample.document import sample_document
from signing.keys import SoftwareSigner

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TYPES = {item.code: item for item in shipped_types().values()}
DOCUMENT_KEYS = {
    "departments",
    "systems",
    "certificate_types",
    "matters",
    "interfaces",
    "holders",
    "acting",
    "operator",
    "corroboration",
}


@pytest.fixture(scope="module")
def matters() -> list[Matter]:
    return [read_matter(definition) for definition in catalogue.matters()]


@pytest.fixture(scope="module")
def document() -> dict[str, list[dict[str, object]]]:
    clients = [system["client_id"] for system in catalogue.systems()]
    return sample_document(
        invent(NOW.date()),
        kids=dict.fromkeys(clients, "kid"),
        key_files={client: f"keys/{client}.pem" for client in clients},
        now=NOW,
    )


def test_departments_have_right_invented_codes() -> None:
    codes = [department["code"] for department in catalogue.departments()]
    assert len(set(codes)) == len(codes) >= 7
    for code in codes:
        check(USCC, code)
        assert code[2:8] == "990100"


def test_each_department_has_a_telephone_of_its_own_that_nobody_has() -> None:
    numbers = [department["contact"] for department in catalogue.departments()]
    assert len(set(numbers)) == len(numbers)
    assert {number[:6] for number in numbers} == {"0990-0"}, "no number in a city begins with 0"


def test_each_shipped_type_is_issued_by_one_department() -> None:
    assert catalogue.issuers().keys() == TYPES.keys()
    assert catalogue.type_texts().keys() == shipped_types().keys()


def test_requirement_codes_are_unique_over_all_matters(matters: list[Matter]) -> None:
    codes = [requirement.code for matter in matters for requirement in matter.requirements]
    assert len(set(codes)) == len(codes)


def test_matters_ask_for_fields_that_their_types_have(matters: list[Matter]) -> None:
    for matter in matters:
        for requirement in matter.requirements:
            for needs in requirement.alternatives:
                for need in needs:
                    assert set(need.fields) <= TYPES[need.type_code].claims.keys()


def test_matters_show_alternatives_and_joint_needs(matters: list[Matter]) -> None:
    alternatives = [requirement.alternatives for matter in matters for requirement in matter.requirements]
    assert any(len(options) > 1 for options in alternatives)
    assert any(len(needs) > 1 for options in alternatives for needs in options)
    assert {len(matter.roles) for matter in matters} >= {1, 2}


def test_grants_last_a_year_and_belong_to_the_issuer_of_their_type() -> None:
    for grant in catalogue.grants(NOW):
        terms = read_terms(grant)
        assert terms.fields <= TYPES[grant["type"]].claims.keys()
        assert grant["owner"] == catalogue.issuers()[grant["type"]]
        assert datetime.fromisoformat(grant["valid_until"]) - NOW == timedelta(days=365)


def test_personal_records_beyond_identity_want_corroboration() -> None:
    plain = {shipped_types()[slug].code for slug in ("identity_card", "business_licence")}
    for grant in catalogue.grants(NOW):
        wanted = read_terms(grant).corroboration
        assert wanted == (
            frozenset() if grant["type"] in plain else {"card_read", "clerk_attested", "presentation_code"}
        )


def test_a_system_definition_carries_the_public_key_only() -> None:
    signer = SoftwareSigner.generate()
    definition = catalogue.system_definition(catalogue.systems()[0], signer.public)
    assert [key["kid"] for key in definition["keys"]] == [signer.kid]
    assert "d" not in definition["keys"][0]


def test_the_cast_declares_known_outcomes_requirements_and_changes(matters: list[Matter]) -> None:
    codes = {requirement.code for matter in matters for requirement in matter.requirements}
    for role in (*cast()["persons"], *cast()["enterprises"]):
        for declared in (role.get("expect", {}), role.get("spouse_expect", {})):
            outcomes = [declared] if isinstance(declared, str) else list(declared.values())
            assert set(outcomes) <= {outcome.value for outcome in Outcome}
            assert isinstance(declared, str) or declared.keys() <= codes
        if "change" in role:
            assert role["change"]["type"] in shipped_types()
            assert Operation(role["change"]["operation"]) in {Operation.SUSPEND, Operation.REVOKE}


def test_the_document_has_its_members(document: dict[str, list[dict[str, object]]]) -> None:
    assert document.keys() == DOCUMENT_KEYS
    assert all({"code", "name"} <= item.keys() for item in document["departments"])
    assert all(
        {"client_id", "kid", "private_key_file", "purpose", "matters"} <= item.keys() for item in document["systems"]
    )
    assert all({"code", "name", "issuer"} <= item.keys() for item in document["certificate_types"])
    assert all({"code", "name", "requirements"} <= item.keys() for item in document["matters"])
    assert all({"id_type", "id_number", "name", "expect"} <= item.keys() for item in document["holders"])
    assert {"kind", "at", "reference"} == document["corroboration"][0].keys()
    for members in ("departments", "certificate_types", "matters"):
        assert all(isinstance(item["name"], str) for item in document[members])


def test_the_document_lists_each_matter_with_its_types(
    document: dict[str, list[dict[str, object]]], matters: list[Matter]
) -> None:
    assert document["matters"][0]["requirements"] == [
        {
            "code": requirement.code,
            "title": requirement.title_zh,
            "party": requirement.party,
            "types": list(requirement.type_codes()),
        }
        for requirement in matters[0].requirements
    ]


def test_holders_expect_an_answer_to_all_that_concerns_their_role(
    document: dict[str, list[dict[str, object]]], matters: list[Matter]
) -> None:
    concerning = {
        party: {item.code for matter in matters for item in matter.requirements if item.party == party}
        for party in ("applicant", "enterprise", "spouse", "legal_representative")
    }
    holders = document["holders"]
    assert 12 <= len(holders) <= 30
    for holder in [*holders, *(holder[role] for holder in holders for role in concerning if role in holder)]:
        assert isinstance(holder, dict)
        check(CITIZEN_ID if holder["id_type"] == "111" else USCC, holder["id_number"])
        assert holder["expect"].keys() == concerning[holder["party"]]


def test_holders_show_the_outcomes_that_a_library_can_give(document: dict[str, list[dict[str, object]]]) -> None:
    shown = {outcome for holder in document["holders"] for outcome in dict(holder["expect"]).values()}  # type: ignore[call-overload]
    assert shown == {"satisfied", "declared_none", "no_source", "refused", "ambiguous", "identity_unconfirmed"}
    assert set(dict(document["holders"][0]["expect"]).values()) == {"satisfied"}  # type: ignore[call-overload]


def test_the_narrow_system_is_not_granted_everything(document: dict[str, list[dict[str, object]]]) -> None:
    broad, narrow = document["systems"]
    assert broad["not_granted"] == []
    assert narrow["not_granted"] == ["talent_settled", "talent_home"]
