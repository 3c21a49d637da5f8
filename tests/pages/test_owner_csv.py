"""The CSV of use holds what the page shows; a purpose that looks like a formula is text."""

from datetime import UTC, datetime

from hub.registry.usage import Usage, Use
from hub.web.console.owner.usage import _counts, _entries


def test_a_cell_that_looks_like_a_formula_is_text() -> None:
    use = Use("e", datetime(2026, 11, 20, 1, tzinfo=UTC), "r", "s", "m", "c", "=cmd()", "satisfied", "", ("a", "b"))
    found = Usage({("2026-11-20", "r", "@s", "m", "satisfied"): 2}, (use,), cut=False, mute=0)
    assert _counts(found).splitlines()[1] == "2026-11-20,r,'@s,m,satisfied,2"
    assert _entries(found).splitlines()[1] == "2026-11-20 09:00,r,s,m,c,'=cmd(),satisfied,,a b,e"
