import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.collection.errors import DuplicateColumnError, UnreadableRegisterError
from hub.collection.reading.csv import CsvReader
from hub.collection.reading.lines import LongLine, read_lines
from hub.collection.reading.reader import open_register
from hub.collection.reading.rows import BadRow, RawRow


def _read(path: Path, **options: int) -> list[RawRow | BadRow]:
    with open_register(path, **options) as reader:  # type: ignore[arg-type]
        return list(reader)


def _outline(rows: list[RawRow | BadRow]) -> list[object]:
    return [list(row.cells.values()) if isinstance(row, RawRow) else row.reason for row in rows]


def test_rows_carry_number_line_cells_and_verbatim_text(register: Callable[..., Path]) -> None:
    path = register("甲,1", "", '"乙, 丙",2', header="name,code")
    with open_register(path) as reader:
        rows = list(reader)
        assert reader.columns == ("name", "code")
        assert reader.position == reader.size_bytes == path.stat().st_size
    assert rows == [
        RawRow(1, 2, {"name": "甲", "code": "1"}, "甲,1"),
        RawRow(2, 4, {"name": "乙, 丙", "code": "2"}, '"乙, 丙",2'),
    ]


def test_line_ends_of_all_kinds_in_one_file_end_lines(register: Callable[..., Path]) -> None:
    rows = _read(register(data=b"a,b\r\n1,2\n3,4\r5,6\r\n\r\n7,8"))
    assert _outline(rows) == [["1", "2"], ["3", "4"], ["5", "6"], ["7", "8"]]
    assert [row.line for row in rows] == [2, 3, 4, 6]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_split_between_blocks_are_one(register: Callable[..., Path], end: bytes) -> None:
    rows = [b"%07d,%s" % (number, b"x" * (number % 7)) for number in range(120_000)]
    read = _read(register(data=end.join([b"a,b", *rows])))
    assert len(read) == len(rows)
    assert [row.raw.encode() for row in read] == rows
    assert read[-1].line == len(rows) + 1


def test_file_with_header_only_has_no_rows(register: Callable[..., Path]) -> None:
    assert _read(register(header="a,b")) == []


@pytest.mark.parametrize("data", [b"\n", b"\r\n\n", b"\xef\xbb\xbf"])
def test_file_without_header_is_empty(register: Callable[..., Path], data: bytes) -> None:
    with pytest.raises(UnreadableRegisterError) as caught:
        open_register(register(data=data))
    assert caught.value.reason == "empty"


def test_file_of_no_bytes_is_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UnreadableRegisterError) as caught:
        open_register(tmp_path / "empty.csv")
    assert caught.value.reason == "empty"


def test_missing_file_and_folder_are_told_apart(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.csv", "not_found"), (tmp_path, "not_readable")):
        with pytest.raises(UnreadableRegisterError) as caught:
            open_register(path)
        assert caught.value.reason == reason


def test_medium_that_fails_while_reading_is_told(tmp_path: Path) -> None:
    unreadable = Path("/proc/self/mem")  # its first page is mapped nowhere
    if not unreadable.exists():
        pytest.skip("needs procfs")
    with pytest.raises(UnreadableRegisterError) as caught:
        open_register(unreadable)
    assert caught.value.reason == "read_failed"


def test_two_columns_of_one_name_refuse_the_file(register: Callable[..., Path]) -> None:
    with pytest.raises(DuplicateColumnError) as caught:
        open_register(register(header="a,b, a ,c,b"))
    assert caught.value.columns == ("a", "b")


def test_nameless_columns_of_a_spreadsheet_are_harmless(register: Callable[..., Path]) -> None:
    [row] = _read(register("1,2,,", header="a,b,,"))
    assert isinstance(row, RawRow)
    assert (row.cells["a"], row.cells["b"]) == ("1", "2")


def test_too_many_columns_refuse_the_file(register: Callable[..., Path]) -> None:
    with pytest.raises(UnreadableRegisterError) as caught:
        open_register(register(header=",".join(f"c{number}" for number in range(300))))
    assert caught.value.reason == "too_many_columns"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b'a,"b', "header_unterminated_quote"),
        (b'a,"b"c', "header_malformed_quote"),
        (b"a\x07,b", "header_control_character"),
    ],
)
def test_faulty_header_refuses_the_file(register: Callable[..., Path], header: bytes, reason: str) -> None:
    with pytest.raises(UnreadableRegisterError) as caught:
        open_register(register(data=header + b"\n1,2\n"))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"1", "cell_count"),
        (b"1,2,3", "cell_count"),
        (b"1,\x002", "nul_byte"),
        (b"1,\x1b[31m", "control_character"),
        (b"1,\x7f", "control_character"),
        (b"1,\xff\xfe", "undecodable"),
        (b'1,"2"x', "malformed_quote"),
        (b'1,"2', "unterminated_quote"),
        (b'1,"\xff"', "undecodable"),
        (b'1,"\x00"', "nul_byte"),
        (b'"1,2"', "cell_count"),
    ],
)
def test_one_bad_row_is_rejected_and_its_neighbours_are_read(
    register: Callable[..., Path], bad: bytes, reason: str
) -> None:
    rows = _read(register(data="甲,乙\n一,二\n".encode() + bad + "\n三,四\n五,六\n".encode()))
    assert _outline(rows) == [["一", "二"], reason, ["三", "四"], ["五", "六"]]
    row = rows[1]
    assert isinstance(row, BadRow)
    assert (row.number, row.line) == (2, 3)
    assert row.raw == bad.decode(errors="backslashreplace")
    assert (row.length_bytes, row.sha256) == (len(bad), hashlib.sha256(bad).hexdigest())


