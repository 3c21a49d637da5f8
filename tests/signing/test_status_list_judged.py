"""Our status lists before a library that is not ours: npm's @sd-jwt/jwt-status-list reads every entry as written."""

import random
from datetime import UTC, datetime, timedelta

from signing.keys import SoftwareSigner
from signing.status_list import MAX_ENTRIES, empty, replaced, sign_status_list
from tests import judges
from tests.judges.absence import missing


def test_another_library_reads_our_list_of_a_million() -> None:
    if not judges.INSTALLED:
        missing("@sd-jwt (node, npm)")
    chance = random.Random(11)
    statuses = {index: chance.randrange(4) for index in chance.sample(range(MAX_ENTRIES), 10_000)}
    token = sign_status_list(
        uri="https://hub.example.gov.cn/status-lists/1",
        statuses=replaced(empty(MAX_ENTRIES), statuses),
        signer=SoftwareSigner.generate("status-1"),
        header={},
        now=datetime(2026, 3, 1, tzinfo=UTC),
        expires_in=timedelta(hours=24),
        ttl=timedelta(minutes=10),
    )
    indexes = [*statuses, 0, 1, 2, 3, MAX_ENTRIES - 1]
    with judges.Judge() as judge:
        answer = judge.ask("statuses", token=token, indexes=indexes)
    assert answer.get("error") is None
    assert answer["entries"] == MAX_ENTRIES
    assert answer["statuses"] == [statuses.get(index, 0) for index in indexes]
