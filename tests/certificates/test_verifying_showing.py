"""What a holder shows without a network, through the eight steps: by whom it is signed, of when, and until when."""

from datetime import timedelta
from typing import Any

import pytest

from certificates.lifecycle.states import Status
from certificates.offline_code import LONGEST_SHOWING, fits, read_offline_code, showing_content, write_offline_code
from certificates.verifying.known import KnownStatus, VerifierRules
from certificates.verifying.papers_reading import read_paper
from certificates.verifying.procedure import TokenKind, Verdict, verify_paper
from signing.errors import MalformedError
from tests.certificates.steps import failed, passed
from tests.certificates.test_verifying_offline_code import TRUST, knowing, undecided, verify
from tests.certificates.trusted import CLAIMS, COPY_KEY, HUB_KEY, IDENTIFIER, ISSUER, NOW, Key, licence_payload

MADE = NOW - timedelta(minutes=7)


def content(*, life: timedelta = timedelta(minutes=10), **changes: Any) -> dict[str, Any]:
    payload, _ = licence_payload()
    at = int(MADE.timestamp())
    until = at + int(life.total_seconds())
    made = showing_content(payload, shown=["name"], type_name="营业执照", at=at, until=until, purpose="租房")
    return made | changes


def code(*, key: Key = COPY_KEY, **more: Any) -> bytes:
    return str(write_offline_code(content(**more), signer=key.signer)).encode()


def at_the_hub(status: Status | None, **more: Any) -> Verdict:
    known = None if status is None else KnownStatus(status, NOW)
    return verify_paper(read_paper(code()), trust=TRUST, statuses=lambda _: known, audience=None, now=NOW, **more)


def test_it_passes_for_whoever_sees_it_and_says_of_when_its_status_is() -> None:
    verdict = verify(code())
    assert passed(verdict)
    assert (verdict.kind, verdict.status, verdict.status_at) == (TokenKind.SHOWING, "valid", MADE)
    assert verdict.claims == {"name": CLAIMS["name"]}
    assert (verdict.purpose, verdict.possession_shown) == ({"text": "租房"}, False)
    assert verdict.certificate is not None
    assert verdict.certificate["identifier"] == IDENTIFIER.text


def test_over_its_end_it_fails_and_a_status_that_is_too_old_is_undecided() -> None:
    assert failed(verify(code(), now=MADE + timedelta(minutes=10)), 5, "expired")
    assert passed(verify(code(), now=MADE + timedelta(minutes=9, seconds=59)))
    rules = VerifierRules(max_status_age=timedelta(minutes=5))
    assert undecided(verify(code(), rules=rules), 6, "status_too_old")
    assert undecided(verify(code(), as_of=NOW - timedelta(days=1)), 6, "status_unavailable")


def test_the_hub_goes_by_its_own_row_and_not_by_what_was_signed() -> None:
    assert at_the_hub(Status.VALID).status_at == NOW
    assert failed(at_the_hub(Status.SUSPENDED), 6, "certificate_suspended")
    assert at_the_hub(None).status_at == MADE


def test_only_the_hubs_copy_key_signs_one_and_only_for_its_purpose() -> None:
    assert failed(verify(code(key=ISSUER)), 3, "not_the_hubs_copy_key")
    other = verify(code(key=HUB_KEY), trust=knowing(HUB_KEY))
    assert failed(other, 3, "not_the_hubs_copy_key")
    assert undecided(verify(code(), trust=knowing(ISSUER)), 2, "key_unknown")
    assert failed(verify(code(), rules=VerifierRules(purpose="贷款")), 7, "purpose_mismatch")
    assert passed(verify(code(), rules=VerifierRules(purpose="租房")))


@pytest.mark.parametrize(
    "changes",
    [
        {"life": timedelta(seconds=LONGEST_SHOWING + 1)},
        {"life": timedelta(0)},
        {"a": "somebody"},
        {"u": None},
        {"c": {"exp": 1}},
        {"c": {"name": ["a"]}},
    ],
)
def test_what_lives_over_a_day_or_says_something_else_is_no_code(changes: dict[str, Any]) -> None:
    assert not fits(content(**changes))
    written = write_offline_code(content(**changes), signer=COPY_KEY.signer)
    with pytest.raises(MalformedError, match="offline_code"):
        read_offline_code(str(written).encode())


def test_what_has_no_room_is_not_made_smaller() -> None:
    assert fits(content())
    assert not fits(content(c={"name": "".join(chr(0x4E00 + 7 * place) for place in range(500))}))
