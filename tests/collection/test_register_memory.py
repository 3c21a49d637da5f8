"""Memory stays flat whatever a register holds; measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_MEASURE = """
import json, resource, sys
from pathlib import Path
from hub.collection.reading.reader import open_register
from hub.collection.reading.rows import BadRow
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
good = 0
reasons = []
with open_register(Path(sys.argv[1])) as reader:
    for row in reader:
        if isinstance(row, BadRow):
            reasons.append((row.reason, row.length_bytes, len(row.raw)))
        else:
            good += 1
used_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start
print(json.dumps([good, reasons, used_kib]))
"""
_MEBIBYTE = 1024 * 1024


def _measure(path: Path) -> tuple[int, list[list[object]], int]:
    run = subprocess.run([sys.executable, "-c", _MEASURE, str(path)], capture_output=True, check=True, text=True)
    good, reasons, used_kib = json.loads(run.stdout)
    return good, reasons, used_kib


@pytest.mark.parametrize("opening", [b"1,", b'1,"'])
def test_line_of_200_mb_is_rejected_in_a_few_mebibytes(tmp_path: Path, opening: bytes) -> None:
    path = tmp_path / "register.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n" + opening)
        for _ in range(200):
            file.write(b"x" * _MEBIBYTE)
        file.write(b"\n3,4\n")
    good, reasons, used_kib = _measure(path)
    assert good == 2
    assert reasons == [["line_too_long", len(opening) + 200 * _MEBIBYTE, 64 * 1024]]
    assert used_kib < 16 * 1024


def test_unclosed_quote_before_many_short_lines_is_held_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    path.write_bytes(b'a,b\n1,"x\n' + b"2,3\n" * 1_000_000)
    good, reasons, used_kib = _measure(path)
    assert good == 1_000_000
    assert reasons == [["unterminated_quote", 4, 4]]
    assert used_kib < 48 * 1024
