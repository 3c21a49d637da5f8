"""What a matter gives, and what of it its form says."""

import pytest

from catalog.errors import DefinitionError
from catalog.matters.results import read_results

ROLES, FIELDS = ("founder", "company"), ("name", "where")


def test_a_result_names_its_holder_and_the_fields_that_fill_it() -> None:
    (plain,) = read_results([{"type": "T"}], ROLES)
    assert (plain.party, dict(plain.fill)) == ("founder", {})
    (filled,) = read_results([{"type": "T", "party": "company", "fill": {"address": "where"}}], ROLES, FIELDS)
    assert (filled.party, dict(filled.fill)) == ("company", {"address": "where"})


@pytest.mark.parametrize(
    ("fill", "said"),
    [({"address": "elsewhere"}, "no field elsewhere"), ({"address": 1}, "names a field"), (["where"], "names a field")],
)
def test_what_the_form_does_not_have_fills_nothing(fill: object, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        read_results([{"type": "T", "fill": fill}], ROLES, FIELDS)
