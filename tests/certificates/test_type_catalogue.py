"""Every type that ships: loads, is whole, and a licence of it is issued, verified and shown for a purpose."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from catalog import identifiers
from certificates.claims import Disclosure, Format
from certificates.definitions.certificate_type import CertificateType, Custody, Kind, OnMissing
from certificates.definitions.checks import problems_of
from certificates.definitions.loading import SAMPLE_CITY, catalogue, catalogue_text, load_type, shipped_types
from certificates.numbering import Identifier
from certificates.profile import licence_claims
from certificates.purpose_copy import copy_claims
from hub.sample.plausible import plausible_claims
from signing import sd_jwt
from signing.keys import SoftwareSigner

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TYPES = {slug: load_type(catalogue_text(slug)) for slug in catalogue()}
SIGNER = SoftwareSigner.generate()
ISSUER = "11990100MB00000132"
PACKS = {
    "housing-fund loan": (
        "household_register marriage_certificate social_insurance_record housing_fund_account real_estate_title "
        "credit_report_summary income_tax_record housing_purchase_contract"
    ),
    "construction permit": (
        "project_approval land_use_permit land_planning_permit construction_planning_permit drawing_review_certificate "
        "contractor_qualification safety_production_licence contract_filing fire_design_review construction_permit"
    ),
    "equity transfer": "real_estate_title identity_card kinship_proof equity_registration asset_appraisal_report",
    "state-asset disposal": "state_property_registration asset_appraisal_report state_asset_approval",
    "second-hand home": (
        "real_estate_title real_estate_certificate tax_clearance identity_card marriage_certificate divorce_certificate"
    ),
    "opening a company": "business_licence company_seal_record bank_account_permit social_insurance_registration",
    "newborn": (
        "medical_birth_certificate household_register marriage_certificate newborn_registration social_security_card"
    ),
    "construction waste": (
        "waste_disposal_permit vehicle_operating_permit road_transport_permit vehicle_licence identity_card"
    ),
    "business suspension": "business_licence business_suspension_filing commitment_letter",
}


def test_the_scenario_packs_find_their_types() -> None:
    assert {
        pack: set(slugs.split()) - TYPES.keys() for pack, slugs in PACKS.items() if set(slugs.split()) - TYPES.keys()
    } == {}


def test_the_catalogue_is_whole_and_the_sample_city_has_some_of_it() -> None:
    assert len(TYPES) >= 45
    assert all(slug == item.slug for slug, item in TYPES.items())
    assert [code for code, count in Counter(item.code for item in TYPES.values()).items() if count > 1] == []
    assert {item.kind for item in TYPES.values()} == set(Kind)
    assert tuple(shipped_types()) == SAMPLE_CITY
    with pytest.raises(KeyError):
        catalogue_text("../definition")


@pytest.mark.parametrize("slug", TYPES)
def test_a_type_of_the_catalogue_keeps_the_house_rules(slug: str) -> None:
    item = TYPES[slug]
    assert [problem for problem in problems_of(catalogue_text(slug)) if problem.fault] == []
    assert "示例" in item.defining_authority.name
    assert set(item.default_mapping.values()) == set(item.claims)
    personal = [claim for claim in item.claims.values() if claim.format is Format.CITIZEN_ID]
    holders = [item.holder, *item.further_holders]
    persons = {rule.name for rule in holders if rule.id_type != identifiers.USCC}
    in_clear = set(item.disclosed(Disclosure.ALWAYS))
    assert [claim.name for claim in personal if claim.name in in_clear] == []
    assert persons & in_clear == set()
    assert len(in_clear) <= 8
    # A kept licence of a vanished row would go on proving what the register no longer says.
    assert item.register_driven.on_missing is OnMissing.KEEP or item.custody is Custody.LIBRARY


@pytest.mark.parametrize("slug", TYPES)
def test_a_licence_of_every_type_is_issued_verified_and_shown(slug: str) -> None:
    item = TYPES[slug]
    for number, whole in ((1, True), (2, False)):
        claims = plausible_claims(item, number, whole=whole)
        assert item.check_claims(claims) == []
        assert len(item.holders_of(claims)) >= 1
        _shown(item, claims)


def _shown(item: CertificateType, claims: dict[str, str | int]) -> None:
    day = date(2026, 11, 22)
    identifier = Identifier(item.code, ISSUER, "2026ABCDEFGHJKLM")
    payload, selective = licence_claims(
        type=item,
        identifier=identifier,
        issuer_uri="https://hub.example/issuers/" + ISSUER,
        issuer_name="示例市某局",
        issuer_code=ISSUER,
        claims=claims,
        valid_from=day,
        valid_until=item.validity.valid_until(day, claims),
        issued_on=day,
        issued_at=NOW,
        status_uri="https://hub.example/status-lists/0",
        status_index=7,
    )
    token = sd_jwt.sign(sd_jwt.prepare(payload, selective), signer=SIGNER, header={})
    licence = sd_jwt.verify(token.encode(), key=SIGNER.public)
    hidden = set(item.disclosed(Disclosure.NEVER))
    shown = {name: value for name, value in claims.items() if name not in hidden}
    assert {name: licence.claims[name] for name in shown} == shown
    assert hidden & licence.claims.keys() == set()
    granted = list(shown)[:3]
    copy, _ = copy_claims(
        source=licence.claims,
        granted=granted,
        identifier=identifier,
        type=item,
        audience="intake",
        receiver_jwk=SIGNER.public.jwk,
        case_no="C1",
        matter="M",
        purpose="办理",
        hub_uri="https://hub.example",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=10),
        jti="j",
    )
    assert {name for name in copy if name in claims} == set(granted)
