"""Sources as declared: each slip is refused with its place."""

from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.sources import Limits, read_source

DECLARED: dict[str, Any] = {
    "code": "amr-register",
    "department": "11990000MB0000002Q",
    "name": {"zh": "登记库", "en": "Register"},
    "kind": "sql",
    "connection": {"dialect": "postgresql"},
    "targets": ["DB.example:5432", "[2001:db8::1]:5432"],
    "limits": {"total_seconds": 3, "retries": 0},
    "windows": ["08:00-18:00"],
}


def test_a_source_reads_as_declared() -> None:
    source = read_source(DECLARED)
    assert source.targets == (("db.example", 5432), ("2001:db8::1", 5432))
    assert (source.limits.total_seconds, source.limits.retries) == (3, 0)
    assert source.limits.max_rows == Limits().max_rows
    assert read_source({key: DECLARED[key] for key in ("code", "department", "name", "kind")}).limits == Limits()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"code": "AMR"}, "code"), ({"code": "ab"}, "code"), ({"code": "a" * 65}, "code"), ({"code": None}, "code"),
        ({"kind": "ftp"}, "kind"), ({"name": {"zh": "登记库"}}, "KeyError"),
        ({"name": {"zh": "", "en": "x"}}, "name/zh"),
        ({"targets": ["db.example"]}, "targets"), ({"targets": ["db.example:0"]}, "targets"),
        ({"targets": ["db.example:70000"]}, "targets"), ({"targets": [":5432"]}, "targets"),
        ({"limits": {"total_seconds": 0}}, "limits/total_seconds"), ({"limits": {"max_rows": True}}, "limits/max_rows"),
        ({"limits": {"max_bytes": -1}}, "limits/max_bytes"), ({"limits": {"speed": 1}}, "limits/speed"),
        ({"limits": {"concurrency": 100_000}}, "limits/concurrency"), ({"windows": "08:00-18:00"}, "windows"),
    ],
)  # fmt: skip
def test_a_slip_is_refused_with_its_place(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(DefinitionError, match=where):
        read_source(DECLARED | changes)
