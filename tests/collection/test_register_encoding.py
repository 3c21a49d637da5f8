import random
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.collection.errors import UnreadableRegisterError
from hub.collection.reading.reader import open_register
from hub.collection.reading.rows import BadRow, RawRow


@pytest.mark.parametrize(
    ("encoding", "chosen"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gb18030", "gb18030"), ("gbk", "gb18030"), ("gb2312", "gb18030")],
)
def test_encoding_is_recognised_and_its_mark_skipped(register: Callable[..., Path], encoding: str, chosen: str) -> None:
    with open_register(register("示例公司,示例路", header="企业名称,注册地址", encoding=encoding)) as reader:
        assert reader.encoding == chosen
        assert reader.columns == ("企业名称", "注册地址")
        [row] = reader
    assert isinstance(row, RawRow)
    assert row.cells == {"企业名称": "示例公司", "注册地址": "示例路"}


def test_mark_of_gb18030_is_skipped(register: Callable[..., Path]) -> None:
    with open_register(register(data=b"\x84\x31\x95\x33" + "名称\n示例\n".encode("gb18030"))) as reader:
        assert (reader.encoding, reader.columns) == ("gb18030", ("名称",))


def test_character_beyond_the_basic_plane_survives_both_encodings(register: Callable[..., Path]) -> None:
    for encoding in ("utf-8", "gb18030"):
        with open_register(register("𠮷某,1", header="姓名,号", encoding=encoding)) as reader:
            assert [row.raw for row in reader] == ["𠮷某,1"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_broken_bytes_early_or_late_cost_their_row_only(register: Callable[..., Path], encoding: str) -> None:
    good = "示例公司,示例路".encode(encoding)
    bad = good[:-1] + b"\xff"
    lines = ["名称,地址".encode(encoding), good, bad, *[good] * 100_000, bad, good]
    with open_register(register(data=b"\n".join(lines))) as reader:
        assert reader.encoding == encoding
        rows = list(reader)
    assert [row.number for row in rows if isinstance(row, BadRow)] == [2, 100_003]
    assert sum(isinstance(row, RawRow) for row in rows) == 100_002


def test_one_broken_byte_in_an_ascii_register_costs_its_row_only(register: Callable[..., Path]) -> None:
    with open_register(register(data=b"a,b\n1,\xff\n3,4\n")) as reader:
        assert [type(row) for row in reader] == [BadRow, RawRow]


def test_gb_file_behind_a_long_ascii_start_loses_only_what_is_not_ascii(register: Callable[..., Path]) -> None:
    # The decision falls on the first mebibyte; `encoding` is for such files.
    data = b"a,b\n" + b"1,2\n" * 300_000 + "示例,公司\n".encode("gb18030")
    with open_register(register(data=data)) as reader:
        *_, last = reader
        assert isinstance(last, BadRow)
        assert last.reason == "undecodable"
    with open_register(register(data=data), encoding="gbk") as reader:
        *_, last = reader
        assert last.raw == "示例,公司"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("名称,地址\n甲,乙\n".encode("utf-16"), "utf16"),
        ("名称,地址\n甲,乙\n".encode("utf-16-be"), "binary"),
        ("名称,地址\n甲,乙\n".encode("utf-16-le"), "binary"),
        ("名称,地址\n甲,乙\n".encode("utf-32"), "utf16"),
        (b"PK\x03\x04\x14\x00\x06\x00", "incomplete"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + random.Random(1).randbytes(50_000), "encoding"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "binary"),
        (b"n\xe9,b\xe9\n\xe9,\xe9\n\xe9,\xe9\n", "encoding"),
    ],
)
def test_other_kinds_of_file_are_refused_with_advice(register: Callable[..., Path], data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableRegisterError) as caught:
        open_register(register(data=data))
    assert caught.value.reason == reason
    assert "CSV" in caught.value.advice


def test_declared_encoding_other_than_the_two_is_refused(register: Callable[..., Path]) -> None:
    for name in ("big5", "no-such-encoding"):
        with pytest.raises(UnreadableRegisterError) as caught:
            open_register(register(header="a,b"), encoding=name)
        assert caught.value.reason == "encoding"


def test_wrongly_declared_encoding_refuses_the_header(register: Callable[..., Path]) -> None:
    with pytest.raises(UnreadableRegisterError) as caught:
        open_register(register(header="名称,地址", encoding="gb18030"), encoding="utf-8")
    assert caught.value.reason == "header_undecodable"
