"""What a register's own state means: by the words of the mapping alone; a new word never passes for "it stands"."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from certificates.definitions.certificate_type import CertificateType
from certificates.lifecycle.states import Operation
from hub.collection.errors import MappingError, UnknownColumnError
from hub.collection.mapping import Mapped, Mapping
from hub.collection.mapping_file import read_mapping
from hub.collection.proposing import declared, proposed, proposed_status
from hub.collection.reading.rows import RawRow
from hub.collection.reasons import Rejection
from hub.collection.register_state import Ended

STATUS = {
    "column": "登记状态",
    "standing": ["存续", "在业", ""],
    "withdraw": ["吊销", "吊销，未注销"],
    "revoke": ["撤销"],
    "cancel": ["注销"],
    "since": "终止日期",
}
Outcome = Mapped | Rejection


@pytest.fixture
def apply(business_licence: CertificateType, enterprise: Callable[..., str], header: str) -> Callable[..., Outcome]:
    columns = header.split(",")
    mapping = _read(business_licence, columns, STATUS)

    def of(state: str, since: str = "", **cells: str) -> Outcome:
        values = dict(zip(columns, enterprise(**cells).split(","), strict=True))
        return mapping.apply(RawRow(1, 2, values | {"登记状态": state, "终止日期": since}, ""), business_licence)

    return of


def _read(kind: CertificateType, columns: list[str], status: Any) -> Mapping:
    import json

    return read_mapping(json.dumps(declared(kind, proposed(kind, columns), status)).encode())


@pytest.mark.parametrize(
    ("state", "since", "expected"),
    [
        ("存续", "", None),
        (" 在 业 ", "", None),
        ("", "", None),
        ("吊销", "", Ended(Operation.WITHDRAW, None)),
        ("吊销,未注销", "2026年5月3日", Ended(Operation.WITHDRAW, date(2026, 5, 3))),  # half-width comma
        ("撤销", "2026/5/3", Ended(Operation.REVOKE, date(2026, 5, 3))),
        ("注销", "", Ended(Operation.CANCEL, None)),
    ],
)
def test_the_words_of_the_mapping_say_what_became_of_it(
    apply: Callable[..., Outcome], state: str, since: str, expected: Ended | None
) -> None:
    found = apply(state, since)
    assert isinstance(found, Mapped)
    assert found.ended == expected


@pytest.mark.parametrize(
    ("state", "since", "code"),
    [("迁出", "", "register_state"), ("=存续", "", "register_state"), ("吊销", "03/05/2026", "date_ambiguous")],
)
def test_what_nobody_listed_is_refused(apply: Callable[..., Outcome], state: str, since: str, code: str) -> None:
    found = apply(state, since)
    assert isinstance(found, Rejection)
    assert [reason.code for reason in found.reasons] == [code]


def test_of_a_record_that_ended_only_its_key_must_be_right(apply: Callable[..., Outcome]) -> None:
    found = apply("注销", "", name="", established_on="?")
    assert isinstance(found, Mapped)
    assert found.claims["uscc"] == "91330800MA29000017"
    wrong = apply("注销", "", uscc="", established_on="?")
    assert isinstance(wrong, Rejection)
    assert [reason.claim for reason in wrong.reasons] == ["uscc"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"cancel": ["吊 销"]}, "status/cancel"),  # the same word, spaced
        ({"unheard": ["x"]}, "status"),
        ({"standing": None}, "status/standing"),
        ({"suspend": ["暂扣"]}, "status"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(
    business_licence: CertificateType, header: str, change: dict[str, Any], where: str
) -> None:
    with pytest.raises(MappingError) as error:
        _read(business_licence, header.split(","), STATUS | change)
    assert error.value.where == where


def test_its_columns_must_be_there_and_its_words_are_part_of_the_digest(
    business_licence: CertificateType, header: str
) -> None:
    columns = header.split(",")
    mapping = _read(business_licence, columns, STATUS)
    with pytest.raises(UnknownColumnError, match="终止日期"):
        mapping.bind(business_licence, (*columns, "登记状态"))
    assert mapping.digest != _read(business_licence, columns, STATUS | {"cancel": ["注销登记"]}).digest
    assert mapping.digest != _read(business_licence, columns, None).digest


def test_a_column_that_registers_commonly_name_so_is_proposed(header: str) -> None:
    assert proposed_status(header.split(",")) is None
    found = proposed_status(["企业名称", "登记状态", "注销日期"])
    assert found is not None
    assert (found["column"], found["since"], found["withdraw"]) == ("登记状态", "注销日期", ["吊销"])
