"""The life cycle: six steps are allowed, ten are not."""

from itertools import product

import pytest

from certificates.errors import TransitionError
from certificates.lifecycle import STATUS_BITS, TRANSITIONS, Operation, Status, transition

ALLOWED = {
    ("valid", "suspend"): "suspended",
    ("valid", "revoke"): "revoked",
    ("valid", "supersede"): "superseded",
    ("suspended", "resume"): "valid",
    ("suspended", "revoke"): "revoked",
    ("suspended", "supersede"): "superseded",
}
PAIRS = list(product(Status, Operation))


@pytest.mark.parametrize(("status", "operation"), PAIRS)
def test_a_step_is_in_the_table_or_refused(status: Status, operation: Operation) -> None:
    expected = ALLOWED.get((status.value, operation.value))
    if expected is not None:
        assert transition(status, operation) is Status(expected)
        return
    with pytest.raises(TransitionError) as caught:
        transition(status, operation)
    assert (caught.value.status, caught.value.operation) == (status, operation)
    assert str(caught.value) == f"a {status.value} certificate cannot be changed by {operation.value}"


def test_the_table_has_no_step_beside_the_six() -> None:
    assert len(PAIRS) == 16
    assert {(status.value, operation.value): after.value for (status, operation), after in TRANSITIONS.items()} == (
        ALLOWED
    )


@pytest.mark.parametrize("status", [Status.REVOKED, Status.SUPERSEDED])
def test_what_is_revoked_or_superseded_stays_so(status: Status) -> None:
    assert not [operation for operation in Operation if (status, operation) in TRANSITIONS]


def test_each_status_has_its_own_two_bits() -> None:
    assert {status.value: bits for status, bits in STATUS_BITS.items()} == {
        "valid": 0,
        "revoked": 1,
        "suspended": 2,
        "superseded": 3,
    }
