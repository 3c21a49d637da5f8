"""The metadata has every element of GB/T 36903, whatever the licence."""

from datetime import UTC, datetime

import pytest

from certificates.binding import binding, new_salt
from certificates.definitions.loading import shipped_types
from certificates.lifecycle.states import Status
from certificates.metadata import ELEMENTS, HOLDER_ELEMENTS, STATUS_NAMES, Change, Copying, metadata
from certificates.numbering import Identifier
from tests.faces.papers import LICENCE, payload

IDENTIFIER = Identifier("11990000MB0000002Q001", "11990000MB0000002Q", "2026A8KD93MZ01QX", 1)
STANDARD = {
    "zzbs", "zzmc", "zzbh", "zzlxdm", "zzbfjg", "zzbfjgdm", "zzbfrq", "zzyxqqsrq", "zzyxqjzrq", "czzt", "czztdm",
    "czztdmlx", "czztdmlxdm", "jzjzzsj", "jzjzzz", "jzjzzsy", "jzjyxqjzsj", "zzqzr", "zzqzsj", "zzqzmc", "zzbgsj",
    "zzbgyy", "szzs", "zzwjlj", "zzzt",
}  # fmt: skip
CATALOGUE = {
    "certificate_identifier", "certificate_name", "certificate_number", "certificate_type_name",
    "certificate_type_name_code", "certificate_define_authority_name", "certificate_define_authority_code",
    "certificate_issuing_authority_name", "certificate_issuing_authority_code", "certificate_issuing_authority_date",
    "certificate_version", "certificate_validate_start", "certificate_validate_end", "validity_range",
    "certificate_area_code", "certificate_holder_name", "certificate_holder_code", "certificate_holder_type_name",
    "certificate_holder_type", "related_item_name", "related_item_code", "certificate_copy_creation_time",
    "certificate_copy_creator", "certificate_copy_cause", "certificate_copy_expiring_time", "extend_info", "file_url",
    "status",
}  # fmt: skip
GIVEN = {"area_code": "990100", "digital_certificate": "MIIB", "file_url": "https://hub.example.gov.cn/x"}


def test_every_element_of_the_standard_is_there_under_both_its_names() -> None:
    listed = (*ELEMENTS, *HOLDER_ELEMENTS)
    assert {item.pinyin for item in listed if item.pinyin} == STANDARD
    assert {item.key for item in listed} >= CATALOGUE
    assert len({item.zh for item in listed if item.zh != "持证主体"}) == len(listed) - 2


def test_a_licence_fills_all_but_the_elements_of_copies_and_changes() -> None:
    found = metadata(type=LICENCE, identifier=IDENTIFIER, payload=payload(), status=Status.VALID, **GIVEN)
    assert list(found) == [item.key for item in ELEMENTS]
    empty = {key for key, value in found.items() if value is None}
    assert {key for key in empty if not key.startswith(("certificate_copy", "related_item", "change_"))} == {
        "certificate_validate_end"
    }
    assert found["certificate_identifier"] == IDENTIFIER.text
    assert found["certificate_number"] == payload()["uscc"]
    assert found["validity_range"] == "自2026年11月22日起长期有效"
    assert found["status"] == {"code": "valid", "name": "有效"}
    [holder] = found["certificate_holders"]
    assert holder["certificate_holder_type_name"] == "统一社会信用代码"
    assert holder["certificate_holder_name"] == "示例市晨光食品有限公司"


def test_a_copy_says_who_made_it_why_and_until_when_and_bears_no_seal() -> None:
    noon = datetime(2026, 11, 22, 4, tzinfo=UTC)
    copying = Copying(noon, "示例市大数据局", "办理食品经营许可", noon.replace(day=23), "FOOD", "食品经营许可")
    shown = {name: value for name, value in payload().items() if name in {"certificate", "name", "iat"}}
    found = metadata(type=LICENCE, identifier=IDENTIFIER, payload=shown, status=Status.VALID, copying=copying, **GIVEN)
    assert found["certificate_copy_creation_time"] == "2026-11-22T12:00:00+08:00"
    assert found["certificate_copy_cause"] == "办理食品经营许可"
    assert found["related_item_code"] == "FOOD"
    assert found["seal_signer"] is None
    [holder] = found["certificate_holders"]
    assert holder["certificate_holder_code"] is None
    assert payload()["uscc"] not in str(found)


def test_a_change_is_told_with_its_civil_time() -> None:
    change = Change(datetime(2026, 11, 22, 20, tzinfo=UTC), "撤销：材料虚假")
    found = metadata(
        type=LICENCE, identifier=IDENTIFIER, payload=payload(), status=Status.REVOKED, change=change, **GIVEN
    )
    assert (found["change_time"], found["change_reason"]) == ("2026-11-23T04:00:00+08:00", "撤销：材料虚假")
    assert found["status"]["name"] == "撤销"
    assert set(STATUS_NAMES) == set(Status)


def test_claims_that_never_leave_are_not_in_the_metadata_of_any_type() -> None:
    for kind in shipped_types().values():
        values = {name: f"值-{name}" for name in kind.claims}
        identifier = Identifier(kind.code, "11990000MB0000002Q", "1", 1)
        found = metadata(type=kind, identifier=identifier, payload=payload(**values), status=Status.VALID, **GIVEN)
        for claim in kind.claims.values():
            assert (f"值-{claim.name}" in str(found)) is (claim.disclosure.value != "never")


def test_a_binding_is_of_the_claims_and_the_salt_in_any_order() -> None:
    salt = new_salt()
    turned = dict(reversed(payload().items()))
    assert binding(salt, payload()) == binding(salt, turned)
    assert binding(salt, payload()) != binding(new_salt(), payload())
    assert binding(salt, payload()) != binding(salt, payload(name="别人"))
    with pytest.raises(ValueError, match="32 bytes"):
        binding(b"short", payload())