def test_tab_and_quote_inside_an_unquoted_cell_are_data(register: Callable[..., Path]) -> None:
    assert _outline(_read(register('5" 管\t件,1', header="a,b"))) == [['5" 管\t件', "1"]]


def test_quoted_cell_may_span_lines_and_keeps_its_line_ends(register: Callable[..., Path]) -> None:
    rows = _read(register(data=b'a,b\r\n1,"x\r\ny\n""z"""\r\n2,3\r\n'))
    assert _outline(rows) == [["1", 'x\r\ny\n"z"'], ["2", "3"]]
    assert rows[0].raw == '1,"x\r\ny\n""z"""'
    assert rows[1].line == 5


def test_cell_longer_than_the_csv_modules_own_limit_is_read(register: Callable[..., Path]) -> None:
    [row] = _read(register('1,"' + "x" * 300_000 + '"', header="a,b"))
    assert isinstance(row, RawRow)
    assert len(row.cells["b"]) == 300_000


@pytest.mark.parametrize("following", ["2,3", '"2","3"', '2,"3"', '"2",3'])
def test_unterminated_quote_costs_its_own_line_only(register: Callable[..., Path], following: str) -> None:
    rows = _read(register('1,"x', *[following] * 50_000, header="a,b"))
    assert _outline(rows) == ["unterminated_quote", *[["2", "3"]] * 50_000]
    assert rows[-1].line == 50_002


def test_quoted_cell_over_the_limit_counts_as_unterminated(register: Callable[..., Path]) -> None:
    rows = _read(register('1,"x', "y" * 90, "y" * 90, '",', "2,3", header="a,b"), max_line_bytes=100)
    assert _outline(rows)[0] == "unterminated_quote"
    assert _outline(rows)[-1] == ["2", "3"]


@pytest.mark.parametrize("inside", [b"\x00", b"\x1b", b"\xff", b'","'])
def test_row_hidden_in_a_faulty_quoted_cell_is_not_collected(register: Callable[..., Path], inside: bytes) -> None:
    # A company writes a line break, a forged row and something indigestible into its business scope.
    rows = _read(register(data=b'a,b\n1,"scope\nforged,row\n' + inside + b'"\n2,3\n'))
    assert len(rows) == 2
    assert isinstance(rows[0], BadRow)
    assert "forged,row" in rows[0].raw
    assert _outline(rows)[1] == ["2", "3"]


def test_long_line_is_rejected_measured_and_left_behind(register: Callable[..., Path]) -> None:
    line = b"1," + b"x" * 700_000
    rows = _read(register(data=b"a,b\n" + line + b"\r\n2,3\r\n" + line), max_line_bytes=100_000)
    assert _outline(rows) == ["line_too_long", ["2", "3"], "line_too_long"]
    for row in (rows[0], rows[2]):
        assert isinstance(row, BadRow)
        assert row.raw == line[: 64 * 1024].decode()
        assert (row.length_bytes, row.sha256) == (len(line), hashlib.sha256(line).hexdigest())
    assert rows[1].line == 3


def test_line_at_the_limit_is_read(register: Callable[..., Path]) -> None:
    rows = _read(register(data=b"a,b\n1,2345678\n1,23456789\n"), max_line_bytes=10)
    assert _outline(rows) == [["1", "2345678"], "line_too_long"]


def test_bad_row_of_many_bytes_is_shown_up_to_64_kib(register: Callable[..., Path]) -> None:
    line = "1," + "字" * 100_000 + ",3"
    [row] = _read(register(line, header="a,b"))
    assert isinstance(row, BadRow)
    assert row.length_bytes == len(line.encode())
    assert row.raw.startswith("1,字字")
    assert len(row.raw.encode()) < 65 * 1024


def test_reading_again_gives_the_same_rows_under_the_same_numbers(register: Callable[..., Path]) -> None:
    path = register('1,"x', "2,3", '4,"y', 'z"', "5", header="a,b")
    assert _read(path) == _read(path)
    assert [row.number for row in _read(path)] == [1, 2, 3, 4]


def test_reader_closes_its_file(register: Callable[..., Path]) -> None:
    with open_register(register("1,2", header="a,b")) as reader:
        assert isinstance(reader, CsvReader)
    assert reader._stream.closed


@given(
    st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"bcdefgh"]), max_size=40).map(b"".join),
    st.integers(1, 9),
    st.integers(2, 12),
)
def test_lines_are_the_same_however_the_bytes_arrive(data: bytes, block_bytes: int, max_line_bytes: int) -> None:
    blocks = [data[start : start + block_bytes] for start in range(0, len(data), block_bytes)]
    expected = [
        line
        if len(line) <= max_line_bytes
        else LongLine(line.rstrip(b"\r\n"), len(line.rstrip(b"\r\n")), hashlib.sha256(line.rstrip(b"\r\n")).hexdigest())
        for line in data.splitlines(keepends=True)
    ]
    assert list(read_lines(blocks, max_line_bytes=max_line_bytes)) == expected


_PIECES = st.sampled_from(
    [
        b'"',
        b'""',
        b",",
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        b"\x1f",
        b"\xff",
        b"\x81",
        b"a",
        "字".encode(),
        "字".encode("gb18030"),
        b"=",
        b"\\",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES | st.binary(max_size=6), max_size=60), st.sampled_from([None, "utf-8", "gb18030"]))
def test_no_bytes_whatever_make_a_row_raise(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], encoding: str | None
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "register.csv"
    path.write_bytes(b"a,b\n" + b"".join(pieces))
    try:
        reader = open_register(path, encoding=encoding, max_line_bytes=40)
    except UnreadableRegisterError:
        assert encoding is None  # neither encoding reads it; a declared one is believed
        return
    with reader:
        rows = list(reader)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.raw.encode() is not None for row in rows)
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
