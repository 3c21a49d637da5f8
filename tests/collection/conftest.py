"""Registers of invented enterprises, written byte by byte."""

from collections.abc import Callable
from pathlib import Path

import pytest

from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.loading import shipped_types
from hub.collection.mapping import Mapping, RowMapper

HEADER = "企业名称,统一社会信用代码,注册日期,企业类型,法人代表,注册资金,经营范围,所在省份,地区,注册地址"


@pytest.fixture
def header() -> str:
    return HEADER


@pytest.fixture
def register(tmp_path: Path) -> Callable[..., Path]:
    """Write a register: a header and data rows, or exactly these bytes."""

    def write(*rows: str, header: str = HEADER, end: str = "\n", encoding: str = "utf-8", data: bytes = b"") -> Path:
        path = tmp_path / "register.csv"
        path.write_bytes(data or "".join(row + end for row in (header, *rows)).encode(encoding))
        return path

    return write


@pytest.fixture
def enterprise() -> Callable[..., str]:
    """Give one row of the business register."""

    def row(**cells: str) -> str:
        values = {
            "name": "示例县甲乙商贸有限公司",
            "uscc": "91330800MA29000017",
            "established_on": "2020-01-02",
            "enterprise_type": "N/A",
            "legal_representative": "甲某",
            "registered_capital": "100(万元人民币)",
            "business_scope": "日用百货销售",
            "province": "示例省",
            "region": "示例市",
            "address": "示例省示例市示例路1号",
        }
        return ",".join((values | cells).values())

    return row


@pytest.fixture
def business_licence() -> CertificateType:
    return shipped_types()["business_licence"]


@pytest.fixture
def mapper(business_licence: CertificateType) -> RowMapper:
    return Mapping.of_type(business_licence).bind(business_licence, tuple(HEADER.split(",")))
