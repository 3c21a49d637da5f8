"""Metadata of a licence with every element of GB/T 36903-2018, under the names that public systems carry them by.

An element that a licence has no value for is there with null, so that a reader sees that it was not forgotten.

Source: GB/T 36903-2018 as carried by the national catalogue; column names of a provincial library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from catalog.identifiers import ID_TYPES
from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.lifecycle.states import Status
from certificates.numbering import Identifier
from certificates.profile import CIVIL_ZONE


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its Chinese name, its key in our JSON, and the pinyin column where one is in use."""

    zh: str
    key: str
    pinyin: str | None = None


ELEMENTS: Final = (
    Element("证照标识", "certificate_identifier", "zzbs"),
    Element("证照名称", "certificate_name", "zzmc"),
    Element("证照编号", "certificate_number", "zzbh"),
    Element("证照类型名称", "certificate_type_name"),
    Element("证照类型代码", "certificate_type_name_code", "zzlxdm"),
    Element("证照定义机构", "certificate_define_authority_name"),
    Element("证照定义机构代码", "certificate_define_authority_code"),
    Element("证照颁发机构", "certificate_issuing_authority_name", "zzbfjg"),
    Element("证照颁发机构代码", "certificate_issuing_authority_code", "zzbfjgdm"),
    Element("证照颁发日期", "certificate_issuing_authority_date", "zzbfrq"),
    Element("证照版本号", "certificate_version"),
    Element("有效期起始日期", "certificate_validate_start", "zzyxqqsrq"),
    Element("有效期截止日期", "certificate_validate_end", "zzyxqjzrq"),
    Element("有效期范围", "validity_range"),
    Element("所属管辖属地编码", "certificate_area_code"),
    Element("持证主体", "certificate_holders"),
    Element("关联事项名称", "related_item_name"),
    Element("关联事项代码", "related_item_code"),
    Element("加注件制作时间", "certificate_copy_creation_time", "jzjzzsj"),
    Element("加注件制作者", "certificate_copy_creator", "jzjzzz"),
    Element("加注件制作事由", "certificate_copy_cause", "jzjzzsy"),
    Element("加注件有效期截止时间", "certificate_copy_expiring_time", "jzjyxqjzsj"),
    Element("签章人", "seal_signer", "zzqzr"),
    Element("签章时间", "seal_time", "zzqzsj"),
    Element("签章名称", "seal_name", "zzqzmc"),
    Element("变更时间", "change_time", "zzbgsj"),
    Element("变更原因", "change_reason", "zzbgyy"),
    Element("数字证书", "digital_certificate", "szzs"),
    Element("扩展业务信息", "extend_info"),
    Element("文件URL", "file_url", "zzwjlj"),
    Element("证照状态", "status", "zzzt"),
)
"""In the order of the JSON."""

HOLDER_ELEMENTS: Final = (
    Element("持证主体", "certificate_holder_name", "czzt"),
    Element("持证主体代码", "certificate_holder_code", "czztdm"),
    Element("持证主体代码类型", "certificate_holder_type_name", "czztdmlx"),
    Element("持证主体代码类型代码", "certificate_holder_type", "czztdmlxdm"),
)
"""Of each holder: a licence may have several."""

STATUS_NAMES: Final[Mapping[Status, str]] = {
    Status.VALID: "有效",
    Status.SUSPENDED: "暂扣",
    Status.SUPERSEDED: "已更新",
    Status.REVOKED: "撤销",
    Status.WITHDRAWN: "吊销",
    Status.CANCELLED: "注销",
    Status.EXPIRED: "失效",
    Status.TRANSFERRING: "办理转出",
    Status.TRANSFERRED: "已转出",
    Status.OTHER: "其他",
}


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of a version's state."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Copying:
    """Of a purpose copy 加注件. Another department's is never passed on: a copy has its own alone."""

    made_at: datetime
    maker: str
    cause: str
    expires_at: datetime
    matter_code: str
    matter_name: str


