"""What a record that comes in means: new, renewed, unchanged or refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from certificates.definitions.certificate_type import Holder
from certificates.definitions.loading import shipped_types
from certificates.stores.version import VersionRecord
from hub.issuing.plan import NEW, Decision, Effect, Keyed, Record, decide, keyed, lookup_hash, name_hash
from hub.storage.keystore.file import KeyFile
from hub.storage.vault import SECRET_NAMES, Vault

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(days=1)
CLAIMS: dict[str, str | int] = {"name": "示例市晨光食品有限公司", "uscc": "91990100MA0000001G", "address": "中心路1号"}
INCOMING = Keyed(
    record=Record(CLAIMS, NOW, date(2026, 3, 1)),
    holder=Holder("001", "91990100MA0000001G", "示例市晨光食品有限公司"),
    record_hash=b"record",
    lookup_hash=b"holder",
    name_hash=b"name",
    fingerprint=b"new",
)


def known(**changes: Any) -> VersionRecord:
    """The newest version of the certificate that the record is about."""
    values: dict[str, Any] = dict.fromkeys(VersionRecord.__dataclass_fields__) | {
        "version": 4,
        "status": "valid",
        "state": "issued",
        "fingerprint": b"old",
        "as_of": EARLIER,
    }
    return VersionRecord(**values | changes)


def test_a_record_not_seen_before_is_issued() -> None:
    assert decide(INCOMING, None) is NEW
    assert Decision(Effect.ISSUED) == NEW


def test_a_changed_record_is_a_new_version_of_the_same_certificate() -> None:
    version = known()
    assert decide(INCOMING, version) == Decision(Effect.UPDATED, version)


def test_the_same_content_is_unchanged_however_old_and_whatever_its_status() -> None:
    for as_of in (EARLIER, NOW, NOW + timedelta(days=1)):
        for status in ("valid", "suspended", "superseded", "revoked"):
            version = known(fingerprint=b"new", as_of=as_of, status=status)
            assert decide(INCOMING, version) == Decision(Effect.UNCHANGED, version)


def test_an_older_extract_changes_nothing_and_says_so() -> None:
    version = known(as_of=NOW + timedelta(seconds=1))
    assert decide(INCOMING, version) == Decision(Effect.UNCHANGED, version, reason="older_extract")


def test_an_extract_of_the_same_instant_counts_as_newer() -> None:
    assert decide(INCOMING, known(as_of=NOW)).effect is Effect.UPDATED


@pytest.mark.parametrize("status", ["revoked", "suspended"])
def test_a_register_row_does_not_revive_a_licence_that_somebody_ended(status: str) -> None:
    version = known(status=status)
    assert decide(INCOMING, version) == Decision(Effect.REFUSED, version, reason=f"certificate_{status}")


def test_an_older_extract_says_nothing_of_a_revoked_licence() -> None:
    assert decide(INCOMING, known(status="revoked", as_of=NOW + timedelta(1))).reason == "older_extract"


def test_after_version_999_a_new_serial_is_due() -> None:
    assert decide(INCOMING, known(version=998)).new_serial is False
    version = known(version=999)
    assert decide(INCOMING, version) == Decision(Effect.UPDATED, version, new_serial=True)


# -- the keyed hashes


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    keys = KeyFile(tmp_path_factory.mktemp("keys") / "keys", master_key=bytes(32))
    for name in SECRET_NAMES:
        keys.create_secret(name)
    return Vault(keys)


def test_a_record_is_found_again_by_type_issuer_and_key_alone(vault: Vault) -> None:
    item = shipped_types()["business_licence"]
    record = Record(CLAIMS, NOW, date(2026, 3, 1))
    one = keyed(record, item, "11990000MB0000002Q", vault)
    moved = keyed(replace(record, claims=CLAIMS | {"address": "新路2号"}), item, "11990000MB0000002Q", vault)
    assert moved.record_hash == one.record_hash
    assert moved.fingerprint != one.fingerprint
    assert keyed(replace(record, as_of=EARLIER), item, "11990000MB0000002Q", vault).fingerprint == one.fingerprint
    assert keyed(record, item, "11990000MB0000003U", vault).record_hash != one.record_hash
    assert one.holder == Holder("001", "91990100MA0000001G", "示例市晨光食品有限公司")
    assert one.lookup_hash == lookup_hash(vault, "001", "91990100MA0000001G")


def test_spellings_of_one_name_have_one_hash_and_two_names_two(vault: Vault) -> None:
    assert name_hash(vault, "示例（集团）公司") == name_hash(vault, "示例 (集团) 公司")
    assert name_hash(vault, "张三") != name_hash(vault, "张三丰")


def test_a_number_under_two_types_is_two_holders(vault: Vault) -> None:
    assert lookup_hash(vault, "414", "E12345678") != lookup_hash(vault, "411", "E12345678")