def metadata(
    *,
    type: CertificateType,  # noqa: A002  # the field's word
    identifier: Identifier,
    payload: Mapping[str, Any],
    status: Status,
    area_code: str,
    digital_certificate: str | None,
    file_url: str | None,
    change: Change | None = None,
    copying: Copying | None = None,
) -> dict[str, Any]:
    """Every element, in order. `payload` is what was signed, with its disclosures opened: claims that it does not show
    are not in the metadata either, and a holder's number only where it does.

    Args:
        area_code: GB/T 2260 of the issuer's area, empty if nobody said.
        digital_certificate: of the signer, base64 of its DER.
    Raises: KeyError: the payload is not a licence's or copy's of this type.
    """
    described = payload["certificate"]
    shown = {
        name: payload[name]
        for name, claim in type.claims.items()
        if claim.disclosure is not Disclosure.NEVER and name in payload
    }
    values = {
        "certificate_identifier": identifier.text,
        "certificate_name": type.name.zh,
        "certificate_number": _text(shown.get(type.record_key)),
        "certificate_type_name": type.name.zh,
        "certificate_type_name_code": type.code,
        "certificate_define_authority_name": type.defining_authority.name,
        "certificate_define_authority_code": type.defining_authority.uscc,
        "certificate_issuing_authority_name": described["issuer"]["name"],
        "certificate_issuing_authority_code": described["issuer"]["uscc"],
        "certificate_issuing_authority_date": described["issued_on"],
        "certificate_version": f"{identifier.version:03d}",
        "certificate_validate_start": described["valid_from"],
        "certificate_validate_end": described["valid_until"],
        "validity_range": _range(described["valid_from"], described["valid_until"]),
        "certificate_area_code": area_code or None,
        "certificate_holders": _holders(type, shown),
        "related_item_name": copying and copying.matter_name,
        "related_item_code": copying and copying.matter_code,
        "certificate_copy_creation_time": copying and _civil(copying.made_at),
        "certificate_copy_creator": copying and copying.maker,
        "certificate_copy_cause": copying and copying.cause,
        "certificate_copy_expiring_time": copying and _civil(copying.expires_at),
        "seal_signer": None if copying else described["issuer"]["name"],
        "seal_time": None if copying else _civil(datetime.fromtimestamp(int(payload["iat"]), UTC)),
        "seal_name": None if copying else (type.seal.text or described["issuer"]["name"]),
        "change_time": change and _civil(change.at),
        "change_reason": change and change.reason,
        "digital_certificate": digital_certificate,
        "extend_info": {name: {"title": type.claims[name].title.zh, "value": value} for name, value in shown.items()},
        "file_url": file_url,
        "status": {"code": status.value, "name": STATUS_NAMES[status]},
    }
    return {element.key: values[element.key] for element in ELEMENTS}


def _holders(certificate_type: CertificateType, shown: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """The holders that the claims name. Whoever is not named in what is shown is not in the list."""
    found = []
    for rule in (certificate_type.holder, *certificate_type.further_holders):
        if rule.name not in shown and rule.id not in shown:
            continue
        id_type = rule.id_type if rule.id_type_claim is None else _text(shown.get(rule.id_type_claim))
        known = ID_TYPES.get(id_type or "")
        values = (_text(shown.get(rule.name)), _text(shown.get(rule.id)), None if known is None else known.zh, id_type)
        named = dict(zip((element.key for element in HOLDER_ELEMENTS), values, strict=True))
        found.append({**named, "role": rule.role})
    return found


def _range(first: str, last: str | None) -> str:
    def written(day: str) -> str:
        found = date.fromisoformat(day)
        return f"{found.year}年{found.month:02d}月{found.day:02d}日"

    return f"自{written(first)}起长期有效" if last is None else f"自{written(first)}至{written(last)}"


def _civil(instant: datetime) -> str:
    """The standard's columns hold civil time: to the second, with its offset."""
    return instant.astimezone(CIVIL_ZONE).isoformat(timespec="seconds")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
